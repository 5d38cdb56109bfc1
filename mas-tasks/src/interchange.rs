//! The counterfactual of one interchange (arXiv 2501.06164).
//!
//! The program is run on the source up to and with its position, and on the target up to and with its own; variables
//! of the target are overwritten by the source's; the program runs on to `E`, with random choices drawn afresh.
//!
//! How many demonstrations the target shows, N, is its *plan*, no variable, and is never swapped: with a count c
//! written while demonstrations are shown, max(0, N − c) more follow, then `T`, then f(max(N, c)) responses.

use rand::Rng;

use crate::state::State;
use crate::symbol::Symbol;
use crate::{
    CountRange, DropReason, Error, Pair, PairConfig, Positions, ProgramKind, Result, Sequence, Task, TaskKind,
};

impl PairConfig {
    /// The counterfactual pair of two sequences at chosen positions. `rng` draws the counterfactual's random choices.
    ///
    /// # Errors
    ///
    /// [`Error::Dropped`] if the interchange has no counterfactual; [`Error::IneligiblePosition`] for a position beyond
    /// the sequence or after `B`, `E`, `P` or `T`, and for different positions in a stepwise pair; what
    /// [`check`](Self::check) and [`Task::states`] return; [`Error::NoSuchCount`] and [`Error::MaskLength`] for a sequence
    /// that no task has made.
    pub fn interchange<R: Rng + ?Sized>(
        &self,
        source: &Sequence,
        source_position: usize,
        target: &Sequence,
        target_position: usize,
        rng: &mut R,
    ) -> Result<Pair> {
        self.check()?;
        well_formed(&self.source, source)?;
        well_formed(&self.target, target)?;
        let ineligible = |role, position, reason| Err(Error::IneligiblePosition { role, position, reason });
        let stepwise = self.positions == Positions::Stepwise;
        if !eligible(&self.source, source, source_position) {
            return ineligible("source", source_position, AFTER_SPECIAL);
        }
        let continued = stepwise && is_past(&self.target, target, target_position);
        if !continued && !eligible(&self.target, target, target_position) {
            return ineligible("target", target_position, AFTER_SPECIAL);
        }
        if stepwise && source_position != target_position {
            return ineligible("target", target_position, "stepwise pairs have the same position in both");
        }
        self.swap(source.clone(), source_position, target.clone(), target_position, rng)
    }

    /// As [`interchange`](Self::interchange), with everything checked beforehand.
    pub(crate) fn swap<R: Rng + ?Sized>(
        &self,
        source: Sequence,
        source_position: usize,
        target: Sequence,
        target_position: usize,
        rng: &mut R,
    ) -> Result<Pair> {
        let end = end_of(&self.target, &target).unwrap_or(target.len());
        if target_position >= end && matches!(self.target.kind(), TaskKind::Arithmetic | TaskKind::SameObject) {
            return Err(Error::Dropped(DropReason::CannotContinue));
        }
        let read = end.min(target_position + 1);
        let source_variables = self.source.state_after(&source.tokens[..=source_position])?;
        let before = self.target.state_after(&target.tokens[..read])?;
        let after = self.overwrite(&before, &source_variables).map_err(Error::Dropped)?;

        let length = target_position + 2 + target.len().max(source.len());
        let mut counterfactual =
            Sequence { tokens: Vec::with_capacity(length), response: Vec::with_capacity(length), count: target.count };
        counterfactual.tokens.extend_from_slice(&target.tokens[..read]);
        counterfactual.response.extend_from_slice(&target.response[..read]);
        // Past its end the target goes on reading the last type of demonstration, which changes no variable.
        for _ in read..=target_position {
            counterfactual.push(self.target.lexicon().id(Symbol::Demonstration), false);
        }
        self.target.run_on(after, 0.0, &mut counterfactual, rng);
        Ok(Pair {
            changed: answers_otherwise(&self.target, before, &counterfactual, target_position),
            source_count: source.count,
            target_count: target.count,
            source,
            source_position,
            target,
            target_position,
            counterfactual,
            source_variables,
            target_variables_before: before,
            target_variables_after: after,
        })
    }

    fn overwrite(&self, target: &State, source: &State) -> Result<State, DropReason> {
        if let (Some(range), [variable]) = (self.range, self.variables.as_slice()) {
            let written = source.get(variable.source).ok_or(DropReason::Undefined)?;
            let overwritten = target.get(variable.target).ok_or(DropReason::Undefined)?;
            if !(range.contains(written) && range.contains(overwritten)) {
                return Err(DropReason::OutsideRestriction);
            }
        }
        target.overwritten(source, &self.variables, self.target.rules())
    }
}

const AFTER_SPECIAL: &str = "it must be after a token of the sequence other than B, E, P and T";

/// What the fields of a sequence promise: they are public, so anything may be in them.
pub(crate) fn well_formed(task: &Task, sequence: &Sequence) -> Result<()> {
    let (tokens, mask) = (sequence.tokens.len(), sequence.response.len());
    if tokens != mask {
        return Err(Error::MaskLength { tokens, mask });
    }
    let (count, CountRange { min, max }) = (sequence.count, task.count_range());
    if (min..=max).contains(&count) { Ok(()) } else { Err(Error::NoSuchCount { count, min, max }) }
}

/// Whether an interchange may be made just after the token at a position.
pub(crate) fn eligible(task: &Task, sequence: &Sequence, position: usize) -> bool {
    let id = sequence.tokens.get(position);
    id.and_then(|id| task.lexicon().symbol(*id)).is_some_and(Symbol::eligible)
}

/// Whether a position is at or after the sequence's end, so that a stepwise target has to be continued.
pub(crate) fn is_past(task: &Task, sequence: &Sequence, position: usize) -> bool {
    end_of(task, sequence).is_some_and(|end| position >= end)
}

/// The position of `E`, if there is one.
fn end_of(task: &Task, sequence: &Sequence) -> Option<usize> {
    let end = task.vocabulary().end();
    // From the back, where it is unless there is padding.
    sequence.tokens.iter().rposition(|id| *id == end)
}

/// Whether the program, left alone, would have answered the counterfactual's tokens after `position` otherwise. A
/// program refuses every response that is not its own, so it is enough that it refuses a token. More demonstrations than
/// the task has are no reason: it is shown them, and what it answers to them counts. (Count Up, Increment divides by the
/// task's largest count, and has no answer to more.)
fn answers_otherwise(task: &Task, mut state: State, counterfactual: &Sequence, position: usize) -> bool {
    let mut rules = *task.rules();
    if task.program() != ProgramKind::CountUpIncrement {
        rules.counts.max = u32::MAX;
    }
    counterfactual.tokens[position + 1..].iter().any(|&id| {
        let symbol = task.lexicon().symbol(id);
        symbol.is_none_or(|symbol| state.read(symbol, &rules).is_err())
    })
}
