use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor};
use mas_core::{Site, Trials};

use super::LanguageConfig;
use super::block::Block;
use super::linear::Linear;
use super::norm::Norm;
use super::precision::times;
use crate::decoder::{self, Decoder, Layout, Memory, Rotary};
use crate::packing::indices;
use crate::parameters::{Parameters, draw};
use crate::run::{Feedback, Run};
use crate::{Precision, Result};

/// A causal language model.
///
/// ```
/// use burn::tensor::Device;
/// use mas_models::{Activation, Family, LanguageConfig, Precision, Sampling};
///
/// let config = LanguageConfig {
///     family: Family::Gpt2,
///     width: 16,
///     layers: 2,
///     heads: 2,
///     key_value_heads: 2,
///     head_width: 8,
///     feed_forward_width: 64,
///     vocabulary: 50,
///     context: 32,
///     norm_epsilon: 1e-5,
///     activation: Activation::GeluTanh,
///     query_bias: true,
///     output_bias: true,
///     feed_forward_bias: true,
///     parallel: false,
///     tied: true,
///     precision: Precision::F32,
///     end_tokens: vec![],
///     rotary: None,
/// };
/// let network = config.init(12345, &Device::flex())?;
/// let continued = network.generate(&[vec![3, 1, 4]], 5, &Sampling::Greedy, &[], |_| true)?;
/// assert_eq!(continued[0].tokens.len(), 5);
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct LanguageModel {
    embedding: Param<Tensor<2>>,
    positions: Option<Param<Tensor<2>>>,
    blocks: Vec<Block>,
    norm: Norm,
    read_out: Option<Linear>,
    #[module(skip)]
    config: LanguageConfig,
}

impl LanguageConfig {
    /// A network with random weights; the same seed gives the same bytes on every device.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn init(&self, seed: u64, device: &Device) -> Result<LanguageModel> {
        self.check()?;
        let parameters = draw(&self.parameters(), seed, device);
        let kept = match self.precision {
            Precision::F32 => DType::F32,
            Precision::F16 => DType::F16,
            Precision::Bf16 => DType::BF16,
        };
        LanguageModel::from_parameters(self, parameters.into_iter().map(|drawn| drawn.cast(kept)).collect())
    }
}

impl LanguageModel {
    /// A network of these parameters, in the order of [`LanguageConfig::parameters`].
    pub(crate) fn from_parameters(config: &LanguageConfig, parameters: Vec<Tensor<2>>) -> Result<Self> {
        let mut parameters = Parameters::new(&config.parameters(), parameters)?;
        let shifted = !config.family.is_llama_like();
        Ok(Self {
            embedding: parameters.next()?,
            positions: config.rotary.is_none().then(|| parameters.next()).transpose()?,
            blocks: (0..config.layers)
                .map(|_| Block::from_parameters(config, &mut parameters))
                .collect::<Result<_>>()?,
            norm: Norm::from_parameters(&mut parameters, shifted)?,
            read_out: match config.tied {
                true => None,
                false => Some(Linear::from_parameters(&mut parameters, false)?),
            },
            config: config.clone(),
        })
    }

    /// The parameters in the order of [`LanguageConfig::parameters`].
    pub(crate) fn parameters(&self) -> Vec<Tensor<2>> {
        let mut parameters = vec![&self.embedding];
        parameters.extend(&self.positions);
        parameters.extend(self.blocks.iter().flat_map(Block::parameters));
        parameters.extend(self.norm.parameters());
        parameters.extend(self.read_out.iter().flat_map(Linear::parameters));
        parameters.into_iter().map(Param::val).collect()
    }

    /// The same with adapters at the queries and the values of every block, in that order.
    pub(super) fn with_adapters(self, adapters: Vec<[Tensor<2>; 2]>, scale: f64) -> Self {
        let mut pairs = adapters.into_iter();
        let blocks = self.blocks.into_iter().map(|block| match (pairs.next(), pairs.next()) {
            (Some(query), Some(value)) => block.with_adapters([query, value], scale),
            _ => block,
        });
        Self { blocks: blocks.collect(), ..self }
    }

    /// What it is made of.
    pub fn config(&self) -> &LanguageConfig {
        &self.config
    }

    /// Where its weights are.
    pub fn device(&self) -> Device {
        self.embedding.val().device()
    }

    /// The sites that can be read and written: `embedding` and `layer.i`, the residual stream after block i, from 0.
    pub fn sites(&self) -> Vec<Site> {
        let LanguageConfig { width, layers, .. } = self.config;
        let layers = (0..layers).map(|layer| Site::new(format!("layer.{layer}"), width));
        [Site::new("embedding", width)].into_iter().chain(layers).collect()
    }

    /// Runs the network over every token of `trials`; [`Run::hidden`] is the residual stream after each block.
    ///
    /// # Errors
    /// No trials, a token outside the vocabulary, or more tokens than the context.
    pub fn run(&self, trials: &Trials, feedback: Feedback) -> Result<Run> {
        decoder::run(self, trials, feedback)
    }

    /// What is read out: the residual stream after the last block, normed.
    ///
    /// - `stream`: `[vector, width]`
    /// - returns: `[vector, width]`
    pub fn normed(&self, stream: Tensor<2>) -> Tensor<2> {
        self.norm.forward(stream, self.config.norm_epsilon)
    }
}

/// Positions that are read at once, which bounds memory.
const AT_ONCE: usize = 4096;

/// Positions of which a gradient is computed at once; all activity of all blocks is kept for it.
const GRADIENT_AT_ONCE: usize = 512;

impl Decoder for LanguageModel {
    fn device(&self) -> Device {
        self.device()
    }

    fn frozen(&self) -> Self {
        self.valid()
    }

    fn vocabulary(&self) -> usize {
        self.config.vocabulary
    }

    fn layers(&self) -> usize {
        self.config.layers
    }

    fn context(&self) -> usize {
        self.config.context
    }

    fn sites(&self) -> Vec<Site> {
        self.sites()
    }

    fn kept_width(&self) -> usize {
        self.config.key_value_heads * self.config.head_width
    }

    fn rotary(&self) -> Option<Rotary> {
        self.config.rotary
    }

    fn rows_at_once(&self, longest: usize) -> usize {
        (AT_ONCE / longest.max(1)).max(1)
    }

    fn gradient_rows_at_once(&self, longest: usize) -> usize {
        (GRADIENT_AT_ONCE / longest.max(1)).max(1)
    }

    fn embed(&self, tokens: Tensor<1, Int>, positions: &[usize]) -> Tensor<2> {
        let embedded = self.embedding.val().select(0, tokens).cast(DType::F32);
        match &self.positions {
            Some(learned) => {
                let positions: Vec<i32> = positions.iter().map(|&position| position as i32).collect();
                embedded + learned.val().select(0, indices(&positions, &self.device())).cast(DType::F32)
            }
            None => embedded,
        }
    }

    fn block(
        &self,
        layer: usize,
        stream: Tensor<2>,
        layout: &Layout,
        memory: &mut Memory,
        _dropout: Option<Tensor<2>>,
    ) -> Tensor<2> {
        self.blocks[layer].forward(&self.config, stream, layout, memory)
    }

    fn logits(&self, stream: Tensor<2>) -> Tensor<2> {
        let normed = self.normed(stream);
        match &self.read_out {
            Some(read_out) => read_out.forward(normed),
            None => times(normed, self.embedding.val()),
        }
    }
}
