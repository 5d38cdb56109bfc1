//! One part of a claim: a statement, its evidence and the criterion.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::every::show;
use super::verdict::{Criterion, ENOUGH_NETWORKS, Verdict};
use crate::results::ClaimRow;
use crate::statistics::{Interval, Unit, mean_interval, networks_of};

/// Whether a part belongs to what is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// What is asserted: these parts alone make the claim's verdict.
    Stated,
    /// What it is worth: a control or a ceiling, with a verdict of its own beside the claim's.
    Control,
}

impl PartKind {
    /// The name in files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Control => "control",
        }
    }
}

/// What was measured for a part, or what a study lacks for it.
pub type Found = Result<Measurement, String>;

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
    /// The mean over networks or pairs of them, with an interval of the level that the criterion takes.
    ///
    /// # Errors
    /// Where there is nothing to take the mean of.
    pub fn mean(units: &[Unit], criterion: Criterion) -> Found {
        let interval = mean_interval(units, criterion.level())
            .ok_or("no two of the measurements that it compares are of the same networks")?;
        let measured = units.iter().filter(|unit| unit.value().is_some()).count();
        let what = if units.iter().all(|unit| unit.networks[0] == unit.networks[1]) {
            "networks"
        } else {
            "pairs of networks"
        };
        let difference = if units.iter().any(|unit| unit.against.is_some()) { "difference, " } else { "" };
        let lowest = units
            .iter()
            .filter_map(|unit| Some((unit.value()?, unit)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|_| measured > 1)
            .map_or_else(String::new, |(value, unit)| format!("; lowest {value:.3}, {}", named(&unit.networks)));
        let text = format!("{difference}mean over {measured} {what} {}{lowest}", show(interval));
        Ok(Self { interval, text, networks: networks_of(units).len() })
    }

    /// The same between two groups of networks: it rests on as many networks as the smaller one has, and on none
    /// where a network is in both, since then there are no two groups.
    #[must_use]
    pub fn between(self, groups: &[BTreeSet<&str>; 2]) -> Self {
        let [a, b] = groups;
        let fewer = if a.is_disjoint(b) { a.len().min(b.len()) } else { 0 };
        Self { networks: self.networks.min(fewer), ..self }
    }
}

fn named([a, b]: &[String; 2]) -> String {
    if a == b { a.clone() } else { format!("{a} and {b}") }
}

/// A statement that one interval decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Short id, unique within the claim.
    pub id: String,
    /// Whether it is claimed, or says what the claim is worth.
    pub kind: PartKind,
    /// The statement.
    pub statement: String,
    /// The evidence, or what is missing; without evidence the part is not decided.
    pub measured: Found,
    /// What decides.
    pub criterion: Criterion,
    /// What the interval is of, as far as the criterion's own words leave it open.
    pub rule: &'static str,
    /// What is to be said beside the claim where this part fails: "holds; but …".
    pub but: String,
}

impl Part {
    /// A part of what is claimed.
    #[must_use]
    pub fn stated(id: impl Into<String>, statement: impl Into<String>, criterion: Criterion, measured: Found) -> Self {
        let (id, statement) = (id.into(), statement.into());
        Self { id, kind: PartKind::Stated, statement, measured, criterion, rule: "", but: String::new() }
    }

    /// A part that says what the claim is worth; `but` is said beside the claim where it fails.
    #[must_use]
    pub fn control(
        id: impl Into<String>,
        statement: impl Into<String>,
        criterion: Criterion,
        measured: Found,
        but: impl Into<String>,
    ) -> Self {
        Self { kind: PartKind::Control, but: but.into(), ..Self::stated(id, statement, criterion, measured) }
    }

    /// With words on what its interval is of.
    #[must_use]
    pub fn of(self, rule: &'static str) -> Self {
        Self { rule, ..self }
    }

    /// The verdict: that of the criterion, unless evidence is missing or rests on fewer than [`ENOUGH_NETWORKS`]. A
    /// permutation of labels needs no such number: it finds nothing where there are too few networks.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match &self.measured {
            Ok(measured) if measured.networks >= self.needed() => self.criterion.decide(measured.interval),
            _ => Verdict::NotDecided,
        }
    }

    fn needed(&self) -> usize {
        if matches!(self.criterion, Criterion::Permuted(_)) { 0 } else { ENOUGH_NETWORKS }
    }

    /// The part as a row of `claims.csv`.
    #[must_use]
    pub fn row(&self, claim: &str) -> ClaimRow {
        let interval = self.measured.as_ref().ok().map(|measured| measured.interval);
        let measured = match &self.measured {
            Err(missing) => format!("not measured: {missing}"),
            Ok(measured) if measured.networks < self.needed() => format!(
                "{}; {} networks, and a statement about networks in general takes {ENOUGH_NETWORKS}",
                measured.text, measured.networks
            ),
            Ok(measured) => measured.text.clone(),
        };
        let threshold = if self.rule.is_empty() {
            self.criterion.to_string()
        } else {
            format!("{}: {}", self.criterion, self.rule)
        };
        ClaimRow {
            claim: claim.to_owned(),
            part: self.id.clone(),
            kind: self.kind,
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

    fn part(networks: usize) -> Part {
        let interval = Interval { value: 0.95, low: 0.91, high: 0.99 };
        let measured = Measurement { interval, text: "0.95".into(), networks };
        Part::stated("hidden", "high", Criterion::AtLeast(0.9), Ok(measured))
    }

    #[test]
    fn few_networks_decide_nothing() {
        assert_eq!(part(5).verdict(), Verdict::Holds);
        assert_eq!(part(4).verdict(), Verdict::NotDecided);
        assert!(part(4).row("C1").measured.contains("4 networks"));
        let permuted = Part { criterion: Criterion::Permuted([0.05, 1.0]), ..part(4) };
        assert_eq!(permuted.verdict(), Verdict::Holds);
    }

    #[test]
    fn what_is_missing_is_named_and_decides_nothing() {
        let part = Part { measured: Err("no alignment called `three`".into()), ..part(5) };
        let row = part.row("C1");
        assert_eq!((row.verdict, row.value), (Verdict::NotDecided, None));
        assert_eq!(row.measured, "not measured: no alignment called `three`");
    }

    #[test]
    fn two_groups_have_no_network_in_common() {
        let measured = part(9).measured.unwrap();
        let group = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        let of = |a: &[&'static str], b: &[&'static str]| measured.clone().between(&[group(a), group(b)]).networks;
        assert_eq!(of(&["a", "b"], &["c"]), 1);
        assert_eq!(of(&["a", "b"], &["b", "c"]), 0);
    }
}
