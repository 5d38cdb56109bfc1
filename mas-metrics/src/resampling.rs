use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Result;
use crate::compare::Options;
use crate::comparison::Comparison;

/// What all draws that are computed at once may take together, in bytes.
const MEMORY: usize = 1 << 30;
/// Differences that rounding makes are none.
const TOLERANCE: f64 = 1e-10;

/// The mean of the null distribution and the p-value, or `None` where nothing was asked for or nothing is defined.
pub(crate) fn permutations(
    comparison: &dyn Comparison,
    rows: usize,
    value: f64,
    is_distance: bool,
    options: &Options,
    warnings: &mut Vec<String>,
) -> Option<(f64, f64)> {
    let draw = |index: usize| {
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut generator(options.seed, 2 * index as u64));
        comparison.permuted(&order)
    };
    let null = repeat(options.permutations, "permutations", comparison.scratch(), draw, warnings);
    if null.is_empty() {
        return None;
    }
    let as_alike = |drawn: f64| if is_distance { drawn <= value + TOLERANCE } else { drawn >= value - TOLERANCE };
    let extreme = null.iter().filter(|drawn| as_alike(**drawn)).count();
    Some((null.iter().sum::<f64>() / null.len() as f64, (1 + extreme) as f64 / (1 + null.len()) as f64))
}

/// The 2.5th and 97.5th percentile over resamples, moved as far as brings their mean to the value and cut to the measure's
/// `range`; `None` where nothing was asked for or nothing is defined.
///
/// Resamples hold fewer different rows than the sample, by which many measures rise: what they tell is how far a value
/// scatters, not where it lies.
pub(crate) fn bootstrap(
    comparison: &dyn Comparison,
    rows: usize,
    value: f64,
    range: (f64, f64),
    options: &Options,
    warnings: &mut Vec<String>,
) -> Option<(f64, f64)> {
    let draw = |index: usize| {
        let mut rng = generator(options.seed, 2 * index as u64 + 1);
        let drawn: Vec<usize> = (0..rows).map(|_| rng.random_range(0..rows)).collect();
        comparison.resampled(&drawn)
    };
    let mut values = repeat(options.bootstraps, "resamples", comparison.scratch(), draw, warnings);
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let moved = value - values.iter().sum::<f64>() / values.len() as f64;
    let end = |share: f64| (percentile(&values, share) + moved).clamp(range.0, range.1);
    Some((end(0.025), end(0.975)))
}

/// Each draw has its own stream of random numbers: which thread takes it makes no difference.
fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// What the draws give, in order; those that are undefined are left out, and said to be.
fn repeat(
    count: usize,
    what: &str,
    scratch: usize,
    draw: impl Fn(usize) -> Result<f64> + Send + Sync,
    warnings: &mut Vec<String>,
) -> Vec<f64> {
    // As many at once as memory allows.
    let at_once = (MEMORY / scratch.max(1)).clamp(1, count.max(1));
    let mut drawn: Vec<Result<f64>> = Vec::with_capacity(count);
    for first in (0..count).step_by(at_once) {
        drawn.par_extend((first..count.min(first + at_once)).into_par_iter().map(&draw));
    }
    let values: Vec<f64> = drawn.into_iter().flatten().filter(|value| value.is_finite()).collect();
    if values.len() < count {
        warnings.push(format!("{} of {count} {what} are undefined and left out", count - values.len()));
    }
    values
}

/// The value below which `share` of the sorted values lie, interpolated between neighbours (Hyndman and Fan's type 7).
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_interpolated() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(percentile(&sorted, 0.0), 1.0);
        assert_eq!(percentile(&sorted, 0.5), 4.0);
        assert_eq!(percentile(&sorted, 0.625), 6.0);
        assert_eq!(percentile(&sorted, 1.0), 16.0);
        assert_eq!(percentile(&[3.0], 0.975), 3.0);
    }
}
