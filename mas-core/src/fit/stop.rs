use serde::{Deserialize, Serialize};

/// When a fit ends before its last step. Only directions that are trained count, and of these the ones that the fit is
/// judged by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StopRule {
    /// The validation IIA that every such direction must reach.
    pub mark: f64,
    /// At so many validations running.
    pub running: usize,
    /// Or: so many validations without a better mean IIA.
    pub patience: usize,
}

impl Default for StopRule {
    fn default() -> Self {
        Self { mark: 0.995, running: 3, patience: 20 }
    }
}
