use std::ops::Range;

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use crate::alignment::Evaluated;

/// What the target keeps of its own activity in an interchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retain {
    /// All aligned coordinates outside the swapped block: the interchange intervention.
    #[default]
    Rest,
    /// Nothing: aligned coordinates outside the block become zero, as in model stitching.
    Nothing,
}

/// Where interchanges happen along the sequence (Grant, arXiv 2501.06164).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// One position of the source's run gives, one position of the target's receives.
    #[default]
    Individual,
    /// Positions 0..=p are interchanged in order, the same index in both, so that a site which keeps no
    /// running state can be given a whole history.
    Stepwise,
}

/// The interchange intervention: the source's aligned coordinates of `block` go into the target's activity.
///
/// `ĥ_t = A_t⁻¹( A_t(h_t) + Eᵀ( E A_s(h_s) − E A_t(h_t) ) )`, with `E` selecting the block.
///
/// - `source_activity`: `[row, source width]`
/// - `target_activity`: `[row, target width]`
/// - returns `[row, target width]`
pub fn interchange(
    source: &Evaluated,
    target: &Evaluated,
    block: Range<usize>,
    retain: Retain,
    source_activity: Tensor<2>,
    target_activity: Tensor<2>,
) -> Tensor<2> {
    let values = source.read(source_activity, block.clone());
    insert(target, block, retain, values, target_activity)
}

/// The second half of an [`interchange`]: puts `values`, `[row, block]`, into the target's activity.
pub(crate) fn insert(
    target: &Evaluated,
    block: Range<usize>,
    retain: Retain,
    values: Tensor<2>,
    target_activity: Tensor<2>,
) -> Tensor<2> {
    match retain {
        Retain::Rest => target.write(target_activity, block, values),
        Retain::Nothing => target.replace(block, values),
    }
}
