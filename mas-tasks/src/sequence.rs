//! Sequences, and how they are drawn.

use rand::{Rng, RngExt};
use serde::Serialize;

use crate::program::Emission;
use crate::state::State;
use crate::stream::{Purpose, stream};
use crate::symbol::{MAX_VALUE, Symbol};
use crate::{Error, Result, Task, TaskKind};

/// A sequence of a task, from `B` to `E`, without padding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sequence {
    /// Token ids of the task's vocabulary, `[time]`.
    pub tokens: Vec<u32>,
    /// The response mask, `[time]`: whether the task determines the token at this position from those before it (the
    /// responses and `E`; in arithmetic `=`, every value, `,` and `E`).
    pub response: Vec<bool>,
    /// N: the number of demonstration tokens that the sequence was planned with; in arithmetic the number of
    /// operations.
    pub count: u32,
}

impl Sequence {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(crate) fn push(&mut self, token: u32, response: bool) {
        self.tokens.push(token);
        self.response.push(response);
    }
}

impl Task {
    /// Draws a sequence: N uniform among the counts that are not held out (in arithmetic, the number of operations),
    /// then everything else.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Sequence {
        let count = choose(self.generated(), rng);
        self.draw(count, self.config().void_probability, rng)
    }

    /// The sequence that `tokens` are, from `B` to `E`, with its response mask and count; padding after `E` is left out.
    ///
    /// # Errors
    ///
    /// As [`states`](Self::states); [`Error::InvalidConfig`] if there is no `E`.
    pub fn sequence_of(&self, tokens: &[u32]) -> Result<Sequence> {
        let states = self.states(tokens)?;
        let Some(end) = states.iter().position(State::ended) else {
            let reason = format!("these {} do not come to the end token", tokens.len());
            return Err(Error::InvalidConfig { field: "tokens", reason });
        };
        let tokens = tokens[..=end].to_vec();
        let before = |position: usize| position.checked_sub(1).map(|before| &states[before]);
        let response =
            (0..tokens.len()).map(|position| before(position).is_some_and(|state| self.determined(state).is_some()));
        let symbols = || tokens.iter().filter_map(|id| self.lexicon().symbol(*id));
        let count = match self.kind() {
            // The first number says how many operations there are.
            TaskKind::Arithmetic => symbols().find_map(|symbol| match symbol {
                Symbol::Number(operations) => Some(operations),
                _ => None,
            }),
            _ => {
                let shown = symbols().take_while(|symbol| *symbol != Symbol::Trigger);
                Some(shown.filter(|symbol| *symbol == Symbol::Demonstration).count() as u32)
            }
        };
        Ok(Sequence { response: response.collect(), count: count.unwrap_or(0), tokens })
    }

    /// Draws a sequence with N = `count` demonstrations (in arithmetic, operations). Held-out counts are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchCount`] if the task has no such count.
    pub fn sample_count<R: Rng + ?Sized>(&self, count: u32, rng: &mut R) -> Result<Sequence> {
        let range = self.count_range();
        if !(range.min..=range.max).contains(&count) {
            return Err(Error::NoSuchCount { count, min: range.min, max: range.max });
        }
        Ok(self.draw(count, self.config().void_probability, rng))
    }

    /// `number` sequences, N uniform among the counts that are not held out: what a network is trained on.
    ///
    /// The same seed gives the same sequences on every platform, and asking for more does not change the first ones.
    pub fn sequences(&self, number: usize, seed: u64) -> Vec<Sequence> {
        (0..number as u64).map(|index| self.sample(&mut stream(seed, Purpose::Sequences, index))).collect()
    }

    /// `number` sequences with N = `count` demonstrations (in arithmetic, operations). Held-out counts are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchCount`] if the task has no such count.
    pub fn sequences_of(&self, count: u32, number: usize, seed: u64) -> Result<Vec<Sequence>> {
        let stream = |index| stream(seed, Purpose::OfCount, u64::from(count) << 32 | index);
        (0..number as u64).map(|index| self.sample_count(count, &mut stream(index))).collect()
    }

    /// `number` sequences, N uniform among the held-out counts, or among all where none is held out: what a network is
    /// validated on. Drawn from other random numbers than [`sequences`](Self::sequences) with the same seed.
    pub fn validation_sequences(&self, number: usize, seed: u64) -> Vec<Sequence> {
        let held_out = &self.config().held_out;
        let counts = if held_out.is_empty() { self.generated() } else { held_out };
        let draw = |index| {
            let mut rng = stream(seed, Purpose::Validation, index);
            self.draw(choose(counts, &mut rng), self.config().void_probability, &mut rng)
        };
        (0..number as u64).map(draw).collect()
    }

    /// `number` sequences of every count from the smallest to the largest, held out or not, in order of the counts,
    /// those of [`sequences_of`](Self::sequences_of): what representational similarity is measured on.
    pub fn sequences_per_count(&self, number: usize, seed: u64) -> Vec<Sequence> {
        let range = self.count_range();
        // Every count of the range exists, so that nothing is refused.
        (range.min..=range.max).filter_map(|count| self.sequences_of(count, number, seed).ok()).flatten().collect()
    }

    /// A sequence with a count that the task has.
    pub(crate) fn draw<R: Rng + ?Sized>(&self, count: u32, voids: f64, rng: &mut R) -> Sequence {
        let length = self.length(count);
        let mut sequence = Sequence { tokens: Vec::with_capacity(length), response: Vec::with_capacity(length), count };
        sequence.push(self.vocabulary().begin(), false);
        self.run_on(State::start(self.program()), voids, &mut sequence, rng);
        sequence
    }

    /// Appends what the program says from `state` on, up to `E`, with the sequence's count as its plan.
    pub(crate) fn run_on<R: Rng + ?Sized>(&self, mut state: State, voids: f64, sequence: &mut Sequence, rng: &mut R) {
        let plan = sequence.count;
        while !state.ended() {
            let emission = state.emits(plan, self.rules());
            if voids > 0.0 && emission.before_trigger() && rng.random_bool(voids) {
                sequence.push(self.lexicon().id(Symbol::Void), false);
                continue;
            }
            let (symbol, id) = self.realise(emission, plan, rng);
            sequence.push(id, emission.determined().is_some());
            let read = state.read(symbol, self.rules());
            debug_assert_eq!(read, Ok(()), "a program accepts what it says");
            if read.is_err() {
                break;
            }
        }
    }

    /// A token for what comes next, with the random choice made.
    fn realise<R: Rng + ?Sized>(&self, emission: Emission, plan: u32, rng: &mut R) -> (Symbol, u32) {
        let symbol = match emission {
            Emission::Demonstration => return (Symbol::Demonstration, choose(self.vocabulary().demonstrations(), rng)),
            Emission::Operations => Symbol::Number(plan),
            Emission::Start => Symbol::Number(rng.random_range(0..=MAX_VALUE)),
            Emission::Operator { plus, minus } => {
                if plus && (!minus || rng.random_bool(0.5)) {
                    Symbol::Plus
                } else {
                    Symbol::Minus
                }
            }
            Emission::Operand { max } => Symbol::Number(rng.random_range(0..=max)),
            Emission::Exactly(symbol) => symbol,
        };
        (symbol, self.lexicon().id(symbol))
    }
}

/// One of a few at random. `among` is never empty.
pub(crate) fn choose<R: Rng + ?Sized>(among: &[u32], rng: &mut R) -> u32 {
    // As u32, so that the same numbers are drawn whatever the width of usize.
    if let [only] = among { *only } else { among[rng.random_range(0..among.len() as u32) as usize] }
}
