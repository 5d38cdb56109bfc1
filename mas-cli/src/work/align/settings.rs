use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use mas_core::fit::Ending;
use mas_tasks::TaskKind;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, study::AlignConfiguration};

/// What an alignment's own file says of how it came about: `[settings]` of `alignment.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AlignmentSettings {
    /// The step of the validation at which it was best, which is what was kept.
    pub best_step: usize,
    /// How the fit ended.
    pub ending: Ending,
    /// Whether every trained direction reached the mark.
    pub converged: bool,
    /// What has to be said of the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What was asked for.
    pub configuration: AlignConfiguration,
    /// Where its networks are, in order.
    pub networks: Vec<NetworkPlace>,
    /// The interchanges that were drawn, by direction and variable.
    pub pairs: Vec<PairCounts>,
}

/// Where a network of an alignment is, and what tells its weights from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlace {
    /// Its folder, or the file of its activity; relative paths are seen from the alignment's folder.
    pub path: PathBuf,
    /// See [`Given::identity`](crate::given::Given::identity).
    pub identity: String,
    /// The task on whose sequences it was recorded, where there is a file of activity in place of a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_on: Option<TaskKind>,
}

/// The interchanges of one direction and variable, and what was left out while they were drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PairCounts {
    /// The network whose activity is sent.
    pub source: String,
    /// The network that receives it.
    pub target: String,
    /// The causal variable.
    pub variable: String,
    /// To fit with, those that choose the checkpoint among them; none in a direction that is not trained.
    pub training: usize,
    /// To judge with.
    pub held_out: usize,
    /// Whether no sequence occurs in both. It cannot be helped where a task has one sequence for every count.
    pub disjoint: bool,
    /// Training pairs that are left out of the counterfactual-latent loss, since no trial has the counterfactual values of
    /// its own; nothing in a direction without that loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<usize>,
    /// Draws that had no counterfactual, by reason.
    pub dropped: BTreeMap<String, usize>,
}

impl PairCounts {
    /// The share of training pairs that are left out of the counterfactual-latent loss.
    pub fn unmatched_share(&self) -> f64 {
        self.unmatched.unwrap_or(0) as f64 / self.training.max(1) as f64
    }
}

impl AlignmentSettings {
    /// Reads the settings of the alignment in `folder`, and nothing else of it.
    ///
    /// # Errors
    /// A file that cannot be read, or says something else.
    pub fn read(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct File {
            settings: AlignmentSettings,
        }
        let path = folder.join("alignment.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
        let file: File = toml::from_str(&text).map_err(|error| damaged(&path, &error))?;
        Ok(file.settings)
    }

    /// The settings that [`mas_core::Alignment::load`] has read from `folder`.
    ///
    /// # Errors
    /// Others than [`work::align`](crate::work::align) writes.
    pub fn of(settings: toml::Table, folder: &Path) -> Result<Self> {
        settings.try_into().map_err(|error| damaged(&folder.join("alignment.toml"), &error))
    }

    /// The same as a table.
    pub(super) fn to_table(&self) -> Result<toml::Table> {
        toml::Table::try_from(self).map_err(|error| Error::Internal(error.to_string()))
    }
}

fn damaged(path: &Path, error: &toml::de::Error) -> Error {
    Error::invalid(format!("{}: not the settings that an alignment is saved with: {error}", path.display()))
}
