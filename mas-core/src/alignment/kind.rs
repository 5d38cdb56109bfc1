use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The named alignment functions. All are invertible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FunctionKind {
    /// A rotation: what Model Alignment Search learns by default (Grant, arXiv 2501.06164).
    #[default]
    Orthogonal,
    /// A symmetric stretch, signed scales of the aligned coordinates, and a bias.
    Linear,
    /// A positive scale and a rotation.
    Scaled,
    /// A signed scale of every coordinate, and a rotation.
    Relaxed,
    /// Additive coupling blocks: not linear.
    Revnet,
}

impl FunctionKind {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Orthogonal, Self::Linear, Self::Scaled, Self::Relaxed, Self::Revnet];

    /// The id on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Orthogonal => "orthogonal",
            Self::Linear => "linear",
            Self::Scaled => "scaled",
            Self::Relaxed => "relaxed",
            Self::Revnet => "revnet",
        }
    }

    /// Whether the map is linear (with a bias: affine).
    pub fn is_linear(self) -> bool {
        self != Self::Revnet
    }

    /// Whether a rotation is part of the map.
    pub fn rotates(self) -> bool {
        matches!(self, Self::Orthogonal | Self::Scaled | Self::Relaxed)
    }

    /// What has to be said of every result of it.
    pub fn warning(self) -> Option<&'static str> {
        (!self.is_linear()).then_some(
            "`revnet` is not linear: maps as expressive as this align a network with almost anything \
             (Sutter et al. 2025, arXiv 2507.08802), so a high IIA says little",
        )
    }
}

impl std::fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for FunctionKind {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.id()).collect();
            Error::invalid(format!("there is no alignment function `{id}`; there are {}", known.join(", ")))
        })
    }
}
