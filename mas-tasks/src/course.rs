//! From the values that variables take to the tokens that were read (the causal programs of arXiv 2501.06164, backwards).

use rand::Rng;

use crate::sequence::{Sequence, choose};
use crate::state::State;
use crate::symbol::Symbol;
use crate::{Error, Result, Task, Variable};

/// A state that the values so far allow, how it came about, and the tokens that may have led to it.
struct Step {
    state: State,
    /// Its place among the steps of the position before.
    from: usize,
    tokens: Vec<u32>,
}

impl Task {
    /// A sequence in which the variables take this course: what was read when only variables are known, as of a brain that
    /// was recorded. Tokens that do the same to all variables (the types of demonstrations) cannot be told apart, and are
    /// drawn with `rng`.
    ///
    /// - `course`: variables of the task's program, each with its value after every token, `[time]`, NaN where it is
    ///   undefined; the last token is `E`. Not all variables are needed, as long as only one course of states fits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`]: no course, of different lengths, of a variable that the program has not, that the program
    /// cannot take, that does not come to an end, or that more than one course of states fits. It names the position.
    pub fn sequence_along<R: Rng + ?Sized>(&self, course: &[(Variable, &[f32])], rng: &mut R) -> Result<Sequence> {
        let refuse = |reason: String| Error::InvalidConfig { field: "variables", reason };
        let Some(time) = course.first().map(|(_, values)| values.len()).filter(|&time| time > 0) else {
            return Err(refuse("there are no values".into()));
        };
        if let Some((variable, _)) = course.iter().find(|(variable, _)| !self.variables().contains(variable)) {
            return Err(refuse(format!("{} has no variable {variable}", self.program())));
        }
        if let Some((variable, values)) = course.iter().find(|(_, values)| values.len() != time) {
            return Err(refuse(format!("{variable} has {} values, where another has {time}", values.len())));
        }
        let fits = |state: &State, position: usize| {
            course.iter().all(|(variable, values)| match state.get(*variable) {
                // Values are kept in 32 bits.
                Some(value) => (value - f64::from(values[position])).abs() < 1e-4,
                None => values[position].is_nan(),
            })
        };
        let begin = State::start(self.program());
        if !fits(&begin, 0) {
            return Err(refuse("at position 0 they are not those after B".into()));
        }
        let begin = Step { state: begin, from: 0, tokens: vec![self.lexicon().id(Symbol::Begin)] };
        let mut positions = vec![vec![begin]];
        for position in 1..time {
            let mut steps: Vec<Step> = Vec::new();
            for (from, before) in positions[position - 1].iter().enumerate() {
                for token in 0..self.vocabulary().len() as u32 {
                    let Some(symbol) = self.lexicon().symbol(token).filter(|symbol| *symbol != Symbol::Pad) else {
                        continue;
                    };
                    let mut state = before.state;
                    if state.read(symbol, self.rules()).is_err() || !fits(&state, position) {
                        continue;
                    }
                    let same = |step: &&mut Step| step.from == from && step.state.key() == state.key();
                    match steps.iter_mut().find(same) {
                        Some(step) => step.tokens.push(token),
                        None => steps.push(Step { state, from, tokens: vec![token] }),
                    }
                }
            }
            if steps.is_empty() {
                return Err(refuse(format!("no token of {} leads to those at position {position}", self.kind())));
            }
            // More ways to go than any set of variables leaves that nearly says what was read.
            if steps.len() > MOST_WAYS {
                return Err(refuse(ambiguous(self, position)));
            }
            positions.push(steps);
        }
        let mut ended = positions[time - 1].iter().enumerate().filter(|(_, step)| step.state.ended());
        let mut at = match (ended.next(), ended.next()) {
            (Some((at, _)), None) => at,
            (None, _) => return Err(refuse(format!("the {time} do not come to the end token"))),
            (Some(_), Some(_)) => return Err(refuse(ambiguous(self, time - 1))),
        };
        let mut tokens = Vec::with_capacity(time);
        for steps in positions.iter().rev() {
            tokens.push(choose(&steps[at].tokens, rng));
            at = steps[at].from;
        }
        tokens.reverse();
        self.sequence_of(&tokens)
    }
}

const MOST_WAYS: usize = 64;

fn ambiguous(task: &Task, position: usize) -> String {
    let all: Vec<&str> = task.variables().iter().map(|variable| variable.name()).collect();
    format!("more than one course of states fits them up to position {position}; record all of {}", all.join(", "))
}
