//! The networks of a study.

use std::path::PathBuf;

use mas_models::Feedback;
use mas_tasks::TaskKind;
use toml::Spanned;

use super::Shipped;
use super::architecture::Architecture;
use super::brought::Brought;
use super::configuration::{TrainConfiguration, TrainingSettings};
use super::defaults;
use super::error::StudyError;
use super::file::{NetworkTable, TrainingTable};
use super::source::Source;
use crate::runs::Key;

/// One network of a study.
#[derive(Debug, Clone)]
pub(super) struct Network {
    /// Its own name.
    pub name: String,
    /// The name of its table, which it shares with the same recipe's other seeds.
    pub group: String,
    /// How it comes about.
    pub origin: Origin,
    /// What it does, where that is known.
    pub task: Option<TaskKind>,
    /// Its width.
    pub width: usize,
    /// Where it can be read and written.
    pub sites: Vec<String>,
    /// Whether it is compared although it was not accepted.
    pub allow_unaccepted: bool,
}

/// How a network comes about.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// It is trained.
    Recipe(TrainConfiguration),
    /// It ships with the study, trained by the study's recipe.
    Shipped {
        /// Where it is.
        path: PathBuf,
        /// The key of its content.
        key: Key,
    },
    /// The user has brought it.
    Brought {
        /// Where it is.
        path: PathBuf,
        /// The key of its content.
        key: Key,
    },
}

/// Checks all networks, and makes one of each seed.
pub(super) fn check(
    source: &Source,
    tables: &[Spanned<NetworkTable>],
    shipped: Shipped,
) -> Result<Vec<Network>, StudyError> {
    if tables.is_empty() {
        let help = "write a [[networks]] table with a name, and either task and architecture or a path";
        return Err(source.error(0..0, "the study has no networks", help));
    }
    source.distinct("a group of networks called", tables.iter().map(|table| &table.get_ref().name))?;
    let mut networks: Vec<Network> = Vec::new();
    for table in tables {
        let (span, table) = (table.span(), table.get_ref());
        source.name("a network", &table.name)?;
        let made = match (&table.path, &table.task, &table.architecture) {
            (Some(path), _, _) => vec![brought(source, table, path)?],
            (None, Some(task), Some(architecture)) => recipe(source, table, task, architecture, shipped)?,
            (None, _, _) => {
                let message = format!("`{}` says neither how to train it nor where it is", table.name.get_ref());
                let help = "give task and architecture to train a network, or the path of one";
                return Err(source.error(span, message, help));
            }
        };
        for network in made {
            let taken = |other: &Network| other.name == network.name || other.group == network.name;
            if networks.iter().any(taken) {
                let message = format!("the network `{}` is there already", network.name);
                return Err(source.error(table.name.span(), message, "seeds are added to names: choose another name"));
            }
            networks.push(network);
        }
    }
    // A later group may have the name of an earlier group's member.
    for table in tables {
        let name = table.get_ref().name.get_ref();
        if networks.iter().any(|network| network.name == *name && network.group != *name) {
            let message = format!("the network `{name}` is there already");
            return Err(source.error(
                table.get_ref().name.span(),
                message,
                "seeds are added to names: choose another name",
            ));
        }
    }
    Ok(networks)
}

fn recipe(
    source: &Source,
    table: &NetworkTable,
    task: &Spanned<String>,
    architecture: &Spanned<String>,
    shipped: Shipped,
) -> Result<Vec<Network>, StudyError> {
    let task = *source.choice("task", task, TaskKind::ALL, |task| task.name())?;
    let span = architecture.span();
    let architecture = source.choice("architecture", architecture, Architecture::ALL, |one| one.name())?;
    let width = source.positive("width", table.width.as_ref(), defaults::WIDTH)?;
    let layers = source.positive("layers", table.layers.as_ref(), architecture.default_layers())?;
    let given = table.training.as_ref().map(|table| table.get_ref().clone()).unwrap_or_default();
    let configuration = TrainConfiguration {
        task,
        architecture,
        width,
        layers,
        heads: table.heads.as_ref().map(|heads| *heads.get_ref()),
        layer_norm: table.layer_norm.as_ref().is_some_and(|layer_norm| *layer_norm.get_ref()),
        dropout: table.dropout.as_ref().map(|dropout| *dropout.get_ref()),
        seed: defaults::SEED,
        training: training(source, architecture, &given)?,
    };
    // Whatever the vocabulary.
    if let Err(problem) = configuration.shape(2) {
        let problem = problem.to_string();
        let keys = [
            ("heads", table.heads.as_ref().map(Spanned::span)),
            ("layer-norm", table.layer_norm.as_ref().map(Spanned::span)),
            ("dropout", table.dropout.as_ref().map(Spanned::span)),
            ("layers", table.layers.as_ref().map(Spanned::span)),
            ("width", table.width.as_ref().map(Spanned::span)),
        ];
        // The key that the problem begins with, if it is the study's.
        let named = keys.into_iter().find(|(key, _)| problem.starts_with(&format!("{key} =")));
        let span = named.and_then(|(_, span)| span).unwrap_or(span);
        let help = format!("{architecture} is not to be had in this shape");
        return Err(source.error_with(span, problem, help));
    }
    let group = table.name.get_ref();
    let seeds = source.seeds(table.seeds.as_ref(), defaults::SEED, "one seed makes one network")?;
    let several = seeds.len() > 1;
    let network = |seed| {
        let name = if several { format!("{group}-{seed}") } else { group.clone() };
        let recipe = TrainConfiguration { seed, ..configuration.clone() };
        Ok(Network {
            group: group.clone(),
            origin: match &table.weights {
                Some(weights) if shipped == Shipped::Taken => ready(source, weights, &name, &recipe)?,
                _ => Origin::Recipe(recipe),
            },
            name,
            task: Some(task),
            width,
            sites: architecture.sites(layers),
            allow_unaccepted: table.allow_unaccepted.unwrap_or(false),
        })
    };
    seeds.into_iter().map(network).collect()
}

/// The network `name` among those that ship with a study, made by `recipe`.
fn ready(
    source: &Source,
    weights: &Spanned<PathBuf>,
    name: &str,
    recipe: &TrainConfiguration,
) -> Result<Origin, StudyError> {
    let path = source.beside(weights.get_ref()).join(name);
    let help = "leave `weights` out to train the network; `mas train … --out DIR` makes such folders";
    let wrong = |problem: String| source.error(weights.span(), problem, help);
    recipe.made(&path).map_err(wrong)?;
    let Brought { key, .. } = Brought::look_at(&path).map_err(wrong)?;
    Ok(Origin::Shipped { path, key })
}

fn training(
    source: &Source,
    architecture: Architecture,
    table: &TrainingTable,
) -> Result<TrainingSettings, StudyError> {
    let positive = |key, given: &Option<Spanned<usize>>, default| source.positive(key, given.as_ref(), default);
    let feedback = match &table.feedback {
        Some(name) => {
            let feedback = source.choice("feedback", name, Feedback::ALL, |one| one.id())?;
            if architecture == Architecture::Transformer && feedback == Feedback::FreeRunning {
                let help = "leave it out: a transformer is trained teacher-forced";
                return Err(source.error(name.span(), "a transformer is not trained free-running", help));
            }
            Some(feedback)
        }
        None => None,
    };
    let max_epochs = positive("max-epochs", &table.max_epochs, defaults::MAX_EPOCHS)?;
    let cool_down = source.positive_if_given("cool-down", table.cool_down.as_ref())?;
    if let (Some(epochs), Some(given)) = (cool_down.filter(|&epochs| epochs > max_epochs), &table.cool_down) {
        let help = format!("it is at most max-epochs, {max_epochs}");
        return Err(source.error_with(given.span(), format!("cool-down = {epochs} is impossible"), help));
    }
    Ok(TrainingSettings {
        max_epochs,
        max_steps: source.positive_if_given("max-steps", table.max_steps.as_ref())?,
        learning_rate: source.above_zero(
            "learning-rate",
            table.learning_rate.as_ref(),
            defaults::TRAINING_LEARNING_RATE,
        )?,
        warm_up: table.warm_up.unwrap_or(defaults::WARM_UP),
        cool_down,
        feedback,
        response_only: table.response_only.unwrap_or(false),
        clip: source.above_zero_if_given("clip", table.clip.as_ref())?,
        batch: positive("batch", &table.batch, defaults::TRAINING_BATCH)?,
        samples: positive("samples", &table.samples, defaults::TRAINING_SAMPLES)?,
        validation_samples: positive("validation-samples", &table.validation_samples, defaults::VALIDATION_SAMPLES)?,
        validate_every: positive("validate-every", &table.validate_every, defaults::VALIDATE_EVERY)?,
    })
}

fn brought(source: &Source, table: &NetworkTable, path: &Spanned<PathBuf>) -> Result<Network, StudyError> {
    let also = [
        table.task.as_ref().map(|key| ("task", key.span())),
        table.architecture.as_ref().map(|key| ("architecture", key.span())),
        table.width.as_ref().map(|key| ("width", key.span())),
        table.layers.as_ref().map(|key| ("layers", key.span())),
        table.heads.as_ref().map(|key| ("heads", key.span())),
        table.layer_norm.as_ref().map(|key| ("layer-norm", key.span())),
        table.dropout.as_ref().map(|key| ("dropout", key.span())),
        table.seeds.as_ref().map(|key| ("seeds", key.span())),
        table.training.as_ref().map(|key| ("training", key.span())),
        table.weights.as_ref().map(|key| ("weights", key.span())),
    ];
    if let Some((key, span)) = also.into_iter().flatten().next() {
        let message = format!("`{}` has a path, so `{key}` says nothing", table.name.get_ref());
        return Err(source.error(span, message, "leave it out; a network that is brought has its own description"));
    }
    let full = source.beside(path.get_ref());
    let brought = Brought::look_at(&full).map_err(|problem| {
        let help = "`mas train … --out DIR` and `mas import … --out DIR` make network folders; paths are seen from the \
                    study file";
        source.error(path.span(), problem, help)
    })?;
    Ok(Network {
        name: table.name.get_ref().clone(),
        group: table.name.get_ref().clone(),
        origin: Origin::Brought { path: full, key: brought.key },
        task: brought.task,
        width: brought.width,
        sites: brought.sites,
        allow_unaccepted: table.allow_unaccepted.unwrap_or(false),
    })
}
