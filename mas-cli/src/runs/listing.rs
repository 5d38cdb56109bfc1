//! What is in a run folder, and removing it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::durable::{self, REMOVED};
use super::error::{Result, RunError};
use super::folder::{PARTIAL, RunFolder};
use super::key::Key;
use super::record::UnitRecord;

/// A result in a run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What its unit does. Text, since a folder may hold results of other versions of the program.
    pub kind: String,
    /// Its key.
    pub key: Key,
    /// What the study that asked for it first called it; empty where its record cannot be read.
    pub name: String,
    /// Whether it is finished.
    pub state: EntryState,
    /// The size of its files.
    pub bytes: u64,
    /// Its folder.
    pub path: PathBuf,
}

/// How far a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryState {
    /// All of it is there.
    Finished,
    /// It is being worked on, or was when a program ended.
    Partial,
}

/// Which results to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those whose keys begin so; each prefix must belong to one key. `kind/` may stand before it.
    Prefixes(Vec<String>),
    /// All that are not finished.
    Partial,
    /// All but those with these keys: see [`Plan::keys`](super::Plan::keys).
    UnusedBy(BTreeSet<Key>),
}

impl RunFolder {
    /// All results, by kind, then name, then key. Needs no lock: another process may be at work meanwhile.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for kind in folders_in(self.root())? {
            for path in folders_in(&kind)? {
                entries.extend(entry(&kind, path));
            }
        }
        entries.sort_by(|a, b| (&a.kind, &a.name, a.key, a.state).cmp(&(&b.kind, &b.name, b.key, b.state)));
        Ok(entries)
    }

    /// What [`RunFolder::remove`] would remove.
    ///
    /// # Errors
    /// When a prefix belongs to no result or to several, or the folder cannot be read.
    pub fn select(&self, selection: &Selection) -> Result<Vec<Entry>> {
        let mut entries = self.list()?;
        match selection {
            Selection::Partial => entries.retain(|entry| entry.state == EntryState::Partial),
            Selection::UnusedBy(keys) => entries.retain(|entry| !keys.contains(&entry.key)),
            Selection::Prefixes(prefixes) => {
                let mut chosen = BTreeSet::new();
                for prefix in prefixes {
                    chosen.insert(self.one_key(&entries, prefix)?);
                }
                entries.retain(|entry| chosen.contains(&(entry.kind.clone(), entry.key)));
            }
        }
        Ok(entries)
    }

    /// Removes results and answers what they were. Takes the folder's lock.
    ///
    /// # Errors
    /// As [`RunFolder::select`]; [`RunError::InUse`] when another process works in the folder.
    pub fn remove(&self, selection: &Selection) -> Result<Vec<Entry>> {
        let _lock = self.lock(None)?;
        self.sweep()?;
        let entries = self.select(selection)?;
        for entry in &entries {
            durable::remove(&entry.path)?;
            let lock = self.root().join(&entry.kind).join(format!("{}.lock", entry.key));
            // Nobody can hold it, since we have the folder's lock; where there is none, so much the better.
            let _ = fs::remove_file(lock);
        }
        Ok(entries)
    }

    /// Deletes what an earlier removal that was killed has left.
    fn sweep(&self) -> Result<()> {
        for kind in folders_in(self.root())? {
            for path in folders_in(&kind)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let was = name.strip_suffix(REMOVED).map(|name| name.strip_suffix(PARTIAL).unwrap_or(name));
                if was.is_some_and(|name| name.parse::<Key>().is_ok()) {
                    fs::remove_dir_all(&path).map_err(|error| RunError::io("remove", path, error))?;
                }
            }
        }
        Ok(())
    }

    fn one_key(&self, entries: &[Entry], prefix: &str) -> Result<(String, Key)> {
        let (kind, digits) = match prefix.split_once('/') {
            Some((kind, digits)) => (Some(kind), digits),
            None => (None, prefix),
        };
        let meant = |entry: &&Entry| {
            kind.is_none_or(|kind| entry.kind == kind)
                && !digits.is_empty()
                && entry.key.to_string().starts_with(&digits.to_ascii_lowercase())
        };
        // A set: a result that is both finished and partial is one.
        let keys: BTreeSet<_> = entries.iter().filter(meant).map(|entry| (entry.kind.clone(), entry.key)).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        match keys.as_slice() {
            [] => Err(RunError::NotFound { prefix: prefix.to_string(), root: self.root().to_path_buf() }),
            [one] => Ok(one.clone()),
            several => {
                let candidates = several.iter().map(|(kind, key)| format!("{kind}/{key}")).collect();
                Err(RunError::Ambiguous { prefix: prefix.to_string(), candidates })
            }
        }
    }
}

/// The result in the folder `path`, if its name is that of one.
fn entry(kind: &Path, path: PathBuf) -> Option<Entry> {
    let name = path.file_name()?.to_str()?;
    let (key, state) = match name.strip_suffix(PARTIAL) {
        Some(key) => (key.parse().ok()?, EntryState::Partial),
        None => (name.parse().ok()?, EntryState::Finished),
    };
    Some(Entry {
        kind: kind.file_name()?.to_str()?.to_string(),
        key,
        name: UnitRecord::read(&path).map(|record| record.name).unwrap_or_default(),
        state,
        bytes: size_of(&path),
        path,
    })
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Another process may just have removed or renamed it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", folder, error)),
    };
    Ok(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// As far as it can be seen: files may come and go meanwhile.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
