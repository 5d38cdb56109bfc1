//! One part of a claim: a statement, its evidence and the criterion.

use std::collections::BTreeSet;

use super::every::show;
use super::verdict::{Criterion, ENOUGH_NETWORKS, Verdict};
use crate::results::ClaimRow;
use crate::statistics::{Bootstrap, Direction, Interval, network_difference, network_names};

/// What was measured for a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The interval that decides.
    pub interval: Interval,
    /// The same in words, with what it was taken from.
    pub text: String,
    /// How many networks it rests on.
    pub networks: usize,
}

impl Measurement {
    /// The same, of fits between two groups of networks: it rests on as many networks as the smaller one has, and on none
    /// where a network is in both, since then there are no two groups.
    #[must_use]
    pub fn between(self, groups: &[BTreeSet<&str>; 2]) -> Self {
        let [a, b] = groups;
        let fewer = if a.is_disjoint(b) { a.len().min(b.len()) } else { 0 };
        Self { networks: self.networks.min(fewer), ..self }
    }

    /// This or the other: the higher value with the higher ends.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (a, b) = (self.interval, other.interval);
        Self {
            interval: Interval { value: a.value.max(b.value), low: a.low.max(b.low), high: a.high.max(b.high) },
            text: format!("{}; {}", self.text, other.text),
            networks: self.networks.min(other.networks),
        }
    }
}

/// A statement that one interval decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Short id, unique within the claim.
    pub id: String,
    /// The statement.
    pub statement: String,
    /// The evidence; without any the part is not decided.
    pub measured: Option<Measurement>,
    /// What decides; `None` where there is nothing to compare with.
    pub criterion: Option<Criterion>,
    /// What the interval is, as far as the criterion's own words leave it open.
    pub rule: String,
}

impl Part {
    /// *equal*: the difference of the means over two sets of directions is none, within `margin`, by two one-sided tests.
    /// It rests on as many networks as the side that has fewer.
    #[must_use]
    pub fn equal(id: String, statement: String, [a, b]: [&[Direction]; 2], margin: f64, bootstrap: &Bootstrap) -> Self {
        let difference = network_difference(a, b, &bootstrap.at_level(0.90));
        let measured = difference.map(|interval| Measurement {
            interval,
            text: format!("difference of the means over {} and {} directions {}", a.len(), b.len(), show(interval)),
            networks: network_names(a).len().min(network_names(b).len()),
        });
        let criterion = Some(Criterion::Equal(margin));
        Self { id, statement, measured, criterion, rule: "of the difference, changed pairs".to_owned() }
    }

    /// The same resting on no more networks than `reference`, which it is compared with.
    #[must_use]
    pub fn against(mut self, reference: Option<&Measurement>) -> Self {
        if let (Some(measured), Some(reference)) = (&mut self.measured, reference) {
            measured.networks = measured.networks.min(reference.networks);
        }
        self
    }

    /// The verdict: that of the criterion, unless evidence is missing or rests on fewer than [`ENOUGH_NETWORKS`].
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (&self.measured, self.criterion) {
            (Some(measured), Some(criterion)) if measured.networks >= ENOUGH_NETWORKS => {
                criterion.decide(measured.interval)
            }
            _ => Verdict::NotDecided,
        }
    }

    /// The part as a row of `claims.csv`.
    #[must_use]
    pub fn row(&self, claim: &str) -> ClaimRow {
        let interval = self.measured.as_ref().map(|measured| measured.interval);
        let measured = match &self.measured {
            None => "no such measurement in this study".to_owned(),
            Some(measured) if measured.networks < ENOUGH_NETWORKS => format!(
                "{}; {} networks, and a statement about networks in general takes {ENOUGH_NETWORKS}",
                measured.text, measured.networks
            ),
            Some(measured) => measured.text.clone(),
        };
        let threshold = match self.criterion {
            Some(criterion) if self.rule.is_empty() => criterion.to_string(),
            Some(criterion) => format!("{criterion}: {}", self.rule),
            None => self.rule.clone(),
        };
        ClaimRow {
            claim: claim.to_owned(),
            part: self.id.clone(),
            statement: self.statement.clone(),
            measured,
            value: interval.map(|interval| interval.value),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            threshold,
            verdict: self.verdict(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Cluster;

    fn part(networks: usize) -> Part {
        let interval = Interval { value: 0.95, low: 0.91, high: 0.99 };
        Part {
            id: "hidden".into(),
            statement: "high".into(),
            measured: Some(Measurement { interval, text: "0.95".into(), networks }),
            criterion: Some(Criterion::AtLeast(0.9)),
            rule: String::new(),
        }
    }

    #[test]
    fn few_networks_decide_nothing() {
        assert_eq!(part(5).verdict(), Verdict::Holds);
        assert_eq!(part(4).verdict(), Verdict::NotDecided);
        assert!(part(4).row("C1").measured.contains("4 networks"));
    }

    #[test]
    fn few_networks_are_neither_equal_nor_different() {
        let interval = Interval { value: 0.0, low: -0.01, high: 0.01 };
        let equal = |networks, interval| Part {
            measured: Some(Measurement { interval, text: String::new(), networks }),
            criterion: Some(Criterion::Equal(0.03)),
            ..part(networks)
        };
        assert_eq!(equal(5, interval).verdict(), Verdict::Holds);
        assert_eq!(equal(4, interval).verdict(), Verdict::NotDecided);
        let apart = Interval { value: 0.2, low: 0.1, high: 0.3 };
        assert_eq!(equal(5, apart).verdict(), Verdict::Fails);
        assert_eq!(equal(4, apart).verdict(), Verdict::NotDecided);
    }

    #[test]
    fn equality_rests_on_the_side_with_fewer_networks() {
        let within = |network: usize| Direction {
            source: format!("gru-{network}"),
            target: format!("gru-{network}"),
            sequences: (0..500).map(|sequence| (sequence, Cluster { correct: 1.0, pairs: 1.0 })).collect(),
        };
        let of = |networks: usize| (0..networks).map(within).collect::<Vec<_>>();
        let networks = |a: usize, b: usize| {
            let sides = [&*of(a), &*of(b)];
            let part = Part::equal("equal".into(), "equal".into(), sides, 0.03, &Bootstrap::default());
            (part.measured.as_ref().unwrap().networks, part.verdict())
        };
        assert_eq!(networks(5, 5), (5, Verdict::Holds));
        assert_eq!(networks(5, 2), (2, Verdict::NotDecided));
        assert_eq!(networks(2, 5), (2, Verdict::NotDecided));
    }

    #[test]
    fn missing_evidence_decides_nothing() {
        let part = Part { measured: None, ..part(5) };
        let row = part.row("C1");
        assert_eq!((row.verdict, row.value), (Verdict::NotDecided, None));
    }
}
