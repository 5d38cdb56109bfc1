use std::path::PathBuf;

/// What can go wrong in this crate. Every message says what was given and what would do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for something that does not fit (a width, a token, a setting).
    #[error("{0}")]
    Invalid(String),
    /// A file cannot be read as what it should be.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it: the line, the key or the tensor, and what was expected.
        reason: String,
    },
    /// The operating system refused a read or a write.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A number that must be finite is not: a loss, a weight.
    #[error("{0}")]
    NotFinite(String),
    /// Something in `mas-core` went wrong.
    #[error(transparent)]
    Core(#[from] mas_core::Error),
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Invalid`] from anything printable.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// An [`Error::Format`] about the file at `path`.
    pub(crate) fn format(path: impl Into<PathBuf>, reason: impl ToString) -> Self {
        Self::Format { path: path.into(), reason: reason.to_string() }
    }

    /// An [`Error::Io`] about the file at `path`.
    pub(crate) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
