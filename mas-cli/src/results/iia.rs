//! Interchange intervention accuracy, one row a direction, control and population of pairs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Tidy;

/// What the null variable is called: within a network, the coordinates that no variable has.
pub const NULL: &str = "null";

/// Appended to a network's name to name its untrained twin, see [`untrained_twin`].
const UNTRAINED: &str = "~untrained";

/// The name that the untrained twin of a network (same architecture, fresh weights) has as the source in the rows of
/// [`Control::RandomNetwork`], and as source and target in the course of such a fit ([`FitRow`](super::FitRow)), which has
/// directions between trained networks too.
#[must_use]
pub fn untrained_twin(name: &str) -> String {
    format!("{name}{UNTRAINED}")
}

/// Whether the name is that of an untrained twin.
#[must_use]
pub fn is_untrained(name: &str) -> bool {
    name.ends_with(UNTRAINED)
}

/// The network whose twin this is; the name itself where it is no twin's.
#[must_use]
pub fn trained_name(name: &str) -> &str {
    name.strip_suffix(UNTRAINED).unwrap_or(name)
}

/// What an IIA value was measured on: the fitted alignment itself, or one of the controls that say how much of its
/// value would be there anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// No control: the alignment, interchanging as fitted.
    None,
    /// Nothing is swapped: how often the target's own response happens to be the counterfactual one.
    NoSwap,
    /// The source's mean vector is swapped in, whatever the source's trial.
    MeanSwap,
    /// The target's own, un-intervened accuracy: no interchange can be expected to do better.
    Ceiling,
    /// The matched start, before any step: what transfers by the geometry of recorded activity alone.
    Matched,
    /// The same fit with an untrained twin of the first network: from the twin into each trained network.
    RandomNetwork,
    /// The same fit with source vectors permuted between trials.
    Shuffled,
}

impl Control {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Ceiling, Self::NoSwap, Self::MeanSwap, Self::Matched, Self::Shuffled, Self::RandomNetwork];

    /// The name in files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoSwap => "no-swap",
            Self::MeanSwap => "mean-swap",
            Self::Ceiling => "ceiling",
            Self::Matched => "matched",
            Self::RandomNetwork => "random-network",
            Self::Shuffled => "shuffled",
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Which held-out pairs a value is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Population {
    /// Every pair.
    All,
    /// Pairs whose counterfactual response differs from what the target would have said. Claims use these.
    Changed,
    /// Changed pairs whose source or target has a number of demonstrations that no network was trained on.
    HeldOutCounts,
}

impl Population {
    /// The name in files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Changed => "changed",
            Self::HeldOutCounts => "held-out-counts",
        }
    }
}

impl fmt::Display for Population {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// IIA of one direction of one alignment. A joint fit of n networks has rows for all n² directions.
///
/// A population without pairs has no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IiaRow {
    /// The study's name.
    pub study: String,
    /// The alignment's name within the study.
    pub alignment: String,
    /// `das`, `mas`, `stitching`, …
    pub method: String,
    /// `individual` or `stepwise`.
    pub positions: String,
    /// The network whose activity is sent (see [`untrained_twin`] for twins).
    pub source: String,
    /// The network that receives it.
    pub target: String,
    /// Where both are read and written.
    pub site: String,
    /// The causal variable.
    pub variable: String,
    /// Size of the subspace.
    pub k: u64,
    /// Seed of the fit.
    pub seed: u64,
    /// What was measured.
    pub control: Control,
    /// Over which pairs.
    pub population: Population,
    /// Share of pairs with every response token right.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Pairs that came out right.
    pub correct: u64,
    /// Pairs tried.
    pub pairs: u64,
    /// Share of response tokens that are right.
    pub token_accuracy: f64,
}

impl Tidy for IiaRow {
    const COLUMNS: &'static [&'static str] = &[
        "study",
        "alignment",
        "method",
        "positions",
        "source",
        "target",
        "site",
        "variable",
        "k",
        "seed",
        "control",
        "population",
        "value",
        "low",
        "high",
        "correct",
        "pairs",
        "token_accuracy",
    ];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl IiaRow {
    fn key(&self) -> impl Ord {
        let place = (&self.study, &self.alignment, &self.method, &self.positions, &self.site, &self.variable);
        (place, self.k, self.seed, self.control, self.population, &self.source, &self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_named_and_recognised() {
        let twin = untrained_twin("gru-0");
        assert!(is_untrained(&twin) && !is_untrained("gru-0"));
        assert_eq!((trained_name(&twin), trained_name("gru-0")), ("gru-0", "gru-0"));
    }

    #[test]
    fn ids_are_those_in_files() {
        for control in Control::ALL {
            assert_eq!(serde_json::to_value(control).unwrap(), control.id());
        }
        for population in [Population::All, Population::Changed, Population::HeldOutCounts] {
            assert_eq!(serde_json::to_value(population).unwrap(), population.id());
        }
    }
}
