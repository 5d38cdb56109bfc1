//! Networks as they are given to an alignment: to be run, or recorded only.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mas_core::{Activity, Participant, Recordings};
use mas_tasks::{Sequence, Task, TaskConfig, TaskKind, Variable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    Error, Result,
    device::Compute,
    exchanges::Reader,
    networks::{Loaded, hash_of},
    work::NetworkPlace,
};

/// A network of an alignment.
pub enum Given {
    /// One that can be run.
    Live(Box<Loaded>),
    /// One of which there is an activity file.
    Recorded(Box<Recording>),
}

/// An activity file with the tokens that were read, or with the variables that say what they were, as a network that is
/// only recorded.
pub struct Recording {
    recordings: Recordings,
    task: Task,
    /// Every trial that was recorded, as a sequence of the task.
    sequences: Arc<[Sequence]>,
    identity: String,
    path: PathBuf,
    /// Trials of the file that cannot be told from an earlier one.
    repeated: usize,
}

impl From<Loaded> for Given {
    fn from(loaded: Loaded) -> Self {
        Self::Live(Box::new(loaded))
    }
}

impl From<Recording> for Given {
    fn from(recording: Recording) -> Self {
        Self::Recorded(Box::new(recording))
    }
}

impl Recording {
    /// Reads the activity file at `path`, recorded at `site` on sequences of `task`, as the network called `name`. Token
    /// ids are those of the task's own vocabulary; where the file has none, they follow from its variables.
    ///
    /// # Errors
    /// A file that cannot be read or does not say what was read, or a trial that is no whole sequence of the task.
    pub fn open(path: &Path, name: &str, task: TaskKind, site: &str, compute: &Compute) -> Result<Self> {
        let task = TaskConfig::new(task).build()?;
        let mut activity = Activity::read(path)?;
        if activity.tokens().is_none() {
            let tokens =
                tokens_of(&activity, &task).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))?;
            activity = activity.with_tokens(tokens)?;
        }
        let recordings = Recordings::new(name, site, &activity, &compute.device)?;
        let of = |(trial, tokens): (usize, &Vec<u32>)| {
            let refused = |reason: String| {
                Error::invalid(format!("{}: trial {trial} is no sequence of {}: {reason}", path.display(), task.kind()))
            };
            let sequence = task.sequence_of(tokens).map_err(|error| refused(error.to_string()))?;
            match sequence.len() == tokens.len() {
                true => Ok(sequence),
                false => {
                    Err(refused("it goes on after its end token; set `lengths` so that padding is left out".into()))
                }
            }
        };
        let repeated = activity.trials() - recordings.trials().len();
        let sequences = recordings.trials().iter().enumerate().map(of).collect::<Result<_>>()?;
        let identity = hash_of(path)?;
        let path = std::fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
        Ok(Self { recordings, task, sequences, identity, path, repeated })
    }
}

/// How often a trial's tokens are drawn again if another trial has them already.
const REDRAWS: usize = 64;

/// The tokens, `[trial, time]`, of sequences of `task` in which variables take the course that `activity` says.
fn tokens_of(activity: &Activity, task: &Task) -> Result<Vec<i64>> {
    let recorded: Vec<(Variable, &[f32])> =
        task.variables().iter().filter_map(|variable| Some((*variable, activity.variable(variable.name())?))).collect();
    if recorded.is_empty() {
        let names: Vec<String> = task.variables().iter().map(|variable| format!("var.{variable}")).collect();
        return Err(Error::invalid(format!(
            "it does not say what was read; it needs `tokens` or {}, each [trial, time]",
            names.join(", ")
        )));
    }
    let time = activity.time();
    let mut taken = HashSet::new();
    let mut tokens = vec![i64::from(task.vocabulary().pad()); activity.trials() * time];
    for (trial, &length) in activity.lengths().iter().enumerate() {
        let course: Vec<(Variable, &[f32])> =
            recorded.iter().map(|&(variable, values)| (variable, &values[trial * time..][..length])).collect();
        // Demonstrations whose types are not known are drawn, so that trials with one count can be told apart.
        let mut rng = ChaCha8Rng::seed_from_u64(trial as u64);
        let mut draw = || task.sequence_along(&course, &mut rng);
        let named = |error: mas_tasks::Error| Error::invalid(format!("trial {trial}: {error}"));
        let mut sequence = draw().map_err(named)?;
        for _ in 0..REDRAWS {
            if !taken.contains(&sequence.tokens) {
                break;
            }
            sequence = draw().map_err(named)?;
        }
        for (token, id) in tokens[trial * time..].iter_mut().zip(&sequence.tokens) {
            *token = i64::from(*id);
        }
        taken.insert(sequence.tokens);
    }
    Ok(tokens)
}

/// The site of a network's answers.
const LOGITS: &str = "logits";

impl Given {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Live(loaded) => loaded.name(),
            Self::Recorded(recording) => mas_core::Recorded::name(&recording.recordings),
        }
    }

    /// What tells it from others: the hash of its weights, or of the file.
    pub fn identity(&self) -> &str {
        match self {
            Self::Live(loaded) => &loaded.identity,
            Self::Recorded(recording) => &recording.identity,
        }
    }

    /// Where it is, as an alignment's file says it.
    pub fn place(&self) -> NetworkPlace {
        match self {
            Self::Live(loaded) => loaded.place(),
            Self::Recorded(recording) => NetworkPlace {
                path: recording.path.clone(),
                identity: recording.identity.clone(),
                recorded_on: Some(recording.task.kind()),
            },
        }
    }

    /// What is left out of it, in words.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Recorded(recording) if recording.repeated > 0 => Some(format!(
                "{} trials of `{}` are left out: they have the tokens of earlier ones",
                recording.repeated,
                self.name()
            )),
            _ => None,
        }
    }

    /// Whether it can be read and not run.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Recorded(_))
    }

    /// The task that it does.
    ///
    /// # Errors
    /// As [`Loaded::task`].
    pub fn task(&self) -> Result<Task> {
        match self {
            Self::Live(loaded) => loaded.task(),
            Self::Recorded(recording) => Ok(recording.task.clone()),
        }
    }

    /// How it reads sequences of `task`.
    ///
    /// # Errors
    /// A token that it does not know.
    pub fn reader(&self, task: &Task) -> Result<Reader> {
        match self {
            Self::Live(loaded) => loaded.reader(task),
            Self::Recorded(recording) => Reader::new(task, recording.task.vocabulary()),
        }
    }

    /// All sequences that it can be read on; none where it can be read on any.
    pub fn sequences(&self) -> Arc<[Sequence]> {
        match self {
            Self::Live(_) => Arc::default(),
            Self::Recorded(recording) => recording.sequences.clone(),
        }
    }

    /// Whether `site` is the last block of a transformer: what is written there reaches no later position.
    pub fn is_last_block(&self, site: &str) -> bool {
        let Self::Live(loaded) = self else { return false };
        let sites = loaded.network.sites();
        let last = sites.iter().rev().find(|site| site.name.starts_with("layer."));
        last.is_some_and(|last| last.name == site)
    }

    /// What may be done with it, at `site`.
    ///
    /// # Errors
    /// No such site, or `logits`, which are an answer and no state: to record and to compare, not to interchange.
    pub fn participant(&self, site: &str) -> Result<Participant<'_>> {
        if site == LOGITS {
            return Err(Error::invalid(format!(
                "`{}`: the site `{site}` can be recorded and compared, not interchanged",
                self.name()
            )));
        }
        Ok(match self {
            Self::Live(loaded) => Participant::live(&*loaded.network, site)?,
            Self::Recorded(recording) => Participant::recorded(&recording.recordings, site)?,
        })
    }

    /// Its untrained twin, see [`Loaded::twin`].
    ///
    /// # Errors
    /// As there; a recording has none.
    pub fn twin(&self, seed: u64, compute: &Compute) -> Result<Self> {
        match self {
            Self::Live(loaded) => loaded.twin(seed, compute).map(Self::from),
            Self::Recorded(_) => {
                Err(Error::invalid(format!("`{}` is only recorded and has no untrained twin", self.name())))
            }
        }
    }
}
