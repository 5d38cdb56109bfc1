//! Verdicts, and the thresholds that they are decided by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::statistics::{Equivalence, Interval, equivalence};

/// *high*: the lower end of the interval is at least this.
pub const HIGH: f64 = 0.90;
/// *low*: the upper end of the interval is at most this.
pub const LOW: f64 = 0.50;
/// *equal*: two one-sided tests within ± this.
pub const EQUAL: f64 = 0.03;
/// Permutations: at most this share of all labellings is as extreme.
pub const BY_CHANCE: f64 = 0.05;
/// Networks (training seeds) that a statement about networks in general takes at least.
pub const ENOUGH_NETWORKS: usize = 5;

/// What the evidence says of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// The interval lies on the claimed side of the threshold.
    #[serde(rename = "holds")]
    Holds,
    /// The interval lies on the other side.
    #[serde(rename = "fails")]
    Fails,
    /// The interval contains the threshold, or there is too little evidence.
    #[serde(rename = "not decided")]
    NotDecided,
}

impl Verdict {
    /// The verdict on a claim from those on its parts: fails with any of them, holds with all of them.
    #[must_use]
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut any, mut undecided) = (false, false);
        for part in parts {
            any = true;
            match part {
                Self::Fails => return Self::Fails,
                Self::NotDecided => undecided = true,
                Self::Holds => {}
            }
        }
        if any && !undecided { Self::Holds } else { Self::NotDecided }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::NotDecided => "not decided",
        })
    }
}

/// How an interval decides a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Criterion {
    /// At least this value.
    AtLeast(f64),
    /// At most this value.
    AtMost(f64),
    /// Above this value.
    Above(f64),
    /// A difference that is none, within this margin: two one-sided tests.
    Equal(f64),
    /// A difference that is no lower than this margin below zero: one one-sided test.
    NotBelow(f64),
    /// A difference between groups, above what exchanged labels give: the shares of all labellings that give as much or
    /// more, and as much or less.
    Permuted([f64; 2]),
}

impl Criterion {
    /// The level of the interval that it is meant for: tests that are one-sided at 5 % take one of 90 %.
    #[must_use]
    pub fn level(self) -> f64 {
        match self {
            Self::Equal(_) | Self::NotBelow(_) => 0.90,
            _ => 0.95,
        }
    }

    /// The verdict on an interval.
    #[must_use]
    pub fn decide(self, interval: Interval) -> Verdict {
        let (holds, fails) = match self {
            Self::AtLeast(threshold) => (interval.low >= threshold, interval.high < threshold),
            Self::AtMost(threshold) => (interval.high <= threshold, interval.low > threshold),
            Self::Above(threshold) => (interval.low > threshold, interval.high < threshold),
            Self::Equal(margin) => {
                let equal = equivalence(interval, margin);
                (equal == Equivalence::Equal, equal == Equivalence::Different)
            }
            Self::NotBelow(margin) => (interval.low >= -margin, interval.high < -margin),
            Self::Permuted([above, below]) => (above <= BY_CHANCE, below <= BY_CHANCE),
        };
        if holds {
            Verdict::Holds
        } else if fails {
            Verdict::Fails
        } else {
            Verdict::NotDecided
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(threshold) => write!(f, "lower bound ≥ {threshold:.2}"),
            Self::AtMost(threshold) => write!(f, "upper bound ≤ {threshold:.2}"),
            Self::Above(threshold) => write!(f, "lower bound > {threshold:.2}"),
            Self::Equal(margin) => write!(f, "90 % interval within ± {margin:.2}"),
            Self::NotBelow(margin) => write!(f, "90 % interval above −{margin:.2}"),
            Self::Permuted([above, _]) => write!(f, "p = {above:.3} ≤ {BY_CHANCE:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Fails, Holds, NotDecided};
    use super::*;

    fn decide(criterion: Criterion, low: f64, high: f64) -> Verdict {
        criterion.decide(Interval { value: 0.5 * (low + high), low, high })
    }

    #[test]
    fn each_criterion_each_verdict_and_the_boundaries() {
        let table = [
            (Criterion::AtLeast(HIGH), 0.90, 1.00, Holds),
            (Criterion::AtLeast(HIGH), 0.899, 1.00, NotDecided),
            (Criterion::AtLeast(HIGH), 0.10, 0.90, NotDecided),
            (Criterion::AtLeast(HIGH), 0.10, 0.899, Fails),
            (Criterion::AtMost(LOW), 0.00, 0.50, Holds),
            (Criterion::AtMost(LOW), 0.00, 0.501, NotDecided),
            (Criterion::AtMost(LOW), 0.50, 0.90, NotDecided),
            (Criterion::AtMost(LOW), 0.501, 0.90, Fails),
            (Criterion::Above(0.0), 0.001, 0.3, Holds),
            (Criterion::Above(0.0), 0.0, 0.0, NotDecided),
            (Criterion::Above(0.0), -0.2, -0.001, Fails),
            (Criterion::Equal(EQUAL), -0.03, 0.03, Holds),
            (Criterion::Equal(EQUAL), -0.03, 0.04, NotDecided),
            (Criterion::Equal(EQUAL), 0.031, 0.04, Fails),
            (Criterion::NotBelow(0.05), -0.05, 0.4, Holds),
            (Criterion::NotBelow(0.05), -0.06, 0.0, NotDecided),
            (Criterion::NotBelow(0.05), -0.3, -0.051, Fails),
            (Criterion::Permuted([0.05, 1.0]), 0.0, 0.0, Holds),
            (Criterion::Permuted([0.3, 0.8]), 0.0, 0.0, NotDecided),
            (Criterion::Permuted([1.0, 0.05]), 0.0, 0.0, Fails),
        ];
        for (criterion, low, high, expected) in table {
            assert_eq!(decide(criterion, low, high), expected, "{criterion} on [{low}, {high}]");
        }
    }

    #[test]
    fn a_claim_is_as_good_as_its_worst_part() {
        assert_eq!(Verdict::all([Holds, Holds]), Holds);
        assert_eq!(Verdict::all([Holds, NotDecided]), NotDecided);
        assert_eq!(Verdict::all([NotDecided, Fails, Holds]), Fails);
        assert_eq!(Verdict::all([]), NotDecided, "no parts, no evidence");
    }
}
