//! The program of arithmetic (arXiv 2501.06164).
//!
//! The first number sets `remaining-operations`, the second `cumulative-value`. An operator and an operand set the
//! variables of those names; `=` updates the cumulative value, which is said next and which clears operator and
//! operand; `,` takes one off the remaining operations. `E` comes in place of `,` after the last one.
//!
//! Values stay in 0..=20: at the ends of the range the operator is forced, and an operand is drawn among those that
//! keep the value in the range.

use super::{Emission, Program, refusal, taken, whole};
use crate::rules::Rules;
use crate::symbol::{MAX_VALUE, Symbol};
use crate::{DropReason, Variable};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ArithmeticState {
    remaining: Option<u32>,
    value: Option<u32>,
    operator: Option<Sign>,
    operand: Option<u32>,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Plus,
    Minus,
}

/// The control state: what kind of token comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Operations,
    Start,
    Operator,
    Operand,
    Equals,
    Value,
    Separator,
}

const OUT_OF_RANGE: &str = "the value would leave 0 to 20";

impl ArithmeticState {
    pub(crate) const VARIABLES: &[Variable] =
        &[Variable::RemainingOperations, Variable::CumulativeValue, Variable::Operator, Variable::Operand];

    pub(crate) fn start() -> Self {
        Self { remaining: None, value: None, operator: None, operand: None, next: Next::Operations }
    }

    /// The largest operand that keeps the value in the range.
    fn largest_operand(&self) -> u32 {
        let value = self.value.unwrap_or(0);
        if self.operator == Some(Sign::Plus) { MAX_VALUE.saturating_sub(value) } else { value }
    }

    /// The result of the operation at hand, `None` if it leaves the range.
    fn result(&self) -> Option<u32> {
        let (value, operand) = (self.value?, self.operand?);
        match self.operator? {
            Sign::Plus => Some(value + operand).filter(|result| *result <= MAX_VALUE),
            Sign::Minus => value.checked_sub(operand),
        }
    }
}

impl Program for ArithmeticState {
    fn names(&self) -> &'static [Variable] {
        Self::VARIABLES
    }

    fn get(&self, variable: Variable) -> Option<f64> {
        match variable {
            Variable::RemainingOperations => self.remaining.map(f64::from),
            Variable::CumulativeValue => self.value.map(f64::from),
            Variable::Operator => self.operator.map(|sign| if sign == Sign::Plus { 1.0 } else { -1.0 }),
            Variable::Operand => self.operand.map(f64::from),
            _ => None,
        }
    }

    fn set(&mut self, variable: Variable, value: f64) -> Result<(), DropReason> {
        match variable {
            Variable::RemainingOperations => self.remaining = Some(whole(value)?),
            Variable::CumulativeValue => self.value = Some(whole(value)?),
            Variable::Operator if value == 1.0 => self.operator = Some(Sign::Plus),
            Variable::Operator if value == -1.0 => self.operator = Some(Sign::Minus),
            Variable::Operator => return Err(DropReason::NeverTaken),
            Variable::Operand => self.operand = Some(whole(value)?),
            _ => return Err(DropReason::Undefined),
        }
        Ok(())
    }

    fn check(&self, rules: &Rules) -> Result<(), DropReason> {
        taken(
            self.remaining.is_none_or(|remaining| (1..=rules.max_operations).contains(&remaining))
                && self.value.is_none_or(|value| value <= MAX_VALUE)
                && self.operand.is_none_or(|operand| operand <= MAX_VALUE),
        )?;
        if self.next == Next::Equals && self.result().is_none() { Err(DropReason::OutOfRange) } else { Ok(()) }
    }

    fn read(&mut self, symbol: Symbol, rules: &Rules) -> Result<(), &'static str> {
        match (self.next, symbol) {
            (Next::Operations, Symbol::Number(operations)) => {
                if !(1..=rules.max_operations).contains(&operations) {
                    return Err("the task has no such number of operations");
                }
                (self.remaining, self.next) = (Some(operations), Next::Start);
            }
            (Next::Start, Symbol::Number(value)) => (self.value, self.next) = (Some(value), Next::Operator),
            (Next::Operator, Symbol::Plus) if self.value == Some(MAX_VALUE) => return Err("at 20 only - may follow"),
            (Next::Operator, Symbol::Minus) if self.value == Some(0) => return Err("at 0 only + may follow"),
            (Next::Operator, Symbol::Plus) => (self.operator, self.next) = (Some(Sign::Plus), Next::Operand),
            (Next::Operator, Symbol::Minus) => (self.operator, self.next) = (Some(Sign::Minus), Next::Operand),
            (Next::Operand, Symbol::Number(operand)) => {
                if operand > self.largest_operand() {
                    return Err(OUT_OF_RANGE);
                }
                (self.operand, self.next) = (Some(operand), Next::Equals);
            }
            (Next::Equals, Symbol::Equals) => {
                let result = self.result().ok_or(OUT_OF_RANGE)?;
                (self.value, self.next) = (Some(result), Next::Value);
            }
            (Next::Value, Symbol::Number(value)) => {
                if self.value != Some(value) {
                    return Err("this is not the result");
                }
                (self.operator, self.operand, self.next) = (None, None, Next::Separator);
            }
            (Next::Separator, Symbol::Comma) => {
                let remaining = self.remaining.filter(|remaining| *remaining > 1).ok_or("no operation is left")?;
                (self.remaining, self.next) = (Some(remaining - 1), Next::Operator);
            }
            (Next::Separator, Symbol::End) if self.remaining != Some(1) => return Err("operations are left"),
            (Next::Separator, Symbol::End) => {}
            _ => return Err(refusal::FOREIGN),
        }
        Ok(())
    }

    fn emits(&self, _plan: u32, _rules: &Rules) -> Emission {
        match self.next {
            Next::Operations => Emission::Operations,
            Next::Start => Emission::Start,
            Next::Operator => Emission::Operator { plus: self.value != Some(MAX_VALUE), minus: self.value != Some(0) },
            Next::Operand => Emission::Operand { max: self.largest_operand() },
            Next::Equals => Emission::Exactly(Symbol::Equals),
            Next::Value => Emission::Exactly(Symbol::Number(self.value.unwrap_or(0))),
            Next::Separator if self.remaining == Some(1) => Emission::Exactly(Symbol::End),
            Next::Separator => Emission::Exactly(Symbol::Comma),
        }
    }

    fn control(&self) -> u8 {
        self.next as u8
    }
}
