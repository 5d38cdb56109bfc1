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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::cluster_interval;

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
}
