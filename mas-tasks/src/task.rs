//! A task: its vocabulary, its causal program, and what the program makes of tokens.

use crate::rules::Rules;
use crate::state::State;
use crate::symbol::{MAX_VALUE, Symbol};
use crate::{CountRange, Error, ProgramKind, Result, TaskConfig, TaskKind, Variable, Vocabulary};

/// A numeric task with one of its causal programs. Made by [`TaskConfig::build`].
#[derive(Clone, Debug)]
pub struct Task {
    config: TaskConfig,
    program: ProgramKind,
    vocabulary: Vocabulary,
    lexicon: Lexicon,
    rules: Rules,
    generated: Vec<u32>,
}

impl Task {
    /// From a checked configuration.
    pub(crate) fn new(config: TaskConfig) -> Self {
        let kind = config.kind;
        let vocabulary = Vocabulary::of_task(kind, config.void_probability > 0.0);
        let mut task = Self {
            program: config.program.unwrap_or(kind.programs()[0]),
            lexicon: Lexicon::new(&vocabulary),
            rules: Rules::of(&config),
            generated: Vec::new(),
            vocabulary,
            config,
        };
        let CountRange { min, max } = task.count_range();
        task.generated = (min..=max).filter(|count| !task.config.held_out.contains(count)).collect();
        task
    }

    /// The settings that the task was built from.
    pub fn config(&self) -> &TaskConfig {
        &self.config
    }

    /// Which task.
    pub fn kind(&self) -> TaskKind {
        self.config.kind
    }

    /// Which causal program.
    pub fn program(&self) -> ProgramKind {
        self.program
    }

    /// The tokens and their ids.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The variables of the causal program.
    pub fn variables(&self) -> &'static [Variable] {
        self.program.variables()
    }

    /// The counts that [`sample`](Self::sample) generates: numbers of demonstrations that are not held out; in
    /// arithmetic, numbers of operations.
    pub fn counts(&self) -> impl Iterator<Item = u32> + '_ {
        self.generated.iter().copied()
    }

    /// The counts that the task has, held out or not: numbers of demonstrations; in arithmetic, of operations.
    pub fn count_range(&self) -> CountRange {
        if self.kind().counts_demonstrations() {
            self.config.counts
        } else {
            CountRange { min: 1, max: self.config.max_operations }
        }
    }

    /// The number of tokens, `B` and `E` included, of a sequence with a count, without voids.
    pub fn length(&self, count: u32) -> usize {
        match self.kind().responses(count) {
            Some(responses) => (3 + count + responses) as usize,
            None => (3 + 5 * count) as usize,
        }
    }

    /// The number of tokens of the longest sequence, without voids.
    pub fn max_length(&self) -> usize {
        let CountRange { min, max } = self.count_range();
        (min..=max).map(|count| self.length(count)).max().unwrap_or(0)
    }

    /// The causal program's state after each token, `[time]`. The first token must be `B`; padding may follow `E`; the
    /// sequence may stop short of `E`.
    ///
    /// # Errors
    ///
    /// [`Error::TokenRefused`] at the first token that the program does not accept (one that its task never has
    /// there), [`Error::UnknownId`] at one that is not in the vocabulary.
    pub fn states(&self, tokens: &[u32]) -> Result<Vec<State>> {
        let mut states = Vec::with_capacity(tokens.len());
        self.trace(tokens, |state| states.push(*state))?;
        Ok(states)
    }

    /// The causal program's state after all of `tokens`, as the last of [`states`](Self::states).
    ///
    /// # Errors
    ///
    /// As [`states`](Self::states).
    pub fn state_after(&self, tokens: &[u32]) -> Result<State> {
        self.trace(tokens, |_| ())
    }

    /// The token that the task determines to follow `state`, `None` where it is left to chance or to the plan and
    /// after the end.
    pub fn determined(&self, state: &State) -> Option<u32> {
        if state.ended() || state.kind() != self.program {
            return None;
        }
        // Where the plan matters, what comes next is a demonstration or the trigger: not determined.
        state.emits(0, &self.rules).determined().map(|symbol| self.lexicon.id(symbol))
    }

    fn trace(&self, tokens: &[u32], mut after: impl FnMut(&State)) -> Result<State> {
        let mut state = State::start(self.program);
        for (position, &id) in tokens.iter().enumerate() {
            let size = self.vocabulary.len();
            let symbol = self.lexicon.symbol(id).ok_or(Error::UnknownId { position, id, size })?;
            let read = match (position, symbol) {
                (0, Symbol::Begin) => Ok(()),
                (0, _) => Err("a sequence begins with B"),
                _ => state.read(symbol, &self.rules),
            };
            read.map_err(|reason| Error::TokenRefused { position, token: self.text(id), reason })?;
            after(&state);
        }
        Ok(state)
    }

    fn text(&self, id: u32) -> String {
        self.vocabulary.token(id).unwrap_or_default().to_owned()
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The counts that are not held out; never empty.
    pub(crate) fn generated(&self) -> &[u32] {
        &self.generated
    }
}

/// What the ids of a task's vocabulary mean.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon {
    symbols: Vec<Symbol>,
    ids: [u32; SYMBOLS],
}

/// Symbols other than numbers, then the numbers.
const SYMBOLS: usize = FIRST_NUMBER + MAX_VALUE as usize + 1;
const FIRST_NUMBER: usize = 11;

impl Lexicon {
    fn new(vocabulary: &Vocabulary) -> Self {
        // Every token of a task's own vocabulary has a meaning.
        let symbols: Vec<_> = vocabulary.tokens().iter().filter_map(|token| Symbol::of(token)).collect();
        let mut ids = [u32::MAX; SYMBOLS];
        for (id, symbol) in (0..).zip(&symbols) {
            ids[slot(*symbol)] = id;
        }
        // Same-Object answers with its demonstration token.
        if vocabulary.id("R").is_none() {
            ids[slot(Symbol::Response)] = ids[slot(Symbol::Demonstration)];
        }
        Self { symbols, ids }
    }

    pub(crate) fn symbol(&self, id: u32) -> Option<Symbol> {
        self.symbols.get(id as usize).copied()
    }

    /// The id of a symbol of this task. Of several demonstrations, the last.
    pub(crate) fn id(&self, symbol: Symbol) -> u32 {
        self.ids[slot(symbol)]
    }
}

fn slot(symbol: Symbol) -> usize {
    match symbol {
        Symbol::Pad => 0,
        Symbol::Begin => 1,
        Symbol::End => 2,
        Symbol::Void => 3,
        Symbol::Demonstration => 4,
        Symbol::Trigger => 5,
        Symbol::Response => 6,
        Symbol::Plus => 7,
        Symbol::Minus => 8,
        Symbol::Equals => 9,
        Symbol::Comma => 10,
        Symbol::Number(value) => FIRST_NUMBER + value as usize,
    }
}
