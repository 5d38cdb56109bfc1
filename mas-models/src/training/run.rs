use std::ops::ControlFlow;
use std::path::Path;

use mas_core::Trials;

use super::adam::Moments;
use super::checkpoint::{Checkpoint, Position, fingerprint};
use super::evaluate::trainable;
use super::gradient::{clipped, dropped, loss_and_gradients};
use super::{StopReason, TrainingRecord, TrainingSettings, random};
use crate::description::TrainingSummary;
use crate::packing::PackedTrials;
use crate::run::check_tokens;
use crate::{Architecture, Error, Feedback, Model, Result, stored};

/// A training: what a network is to learn, and how.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use burn::tensor::Device;
/// use mas_core::Trials;
/// use mas_models::{CellKind, RecurrentConfig, Training, TrainingSettings};
///
/// // Say 3 after 1, 2.
/// let trials = Trials::new([(&[1, 2, 3][..], &[false, false, true][..])], 0)?;
/// let settings = TrainingSettings { max_epochs: 400, warm_up: 10, ..TrainingSettings::default() };
/// let training = Training { training: &trials, validation: &trials, settings: &settings, checkpoint: None };
/// let network = RecurrentConfig::new(CellKind::Gru, 8, 4).init(1, &Device::flex())?;
/// let trained = training.run(network, |_| ControlFlow::Continue(()))?;
/// assert!(trained.accepted);
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// The trials to learn from.
    pub training: &'a Trials,
    /// The trials to be judged by.
    pub validation: &'a Trials,
    /// How to learn.
    pub settings: &'a TrainingSettings,
    /// A folder in which the training is put aside at every validation, and from which it goes on.
    pub checkpoint: Option<&'a Path>,
}

/// What a training tells while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TrainingEvent {
    /// It goes on from a checkpoint.
    Resumed {
        /// Epochs done.
        epoch: usize,
        /// Steps done.
        step: u64,
    },
    /// It has made a step.
    Step {
        /// The epoch, from 1.
        epoch: usize,
        /// The step, from 1.
        step: u64,
        /// The batch's loss before the step.
        loss: f64,
    },
    /// It has been validated.
    Validated(TrainingRecord),
}

/// A network after its training.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The network as it was at the end.
    pub network: Model,
    /// Whether it met the mark. One that did not is not to be compared silently.
    pub accepted: bool,
    /// How the training went.
    pub summary: TrainingSummary,
    /// All validations.
    pub history: Vec<TrainingRecord>,
}

/// What came of one pass through the training trials.
struct Pass {
    /// Mean over its tokens.
    loss: f64,
    /// Of its last step.
    learning_rate: f64,
    /// Why it was broken off, or the training is to end with it.
    stop: Option<StopReason>,
    /// Whether every trial was learned from.
    complete: bool,
}

impl Training<'_> {
    /// Trains `network` until it is accepted or a limit is met.
    ///
    /// - `progress`: is told of every step and validation, and may end the training by `Break`
    ///
    /// # Errors
    /// Settings out of range, trials that the network cannot read or learn from, a loss that is not finite, a
    /// checkpoint that is damaged, of another training, or cannot be written.
    pub fn run(
        &self,
        network: impl Into<Model>,
        mut progress: impl FnMut(&TrainingEvent) -> ControlFlow<()>,
    ) -> Result<Trained> {
        let settings = self.settings;
        settings.check()?;
        let network = network.into().valid();
        let architecture = network.architecture();
        check_tokens(self.training, architecture.vocabulary())?;
        check_tokens(self.validation, architecture.vocabulary())?;
        let rows = trainable(self.training)?;
        let checkpoint = match self.checkpoint {
            None => None,
            Some(folder) => {
                let weights = stored::of_network(&network)?;
                let training = fingerprint(settings, &weights, &architecture, [self.training, self.validation])?;
                Some(Checkpoint::new(folder, training)?)
            }
        };
        let resumed = match &checkpoint {
            Some(checkpoint) => checkpoint.load(&architecture, &network.device())?,
            None => None,
        };
        let mut stop = None;
        let mut at = match resumed {
            Some(position) => {
                if progress(&TrainingEvent::Resumed { epoch: position.epoch, step: position.step }).is_break() {
                    stop = Some(StopReason::Cancelled);
                }
                position
            }
            None => {
                let moments = Moments::new(architecture.parameters().len());
                Position { network, moments, epoch: 0, step: 0, met: 0, history: Vec::new() }
            }
        };

        if at.met >= settings.accept_after {
            stop = Some(StopReason::Accepted);
        }
        while stop.is_none() {
            if at.epoch >= settings.max_epochs {
                stop = Some(StopReason::MaxEpochs);
                break;
            }
            if settings.max_steps.is_some_and(|most| at.step >= most) {
                stop = Some(StopReason::MaxSteps);
                break;
            }
            let pass = self.epoch(&mut at, &architecture, &rows, &mut progress)?;
            stop = pass.stop;
            at.epoch += 1;
            let due = pass.complete && at.epoch.is_multiple_of(settings.validate_every);
            let last = stop == Some(StopReason::MaxSteps) || at.epoch >= settings.max_epochs;
            if due || last {
                let record = self.validate(&at, &pass)?;
                at.history.push(record);
                if progress(&TrainingEvent::Validated(record)).is_break() {
                    stop = stop.or(Some(StopReason::Cancelled));
                }
                if due {
                    at.met = if record.trial_accuracy >= settings.accept_at { at.met + 1 } else { 0 };
                    if at.met >= settings.accept_after {
                        stop = Some(StopReason::Accepted);
                    }
                    checkpoint.as_ref().map_or(Ok(()), |checkpoint| checkpoint.save(&at))?;
                }
            }
        }
        let stopped = stop.unwrap_or(StopReason::MaxEpochs);
        let summary = TrainingSummary {
            epochs: at.epoch,
            steps: at.step,
            stopped,
            validation_accuracy: at.history.last().map_or(0.0, |record| record.trial_accuracy),
            settings: settings.clone(),
        };
        Ok(Trained { network: at.network, accepted: stopped == StopReason::Accepted, summary, history: at.history })
    }

    /// One pass through the training trials, or as much of it as there may be.
    fn epoch(
        &self,
        at: &mut Position,
        architecture: &Architecture,
        rows: &[usize],
        progress: &mut impl FnMut(&TrainingEvent) -> ControlFlow<()>,
    ) -> Result<Pass> {
        let settings = self.settings;
        let device = at.network.device();
        let (mut total, mut tokens, mut rate) = (0.0, 0, 0.0);
        let mut stop = None;
        let steps = rows.len().div_ceil(settings.batch) as u64;
        let order = random::shuffled(rows, settings.seed, at.epoch);
        let mut batches = order.chunks(settings.batch);
        while stop.is_none()
            && let Some(rows) = batches.next()
        {
            at.step += 1;
            let batch = PackedTrials::with_targets(self.training, rows);
            let (share, shape) = dropped(&at.network, batch.targets.len());
            let dropout = random::dropout(share, shape, settings.seed, at.step, &device);
            let (loss, mut gradients) = loss_and_gradients(&at.network, &batch, settings, dropout)?;
            if !loss.is_finite() {
                return Err(Error::NotFinite(format!(
                    "the training's loss is {loss} at step {} (epoch {}): try a lower learning rate than {}",
                    at.step,
                    at.epoch + 1,
                    settings.learning_rate
                )));
            }
            if let Some(clip) = settings.clip {
                gradients = clipped(gradients, clip);
            }
            rate = settings.learning_rate_at(at.step, steps);
            let parameters = at.moments.step(rate, at.network.parameters(), gradients);
            at.network = Model::from_parameters(architecture, parameters)?;
            total += f64::from(loss) * batch.targets.len() as f64;
            tokens += batch.targets.len();
            let event = TrainingEvent::Step { epoch: at.epoch + 1, step: at.step, loss: loss.into() };
            if progress(&event).is_break() {
                stop = Some(StopReason::Cancelled);
            } else if settings.max_steps == Some(at.step) {
                stop = Some(StopReason::MaxSteps);
            }
        }
        Ok(Pass { loss: total / tokens as f64, learning_rate: rate, stop, complete: batches.next().is_none() })
    }

    fn validate(&self, at: &Position, pass: &Pass) -> Result<TrainingRecord> {
        let judged = at.network.evaluate(self.validation, Feedback::FreeRunning)?;
        if !judged.loss.is_finite() {
            return Err(Error::NotFinite(format!(
                "the validation loss is {} after step {}: try a lower learning rate than {}",
                judged.loss, at.step, self.settings.learning_rate
            )));
        }
        Ok(TrainingRecord {
            epoch: at.epoch,
            step: at.step,
            train_loss: pass.loss,
            validation_loss: judged.loss,
            token_accuracy: judged.token_accuracy,
            trial_accuracy: judged.trial_accuracy,
            learning_rate: pass.learning_rate,
        })
    }
}
