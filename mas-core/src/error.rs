/// What can go wrong in this crate. Every message says what was given and what would do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for something that does not fit (a width, a site, a position, a setting).
    #[error("{0}")]
    Invalid(String),
    /// A file cannot be read as what it should be.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused a read or a write.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The device that holds the tensors failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// A matched start has nothing to match networks by.
    #[error("the networks cannot be matched: {0}; start at `principal`, `random` or `identity` instead")]
    NotMatched(String),
    /// A number that must be finite is not: a network's activity, a loss, a parameter.
    #[error("{0}")]
    NotFinite(String),
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Invalid`] from anything printable.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// An [`Error::Format`] about the file at `path`.
    pub fn format(path: impl Into<std::path::PathBuf>, reason: impl ToString) -> Self {
        Self::Format { path: path.into(), reason: reason.to_string() }
    }

    /// An [`Error::Io`] about the file at `path`.
    pub fn io(path: impl Into<std::path::PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
