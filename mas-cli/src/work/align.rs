use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use mas_core::{
    Alignment, AlignmentFunction, Direction, Exchange, Fit, FitConfig, Fitted, Member, Method, Outcome, Pairs,
    Participant, Positions, Setting, Subspaces, Swap, alignment::Orthogonal, all_directions, evaluate,
    evaluate_unintervened, fit,
};
use mas_tasks::{PairConfig, PairSplit, Task, TaskConfig, VariablePair, split_pairs};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    device::Compute,
    exchanges,
    networks::Loaded,
    results::{Control, FitRow, OutcomeRow, write_rows},
    seeds::derive,
    study::{AlignConfiguration, FitControl},
};

/// The key under which an alignment's file keeps its [`AlignConfiguration`].
pub const ALIGNMENT_SETTINGS: &str = "configuration";

/// The key under which it says where its networks are, in order: [`NetworkPlace`]s.
pub const NETWORK_SETTINGS: &str = "networks";

/// Where a network of an alignment is, and what tells its weights from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlace {
    /// Its folder; relative paths are seen from the alignment's folder.
    pub path: PathBuf,
    /// See [`Loaded::identity`].
    pub identity: String,
}

/// An alignment that was fitted and measured.
pub struct Aligned {
    /// What the fit left behind.
    pub fitted: Fitted,
    /// Every held-out interchange, under every control that needs no other fit.
    pub outcomes: Vec<OutcomeRow>,
}

/// Fits one alignment between `networks` and measures it on held-out pairs. Writes `alignment.toml`,
/// `alignment.safetensors`, `fit.csv` and `outcomes.csv` into `folder`, where a checkpoint is kept meanwhile.
///
/// # Errors
/// Networks, sites, variables or settings that do not fit together, a fit that diverges, a folder that cannot be written.
pub fn align(
    configuration: &AlignConfiguration,
    networks: Vec<Loaded>,
    compute: &Compute,
    folder: &Path,
    on_event: &mut dyn FnMut(&fit::Event) -> Result<()>,
) -> Result<Aligned> {
    let places: Vec<NetworkPlace> =
        networks.iter().map(|n| NetworkPlace { path: n.path.clone(), identity: n.identity.clone() }).collect();
    let networks = under_control(configuration, networks, compute)?;
    let method = method(configuration)?;
    let objective = method.objective(networks.len())?;
    let participants = participants(configuration, &networks)?;
    let start = start(configuration, &participants, method, &compute.device)?;
    let trained = &objective.behaviour;
    let data = Data::draw(configuration, &networks, trained)?;
    let setting = Setting { positions: positions(configuration), retain: objective.retain };
    let fit = Fit {
        participants: participants.clone(),
        setting,
        training: data.exchanges(|split| &split.training),
        validation: data.exchanges(|split| &split.validation),
        objective,
        config: FitConfig {
            batch: configuration.batch,
            learning_rate: configuration.learning_rate,
            max_steps: configuration.max_steps,
            evaluate_every: configuration.evaluate_every,
            free_running: configuration.free_running,
            seed: derive(configuration.seed, &["batches"]),
            ..FitConfig::default()
        },
    };
    let checkpoint = folder.join("checkpoint.safetensors");
    let mut refused = None;
    let fitted = fit.run(start, Some(&checkpoint), &mut |event| {
        on_event(&event).map_err(|error| {
            let message = error.to_string();
            refused = Some(error);
            mas_core::Error::invalid(message)
        })
    });
    let fitted = match (refused, fitted) {
        (Some(error), _) => return Err(error),
        (None, fitted) => fitted?,
    };
    let mut settings = toml::Table::new();
    let value =
        |value: Result<toml::Value, toml::ser::Error>| value.map_err(|error| Error::Internal(error.to_string()));
    settings.insert(ALIGNMENT_SETTINGS.into(), value(toml::Value::try_from(configuration))?);
    settings.insert(NETWORK_SETTINGS.into(), value(toml::Value::try_from(places))?);
    settings.insert("best-step".into(), toml::Value::Integer(fitted.best_step as i64));
    settings.insert("ending".into(), value(toml::Value::try_from(fitted.ending))?);
    settings.insert("converged".into(), (fitted.ending == fit::Ending::Converged).into());
    fitted.alignment.save(folder, &settings)?;
    write_rows(&folder.join("fit.csv"), &fit_rows(&fitted, &participants))?;
    let held_out = data.exchanges(|split| &split.held_out);
    let outcomes = match configuration.control {
        FitControl::None => measure(&participants, &fitted.alignment, setting, &held_out)?,
        FitControl::Shuffled => only(&participants, &fitted.alignment, setting, &held_out, Control::Shuffled)?,
        FitControl::RandomNetwork => {
            only(&participants, &fitted.alignment, setting, &held_out, Control::RandomNetwork)?
        }
    };
    write_rows(&folder.join("outcomes.csv"), &outcomes)?;
    // The result is whole: what it was put aside in is of no more use.
    std::fs::remove_file(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
    Ok(Aligned { fitted, outcomes })
}

/// The networks that a control puts in the place of the given ones.
fn under_control(
    configuration: &AlignConfiguration,
    mut networks: Vec<Loaded>,
    compute: &Compute,
) -> Result<Vec<Loaded>> {
    if configuration.control == FitControl::RandomNetwork
        && let Some(source) = networks.first_mut()
    {
        *source = source.twin(configuration.seed, compute)?;
    }
    Ok(networks)
}

fn method(configuration: &AlignConfiguration) -> Result<Method> {
    Ok(configuration.method.name().parse()?)
}

fn positions(configuration: &AlignConfiguration) -> Positions {
    match configuration.positions {
        mas_tasks::Positions::Individual => Positions::Individual,
        mas_tasks::Positions::Stepwise => Positions::Stepwise,
    }
}

fn participants<'a>(configuration: &AlignConfiguration, networks: &'a [Loaded]) -> Result<Vec<Participant<'a>>> {
    let sites = &configuration.sites;
    networks
        .iter()
        .enumerate()
        .map(|(index, network)| {
            let site = sites.get(index).or(sites.first()).ok_or_else(|| Error::invalid("no site was given"))?;
            Ok(Participant::live(&network.network, site)?)
        })
        .collect()
}

/// Where the fit begins: a random rotation of every network.
fn start(
    configuration: &AlignConfiguration,
    participants: &[Participant],
    method: Method,
    device: &Device,
) -> Result<Alignment> {
    let narrowest = participants.iter().map(|participant| participant.site().width).min().unwrap_or(0);
    let k = match configuration.k {
        _ if method.takes_everything() => narrowest,
        Some(k) => k,
        None => return Err(Error::invalid(format!("method `{method}` needs k, the size of the subspace"))),
    };
    let subspaces = Subspaces::new(configuration.variables.iter().map(|variable| (variable.to_string(), k)))?;
    let members = participants.iter().map(|participant| {
        let seed = derive(configuration.seed, &["rotation", participant.name()]);
        Member {
            network: participant.name().to_owned(),
            site: participant.site().clone(),
            function: AlignmentFunction::new(Orthogonal::random(participant.site().width, seed, device)),
        }
    });
    Ok(Alignment::new(members.collect(), subspaces)?)
}

/// The interchanges of a fit, for every direction and variable.
struct Data {
    splits: Vec<(Direction, usize, Split)>,
}

struct Split {
    training: Option<Pairs>,
    validation: Option<Pairs>,
    held_out: Pairs,
}

impl Data {
    /// Draws the pairs of all n² directions, each from a seed of its own; training and validation pairs of `trained`
    /// directions only.
    fn draw(configuration: &AlignConfiguration, networks: &[Loaded], trained: &[Direction]) -> Result<Self> {
        let tasks: Vec<Task> = networks.iter().map(|network| task_of(network, configuration)).collect::<Result<_>>()?;
        // A validation half as large as the evaluation is enough to choose a checkpoint by.
        let validation = configuration.held_out_pairs.div_ceil(2);
        let mut places = Vec::new();
        let mut configs = Vec::new();
        for direction in all_directions(networks.len()) {
            for (subspace, variable) in configuration.variables.iter().enumerate() {
                let (source, target) = (&networks[direction.source], &networks[direction.target]);
                let of = |index: usize| if index == 0 { variable.source } else { variable.target };
                let written = VariablePair { source: of(direction.source), target: of(direction.target) };
                let name = written.to_string();
                let place = |index: usize| index.to_string();
                let purpose = [
                    "pairs",
                    &place(direction.source),
                    &place(direction.target),
                    &source.identity,
                    &target.identity,
                    &name,
                ];
                let count = if trained.contains(&direction) { configuration.training_pairs + validation } else { 0 };
                let mut config =
                    PairConfig::new(tasks[direction.source].clone(), tasks[direction.target].clone(), written)
                        .with_positions(configuration.positions)
                        .with_count(count)
                        .with_seed(derive(configuration.seed, &purpose));
                config.range = configuration.range;
                places.push((direction, subspace));
                configs.push(config);
            }
        }
        let drawn = split_pairs(&configs, configuration.held_out_pairs)?;
        let splits = places
            .into_iter()
            .zip(drawn)
            .map(|((direction, subspace), split)| {
                let (source, target) = (&networks[direction.source], &networks[direction.target]);
                let readers = (source.reader(&tasks[direction.source])?, target.reader(&tasks[direction.target])?);
                let PairSplit { training, held_out } = split;
                let convert = |pairs: &[mas_tasks::Pair], purpose: &str| -> Result<Pairs> {
                    let pairs = exchanges::pairs(pairs, &readers.0, &readers.1)?;
                    Ok(match configuration.control {
                        FitControl::Shuffled => pairs.shuffled(
                            self::positions(configuration),
                            derive(configuration.seed, &["shuffle", purpose]),
                        ),
                        _ => pairs,
                    })
                };
                let (fit, check) = training.pairs.split_at(training.pairs.len().saturating_sub(validation));
                let some = |pairs: &[mas_tasks::Pair], purpose| match pairs.is_empty() {
                    true => Ok(None),
                    false => convert(pairs, purpose).map(Some),
                };
                let split = Split {
                    training: some(fit, "training")?,
                    validation: some(check, "validation")?,
                    held_out: convert(&held_out.pairs, "held out")?,
                };
                Ok((direction, subspace, split))
            })
            .collect::<Result<_>>()?;
        Ok(Self { splits })
    }

    fn exchanges<'a, P: Into<Option<&'a Pairs>>>(&'a self, of: impl Fn(&'a Split) -> P) -> Vec<Exchange<'a>> {
        let exchange = |(direction, subspace, split): &'a (Direction, usize, Split)| {
            Some(Exchange { direction: *direction, subspace: *subspace, pairs: of(split).into()? })
        };
        self.splits.iter().filter_map(exchange).collect()
    }
}

fn task_of(network: &Loaded, configuration: &AlignConfiguration) -> Result<Task> {
    let task = network.task()?;
    match configuration.program {
        Some(program) => Ok(TaskConfig { program: Some(program), ..task.config().clone() }.build()?),
        None => Ok(task),
    }
}

/// Measures an alignment on held-out pairs: the interchanges themselves, the floor (nothing swapped, the source's mean
/// swapped) and the ceiling (the untouched target).
///
/// # Errors
/// As [`mas_core::evaluate`].
fn measure(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
) -> Result<Vec<OutcomeRow>> {
    let mut rows = only(participants, alignment, setting, held_out, Control::None)?;
    for control in [Control::NoSwap, Control::MeanSwap, Control::Ceiling] {
        rows.extend(only(participants, alignment, setting, held_out, control)?);
    }
    Ok(rows)
}

fn only(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
    control: Control,
) -> Result<Vec<OutcomeRow>> {
    let swap = match control {
        Control::NoSwap => Swap::NoSwap,
        Control::MeanSwap => Swap::MeanSwap,
        _ => Swap::Interchange,
    };
    let outcomes = match control {
        Control::Ceiling => evaluate_unintervened(participants, alignment, held_out)?,
        _ => evaluate(participants, alignment, setting, held_out, swap)?,
    };
    Ok(outcome_rows(participants, held_out, &outcomes, control))
}

fn outcome_rows(
    participants: &[Participant],
    exchanges: &[Exchange],
    outcomes: &[Vec<Outcome>],
    control: Control,
) -> Vec<OutcomeRow> {
    // One number for every sequence, whoever reads it in whatever role.
    let mut ids: HashMap<Vec<u32>, u64> = HashMap::new();
    let mut id = |tokens: &[u32]| {
        let next = ids.len() as u64;
        *ids.entry(tokens.to_vec()).or_insert(next)
    };
    let mut rows = Vec::new();
    let mut numbers: HashMap<Direction, u64> = HashMap::new();
    for (exchange, outcomes) in exchanges.iter().zip(outcomes) {
        let Exchange { direction, pairs, .. } = exchange;
        for (pair, outcome) in outcomes.iter().enumerate() {
            let number = numbers.entry(*direction).or_default();
            let target_sequence = id(pairs.target.tokens(pair));
            rows.push(OutcomeRow {
                source: participants[direction.source].name().to_owned(),
                target: participants[direction.target].name().to_owned(),
                control,
                pair: *number,
                source_sequence: match control {
                    Control::Ceiling => target_sequence,
                    _ => id(pairs.source.tokens(pair)),
                },
                target_sequence,
                changed: pairs.changed[pair],
                held_out_count: pairs.untrained_count[pair],
                correct: outcome.is_right(),
                tokens_correct: outcome.right.into(),
                tokens: outcome.tokens.into(),
            });
            *number += 1;
        }
    }
    rows
}

fn fit_rows(fitted: &Fitted, participants: &[Participant]) -> Vec<FitRow> {
    let rows = |validation: &fit::Validation| {
        let (step, loss) = (validation.step as u64, validation.loss.unwrap_or(f64::NAN));
        let row = |accuracy: &fit::DirectionAccuracy| FitRow {
            step,
            loss,
            source: participants[accuracy.direction.source].name().to_owned(),
            target: participants[accuracy.direction.target].name().to_owned(),
            iia: accuracy.iia,
            token_accuracy: accuracy.token_accuracy,
        };
        validation.accuracy.iter().map(row).collect::<Vec<_>>()
    };
    fitted.history.iter().flat_map(rows).collect()
}

/// Measures a saved alignment again, on `pairs` held-out pairs of every direction that are drawn with `seed`.
///
/// # Errors
/// As [`align`].
pub fn remeasure(
    configuration: &AlignConfiguration,
    alignment: &Alignment,
    networks: Vec<Loaded>,
    compute: &Compute,
    pairs: usize,
    seed: u64,
) -> Result<Vec<OutcomeRow>> {
    let networks = under_control(configuration, networks, compute)?;
    let fresh = AlignConfiguration { seed, held_out_pairs: pairs, ..configuration.clone() };
    let participants = participants(&fresh, &networks)?;
    let objective = method(&fresh)?.objective(networks.len())?;
    let data = Data::draw(&fresh, &networks, &[])?;
    let setting = Setting { positions: positions(&fresh), retain: objective.retain };
    measure(&participants, alignment, setting, &data.exchanges(|split| &split.held_out))
}
