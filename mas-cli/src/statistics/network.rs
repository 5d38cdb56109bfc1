//! Bootstrap over networks and sequences, for directions between networks.

use std::collections::{BTreeMap, BTreeSet};

use rand_chacha::ChaCha8Rng;

use super::cluster::share;
use super::{Bootstrap, Cluster, Interval, binomial_interval};

/// What was measured from one network to another: pairs by the sequence they share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Direction {
    /// The source network.
    pub source: String,
    /// The target network; the same as the source within one network.
    pub target: String,
    /// Pairs by sequence. The same id in two directions of one fit means the same sequence. Every fit counts its own from
    /// zero: between fits ids agree by accident, and the interval of a mean errs on the wide side.
    pub sequences: BTreeMap<u64, Cluster>,
}

/// One number between two networks, such as a similarity.
#[derive(Debug, Clone, PartialEq)]
pub struct Tie {
    /// One network.
    pub a: String,
    /// The other.
    pub b: String,
    /// The number.
    pub value: f64,
}

/// The mean over directions of their shares of right pairs, with an interval that speaks of networks in general.
///
/// Directions are not independent: those that share a network have it in common, and all have the held-out sequences in
/// common. So each resample draws *networks* with replacement (a direction counts as often as both of its networks were
/// drawn, m_s·m_t times, and m_s times within one network) and *sequences* with replacement, the same for every
/// direction. This is the bootstrap of networks' ties (Snijders and Borgatti 1999) crossed with that of items (Owen
/// 2007). Resamples in which no direction is left are drawn again.
///
/// In union with the exact binomial interval for as many trials as there are distinct sequences. Directions without
/// pairs are left out; `None` where none is left.
#[must_use]
pub fn network_interval(directions: &[Direction], bootstrap: &Bootstrap) -> Option<Interval> {
    let pool = Pool::new(directions.iter());
    let measured = pool.index(directions);
    let value = pool.mean(&measured, &pool.once())?;
    let mut rng = bootstrap.rng();
    let resampled = (0..bootstrap.draws.max(1))
        .filter_map(|_| (0..REDRAWS).find_map(|_| pool.mean(&measured, &pool.draw(&mut rng))))
        .collect();
    Some(bootstrap.percentile(value, resampled).union(pool.exact(value, bootstrap)))
}

/// The difference `a − b` of two such means over the same networks and sequences, which are resampled together.
///
/// In union with the interval that the two exact binomial intervals give for a difference (Newcombe 1998), so that two
/// perfect scores are not equal for certain. Ask for level 0.90 to test equivalence.
#[must_use]
pub fn network_difference(a: &[Direction], b: &[Direction], bootstrap: &Bootstrap) -> Option<Interval> {
    let pool = Pool::new(a.iter().chain(b));
    let (left, right) = (pool.index(a), pool.index(b));
    let difference = |weights: &Weights| Some((pool.mean(&left, weights)?, pool.mean(&right, weights)?));
    let (a_value, b_value) = difference(&pool.once())?;
    let mut rng = bootstrap.rng();
    let resampled = (0..bootstrap.draws.max(1))
        .filter_map(|_| (0..REDRAWS).find_map(|_| difference(&pool.draw(&mut rng))))
        .map(|(a, b)| a - b)
        .collect();
    let value = a_value - b_value;
    let a = Pool::new(a.iter()).exact(a_value, bootstrap);
    let b = Pool::new(b.iter()).exact(b_value, bootstrap);
    Some(bootstrap.percentile(value, resampled).union(Interval::difference(a, b)))
}

/// As [`tie_interval`], of numbers that are shares of right pairs: in union with the exact binomial interval for `pairs`
/// trials, those behind one tie, so that fits that are all perfect are not perfect for certain.
#[must_use]
pub fn share_interval(ties: &[Tie], pairs: usize, bootstrap: &Bootstrap) -> Option<Interval> {
    let interval = tie_interval(ties, bootstrap)?;
    Some(interval.union(binomial_interval(interval.value, pairs as f64, bootstrap.level)))
}

/// The mean over ties between different networks, with an interval that speaks of networks in general: networks are
/// resampled as in [`network_interval`].
///
/// The numbers need not be shares of anything, so that nothing is known of their error where all are alike: then alone the
/// interval is of zero width. For shares there is [`share_interval`]. Ties of a network with itself and those that are not
/// finite are left out; `None` where none is left.
#[must_use]
pub fn tie_interval(ties: &[Tie], bootstrap: &Bootstrap) -> Option<Interval> {
    let ties: Vec<Direction> = ties
        .iter()
        .filter(|tie| tie.a != tie.b && tie.value.is_finite())
        .map(|tie| Direction {
            source: tie.a.clone(),
            target: tie.b.clone(),
            sequences: [(0, Cluster { correct: tie.value, pairs: 1.0 })].into(),
        })
        .collect();
    let pool = Pool::new(ties.iter());
    let measured = pool.index(&ties);
    let value = pool.mean(&measured, &pool.once())?;
    let mut rng = bootstrap.rng();
    let resampled = (0..bootstrap.draws.max(1))
        .filter_map(|_| (0..REDRAWS).find_map(|_| pool.mean(&measured, &pool.draw(&mut rng))))
        .collect();
    Some(bootstrap.percentile(value, resampled))
}

/// The distinct networks among directions, in alphabetical order.
#[must_use]
pub fn network_names<'a>(directions: impl IntoIterator<Item = &'a Direction>) -> Vec<String> {
    let names: BTreeSet<&str> = directions.into_iter().flat_map(|d| [d.source.as_str(), d.target.as_str()]).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// How often to try for a resample with a direction left in it. Two networks fail every other time.
const REDRAWS: usize = 100;

/// The networks and sequences that there are to draw from.
struct Pool {
    networks: Vec<String>,
    sequences: Vec<u64>,
}

/// How often each network and each sequence of a pool was drawn.
struct Weights {
    networks: Vec<f64>,
    sequences: Vec<f64>,
}

/// A direction with its networks and sequences as places in a pool.
struct Indexed {
    source: usize,
    target: usize,
    clusters: Vec<(usize, Cluster)>,
}

impl Pool {
    fn new<'a>(directions: impl Iterator<Item = &'a Direction>) -> Self {
        let directions: Vec<_> = directions.filter(|d| share(d.sequences.values()).is_some()).collect();
        let sequences: BTreeSet<_> = directions.iter().flat_map(|d| d.sequences.keys().copied()).collect();
        Self { networks: network_names(directions), sequences: sequences.into_iter().collect() }
    }

    /// The directions that have pairs and whose networks and sequences are in the pool.
    fn index(&self, directions: &[Direction]) -> Vec<Indexed> {
        let place = |name: &String| self.networks.binary_search(name).ok();
        let index = |direction: &Direction| {
            share(direction.sequences.values())?;
            let clusters = direction.sequences.iter();
            Some(Indexed {
                source: place(&direction.source)?,
                target: place(&direction.target)?,
                clusters: clusters.filter_map(|(id, c)| Some((self.sequences.binary_search(id).ok()?, *c))).collect(),
            })
        };
        directions.iter().filter_map(index).collect()
    }

    /// Everything once: the sample itself.
    fn once(&self) -> Weights {
        Weights { networks: vec![1.0; self.networks.len()], sequences: vec![1.0; self.sequences.len()] }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Weights {
        let mut draw = |count: usize| {
            let mut weights = vec![0.0; count];
            for _ in 0..count {
                weights[Bootstrap::place(rng, count)] += 1.0;
            }
            weights
        };
        Weights { networks: draw(self.networks.len()), sequences: draw(self.sequences.len()) }
    }

    /// The weighted mean over directions; `None` where none is left.
    fn mean(&self, directions: &[Indexed], weights: &Weights) -> Option<f64> {
        let (mut total, mut count) = (0.0, 0.0);
        for direction in directions {
            let (s, t) = (weights.networks[direction.source], weights.networks[direction.target]);
            let weight = if direction.source == direction.target { s } else { s * t };
            if weight == 0.0 {
                continue;
            }
            let (mut correct, mut pairs) = (0.0, 0.0);
            for (sequence, cluster) in &direction.clusters {
                let drawn = weights.sequences[*sequence];
                correct += drawn * cluster.correct;
                pairs += drawn * cluster.pairs;
            }
            if pairs > 0.0 {
                total += weight * correct / pairs;
                count += weight;
            }
        }
        (count > 0.0).then(|| total / count)
    }

    fn exact(&self, value: f64, bootstrap: &Bootstrap) -> Interval {
        binomial_interval(value, self.sequences.len() as f64, bootstrap.level)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::statistics::{Equivalence, equivalence};

    /// Five networks; `share(s, t)` of 100 sequences right.
    fn ring(cross: bool, share: impl Fn(usize, usize) -> f64) -> Vec<Direction> {
        let mut directions = Vec::new();
        for s in 0..5 {
            for t in 0..5 {
                if (s == t) == cross {
                    continue;
                }
                let right = (100.0 * share(s, t)).round() as u64;
                directions.push(Direction {
                    source: format!("gru-{s}"),
                    target: format!("gru-{t}"),
                    sequences: (0..100).map(|i| (i, Cluster { correct: f64::from(i < right), pairs: 1.0 })).collect(),
                });
            }
        }
        directions
    }

    #[test]
    fn perfect_scores_keep_a_width() {
        let interval = network_interval(&ring(true, |_, _| 1.0), &Bootstrap::default()).unwrap();
        assert_eq!((interval.value, interval.high), (1.0, 1.0));
        assert!((interval.low - 0.025f64.powf(0.01)).abs() < 1e-9);
    }

    #[test]
    fn one_bad_network_shows_in_the_interval() {
        // Everything out of and into network 4 fails. Its share in resamples varies from none to nearly all.
        let directions = ring(true, |s, t| f64::from(s != 4 && t != 4));
        let interval = network_interval(&directions, &Bootstrap::default()).unwrap();
        assert!((interval.value - 0.6).abs() < 1e-12);
        assert!(interval.low < 0.2 && interval.high == 1.0, "{interval:?}");
    }

    #[test]
    fn covers_the_truth_when_networks_vary() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let bootstrap = Bootstrap { draws: 200, ..Bootstrap::default() };
        let mut covered = 0;
        for _ in 0..100 {
            // A network's own effect is ± 0.1 on what goes into and out of it; the truth is 0.75.
            let effect: Vec<f64> = (0..5).map(|_| if rng.random_bool(0.5) { 0.1 } else { -0.1 }).collect();
            let interval = network_interval(&ring(true, |s, t| 0.75 + effect[s] + effect[t]), &bootstrap).unwrap();
            covered += usize::from(interval.low <= 0.75 && 0.75 <= interval.high);
        }
        assert!(covered >= 90, "{covered} of 100");
    }

    #[test]
    fn two_networks_are_redrawn_until_both_are_there() {
        let mut directions = ring(true, |_, _| 0.9);
        directions.retain(|d| ["gru-0", "gru-1"].contains(&d.source.as_str()));
        directions.retain(|d| ["gru-0", "gru-1"].contains(&d.target.as_str()));
        let interval = network_interval(&directions, &Bootstrap::default()).unwrap();
        assert!(interval.low < 0.9 && interval.low > 0.8, "{interval:?}");
        assert_eq!(network_interval(&[], &Bootstrap::default()), None);
    }

    #[test]
    fn ties_vary_with_their_networks() {
        let tie = |a: &str, b: &str, value| Tie { a: a.into(), b: b.into(), value };
        let ties = [tie("a", "b", 0.7), tie("a", "c", 0.7), tie("b", "c", -0.2), tie("a", "a", 1.0)];
        let interval = tie_interval(&ties, &Bootstrap::default()).unwrap();
        assert!((interval.value - 0.4).abs() < 1e-12, "a tie with itself does not count: {interval:?}");
        assert_eq!((interval.low, interval.high), (-0.2, 0.7));
        assert_eq!(tie_interval(&[tie("a", "b", f64::NAN)], &Bootstrap::default()), None);
    }

    #[test]
    fn perfect_shares_keep_a_width() {
        let ties: Vec<Tie> =
            (0..5).map(|i| Tie { a: format!("{i}"), b: format!("{}", (i + 1) % 5), value: 1.0 }).collect();
        let interval = share_interval(&ties, 100, &Bootstrap::default()).unwrap();
        assert_eq!((interval.value, interval.high), (1.0, 1.0));
        assert!((interval.low - 0.025f64.powf(0.01)).abs() < 1e-9, "{interval:?}");
        assert_eq!(share_interval(&[], 100, &Bootstrap::default()), None);
    }

    #[test]
    fn differences_are_paired() {
        let bootstrap = Bootstrap::default().at_level(0.9);
        let varied = |s: usize, t: usize| 0.5 + 0.05 * (s + t) as f64;
        // Large differences between networks cancel; what is left is the binomial part.
        let same = network_difference(&ring(true, varied), &ring(true, varied), &bootstrap).unwrap();
        let apart = network_interval(&ring(true, varied), &bootstrap).unwrap();
        assert_eq!(same.value, 0.0);
        assert!(same.high < apart.high - apart.low, "{same:?} {apart:?}");
        let perfect = network_difference(&ring(true, |_, _| 1.0), &ring(true, |_, _| 1.0), &bootstrap).unwrap();
        assert!(perfect.low < 0.0 && perfect.high > 0.0, "never of zero width: {perfect:?}");
        assert_eq!(equivalence(perfect, 0.03), Equivalence::Equal);
    }
}
