//! The architectures that a study can train, and where they can be read and written.

use mas_models::CellKind;
use serde::{Deserialize, Serialize};

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Architecture {
    /// Gated recurrent units.
    Gru,
}

impl Architecture {
    /// All that can be trained.
    pub const ALL: [Self; 1] = [Self::Gru];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gru => "gru",
        }
    }

    /// As many layers as the paper's networks have.
    pub fn default_layers(self) -> usize {
        match self {
            Self::Gru => 1,
        }
    }

    /// The architecture of a network with its width and layers, if it is one of these.
    pub(super) fn of(shape: &mas_models::Architecture) -> Option<(Self, usize, usize)> {
        match shape {
            mas_models::Architecture::Recurrent(config) if config.cell == CellKind::Gru => {
                Some((Self::Gru, config.width, config.layers))
            }
            _ => None,
        }
    }

    /// The sites of a network with so many layers.
    pub fn sites(self, layers: usize) -> Vec<String> {
        let numbered = (0..layers).map(|layer| format!("hidden.{layer}"));
        ["embedding".to_string(), "hidden".to_string()].into_iter().chain(numbered).collect()
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
