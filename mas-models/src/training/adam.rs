use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::{Device, Tensor};
use std::path::Path;

use crate::parameters::ParameterSpec;
use crate::stored::{self, Stored, StoredTensors, take_parameters};
use crate::{Result, host};

/// Adam with PyTorch's constants, and its moments in the order of the parameters. Kingma & Ba 2014 (arXiv
/// 1412.6980).
pub(crate) struct Moments {
    adam: Adam,
    states: Vec<Option<AdamState<2>>>,
}

impl Moments {
    /// Before the first step.
    pub fn new(parameters: usize) -> Self {
        Self { adam: AdamConfig::new().with_epsilon(1e-8).build(), states: vec![None; parameters] }
    }

    /// The parameters after one more step.
    pub fn step(&mut self, rate: f64, parameters: Vec<Tensor<2>>, gradients: Vec<Tensor<2>>) -> Vec<Tensor<2>> {
        let Some(device) = parameters.first().map(Tensor::device) else { return Vec::new() };
        let all = parameters.into_iter().zip(gradients).zip(&mut self.states).collect();
        host::each(&device, all, |((parameter, gradient), state)| {
            let (parameter, after) = self.adam.step(rate, parameter, gradient, state.take());
            *state = after;
            parameter
        })
    }

    /// The moments, each with its name and shape in a file; none before the first step.
    pub fn named(&self, specs: &[ParameterSpec]) -> Vec<(String, Vec<usize>, Tensor<2>)> {
        let of = |(spec, state): (&ParameterSpec, &Option<AdamState<2>>)| {
            let AdamState { momentum } = state.as_ref()?;
            let moments = [("first", &momentum.moment_1), ("second", &momentum.moment_2)];
            Some(moments.map(|(order, moment)| (format!("{order}.{}", spec.name), spec.stored_shape(), moment.clone())))
        };
        specs.iter().zip(&self.states).filter_map(of).flatten().collect()
    }

    /// Adds the moments to what a checkpoint stores.
    pub fn store(&self, specs: &[ParameterSpec], tensors: &mut StoredTensors) -> Result<()> {
        for (name, shape, moment) in self.named(specs) {
            let values = Some(stored::host(&name, moment)?);
            tensors.insert(name, Stored { shape, values });
        }
        Ok(())
    }

    /// The moments out of a checkpoint, after `step` steps.
    pub fn restore(
        specs: &[ParameterSpec],
        step: u64,
        tensors: &mut StoredTensors,
        path: &Path,
        device: &Device,
    ) -> Result<Self> {
        let named =
            |order: &str| -> Vec<ParameterSpec> { specs.iter().map(|spec| spec.clone().within(order)).collect() };
        let first = take_parameters(tensors, &named("first"), path, device)?;
        let second = take_parameters(tensors, &named("second"), path, device)?;
        Ok(Self::after(step, first, second))
    }

    /// First and second moments after `step` steps.
    pub fn after(step: u64, first: Vec<Tensor<2>>, second: Vec<Tensor<2>>) -> Self {
        let state = |(first, second)| Some(AdamState::new(AdaptiveMomentumState::new(step as usize, first, second)));
        Self { states: first.into_iter().zip(second).map(state).collect(), ..Self::new(0) }
    }
}
