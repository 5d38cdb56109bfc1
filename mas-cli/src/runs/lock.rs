//! Who may work in a run folder.
//!
//! The operating system's file locks are used, which vanish with the process that holds them, however it ends. What is
//! written into a lock file is only there to tell people who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, RunError};
use super::shard::Shard;

/// The right to work in a run folder, given back when dropped.
#[derive(Debug)]
pub struct FolderLock {
    files: Vec<File>,
}

const FOLDER_LOCK: &str = ".lock";

impl FolderLock {
    /// The whole folder for this process alone.
    ///
    /// # Errors
    /// [`RunError::InUse`] at once, without waiting, when any other process works there.
    pub(crate) fn whole(root: &Path) -> Result<Self> {
        let path = root.join(FOLDER_LOCK);
        match try_briefly(&path)? {
            Some(file) => Ok(Self { files: vec![file] }),
            None => Err(in_use(root)),
        }
    }

    /// The folder together with the other shards, and this share of the work for this process alone.
    ///
    /// # Errors
    /// [`RunError::InUse`] when another process has the whole folder, or this share.
    pub(super) fn share(root: &Path, shard: Shard) -> Result<Self> {
        let path = root.join(FOLDER_LOCK);
        let folder = open(&path)?;
        match folder.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(root)),
            Err(TryLockError::Error(error)) => return Err(RunError::io("lock", path, error)),
        }
        let path = root.join(shard.lock_name());
        match try_briefly(&path)? {
            Some(share) => Ok(Self { files: vec![share, folder] }),
            None => Err(RunError::InUse {
                root: root.to_path_buf(),
                holders: holder(&path).into_iter().collect(),
                what: format!(" for shard {shard}"),
            }),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing a file gives its lock back, but a child process may have inherited it.
        self.files.iter().for_each(|file| {
            let _ = file.unlock();
        });
    }
}

/// As [`try_exclusive`], for a tenth of a second: another process that was refused may just be looking who is at work
/// (see [`shards_at_work`]), for which it locks the file for a moment.
fn try_briefly(path: &Path) -> Result<Option<File>> {
    for _ in 0..4 {
        if let Some(file) = try_exclusive(path)? {
            return Ok(Some(file));
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    try_exclusive(path)
}

/// Locks the file at `path`, made if need be, for this process alone; `None` if another has it.
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<File>> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(RunError::io("lock", path, error)),
    }
    let mut note = || -> std::io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())
    };
    note().map_err(|error| RunError::io("write", path, error))?;
    Ok(Some(file))
}

fn open(path: &Path) -> Result<File> {
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    options.map_err(|error| RunError::io("write", path, error))
}

/// The process that has written its id into a lock file; it is not known everywhere, nor after a crash.
fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Why the folder as a whole was refused.
fn in_use(root: &Path) -> RunError {
    let path = root.join(FOLDER_LOCK);
    // If a shared lock is to be had, those in the way are shards, and the id in the file is an older process's.
    let shards = matches!(open(&path).map(|file| file.try_lock_shared()), Ok(Ok(())));
    let holders = if shards { shards_at_work(root) } else { holder(&path).into_iter().collect() };
    RunError::InUse { root: root.to_path_buf(), holders, what: String::new() }
}

fn shards_at_work(root: &Path) -> Vec<u32> {
    let is_shard = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(".shard-") && name.ends_with(".lock")
    };
    let taken = |path: &PathBuf| match File::open(path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => true,
        Ok(_) | Err(_) => false,
    };
    let mut paths: Vec<_> = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| is_shard(path) && taken(path));
    paths.sort();
    paths.iter().filter_map(|path| holder(path)).collect()
}
