//! Networks and recordings that the user brings.

use std::fs;
use std::path::Path;

use mas_tasks::TaskKind;

use super::architecture::Architecture;
use crate::runs::Key;

/// What a study needs to know of something that the user brings, as far as it can be seen without loading it.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    /// The key of its content.
    pub key: Key,
    /// What it does.
    pub task: Option<TaskKind>,
    /// Its width.
    pub width: Option<usize>,
    /// Where it can be read.
    pub sites: Option<Vec<String>>,
}

impl Brought {
    /// Looks at a network folder or a file of recordings.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn look_at(path: &Path) -> Result<Self, String> {
        let unreadable = |(error, path): (std::io::Error, &Path)| format!("cannot read {}: {error}", path.display());
        if path.is_file() {
            let key = Key::of_files([path]).map_err(unreadable)?;
            return Ok(Self { key, task: None, width: None, sites: None });
        }
        let (description, weights) = (path.join("network.toml"), path.join("weights.safetensors"));
        let key = Key::of_files([description.as_path(), weights.as_path()]).map_err(unreadable)?;
        let text = fs::read_to_string(&description).map_err(|error| unreadable((error, &description)))?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| format!("{}: {}", description.display(), error.message()))?;
        Ok(Self::described(key, &table))
    }

    /// What a `network.toml` says, of which only what is understood is used: whether the network is what it should be is
    /// found when it is loaded.
    fn described(key: Key, table: &toml::Table) -> Self {
        let task = table.get("task").and_then(toml::Value::as_str).and_then(|task| task.parse().ok());
        // [architecture.recurrent] with cell = "gru", or [architecture.transformer]
        let family = table.get("architecture").and_then(toml::Value::as_table).and_then(|table| table.iter().next());
        let shape = family.and_then(|(_, shape)| shape.as_table());
        let number = |key: &str| shape?.get(key)?.as_integer().and_then(|number| usize::try_from(number).ok());
        let kind = family.map(|(name, shape)| shape.get("cell").and_then(toml::Value::as_str).unwrap_or(name));
        let architecture = Architecture::ALL.into_iter().find(|one| Some(one.name()) == kind);
        let sites = architecture.zip(number("layers")).map(|(architecture, layers)| architecture.sites(layers));
        Self { key, task, width: number("width"), sites }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_tells_task_width_and_sites() {
        let text = "format = 1\ntask = \"modulo\"\n[architecture.recurrent]\ncell = \"lstm\"\nwidth = 64\nlayers = 2\n";
        let seen = Brought::described(Key::of(&serde_json::json!(0)), &toml::from_str(text).unwrap());
        assert_eq!((seen.task, seen.width), (Some(TaskKind::Modulo), Some(64)));
        assert_eq!(seen.sites.unwrap(), ["embedding", "hidden", "hidden.0", "hidden.1"]);

        let strange = Brought::described(Key::of(&serde_json::json!(0)), &toml::from_str("architecture = 3").unwrap());
        assert!(strange.task.is_none() && strange.width.is_none() && strange.sites.is_none());
    }
}
