use std::{collections::HashMap, path::Path};

use burn::{
    optim::{AdamState, AdaptiveMomentumState},
    prelude::*,
};
use serde::{Deserialize, Serialize};

use super::{DirectionAccuracy, DirectionLatent, Ending, FitConfig, Validation};
use crate::{Alignment, Error, Result, storage};

/// Everything that a fit must remember from one step to the next.
pub(super) struct State {
    /// Of which fit it is, see [`identity`](super::identity::identity).
    identity: String,
    progress: Progress,
    /// Of every network's every parameter, in order.
    parameters: Vec<Vec<Tensor<2>>>,
    moments: Vec<Vec<Option<AdamState<2>>>>,
    best: Vec<Vec<Tensor<2>>>,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    step: usize,
    loss_sum: f64,
    loss_steps: usize,
    history: Vec<Validation>,
    best_step: usize,
    best_score: Option<f64>,
}

/// The key of the progress in the header of the tensors' file.
const PROGRESS: &str = "progress";
/// The key of the fit's identity there.
const IDENTITY: &str = "fit";

impl State {
    /// The state before the first step of the fit that `identity` tells from others.
    pub fn start(alignment: &Alignment, identity: String) -> Self {
        let parameters: Vec<Vec<_>> = alignment.members().iter().map(|member| member.function.parameters()).collect();
        let moments = parameters.iter().map(|parameters| vec![None; parameters.len()]).collect();
        Self { identity, progress: Progress::default(), best: parameters.clone(), moments, parameters }
    }

    pub fn step(&self) -> usize {
        self.progress.step
    }

    pub fn best_step(&self) -> usize {
        self.progress.best_step
    }

    pub fn history(&self) -> &[Validation] {
        &self.progress.history
    }

    /// The last validation; there is one before the first step.
    pub fn latest(&self) -> &Validation {
        self.progress.history.last().expect("validated before it is asked for")
    }

    /// The optimiser's moments, for every network's every parameter.
    pub fn moments_mut(&mut self) -> &mut [Vec<Option<AdamState<2>>>] {
        &mut self.moments
    }

    /// Takes note of a step that left `alignment` behind.
    pub fn stepped(&mut self, alignment: &Alignment, loss: f64) {
        self.parameters = alignment.members().iter().map(|member| member.function.parameters()).collect();
        self.progress.step += 1;
        self.progress.loss_sum += loss;
        self.progress.loss_steps += 1;
    }

    /// Whether the present step is to be validated and was not yet.
    pub fn is_due(&self, every: usize, max_steps: usize) -> bool {
        let step = self.progress.step;
        let fresh = self.progress.history.last().is_none_or(|last| last.step != step);
        fresh && (step.is_multiple_of(every) || step >= max_steps)
    }

    /// Takes note of a validation of the present step.
    pub fn validated(
        &mut self,
        accuracy: Vec<DirectionAccuracy>,
        latent: Vec<DirectionLatent>,
        latent_weight: f64,
        config: &FitConfig,
    ) {
        let progress = &mut self.progress;
        let loss = (progress.loss_steps > 0).then(|| progress.loss_sum / progress.loss_steps as f64);
        (progress.loss_sum, progress.loss_steps) = (0.0, 0);
        let validation = Validation { step: progress.step, loss, accuracy, latent };
        let score = validation.judged(config).score(latent_weight);
        if progress.best_score.is_none_or(|best| score > best) {
            (progress.best_score, progress.best_step) = (Some(score), progress.step);
            self.best = self.parameters.clone();
        }
        progress.history.push(validation);
    }

    /// Whether the fit is over, asked after every validation (between them it never is).
    pub fn ending(&self, config: &FitConfig) -> Option<Ending> {
        let Progress { step, history, .. } = &self.progress;
        if history.last().is_none_or(|last| last.step != *step) {
            return None;
        }
        let judged: Vec<Validation> = history.iter().map(|validation| validation.judged(config)).collect();
        let out_of_steps = || match config.cool_down {
            Some(_) if config.stop.is_reached(&judged) => Ending::Converged,
            _ => Ending::OutOfSteps,
        };
        config.stop.ending(&judged).or_else(|| (*step >= config.max_steps).then(out_of_steps))
    }

    /// Puts the present parameters into `alignment`.
    pub fn restore(&self, alignment: &mut Alignment) -> Result<()> {
        put(&self.parameters, alignment)
    }

    /// Puts the parameters of the best validation into `alignment`.
    pub fn restore_best(&self, alignment: &mut Alignment) -> Result<()> {
        put(&self.best, alignment)
    }

    /// Writes the state to `path`, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut metadata = HashMap::new();
        let progress = serde_json::to_string(&self.progress).map_err(|error| Error::format(path, error))?;
        metadata.insert(PROGRESS.to_owned(), progress);
        metadata.insert(IDENTITY.to_owned(), self.identity.clone());
        let mut tensors = Vec::new();
        for (network, ((parameters, best), moments)) in
            self.parameters.iter().zip(&self.best).zip(&self.moments).enumerate()
        {
            for (index, ((parameter, best), moment)) in parameters.iter().zip(best).zip(moments).enumerate() {
                let name = |what: &str| format!("{what}.{network}.{index}");
                tensors.push((name("parameter"), parameter));
                tensors.push((name("best"), best));
                if let Some(AdamState { momentum }) = moment {
                    metadata.insert(name("time"), momentum.time.to_string());
                    tensors.push((name("moment-1"), &momentum.moment_1));
                    tensors.push((name("moment-2"), &momentum.moment_2));
                }
            }
        }
        storage::write_tensors(path, tensors, Some(metadata))
    }

    /// Reads what [`save`](Self::save) wrote for the fit of this `identity`, which started from `alignment`.
    pub fn load(path: &Path, alignment: &Alignment, identity: String) -> Result<Self> {
        let other = || Error::format(path, "this checkpoint is of another fit; remove it to start afresh");
        let device = alignment.members()[0].function.parameters()[0].device();
        let (mut tensors, metadata) = storage::read_tensors(path, &device)?;
        if metadata.get(IDENTITY) != Some(&identity) {
            return Err(other());
        }
        let progress = metadata.get(PROGRESS).ok_or_else(other)?;
        let progress = serde_json::from_str(progress).map_err(|error| Error::format(path, error))?;
        let mut state = Self { progress, ..Self::start(alignment, identity) };
        for network in 0..state.parameters.len() {
            for index in 0..state.parameters[network].len() {
                let shape = state.parameters[network][index].dims();
                let name = |what: &str| format!("{what}.{network}.{index}");
                let mut take =
                    |what: &str| tensors.remove(&name(what)).filter(|tensor| tensor.dims() == shape).ok_or_else(other);
                state.parameters[network][index] = take("parameter")?;
                state.best[network][index] = take("best")?;
                if let Some(time) = metadata.get(&name("time")) {
                    let time = time.parse().map_err(|_| other())?;
                    let momentum = AdaptiveMomentumState::new(time, take("moment-1")?, take("moment-2")?);
                    state.moments[network][index] = Some(AdamState::new(momentum));
                }
            }
        }
        if !tensors.is_empty() {
            return Err(other());
        }
        Ok(state)
    }
}

fn put(parameters: &[Vec<Tensor<2>>], alignment: &mut Alignment) -> Result<()> {
    for (member, parameters) in alignment.members_mut().iter_mut().zip(parameters) {
        member.function.set_parameters(parameters.clone())?;
    }
    Ok(())
}
