use burn::tensor::activation;
use mas_core::Trials;

use crate::decoder;
use crate::packing::{PackedTrials, indices};
use crate::run::check_tokens;
use crate::{Error, Feedback, Model, Result};

/// How well a network does a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy of the next token over all positions.
    pub loss: f64,
    /// Share of response tokens that are the most probable prediction.
    pub token_accuracy: f64,
    /// Share of trials of which every response token is.
    pub trial_accuracy: f64,
}

/// Trials that are run at once, which bounds memory.
const AT_ONCE: usize = 1024;

impl Model {
    /// Judges the network on `trials`: what it says where the response mask is set, and its loss everywhere.
    ///
    /// # Errors
    /// No trials, a token outside the vocabulary, or no response token at all.
    pub fn evaluate(&self, trials: &Trials, feedback: Feedback) -> Result<Evaluation> {
        check_tokens(trials, self.architecture().vocabulary())?;
        let rows = trainable(trials)?;
        let (mut loss, mut tokens) = (0.0, 0);
        let (mut right_tokens, mut responses, mut right_trials) = (0, 0, 0);
        for rows in rows.chunks(AT_ONCE) {
            let packed = PackedTrials::with_targets(trials, rows);
            let logits = match self {
                Self::Recurrent(network) => {
                    let rollout = network.rollout(&packed, feedback, None);
                    network.logits(rollout.hidden[rollout.hidden.len() - 1].clone())
                }
                Self::Transformer(network) => decoder::rollout(network, &packed, feedback).1,
                Self::Language(network) => decoder::rollout(network, &packed, feedback).1,
            };
            let logits = logits.inner();
            let targets = indices(&packed.targets, &logits.device()).unsqueeze_dim(1);
            let said = logits.clone().argmax(1).equal(targets.clone()).float();
            let log_probabilities = activation::log_softmax(logits, 1).gather(1, targets);
            let read = |error| Error::invalid(format!("an evaluation cannot be read back: {error}"));
            let said = said.try_into_vec_as::<f32>().map_err(read)?;
            let log_probabilities = log_probabilities.try_into_vec_as::<f32>().map_err(read)?;

            loss -= log_probabilities.iter().map(|&value| f64::from(value)).sum::<f64>();
            tokens += packed.targets.len();
            let mut right = vec![true; rows.len()];
            for (((trial, _), said), scored) in packed.packing.positions().zip(said).zip(packed.scored) {
                right[trial] &= !scored || said == 1.0;
                responses += usize::from(scored);
                right_tokens += usize::from(scored && said == 1.0);
            }
            right_trials += right.into_iter().filter(|&right| right).count();
        }
        if responses == 0 {
            return Err(Error::invalid("the trials have no response token, so there is nothing to judge"));
        }
        Ok(Evaluation {
            loss: loss / tokens as f64,
            token_accuracy: right_tokens as f64 / responses as f64,
            trial_accuracy: right_trials as f64 / rows.len() as f64,
        })
    }
}

/// The trials that have a next token to predict.
pub(super) fn trainable(trials: &Trials) -> Result<Vec<usize>> {
    let rows: Vec<usize> = (0..trials.len()).filter(|&trial| trials.length(trial) > 1).collect();
    if rows.is_empty() {
        return Err(Error::invalid("no trial has two tokens or more, so there is nothing to predict"));
    }
    Ok(rows)
}
