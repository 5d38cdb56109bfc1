//! Drawing pairs: sequences, positions, and what is left out.

use rand::{Rng, RngExt};

use crate::interchange::{eligible, is_past, well_formed};
use crate::stream::{Purpose, stream};
use crate::{CountRange, Dropped, Error, Pair, PairConfig, PairSet, Positions, Result, Sequence, Split, Task};

/// How often a pair is drawn anew, if it is dropped, before giving up.
const TRIES: usize = 10_000;

impl PairConfig {
    /// Draws the pairs. A draw that has no counterfactual is counted and replaced by another.
    ///
    /// # Errors
    ///
    /// What [`check`](Self::check) returns; [`Error::NoPairs`] if one draw after the other is dropped;
    /// [`Error::InvalidConfig`] if none of given sequences is of the side of the split that is asked for; what
    /// [`interchange`](Self::interchange) says of a given sequence that no task has made.
    pub fn pairs(&self) -> Result<PairSet> {
        self.check()?;
        let purpose = match self.split {
            None => Purpose::Pairs,
            Some(Split::Training) => Purpose::TrainingPairs,
            Some(Split::HeldOut) => Purpose::HeldOutPairs,
        };
        let (sources, targets) = (
            self.given("source sequences", &self.source, &self.source_sequences)?,
            self.given("target sequences", &self.target, &self.target_sequences)?,
        );
        let mut set = PairSet { pairs: Vec::with_capacity(self.count), ..PairSet::default() };
        for index in 0..self.count as u64 {
            let mut rng = stream(self.seed, purpose, index);
            set.pairs.push(self.draw_one(&mut rng, [&sources, &targets], &mut set.dropped)?);
        }
        Ok(set)
    }

    /// Those of the given sequences that may be drawn.
    fn given<'a>(&self, field: &'static str, task: &Task, given: &'a [Sequence]) -> Result<Vec<&'a Sequence>> {
        let mut side = Vec::new();
        for sequence in given {
            well_formed(task, sequence)?;
            if self.is_on_side(task, sequence) {
                side.push(sequence);
            }
        }
        match (self.split, given.len()) {
            (Some(split), number) if self.count > 0 && number > 0 && side.is_empty() => {
                let reason = format!("none of the {number} given is among the {split} ones");
                Err(Error::InvalidConfig { field, reason })
            }
            _ => Ok(side),
        }
    }

    fn is_on_side(&self, task: &Task, sequence: &Sequence) -> bool {
        let side = task.split_of(&sequence.tokens);
        self.split.is_none() || side.is_none() || side == self.split
    }

    /// The first draw that has a counterfactual. Sources and targets are among the `given` ones, where there are any.
    fn draw_one<R: Rng>(&self, rng: &mut R, given: [&[&Sequence]; 2], dropped: &mut Dropped) -> Result<Pair> {
        let mut tried = Dropped::default();
        for _ in 0..TRIES {
            let source = self.draw_sequence(&self.source, given[0], rng);
            let target = self.draw_sequence(&self.target, given[1], rng);
            let Some((source_position, target_position)) = self.draw_positions(&source, &target, rng) else {
                let reason = "the sequence has no position for an interchange";
                return Err(Error::IneligiblePosition { role: "source", position: source.len(), reason });
            };
            match self.swap(source, source_position, target, target_position, rng) {
                Ok(pair) => return Ok(pair),
                Err(Error::Dropped(reason)) => {
                    dropped.add(reason);
                    tried.add(reason);
                }
                Err(other) => return Err(other),
            }
        }
        Err(Error::NoPairs { tries: TRIES, variable: self.variables_name(), dropped: tried.to_string() })
    }

    /// A sequence with any count of the task and without voids, from the side of the split that is asked for: N is
    /// uniform, and then the sequence is among those of the side. Or one of the `given` ones.
    fn draw_sequence<R: Rng>(&self, task: &Task, given: &[&Sequence], rng: &mut R) -> Sequence {
        if !given.is_empty() {
            return given[rng.random_range(0..given.len() as u32) as usize].clone();
        }
        let CountRange { min, max } = task.count_range();
        let count = rng.random_range(min..=max);
        loop {
            let sequence = task.draw(count, 0.0, rng);
            // Both sides have sequences of every count, so that this ends.
            if self.is_on_side(task, &sequence) {
                return sequence;
            }
        }
    }

    /// Positions of the source and of the target, uniform among the eligible ones.
    fn draw_positions<R: Rng>(&self, source: &Sequence, target: &Sequence, rng: &mut R) -> Option<(usize, usize)> {
        match self.positions {
            Positions::Individual => Some((
                pick(source.len(), |position| eligible(&self.source, source, position), rng)?,
                pick(target.len(), |position| eligible(&self.target, target, position), rng)?,
            )),
            Positions::Stepwise => {
                let both = |position| {
                    eligible(&self.source, source, position)
                        && (eligible(&self.target, target, position) || is_past(&self.target, target, position))
                };
                let position = pick(source.len(), both, rng)?;
                Some((position, position))
            }
        }
    }
}

/// One of the positions before `length` for which `allowed` holds, uniformly. Every sequence that a task draws has one: the
/// first token after `B` is a demonstration or a number.
fn pick<R: Rng>(length: usize, allowed: impl Fn(usize) -> bool, rng: &mut R) -> Option<usize> {
    let number = (0..length).filter(|position| allowed(*position)).count();
    let index = rng.random_range(0..number.max(1) as u32) as usize;
    (0..length).filter(|position| allowed(*position)).nth(index)
}
