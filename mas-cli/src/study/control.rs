//! Controls that are fits of their own.

use std::borrow::Cow;

use mas_core::{Direction, Method};
use serde::{Deserialize, Serialize};

use super::AlignConfiguration;
use crate::results::Control;

/// A control that is a fit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FitControl {
    /// None: the alignment itself, with its floor and ceiling.
    None,
    /// With an untrained twin in the place of the first network, or before one that is alone.
    RandomNetwork,
    /// With source vectors permuted between trials.
    Shuffled,
}

impl FitControl {
    /// All of them, the alignment itself first.
    pub const ALL: [Self; 3] = [Self::None, Self::RandomNetwork, Self::Shuffled];

    /// The alignment itself, and the others where they are `asked` for.
    pub fn with(asked: bool) -> &'static [Self] {
        if asked { &Self::ALL } else { &Self::ALL[..1] }
    }

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::RandomNetwork => "random-network",
            Self::Shuffled => "shuffled",
        }
    }
}

impl From<FitControl> for Control {
    fn from(control: FitControl) -> Self {
        match control {
            FitControl::None => Self::None,
            FitControl::RandomNetwork => Self::RandomNetwork,
            FitControl::Shuffled => Self::Shuffled,
        }
    }
}

impl AlignConfiguration {
    /// The place of the untrained twin in the fit of a random-network control, [once that is known](Self::of_fit): that of
    /// the first network that is run.
    pub fn twin(&self) -> Option<usize> {
        (0..self.sites.len())
            .find(|network| !self.inaccessible.contains(network))
            .filter(|_| self.control == FitControl::RandomNetwork)
    }

    /// Whether the fit, with [its own settings](Self::of_fit), says something about a direction. With an untrained twin in a network's place that is so from the
    /// twin into a trained network: an untrained target cannot answer, and trained networks align with each other.
    pub fn judges(&self, direction: Direction) -> bool {
        self.twin().is_none_or(|twin| direction.source == twin && direction.target != twin)
    }

    /// The settings of the fit itself, whose networks are those that were given. Where a random-network control has one
    /// network alone, its untrained twin stands before it and sends into it: unidirectional MAS from the twin.
    pub fn of_fit(&self) -> Cow<'_, Self> {
        match self.sites.as_slice() {
            [site] if self.control == FitControl::RandomNetwork => {
                Cow::Owned(Self { method: Method::UnidirectionalMas, sites: vec![site.clone(); 2], ..self.clone() })
            }
            _ => Cow::Borrowed(self),
        }
    }
}
