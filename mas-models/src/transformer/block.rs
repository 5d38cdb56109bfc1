use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::linear::Linear;
use super::{NormPlacement, TransformerConfig};
use crate::Result;
use crate::decoder::{Layout, Memory};
use crate::layer_norm::LayerNorm;
use crate::nonlinearity::gelu;
use crate::parameters::Parameters;

/// A block: causal attention with rotary encoding and a feed-forward layer with an exact GELU, each added to the
/// residual stream.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm_1: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm_2: LayerNorm,
    expand: Linear,
    contract: Linear,
}

/// Tensors of `[vector, width]` that a block's dropout takes: one for what attention adds, four for the hidden units of
/// the feed-forward layer, one for what that adds.
pub(super) const DROPOUT: usize = 6;

impl Block {
    /// The residual stream after the block.
    ///
    /// - `stream`: `[vector, width]`
    /// - `memory`: of earlier positions; is given those of these
    /// - `dropout`: 0 where dropped, else 1 / (1 − p), `[DROPOUT · vector, width]`
    /// - returns: `[vector, width]`
    pub fn forward(
        &self,
        config: &TransformerConfig,
        stream: Tensor<2>,
        layout: &Layout,
        memory: &mut Memory,
        dropout: Option<Tensor<2>>,
    ) -> Tensor<2> {
        let [vectors, width] = stream.dims();
        let factors = |from: usize, tensors: usize| {
            let factors = dropout.clone().map(|factors| factors.narrow(0, from * vectors, tensors * vectors));
            move |x: Tensor<2>| match factors {
                Some(factors) => x * factors.reshape([vectors, tensors * width]),
                None => x,
            }
        };
        let (drop_attention, drop_units, drop_added) = (factors(0, 1), factors(1, 4), factors(5, 1));
        let feed_forward = |x: Tensor<2>| drop_added(self.contract.forward(drop_units(gelu(self.expand.forward(x)))));
        let normed = self.norm_1.forward(stream.clone());
        let attended = drop_attention(self.attend(config, normed.clone(), layout, memory));
        match config.norms {
            NormPlacement::Before => {
                let stream = stream + attended;
                stream.clone() + feed_forward(self.norm_2.forward(stream))
            }
            NormPlacement::Around => {
                let stream = self.norm_2.forward(normed + attended);
                stream.clone() + feed_forward(stream)
            }
        }
    }

    fn attend(&self, config: &TransformerConfig, x: Tensor<2>, layout: &Layout, memory: &mut Memory) -> Tensor<2> {
        let heads = config.heads;
        let keys = layout.pad(layout.rotate(self.key.forward(x.clone()), heads));
        let values = layout.pad(self.value.forward(x.clone()));
        let [keys, values] = memory.extend(keys, values);
        let queries = layout.pad(layout.rotate(self.query.forward(x), heads));
        self.output.forward(layout.pack(layout.attend(queries, keys, values, [heads; 2])))
    }

    /// The parameters in the order of [`TransformerConfig::parameters`].
    pub fn parameters(&self) -> Vec<&Param<Tensor<2>>> {
        let Self { norm_1, query, key, value, output, norm_2, expand, contract } = self;
        let mut parameters = Vec::from(norm_1.parameters());
        parameters.extend([query, key, value, output].into_iter().flat_map(Linear::parameters));
        parameters.extend(norm_2.parameters());
        parameters.extend([expand, contract].into_iter().flat_map(Linear::parameters));
        parameters
    }

    pub fn from_parameters(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self {
            norm_1: LayerNorm::from_parameters(parameters)?,
            query: Linear::from_parameters(parameters)?,
            key: Linear::from_parameters(parameters)?,
            value: Linear::from_parameters(parameters)?,
            output: Linear::from_parameters(parameters)?,
            norm_2: LayerNorm::from_parameters(parameters)?,
            expand: Linear::from_parameters(parameters)?,
            contract: Linear::from_parameters(parameters)?,
        })
    }
}
