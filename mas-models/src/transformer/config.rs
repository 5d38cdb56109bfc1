use serde::{Deserialize, Serialize};

use crate::layer_norm::LayerNorm;
use crate::parameters::{Initial, ParameterSpec};
use crate::{Error, Result};

/// Where a block's two layer norms are. With attention `A` and feed-forward `F`:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormPlacement {
    /// Before each of the two: `x ← x + A(norm₁(x))`, `x ← x + F(norm₂(x))`. Xiong et al. 2020 (arXiv 2002.04745).
    #[default]
    Before,
    /// Around the attention, with the normed stream as residual: `y = norm₁(x)`, `x ← norm₂(y + A(y))`, `x ← x + F(x)`.
    Around,
}

/// The shape of a [`Transformer`](super::Transformer); everything about it but its weights.
///
/// ```
/// use mas_models::TransformerConfig;
///
/// let config = TransformerConfig::new(128, 9);
/// assert_eq!((config.layers, config.heads), (2, 1));
/// assert!(config.with_heads(3).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TransformerConfig {
    /// Width of the embedding and of the residual stream.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads in each block; each is `width / heads` wide.
    pub heads: usize,
    /// Number of tokens that the network reads and predicts.
    pub vocabulary: usize,
    /// Share of what attention and feed-forward add to the residual stream, and of the feed-forward's hidden units, that
    /// is dropped in training.
    #[serde(default = "half")]
    pub dropout: f64,
    /// Where the layer norms are.
    #[serde(default)]
    pub norms: NormPlacement,
}

fn half() -> f64 {
    0.5
}

impl TransformerConfig {
    /// Two blocks of one head, norms before attention and feed-forward, and a dropout of 0.5, as in arXiv 2501.06164.
    pub fn new(width: usize, vocabulary: usize) -> Self {
        Self { width, layers: 2, heads: 1, vocabulary, dropout: half(), norms: NormPlacement::Before }
    }

    /// The same with another number of blocks.
    pub fn with_layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// The same with another number of heads.
    pub fn with_heads(mut self, heads: usize) -> Self {
        self.heads = heads;
        self
    }

    /// The same with another dropout.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// The same with layer norms elsewhere.
    pub fn with_norms(mut self, norms: NormPlacement) -> Self {
        self.norms = norms;
        self
    }

    /// Width of a block's feed-forward layer: four times the network's.
    pub fn feed_forward_width(&self) -> usize {
        4 * self.width
    }

    /// Whether a network can be made of this.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the key that is out of its range.
    pub fn check(&self) -> Result<()> {
        let within = |key: &str, value: usize, least: usize, most: usize| match value {
            _ if (least..=most).contains(&value) => Ok(()),
            _ => Err(Error::invalid(format!("{key} = {value}, must lie between {least} and {most}"))),
        };
        within("width", self.width, 2, 1 << 14)?;
        within("layers", self.layers, 1, 64)?;
        within("heads", self.heads, 1, self.width / 2)?;
        within("vocabulary", self.vocabulary, 2, 1 << 20)?;
        if !self.width.is_multiple_of(2 * self.heads) {
            return Err(Error::invalid(format!(
                "width = {}, must be a multiple of twice the {} heads: rotary encoding turns pairs within a head",
                self.width, self.heads
            )));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::invalid(format!("dropout = {}, must be at least 0 and below 1", self.dropout)));
        }
        Ok(())
    }

    /// Number of parameters that training learns.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(ParameterSpec::count).sum()
    }

    /// All parameters, in the order in which they are drawn, saved and optimised.
    ///
    /// They are drawn as PyTorch does: the embedding from N(0, 1), layers uniformly in ± 1/√inputs, biases included.
    pub(crate) fn parameters(&self) -> Vec<ParameterSpec> {
        let (width, wide, vocabulary) = (self.width, self.feed_forward_width(), self.vocabulary);
        let linear = |name: &str, [inputs, outputs]: [usize; 2]| {
            let initial = Initial::Uniform { inputs };
            [
                ParameterSpec::matrix(format!("{name}.w"), [inputs, outputs], initial),
                ParameterSpec::vector(format!("{name}.b"), outputs, initial),
            ]
        };
        let norm = |name: &str| LayerNorm::specs(width).map(|spec| spec.within(name));
        let mut specs = vec![ParameterSpec::matrix("embedding", [vocabulary, width], Initial::Normal)];
        for layer in 0..self.layers {
            let mut block = Vec::from(norm("norm_1"));
            for name in ["query", "key", "value", "output"] {
                block.extend(linear(name, [width, width]));
            }
            block.extend(norm("norm_2"));
            block.extend(linear("expand", [width, wide]));
            block.extend(linear("contract", [wide, width]));
            specs.extend(block.into_iter().map(|spec| spec.within(format!("layer.{layer}"))));
        }
        specs.extend(norm("norm"));
        specs.extend(linear("read_out", [width, vocabulary]));
        specs
    }
}
