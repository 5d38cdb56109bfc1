//! The architectures that a study can train, and where they can be read.

use serde::{Deserialize, Serialize};

/// An architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Gated recurrent units.
    Gru,
    /// Long short-term memory.
    Lstm,
    /// Plain recurrence.
    Rnn,
    /// A transformer.
    Transformer,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Gru, Self::Lstm, Self::Rnn, Self::Transformer];

    /// The name in files.
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
            Self::Transformer => 2,
            _ => 1,
        }
    }

    /// Why a network of this width cannot be, if it cannot.
    pub(super) fn refuses_width(self, width: usize) -> Option<&'static str> {
        match self {
            Self::Lstm if width % 2 == 1 => Some("half of an LSTM's state is its cell: the width is even"),
            Self::Transformer if width % 2 == 1 => {
                Some("rotary encoding turns pairs of coordinates: the width is even")
            }
            _ => None,
        }
    }

    /// The sites of a network with so many layers.
    pub fn sites(self, layers: usize) -> Vec<String> {
        let numbered = |stem: &str| (0..layers).map(|layer| format!("{stem}.{layer}")).collect::<Vec<_>>();
        let mut sites = vec!["embedding".to_string()];
        match self {
            Self::Transformer => {
                sites.extend(numbered("layer"));
                sites.push(LOGITS.to_string());
            }
            _ => {
                sites.push("hidden".to_string());
                sites.extend(numbered("hidden"));
            }
        }
        sites
    }
}

/// A site that can be read but not written.
pub(super) const LOGITS: &str = "logits";
