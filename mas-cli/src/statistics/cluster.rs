//! The interval of one direction of one alignment, over sequences.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Interval, binomial_interval};

/// The pairs that share one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cluster {
    /// Pairs that came out right.
    pub correct: f64,
    /// Pairs.
    pub pairs: f64,
}

/// The share of pairs that are right, with an interval over sequences; `level` is its coverage.
///
/// It is the exact binomial interval (Clopper–Pearson) for the *effective* number of trials (Korn and Graubard 1998): that
/// at which independent trials would vary as much as the clusters do, `p(1 − p)` by the variance of the share over clusters,
/// times the square of the ratio of Student's t for as many trials as there are pairs and for as many as there are clusters,
/// and no more than there are pairs. Where all pairs are right, or none, nothing is known of how alike the pairs of a cluster
/// fare, and each cluster counts once.
///
/// `None` where there are no pairs.
#[must_use]
pub fn cluster_interval(clusters: &[Cluster], level: f64) -> Option<Interval> {
    let value = share(clusters.iter())?;
    let tried = clusters.iter().filter(|cluster| cluster.pairs > 0.0).count() as f64;
    let pairs: f64 = clusters.iter().map(|cluster| cluster.pairs).sum();
    let squares: f64 = clusters.iter().map(|cluster| ((cluster.correct - value * cluster.pairs) / pairs).powi(2)).sum();
    let trials = if value <= 0.0 || value >= 1.0 || tried < 2.0 {
        tried
    } else {
        let quantile =
            |freedom: f64| StudentsT::new(0.0, 1.0, freedom).map_or(1.96, |t| t.inverse_cdf(0.5 + level / 2.0));
        let effective = value * (1.0 - value) / (squares * tried / (tried - 1.0));
        (effective * (quantile(pairs - 1.0) / quantile(tried - 1.0)).powi(2)).min(pairs)
    };
    Some(binomial_interval(value, trials, level))
}

/// Right pairs by pairs; `None` where there are no pairs.
pub(super) fn share<'a>(clusters: impl Iterator<Item = &'a Cluster>) -> Option<f64> {
    let (correct, pairs) =
        clusters.fold((0.0, 0.0), |(correct, pairs), cluster| (correct + cluster.correct, pairs + cluster.pairs));
    (pairs > 0.0).then(|| correct / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(correct: &[(f64, f64)]) -> Vec<Cluster> {
        correct.iter().map(|&(correct, pairs)| Cluster { correct, pairs }).collect()
    }

    #[test]
    fn all_right_is_not_certainty() {
        let interval = cluster_interval(&of(&[(3.0, 3.0); 100]), 0.95).unwrap();
        assert!((interval.low - 0.025f64.powf(0.01)).abs() < 1e-9, "{interval:?}");
        assert_eq!((interval.value, interval.high), (1.0, 1.0));
    }

    /// One pair a sequence is the plain binomial: R, binom.test(8, 10)$conf.int, but for the variance's n/(n − 1).
    #[test]
    fn single_pairs_are_independent_trials() {
        let clusters: Vec<_> =
            (0..1000).map(|i| Cluster { correct: f64::from(u8::from(i < 800)), pairs: 1.0 }).collect();
        let found = cluster_interval(&clusters, 0.95).unwrap();
        let plain = binomial_interval(0.8, 1000.0, 0.95);
        assert!((found.low - plain.low).abs() < 1e-4 && (found.high - plain.high).abs() < 1e-4, "{found:?} {plain:?}");
    }

    #[test]
    fn width_is_that_of_the_normal_approximation() {
        // 400 sequences of 5 pairs each that fare alike: the standard error is √(p(1 − p)/400), not of 2,000 pairs.
        let clusters: Vec<_> =
            (0..400).map(|i| Cluster { correct: if i % 4 == 0 { 0.0 } else { 5.0 }, pairs: 5.0 }).collect();
        let interval = cluster_interval(&clusters, 0.95).unwrap();
        let expected = 2.0 * 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        assert!((interval.high - interval.low - expected).abs() < 0.05 * expected, "{interval:?}, {expected}");
    }

    #[test]
    fn one_sequence_is_one_trial() {
        let interval = cluster_interval(&of(&[(3.0, 4.0)]), 0.95).unwrap();
        assert!(interval.low < 0.1 && interval.high > 0.98, "{interval:?}");
        assert_eq!(cluster_interval(&[], 0.95), None);
    }
}
