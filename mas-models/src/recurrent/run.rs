use burn::tensor::{Int, Tensor};
use mas_core::Trials;
use serde::{Deserialize, Serialize};

use super::Recurrent;
use super::packing::{PackedTrials, Padding, indices};
use crate::{Error, Result};

/// What a network reads where the response mask is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// The given tokens.
    TeacherForced,
    /// Its own prediction at the position before.
    FreeRunning,
}

/// What a network did on some trials. After a trial's last token its state stays, its logits are zero, and
/// whatever stands there as padding changes nothing.
#[derive(Debug, Clone)]
pub struct Run {
    /// For each layer its state after each token, `[trial, time, state width]` (sites `hidden.l`).
    pub hidden: Vec<Tensor<3>>,
    /// What the network says after each token, `[trial, time, vocabulary]`.
    pub logits: Tensor<3>,
    /// The most probable next token after each token, `[trial, time]`.
    pub predictions: Tensor<2, Int>,
    /// The tokens that it has read, the padding as given, `[trial, time]`.
    pub inputs: Tensor<2, Int>,
}

impl Recurrent {
    /// Runs the network over every token of `trials`.
    ///
    /// # Errors
    /// No trials, or a token outside the vocabulary.
    pub fn run(&self, trials: &Trials, feedback: Feedback) -> Result<Run> {
        self.check_tokens(trials)?;
        let rows: Vec<usize> = (0..trials.len()).collect();
        let packed = PackedTrials::all(trials, &rows);
        let rollout = self.rollout(&packed, feedback, None);
        let (packing, time) = (&packed.packing, trials.time());
        let last = rollout.hidden[rollout.hidden.len() - 1].clone();
        let logits = packing.unpack(self.logits(last), time, Padding::Zero);

        let device = self.device().inner();
        let read = packing.positions().map(|(trial, step)| (trial * time + step) as i32).collect::<Vec<_>>();
        let mut around: Vec<i32> = trials.padded_tokens().iter().map(|&token| token as i32).collect();
        read.iter().for_each(|&at| around[at as usize] = 0);
        let inputs = indices(&around, &device).select_assign(
            0,
            indices(&read, &device),
            rollout.inputs,
            burn::tensor::IndexingUpdateOp::Add,
        );
        Ok(Run {
            hidden: rollout.hidden.into_iter().map(|layer| packing.unpack(layer, time, Padding::RepeatLast)).collect(),
            predictions: logits.clone().argmax(2).squeeze_dim(2),
            logits,
            inputs: inputs.reshape([trials.len(), time]),
        })
    }

    /// Whether the network can read `trials`.
    pub(crate) fn check_tokens(&self, trials: &Trials) -> Result<()> {
        let vocabulary = self.config().vocabulary;
        if trials.is_empty() {
            return Err(Error::invalid("there are no trials to run"));
        }
        for trial in 0..trials.len() {
            if let Some(token) = trials.tokens(trial).iter().find(|&&token| token as usize >= vocabulary) {
                return Err(Error::invalid(format!(
                    "trial {trial} has token {token}, but the network's vocabulary has {vocabulary} tokens"
                )));
            }
        }
        Ok(())
    }
}
