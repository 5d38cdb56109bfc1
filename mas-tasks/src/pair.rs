//! Counterfactual pairs: what goes into an interchange and what should come out of it.

use serde::Serialize;

use crate::{Dropped, Sequence, State};

/// A source, a target, and the sequence that the target should go on with once a variable of it has been overwritten.
///
/// The activity after the source's token at `source_position` is sent; the activity after the target's token at
/// `target_position` is overwritten (stepwise: at every position up to there, the same index in both).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The source's sequence, in ids of the source task's vocabulary.
    pub source: Sequence,
    /// The position in the source, from 0.
    pub source_position: usize,
    /// The target's own sequence, in ids of the target task's vocabulary.
    pub target: Sequence,
    /// The position in the target. In a stepwise pair the same as the source's, and possibly beyond the target's end:
    /// then the counterfactual's tokens up to here, not the target's own, are what the target reads.
    pub target_position: usize,
    /// What the target reads up to `target_position`, then what its program says from the overwritten state on. The
    /// mask is that of [`Sequence::response`]; what an interchange is judged by are its positions after
    /// `target_position`. Its `count` is the target's: the plan is never swapped.
    pub counterfactual: Sequence,
    /// Whether the target, had nothing been overwritten, would have answered the counterfactual's tokens otherwise:
    /// its program does not accept them all. A target that ignores the interchange gets the unchanged pairs right and
    /// the changed ones wrong.
    pub changed: bool,
    /// The source's variables at its position.
    pub source_variables: State,
    /// The target's variables at its position, its own.
    pub target_variables_before: State,
    /// The target's variables at its position, one of them (or all) overwritten.
    pub target_variables_after: State,
    /// N of the source.
    pub source_count: u32,
    /// N of the target.
    pub target_count: u32,
}

impl Pair {
    /// What the target reads up to and with its position, `[target_position + 1]`.
    pub fn prefix(&self) -> &[u32] {
        &self.counterfactual.tokens[..=self.target_position]
    }

    /// What follows the target's position in the counterfactual: tokens and response mask, both `[rest]`.
    pub fn continuation(&self) -> (&[u32], &[bool]) {
        let rest = self.target_position + 1;
        (&self.counterfactual.tokens[rest..], &self.counterfactual.response[rest..])
    }
}

/// Pairs, and what was left out while they were drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PairSet {
    /// The pairs.
    pub pairs: Vec<Pair>,
    /// The draws that had no counterfactual and were replaced by others.
    pub dropped: Dropped,
}
