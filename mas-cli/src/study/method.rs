//! The methods that a study can fit.

use serde::{Deserialize, Serialize};

/// A method of alignment (arXiv 2501.06164).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Distributed Alignment Search: one network, interchanges within it.
    Das,
    /// Model Alignment Search: interchanges in all directions.
    Mas,
    /// MAS trained into the last network only.
    UnidirectionalMas,
    /// Everything of the first network goes into the last.
    Stitching,
    /// k coordinates of the first network go into the last, of which nothing is kept.
    LowRankStitching,
    /// Stitching fitted to recordings, not to behaviour.
    LatentStitching,
    /// MAS with a last network of which only recordings are read.
    Clmas,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Das,
        Self::Mas,
        Self::UnidirectionalMas,
        Self::Stitching,
        Self::LowRankStitching,
        Self::LatentStitching,
        Self::Clmas,
    ];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Das => "das",
            Self::Mas => "mas",
            Self::UnidirectionalMas => "unidirectional-mas",
            Self::Stitching => "stitching",
            Self::LowRankStitching => "low-rank-stitching",
            Self::LatentStitching => "latent-stitching",
            Self::Clmas => "clmas",
        }
    }

    /// Whether all coordinates are sent, so that k means nothing.
    pub fn takes_everything(self) -> bool {
        matches!(self, Self::Stitching | Self::LatentStitching)
    }

    /// Whether it stitches: the target keeps nothing of its own.
    pub fn stitches(self) -> bool {
        matches!(self, Self::Stitching | Self::LowRankStitching | Self::LatentStitching)
    }

    /// Whether it learns from recorded vectors with the counterfactual values.
    pub fn needs_counterfactual_latents(self) -> bool {
        matches!(self, Self::LatentStitching | Self::Clmas)
    }

    /// Whether it makes a difference which of two networks comes first.
    pub fn is_directed(self) -> bool {
        !matches!(self, Self::Das | Self::Mas)
    }

    /// Steps of a fit at most, unless the study says.
    pub(super) fn default_max_steps(self) -> usize {
        if self.stitches() { super::defaults::MAX_STEPS_STITCHING } else { super::defaults::MAX_STEPS }
    }
}
