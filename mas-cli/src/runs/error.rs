//! What can go wrong around a run folder.

use std::path::{Path, PathBuf};

use super::key::Key;

/// Any error of the work itself.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// `Result` with [`RunError`].
pub type Result<T, E = RunError> = std::result::Result<T, E>;

/// What can go wrong around a run folder. Every message says where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused something: no rights, a full disk.
    #[error(
        "cannot {doing} {}: {error}; finished results are intact: {}",
        path.display(), way_out(error)
    )]
    Io {
        /// What was tried: `read`, `write`, `create`, …
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The answer. Not a `source`: it stands in the message.
        error: std::io::Error,
    },
    /// Another process works in the folder.
    #[error("another mas process{} is using {}{what}; wait for it, or give another folder with --runs", pids(holders), root.display())]
    InUse {
        /// The run folder.
        root: PathBuf,
        /// The process ids of those at work, where they are known.
        holders: Vec<u32>,
        /// Which part of the folder is taken: empty for all of it.
        what: String,
    },
    /// A unit reads something that is neither planned nor there.
    #[error("`{unit}` reads `{input}` ({key}), which is neither in the plan nor in the run folder")]
    MissingInput {
        /// The unit.
        unit: String,
        /// What the study calls the input.
        input: String,
        /// Its key.
        key: Key,
    },
    /// The file that says what a result is cannot be written or understood.
    #[error("{}: {reason}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// One or more units failed. Those that were running when the first failed were let finish.
    #[error("{}", describe_failures(.0))]
    Failed(Vec<UnitFailure>),
    /// A text that is not `i/n`.
    #[error("`{0}` is not a shard: write i/n with 0 ≤ i < n, for instance 0/4 for the first of four")]
    Shard(String),
    /// A prefix that begins several keys.
    #[error("`{prefix}` begins the keys of {} results ({}); give more digits", candidates.len(), candidates.join(", "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// What it could mean, as `kind/key`.
        candidates: Vec<String>,
    },
    /// A prefix that begins no key.
    #[error("no result in {} has a key that begins with `{prefix}`; `mas runs list` shows them", root.display())]
    NotFound {
        /// What was given.
        prefix: String,
        /// The run folder.
        root: PathBuf,
    },
}

/// A unit that failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnitFailure {
    /// What people call the unit.
    pub name: String,
    /// Its kind and key: `train/0123…`.
    pub result: String,
    /// What it has done so far; the next run goes on from there.
    pub partial: PathBuf,
    /// What the work said.
    pub error: BoxError,
}

/// A unit's work panicked.
#[derive(Debug, thiserror::Error)]
#[error("the program failed: {0} (this is a bug, please report it)")]
pub struct Panicked(pub String);

impl RunError {
    /// An [`RunError::Io`]: `doing` is a verb, as in “cannot `write` PATH”.
    pub fn io(doing: &'static str, path: impl Into<PathBuf>, error: std::io::Error) -> Self {
        Self::Io { doing, path: path.into(), error }
    }

    pub(super) fn record(path: &Path, reason: impl ToString) -> Self {
        Self::Record { path: path.to_path_buf(), reason: reason.to_string() }
    }

    /// The failed units, in the order of their failing: their errors' types tell whose mistake it was.
    pub fn failures(&self) -> &[UnitFailure] {
        match self {
            Self::Failed(failures) => failures,
            _ => &[],
        }
    }
}

fn way_out(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "make room (`mas runs remove --partial` helps) and run the same command again"
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "make it writable or give another folder with --runs"
        }
        _ => "when that is mended, run the same command again",
    }
}

fn pids(holders: &[u32]) -> String {
    match holders {
        [] => String::new(),
        [one] => format!(" (pid {one})"),
        many => format!(" (pids {})", many.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

fn describe_failures(failures: &[UnitFailure]) -> String {
    let mut text = String::new();
    for failure in failures {
        text.push_str(&format!("`{}` ({}) failed: {}\n", failure.name, failure.result, failure.error));
        text.push_str(&format!("  what it has done so far is in {}\n", failure.partial.display()));
    }
    text.push_str("finished results are intact: the same command goes on from here");
    text
}
