//! What a command has put aside when it is killed, and whether the next one may go on with it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    device::Compute,
    given::Given,
    results::write_file,
    runs::{UnitKind, try_exclusive},
    study::{AlignConfiguration, FitControl},
    work::NetworkPlace,
};

/// The folder in which work on `out` is put aside.
pub(super) fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    out.with_file_name(name)
}

/// Work on `out` that no other process may share, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    _lock: std::fs::File,
}

impl Held {
    /// Takes `OUT.partial.lock`.
    ///
    /// # Errors
    /// Another process is at work on the same `out`, or the lock file cannot be written.
    pub fn take(out: &Path) -> Result<Self> {
        let mut path = beside(out).into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        }
        match try_exclusive(&path)? {
            Some(lock) => Ok(Self { path, _lock: lock }),
            None => Err(Error::invalid(format!(
                "another mas process is at work on {}; wait for it or choose another --out",
                out.display()
            ))),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What stays of it, if it cannot be removed, is an empty promise: the lock itself ends with the process.
        std::fs::remove_file(&self.path).unwrap_or(());
    }
}

/// An alignment that is being made: `OUT.partial/alignment`, with what it is an alignment of beside it.
#[derive(Debug)]
pub(super) struct Unfinished {
    partial: PathBuf,
    out: PathBuf,
    _held: Held,
}

/// Everything that the numbers of an alignment depend on, and the names in its files.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Origin {
    engine: u32,
    device: String,
    configuration: AlignConfiguration,
    networks: Vec<(String, NetworkPlace)>,
}

const ORIGIN: &str = "command.json";
const ALIGNMENT: &str = "alignment.toml";

impl Unfinished {
    /// The alignment of `networks` that is to be at `out`. What an interrupted command has left of the very same is
    /// kept; what is left of another is deleted.
    ///
    /// # Errors
    /// Something at `out`, or where the work is put aside, that is no alignment; a folder that cannot be written.
    pub fn begin(
        out: &Path,
        configuration: &AlignConfiguration,
        networks: &[Given],
        compute: &Compute,
    ) -> Result<Self> {
        refuse_others(out, ALIGNMENT, "alignment")?;
        let unfinished = Self { partial: beside(out), out: out.to_owned(), _held: Held::take(out)? };
        let partial = &unfinished.partial;
        let origin = Origin {
            engine: UnitKind::Align.engine(),
            device: compute.kind.to_owned(),
            configuration: configuration.clone(),
            networks: networks.iter().map(|network| (network.name().to_owned(), network.place())).collect(),
        };
        let io = |error| Error::io(partial, error);
        if is_empty_or_absent(partial)? {
            std::fs::create_dir_all(partial).map_err(io)?;
        } else {
            let Ok(known) = std::fs::read(partial.join(ORIGIN)) else {
                return Err(Error::invalid(format!(
                    "{} exists and is no unfinished alignment; remove it or choose another --out",
                    partial.display()
                )));
            };
            if serde_json::from_slice::<Origin>(&known).ok().as_ref() != Some(&origin) {
                std::fs::remove_dir_all(partial).map_err(io)?;
                std::fs::create_dir_all(partial).map_err(io)?;
            }
        }
        let text = serde_json::to_vec_pretty(&origin).map_err(|error| Error::Internal(error.to_string()))?;
        write_file(&partial.join(ORIGIN), &text)?;
        Ok(unfinished)
    }

    /// Where the alignment is while it is unfinished.
    pub fn alignment(&self) -> PathBuf {
        self.partial.join("alignment")
    }

    /// Where the fit of a control belongs, made if it is not there.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn folder_of(&self, control: FitControl) -> Result<PathBuf> {
        let folder = match control {
            FitControl::None => self.alignment(),
            other => self.alignment().join("controls").join(other.name()),
        };
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        Ok(folder)
    }

    /// Deletes the folder again if a refused command has done nothing in it that another could go on with.
    pub fn tidy(&self) {
        let alignment = self.alignment();
        let controls = alignment.join("controls");
        // Folders with something in them are not removed; nor does it matter if one is left.
        let inner = FitControl::ALL.iter().map(|control| controls.join(control.name()));
        for folder in inner.chain([controls.clone(), alignment.clone()]) {
            let _ = std::fs::remove_dir(folder);
        }
        if !alignment.exists() {
            let _ = std::fs::remove_dir_all(&self.partial);
        }
    }

    /// Moves the finished alignment to where it was asked for; one that is there already is replaced.
    ///
    /// # Errors
    /// What the system refuses; the alignment is then still where it was made.
    pub fn into_place(self) -> Result<()> {
        refuse_others(&self.out, ALIGNMENT, "alignment")?;
        let io = |path: &Path, error| Error::io(path, error);
        // Aside first, so that a kill leaves no half of the old one where the new one belongs.
        let replaced = self.partial.join("replaced");
        if self.out.exists() {
            std::fs::rename(&self.out, &replaced).map_err(|error| io(&self.out, error))?;
        }
        std::fs::rename(self.alignment(), &self.out).map_err(|error| io(&self.out, error))?;
        std::fs::remove_dir_all(&self.partial).map_err(|error| io(&self.partial, error))
    }
}

/// Whatever is at `out` is replaced in the end: it must be a folder with the file that makes it a result of this kind, or
/// nothing. Asked before the work begins, too, which may take hours.
///
/// # Errors
/// Anything else, or a path without a name.
pub(super) fn refuse_others(out: &Path, file: &str, kind: &str) -> Result<()> {
    if out.file_name().is_none() {
        return Err(Error::invalid(format!("--out {}: give the folder a name", out.display())));
    }
    if is_empty_or_absent(out)? || out.join(file).is_file() {
        return Ok(());
    }
    Err(Error::invalid(format!("{} exists and is no {kind} (it has no {file}); choose another --out", out.display())))
}

fn is_empty_or_absent(folder: &Path) -> Result<bool> {
    if !folder.is_dir() {
        return Ok(!folder.exists());
    }
    let mut entries = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?.flatten();
    // A killed command may leave a file that it was writing.
    Ok(entries.all(|entry| entry.file_name().to_string_lossy().starts_with(mas_core::storage::DRAFT)))
}
