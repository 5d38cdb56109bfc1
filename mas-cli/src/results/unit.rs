//! Which alignment a file of outcomes belongs to.

use serde::{Deserialize, Serialize};

use super::OutcomeRow;

/// The context of one variable of one alignment: what its rows have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentUnit {
    /// The study's name.
    pub study: String,
    /// The alignment's name within the study.
    pub alignment: String,
    /// `das`, `mas`, `stitching`, …
    pub method: String,
    /// `orthogonal`, `linear`, …
    pub function: String,
    /// `individual` or `stepwise`.
    pub positions: String,
    /// Where the networks are read and written.
    pub site: String,
    /// The causal variable.
    pub variable: String,
    /// Size of the subspace.
    pub k: u64,
    /// Seed of the fit.
    pub seed: u64,
}

/// The single interchanges of one variable of one alignment and of its controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitOutcomes {
    /// Whose they are.
    pub unit: AlignmentUnit,
    /// The networks of the fit, in its order.
    pub networks: Vec<String>,
    /// Those of them that the fit reads and never runs.
    pub inaccessible: Vec<String>,
    /// The interchanges, the controls' among them.
    pub rows: Vec<OutcomeRow>,
}
