//! Learning the alignment functions of frozen networks from interchanges.

mod checkpoint;
mod identity;
mod natural;
mod step;
mod stop;

use std::path::Path;

use burn::optim::AdamConfig;
use serde::{Deserialize, Serialize};

pub use stop::StopRule;

use crate::{
    Alignment, Direction, Error, Exchange, Objective, Participant, Population, Result, Setting,
    evaluate::{self, Outcome, Swap},
    inflow::Inflow,
    latent::LatentExchange,
};
use checkpoint::State;

/// The settings of a fit. The defaults are those of Grant, arXiv 2501.06164.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FitConfig {
    /// Pairs of each direction (and variable) in one step.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Of `max_steps`, how many at the end bring the learning rate down to zero, in a straight line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<usize>,
    /// Steps at most.
    pub max_steps: usize,
    /// Steps from one validation, and checkpoint, to the next.
    pub evaluate_every: usize,
    /// Whether the target hears its own predictions in the response during the fit, with no gradient through them.
    /// Otherwise it is teacher-forced on the counterfactual sequence. Evaluation is always free-running.
    pub free_running: bool,
    /// When to stop before `max_steps`.
    pub stop: StopRule,
    /// The trained directions that the fit is judged by: their [score](Validation::score) chooses the checkpoint, and they
    /// alone end the fit. All trained directions, where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Vec<Direction>>,
    /// Whether the fit is judged by the share of tokens that are right, and not of whole responses: long ones are hardly
    /// ever right as a whole, so that one alignment would look as good as another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_tokens: bool,
    /// Seed of the batches.
    pub seed: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            batch: 128,
            learning_rate: 1e-3,
            cool_down: None,
            max_steps: 20_000,
            evaluate_every: 50,
            free_running: false,
            stop: StopRule::default(),
            judged: None,
            by_tokens: false,
            seed: 0,
        }
    }
}

/// One validation in the course of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Steps taken so far.
    pub step: usize,
    /// Mean training loss since the last validation, all parts of it; `None` before the first step.
    pub loss: Option<f64>,
    /// IIA and token accuracy on changed validation pairs, direction by direction and variable by variable; directions
    /// that are trained on behaviour.
    pub accuracy: Vec<DirectionAccuracy>,
    /// The counterfactual-latent loss on validation pairs, direction by direction and variable by variable; directions
    /// that are trained on it.
    #[serde(default)]
    pub latent: Vec<DirectionLatent>,
}

impl Validation {
    /// Mean IIA over directions and variables; `None` where no behaviour is trained.
    pub fn mean_iia(&self) -> Option<f64> {
        mean(self.accuracy.iter().map(|direction| direction.iia))
    }

    /// Mean counterfactual-latent loss over directions and variables; `None` where it is no part of the objective.
    pub fn mean_latent(&self) -> Option<f64> {
        mean(self.latent.iter().map(|direction| direction.loss))
    }

    /// What a fit of this `config` is judged by of it.
    fn judged(&self, config: &FitConfig) -> Self {
        let mut judged = self.clone();
        judged.accuracy.retain(|of| config.judges(of.direction));
        judged.latent.retain(|of| config.judges(of.direction));
        if config.by_tokens {
            judged.accuracy.iter_mut().for_each(|of| of.iia = of.token_accuracy);
        }
        judged
    }

    /// What the best validation has most of: mean IIA less ε × the mean counterfactual-latent loss, put together as the
    /// training loss is.
    pub fn score(&self, latent_weight: f64) -> f64 {
        self.mean_iia().unwrap_or(0.0) - latent_weight * self.mean_latent().unwrap_or(0.0)
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let n = values.len();
    (n > 0).then(|| values.sum::<f64>() / n as f64)
}

/// How well interchanges of one direction and variable work on validation pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionAccuracy {
    /// The direction.
    pub direction: Direction,
    /// The subspace, by index; [`Subspaces::EXTRANEOUS`](crate::Subspaces::EXTRANEOUS) for the null variable.
    pub subspace: usize,
    /// Interchange intervention accuracy over changed pairs (over all, where none is changed).
    pub iia: f64,
    /// The share of response tokens that are right, over the same pairs.
    pub token_accuracy: f64,
}

/// How near interchanged activity of one direction and variable comes to what the target has naturally.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionLatent {
    /// The direction.
    pub direction: Direction,
    /// The subspace, by index.
    pub subspace: usize,
    /// The mean [counterfactual-latent loss](crate::latent::counterfactual_latent_loss) over those validation pairs that
    /// have a natural vector.
    pub loss: f64,
}

/// What happens during a fit.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was taken, with this training loss.
    Step {
        /// Steps taken so far.
        step: usize,
        /// The loss of this step's batch.
        loss: f64,
    },
    /// The alignment was validated (and, where asked for, the checkpoint written).
    Validated(&'a Validation),
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// What is trained reached the mark of the [`StopRule`], or its end, often enough; or reached it when the learning rate
    /// had gone down to zero.
    Converged,
    /// No improvement for as long as the [`StopRule`] waits.
    Plateau,
    /// `max_steps` were taken first, and the mark was not reached then.
    OutOfSteps,
    /// A loss or a parameter was no longer finite.
    Diverged,
}

impl FitConfig {
    /// The learning rate of the step that follows `step` steps.
    fn learning_rate_after(&self, step: usize) -> f64 {
        let left = self.max_steps.saturating_sub(step);
        match self.cool_down {
            Some(cool_down) if left < cool_down => self.learning_rate * left as f64 / cool_down as f64,
            _ => self.learning_rate,
        }
    }

    /// Whether the fit is judged by `direction`, given that it is trained.
    fn judges(&self, direction: Direction) -> bool {
        self.judged.as_ref().is_none_or(|judged| judged.contains(&direction))
    }
}

/// What a fit leaves behind.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The alignment at its best validation.
    pub alignment: Alignment,
    /// The step of that validation.
    pub best_step: usize,
    /// How many steps were taken.
    pub steps: usize,
    /// How the fit ended.
    pub ending: Ending,
    /// All validations, in order.
    pub history: Vec<Validation>,
}

/// Everything that a fit is made of.
pub struct Fit<'a> {
    /// The networks, in the order that directions count them.
    pub participants: Vec<Participant<'a>>,
    /// Where interchanges happen.
    pub setting: Setting,
    /// Training pairs; those of the objective's directions are used.
    pub training: Vec<Exchange<'a>>,
    /// Validation pairs of the same directions. Of either, only activity is ever read in directions that are trained on the
    /// counterfactual-latent loss; see [`Pairs::natural`](crate::Pairs::natural).
    pub validation: Vec<Exchange<'a>>,
    /// What to learn from.
    pub objective: Objective,
    /// How.
    pub config: FitConfig,
}

impl Fit<'_> {
    /// Learns the functions of `alignment`, which says where to start.
    ///
    /// With `checkpoint`, the state is kept in that file at every validation, and a file that is already there is
    /// gone on from: on one machine's CPU the result has the same bytes as that of an uninterrupted fit. It does not notice
    /// that weights of a network have changed meanwhile.
    ///
    /// A fit that diverges ends, and its alignment is, as always, that of its best validation.
    ///
    /// A participant that is only [recorded](Participant::recorded) is read before the first step and never run: it may
    /// be the source of any direction, and the target of those that have the counterfactual-latent loss.
    ///
    /// # Errors
    /// Settings, pairs or networks that do not fit together; a loss that is not finite in the first step;
    /// a checkpoint of another fit; a file that cannot be written; an error of `on_event`.
    pub fn run(
        &self,
        alignment: Alignment,
        checkpoint: Option<&Path>,
        on_event: &mut dyn FnMut(Event) -> Result<()>,
    ) -> Result<Fitted> {
        self.check(&alignment)?;
        let identity = identity::identity(self, &alignment)?;
        let training = self.of(&self.training, &self.objective.behaviour, "training")?;
        let validation = self.of(&self.validation, &self.objective.behaviour, "validation")?;
        let latent_training = self.of(&self.training, self.objective.latent(), "training")?;
        let latent_validation = self.of(&self.validation, self.objective.latent(), "validation")?;
        let mut state = match checkpoint {
            Some(path) if path.exists() => State::load(path, &alignment, identity)?,
            _ => State::start(&alignment, identity),
        };
        let mut alignment = alignment;
        state.restore(&mut alignment)?;
        let subspaces = alignment.subspaces();
        let record = |exchanges: &[Exchange]| Inflow::record(&self.participants, subspaces, self.setting, exchanges);
        let (inflows, validation_inflows) = (record(&training)?, record(&validation)?);
        let read = |exchanges: &[Exchange]| -> Result<Vec<LatentExchange>> {
            let read = |exchange| LatentExchange::record(&self.participants, subspaces, self.setting, exchange);
            exchanges.iter().map(read).collect()
        };
        let (latents, validation_latents) = (read(&latent_training)?, read(&latent_validation)?);
        let optimiser = AdamConfig::new().with_epsilon(1e-8).build();
        let validate = |alignment: &Alignment| -> Result<(Vec<DirectionAccuracy>, Vec<DirectionLatent>)> {
            let evaluated = alignment.evaluate()?;
            let outcomes = evaluate::outcomes(&validation_inflows, &evaluated, Swap::Interchange)?;
            let of = |(exchange, outcomes): (&Exchange, &Vec<Outcome>)| {
                let changed = evaluate::accuracy(outcomes, exchange.pairs, Population::Changed);
                let accuracy = match changed.pairs {
                    0 => evaluate::accuracy(outcomes, exchange.pairs, Population::All),
                    _ => changed,
                };
                DirectionAccuracy {
                    direction: exchange.direction,
                    subspace: exchange.subspace,
                    iia: accuracy.iia(),
                    token_accuracy: accuracy.token_accuracy(),
                }
            };
            let accuracy = validation.iter().zip(&outcomes).map(of).collect();
            Ok((accuracy, natural::validate(&validation_latents, &evaluated)?))
        };
        let ending = loop {
            if state.is_due(self.config.evaluate_every, self.config.max_steps) {
                let (accuracy, latent) = match validate(&alignment) {
                    Err(Error::NotFinite(_)) if state.step() > 0 => break Ending::Diverged,
                    validated => validated?,
                };
                state.validated(accuracy, latent, self.objective.latent_weight, &self.config);
                if let Some(path) = checkpoint {
                    state.save(path)?;
                }
                on_event(Event::Validated(state.latest()))?;
            }
            if let Some(ending) = state.ending(&self.config) {
                break ending;
            }
            let weight = self.objective.latent_weight;
            let step = step::step(&inflows, &latents, weight, &mut alignment, &mut state, &optimiser, &self.config);
            let loss = match step {
                Ok(Some(loss)) => loss,
                Ok(None) => break Ending::Diverged,
                Err(Error::NotFinite(_)) if state.step() > 0 => break Ending::Diverged,
                Err(error) => return Err(error),
            };
            on_event(Event::Step { step: state.step(), loss })?;
        };
        let (best_step, steps, history) = (state.best_step(), state.step(), state.history().to_vec());
        state.restore_best(&mut alignment)?;
        Ok(Fitted { alignment, best_step, steps, ending, history })
    }

    /// Those of `exchanges` that go in `directions`, each of which must be among them.
    fn of<'b>(&self, exchanges: &[Exchange<'b>], directions: &[Direction], what: &str) -> Result<Vec<Exchange<'b>>> {
        for direction in directions {
            if !exchanges.iter().any(|exchange| exchange.direction == *direction) {
                let Direction { source, target } = direction;
                return Err(Error::invalid(format!("direction {source} → {target} has no {what} pairs")));
            }
        }
        Ok(exchanges.iter().filter(|exchange| directions.contains(&exchange.direction)).copied().collect())
    }

    fn check(&self, alignment: &Alignment) -> Result<()> {
        self.objective.check(self.participants.len())?;
        if self.setting.retain != self.objective.retain {
            return Err(Error::invalid("the setting and the objective disagree on what the target retains"));
        }
        if self.config.batch == 0 || self.config.evaluate_every == 0 {
            return Err(Error::invalid("a fit needs a batch and a validation interval of at least 1"));
        }
        let rate = self.config.learning_rate;
        if rate.is_nan() || rate <= 0.0 || rate.is_infinite() {
            return Err(Error::invalid(format!("the learning rate must be a number above zero, not {rate}")));
        }
        if self.config.cool_down.is_some_and(|steps| steps == 0 || steps > self.config.max_steps) {
            return Err(Error::invalid("a fit cools down for at least one step and at most max_steps"));
        }
        if let Some(judged) = &self.config.judged {
            let trained = |direction: &Direction| self.objective.trained().any(|one| one == *direction);
            if judged.is_empty() || !judged.iter().all(trained) {
                return Err(Error::invalid("a fit is judged by directions that are trained, at least one"));
            }
        }
        evaluate::check_members(&self.participants, alignment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_is_judged_by_trials_or_by_tokens() {
        let of = |iia, token_accuracy| {
            let accuracy = DirectionAccuracy { direction: Direction::new(0, 1), subspace: 0, iia, token_accuracy };
            Validation { step: 0, loss: None, accuracy: vec![accuracy], latent: Vec::new() }
        };
        // No response is right as a whole, and more of their tokens are after a while.
        let (before, after) = (of(0.0, 0.2), of(0.0, 0.4));
        let better = |config: &FitConfig| after.judged(config).score(0.0) > before.judged(config).score(0.0);
        assert!(!better(&FitConfig::default()));
        assert!(better(&FitConfig { by_tokens: true, ..FitConfig::default() }));
        assert_eq!(after.accuracy[0].iia, 0.0, "what is reported stays");
    }
}
