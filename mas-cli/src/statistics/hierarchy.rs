//! Bootstrap over units that share nothing, then over sequences within them.

use super::cluster::share;
use super::{Bootstrap, Cluster, Interval, binomial_interval};

/// The mean over units (seeds, fits, model pairs) of their shares of right pairs, with an interval that speaks of units
/// in general: units are resampled with replacement, and within each of them its sequences.
///
/// In union with the exact binomial interval for as many trials as there are sequences in all units together. Units
/// without pairs are left out; `None` where none is left.
#[must_use]
pub fn hierarchical_interval(units: &[Vec<Cluster>], bootstrap: &Bootstrap) -> Option<Interval> {
    let units: Vec<(&[Cluster], f64)> =
        units.iter().filter_map(|unit| Some((unit.as_slice(), share(unit.iter())?))).collect();
    if units.is_empty() {
        return None;
    }
    let value = units.iter().map(|(_, share)| share).sum::<f64>() / units.len() as f64;
    let mut rng = bootstrap.rng();
    let resampled = (0..bootstrap.draws.max(1))
        .map(|_| {
            let total: f64 = (0..units.len())
                .map(|_| {
                    let (unit, own) = units[Bootstrap::place(&mut rng, units.len())];
                    // A resample may miss all clusters that have pairs; the unit's own share stands in.
                    share((0..unit.len()).map(|_| &unit[Bootstrap::place(&mut rng, unit.len())])).unwrap_or(own)
                })
                .sum();
            total / units.len() as f64
        })
        .collect();
    let trials: usize = units.iter().map(|(unit, _)| unit.len()).sum();
    let exact = binomial_interval(value, trials as f64, bootstrap.level);
    Some(bootstrap.percentile(value, resampled).union(exact))
}

/// The difference of two such means over units that belong together (the same seed, once with one method and once with
/// the other), `a − b`: units are resampled as pairs, and within each the sequences of both.
///
/// In union with the interval that the two exact binomial intervals give for a difference (Newcombe 1998), so that two
/// perfect scores are not equal for certain. Ask for level 0.90 to test equivalence. Pairs of which one has no pairs of
/// sequences are left out; `None` where none is left.
#[must_use]
pub fn hierarchical_difference(units: &[(Vec<Cluster>, Vec<Cluster>)], bootstrap: &Bootstrap) -> Option<Interval> {
    type Unit<'a> = (&'a [Cluster], f64);
    let of = |unit: &'_ [Cluster]| share(unit.iter());
    let units: Vec<(Unit, Unit)> =
        units.iter().filter_map(|(a, b)| Some(((a.as_slice(), of(a)?), (b.as_slice(), of(b)?)))).collect();
    if units.is_empty() {
        return None;
    }
    let count = units.len() as f64;
    let mean = |share: &dyn Fn(&(Unit, Unit)) -> f64| units.iter().map(share).sum::<f64>() / count;
    let (a_value, b_value) = (mean(&|unit| unit.0.1), mean(&|unit| unit.1.1));
    let mut rng = bootstrap.rng();
    let resampled = (0..bootstrap.draws.max(1))
        .map(|_| {
            let total: f64 = (0..units.len())
                .map(|_| {
                    let (a, b) = units[Bootstrap::place(&mut rng, units.len())];
                    let mut redrawn = |(unit, own): Unit| {
                        share((0..unit.len()).map(|_| &unit[Bootstrap::place(&mut rng, unit.len())])).unwrap_or(own)
                    };
                    redrawn(a) - redrawn(b)
                })
                .sum();
            total / count
        })
        .collect();
    let exact = |value: f64, trials: usize| binomial_interval(value, trials as f64, bootstrap.level);
    let a = exact(a_value, units.iter().map(|unit| unit.0.0.len()).sum());
    let b = exact(b_value, units.iter().map(|unit| unit.1.0.len()).sum());
    let value = a_value - b_value;
    Some(bootstrap.percentile(value, resampled).union(Interval::difference(a, b)))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::statistics::{Equivalence, cluster_interval, equivalence};

    fn unit(share: f64) -> Vec<Cluster> {
        (0..200).map(|i| Cluster { correct: f64::from(f64::from(i) < 200.0 * share), pairs: 1.0 }).collect()
    }

    #[test]
    fn units_that_differ_widen_the_interval() {
        let units: Vec<_> = [0.5, 0.7, 0.9, 0.6, 0.8].into_iter().map(unit).collect();
        let bootstrap = Bootstrap::default();
        let over_units = hierarchical_interval(&units, &bootstrap).unwrap();
        let pooled = cluster_interval(&units.concat(), &bootstrap).unwrap();
        assert!((over_units.value - 0.7).abs() < 1e-12);
        // Between units alone: standard deviation √0.02 of a mean of five.
        let expected = 2.0 * 1.96 * (0.02f64 / 5.0).sqrt();
        let width = over_units.high - over_units.low;
        assert!((width - expected).abs() < 0.15 * expected, "{width} against {expected}");
        assert!(width > 2.0 * (pooled.high - pooled.low));
    }

    #[test]
    fn no_units_no_interval() {
        assert_eq!(hierarchical_interval(&[], &Bootstrap::default()), None);
        assert_eq!(hierarchical_interval(&[vec![]], &Bootstrap::default()), None);
    }

    /// Units whose own chances vary about the truth, each with sequences of one pair.
    fn drawn(rng: &mut ChaCha8Rng, units: usize, truth: f64, spread: f64) -> Vec<Vec<Cluster>> {
        let mut unit = || {
            let chance = if rng.random_bool(0.5) { truth - spread } else { truth + spread };
            (0..60).map(|_| Cluster { correct: f64::from(rng.random_bool(chance)), pairs: 1.0 }).collect()
        };
        (0..units).map(|_| unit()).collect()
    }

    #[test]
    fn covers_the_truth_about_as_often_as_it_says() {
        let bootstrap = Bootstrap { draws: 200, ..Bootstrap::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let (trials, mut covered) = (200, 0);
        for _ in 0..trials {
            let interval = hierarchical_interval(&drawn(&mut rng, 8, 0.8, 0.1), &bootstrap).unwrap();
            covered += usize::from(interval.low <= 0.8 && 0.8 <= interval.high);
        }
        assert!(covered as f64 >= 0.92 * f64::from(trials), "{covered} of {trials}");
    }

    #[test]
    fn differences_of_pairs_leave_out_what_the_pairs_share() {
        let units: Vec<_> = [0.5, 0.7, 0.9, 0.6, 0.8].into_iter().map(|s| (unit(s), unit(s - 0.1))).collect();
        let bootstrap = Bootstrap::default().at_level(0.9);
        let found = hierarchical_difference(&units, &bootstrap).unwrap();
        assert!((found.value - 0.1).abs() < 1e-12);
        // Units differ by much more than this; what is left is the sampling of 1,000 sequences on either side.
        let sampling = 2.0 * 1.645 * ((0.7 * 0.3 + 0.6 * 0.4) / 1000.0_f64).sqrt();
        assert!((found.high - found.low) < 1.4 * sampling, "{found:?}, {sampling}");
        assert!(found.low > 0.05, "{found:?}");
        let perfect = hierarchical_difference(&[(unit(1.0), unit(1.0))], &bootstrap).unwrap();
        assert!(perfect.low < 0.0 && perfect.high > 0.0, "never of zero width: {perfect:?}");
        assert_eq!(hierarchical_difference(&[(unit(1.0), vec![])], &bootstrap), None);
    }

    /// At the margin itself, "equal" is said in error no more often than the 5 % that two one-sided tests allow; with no
    /// difference and enough sequences, it is said.
    #[test]
    fn equal_is_rarely_said_in_error() {
        let bootstrap = Bootstrap { draws: 200, ..Bootstrap::default() }.at_level(0.9);
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let pairs = |rng: &mut ChaCha8Rng, truth: f64| -> Vec<(Vec<Cluster>, Vec<Cluster>)> {
            let (a, b) = (drawn(rng, 10, 0.9, 0.05), drawn(rng, 10, truth, 0.05));
            a.into_iter().zip(b).collect()
        };
        let margin = 0.1;
        let mut said = |truth: f64| {
            let verdicts = (0..100).map(|_| {
                let found = hierarchical_difference(&pairs(&mut rng, truth), &bootstrap).unwrap();
                equivalence(found, margin)
            });
            verdicts.filter(|verdict| *verdict == Equivalence::Equal).count()
        };
        assert!(said(0.9 - margin) <= 8, "in error");
        assert!(said(0.9) >= 90, "rightly");
    }
}
