//! What was measured between two networks.

use std::collections::{BTreeMap, BTreeSet};

use super::Cluster;
use crate::results::trained_name;

/// What was measured from one network to another: pairs by the sequence they share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Direction {
    /// The source network.
    pub source: String,
    /// The target network; the same as the source within one network.
    pub target: String,
    /// Pairs by sequence. The same id means the same sequence, in other directions and other fits too.
    pub sequences: BTreeMap<u64, Cluster>,
}

impl Direction {
    /// Whether source and target are the same network; an untrained twin counts as another than the one it resembles.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.source == self.target
    }

    /// The same with untrained twins under the names of the networks that they are twins of: a network and its twin
    /// are one draw from the population of networks.
    #[must_use]
    pub fn under_trained_names(mut self) -> Self {
        self.source = trained_name(&self.source).to_owned();
        self.target = trained_name(&self.target).to_owned();
        self
    }

    /// Adds the pairs of another, such as those of a fit with another seed.
    pub fn add(&mut self, other: &Self) {
        for (&sequence, cluster) in &other.sequences {
            let own = self.sequences.entry(sequence).or_default();
            own.correct += cluster.correct;
            own.pairs += cluster.pairs;
        }
    }
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

/// The distinct networks among directions, in alphabetical order.
#[must_use]
pub fn network_names<'a>(directions: impl IntoIterator<Item = &'a Direction>) -> Vec<String> {
    let names: BTreeSet<&str> = directions.into_iter().flat_map(|d| [d.source.as_str(), d.target.as_str()]).collect();
    names.into_iter().map(str::to_owned).collect()
}
