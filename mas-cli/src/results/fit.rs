//! The course of a fit.

use serde::{Deserialize, Serialize};

use super::Tidy;

/// One direction and variable at one validation pass of a fit, in long form: the step's loss is repeated for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRow {
    /// Steps done.
    pub step: u64,
    /// Training loss, mean over the steps since the last pass; nothing before the first step.
    pub loss: Option<f64>,
    /// The network whose activity was sent.
    pub source: String,
    /// The network that received it.
    pub target: String,
    /// The causal variable that was interchanged.
    pub variable: String,
    /// Validation IIA.
    pub iia: f64,
    /// Validation token accuracy.
    pub token_accuracy: f64,
}

impl Tidy for FitRow {
    const COLUMNS: &'static [&'static str] = &["step", "loss", "source", "target", "variable", "iia", "token_accuracy"];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl FitRow {
    fn key(&self) -> impl Ord {
        (self.step, &self.variable, &self.source, &self.target)
    }
}
