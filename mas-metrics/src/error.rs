/// What can go wrong in a comparison. Every message says which of the two activities, and which row, where that is
/// known; the first activity of a comparison is called a, the second b.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The two activities have different numbers of rows, so their rows are no pairs.
    #[error("a has {a} rows and b has {b}: row i of a must be the activity for the same input as row i of b")]
    Rows {
        /// Rows of the first activity.
        a: usize,
        /// Rows of the second activity.
        b: usize,
    },
    /// Two recordings that should belong together have different trials.
    #[error("the recordings do not belong together: {reason}")]
    Unpaired {
        /// The first difference.
        reason: String,
    },
    /// The measure needs more samples.
    #[error("{what} needs at least {needed} rows, not {found}")]
    TooFew {
        /// Which measure.
        what: &'static str,
        /// The smallest number of rows it is defined for.
        needed: usize,
        /// The rows that were given.
        found: usize,
    },
    /// A number that is not finite, or beyond ±1e100.
    #[error("activity is not finite (or beyond 1e100) at row {row}, column {column}")]
    NotFinite {
        /// The first row with such a number.
        row: usize,
        /// The column in that row.
        column: usize,
    },
    /// Numbers of which the largest is below 1e-100 and not zero.
    #[error("activity is no larger than {largest:e}, too small to be squared: scale it up")]
    TooSmall {
        /// The largest number's size.
        largest: f64,
    },
    /// Values that form no matrix.
    #[error("{values} values are no matrix of width {width}")]
    Shape {
        /// How many values there are.
        values: usize,
        /// The width that was asked for.
        width: usize,
    },
    /// Activity of another width than what it is held against.
    #[error("activity of width {found} where {expected} was expected")]
    Width {
        /// The width that goes with the rest.
        expected: usize,
        /// The width that was given.
        found: usize,
    },
    /// A row that was asked for does not exist.
    #[error("there is no row {row} among {rows}")]
    NoSuchRow {
        /// The row that was asked for.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// The measure has no value for this activity: something is constant or zero that it divides by.
    #[error("undefined: {reason}")]
    Undefined {
        /// What is constant or zero, and where.
        reason: String,
    },
    /// A decomposition did not converge.
    #[error("the singular value decomposition did not converge")]
    NoConvergence,
    /// No measure has this name.
    #[error("there is no measure called {name:?}; there are {}", crate::measure::names())]
    UnknownMeasure {
        /// The name that was given.
        name: String,
    },
    /// A parameter out of its range.
    #[error("{0}")]
    Parameter(String),
    /// An activity file that cannot be read; the message names it.
    #[error("{0}")]
    File(String),
    /// A measure in a list of several failed.
    #[error("{measure}: {source}")]
    Measure {
        /// The measure that failed.
        measure: crate::Measure,
        /// Why.
        source: Box<Error>,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// About an activity file.
    pub(crate) fn file(error: mas_core::Error) -> Self {
        Self::File(error.to_string())
    }

    pub(crate) fn undefined(reason: impl Into<String>) -> Self {
        Self::Undefined { reason: reason.into() }
    }

    pub(crate) fn constant(side: Side) -> Self {
        Self::undefined(format!("all rows of {side} are equal"))
    }
}

/// Which of the two activities of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl std::fmt::Display for Side {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}
