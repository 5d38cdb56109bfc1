//! Count Up, Count Up (arXiv 2501.06164).
//!
//! `demonstration-count` + 1 per demonstration, `response-count` + 1 per response; `E` once `response-count` has
//! reached f(`demonstration-count`), f the task's function.

use super::count_up_down::refuse;
use super::{Emission, Phase, Program, refusal, taken, whole};
use crate::rules::Rules;
use crate::symbol::Symbol;
use crate::{DropReason, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CountUpUp {
    phase: Phase,
    demonstrations: u32,
    responses: u32,
}

impl CountUpUp {
    pub(crate) const VARIABLES: &[Variable] = &[Variable::Phase, Variable::DemonstrationCount, Variable::ResponseCount];

    pub(crate) fn start() -> Self {
        Self { phase: Phase::Demonstration, demonstrations: 0, responses: 0 }
    }

    fn finished(&self, rules: &Rules) -> bool {
        self.responses >= rules.responses(self.demonstrations)
    }
}

impl Program for CountUpUp {
    fn names(&self) -> &'static [Variable] {
        Self::VARIABLES
    }

    fn get(&self, variable: Variable) -> Option<f64> {
        match variable {
            Variable::Phase => Some(self.phase.value()),
            Variable::DemonstrationCount => Some(f64::from(self.demonstrations)),
            Variable::ResponseCount => Some(f64::from(self.responses)),
            _ => None,
        }
    }

    fn set(&mut self, variable: Variable, value: f64) -> Result<(), DropReason> {
        match variable {
            Variable::Phase => self.phase = Phase::from_value(value)?,
            Variable::DemonstrationCount => self.demonstrations = whole(value)?,
            Variable::ResponseCount => self.responses = whole(value)?,
            _ => return Err(DropReason::Undefined),
        }
        Ok(())
    }

    fn check(&self, rules: &Rules) -> Result<(), DropReason> {
        taken(match self.phase {
            Phase::Demonstration => self.demonstrations <= rules.counts.max && self.responses == 0,
            Phase::Response => {
                (rules.counts.min..=rules.counts.max).contains(&self.demonstrations)
                    && self.responses <= rules.max_responses
            }
        })
    }

    fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str> {
        match (self.phase, symbol) {
            (Phase::Demonstration, Symbol::Void) => {}
            (Phase::Demonstration, Symbol::Demonstration) if self.demonstrations >= rules.counts.max => {
                return Err(refusal::TOO_MANY);
            }
            (Phase::Demonstration, Symbol::Demonstration) => self.demonstrations += 1,
            (Phase::Demonstration, Symbol::Trigger) if self.demonstrations < rules.counts.min => {
                return Err(refusal::TOO_FEW);
            }
            (Phase::Demonstration, Symbol::Trigger) => self.phase = Phase::Response,
            (Phase::Response, Symbol::Response) if self.finished(rules) => return Err(refusal::TOO_LATE),
            (Phase::Response, Symbol::Response) => self.responses += 1,
            (Phase::Response, Symbol::End) if !self.finished(rules) => return Err(refusal::TOO_EARLY),
            (Phase::Response, Symbol::End) => {}
            (_, other) => return Err(refuse(other)),
        }
        Ok(())
    }

    fn emits(&self, plan: u32, rules: &Rules) -> Emission {
        match self.phase {
            Phase::Demonstration if self.demonstrations < plan => Emission::Demonstration,
            Phase::Demonstration => Emission::Exactly(Symbol::Trigger),
            Phase::Response if !self.finished(rules) => Emission::Exactly(Symbol::Response),
            Phase::Response => Emission::Exactly(Symbol::End),
        }
    }
}
