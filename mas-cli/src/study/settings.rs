//! The settings of a fit where nothing else is said: two of them, by name.

use std::fmt;

use mas_core::{FunctionKind, Method, Start};

/// What a fit does where nothing else is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FitSettings {
    /// From the matched start, few steps at a high rate that falls in a straight line to zero: what the paper's settings
    /// come to, in a small part of the time.
    #[default]
    Short,
    /// Those of arXiv 2501.06164: from somewhere at random, up to 20,000 steps at a constant rate.
    Paper,
}

impl FitSettings {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Short, Self::Paper];

    /// The id on the command line and in study files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Paper => "paper",
        }
    }

    /// Where the fit begins.
    #[must_use]
    pub fn start(self, function: FunctionKind) -> Start {
        match self {
            // Nothing else can be turned to where networks match.
            Self::Short if function.rotates() => Start::Matched,
            _ => Start::Random,
        }
    }

    /// Interchanges to fit to, of each direction.
    #[must_use]
    pub fn training_pairs(self) -> usize {
        match self {
            Self::Short => 3000,
            Self::Paper => 10_000,
        }
    }

    /// Adam's learning rate, before it falls.
    #[must_use]
    pub fn learning_rate(self) -> f64 {
        match self {
            Self::Short => 0.01,
            Self::Paper => 1e-3,
        }
    }

    /// Steps at most.
    #[must_use]
    pub fn max_steps(self, method: Method) -> usize {
        match self {
            Self::Short => 50,
            Self::Paper if method.stitches() => 2500,
            Self::Paper => 20_000,
        }
    }

    /// Of `max_steps`, how many at the end bring the learning rate down to zero.
    #[must_use]
    pub fn cool_down(self, max_steps: usize) -> Option<usize> {
        match self {
            Self::Short => Some(max_steps).filter(|&steps| steps > 0),
            Self::Paper => None,
        }
    }
}

impl fmt::Display for FitSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for FitSettings {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::id).join(" and ");
        Self::ALL
            .into_iter()
            .find(|settings| settings.id() == id)
            .ok_or_else(|| format!("there are no settings `{id}`; there are {}", known()))
    }
}
