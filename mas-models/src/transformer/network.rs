use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};
use mas_core::{Site, Trials};

use super::TransformerConfig;
use super::block::{Block, DROPOUT};
use super::linear::Linear;
use crate::Result;
use crate::decoder::{self, Decoder, Layout, Memory, Rotary};
use crate::layer_norm::LayerNorm;
use crate::parameters::{Parameters, draw};
use crate::run::{Feedback, Run};

/// A causal transformer: embedding → blocks → layer norm → logits of the next token.
///
/// ```
/// use burn::tensor::Device;
/// use mas_core::Trials;
/// use mas_models::{Feedback, TransformerConfig};
///
/// let network = TransformerConfig::new(16, 9).init(12345, &Device::flex())?;
/// let trials = Trials::new([(&[1, 3, 7, 6, 2][..], &[false, false, false, true, true][..])], 0)?;
/// let run = network.run(&trials, Feedback::FreeRunning)?;
/// assert_eq!(run.logits.dims(), [1, 5, 9]);
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Transformer {
    embedding: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    read_out: Linear,
    #[module(skip)]
    config: TransformerConfig,
}

impl TransformerConfig {
    /// A network with random weights; the same seed gives the same bytes on every device.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn init(&self, seed: u64, device: &Device) -> Result<Transformer> {
        self.check()?;
        Transformer::from_parameters(self, draw(&self.parameters(), seed, device))
    }
}

impl Transformer {
    /// A network of these parameters, in the order of [`TransformerConfig::parameters`].
    pub(crate) fn from_parameters(config: &TransformerConfig, parameters: Vec<Tensor<2>>) -> Result<Self> {
        let mut parameters = Parameters::new(&config.parameters(), parameters)?;
        Ok(Self {
            embedding: parameters.next()?,
            blocks: (0..config.layers).map(|_| Block::from_parameters(&mut parameters)).collect::<Result<_>>()?,
            norm: LayerNorm::from_parameters(&mut parameters)?,
            read_out: Linear::from_parameters(&mut parameters)?,
            config: config.clone(),
        })
    }

    /// The parameters in the order of [`TransformerConfig::parameters`].
    pub(crate) fn parameters(&self) -> Vec<Tensor<2>> {
        let mut parameters = vec![&self.embedding];
        parameters.extend(self.blocks.iter().flat_map(Block::parameters));
        parameters.extend(self.norm.parameters());
        parameters.extend(self.read_out.parameters());
        parameters.into_iter().map(Param::val).collect()
    }

    /// What it is made of.
    pub fn config(&self) -> &TransformerConfig {
        &self.config
    }

    /// Where its weights are.
    pub fn device(&self) -> Device {
        self.embedding.val().device()
    }

    /// The sites that can be read: `embedding`, `layer.i` (the residual stream after block i, from 0), and `logits`,
    /// which are to be recorded and not interchanged.
    pub fn sites(&self) -> Vec<Site> {
        let TransformerConfig { width, layers, vocabulary, .. } = self.config;
        let layers = (0..layers).map(|layer| Site::new(format!("layer.{layer}"), width));
        let embedding = Site::new("embedding", width);
        [embedding].into_iter().chain(layers).chain([Site::new("logits", vocabulary)]).collect()
    }

    /// What the first block reads (site `embedding`).
    ///
    /// - `tokens`: `[vector]`, each below the vocabulary's size
    /// - returns: `[vector, width]`
    pub fn embed(&self, tokens: Tensor<1, Int>) -> Tensor<2> {
        self.embedding.val().select(0, tokens)
    }

    /// Logits of the next token.
    ///
    /// - `stream`: the residual stream after the last block, `[vector, width]`
    /// - returns: `[vector, vocabulary]`
    pub fn logits(&self, stream: Tensor<2>) -> Tensor<2> {
        self.read_out.forward(self.norm.forward(stream))
    }

    /// Runs the network over every token of `trials`; [`Run::hidden`] is the residual stream after each block.
    ///
    /// # Errors
    /// No trials, or a token outside the vocabulary.
    pub fn run(&self, trials: &Trials, feedback: Feedback) -> Result<Run> {
        decoder::run(self, trials, feedback)
    }

    /// The shape of all dropout factors of a run over so many positions.
    pub(crate) fn dropout_shape(&self, positions: usize) -> [usize; 2] {
        [self.config.layers * DROPOUT * positions, self.config.width]
    }
}

/// The base of rotary encoding's wavelengths.
const BASE: f64 = 10_000.0;

impl Decoder for Transformer {
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

    fn sites(&self) -> Vec<Site> {
        self.sites()
    }

    fn kept_width(&self) -> usize {
        self.config.width
    }

    /// Whole heads are turned.
    fn rotary(&self) -> Option<Rotary> {
        Some(Rotary { base: BASE, width: self.config.width / self.config.heads })
    }

    fn rows_at_once(&self, _longest: usize) -> usize {
        256
    }

    fn embed(&self, tokens: Tensor<1, Int>, _positions: &[usize]) -> Tensor<2> {
        self.embed(tokens)
    }

    fn block(
        &self,
        layer: usize,
        stream: Tensor<2>,
        layout: &Layout,
        memory: &mut Memory,
        dropout: Option<Tensor<2>>,
    ) -> Tensor<2> {
        self.blocks[layer].forward(&self.config, stream, layout, memory, dropout)
    }

    fn logits(&self, stream: Tensor<2>) -> Tensor<2> {
        self.logits(stream)
    }
}
