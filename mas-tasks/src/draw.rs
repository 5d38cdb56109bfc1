//! Drawing pairs: sequences, positions, and what is left out.

use std::collections::{HashMap, HashSet};

use rand::{Rng, RngExt};

use crate::interchange::{eligible, is_past};
use crate::stream::{Purpose, stream};
use crate::{
    CountRange, Dropped, Error, Pair, PairConfig, PairSet, PairSplit, Positions, Result, Sequence, Task, TaskKind,
};

/// How often a pair is drawn anew, if it is dropped, before giving up.
const TRIES: usize = 10_000;

/// How often a sequence that should not occur is drawn anew before it is accepted.
const REDRAWS: usize = 16;

impl PairConfig {
    /// Draws the pairs. A draw that has no counterfactual is counted and replaced by another.
    ///
    /// # Errors
    ///
    /// What [`check`](Self::check) returns; [`Error::NoPairs`] if one draw after the other is dropped.
    pub fn pairs(&self) -> Result<PairSet> {
        self.check()?;
        self.draw_all(Purpose::Pairs, self.count, &Sequences::default())
    }

    /// Draws [`count`](Self::count) pairs to fit with and `held_out` others to judge with, disjoint in their sequences.
    /// As [`split_pairs`] for one configuration.
    ///
    /// # Errors
    ///
    /// As [`pairs`](Self::pairs).
    pub fn split(&self, held_out: usize) -> Result<PairSplit> {
        // One configuration gives one split.
        Ok(split_pairs(std::slice::from_ref(self), held_out)?.pop().unwrap_or_default())
    }

    fn draw_all(&self, purpose: Purpose, count: usize, avoid: &Sequences) -> Result<PairSet> {
        let mut set = PairSet { pairs: Vec::with_capacity(count), ..PairSet::default() };
        for index in 0..count as u64 {
            let mut rng = stream(self.seed, purpose, index);
            let (pair, overlapping) = self.draw_one(&mut rng, avoid, &mut set.dropped)?;
            set.pairs.push(pair);
            set.overlapping += usize::from(overlapping);
        }
        Ok(set)
    }

    /// The first draw that has a counterfactual, and whether it overlaps.
    fn draw_one<R: Rng>(&self, rng: &mut R, avoid: &Sequences, dropped: &mut Dropped) -> Result<(Pair, bool)> {
        let mut tried = Dropped::default();
        for _ in 0..TRIES {
            let (source, source_overlaps) = avoid.draw(&self.source, rng);
            let (target, target_overlaps) = avoid.draw(&self.target, rng);
            let (source_position, target_position) = self.draw_positions(&source, &target, rng);
            match self.swap(source, source_position, target, target_position, rng) {
                Ok(pair) => return Ok((pair, source_overlaps || target_overlaps)),
                Err(Error::Dropped(reason)) => {
                    dropped.add(reason);
                    tried.add(reason);
                }
                Err(other) => return Err(other),
            }
        }
        Err(Error::NoPairs { tries: TRIES, variable: self.variable.to_string(), dropped: tried.to_string() })
    }

    /// Positions of the source and of the target, uniform among the eligible ones.
    fn draw_positions<R: Rng>(&self, source: &Sequence, target: &Sequence, rng: &mut R) -> (usize, usize) {
        match self.positions {
            Positions::Individual => (
                pick(source.len(), |position| eligible(&self.source, source, position), rng),
                pick(target.len(), |position| eligible(&self.target, target, position), rng),
            ),
            Positions::Stepwise => {
                let both = |position| {
                    eligible(&self.source, source, position)
                        && (eligible(&self.target, target, position) || is_past(&self.target, target, position))
                };
                let position = pick(source.len(), both, rng);
                (position, position)
            }
        }
    }
}

/// Draws the pairs of several configurations (the directions and variables of one alignment): for each, its `count`
/// pairs to fit with and `held_out` others to judge with.
///
/// The held-out pairs of all configurations are drawn first, from random numbers of their own. A training sequence
/// that occurs among them, in whatever role and direction, is drawn anew with the same N, so that N stays uniform. After
/// 16 such tries it is accepted, and its pair is counted as overlapping: there are 3 multi-object sequences with
/// N = 1, and in single-object and same-object just one for every N, so there all pairs overlap.
///
/// # Errors
///
/// As [`PairConfig::pairs`].
pub fn split_pairs(configs: &[PairConfig], held_out: usize) -> Result<Vec<PairSplit>> {
    let mut splits = Vec::with_capacity(configs.len());
    let mut avoid = Sequences::default();
    for config in configs {
        config.check()?;
        let held_out = config.draw_all(Purpose::HeldOutPairs, held_out, &Sequences::default())?;
        for pair in &held_out.pairs {
            avoid.insert(&config.source, &pair.source);
            avoid.insert(&config.target, &pair.target);
        }
        splits.push(PairSplit { held_out, ..PairSplit::default() });
    }
    for (config, split) in configs.iter().zip(&mut splits) {
        split.training = config.draw_all(Purpose::Pairs, config.count, &avoid)?;
    }
    Ok(splits)
}

/// Sequences to stay away from. Tasks of one kind have the same ids, but for voids, which pairs do not have.
#[derive(Default)]
struct Sequences(HashMap<TaskKind, HashSet<Vec<u32>>>);

impl Sequences {
    fn insert(&mut self, task: &Task, sequence: &Sequence) {
        self.0.entry(task.kind()).or_default().insert(sequence.tokens.clone());
    }

    /// A sequence with any count of the task and without voids, and whether it is one of these.
    fn draw<R: Rng>(&self, task: &Task, rng: &mut R) -> (Sequence, bool) {
        let CountRange { min, max } = task.count_range();
        let count = rng.random_range(min..=max);
        let mut sequence = task.draw(count, 0.0, rng);
        let Some(known) = self.0.get(&task.kind()) else { return (sequence, false) };
        // With one type of demonstration there is one sequence for each count.
        let redraws = if task.vocabulary().demonstrations().len() == 1 { 0 } else { REDRAWS };
        for _ in 0..redraws {
            if !known.contains(&sequence.tokens) {
                return (sequence, false);
            }
            sequence = task.draw(count, 0.0, rng);
        }
        let overlaps = known.contains(&sequence.tokens);
        (sequence, overlaps)
    }
}

/// One of the positions before `length` for which `allowed` holds, uniformly. Every sequence has one: the first token
/// after `B` is a demonstration or a number.
fn pick<R: Rng>(length: usize, allowed: impl Fn(usize) -> bool, rng: &mut R) -> usize {
    let number = (0..length).filter(|position| allowed(*position)).count();
    let index = rng.random_range(0..number.max(1) as u32) as usize;
    (0..length).filter(|position| allowed(*position)).nth(index).unwrap_or(1)
}
