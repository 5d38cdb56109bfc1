use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Tensor;
use mas_core::Trials;
use serde::{Deserialize, Serialize};

use super::FineTuningSettings;
use super::checkpoint::{Checkpoint, Position, fingerprint};
use crate::decoder::teacher_forced;
use crate::language::LanguageModel;
use crate::packing::PackedTrials;
use crate::run::{check_context, check_tokens};
use crate::training::{Moments, clipped, cross_entropy, gradients_of, shuffled};
use crate::{Error, Precision, Result, host};

/// A fine-tuning that can be run.
#[derive(Debug, Clone, Copy)]
pub struct FineTuning<'a> {
    /// What is learned: pieces of text of two tokens or more, see [`pieces`](super::pieces).
    pub pieces: &'a [Vec<u32>],
    /// How.
    pub settings: &'a FineTuningSettings,
    /// A folder in which it is put aside now and then, and from which it goes on.
    pub checkpoint: Option<&'a Path>,
}

/// What a fine-tuning tells while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FineTuningEvent {
    /// It goes on from a checkpoint, with so many steps done.
    Resumed {
        /// Steps done.
        step: u64,
    },
    /// It has made a step.
    Step(FineTuningRecord),
}

/// One step of a fine-tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTuningRecord {
    /// The step, from 1.
    pub step: u64,
    /// Mean cross-entropy of the step's next tokens before it, in nats.
    pub loss: f64,
    /// How many there were.
    pub tokens: usize,
    /// The step's learning rate.
    pub learning_rate: f64,
}

/// A network after its fine-tuning.
#[derive(Debug, Clone)]
pub struct FineTuned {
    /// The network as it was at the end.
    pub network: LanguageModel,
    /// All steps.
    pub history: Vec<FineTuningRecord>,
    /// Whether all steps were made; otherwise the caller ended it.
    pub complete: bool,
}

impl FineTuning<'_> {
    /// Fine-tunes a network.
    ///
    /// - `progress`: is told of every step, and may end the fine-tuning by `Break`; it is put aside then
    ///
    /// # Errors
    /// Settings out of range, a network with weights of less than 32 bits, text that it cannot read, a loss that is not
    /// finite, a checkpoint that is damaged, of another fine-tuning, or cannot be written.
    pub fn run(
        &self,
        network: &LanguageModel,
        mut progress: impl FnMut(&FineTuningEvent) -> ControlFlow<()>,
    ) -> Result<FineTuned> {
        let (settings, config) = (self.settings, network.config());
        settings.check(config.layers)?;
        if config.precision != Precision::F32 {
            return Err(Error::invalid(format!(
                "the network's weights are {}, which are too coarse to learn with; import it with precision f32",
                config.precision.id()
            )));
        }
        if let Some(piece) = self.pieces.iter().position(|piece| piece.len() < 2) {
            return Err(Error::invalid(format!("piece {piece} of the text has no next token to be learned")));
        }
        if self.pieces.is_empty() {
            return Err(Error::invalid("there is no text to learn from"));
        }
        let silent: Vec<Vec<bool>> = self.pieces.iter().map(|piece| vec![false; piece.len()]).collect();
        let trials = Trials::new(self.pieces.iter().zip(&silent).map(|(piece, mask)| (&piece[..], &mask[..])), 0)?;
        check_tokens(&trials, config.vocabulary)?;
        check_context(&trials, config.context)?;

        let specs = settings.tuned.specs(config);
        let checkpoint = match self.checkpoint {
            Some(folder) => Some(Checkpoint::new(folder, fingerprint(settings, network, self.pieces)?, specs.clone())?),
            None => None,
        };
        let resumed = match &checkpoint {
            Some(checkpoint) => checkpoint.load(&network.device())?,
            None => None,
        };
        let mut stopped = false;
        let mut at = match resumed {
            Some(position) => {
                stopped = progress(&FineTuningEvent::Resumed { step: position.step }).is_break();
                position
            }
            None => Position {
                values: settings.tuned.first(network, settings.seed),
                moments: Moments::new(specs.len()),
                step: 0,
                history: Vec::new(),
            },
        };
        while !stopped && at.step < settings.steps {
            let record = self.step(network, &trials, &mut at)?;
            at.history.push(record);
            stopped = progress(&FineTuningEvent::Step(record)).is_break();
            // After the last step the network itself is there.
            let due = (at.step.is_multiple_of(settings.checkpoint_every) || stopped) && at.step < settings.steps;
            if let Some(checkpoint) = checkpoint.as_ref().filter(|_| due) {
                checkpoint.save(&at)?;
            }
        }
        let complete = at.step >= settings.steps;
        Ok(FineTuned { network: settings.tuned.network(network, &at.values)?, history: at.history, complete })
    }

    fn step(&self, network: &LanguageModel, trials: &Trials, at: &mut Position) -> Result<FineTuningRecord> {
        let settings = self.settings;
        let batches: Vec<PackedTrials> = (0..settings.accumulate)
            .map(|part| {
                let number = at.step as usize * settings.accumulate + part;
                PackedTrials::with_targets(trials, &self.batch(number))
            })
            .collect();
        let tokens: usize = batches.iter().map(|batch| batch.targets.len()).sum();
        let (mut loss, mut sum) = (0.0, None::<Vec<Tensor<2>>>);
        for batch in &batches {
            let (tracked, values) = settings.tuned.tracked(network, &at.values)?;
            let (logits, rows) = teacher_forced(&tracked, batch, None);
            let targets: Vec<i32> = rows.into_iter().map(|row| batch.targets[row]).collect();
            // The mean over all tokens of the step, however they are spread over its parts.
            let share = targets.len() as f64 / tokens as f64;
            let (part, gradients) = gradients_of(cross_entropy(logits, &targets) * share, values)?;
            loss += f64::from(part);
            sum = Some(match sum {
                None => gradients,
                Some(sum) => {
                    let both = sum.into_iter().zip(gradients).collect();
                    host::each(&network.device(), both, |(sum, gradient)| sum + gradient)
                }
            });
        }
        if !loss.is_finite() {
            return Err(Error::NotFinite(format!(
                "the loss is {loss} at step {}: try a lower learning rate than {}",
                at.step + 1,
                settings.learning_rate
            )));
        }
        let mut gradients = sum.unwrap_or_default();
        if let Some(clip) = settings.clip {
            gradients = clipped(gradients, clip);
        }
        at.step += 1;
        let learning_rate = settings.learning_rate_at(at.step);
        at.values = at.moments.step(learning_rate, std::mem::take(&mut at.values), gradients);
        Ok(FineTuningRecord { step: at.step, loss, tokens, learning_rate })
    }

    /// The pieces of a batch; batches go through all of them in a new order each time.
    fn batch(&self, number: usize) -> Vec<usize> {
        let all: Vec<usize> = (0..self.pieces.len()).collect();
        let size = self.settings.batch.min(all.len());
        let each = all.len().div_ceil(size);
        let order = shuffled(&all, self.settings.seed, number / each);
        order.chunks(size).nth(number % each).unwrap_or_default().to_vec()
    }
}
