//! Causal programs: what their states hold, how tokens change them and what they say comes next.

mod arithmetic;
mod count_up_down;
mod count_up_increment;
mod count_up_up;

pub(crate) use arithmetic::ArithmeticState;
pub(crate) use count_up_down::CountUpDown;
pub(crate) use count_up_increment::CountUpIncrement;
pub(crate) use count_up_up::CountUpUp;

use crate::rules::Rules;
use crate::symbol::Symbol;
use crate::{DropReason, Variable};

/// What a program says comes next: a function of its variables and of the plan, and of nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emission {
    /// A demonstration, its type at random.
    Demonstration,
    /// The number of operations, which is the plan.
    Operations,
    /// A start value at random.
    Start,
    /// An operator, at random among those that the value allows.
    Operator { plus: bool, minus: bool },
    /// An operand at random, from 0 to this one.
    Operand { max: u32 },
    /// One symbol only. The trigger is of this kind although the task does not determine it.
    Exactly(Symbol),
}

impl Emission {
    /// The symbol, if the task determines it (the response mask).
    pub(crate) fn determined(self) -> Option<Symbol> {
        match self {
            Self::Exactly(symbol) if symbol != Symbol::Trigger => Some(symbol),
            _ => None,
        }
    }

    /// Whether this is a step before the trigger, where a void may come instead.
    pub(crate) fn before_trigger(self) -> bool {
        matches!(self, Self::Demonstration | Self::Exactly(Symbol::Trigger))
    }
}

/// A causal program in some state. `read` after `E` is the caller's to refuse.
pub(crate) trait Program {
    /// The program's variables.
    fn names(&self) -> &'static [Variable];

    /// A variable's value; `None` if it is undefined or not of this program.
    fn get(&self, variable: Variable) -> Option<f64>;

    /// Overwrites a variable; a value of the wrong type is one that the program never takes.
    fn set(&mut self, variable: Variable, value: f64) -> Result<(), DropReason>;

    /// Re-applies what the task applies to a count that was written (Modulo).
    fn settle(&mut self, _rules: &Rules) {}

    /// Whether this is a state that the program may be in.
    fn check(&self, rules: &Rules) -> Result<(), DropReason>;

    /// Updates the variables by a token, or says why the token is not accepted; then nothing has changed.
    fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str>;

    /// What comes next, if `plan` is N.
    fn emits(&self, plan: u32, rules: &Rules) -> Emission;

    /// What distinguishes states with the same variables.
    fn control(&self) -> u8 {
        0
    }
}

/// Whether demonstrations are being shown or responses given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Demonstration,
    Response,
}

impl Phase {
    pub(crate) fn value(self) -> f64 {
        match self {
            Self::Demonstration => -1.0,
            Self::Response => 1.0,
        }
    }

    pub(crate) fn from_value(value: f64) -> Result<Self, DropReason> {
        if value == -1.0 {
            Ok(Self::Demonstration)
        } else if value == 1.0 {
            Ok(Self::Response)
        } else {
            Err(DropReason::NeverTaken)
        }
    }
}

/// A value as a whole number.
pub(crate) fn whole(value: f64) -> Result<u32, DropReason> {
    if value >= 0.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 {
        Ok(value as u32)
    } else {
        Err(DropReason::NeverTaken)
    }
}

/// `Ok` if `condition`, else the reason for a value that the target never takes.
pub(crate) fn taken(condition: bool) -> Result<(), DropReason> {
    if condition { Ok(()) } else { Err(DropReason::NeverTaken) }
}

/// Why the counting programs refuse tokens.
pub(crate) mod refusal {
    pub(crate) const AFTER_TRIGGER: &str = "demonstrations, voids and the trigger come before the responses";
    pub(crate) const BEFORE_TRIGGER: &str = "responses and the end come after the trigger";
    pub(crate) const TOO_MANY: &str = "the task has fewer demonstrations";
    pub(crate) const TOO_FEW: &str = "the task has more demonstrations";
    pub(crate) const TOO_LATE: &str = "all responses have been given";
    pub(crate) const TOO_EARLY: &str = "responses are still to come";
    pub(crate) const FOREIGN: &str = "no such token can follow in this task";
}
