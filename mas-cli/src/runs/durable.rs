//! Writing that survives a crash: what is renamed into place is on disk, all of it, before it gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mas_core::storage::write_whole;

use super::error::{Result, RunError};

/// Replaces `path` by `text`: at any moment, and after any crash, the file is the old one or the new one.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let attempt = || -> io::Result<()> {
        write_whole(path, |file| file.write_all(text.as_bytes()))?;
        sync_folder(folder)
    };
    attempt().map_err(|error| RunError::io("write", path, error))
}

/// Brings everything in `folder` to disk, then gives the folder the name `to`, and that name to disk.
pub(super) fn publish(folder: &Path, to: &Path) -> Result<()> {
    sync_all_in(folder)?;
    fs::rename(folder, to).map_err(|error| RunError::io("create", to, error))?;
    let parent = to.parent().unwrap_or(Path::new("."));
    sync_folder(parent).map_err(|error| RunError::io("write", parent, error))
}

/// Deletes `folder` so that no crash leaves a part of it under its name: it loses its name first.
pub(super) fn remove(folder: &Path) -> Result<()> {
    let doomed = removed_name(folder);
    fs::rename(folder, &doomed).map_err(|error| RunError::io("remove", folder, error))?;
    fs::remove_dir_all(&doomed).map_err(|error| RunError::io("remove", doomed, error))
}

/// What a folder is called while it is being deleted.
fn removed_name(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(REMOVED);
    name.into()
}

/// How the name of a folder ends that was being deleted.
pub(super) const REMOVED: &str = ".removed";

fn sync_all_in(folder: &Path) -> Result<()> {
    let read = |error| RunError::io("read", folder, error);
    for entry in fs::read_dir(folder).map_err(read)? {
        let entry = entry.map_err(read)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(read)?);
        if kind.is_dir() {
            sync_all_in(&path)?;
        } else if kind.is_file() {
            sync_file(&path).map_err(|error| RunError::io("write", path, error))?;
        }
    }
    sync_folder(folder).map_err(|error| RunError::io("write", folder, error))
}

fn sync_file(path: &Path) -> io::Result<()> {
    // Windows flushes only what was opened for writing; elsewhere a file without that right is no hindrance.
    let options = OpenOptions::new().read(true).write(cfg!(windows)).open(path)?;
    options.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // A folder cannot be opened on Windows, and its entries need no flushing there.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}
