//! What each measure sees of networks: tests after Ding, Denain and Steinhardt (2021), *Grounding representation
//! similarity through statistical testing*, NeurIPS. `cargo xtask self-test` makes the recordings and runs it.
//!
//! It reads `seed-S.layer-L.npy` and `untrained-S.layer-L.npy` from a folder, the activity of layers 0 and 1 of networks
//! from seeds 1 to 5 on the same inputs, and prints a table:
//!
//! * whether the value stays the same when an activity is turned, moved, given another scale in one unit, or mapped
//!   invertibly;
//! * *layer*: of all layers of another seed, how often the same layer is the most alike (specific to the layer, not to the
//!   seed; 0.5 by chance);
//! * *untrained*: how probable it is that two trained networks are more alike than a trained and an untrained one (0.5 for
//!   a measure that cannot tell);
//! * *components*: principal components are removed, the smallest first. With how many left, and how much of the variance
//!   gone, is the activity less like itself than like another seed's on average (median over networks)?

use std::path::Path;

use faer::{Mat, MatRef};
use mas_core::ActivityFile;
use mas_metrics::{Measure, Options, Samples, compare, distinct_rows, draw_rows};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SEEDS: usize = 5;
const LAYERS: usize = 2;
const ROWS: usize = 1000;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).ok_or("which folder has the recordings?")?;
    let (trained, untrained) = recordings(folder.as_ref())?;
    let width = trained[0][0].width();
    println!("{} vectors of {width} units; {SEEDS} networks of {LAYERS} layers", trained[0][0].rows());
    println!();
    println!(
        "| measure | turned | moved | unit scaled | mapped | layer | untrained | components left | variance gone |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let top: Vec<&Samples> = trained.iter().map(|layers| &layers[LAYERS - 1]).collect();
    let top_untrained: Vec<&Samples> = untrained.iter().map(|layers| &layers[LAYERS - 1]).collect();
    let components: Vec<Components> = top.iter().map(|samples| Components::of(samples)).collect::<Result<_>>()?;
    let changes = changes(width);
    for measure in Measure::standard() {
        let between = pairs(&top, &top, measure)?;
        let kept = changes.iter().map(|change| {
            let moved = change.of(top[0])?;
            let same = (unlike(&moved, top[1], measure)? - unlike(top[0], top[1], measure)?).abs() < 1e-6;
            Ok(if same { "kept" } else { "–" })
        });
        let kept: Vec<&str> = kept.collect::<Result<_>>()?;
        let layer = same_layer(&trained, measure)?;
        let separated = separated(&between, &pairs(&top, &top_untrained, measure)?);
        let threshold = between.iter().sum::<f64>() / between.len() as f64;
        let noticed = components.iter().map(|of| of.noticed(measure, threshold)).collect::<Result<Vec<_>>>()?;
        let noticed = median(noticed);
        let (left, gone) = match noticed {
            Some((left, gone)) => (left.to_string(), format!("{:.2} %", gone * 100.0)),
            None => ("never noticed".into(), "".into()),
        };
        let kept = kept.join(" | ");
        println!("| `{measure}` | {kept} | {layer:.2} | {separated:.2} | {left} | {gone} |");
    }
    Ok(())
}

/// By seed, then by layer: trained and untrained.
type Recordings = Vec<Vec<Samples>>;

/// The same rows of every file, each different from all others.
fn recordings(folder: &Path) -> Result<(Recordings, Recordings)> {
    let read = |kind: &str, seed: usize, layer: usize| -> Result<Samples> {
        Ok(Samples::of_file(&ActivityFile::open(folder.join(format!("{kind}-{seed}.layer-{layer}.npy")))?)?)
    };
    let first = read("seed", 1, 0)?;
    let distinct = distinct_rows(&first, &first)?;
    let rows: Vec<usize> = draw_rows(distinct.len(), ROWS, 1, 0).into_iter().map(|place| distinct[place]).collect();
    let all = |kind| -> Result<Recordings> {
        let of_seed = |seed| (0..LAYERS).map(|layer| Ok(read(kind, seed, layer)?.select(&rows)?)).collect();
        (1..=SEEDS).map(of_seed).collect()
    };
    Ok((all("seed")?, all("untrained")?))
}

/// How unlike two activities are: what is missing to the largest similarity, or the distance.
fn unlike(a: &Samples, b: &Samples, measure: Measure) -> Result<f64> {
    let options = Options { permutations: 0, bootstraps: 0, seed: 1 };
    let value = compare(a, b, &[measure], &options)?[0].value;
    Ok(if measure.is_distance() { value } else { 1.0 - value })
}

/// Of different seeds, all with all.
fn pairs(left: &[&Samples], right: &[&Samples], measure: Measure) -> Result<Vec<f64>> {
    let seeds = (0..left.len()).flat_map(|a| (0..right.len()).map(move |b| (a, b))).filter(|(a, b)| a != b);
    seeds.map(|(a, b)| unlike(left[a], right[b], measure)).collect()
}

/// How often the layer of another seed that is most alike is the same layer.
fn same_layer(trained: &[Vec<Samples>], measure: Measure) -> Result<f64> {
    let mut right = 0;
    let mut all = 0;
    for (seed, other) in (0..SEEDS).flat_map(|a| (0..SEEDS).map(move |b| (a, b))).filter(|(a, b)| a != b) {
        for layer in 0..LAYERS {
            let to = |candidate: usize| unlike(&trained[seed][layer], &trained[other][candidate], measure);
            let nearest = (0..LAYERS).map(to).collect::<Result<Vec<_>>>()?;
            right +=
                usize::from((0..LAYERS).all(|candidate| candidate == layer || nearest[layer] < nearest[candidate]));
            all += 1;
        }
    }
    Ok(right as f64 / all as f64)
}

/// The share of pairs of which the first is smaller; equal ones count half.
fn separated(small: &[f64], large: &[f64]) -> f64 {
    let pairs = small.iter().flat_map(|small| large.iter().map(move |large| (small, large)));
    let sum: f64 = pairs.map(|(small, large)| if small < large { 1.0 } else { f64::from(small == large) / 2.0 }).sum();
    sum / (small.len() * large.len()) as f64
}

/// An activity, and its part along its first principal components.
struct Components {
    whole: Samples,
    /// How many are left, the share of the variance that is gone, and what is left.
    parts: Vec<(usize, f64, Samples)>,
}

impl Components {
    fn of(samples: &Samples) -> Result<Self> {
        let centred = centred(samples.as_mat());
        let decomposition = centred.thin_svd().map_err(|error| format!("{error:?}"))?;
        let values: Vec<f64> = decomposition.S().column_vector().iter().map(|value| value * value).collect();
        let total: f64 = values.iter().sum();
        let mut left = samples.width();
        let mut parts = Vec::new();
        while left > 1 {
            // Ever larger steps down: a quarter of what is left.
            left = (left * 3 / 4).max(1);
            let right = decomposition.V().subcols(0, left);
            // The mean stays: only what varies is taken away.
            let part = Samples::new(&centred * right * right.transpose() + (samples.as_mat() - &centred))?;
            parts.push((left, values[left..].iter().sum::<f64>() / total, part));
        }
        Ok(Self { whole: samples.clone(), parts })
    }

    /// The first removal that makes the activity less like itself than `threshold`.
    fn noticed(&self, measure: Measure, threshold: f64) -> Result<Option<(usize, f64)>> {
        for (left, gone, part) in &self.parts {
            if unlike(&self.whole, part, measure)? > threshold {
                return Ok(Some((*left, *gone)));
            }
        }
        Ok(None)
    }
}

/// The middle one, those that are never noticed last.
fn median(mut noticed: Vec<Option<(usize, f64)>>) -> Option<(usize, f64)> {
    noticed.sort_by(|left, right| {
        let gone = |noticed: &Option<(usize, f64)>| noticed.map_or(f64::INFINITY, |(_, gone)| gone);
        gone(left).total_cmp(&gone(right))
    });
    noticed[noticed.len() / 2]
}

/// What may be done to an activity.
enum Change {
    Map(Mat<f64>),
    Shift(Vec<f64>),
}

impl Change {
    fn of(&self, samples: &Samples) -> Result<Samples> {
        let matrix = samples.as_mat();
        Ok(match self {
            Self::Map(map) => Samples::new(matrix * map)?,
            Self::Shift(shift) => {
                let moved = |row, unit: usize| matrix[(row, unit)] + shift[unit];
                Samples::new(Mat::from_fn(matrix.nrows(), matrix.ncols(), moved))?
            }
        })
    }
}

/// Turned, moved, one unit scaled, mapped invertibly.
fn changes(width: usize) -> [Change; 4] {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut noise = || rng.random_range(-1.0..1.0);
    let square = Mat::from_fn(width, width, |_, _| noise());
    let shift = (0..width).map(|_| noise()).collect();
    let scaled = |row: usize, column: usize| if row == column { 1.0 + 9.0 * f64::from(row == 0) } else { 0.0 };
    let rotation = square.qr().compute_Q();
    // Far enough from singular that rounding stays small.
    let map = Mat::from_fn(width, width, |row, column| rotation[(row, column)] * (1.0 + column as f64 / width as f64));
    [Change::Map(rotation), Change::Shift(shift), Change::Map(Mat::from_fn(width, width, scaled)), Change::Map(map)]
}

fn centred(matrix: MatRef<'_, f64>) -> Mat<f64> {
    let means: Vec<f64> = matrix.col_iter().map(|column| column.iter().sum::<f64>() / matrix.nrows() as f64).collect();
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)] - means[column])
}
