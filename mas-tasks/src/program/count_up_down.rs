//! Count Up, Count Down (arXiv 2501.06164).
//!
//! `count` + 1 per demonstration; at the trigger `phase` = +1 and `count` = f(`count`), f the task's function; − 1 per
//! response. `R` while `count` > 0, then `E`.

use super::{Emission, Phase, Program, refusal, taken, whole};
use crate::kind::MODULUS;
use crate::rules::Rules;
use crate::symbol::Symbol;
use crate::{DropReason, TaskKind, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CountUpDown {
    phase: Phase,
    count: u32,
}

impl CountUpDown {
    pub(crate) const VARIABLES: &[Variable] = &[Variable::Phase, Variable::Count];

    pub(crate) fn start() -> Self {
        Self { phase: Phase::Demonstration, count: 0 }
    }
}

impl Program for CountUpDown {
    fn names(&self) -> &'static [Variable] {
        Self::VARIABLES
    }

    fn get(&self, variable: Variable) -> Option<f64> {
        match variable {
            Variable::Phase => Some(self.phase.value()),
            Variable::Count => Some(f64::from(self.count)),
            _ => None,
        }
    }

    fn set(&mut self, variable: Variable, value: f64) -> Result<(), DropReason> {
        match variable {
            Variable::Phase => self.phase = Phase::from_value(value)?,
            Variable::Count => self.count = whole(value)?,
            _ => return Err(DropReason::Undefined),
        }
        Ok(())
    }

    fn settle(&mut self, rules: &Rules) {
        if rules.kind == TaskKind::Modulo && self.phase == Phase::Response {
            self.count %= MODULUS;
        }
    }

    fn check(&self, rules: &Rules) -> Result<(), DropReason> {
        taken(match self.phase {
            Phase::Demonstration => self.count <= rules.counts.max,
            Phase::Response => self.count <= rules.max_responses,
        })
    }

    fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str> {
        match (self.phase, symbol) {
            (Phase::Demonstration, Symbol::Void) => {}
            (Phase::Demonstration, Symbol::Demonstration) if self.count >= rules.counts.max => {
                return Err(refusal::TOO_MANY);
            }
            (Phase::Demonstration, Symbol::Demonstration) => self.count += 1,
            (Phase::Demonstration, Symbol::Trigger) if self.count < rules.counts.min => return Err(refusal::TOO_FEW),
            (Phase::Demonstration, Symbol::Trigger) => {
                *self = Self { phase: Phase::Response, count: rules.responses(self.count) };
            }
            (Phase::Response, Symbol::Response) if self.count == 0 => return Err(refusal::TOO_LATE),
            (Phase::Response, Symbol::Response) => self.count -= 1,
            (Phase::Response, Symbol::End) if self.count > 0 => return Err(refusal::TOO_EARLY),
            (Phase::Response, Symbol::End) => {}
            (_, other) => return Err(refuse(other)),
        }
        Ok(())
    }

    fn emits(&self, plan: u32, _rules: &Rules) -> Emission {
        match self.phase {
            Phase::Demonstration if self.count < plan => Emission::Demonstration,
            Phase::Demonstration => Emission::Exactly(Symbol::Trigger),
            Phase::Response if self.count > 0 => Emission::Exactly(Symbol::Response),
            Phase::Response => Emission::Exactly(Symbol::End),
        }
    }
}

/// Why a symbol is refused in the phase that does not know it.
pub(super) fn refuse(symbol: Symbol) -> &'static str {
    match symbol {
        Symbol::Demonstration | Symbol::Void | Symbol::Trigger => refusal::AFTER_TRIGGER,
        Symbol::Response | Symbol::End => refusal::BEFORE_TRIGGER,
        _ => refusal::FOREIGN,
    }
}
