//! Files that are read block by block, against the same activity in memory.

mod made_up;

use std::path::Path;

use made_up::{assert_close, noise};
use mas_core::ActivityFile;
use mas_metrics::{Error, Limits, Measure, Options, Outcome, Samples, compare, compare_files};

/// A `.npy` file of 64-bit numbers.
fn written(folder: &Path, name: &str, samples: &Samples) -> ActivityFile {
    let shape = format!("({}, {})", samples.rows(), samples.width());
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    for row in samples.as_mat().row_iter() {
        bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    }
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    ActivityFile::open(path).unwrap()
}

/// Two views of the same latent variables, far from the origin, over more than two blocks.
fn views(rows: usize) -> (Samples, Samples) {
    let latent = noise(rows, 3, 1);
    let view = |width: usize, seed: u64| {
        let mixed = latent.as_mat() * noise(3, width, seed).as_mat() + noise(rows, width, seed + 9).as_mat();
        Samples::new(faer::Mat::from_fn(rows, width, |row, unit| 50.0 * mixed[(row, unit)] + 700.0)).unwrap()
    };
    (view(5, 20), view(8, 40))
}

fn is_streamed(measure: &Measure) -> bool {
    let name = measure.to_string();
    ["cka_linear", "cca", "procrustes", "predictivity"].iter().any(|part| name.contains(part))
        && !name.starts_with("reference")
}

const PLAIN: Options = Options { permutations: 0, bootstraps: 0, seed: 5 };

fn unwrapped(outcomes: Vec<mas_metrics::Result<Outcome>>) -> Vec<Outcome> {
    outcomes.into_iter().map(Result::unwrap).collect()
}

#[test]
fn sums_over_blocks_give_the_values_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = views(9000);
    let files = (written(folder.path(), "a.npy", &a), written(folder.path(), "b.npy", &b));
    let measures: Vec<Measure> = Measure::all().into_iter().filter(is_streamed).collect();
    assert_eq!(measures.len(), 10);
    let limits = Limits { numbers: 1000, rows: 500 };
    let streamed = unwrapped(compare_files(&files.0, &files.1, &measures, &PLAIN, &limits).unwrap());
    for (streamed, held) in streamed.iter().zip(compare(&a, &b, &measures, &PLAIN).unwrap()) {
        assert_eq!(streamed.measure, held.measure);
        assert_close(held.measure, streamed.value, held.value, 1e-9);
        assert!(streamed.warnings.is_empty(), "{streamed:?}");
    }
    // The other way round, what has a direction is the other direction's.
    let forth = Measure::PredictivityAToB;
    let back = unwrapped(compare_files(&files.1, &files.0, &[forth], &PLAIN, &limits).unwrap());
    let held = compare(&b, &a, &[forth], &PLAIN).unwrap();
    assert_close(forth, back[0].value, held[0].value, 1e-9);
}

#[test]
fn nulls_and_intervals_of_large_files_are_of_drawn_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = views(3000);
    let files = (written(folder.path(), "a.npy", &a), written(folder.path(), "b.npy", &b));
    let measures = ["cka_linear", "rsa_euclidean_spearman"].map(|name| name.parse::<Measure>().unwrap());
    let options = Options { permutations: 9, bootstraps: 20, seed: 5 };
    let limits = Limits { numbers: 1000, rows: 300 };
    let found = unwrapped(compare_files(&files.0, &files.1, &measures, &options, &limits).unwrap());
    assert!(found[0].warnings.iter().any(|warning| warning.contains("300 rows drawn from 3000")), "{:?}", found[0]);
    assert!(found[1].warnings[0].contains("300 rows drawn from 3000"), "{:?}", found[1]);
    assert!(found.iter().all(|outcome| outcome.p == Some(0.1) && outcome.excess().unwrap() > 0.1), "{found:?}");
    assert!(found.iter().all(|outcome| outcome.low.unwrap() < outcome.value && outcome.value < outcome.high.unwrap()));
    // Within the limits nothing is drawn, and nothing said.
    let all = unwrapped(compare_files(&files.0, &files.1, &measures, &PLAIN, &Limits::default()).unwrap());
    assert!(all.iter().all(|outcome| outcome.warnings.is_empty()));
    assert_eq!(all[1].value, compare(&a, &b, &measures, &PLAIN).unwrap()[1].value);
}

#[test]
fn an_outlier_is_named_in_large_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let with_outlier = |seed: u64| {
        let mut matrix = noise(400, 4, seed).as_mat().to_owned();
        matrix.row_mut(123).iter_mut().for_each(|value| *value = 900.0);
        Samples::new(matrix).unwrap()
    };
    let files = [("a.npy", 1), ("b.npy", 2)].map(|(name, seed)| written(folder.path(), name, &with_outlier(seed)));
    let limits = Limits { numbers: 10, rows: 100 };
    let found =
        compare_files(&files[0], &files[1], &[Measure::CkaLinear, Measure::Procrustes], &PLAIN, &limits).unwrap();
    for outcome in unwrapped(found) {
        assert!(outcome.warnings.iter().any(|warning| warning.contains("row 123 of 400")), "{outcome:?}");
    }
}

#[test]
fn what_never_changes_is_undefined_in_large_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let constant = Samples::new(faer::Mat::from_fn(400, 3, |_, _| 0.1)).unwrap();
    let files = (written(folder.path(), "a.npy", &constant), written(folder.path(), "b.npy", &noise(400, 4, 2)));
    let limits = Limits { numbers: 10, rows: 100 };
    let measures: Vec<Measure> = Measure::all().into_iter().filter(is_streamed).collect();
    let streamed = compare_files(&files.0, &files.1, &measures, &PLAIN, &limits).unwrap();
    for (measure, streamed) in measures.into_iter().zip(streamed) {
        // The mean is a prediction from nothing.
        assert_eq!(streamed.is_ok(), measure == Measure::PredictivityAToB, "{measure}: {streamed:?}");
    }
}

#[test]
fn intervals_of_drawn_rows_end_where_the_measure_does() {
    let folder = tempfile::tempdir().unwrap();
    // One row carries the value, and is hardly ever drawn.
    let with_outlier = |seed: u64| {
        let mut matrix = noise(3000, 4, seed).as_mat().to_owned();
        matrix.row_mut(5).iter_mut().for_each(|value| *value = 900.0);
        Samples::new(matrix).unwrap()
    };
    let files = [("a.npy", 1), ("b.npy", 2)].map(|(name, seed)| written(folder.path(), name, &with_outlier(seed)));
    let options = Options { permutations: 9, bootstraps: 20, seed: 5 };
    let limits = Limits { numbers: 10, rows: 100 };
    let found = compare_files(&files[0], &files[1], &[Measure::CkaLinear], &options, &limits).unwrap();
    let outcome = &unwrapped(found)[0];
    assert!(outcome.value > 0.9 && outcome.high.unwrap() <= 1.0, "{outcome:?}");
    assert!(outcome.warnings.iter().any(|warning| warning.contains("whose value is 0.")), "{outcome:?}");
}

#[test]
fn the_number_of_threads_changes_no_byte_of_a_sum() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = views(9000);
    let files = (written(folder.path(), "a.npy", &a), written(folder.path(), "b.npy", &b));
    let measures: Vec<Measure> = Measure::all().into_iter().filter(is_streamed).collect();
    let bytes = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let limits = Limits { numbers: 1000, rows: 500 };
        let found = pool.install(|| compare_files(&files.0, &files.1, &measures, &PLAIN, &limits)).unwrap();
        unwrapped(found).iter().map(|outcome| outcome.value.to_bits()).collect()
    };
    assert_eq!(bytes(1), bytes(3));
}

#[test]
fn files_that_are_no_pairs_or_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (a, _) = views(30);
    let file = written(folder.path(), "a.npy", &a);
    let short = written(folder.path(), "b.npy", &noise(29, 2, 1));
    let measures = [Measure::CkaLinear];
    let error = compare_files(&file, &short, &measures, &PLAIN, &Limits::default()).unwrap_err();
    assert_eq!(error, Error::Rows { a: 30, b: 29 });
    let path = folder.path().join("a.npy");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 8 * 5 * 4;
    bytes[at..at + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    for limits in [Limits::default(), Limits { numbers: 10, rows: 10 }] {
        let error = compare_files(&file, &file, &measures, &PLAIN, &limits).unwrap_err().to_string();
        assert!(error.contains("a.npy") && error.contains("row 26, column 0"), "{error}");
    }
}
