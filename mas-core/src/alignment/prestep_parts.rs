use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::{PreStep, Squash};
use crate::{Error, Result};

/// Below this, a coordinate's deviation is the rounding of one number that never changes.
const CONSTANT: f64 = 1e-6;

/// The parts that a [`PreStep`] is to have. In files and on the command line they are joined: `tanh+standardise+bias`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PreStepParts {
    /// The squashing function that is undone first: `tanh` or `sigmoid`.
    pub squash: Option<Squash>,
    /// Whether activity is standardised (z-score), by the mean and the deviation of what was recorded: `standardise`.
    pub standardise: bool,
    /// Whether there is a bias, which a fit learns from zero: `bias`.
    pub bias: bool,
}

impl PreStepParts {
    /// The pre-step for activity of `width` coordinates, of which `activity`, `[sample, width]`, was recorded.
    ///
    /// A coordinate that is the same in all of it keeps the scale that it has.
    ///
    /// # Errors
    /// A standardisation and no recorded activity, or one that is not finite.
    pub(super) fn of(self, width: usize, activity: Option<&Tensor<2>>, device: &Device) -> Result<PreStep> {
        let mut prestep = PreStep::default();
        if let Some(squash) = self.squash {
            prestep = prestep.with_squash(squash);
        }
        if self.standardise {
            let activity = activity.ok_or_else(|| Error::invalid("a standardisation needs recorded activity"))?;
            let (variance, mean) = prestep.unsquash(activity.clone()).var_mean_bias(0);
            let scale = variance.sqrt();
            let constant = scale.clone().lower_elem(CONSTANT);
            prestep = prestep.with_standardisation(mean, scale.mask_fill(constant, 1.0))?;
        }
        if self.bias {
            prestep = prestep.with_bias(Tensor::zeros([1, width], device));
        }
        Ok(prestep)
    }
}

impl std::fmt::Display for PreStepParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.squash == Some(Squash::Tanh), "tanh"),
            (self.squash == Some(Squash::Sigmoid), "sigmoid"),
            (self.standardise, "standardise"),
            (self.bias, "bias"),
        ];
        let names: Vec<_> = parts.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name).collect();
        f.write_str(if names.is_empty() { "none".to_owned() } else { names.join("+") }.as_str())
    }
}

impl std::str::FromStr for PreStepParts {
    type Err = Error;

    fn from_str(parts: &str) -> Result<Self> {
        let mut found = Self::default();
        for part in parts.split('+').filter(|_| parts != "none") {
            let again = match part {
                "tanh" => found.squash.replace(Squash::Tanh).is_some(),
                "sigmoid" => found.squash.replace(Squash::Sigmoid).is_some(),
                "standardise" => std::mem::replace(&mut found.standardise, true),
                "bias" => std::mem::replace(&mut found.bias, true),
                _ => {
                    return Err(Error::invalid(format!(
                        "there is no part `{part}` of a pre-step; there are tanh, sigmoid, standardise and bias, joined by +, \
                         and none"
                    )));
                }
            };
            if again {
                let message = format!("`{parts}`: a pre-step has each part once, and one squashing function at most");
                return Err(Error::invalid(message));
            }
        }
        Ok(found)
    }
}

impl TryFrom<String> for PreStepParts {
    type Error = Error;

    fn try_from(parts: String) -> Result<Self> {
        parts.parse()
    }
}

impl From<PreStepParts> for String {
    fn from(parts: PreStepParts) -> Self {
        parts.to_string()
    }
}
