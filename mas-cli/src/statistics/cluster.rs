//! Bootstrap over sequences, for one direction of one alignment.

use super::{Bootstrap, Interval, binomial_interval};

/// The pairs that share one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cluster {
    /// Pairs that came out right.
    pub correct: f64,
    /// Pairs.
    pub pairs: f64,
}

/// The share of pairs that are right, with an interval over sequences: the percentile bootstrap that resamples
/// clusters, in union with the exact binomial interval for as many trials as there are clusters.
///
/// `None` where there are no pairs.
#[must_use]
pub fn cluster_interval(clusters: &[Cluster], bootstrap: &Bootstrap) -> Option<Interval> {
    let value = share(clusters.iter())?;
    let mut rng = bootstrap.rng();
    // Where all pairs are right, or none is, so they are in every resample.
    let draws = if value == 0.0 || value == 1.0 { 0 } else { bootstrap.draws.max(1) };
    let resampled = (0..draws)
        .filter_map(|_| share((0..clusters.len()).map(|_| &clusters[Bootstrap::place(&mut rng, clusters.len())])))
        .collect();
    let trials = clusters.iter().filter(|cluster| cluster.pairs > 0.0).count();
    let exact = binomial_interval(value, trials as f64, bootstrap.level);
    Some(bootstrap.percentile(value, resampled).union(exact))
}

/// Right pairs by pairs; `None` where there are no pairs.
pub(super) fn share<'a>(clusters: impl Iterator<Item = &'a Cluster>) -> Option<f64> {
    let (correct, pairs) =
        clusters.fold((0.0, 0.0), |(correct, pairs), cluster| (correct + cluster.correct, pairs + cluster.pairs));
    (pairs > 0.0).then(|| correct / pairs)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn of(correct: &[(f64, f64)]) -> Vec<Cluster> {
        correct.iter().map(|&(correct, pairs)| Cluster { correct, pairs }).collect()
    }

    #[test]
    fn all_right_is_not_certainty() {
        let interval = cluster_interval(&of(&[(3.0, 3.0); 100]), &Bootstrap::default()).unwrap();
        assert!((interval.low - 0.025f64.powf(0.01)).abs() < 1e-9, "{interval:?}");
        assert_eq!((interval.value, interval.high), (1.0, 1.0));
    }

    #[test]
    fn width_is_that_of_the_normal_approximation() {
        // 400 sequences of 5 pairs each that fare alike: the standard error is √(p(1 − p)/400), not of 2,000 pairs.
        let clusters: Vec<_> =
            (0..400).map(|i| Cluster { correct: if i % 4 == 0 { 0.0 } else { 5.0 }, pairs: 5.0 }).collect();
        let interval = cluster_interval(&clusters, &Bootstrap::default()).unwrap();
        let expected = 2.0 * 1.96 * (0.75f64 * 0.25 / 400.0).sqrt();
        assert!((interval.high - interval.low - expected).abs() < 0.15 * expected, "{interval:?}, {expected}");
    }

    #[test]
    fn covers_the_truth_about_as_often_as_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let bootstrap = Bootstrap { draws: 300, ..Bootstrap::default() };
        let trials = 300;
        let mut covered = 0;
        for _ in 0..trials {
            // Each sequence has its own chance, 0.6 or 1.0, so that its pairs are correlated; the truth is 0.8.
            let clusters: Vec<_> = (0..60)
                .map(|_| {
                    let chance = if rng.random_bool(0.5) { 0.6 } else { 1.0 };
                    let correct = (0..4).filter(|_| rng.random_bool(chance)).count();
                    Cluster { correct: correct as f64, pairs: 4.0 }
                })
                .collect();
            let interval = cluster_interval(&clusters, &bootstrap).unwrap();
            covered += usize::from(interval.low <= 0.8 && 0.8 <= interval.high);
        }
        assert!(covered as f64 >= 0.93 * f64::from(trials), "{covered} of {trials}");
    }

    #[test]
    fn the_same_rows_give_the_same_interval() {
        let clusters = of(&[(1.0, 2.0), (0.0, 1.0), (3.0, 3.0)]);
        let bootstrap = Bootstrap::default();
        assert_eq!(cluster_interval(&clusters, &bootstrap), cluster_interval(&clusters, &bootstrap));
        assert_eq!(cluster_interval(&[], &bootstrap), None);
    }
}
