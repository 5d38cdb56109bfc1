use std::path::PathBuf;

/// Everything that can end a command. The text says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The user asked for something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// From the alignment machine.
    #[error(transparent)]
    Core(#[from] mas_core::Error),
    /// From a network.
    #[error(transparent)]
    Models(#[from] mas_models::Error),
    /// From a task.
    #[error(transparent)]
    Tasks(#[from] mas_tasks::Error),
    /// From a similarity measure.
    #[error(transparent)]
    Metrics(#[from] mas_metrics::Error),
    /// A mistake in a study file.
    #[error(transparent)]
    Study(#[from] crate::study::StudyError),
    /// From the run folder.
    #[error(transparent)]
    Runs(#[from] crate::runs::RunError),
    /// From a table of results.
    #[error(transparent)]
    Results(#[from] crate::results::ResultsError),
    /// From the report.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// The user interrupted or the program is at fault.
    #[error("internal failure: {0}; please report it")]
    Internal(String),
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An [`Error::Invalid`] from anything printable.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// An [`Error::Io`] about the file at `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// 1 where the program is at fault, 2 where something that it was given is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Internal(_) | Self::Core(mas_core::Error::Device(_)) => 1,
            Self::Report(crate::report::ReportError::File(_)) => 2,
            Self::Report(_) => 1,
            Self::Runs(error) => {
                let at_fault = |failure: &crate::runs::UnitFailure| match failure.error.downcast_ref::<Self>() {
                    Some(error) => error.exit_code() == 1,
                    None => failure.error.is::<crate::runs::Panicked>(),
                };
                if error.failures().iter().any(at_fault) { 1 } else { 2 }
            }
            _ => 2,
        }
    }
}
