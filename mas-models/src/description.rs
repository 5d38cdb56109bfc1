use serde::{Deserialize, Serialize};

use crate::training::{StopReason, Trained, TrainingSettings};
use crate::{Architecture, FineTuningSettings, Result, Vocabulary};

/// Everything about a saved network but its weights: the contents of `network.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkDescription {
    /// Version of the folder's format, [`FORMAT`].
    pub format: u32,
    /// The task that it does, by its command-line id (`multi-object`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Whether its training met the mark of [`TrainingSettings::accept_at`]; nothing for a network that was
    /// not trained here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// The seed of its initial weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Its shape.
    pub architecture: Architecture,
    /// Its tokens; none of a language model, whose tokens are its tokenizer's.
    #[serde(default)]
    pub vocabulary: Vocabulary,
    /// How it was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingSummary>,
    /// How a language model was fine-tuned, and on what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine_tuning: Option<FineTuningSummary>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// The format of network folders that this version writes.
pub const FORMAT: u32 = 1;

/// How a network was trained and how that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainingSummary {
    /// Epochs done.
    pub epochs: usize,
    /// Optimiser steps done.
    pub steps: u64,
    /// Why it ended.
    pub stopped: StopReason,
    /// Share of validation trials fully right at the end.
    pub validation_accuracy: f64,
    /// What was asked for.
    pub settings: TrainingSettings,
}

/// How a language model was fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FineTuningSummary {
    /// BLAKE3 of the weights that it began with.
    pub base_blake3: Option<String>,
    /// Names of the files with the text.
    pub text: Vec<String>,
    /// Pieces that the text was cut to, and how many tokens one has at most.
    pub pieces: usize,
    /// The most tokens of a piece.
    pub length: usize,
    /// Steps done.
    pub steps: u64,
    /// Mean cross-entropy of the last step's next tokens, in nats.
    pub loss: f64,
    /// What was asked for.
    pub settings: FineTuningSettings,
}

/// Where a network comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provenance {
    /// What made it.
    pub origin: Origin,
    /// The version of this crate that wrote it.
    pub version: String,
    /// The file that it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// BLAKE3 of that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_blake3: Option<String>,
    /// BLAKE3 of `weights.safetensors`, filled in on saving and checked on loading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_blake3: Option<String>,
}

/// What made a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Random weights, never trained: a control.
    Initialised,
    /// Training by this crate.
    Trained,
    /// A file made elsewhere.
    Imported,
}

impl Provenance {
    /// What this version of this crate makes.
    pub fn here(origin: Origin) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Self { origin, version, source: None, source_blake3: None, weights_blake3: None }
    }
}

impl NetworkDescription {
    /// A network that has just been made, with random weights.
    pub fn initialised(architecture: impl Into<Architecture>, vocabulary: Vocabulary, seed: u64) -> Self {
        Self {
            format: FORMAT,
            task: None,
            accepted: None,
            seed: Some(seed),
            architecture: architecture.into(),
            vocabulary,
            training: None,
            fine_tuning: None,
            provenance: Provenance::here(Origin::Initialised),
        }
    }

    /// The same after a training.
    pub fn after(self, trained: &Trained) -> Self {
        Self {
            accepted: Some(trained.accepted),
            training: Some(trained.summary.clone()),
            provenance: Provenance { origin: Origin::Trained, ..self.provenance },
            ..self
        }
    }

    /// Whether the parts fit each other.
    ///
    /// # Errors
    /// A format of a newer version, a shape or a vocabulary that cannot be, or a vocabulary of another size
    /// than the network's.
    pub fn check(&self) -> Result<()> {
        let invalid = |message| Err(crate::Error::Invalid(message));
        if self.format != FORMAT {
            return invalid(format!("format = {}, but this version reads format {FORMAT}", self.format));
        }
        self.architecture.check()?;
        if matches!(self.architecture, Architecture::Language(_)) && self.vocabulary == Vocabulary::default() {
            // Its tokens are its tokenizer's.
            return Ok(());
        }
        self.vocabulary.check()?;
        if self.vocabulary.len() != self.architecture.vocabulary() {
            return invalid(format!(
                "the architecture has a vocabulary of {}, but there are {} tokens",
                self.architecture.vocabulary(),
                self.vocabulary.len()
            ));
        }
        Ok(())
    }
}
