//! Null distributions and intervals.

use faer::Mat;
use mas_metrics::{Measure, Options, Samples, compare};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn uniform(rows: usize, width: usize, seed: u64) -> Samples {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Samples::new(Mat::from_fn(rows, width, |_, _| rng.random_range(-1.0..1.0))).unwrap()
}

/// Activity that is `a` turned, with as much noise.
fn related(a: &Samples, seed: u64) -> Samples {
    let matrix = a.as_mat() * uniform(a.width(), a.width(), seed).as_mat();
    Samples::new(matrix + uniform(a.rows(), a.width(), seed + 1).as_mat()).unwrap()
}

#[test]
fn unrelated_activity_is_inside_the_null_distribution_and_related_outside() {
    let a = uniform(120, 6, 1);
    let options = Options { permutations: 99, bootstraps: 0, seed: 7 };
    for outcome in compare(&a, &related(&a, 2), &Measure::all(), &options).unwrap() {
        assert_eq!(outcome.p, Some(0.01), "{}: {outcome:?}", outcome.measure);
    }
    let unrelated = compare(&a, &uniform(120, 6, 99), &Measure::all(), &options).unwrap();
    for outcome in &unrelated {
        let (mean, p) = (outcome.null_mean.unwrap(), outcome.p.unwrap());
        assert!((outcome.value - mean).abs() < 0.1, "{}: {outcome:?}", outcome.measure);
        assert!(p > 0.01, "{}: {outcome:?}", outcome.measure);
    }
}

#[test]
fn the_null_mean_shows_the_bias() {
    let (a, b) = (uniform(40, 100, 1), uniform(40, 100, 2));
    let options = Options { permutations: 20, bootstraps: 0, seed: 0 };
    let outcomes = compare(&a, &b, &[Measure::CkaLinear, Measure::CkaLinearDebiased], &options).unwrap();
    assert!(outcomes[0].null_mean.unwrap() > 0.6 && !outcomes[0].warnings.is_empty());
    assert!(outcomes[1].null_mean.unwrap().abs() < 0.05 && outcomes[1].warnings.is_empty());
}

#[test]
fn intervals_contain_the_value_and_shrink_with_samples() {
    let measures = ["rsa_euclidean_spearman", "rsa_cosine_pearson", "rsa_correlation_kendall", "cka_linear_debiased"]
        .map(|name| name.parse::<Measure>().unwrap());
    let options = Options { permutations: 0, bootstraps: 200, seed: 3 };
    let interval = |rows: usize| {
        let a = uniform(rows, 6, 1);
        compare(&a, &related(&a, 2), &measures, &options).unwrap()
    };
    for (few, many) in interval(40).into_iter().zip(interval(160)) {
        for outcome in [&few, &many] {
            let range = outcome.low.unwrap()..=outcome.high.unwrap();
            assert!(range.contains(&outcome.value), "{}: {outcome:?}", outcome.measure);
        }
        let width = |low: Option<f64>, high: Option<f64>| high.unwrap() - low.unwrap();
        assert!(width(many.low, many.high) < 0.8 * width(few.low, few.high), "{}", few.measure);
    }
}

/// Copies of a row would make resampled activities alike; the debiased estimate leaves them out.
#[test]
fn the_debiased_interval_of_noise_holds_zero() {
    let (a, b) = (uniform(60, 200, 1), uniform(60, 200, 2));
    let options = Options { permutations: 0, bootstraps: 100, seed: 3 };
    let outcomes = compare(&a, &b, &[Measure::CkaLinear, Measure::CkaLinearDebiased], &options).unwrap();
    let (low, high) = (outcomes[1].low.unwrap(), outcomes[1].high.unwrap());
    assert!(low < 0.0 && high > 0.0 && high < 0.2, "{low} to {high}");
    assert!(outcomes[0].low.unwrap() > 0.7);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let a = uniform(90, 7, 1);
    let b = related(&a, 2);
    let options = Options { permutations: 8, bootstraps: 8, seed: 11 };
    let bytes = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outcomes = pool.install(|| compare(&a, &b, &Measure::all(), &options)).unwrap();
        let numbers = |outcome: &mas_metrics::Outcome| {
            [Some(outcome.value), outcome.null_mean, outcome.p, outcome.low, outcome.high].map(Option::unwrap)
        };
        outcomes.iter().flat_map(numbers).map(f64::to_bits).collect()
    };
    let one = bytes(1);
    assert_eq!(one, bytes(3));
    let other = Options { seed: 12, ..options };
    let outcomes = compare(&a, &b, &Measure::all(), &other).unwrap();
    assert!(outcomes.iter().zip(one.chunks(5)).all(|(other, one)| other.low.unwrap().to_bits() != one[3]));
}

#[test]
fn copies_of_rows_are_reported() {
    let a = uniform(30, 3, 1);
    let rows: Vec<usize> = (0..30).chain(0..10).collect();
    let copied = a.select(&rows).unwrap();
    let outcome = &compare(&copied, &copied, &[Measure::CkaLinear], &Options::default()).unwrap()[0];
    assert!(outcome.warnings.iter().any(|warning| warning.contains("only 30 of 40")), "{:?}", outcome.warnings);
}

#[test]
fn rows_that_repeat_on_one_side_are_reported() {
    let (a, b) = (uniform(6, 3, 1), uniform(60, 3, 2));
    let repeated = a.select(&(0..60).map(|row| row % 6).collect::<Vec<_>>()).unwrap();
    let outcome = &compare(&b, &repeated, &[Measure::CkaLinear], &Options::default()).unwrap()[0];
    assert!(
        outcome.warnings.iter().any(|warning| warning.contains("only 6 of 60 rows of b")),
        "{:?}",
        outcome.warnings
    );
}

#[test]
fn a_row_that_carries_a_value_is_named() {
    let measures =
        ["cka_linear", "rsa_euclidean_pearson", "procrustes", "cca_mean"].map(|name| name.parse::<Measure>().unwrap());
    let options = Options { permutations: 0, bootstraps: 0, seed: 0 };
    let with_outlier = |seed: u64, size: f64| {
        let mut matrix = uniform(100, 3, seed).as_mat().to_owned();
        matrix.row_mut(17).iter_mut().for_each(|value| *value = size);
        Samples::new(matrix).unwrap()
    };
    for outcome in compare(&with_outlier(1, 300.0), &with_outlier(2, 300.0), &measures, &options).unwrap() {
        let warned = outcome.warnings.iter().any(|warning| warning.contains("row 17 of 100 alone carries"));
        assert!(warned, "{}: {outcome:?}", outcome.measure);
        assert!(outcome.value > 0.3, "{outcome:?}");
    }
    for outcome in compare(&with_outlier(1, 0.5), &with_outlier(2, 0.5), &measures, &options).unwrap() {
        assert!(outcome.warnings.is_empty(), "{outcome:?}");
    }
}

#[test]
fn the_excess_is_over_the_null_mean() {
    let a = uniform(40, 3, 1);
    let outcome = &compare(&a, &related(&a, 2), &[Measure::CkaLinear], &Options::default()).unwrap()[0];
    assert_eq!(outcome.excess(), Some(outcome.value - outcome.null_mean.unwrap()));
}
