//! Networks as commands use them: loaded from a folder, frozen, with the task that they do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mas_core::Network;
use mas_models::{LanguageModel, NetworkDescription, SavedNetwork};
use mas_tasks::{Task, TaskConfig, TaskKind, Vocabulary};

use crate::{
    Error, Result, device::Compute, exchanges::Reader, results::untrained_twin, seeds::derive, work::NetworkPlace,
};

/// Refuses a network that was trained here and did not meet the mark.
///
/// - `name`, `path`: what it is called, and where it is
///
/// # Errors
/// If it did not.
pub fn refuse_unaccepted(description: &NetworkDescription, name: &str, path: &Path) -> Result<()> {
    match description.accepted {
        Some(false) => Err(Error::invalid(format!(
            "{}: network `{name}` did not reach the acceptance mark in training; train it longer, or say that it may \
             be used all the same (`allow-unaccepted = true` in a study, `--allow-unaccepted` on the command line)",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// A network that is ready for interchanges.
pub struct Loaded {
    /// The network, frozen, under its name.
    pub network: Box<dyn Network>,
    /// The same as a language model, if it is one.
    pub language: Option<LanguageModel>,
    /// Everything about it but its weights.
    pub description: NetworkDescription,
    /// What tells its weights from others: their hash.
    pub identity: String,
    /// Its folder, as an alignment's file is to name it.
    pub path: PathBuf,
}

impl Loaded {
    /// Loads the network folder at `path`. Its name is `name`, or that of the folder.
    ///
    /// # Errors
    /// What the folder's reader says; a network that was trained here and did not meet the mark, unless
    /// `allow_unaccepted`.
    pub fn open(path: &Path, name: Option<&str>, allow_unaccepted: bool, compute: &Compute) -> Result<Self> {
        let SavedNetwork { network, description } = SavedNetwork::load(path, &compute.device)?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => folder_name(path)?,
        };
        if !allow_unaccepted {
            refuse_unaccepted(&description, &name, path)?;
        }
        let identity = match &description.provenance.weights_blake3 {
            Some(hash) => hash.clone(),
            // Somebody has changed the weights and said so by leaving the hash out.
            None => hash_of(&path.join("weights.safetensors"))?,
        };
        let path = std::fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
        let language = network.language().cloned();
        Ok(Self { network: network.freeze(name), language, description, identity, path })
    }

    /// The network's untrained twin: the same architecture with fresh weights, drawn with `seed`.
    ///
    /// # Errors
    /// None for an architecture that exists.
    pub fn twin(&self, seed: u64, compute: &Compute) -> Result<Self> {
        let architecture = &self.description.architecture;
        let seed = derive(seed, &["twin", &self.identity]);
        let network = architecture.init(seed, &compute.device)?;
        Ok(Self {
            language: network.language().cloned(),
            network: network.freeze(untrained_twin(self.name())),
            description: NetworkDescription {
                task: self.description.task.clone(),
                ..NetworkDescription::initialised(architecture, self.description.vocabulary.clone(), seed)
            },
            identity: self.identity.clone(),
            path: self.path.clone(),
        })
    }

    /// Where it is, as an alignment's file says it.
    pub fn place(&self) -> NetworkPlace {
        NetworkPlace { path: self.path.clone(), identity: self.identity.clone(), recorded_on: None }
    }

    /// Whether it was trained here and did not reach the acceptance mark.
    pub fn missed_the_mark(&self) -> bool {
        self.description.accepted == Some(false)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.network.name()
    }

    /// The task that it does, with every count and no voids: what it is aligned on.
    ///
    /// # Errors
    /// It is said to do no task, or none that is known.
    pub fn task(&self) -> Result<Task> {
        let id = self.description.task.as_deref().ok_or_else(|| {
            let name = self.name();
            Error::invalid(match self.language {
                Some(_) => format!("`{name}` is a language model, which does no task; align it with --prompts"),
                None => format!("network `{name}` does not say which task it does; import it with --task"),
            })
        })?;
        let kind: TaskKind = id.parse()?;
        Ok(TaskConfig::new(kind).build()?)
    }

    /// How it reads sequences of `task`.
    ///
    /// # Errors
    /// A token that it does not know.
    pub fn reader(&self, task: &Task) -> Result<Reader> {
        let own = Vocabulary::from_tokens(self.description.vocabulary.tokens.clone())?;
        Reader::new(task, &own)
    }
}

/// The hash of a file's content.
pub(crate) fn hash_of(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).map_err(|error| Error::io(file, error))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// What a folder is called.
pub fn folder_name(path: &Path) -> Result<String> {
    let resolved = std::fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
    let name = resolved.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| Error::invalid(format!("{}: this folder has no name to call the network by", path.display())))
}

/// Names that are distinct, so that results can tell the networks apart: those of folders, numbered where they repeat, by
/// numbers that make none of the others.
pub fn distinct_names(names: Vec<String>) -> Vec<String> {
    let repeats = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let mut taken: BTreeSet<String> = names.iter().filter(|name| !repeats(name)).cloned().collect();
    let mut distinct = |name: &String| {
        if !repeats(name) {
            return name.clone();
        }
        let mut numbered = (1..).map(|number| format!("{name}-{number}"));
        numbered.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    names.iter().map(&mut distinct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_are_numbered_apart_from_all_others() {
        let distinct = |names: &[&str]| distinct_names(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(distinct(&["a", "b"]), ["a", "b"]);
        assert_eq!(distinct(&["net", "a", "net"]), ["net-1", "a", "net-2"]);
        assert_eq!(distinct(&["net", "net", "net-1"]), ["net-2", "net-3", "net-1"]);
    }
}
