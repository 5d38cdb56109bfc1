//! Count Up, Increment (arXiv 2501.06164).
//!
//! `count` + 1 per demonstration; at the trigger `increment` = max / f(`count`) and `count` = 0; + `increment` per
//! response; `E` at `count` ≥ max − 1/(2 max). Here max is the largest count of the task, f the task's function.
//!
//! Where f(`count`) = 0 there is nothing to say: the count is full at once and the increment stays undefined.

use super::count_up_down::refuse;
use super::{Emission, Phase, Program, refusal, taken};
use crate::rules::Rules;
use crate::symbol::Symbol;
use crate::{DropReason, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CountUpIncrement {
    phase: Phase,
    count: f64,
    increment: Option<f64>,
}

/// How far sums of increments may be from the value that they stand for.
const TOLERANCE: f64 = 1e-6;

impl CountUpIncrement {
    pub(crate) const VARIABLES: &[Variable] = &[Variable::Phase, Variable::Count, Variable::Increment];

    pub(crate) fn start() -> Self {
        Self { phase: Phase::Demonstration, count: 0.0, increment: None }
    }

    fn full(&self, rules: &Rules) -> bool {
        let max = f64::from(rules.counts.max);
        self.count >= max - 1.0 / (2.0 * max) - TOLERANCE
    }

    /// Whether `value` is a multiple of max / m for some number m of responses that the task has; if `once`, max / m
    /// itself.
    fn is_multiple(value: f64, once: bool, rules: &Rules) -> bool {
        let max = f64::from(rules.counts.max);
        (0.0..=max + TOLERANCE).contains(&value)
            && (rules.counts.min..=rules.counts.max).any(|count| {
                let responses = f64::from(rules.responses(count));
                let steps = value * responses / max;
                responses > 0.0 && near(steps, if once { 1.0 } else { steps.round() })
            })
    }
}

/// A sum of increments that stands for a whole number as that number, so that sums are equal where they should be.
fn snapped(value: f64) -> f64 {
    if near(value, value.round()) { value.round() } else { value }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < TOLERANCE
}

impl Program for CountUpIncrement {
    fn names(&self) -> &'static [Variable] {
        Self::VARIABLES
    }

    fn get(&self, variable: Variable) -> Option<f64> {
        match variable {
            Variable::Phase => Some(self.phase.value()),
            Variable::Count => Some(self.count),
            Variable::Increment => self.increment,
            _ => None,
        }
    }

    fn set(&mut self, variable: Variable, value: f64) -> Result<(), DropReason> {
        match variable {
            Variable::Phase => self.phase = Phase::from_value(value)?,
            Variable::Count => self.count = snapped(value),
            Variable::Increment => self.increment = Some(value),
            _ => return Err(DropReason::Undefined),
        }
        Ok(())
    }

    fn check(&self, rules: &Rules) -> Result<(), DropReason> {
        match (self.phase, self.increment) {
            (Phase::Demonstration, None) => {
                taken(self.count.fract() == 0.0 && (0.0..=f64::from(rules.counts.max)).contains(&self.count))
            }
            (Phase::Demonstration, Some(_)) => Err(DropReason::NeverTaken),
            (Phase::Response, None) => Err(DropReason::Undefined),
            (Phase::Response, Some(increment)) => {
                taken(Self::is_multiple(self.count, false, rules) && Self::is_multiple(increment, true, rules))
            }
        }
    }

    fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str> {
        let max = f64::from(rules.counts.max);
        match (self.phase, symbol) {
            (Phase::Demonstration, Symbol::Void) => {}
            (Phase::Demonstration, Symbol::Demonstration) if self.count >= max => return Err(refusal::TOO_MANY),
            (Phase::Demonstration, Symbol::Demonstration) => self.count += 1.0,
            (Phase::Demonstration, Symbol::Trigger) if self.count < f64::from(rules.counts.min) => {
                return Err(refusal::TOO_FEW);
            }
            (Phase::Demonstration, Symbol::Trigger) => {
                self.phase = Phase::Response;
                // Before the trigger the count is a whole number of demonstrations.
                match rules.responses(self.count as u32) {
                    0 => (self.count, self.increment) = (max, None),
                    responses => (self.count, self.increment) = (0.0, Some(max / f64::from(responses))),
                }
            }
            (Phase::Response, Symbol::Response) => match self.increment {
                Some(increment) if !self.full(rules) => self.count = snapped(self.count + increment),
                _ => return Err(refusal::TOO_LATE),
            },
            (Phase::Response, Symbol::End) if !self.full(rules) => return Err(refusal::TOO_EARLY),
            (Phase::Response, Symbol::End) => {}
            (_, other) => return Err(refuse(other)),
        }
        Ok(())
    }

    fn emits(&self, plan: u32, rules: &Rules) -> Emission {
        match self.phase {
            Phase::Demonstration if self.count < f64::from(plan) => Emission::Demonstration,
            Phase::Demonstration => Emission::Exactly(Symbol::Trigger),
            Phase::Response if !self.full(rules) => Emission::Exactly(Symbol::Response),
            Phase::Response => Emission::Exactly(Symbol::End),
        }
    }
}
