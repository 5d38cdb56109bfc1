//! Networks that the user brings.

use std::fs;
use std::path::Path;

use mas_models::NetworkDescription;
use mas_tasks::TaskKind;

use super::architecture::Architecture;
use crate::runs::Key;

/// What a study needs to know of a network that the user brings, as far as it can be seen without loading it.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    /// The key of its content.
    pub key: Key,
    /// What it does.
    pub task: Option<TaskKind>,
    /// Its width.
    pub width: usize,
    /// Where it can be read and written.
    pub sites: Vec<String>,
}

impl Brought {
    /// Looks at a network folder. Its description is checked as a whole; its weights are when they are loaded.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn look_at(path: &Path) -> Result<Self, String> {
        let unreadable = |(error, path): (std::io::Error, &Path)| format!("cannot read {}: {error}", path.display());
        if path.is_file() {
            let path = path.display();
            return Err(format!(
                "{path} is a file, and a study takes network folders (`mas compare` takes recordings)"
            ));
        }
        let (description, weights) = (path.join("network.toml"), path.join("weights.safetensors"));
        let key = Key::of_files([description.as_path(), weights.as_path()]).map_err(unreadable)?;
        let text = fs::read_to_string(&description).map_err(|error| unreadable((error, &description)))?;
        let wrong = |problem: &dyn std::fmt::Display| format!("{}: {problem}", description.display());
        let said: NetworkDescription = toml::from_str(&text).map_err(|error| wrong(&error))?;
        let task = match &said.task {
            Some(task) => Some(task.parse().map_err(|error| wrong(&error))?),
            None => None,
        };
        let (architecture, width, layers) = Architecture::of(&said.architecture)
            .ok_or_else(|| wrong(&"this version of the program has no such architecture"))?;
        Ok(Self { key, task, width, sites: architecture.sites(layers) })
    }
}
