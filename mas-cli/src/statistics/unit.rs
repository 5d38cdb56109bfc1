//! One number about one network or two, and the mean of many.

use std::collections::{BTreeMap, BTreeSet};

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::cluster::share;
use super::components::{Spread, variance_of_mean};
use super::{Cluster, Direction, Interval, Tie, binomial_interval};

/// What stands for one network, or for two, in a mean over networks.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// The networks that it is about; the same twice where it is about one.
    pub networks: [String; 2],
    /// Its number.
    pub score: Score,
    /// What is taken off, in a paired comparison.
    pub against: Option<Score>,
}

/// A number and what it was made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Score {
    /// A direction's share of right pairs.
    Share(Direction),
    /// The mean of several numbers.
    Mean(Vec<Score>),
    /// The smallest of several numbers.
    Smallest(Vec<Score>),
    /// A number that is no share of anything, such as a similarity.
    Known(f64),
}

impl Unit {
    /// A number about networks.
    #[must_use]
    pub fn new(networks: [String; 2], score: Score) -> Self {
        Self { networks, score, against: None }
    }

    /// The difference from another number about the same networks.
    #[must_use]
    pub fn against(self, other: Score) -> Self {
        Self { against: Some(other), ..self }
    }

    /// One number a pair of networks, and one a network where directions lie within it: the mean over its directions.
    #[must_use]
    pub fn means(directions: impl IntoIterator<Item = Direction>) -> Vec<Self> {
        let mut found: BTreeMap<[String; 2], Vec<Score>> = BTreeMap::new();
        for direction in directions {
            found.entry(direction.networks()).or_default().push(Score::Share(direction));
        }
        found.into_iter().map(|(networks, shares)| Self::new(networks, Score::Mean(shares))).collect()
    }

    /// The number; `None` where there are no pairs to make it of.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let score = self.score.value()?;
        let value = match &self.against {
            None => score,
            Some(other) => score - other.value()?,
        };
        value.is_finite().then_some(value)
    }
}

impl From<&Tie> for Unit {
    fn from(tie: &Tie) -> Self {
        Self::new([tie.a.clone(), tie.b.clone()], Score::Known(tie.value))
    }
}

impl Direction {
    /// Its networks, in alphabetical order and untrained twins as the networks that they are twins of.
    #[must_use]
    pub fn networks(&self) -> [String; 2] {
        let named = self.clone().under_trained_names();
        let mut networks = [named.source, named.target];
        networks.sort();
        networks
    }

    fn share(&self) -> Option<f64> {
        share(self.sequences.values())
    }
}

impl Score {
    /// The number; `None` where a direction has no pairs, or where there is nothing to take a mean of.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let all = |scores: &[Self]| {
            let values: Option<Vec<f64>> = scores.iter().map(Self::value).collect();
            values.filter(|values| !values.is_empty())
        };
        match self {
            Self::Known(value) => Some(*value),
            Self::Share(direction) => direction.share(),
            Self::Mean(scores) => mean(&all(scores)?),
            Self::Smallest(scores) => all(scores)?.into_iter().reduce(f64::min),
        }
    }

    /// Adds `times` what one more of each sequence would change.
    fn influence(&self, times: f64, of: &mut BTreeMap<u64, f64>) {
        match self {
            Self::Known(_) => {}
            Self::Share(direction) => {
                let Some(share) = direction.share() else { return };
                let pairs: f64 = direction.sequences.values().map(|cluster| cluster.pairs).sum();
                for (&sequence, &Cluster { correct, pairs: own }) in &direction.sequences {
                    *of.entry(sequence).or_default() += times * (correct - share * own) / pairs;
                }
            }
            Self::Mean(scores) => scores.iter().for_each(|score| score.influence(times / scores.len() as f64, of)),
            Self::Smallest(scores) => {
                let order = |score: &Self| score.value().unwrap_or(f64::INFINITY);
                let smallest = scores.iter().min_by(|a, b| order(a).total_cmp(&order(b)));
                smallest.into_iter().for_each(|score| score.influence(times, of));
            }
        }
    }

    /// The sequences that it rests on.
    fn sequences(&self, found: &mut BTreeSet<u64>) {
        match self {
            Self::Known(_) => {}
            Self::Share(direction) => found.extend(direction.sequences.keys()),
            Self::Mean(scores) | Self::Smallest(scores) => scores.iter().for_each(|score| score.sequences(found)),
        }
    }

    /// Whether it is made of shares, which lie between 0 and 1.
    fn is_share(&self) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Share(_) => true,
            Self::Mean(scores) | Self::Smallest(scores) => scores.iter().all(Self::is_share),
        }
    }

    /// The least and the most that it can be.
    fn range(&self) -> [f64; 2] {
        if self.is_share() { [0.0, 1.0] } else { [f64::NEG_INFINITY, f64::INFINITY] }
    }
}

/// The mean of numbers about networks, with an interval that speaks of networks in general; `level` is its coverage.
///
/// Half of its width is a quantile of Student's t times a standard error, whose square is the sum of two variances:
///
/// - over networks: components of variance for networks and for pairs of networks (Henderson 1953), since numbers that share
///   a network are not independent;
/// - over sequences: what happens to a sequence that several networks were tried on happens in several numbers at once (an
///   infinitesimal jackknife over sequences, Jaeckel 1972, less what is in the numbers' own spread already).
///
/// Degrees of freedom are Satterthwaite's (1946).
///
/// Where nothing varies at all, every pair right or none, the interval is the exact binomial one (Clopper–Pearson) for as
/// many trials as there are distinct sequences; for differences that which two of them give (Newcombe 1998). Only numbers
/// that are no shares of anything can have an interval without width. The interval keeps to what the number can be.
///
/// Numbers that do not exist are left out; `None` where none is left. For two one-sided tests ask for level 0.90.
#[must_use]
pub fn mean_interval(units: &[Unit], level: f64) -> Option<Interval> {
    let units: Vec<&Unit> = units.iter().filter(|unit| unit.value().is_some()).collect();
    let values: Vec<f64> = units.iter().filter_map(|unit| unit.value()).collect();
    let count = values.len() as f64;
    let value = mean(&values)?;
    let numbers: Vec<([&str; 2], f64)> =
        units.iter().zip(&values).map(|(unit, &value)| (unit.networks.each_ref().map(String::as_str), value)).collect();
    let spreads = [variance_of_mean(&numbers), shared_by_sequences(&units)];
    let half = spreads.into_iter().flatten().reduce(Spread::and).map_or(0.0, |spread| half_width(spread, level));
    let interval = if half > NOTHING {
        Interval { value, low: value - half, high: value + half }
    } else {
        let exact = |scores: &mut dyn Iterator<Item = &Score>| {
            let (mut ids, mut total) = (BTreeSet::new(), 0.0);
            for score in scores {
                total += score.value().unwrap_or(0.0);
                score.sequences(&mut ids);
            }
            let share = total / count;
            if ids.is_empty() {
                Interval { value: share, low: share, high: share }
            } else {
                binomial_interval(share, ids.len() as f64, level)
            }
        };
        let own = exact(&mut units.iter().map(|unit| &unit.score));
        match units.iter().any(|unit| unit.against.is_some()) {
            false => own,
            true => Interval::difference(own, exact(&mut units.iter().filter_map(|unit| unit.against.as_ref()))),
        }
    };
    let range = units.iter().map(|unit| {
        let [low, high] = unit.score.range();
        let [least, most] = unit.against.as_ref().map_or([0.0, 0.0], Score::range);
        [low - most, high - least]
    });
    let [least, most] = range.fold([f64::INFINITY, f64::NEG_INFINITY], |a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    Some(Interval { value, low: interval.low.max(least).min(value), high: interval.high.min(most).max(value) })
}

/// The distinct networks that numbers are about, in alphabetical order.
#[must_use]
pub fn networks_of(units: &[Unit]) -> BTreeSet<&str> {
    units.iter().flat_map(|unit| &unit.networks).map(String::as_str).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The variance that numbers have in common because they are about the same sequences: that of their mean over all
/// sequences, less what each number's own sequences give alone, which is in the spread of the numbers already (two-way
/// clusters: Cameron, Gelbach and Miller 2011). `None` with fewer than two sequences.
fn shared_by_sequences(units: &[&Unit]) -> Option<Spread> {
    let mut together = BTreeMap::new();
    let mut apart = 0.0;
    let times = 1.0 / units.len() as f64;
    for unit in units {
        let mut own = BTreeMap::new();
        unit.score.influence(times, &mut own);
        if let Some(against) = &unit.against {
            against.influence(-times, &mut own);
        }
        for (sequence, influence) in own {
            apart += influence * influence;
            *together.entry(sequence).or_default() += influence;
        }
    }
    // A number alone has no spread, so that its sequences are all that is known.
    let apart = if units.len() < 2 { 0.0 } else { apart };
    let count = together.len() as f64;
    let squares: f64 = together.values().map(|value: &f64| value * value).sum();
    let variance = ((squares - apart) * count / (count - 1.0)).max(0.0);
    (count > 1.0).then_some(Spread { variance, freedom: count - 1.0 })
}

/// Half widths below this come from rounding.
const NOTHING: f64 = 1e-6;

fn half_width(spread: Spread, level: f64) -> f64 {
    let tail = ((1.0 - level) / 2.0).clamp(0.0, 0.5);
    let quantile = StudentsT::new(0.0, 1.0, spread.freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - tail));
    // No variance is none, however wide the quantile.
    if spread.variance > 0.0 { quantile * spread.variance.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direction with so many of a hundred sequences right, the first ones.
    fn direction(source: &str, target: &str, right: u64) -> Direction {
        Direction {
            source: source.into(),
            target: target.into(),
            sequences: (0..100).map(|i| (i, Cluster { correct: f64::from(i < right), pairs: 1.0 })).collect(),
        }
    }

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    /// Both directions of every pair of five networks.
    fn pairs(right: impl Fn(usize, usize) -> u64) -> Vec<Unit> {
        let both = |i: usize, j: usize| {
            let share = |s, t| Score::Share(direction(NAMES[s], NAMES[t], right(s, t)));
            Score::Smallest(vec![share(i, j), share(j, i)])
        };
        (0..5)
            .flat_map(|i| (i + 1..5).map(move |j| (i, j)))
            .map(|(i, j)| Unit::new([NAMES[i], NAMES[j]].map(str::to_owned), both(i, j)))
            .collect()
    }

    #[test]
    fn perfect_scores_keep_a_width() {
        let interval = mean_interval(&pairs(|_, _| 100), 0.95).unwrap();
        assert_eq!((interval.value, interval.high), (1.0, 1.0));
        assert!((interval.low - 0.025f64.powf(0.01)).abs() < 1e-9);
    }

    #[test]
    fn the_smaller_direction_counts() {
        let interval = mean_interval(&pairs(|s, t| if s < t { 90 } else { 70 }), 0.95).unwrap();
        assert!((interval.value - 0.7).abs() < 1e-12, "{interval:?}");
        // The same sequences in every one of ten pairs: over them alone, 1.98 · √(0.9 · 0.7 · 0.3/99).
        let expected = 2.0 * 1.984 * (0.9 * 0.21_f64 / 99.0).sqrt();
        assert!((interval.high - interval.low - expected).abs() < 1e-3, "{interval:?}");
    }

    #[test]
    fn one_bad_network_shows_in_the_interval() {
        let interval = mean_interval(&pairs(|s, t| if s == 4 || t == 4 { 0 } else { 100 }), 0.95).unwrap();
        assert!((interval.value - 0.6).abs() < 1e-12);
        assert!(interval.low < 0.1 && interval.high == 1.0, "{interval:?}");
    }

    #[test]
    fn what_two_numbers_share_cancels() {
        let varied = |s: usize, t: usize| 50 + 5 * (s + t) as u64;
        let same: Vec<Unit> =
            pairs(varied).into_iter().map(|unit| Unit { against: Some(unit.score.clone()), ..unit }).collect();
        let interval = mean_interval(&same, 0.90).unwrap();
        assert_eq!(interval.value, 0.0);
        assert!(interval.low < 0.0 && interval.high > 0.0, "never of zero width: {interval:?}");
        let less: Vec<Unit> = same
            .into_iter()
            .zip(pairs(|s, t| varied(s, t) - 10))
            .map(|(unit, lower)| unit.against(lower.score))
            .collect();
        let interval = mean_interval(&less, 0.95).unwrap();
        assert!((interval.value - 0.1).abs() < 1e-12 && interval.low > 0.0, "{interval:?}");
        assert!(
            interval.low > 0.03 && interval.high < 0.17,
            "differences vary less than what they are of: {interval:?}"
        );
    }

    #[test]
    fn similarities_vary_with_their_networks() {
        let tie = |a: &str, b: &str, value| Unit::from(&Tie { a: a.into(), b: b.into(), value });
        let interval = mean_interval(&[tie("a", "b", 0.7), tie("a", "c", 0.7), tie("b", "c", -0.2)], 0.95).unwrap();
        assert!((interval.value - 0.4).abs() < 1e-12 && interval.low < -0.2 && interval.high > 0.7, "{interval:?}");
        let alike = mean_interval(&[tie("a", "b", 0.7), tie("a", "c", 0.7)], 0.95).unwrap();
        assert!((alike.high - alike.low).abs() < 1e-12);
        assert_eq!(mean_interval(&[tie("a", "b", f64::NAN)], 0.95), None);
    }

    #[test]
    fn without_pairs_there_is_no_number() {
        assert_eq!(mean_interval(&[], 0.95), None);
        let [whole, none] = [direction("a", "b", 1), Direction::default()].map(Score::Share);
        assert_eq!((none.value(), Score::Mean(Vec::new()).value()), (None, None));
        assert_eq!(Score::Smallest(vec![whole, none]).value(), None);
    }

    #[test]
    fn untrained_twins_are_the_networks_that_they_are_twins_of() {
        let twin = direction("b~untrained", "a", 10);
        let units = Unit::means([twin, direction("b", "a", 30), direction("a", "a", 90)]);
        let found: Vec<_> =
            units.iter().map(|unit| (unit.networks.each_ref().map(String::as_str), unit.value())).collect();
        assert_eq!(found, [(["a", "a"], Some(0.9)), (["a", "b"], Some(0.2))]);
    }
}
