//! `unit.toml`: what a result is and where it comes from, beside the result.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::durable;
use super::error::{Result, RunError};
use super::key::Key;
use super::unit::{InputSource, Unit, UnitKind};

/// The program and the machine that made a result. No part of any key, but for the kind of device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The version of the program.
    pub version: String,
    /// The commit it was built from, if known.
    pub commit: Option<String>,
    /// The device in words (`flex on 2 threads of …`).
    pub device: String,
    /// The machine's processor.
    pub cpu: String,
    /// The command that the program was given.
    pub command: String,
}

impl Provenance {
    /// This program's version, on `device`; the commit is the one that the build was told in `MAS_COMMIT`.
    pub fn of_this_program(device: impl Into<String>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_string(),
            commit: option_env!("MAS_COMMIT").map(str::to_string),
            device: device.into(),
            cpu: processor(),
            command: command(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
        }
    }
}

/// The processor's name, where the system tells it.
fn processor() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// A command line as a shell takes it. Where the program lies is nobody's business: its name is enough.
fn command(words: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,@%+~".contains(c);
    let quoted = |word: String| match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let named = |(index, word): (usize, String)| match Path::new(&word).file_name() {
        Some(name) if index == 0 => name.to_string_lossy().into_owned(),
        _ => word,
    };
    words.enumerate().map(named).map(quoted).collect::<Vec<_>>().join(" ")
}

/// The content of a `unit.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// What the study that asked for it first called it.
    pub name: String,
    /// What the unit did.
    pub kind: UnitKind,
    /// Its key.
    pub key: Key,
    /// The engine version that is part of the key.
    pub engine: u32,
    /// The kind of device that is part of the key.
    pub device_kind: String,
    /// The device in words.
    pub device: String,
    /// The version of the program.
    pub version: String,
    /// The commit it was built from, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The machine's processor, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The command that the program was given, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Everything else that its numbers depend on.
    pub configuration: toml::Table,
    /// What it read, in order.
    #[serde(default)]
    pub inputs: Vec<InputRecord>,
}

/// Something that a unit read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// What the study that asked first called it. A later study may call the same thing otherwise: the names to show
    /// are those of its own plan, in the same order.
    pub name: String,
    /// The key of the unit that made it, or of its content.
    pub key: Key,
    /// Where it was, if the user brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

impl UnitRecord {
    /// The name of the file.
    pub const FILE: &'static str = "unit.toml";

    /// What is to be said of `unit`.
    ///
    /// # Errors
    /// When TOML cannot hold its configuration (a null in a list, a whole number of 2⁶³ and more).
    pub fn of(unit: &Unit, provenance: &Provenance) -> std::result::Result<Self, toml::ser::Error> {
        let path = |source: &InputSource| match source {
            InputSource::Unit(_) => None,
            InputSource::Path(path) => Some(path.clone()),
        };
        Ok(Self {
            name: unit.name().to_string(),
            kind: unit.kind(),
            key: unit.key(),
            engine: unit.kind().engine(),
            device_kind: unit.device().to_string(),
            device: provenance.device.clone(),
            version: provenance.version.clone(),
            commit: provenance.commit.clone(),
            cpu: Some(provenance.cpu.clone()),
            command: Some(provenance.command.clone()),
            configuration: toml::Table::try_from(unit.configuration())?,
            inputs: (unit.inputs().iter())
                .map(|input| InputRecord { name: input.name.clone(), key: input.key, path: path(&input.source) })
                .collect(),
        })
    }

    /// Reads the record of the result in `folder`.
    ///
    /// # Errors
    /// When the file cannot be read or says something else.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(|error| RunError::io("read", &path, error))?;
        toml::from_str(&text).map_err(|error| RunError::record(&path, error))
    }

    /// Writes the record of `unit` into its `folder`.
    pub(super) fn write(unit: &Unit, provenance: &Provenance, folder: &Path) -> Result<()> {
        let path = folder.join(Self::FILE);
        let record = Self::of(unit, provenance).map_err(|error| RunError::record(&path, error))?;
        let text = toml::to_string(&record).map_err(|error| RunError::record(&path, error))?;
        durable::write(&path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_given_again() {
        let command = |words: &[&str]| super::command(words.iter().map(|&word| word.to_owned()));
        assert_eq!(command(&["/opt/bin/mas", "run", "a/b.toml", "--threads=2"]), "mas run a/b.toml --threads=2");
        assert_eq!(command(&["mas", "run", "my study.toml", ""]), "mas run 'my study.toml' ''");
        assert_eq!(command(&["mas", "it's; $HOME"]), r"mas 'it'\''s; $HOME'");
        assert_eq!(command(&[]), "");
    }

    #[test]
    fn a_record_without_its_maker_can_be_read() {
        let key = Key::of(&serde_json::json!(1));
        let text = format!(
            "name = \"a\"\nkind = \"train\"\nkey = \"{key}\"\nengine = 1\ndevice_kind = \"flex\"\ndevice = \"flex\"\n\
             version = \"0.1.0\"\n[configuration]\n"
        );
        let record: UnitRecord = toml::from_str(&text).unwrap();
        assert_eq!((record.cpu, record.command), (None, None));
    }
}
