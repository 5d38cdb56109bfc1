//! The course of a fit.

use serde::{Deserialize, Serialize};

use super::{Control, Tidy};

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
    /// Validation IIA; nothing in a direction that is not trained on behaviour.
    pub iia: Option<f64>,
    /// Validation token accuracy; nothing in a direction that is not trained on behaviour.
    pub token_accuracy: Option<f64>,
    /// Validation counterfactual-latent loss; nothing in a direction that is not trained on it.
    pub cl_loss: Option<f64>,
}

impl Tidy for FitRow {
    const COLUMNS: &'static [&'static str] =
        &["step", "loss", "source", "target", "variable", "iia", "token_accuracy", "cl_loss"];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl FitRow {
    fn key(&self) -> impl Ord {
        (self.step, &self.variable, &self.source, &self.target)
    }
}

/// The course of one fit, with what it is a fit of.
#[derive(Debug, Clone, PartialEq)]
pub struct FitCurve {
    /// The alignment's name.
    pub alignment: String,
    /// Its method.
    pub method: String,
    /// `orthogonal`, `linear`, …
    pub function: String,
    /// `individual` or `stepwise`.
    pub positions: String,
    /// Where the networks are read and written.
    pub site: String,
    /// Its networks, in order.
    pub networks: Vec<String>,
    /// Size of the subspace.
    pub k: u64,
    /// Seed of the fit.
    pub seed: u64,
    /// [`Control::None`] for the alignment, [`Control::Shuffled`] and [`Control::RandomNetwork`] for fits of controls.
    pub control: Control,
    /// Pairs of each direction that it was validated on.
    pub validation_pairs: usize,
    /// Its course.
    pub rows: Vec<FitRow>,
}
