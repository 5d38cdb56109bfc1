use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::parameters::ParameterSpec;
use crate::{LanguageConfig, Model, RecurrentConfig, Result, TransformerConfig};

/// The shape of a network; everything about it but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Architecture {
    /// Embedding, layers of recurrent cells, read-out.
    Recurrent(RecurrentConfig),
    /// Embedding, blocks of attention and feed-forward layers, read-out.
    Transformer(TransformerConfig),
    /// A causal language model.
    Language(LanguageConfig),
}

impl From<RecurrentConfig> for Architecture {
    fn from(config: RecurrentConfig) -> Self {
        Self::Recurrent(config)
    }
}

impl From<TransformerConfig> for Architecture {
    fn from(config: TransformerConfig) -> Self {
        Self::Transformer(config)
    }
}

impl From<LanguageConfig> for Architecture {
    fn from(config: LanguageConfig) -> Self {
        Self::Language(config)
    }
}

impl From<&RecurrentConfig> for Architecture {
    fn from(config: &RecurrentConfig) -> Self {
        config.clone().into()
    }
}

impl From<&TransformerConfig> for Architecture {
    fn from(config: &TransformerConfig) -> Self {
        config.clone().into()
    }
}

impl From<&Architecture> for Architecture {
    fn from(architecture: &Architecture) -> Self {
        architecture.clone()
    }
}

impl Architecture {
    /// A network with random weights; the same seed gives the same bytes on every device.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn init(&self, seed: u64, device: &Device) -> Result<Model> {
        Ok(match self {
            Self::Recurrent(config) => config.init(seed, device)?.into(),
            Self::Transformer(config) => config.init(seed, device)?.into(),
            Self::Language(config) => config.init(seed, device)?.into(),
        })
    }

    /// Whether a network can be made of this.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) naming the key that is out of its range.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Recurrent(config) => config.check(),
            Self::Transformer(config) => config.check(),
            Self::Language(config) => config.check(),
        }
    }

    /// Number of tokens that the network reads and predicts.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Recurrent(config) => config.vocabulary,
            Self::Transformer(config) => config.vocabulary,
            Self::Language(config) => config.vocabulary,
        }
    }

    /// Number of parameters that training learns.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(ParameterSpec::count).sum()
    }

    /// All parameters, in the order in which they are drawn, saved and optimised.
    pub(crate) fn parameters(&self) -> Vec<ParameterSpec> {
        match self {
            Self::Recurrent(config) => config.parameters(),
            Self::Transformer(config) => config.parameters(),
            Self::Language(config) => config.parameters(),
        }
    }
}

impl std::fmt::Display for Architecture {
    /// Kind, layers and width, in a few words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recurrent(config) => write!(f, "{} {} × {}", config.cell.name(), config.layers, config.width),
            Self::Transformer(config) => write!(f, "transformer {} × {}", config.layers, config.width),
            Self::Language(config) => {
                write!(f, "{} {} × {}", config.family.name(), config.layers, config.width)
            }
        }
    }
}
