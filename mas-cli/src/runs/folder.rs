//! The run folder: where results are, and how a result comes to be there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::durable;
use super::error::{Result, RunError};
use super::key::Key;
use super::lock::{self, FolderLock};
use super::record::{Provenance, UnitRecord};
use super::shard::Shard;
use super::unit::{Input, InputSource, Unit, UnitKind};

/// A folder of results:
///
/// ```text
/// runs/.lock                    held by a process that works here
/// runs/train/<key>/             a finished result, with unit.toml
/// runs/train/<key>.partial/     one that is being worked on, or was when the program ended
/// runs/train/<key>.lock         held by the process that works on it
/// ```
#[derive(Debug, Clone)]
pub struct RunFolder {
    root: PathBuf,
}

/// What came of asking for a unit's work.
#[derive(Debug)]
pub enum Claim {
    /// There is nothing to do: the result is there.
    Finished,
    /// Another process works on it.
    Busy,
    /// It is ours.
    Begun(Begun),
}

/// A unit that this process works on, until this is finished or dropped. Dropping keeps the partial result.
#[derive(Debug)]
pub struct Begun {
    /// Where to put the result.
    pub partial: PathBuf,
    /// Whether an earlier attempt has left something there.
    pub resumed: bool,
    result: PathBuf,
    lock_path: PathBuf,
    lock: File,
}

/// How the name of a folder ends whose result is not finished.
pub(super) const PARTIAL: &str = ".partial";

impl RunFolder {
    /// The run folder `root`, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(|error| RunError::io("create", &root, error))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the result of a unit is, or will be.
    pub fn result(&self, kind: UnitKind, key: Key) -> PathBuf {
        self.root.join(kind.name()).join(key.to_string())
    }

    /// Where a unit's result is while it is worked on.
    pub fn partial(&self, kind: UnitKind, key: Key) -> PathBuf {
        self.root.join(kind.name()).join(format!("{key}{PARTIAL}"))
    }

    /// Whether a unit's result is there, which is to say finished.
    pub fn is_finished(&self, kind: UnitKind, key: Key) -> bool {
        self.result(kind, key).is_dir()
    }

    /// Where an input is, or will be.
    pub fn input(&self, input: &Input) -> PathBuf {
        match &input.source {
            InputSource::Unit(kind) => self.result(*kind, input.key),
            InputSource::Path(path) => path.clone(),
        }
    }

    /// Takes the whole folder, or with `shard` a share of it, for this process.
    ///
    /// # Errors
    /// [`RunError::InUse`] at once when another process is in the way.
    pub fn lock(&self, shard: Option<Shard>) -> Result<FolderLock> {
        match shard {
            None => FolderLock::whole(&self.root),
            Some(shard) => FolderLock::share(&self.root, shard),
        }
    }

    /// Takes a unit to work on, if nobody else does. The caller holds the folder's lock.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn claim(&self, unit: &Unit, provenance: &Provenance) -> Result<Claim> {
        let result = self.result(unit.kind(), unit.key());
        if result.is_dir() {
            return Ok(Claim::Finished);
        }
        let kind_folder = self.root.join(unit.kind().name());
        fs::create_dir_all(&kind_folder).map_err(|error| RunError::io("create", &kind_folder, error))?;
        // The lock lies beside the partial folder: Windows would not rename a folder with an open file in it.
        let lock_path = kind_folder.join(format!("{}.lock", unit.key()));
        let Some(lock) = lock::try_exclusive(&lock_path)? else { return Ok(Claim::Busy) };
        let partial = self.partial(unit.kind(), unit.key());
        let begun = Begun { resumed: partial.is_dir(), partial, result, lock_path, lock };
        // Whoever had the lock before may have finished since we looked; it has then deleted the lock file, so that
        // another process can hold a lock on a new file of that name. Both see the result here.
        if begun.result.is_dir() {
            begun.release();
            return Ok(Claim::Finished);
        }
        fs::create_dir_all(&begun.partial).map_err(|error| RunError::io("create", &begun.partial, error))?;
        UnitRecord::write(unit, provenance, &begun.partial)?;
        Ok(Claim::Begun(begun))
    }
}

impl Begun {
    /// The work is done: everything in the partial folder goes to disk, and the folder to its place.
    ///
    /// # Errors
    /// When the disk is full, for instance. The partial folder is then still one.
    pub fn finish(self, unit: &Unit, provenance: &Provenance) -> Result<()> {
        // Written again: the program that finished the work need not be the one that began it.
        UnitRecord::write(unit, provenance, &self.partial)?;
        durable::publish(&self.partial, &self.result)?;
        self.release();
        Ok(())
    }

    /// Gives the lock back for good. Only allowed when the result is in place (see [`RunFolder::claim`]).
    fn release(self) {
        // What cannot be deleted is an empty file too many, no more.
        let _ = fs::remove_file(&self.lock_path);
        let _ = self.lock.unlock();
    }
}
