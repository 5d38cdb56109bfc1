use serde::{Deserialize, Serialize};

use super::Precision;
use super::linear::Linear;
use super::norm::Norm;
use crate::decoder::Rotary;
use crate::parameters::{Initial, ParameterSpec};
use crate::{Error, Result};

/// A family of language models: what its members have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Llama, SmolLM2, TinyLlama: root-mean-square norms, a gated feed-forward layer, rotary encoding. Touvron et al.
    /// 2023 (arXiv 2302.13971).
    Llama,
    /// Qwen2 and its distillations: Llama with biases on queries, keys and values. Yang et al. 2024 (arXiv 2407.10671).
    Qwen2,
    /// GPT-2: layer norms, learned positions. Radford et al. 2019.
    Gpt2,
    /// GPT-NeoX and Pythia: layer norms, rotary encoding of a part of each head, attention and feed-forward layer side by
    /// side. Black et al. 2022 (arXiv 2204.06745).
    GptNeox,
}

impl Family {
    /// Whether its norms take no mean off and have no shift, and its feed-forward layer is gated.
    pub(super) fn is_llama_like(self) -> bool {
        matches!(self, Self::Llama | Self::Qwen2)
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "Llama",
            Self::Qwen2 => "Qwen2",
            Self::Gpt2 => "GPT-2",
            Self::GptNeox => "GPT-NeoX",
        }
    }
}

/// What a feed-forward layer does with its hidden units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x σ(x)`.
    Silu,
    /// `x Φ(x)`, exactly.
    Gelu,
    /// `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    GeluTanh,
}

/// The shape of a [`LanguageModel`](super::LanguageModel); everything about it but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LanguageConfig {
    /// What family it is of.
    pub family: Family,
    /// Width of the embedding and of the residual stream.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads in each block.
    pub heads: usize,
    /// Heads of keys and of values, each shared by as many heads of queries as another.
    pub key_value_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Width of a block's feed-forward layer.
    pub feed_forward_width: usize,
    /// Number of tokens that the network reads and predicts.
    pub vocabulary: usize,
    /// How many tokens it can read.
    pub context: usize,
    /// Added to the variance in norms.
    pub norm_epsilon: f64,
    /// What the feed-forward layer does with its hidden units.
    pub activation: Activation,
    /// Whether queries, keys and values have biases.
    pub query_bias: bool,
    /// Whether the attention's output has a bias.
    pub output_bias: bool,
    /// Whether the feed-forward layer has biases.
    pub feed_forward_bias: bool,
    /// Whether attention and feed-forward layer read the same stream, side by side.
    #[serde(default)]
    pub parallel: bool,
    /// Whether the read-out is the embedding.
    pub tied: bool,
    /// The type in which weights are kept.
    #[serde(default)]
    pub precision: Precision,
    /// The tokens that end a text or a turn, after which nothing is generated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub end_tokens: Vec<u32>,
    /// How queries and keys are turned by their position; of GPT-2, which learns its positions, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotary: Option<Rotary>,
}

/// The standard deviation of first weights, as in all of these families.
const DEVIATION: f32 = 0.02;

impl LanguageConfig {
    /// Whether a network can be made of this.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the key that is out of its range.
    pub fn check(&self) -> Result<()> {
        let within = |key: &str, value: usize, least: usize, most: usize| match value {
            _ if (least..=most).contains(&value) => Ok(()),
            _ => Err(Error::invalid(format!("{key} = {value}, must lie between {least} and {most}"))),
        };
        within("width", self.width, 1, 1 << 16)?;
        within("layers", self.layers, 1, 1 << 10)?;
        within("heads", self.heads, 1, 1 << 10)?;
        within("key-value-heads", self.key_value_heads, 1, self.heads)?;
        within("head-width", self.head_width, 1, 1 << 12)?;
        within("feed-forward-width", self.feed_forward_width, 1, 1 << 20)?;
        within("vocabulary", self.vocabulary, 2, 1 << 24)?;
        within("context", self.context, 1, 1 << 28)?;
        if !self.heads.is_multiple_of(self.key_value_heads) {
            return Err(Error::invalid(format!(
                "heads = {}, must be a multiple of key-value-heads = {}",
                self.heads, self.key_value_heads
            )));
        }
        if !(self.norm_epsilon.is_finite() && self.norm_epsilon > 0.0) {
            return Err(Error::invalid(format!("norm-epsilon = {}, must be above 0", self.norm_epsilon)));
        }
        if let Some(end) = self.end_tokens.iter().find(|&&end| end as usize >= self.vocabulary) {
            return Err(Error::invalid(format!(
                "end-tokens has {end}, must be below vocabulary = {}",
                self.vocabulary
            )));
        }
        match (self.family, self.rotary) {
            (Family::Gpt2, None) => within("context", self.context, 1, 1 << 20),
            (Family::Gpt2, Some(_)) => Err(Error::invalid("GPT-2 learns its positions and has no rotary encoding")),
            (family, None) => Err(Error::invalid(format!("{} needs a rotary encoding", family.name()))),
            (_, Some(rotary @ Rotary { base, width })) => {
                if !(base.is_finite() && base > 1.0) {
                    return Err(Error::invalid(format!("rotary.base = {base}, must be above 1")));
                }
                within("rotary.width", width, 1, self.head_width)?;
                within("head-width", self.head_width, 2 * rotary.pairs(), 1 << 12)
            }
        }
    }

    /// Number of parameters.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(ParameterSpec::count).sum()
    }

    /// All parameters, in the order in which they are drawn, saved and optimised. Weights are drawn from N(0, 0.02²).
    pub(crate) fn parameters(&self) -> Vec<ParameterSpec> {
        let Self { width, feed_forward_width: wide, vocabulary, .. } = *self;
        let (queries, kept) = (self.heads * self.head_width, self.key_value_heads * self.head_width);
        let shifted = !self.family.is_llama_like();
        let table = |name: &str, rows: usize| {
            ParameterSpec::matrix(name, [rows, width], Initial::Spread { deviation: DEVIATION })
        };
        let mut specs = vec![table("embedding", vocabulary)];
        if self.rotary.is_none() {
            specs.push(table("positions", self.context));
        }
        for layer in 0..self.layers {
            let mut block: Vec<ParameterSpec> = Norm::specs("norm_1", width, shifted).collect();
            let mut linear =
                |name: &str, shape: [usize; 2], bias: bool| block.extend(Linear::specs(name, shape, bias, DEVIATION));
            linear("query", [width, queries], self.query_bias);
            linear("key", [width, kept], self.query_bias);
            linear("value", [width, kept], self.query_bias);
            linear("output", [queries, width], self.output_bias);
            block.extend(Norm::specs("norm_2", width, shifted));
            let mut linear = |name: &str, shape: [usize; 2]| {
                block.extend(Linear::specs(name, shape, self.feed_forward_bias, DEVIATION));
            };
            if self.family.is_llama_like() {
                linear("gate", [width, wide]);
            }
            linear("expand", [width, wide]);
            linear("contract", [wide, width]);
            specs.extend(block.into_iter().map(|spec| spec.within(format!("layer.{layer}"))));
        }
        specs.extend(Norm::specs("norm", width, shifted));
        if !self.tied {
            specs.extend(Linear::specs("read_out", [width, vocabulary], false, DEVIATION));
        }
        specs
    }
}
