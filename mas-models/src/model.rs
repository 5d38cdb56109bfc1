use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mas_core::{Network, Trials};

use crate::run::{Feedback, Run};
use crate::{Architecture, Frozen, FrozenDecoder, FrozenTransformer, LanguageModel, Recurrent, Result, Transformer};

/// A network with its weights, of any architecture of this crate: what is trained, saved, loaded and imported.
///
/// ```
/// use burn::tensor::Device;
/// use mas_core::Recorded;
/// use mas_models::{Architecture, TransformerConfig};
///
/// let network = Architecture::from(TransformerConfig::new(16, 9)).init(12345, &Device::flex())?;
/// let sites: Vec<String> = network.freeze("mine").sites().into_iter().map(|site| site.name).collect();
/// assert_eq!(sites, ["embedding", "layer.0", "layer.1", "logits"]);
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)]
pub enum Model {
    /// Embedding, layers of recurrent cells, read-out.
    Recurrent(Recurrent),
    /// Embedding, blocks of attention and feed-forward layers, read-out.
    Transformer(Transformer),
    /// A causal language model.
    Language(LanguageModel),
}

impl From<LanguageModel> for Model {
    fn from(network: LanguageModel) -> Self {
        Self::Language(network)
    }
}

impl From<Recurrent> for Model {
    fn from(network: Recurrent) -> Self {
        Self::Recurrent(network)
    }
}

impl From<Transformer> for Model {
    fn from(network: Transformer) -> Self {
        Self::Transformer(network)
    }
}

impl Model {
    /// What it is made of.
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::Recurrent(network) => network.config().clone().into(),
            Self::Transformer(network) => network.config().clone().into(),
            Self::Language(network) => network.config().clone().into(),
        }
    }

    /// Where its weights are.
    pub fn device(&self) -> Device {
        match self {
            Self::Recurrent(network) => network.device(),
            Self::Transformer(network) => network.device(),
            Self::Language(network) => network.device(),
        }
    }

    /// The recurrent network, if it is one.
    pub fn recurrent(&self) -> Option<&Recurrent> {
        if let Self::Recurrent(network) = self { Some(network) } else { None }
    }

    /// The transformer, if it is one.
    pub fn transformer(&self) -> Option<&Transformer> {
        if let Self::Transformer(network) = self { Some(network) } else { None }
    }

    /// The language model, if it is one.
    pub fn language(&self) -> Option<&LanguageModel> {
        if let Self::Language(network) = self { Some(network) } else { None }
    }

    /// Runs the network over every token of `trials`.
    ///
    /// # Errors
    /// No trials, or a token outside the vocabulary.
    pub fn run(&self, trials: &Trials, feedback: Feedback) -> Result<Run> {
        match self {
            Self::Recurrent(network) => network.run(trials, feedback),
            Self::Transformer(network) => network.run(trials, feedback),
            Self::Language(network) => network.run(trials, feedback),
        }
    }

    /// Freezes the network under a name: what interchange interventions need.
    pub fn freeze(self, name: impl Into<String>) -> Box<dyn Network> {
        match self {
            Self::Recurrent(network) => Box::new(Frozen::new(name, network)),
            Self::Transformer(network) => Box::new(FrozenTransformer::new(name, network)),
            Self::Language(network) => Box::new(FrozenDecoder::new(name, network)),
        }
    }

    /// The same without autodiff.
    pub(crate) fn valid(&self) -> Self {
        match self {
            Self::Recurrent(network) => network.valid().into(),
            Self::Transformer(network) => network.valid().into(),
            Self::Language(network) => network.valid().into(),
        }
    }

    /// A network of these parameters, in the order of [`Architecture::parameters`].
    pub(crate) fn from_parameters(architecture: &Architecture, parameters: Vec<Tensor<2>>) -> Result<Self> {
        Ok(match architecture {
            Architecture::Recurrent(config) => Recurrent::from_parameters(config, parameters)?.into(),
            Architecture::Transformer(config) => Transformer::from_parameters(config, parameters)?.into(),
            Architecture::Language(config) => LanguageModel::from_parameters(config, parameters)?.into(),
        })
    }

    /// The parameters in the order of [`Architecture::parameters`].
    pub(crate) fn parameters(&self) -> Vec<Tensor<2>> {
        match self {
            Self::Recurrent(network) => network.parameters(),
            Self::Transformer(network) => network.parameters(),
            Self::Language(network) => network.parameters(),
        }
    }
}
