use std::collections::BTreeMap;
use std::ops::Range;

use mas_core::{Direction, Exchange, Objective, Pairs, Positions, Subspaces, all_directions};
use mas_tasks::{DropReason, NaturalStates, PairConfig, PairSet, Task, TaskConfig, Variable, VariablePair};

use super::{PairCounts, answers::Answers, positions};
use crate::{
    Result, exchanges,
    given::Given,
    prompted::{self, Answered},
    seeds::derive,
    study::{AlignConfiguration, FitControl, Swapped},
};

/// The interchanges of a fit, for every direction and variable.
pub(super) struct Data {
    splits: Vec<Split>,
    nulls: Vec<Null>,
}

/// The null variable of one network.
struct Null {
    direction: Direction,
    training: Option<Pairs>,
    validation: Option<Pairs>,
    held_out: Option<Pairs>,
}

struct Split {
    direction: Direction,
    subspace: usize,
    training: Option<Pairs>,
    validation: Option<Pairs>,
    /// Whether the target can be run.
    answers: bool,
    /// None where nothing can be told of a network that cannot be run.
    held_out: Option<Pairs>,
    counts: PairCounts,
}

impl Data {
    /// Draws the pairs of all n² directions, each from a seed of its own; training and validation pairs of directions that
    /// `objective` trains only.
    ///
    /// # Errors
    /// A network without a task, or a variable that has no counterfactuals between two of them.
    pub fn draw(configuration: &AlignConfiguration, networks: &[Given], objective: &Objective) -> Result<Self> {
        let tasks: Vec<Task> = networks.iter().map(|network| task_of(network, configuration)).collect::<Result<_>>()?;
        let validation = configuration.validation_pairs();
        let mut splits = Vec::new();
        for direction in all_directions(networks.len()) {
            for swapped in configuration.swapped() {
                let (source, target) = (&networks[direction.source], &networks[direction.target]);
                let written = |variable: &VariablePair| {
                    let of = |index: usize| if index == 0 { variable.source } else { variable.target };
                    VariablePair { source: of(direction.source), target: of(direction.target) }
                };
                let written = Swapped { variables: swapped.variables.iter().map(written).collect(), ..swapped };
                let name = written.to_string();
                // Not of the networks' places: a direction has the same pairs in every fit, so that fits can be compared
                // pair by pair.
                let purpose = ["pairs", source.identity(), target.identity(), &name];
                let tasks = [&tasks[direction.source], &tasks[direction.target]];
                let config = PairConfig {
                    variables: written.variables,
                    positions: configuration.positions,
                    range: configuration.range,
                    seed: derive(configuration.seed, &purpose),
                    ..PairConfig::new(tasks[0].clone(), tasks[1].clone(), Variable::Full)
                };
                let config = config.with_sequences(source.sequences(), target.sequences());
                let count = if objective.trained().any(|one| one == direction) {
                    configuration.training_pairs + validation
                } else {
                    0
                };
                let training = config.clone().with_split(mas_tasks::Split::Training).with_count(count).pairs()?;
                // What is only recorded has no answers; what becomes of its activity at one position can be told.
                let told = !target.is_recorded() || positions(configuration) == Positions::Individual;
                let count = if told { configuration.held_out_pairs } else { 0 };
                let held_out = config.with_split(mas_tasks::Split::HeldOut).with_count(count).pairs()?;
                let readers = (source.reader(tasks[0])?, target.reader(tasks[1])?);
                let convert = |pairs: &[mas_tasks::Pair], purpose: &str| -> Result<Pairs> {
                    under_shuffling(configuration, exchanges::pairs(pairs, &readers.0, &readers.1)?, purpose)
                };
                let (fit, check) = training.pairs.split_at(training.pairs.len().saturating_sub(validation));
                let latent = objective.latent().contains(&direction);
                // Natural activity of the trials to fit with, whichever of them a pair is.
                let pool = if latent { training.pairs.as_slice() } else { &[] };
                let natural = NaturalStates::of(tasks[1], pool.iter().map(|pair| &pair.target))?;
                let some = |drawn: &[mas_tasks::Pair], what: &str| -> Result<Option<Pairs>> {
                    if drawn.is_empty() {
                        return Ok(None);
                    }
                    let mut pairs = convert(drawn, what)?;
                    if latent {
                        let seed = derive(configuration.seed, &[&purpose[..], &["natural", what]].concat());
                        pairs.natural = Some(exchanges::latents(drawn, &natural, &readers.1, seed)?);
                    }
                    Ok(Some(pairs))
                };
                let (training_pairs, validation_pairs) = (some(fit, "training")?, some(check, "validation")?);
                let missing =
                    |pairs: &Option<Pairs>| -> Option<usize> { Some(pairs.as_ref()?.natural.as_ref()?.missing()) };
                splits.push(Split {
                    direction,
                    subspace: swapped.subspace,
                    answers: !target.is_recorded(),
                    held_out: (count > 0).then(|| convert(&held_out.pairs, "held out")).transpose()?,
                    counts: PairCounts {
                        source: source.name().to_owned(),
                        target: target.name().to_owned(),
                        variable: swapped.to_string(),
                        training: training.pairs.len(),
                        held_out: held_out.pairs.len(),
                        disjoint: tasks.iter().all(|task| task.is_split()),
                        unmatched: missing(&training_pairs).map(|n| n + missing(&validation_pairs).unwrap_or(0)),
                        dropped: dropped(&[training, held_out]),
                    },
                    training: training_pairs,
                    validation: validation_pairs,
                });
            }
        }
        let nulls = if configuration.null { nulls(&splits, &configuration.objective()?)? } else { Vec::new() };
        Ok(Self { splits, nulls })
    }

    /// The pairs of all n² directions at prompts that every network has answered.
    ///
    /// # Errors
    /// None for answers of these networks.
    pub fn of_answers(
        configuration: &AlignConfiguration,
        networks: &[Given],
        answers: &Answers,
        objective: &Objective,
    ) -> Result<Self> {
        let (training, validation) = (configuration.training_pairs, configuration.validation_pairs());
        let fit = training + validation;
        let mut splits = Vec::new();
        for direction in all_directions(networks.len()) {
            let (source, target) = (&answers.by_network[direction.source], &answers.by_network[direction.target]);
            let drawn = |range: Range<usize>, purpose: &str| -> Result<Option<Pairs>> {
                if range.is_empty() {
                    return Ok(None);
                }
                let one =
                    |at: usize| Answered { prompt: &answers.prompts[at], source: &source[at], target: &target[at] };
                let pairs = prompted::pairs(&range.map(one).collect::<Vec<_>>())?;
                under_shuffling(configuration, pairs, purpose).map(Some)
            };
            let trained = objective.trained().any(|one| one == direction);
            let fitted = |range: Range<usize>| if trained { range } else { 0..0 };
            splits.push(Split {
                direction,
                subspace: 0,
                training: drawn(fitted(0..training), "training")?,
                validation: drawn(fitted(training..fit), "validation")?,
                answers: true,
                held_out: drawn(fit..answers.prompts.len(), "held out")?,
                counts: PairCounts {
                    source: networks[direction.source].name().to_owned(),
                    target: networks[direction.target].name().to_owned(),
                    variable: Variable::Full.to_string(),
                    training: if trained { fit } else { 0 },
                    held_out: answers.prompts.len() - fit,
                    disjoint: true,
                    unmatched: None,
                    dropped: BTreeMap::new(),
                },
            });
        }
        Ok(Self { splits, nulls: Vec::new() })
    }

    /// What was drawn, and what was left out.
    pub fn counts(&self) -> Vec<PairCounts> {
        self.splits.iter().map(|split| split.counts.clone()).collect()
    }

    pub fn training(&self) -> Vec<Exchange<'_>> {
        self.exchanges(|split| split.training.as_ref())
            .into_iter()
            .chain(self.null(|null| null.training.as_ref()))
            .collect()
    }

    pub fn validation(&self) -> Vec<Exchange<'_>> {
        self.exchanges(|split| split.validation.as_ref())
            .into_iter()
            .chain(self.null(|null| null.validation.as_ref()))
            .collect()
    }

    /// The held-out pairs of every direction whose behaviour a fit of `configuration` says something about; none into a
    /// network that cannot be run. Those of the null variable come last.
    pub fn held_out(&self, configuration: &AlignConfiguration) -> Vec<Exchange<'_>> {
        let judged = |split: &Split| split.answers && configuration.judges(split.direction);
        self.exchanges(|split| split.held_out.as_ref().filter(|_| judged(split)))
            .into_iter()
            .chain(self.null(|null| null.held_out.as_ref().filter(|_| configuration.judges(null.direction))))
            .collect()
    }

    /// The held-out pairs of every direction and variable, also into a network that cannot be run.
    pub fn interchanged(&self) -> Vec<Exchange<'_>> {
        self.exchanges(|split| split.held_out.as_ref())
    }

    fn null<'a>(&'a self, of: impl Fn(&'a Null) -> Option<&'a Pairs>) -> impl Iterator<Item = Exchange<'a>> {
        let subspace = Subspaces::EXTRANEOUS;
        self.nulls
            .iter()
            .filter_map(move |null| Some(Exchange { direction: null.direction, subspace, pairs: of(null)? }))
    }

    fn exchanges<'a>(&'a self, of: impl Fn(&'a Split) -> Option<&'a Pairs>) -> Vec<Exchange<'a>> {
        let exchange = |split: &'a Split| {
            Some(Exchange { direction: split.direction, subspace: split.subspace, pairs: of(split)? })
        };
        self.splits.iter().filter_map(exchange).collect()
    }
}

/// Pairs as they are, or, under the shuffled control, with sources of one another.
fn under_shuffling(configuration: &AlignConfiguration, pairs: Pairs, purpose: &str) -> Result<Pairs> {
    Ok(match configuration.control {
        FitControl::Shuffled => {
            pairs.shuffled(positions(configuration), derive(configuration.seed, &["shuffle", purpose]))?
        }
        _ => pairs,
    })
}

/// The null variable of every network whose behaviour is trained within it, on the pairs of its first variable.
fn nulls(splits: &[Split], objective: &Objective) -> Result<Vec<Null>> {
    let within = objective.behaviour.iter().filter(|direction| direction.source == direction.target);
    let of = |pairs: &Option<Pairs>| pairs.as_ref().map(Pairs::null).transpose();
    let null = |direction: Direction, first: &Split| -> Result<Null> {
        let (training, validation) = (of(&first.training)?, of(&first.validation)?);
        let held_out = of(&first.held_out)?.filter(|pairs| !pairs.is_empty());
        Ok(Null { direction, training, validation, held_out })
    };
    let first = |direction: &Direction| splits.iter().find(|split| split.direction == *direction);
    within.filter_map(|direction| Some(null(*direction, first(direction)?))).collect()
}

/// The draws that had no counterfactual, by reason.
fn dropped(sets: &[PairSet]) -> BTreeMap<String, usize> {
    let count = |&reason: &DropReason| (reason.to_string(), sets.iter().map(|set| set.dropped.get(reason)).sum());
    DropReason::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

pub(super) fn task_of(network: &Given, configuration: &AlignConfiguration) -> Result<Task> {
    let task = network.task()?;
    match configuration.program {
        Some(program) => Ok(TaskConfig { program: Some(program), ..task.config().clone() }.build()?),
        None => Ok(task),
    }
}
