//! The parameters that a fine-tuning changes, and the network that they make.

use burn::tensor::Tensor;

use super::Tuned;
use crate::Result;
use crate::language::{LanguageConfig, LanguageModel};
use crate::parameters::{Initial, ParameterSpec, draw};

impl Tuned {
    /// The parameters that are learned.
    pub(super) fn specs(self, config: &LanguageConfig) -> Vec<ParameterSpec> {
        match self {
            Self::Lora { rank, .. } => {
                let (width, head) = (config.width, config.head_width);
                let outputs = [("query", config.heads * head), ("value", config.key_value_heads * head)];
                let of_layer = |layer: usize| {
                    outputs.into_iter().flat_map(move |(module, outputs)| {
                        let a = Initial::Uniform { inputs: width };
                        let a = ParameterSpec::matrix(format!("{module}.a"), [width, rank], a);
                        let b = ParameterSpec::matrix(format!("{module}.b"), [rank, outputs], Initial::Zeros);
                        [a, b].map(|spec| spec.within(format!("layer.{layer}")))
                    })
                };
                (0..config.layers).flat_map(of_layer).collect()
            }
            _ => config.parameters().into_iter().filter(|spec| self.includes(&spec.name)).collect(),
        }
    }

    /// Whether one of the network's own parameters is learned.
    fn includes(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Lora { .. } => false,
            Self::From { layer } => match name.strip_prefix("layer.").and_then(|rest| rest.split('.').next()) {
                Some(number) => number.parse().is_ok_and(|number: usize| number >= layer),
                None => name.starts_with("norm.") || name.starts_with("read_out."),
            },
        }
    }

    /// What they are in the beginning, in the order of [`specs`](Self::specs).
    pub(super) fn first(self, base: &LanguageModel, seed: u64) -> Vec<Tensor<2>> {
        match self {
            Self::Lora { .. } => draw(&self.specs(base.config()), seed, &base.device()),
            _ => {
                let named = base.config().parameters().into_iter().zip(base.parameters());
                named.filter(|(spec, _)| self.includes(&spec.name)).map(|(_, value)| value.inner()).collect()
            }
        }
    }

    /// The network that learns, with what it learns tracked, and these parameters in it.
    pub(super) fn tracked(self, base: &LanguageModel, values: &[Tensor<2>]) -> Result<(LanguageModel, Vec<Tensor<2>>)> {
        let values: Vec<Tensor<2>> = values.iter().map(|value| value.clone().autodiff().require_grad()).collect();
        if let Self::Lora { scale, .. } = self {
            let network = base.clone().with_adapters(pairs(&values), scale);
            return Ok((network, values));
        }
        Ok((self.replaced(base, &values)?, values))
    }

    /// The network that has learned.
    pub(super) fn network(self, base: &LanguageModel, values: &[Tensor<2>]) -> Result<LanguageModel> {
        let Self::Lora { scale, .. } = self else { return self.replaced(base, values) };
        let mut changes = pairs(values).into_iter();
        let mut change = || changes.next().map(|[a, b]| a.matmul(b).transpose() * scale);
        let named = base.config().parameters().into_iter().zip(base.parameters());
        let merged = named.map(|(spec, value)| {
            let adapted = spec.name.ends_with(".query.w") || spec.name.ends_with(".value.w");
            match adapted.then(&mut change).flatten() {
                Some(change) => value + change,
                None => value,
            }
        });
        LanguageModel::from_parameters(base.config(), merged.collect())
    }

    fn replaced(self, base: &LanguageModel, values: &[Tensor<2>]) -> Result<LanguageModel> {
        let mut values = values.iter();
        let named = base.config().parameters().into_iter().zip(base.parameters());
        let parameters = named.map(|(spec, kept)| match self.includes(&spec.name) {
            true => values.next().cloned().unwrap_or(kept),
            false => kept,
        });
        LanguageModel::from_parameters(base.config(), parameters.collect())
    }
}

/// Adapters as their two factors.
fn pairs(values: &[Tensor<2>]) -> Vec<[Tensor<2>; 2]> {
    values.as_chunks::<2>().0.to_vec()
}
