//! The names of causal variables, and which is written into which.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::named::named_enum;

named_enum! {
    /// A causal variable's name.
    pub enum Variable: "variable" {
        /// −1 while demonstrations are shown, +1 once the trigger has been read.
        Phase = "phase",
        /// The running count of `count-up-down` and of `count-up-increment`.
        Count = "count",
        /// Demonstrations so far (`count-up-up`).
        DemonstrationCount = "demonstration-count",
        /// Responses so far (`count-up-up`).
        ResponseCount = "response-count",
        /// What each response adds (`count-up-increment`); undefined before the trigger.
        Increment = "increment",
        /// Operations not yet finished, the current one included (arithmetic).
        RemainingOperations = "remaining-operations",
        /// The running result (arithmetic).
        CumulativeValue = "cumulative-value",
        /// +1 for addition, −1 for subtraction (arithmetic); undefined between operations.
        Operator = "operator",
        /// The number to add or subtract (arithmetic); undefined between operations.
        Operand = "operand",
        /// All variables at once, with the program's control state.
        Full = "full",
    }
}

/// The variable that is read in the source, and the one that it overwrites in the target.
///
/// Written `count` (the same in both) or `count:cumulative-value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariablePair {
    /// Read in the source.
    pub source: Variable,
    /// Overwritten in the target.
    pub target: Variable,
}

impl From<Variable> for VariablePair {
    fn from(variable: Variable) -> Self {
        Self { source: variable, target: variable }
    }
}

impl From<(Variable, Variable)> for VariablePair {
    fn from((source, target): (Variable, Variable)) -> Self {
        Self { source, target }
    }
}

impl fmt::Display for VariablePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source == self.target {
            write!(f, "{}", self.source)
        } else {
            write!(f, "{}:{}", self.source, self.target)
        }
    }
}

impl FromStr for VariablePair {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        match given.split_once(':') {
            Some((source, target)) => Ok(Self { source: source.parse()?, target: target.parse()? }),
            None => given.parse::<Variable>().map(Self::from),
        }
    }
}

impl serde::Serialize for VariablePair {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for VariablePair {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?;
        given.parse().map_err(serde::de::Error::custom)
    }
}
