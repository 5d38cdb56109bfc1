//! The architectures that a study can train, and where they can be read and written.

use mas_models::{CellKind, Feedback, RecurrentConfig, TransformerConfig};
use mas_tasks::TaskKind;
use serde::{Deserialize, Serialize};

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Architecture {
    /// Gated recurrent units.
    Gru,
    /// Long short-term memories.
    Lstm,
    /// Plain recurrent layers.
    Rnn,
    /// Blocks of attention with rotary encoding.
    Transformer,
}

impl Architecture {
    /// All that can be trained.
    pub const ALL: [Self; 4] = [Self::Gru, Self::Lstm, Self::Rnn, Self::Transformer];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Rnn => "rnn",
            Self::Transformer => "transformer",
        }
    }

    /// As many layers as the paper's networks have.
    pub fn default_layers(self) -> usize {
        match self {
            Self::Gru | Self::Lstm | Self::Rnn => 1,
            Self::Transformer => 2,
        }
    }

    /// The shape of a network of this kind.
    pub fn shape(self, width: usize, layers: usize, vocabulary: usize) -> mas_models::Architecture {
        let recurrent = |cell| RecurrentConfig::new(cell, width, vocabulary).with_layers(layers).into();
        match self {
            Self::Gru => recurrent(CellKind::Gru),
            Self::Lstm => recurrent(CellKind::Lstm),
            Self::Rnn => recurrent(CellKind::Rnn),
            Self::Transformer => TransformerConfig::new(width, vocabulary).with_layers(layers).into(),
        }
    }

    /// The architecture of a network with its width and layers, if it is one of these.
    pub(super) fn of(shape: &mas_models::Architecture) -> Option<(Self, usize, usize)> {
        match shape {
            mas_models::Architecture::Recurrent(config) => {
                let kind = match config.cell {
                    CellKind::Gru => Self::Gru,
                    CellKind::Lstm => Self::Lstm,
                    CellKind::Rnn => Self::Rnn,
                    _ => return None,
                };
                Some((kind, config.width, config.layers))
            }
            mas_models::Architecture::Transformer(config) => Some((Self::Transformer, config.width, config.layers)),
            _ => None,
        }
    }

    /// The sites of a network with so many layers at which it can be compared.
    pub fn sites(self, layers: usize) -> Vec<String> {
        let numbered = |site: &'static str| (0..layers).map(move |layer| format!("{site}.{layer}"));
        let embedding = std::iter::once("embedding".to_string());
        match self {
            Self::Gru | Self::Lstm | Self::Rnn => {
                embedding.chain(std::iter::once("hidden".to_string())).chain(numbered("hidden")).collect()
            }
            Self::Transformer => embedding.chain(numbered("layer")).collect(),
        }
    }

    /// The probability that a void token is emitted in training trials: a transformer, which sees positions, would count
    /// them without.
    pub fn void_probability(self, task: TaskKind) -> f64 {
        if self == Self::Transformer && task.counts_demonstrations() { 0.2 } else { 0.0 }
    }

    /// What a network of this kind reads in the response while it is trained.
    pub fn feedback(self) -> Feedback {
        match self {
            Self::Gru | Self::Lstm | Self::Rnn => Feedback::FreeRunning,
            Self::Transformer => Feedback::TeacherForced,
        }
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(name: &str) -> Result<Self, UnknownArchitecture> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| UnknownArchitecture(name.to_owned()))
    }
}

/// What is said of a name that is no architecture's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no architecture `{0}`; there is {known}", known = Architecture::ALL.map(Architecture::name).join(", "))]
pub struct UnknownArchitecture(String);
