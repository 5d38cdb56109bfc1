//! The course of a fit.

use serde::{Deserialize, Serialize};

use super::Tidy;

/// One direction at one validation pass of a fit, in long form: the step's loss is repeated for every direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRow {
    /// Steps done.
    pub step: u64,
    /// Training loss, mean over the steps since the last pass.
    pub loss: f64,
    /// The network whose activity was sent.
    pub source: String,
    /// The network that received it.
    pub target: String,
    /// Validation IIA.
    pub iia: f64,
    /// Validation token accuracy.
    pub token_accuracy: f64,
}

impl Tidy for FitRow {
    const COLUMNS: &'static [&'static str] = &["step", "loss", "source", "target", "iia", "token_accuracy"];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| (a.step, &a.source, &a.target).cmp(&(b.step, &b.source, &b.target)));
    }
}
