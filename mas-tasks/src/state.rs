//! A causal program's state: its variables by name.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;

use crate::program::{ArithmeticState, CountUpDown, CountUpIncrement, CountUpUp, Emission, Program};
use crate::rules::Rules;
use crate::symbol::Symbol;
use crate::{DropReason, ProgramKind, TaskKind, Variable, VariablePair};

/// The variables of a causal program after it has read some tokens.
///
/// Serialized as a map from the variables' names to their values, undefined ones left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    memory: Memory,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Memory {
    CountUpDown(CountUpDown),
    CountUpUp(CountUpUp),
    CountUpIncrement(CountUpIncrement),
    Arithmetic(ArithmeticState),
}

/// What two positions have in common if all variables of their states are the same: phase, counts, and whatever else
/// the program keeps, but not the plan (how many demonstrations are to come).
///
/// [`NaturalStates`](crate::NaturalStates) looks among natural positions for those whose key is that of a counterfactual
/// state: their activity is what a counterfactual-latent loss asks for (arXiv 2501.06164). Keys of one program can be compared across tasks
/// and sequences. Real values are compared to six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateKey {
    program: ProgramKind,
    variables: [Option<i64>; MOST_VARIABLES],
    control: u8,
    ended: bool,
}

/// The largest number of variables that a program has.
const MOST_VARIABLES: usize = 4;

impl State {
    /// Before the first token (the same as after `B`).
    pub(crate) fn start(program: ProgramKind) -> Self {
        let memory = match program {
            ProgramKind::CountUpDown => Memory::CountUpDown(CountUpDown::start()),
            ProgramKind::CountUpUp => Memory::CountUpUp(CountUpUp::start()),
            ProgramKind::CountUpIncrement => Memory::CountUpIncrement(CountUpIncrement::start()),
            ProgramKind::Arithmetic => Memory::Arithmetic(ArithmeticState::start()),
        };
        Self { memory, ended: false }
    }

    fn program(&self) -> &dyn Program {
        match &self.memory {
            Memory::CountUpDown(state) => state,
            Memory::CountUpUp(state) => state,
            Memory::CountUpIncrement(state) => state,
            Memory::Arithmetic(state) => state,
        }
    }

    fn program_mut(&mut self) -> &mut dyn Program {
        match &mut self.memory {
            Memory::CountUpDown(state) => state,
            Memory::CountUpUp(state) => state,
            Memory::CountUpIncrement(state) => state,
            Memory::Arithmetic(state) => state,
        }
    }

    /// The program that this is a state of.
    pub fn kind(&self) -> ProgramKind {
        match self.memory {
            Memory::CountUpDown(_) => ProgramKind::CountUpDown,
            Memory::CountUpUp(_) => ProgramKind::CountUpUp,
            Memory::CountUpIncrement(_) => ProgramKind::CountUpIncrement,
            Memory::Arithmetic(_) => ProgramKind::Arithmetic,
        }
    }

    /// A variable's value; `None` if it is undefined at this point or not of this program. Phase is −1 or +1, an
    /// operator +1 (addition) or −1 (subtraction). [`Variable::Full`] has no value of its own.
    pub fn get(&self, variable: Variable) -> Option<f64> {
        self.program().get(variable)
    }

    /// The program's variables with their values, `None` where undefined.
    pub fn variables(&self) -> impl Iterator<Item = (Variable, Option<f64>)> + '_ {
        let program = self.program();
        program.names().iter().map(move |&variable| (variable, program.get(variable)))
    }

    /// The defined variables by name.
    pub fn to_map(&self) -> BTreeMap<&'static str, f64> {
        self.variables().filter_map(|(variable, value)| Some((variable.name(), value?))).collect()
    }

    /// Whether `E` has been read.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// For finding other positions with the same variables.
    pub fn key(&self) -> StateKey {
        let mut variables = [None; MOST_VARIABLES];
        for (slot, (_, value)) in variables.iter_mut().zip(self.variables()) {
            *slot = value.map(|value| (value * 1e6).round() as i64);
        }
        StateKey { program: self.kind(), variables, control: self.program().control(), ended: self.ended }
    }

    /// Updates the variables by a token, or says why the token is not accepted.
    pub(crate) fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str> {
        if self.ended {
            return if symbol == Symbol::Pad { Ok(()) } else { Err("only padding follows the end") };
        }
        // Same-Object's one token is a demonstration before the trigger and a response after it.
        let answers = rules.kind == TaskKind::SameObject && self.get(Variable::Phase) == Some(1.0);
        let symbol = if answers && symbol == Symbol::Demonstration { Symbol::Response } else { symbol };
        self.program_mut().read(symbol, rules)?;
        self.ended = symbol == Symbol::End;
        Ok(())
    }

    /// What comes next, if `plan` is N. Not to be asked after the end.
    pub(crate) fn emits(&self, plan: u32, rules: &Rules) -> Emission {
        self.program().emits(plan, rules)
    }

    /// This state of the target with variables overwritten by the source's, all at once, or why there is no such state.
    pub(crate) fn overwritten(&self, by: &State, pairs: &[VariablePair], rules: &Rules) -> Result<State, DropReason> {
        let mut state = *self;
        for pair in pairs {
            if pair.target == Variable::Full {
                state.memory = by.memory;
            } else {
                let value = by.get(pair.source).ok_or(DropReason::Undefined)?;
                self.get(pair.target).ok_or(DropReason::Undefined)?;
                state.program_mut().set(pair.target, value)?;
            }
        }
        if pairs.iter().any(|pair| matches!(pair.target, Variable::Full | Variable::Count)) {
            state.program_mut().settle(rules);
        }
        state.program().check(rules)?;
        Ok(state)
    }
}

impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (variable, value) in self.variables() {
            if let Some(value) = value {
                map.serialize_entry(variable.name(), &value)?;
            }
        }
        map.end()
    }
}

impl ProgramKind {
    /// The variables of the program, [`Variable::Full`] not among them.
    pub fn variables(self) -> &'static [Variable] {
        match self {
            Self::CountUpDown => CountUpDown::VARIABLES,
            Self::CountUpUp => CountUpUp::VARIABLES,
            Self::CountUpIncrement => CountUpIncrement::VARIABLES,
            Self::Arithmetic => ArithmeticState::VARIABLES,
        }
    }
}
