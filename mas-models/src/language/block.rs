use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::linear::Linear;
use super::norm::Norm;
use super::{Activation, LanguageConfig};
use crate::Result;
use crate::decoder::{Layout, Memory};
use crate::nonlinearity::{gelu, silu, tanh};
use crate::parameters::Parameters;

/// A block: causal attention and a feed-forward layer, which may be gated, each of the normed stream and added to it, one
/// after the other or side by side.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm_1: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm_2: Norm,
    gate: Option<Linear>,
    expand: Linear,
    contract: Linear,
}

impl Block {
    /// The residual stream after the block.
    ///
    /// - `stream`: `[vector, width]`
    /// - `memory`: of earlier positions; is given those of these
    /// - returns: `[vector, width]`
    pub fn forward(
        &self,
        config: &LanguageConfig,
        stream: Tensor<2>,
        layout: &Layout,
        memory: &mut Memory,
    ) -> Tensor<2> {
        let epsilon = config.norm_epsilon;
        let attended = self.attend(config, self.norm_1.forward(stream.clone(), epsilon), layout, memory);
        if config.parallel {
            let fed = self.feed_forward(config, self.norm_2.forward(stream.clone(), epsilon));
            return stream + attended + fed;
        }
        let stream = stream + attended;
        stream.clone() + self.feed_forward(config, self.norm_2.forward(stream, epsilon))
    }

    fn attend(&self, config: &LanguageConfig, x: Tensor<2>, layout: &Layout, memory: &mut Memory) -> Tensor<2> {
        let (heads, shared) = (config.heads, config.key_value_heads);
        let keys = layout.pad(layout.rotate(self.key.forward(x.clone()), shared));
        let values = layout.pad(self.value.forward(x.clone()));
        let [keys, values] = memory.extend(keys, values);
        let queries = layout.pad(layout.rotate(self.query.forward(x), heads));
        self.output.forward(layout.pack(layout.attend(queries, keys, values, [heads, shared])))
    }

    fn feed_forward(&self, config: &LanguageConfig, x: Tensor<2>) -> Tensor<2> {
        let activate = |x: Tensor<2>| match config.activation {
            Activation::Silu => silu(x),
            Activation::Gelu => gelu(x),
            Activation::GeluTanh => gelu_tanh(x),
        };
        let units = match &self.gate {
            Some(gate) => activate(gate.forward(x.clone())) * self.expand.forward(x),
            None => activate(self.expand.forward(x)),
        };
        self.contract.forward(units)
    }

    /// The same with adapters at queries and values.
    pub fn with_adapters(self, [query, value]: [[Tensor<2>; 2]; 2], scale: f64) -> Self {
        Self { query: self.query.with_adapter(query, scale), value: self.value.with_adapter(value, scale), ..self }
    }

    /// The parameters in the order of [`LanguageConfig::parameters`].
    pub fn parameters(&self) -> Vec<&Param<Tensor<2>>> {
        let Self { norm_1, query, key, value, output, norm_2, gate, expand, contract } = self;
        let mut parameters: Vec<_> = norm_1.parameters().collect();
        parameters.extend([query, key, value, output].into_iter().flat_map(Linear::parameters));
        parameters.extend(norm_2.parameters());
        parameters.extend(gate.iter().chain([expand, contract]).flat_map(Linear::parameters));
        parameters
    }

    pub fn from_parameters(config: &LanguageConfig, parameters: &mut Parameters) -> Result<Self> {
        let shifted = !config.family.is_llama_like();
        let feed_forward_bias = config.feed_forward_bias;
        Ok(Self {
            norm_1: Norm::from_parameters(parameters, shifted)?,
            query: Linear::from_parameters(parameters, config.query_bias)?,
            key: Linear::from_parameters(parameters, config.query_bias)?,
            value: Linear::from_parameters(parameters, config.query_bias)?,
            output: Linear::from_parameters(parameters, config.output_bias)?,
            norm_2: Norm::from_parameters(parameters, shifted)?,
            gate: match config.family.is_llama_like() {
                true => Some(Linear::from_parameters(parameters, feed_forward_bias)?),
                false => None,
            },
            expand: Linear::from_parameters(parameters, feed_forward_bias)?,
            contract: Linear::from_parameters(parameters, feed_forward_bias)?,
        })
    }
}

/// The tanh approximation of GELU, on which GPT-2 was trained. Hendrycks & Gimpel 2016 (arXiv 1606.08415).
fn gelu_tanh(x: Tensor<2>) -> Tensor<2> {
    let inner = (x.clone().powi_scalar(3) * 0.044_715 + x.clone()) * (2.0 / std::f64::consts::PI).sqrt();
    x * (tanh(inner) + 1.0) * 0.5
}
