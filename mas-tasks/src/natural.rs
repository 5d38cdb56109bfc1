//! Where a task's sequences come, of themselves, into a given state (arXiv 2501.06164).
//!
//! What an interchange makes of a target's activity can be held against activity that the target has naturally when its
//! variables have the counterfactual values: in another trial, at a position whose state is the counterfactual one. The
//! plan (how many demonstrations are to come) is no part of a state.

use std::collections::HashMap;

use rand::{Rng, RngExt};

use crate::interchange::eligible;
use crate::{Positions, Result, Sequence, State, StateKey, Task};

/// Positions of sequences by the state of the causal program there.
#[derive(Clone, Debug)]
pub struct NaturalStates<'a> {
    /// Each distinct sequence once.
    sequences: Vec<&'a Sequence>,
    /// Where a sequence stands among them.
    known: HashMap<&'a [u32], usize>,
    places: HashMap<StateKey, Places>,
}

/// A position of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NaturalPlace {
    /// The sequence, by its place in [`NaturalStates::sequences`].
    pub sequence: usize,
    /// The position.
    pub position: usize,
}

/// Where a state occurs, in order of sequences.
#[derive(Clone, Debug, Default)]
struct Places {
    /// After a token at which interchanges are made.
    eligible: Vec<NaturalPlace>,
    /// After `B` or `T`.
    other: Vec<NaturalPlace>,
}

impl<'a> NaturalStates<'a> {
    /// The states of `sequences` of `task`. One that comes twice counts once.
    ///
    /// # Errors
    ///
    /// As [`Task::states`].
    pub fn of(task: &Task, sequences: impl IntoIterator<Item = &'a Sequence>) -> Result<Self> {
        let mut natural = Self { sequences: Vec::new(), known: HashMap::new(), places: HashMap::new() };
        for sequence in sequences {
            let index = natural.sequences.len();
            if natural.known.contains_key(sequence.tokens.as_slice()) {
                continue;
            }
            natural.known.insert(&sequence.tokens, index);
            natural.sequences.push(sequence);
            for (position, state) in task.states(&sequence.tokens)?.into_iter().enumerate() {
                if state.ended() {
                    break;
                }
                let places = natural.places.entry(state.key()).or_default();
                let of_kind = if eligible(task, sequence, position) { &mut places.eligible } else { &mut places.other };
                of_kind.push(NaturalPlace { sequence: index, position });
            }
        }
        Ok(natural)
    }

    /// The sequences, each once, in the order in which they came.
    pub fn sequences(&self) -> &[&'a Sequence] {
        &self.sequences
    }

    /// A position, uniform among those of all sequences but `except`, at which every variable has the value that it has
    /// in `state`; none where there is no such position.
    ///
    /// It is after a token at which interchanges are made. Where the state occurs after no such token, it may be after `B`
    /// or `T`: all that is ever counted, while nothing is answered yet, is there just after `T`.
    pub fn place<R: Rng + ?Sized>(&self, state: &State, except: &Sequence, rng: &mut R) -> Option<NaturalPlace> {
        let Places { eligible, other } = self.places.get(&state.key())?;
        let own = self.known.get(except.tokens.as_slice()).copied();
        draw(eligible, own, rng).or_else(|| draw(other, own, rng))
    }
}

impl Task {
    /// The positions of `sequence` at which activity may be exchanged: of individual interchanges those after whose token one
    /// may be made, of stepwise ones all before the end token, as those come to hold the histories of others.
    pub fn exchanged_positions(&self, sequence: &Sequence, positions: Positions) -> Vec<usize> {
        let end = self.vocabulary().end();
        let before_the_end = (0..sequence.len()).take_while(|&position| sequence.tokens[position] != end);
        match positions {
            Positions::Individual => before_the_end.filter(|&position| eligible(self, sequence, position)).collect(),
            Positions::Stepwise => before_the_end.collect(),
        }
    }
}

/// One of `places`, which are in order of sequences, that is not of sequence `own`.
fn draw<R: Rng + ?Sized>(places: &[NaturalPlace], own: Option<usize>, rng: &mut R) -> Option<NaturalPlace> {
    let before = |sequence| places.partition_point(|place| place.sequence < sequence);
    let (first, end) = own.map_or((0, 0), |own| (before(own), before(own + 1)));
    let number = places.len() - (end - first);
    if number == 0 {
        return None;
    }
    let index = rng.random_range(0..number as u32) as usize;
    Some(places[if index < first { index } else { index + (end - first) }])
}
