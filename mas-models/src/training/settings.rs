use serde::{Deserialize, Serialize};

use crate::{Error, Feedback, Result};

/// How a network is trained; the defaults are those of arXiv 2501.06164.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TrainingSettings {
    /// Seed of the order of trials and of dropout.
    pub seed: u64,
    /// What the network reads in the response, in training; it is validated free-running.
    pub feedback: Feedback,
    /// Whether the loss is over the response alone. Otherwise it is over all tokens, drawn demonstrations among them, which
    /// nothing foretells.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub response_only: bool,
    /// Trials in a step.
    pub batch: usize,
    /// The largest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up; from then on the rate falls with the step's −¼th power.
    pub warm_up: u64,
    /// How many epochs, the last that `max_epochs` or `max_steps` allow, bring the rate down to zero, in a straight line;
    /// without, it only falls as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<usize>,
    /// The norm that a step's gradient, over all parameters together, is brought down to where it is larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Passes through the training trials at most.
    pub max_epochs: usize,
    /// Steps at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// Epochs from one validation to the next.
    pub validate_every: usize,
    /// Share of validation trials that must be fully right.
    pub accept_at: f64,
    /// For how many validations running.
    pub accept_after: usize,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            feedback: Feedback::FreeRunning,
            response_only: false,
            batch: 128,
            learning_rate: 5e-4,
            warm_up: 100,
            cool_down: None,
            clip: None,
            max_epochs: 2500,
            max_steps: None,
            validate_every: 5,
            accept_at: 0.999,
            accept_after: 3,
        }
    }
}

impl TrainingSettings {
    /// The learning rate of a step.
    ///
    /// ```
    /// use mas_models::TrainingSettings;
    ///
    /// let settings = TrainingSettings::default();
    /// assert_eq!(settings.learning_rate_at(50, 8), 2.5e-4);
    /// assert_eq!(settings.learning_rate_at(100, 8), 5e-4);
    /// assert_eq!(settings.learning_rate_at(1600, 8), 2.5e-4);
    /// // 200 epochs of 8 steps are 1600.
    /// let cooled = TrainingSettings { max_epochs: 200, cool_down: Some(100), ..settings };
    /// assert_eq!(cooled.learning_rate_at(100, 8), 5e-4);
    /// assert_eq!(cooled.learning_rate_at(1600, 8), 2.5e-4 / 800.0);
    /// ```
    ///
    /// - `step`: from 1
    /// - `epoch`: steps in one
    pub fn learning_rate_at(&self, step: u64, epoch: u64) -> f64 {
        let progress = step as f64 / self.warm_up.max(1) as f64;
        let rate = self.learning_rate * if progress < 1.0 { progress } else { progress.powf(-0.25) };
        let Some(cool_down) = self.cool_down else { return rate };
        let last = self.max_epochs as u64 * epoch;
        let last = self.max_steps.map_or(last, |most| most.min(last));
        let left = (last + 1).saturating_sub(step) as f64;
        rate * (left / (cool_down as u64 * epoch).max(1) as f64).min(1.0)
    }

    /// Whether a network can be trained so.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the key that is out of its range.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |key: &str, value: String, must: &str| Err(Error::invalid(format!("{key} = {value}, must be {must}")));
        for (key, value) in [
            ("batch", self.batch),
            ("max-epochs", self.max_epochs),
            ("validate-every", self.validate_every),
            ("accept-after", self.accept_after),
        ] {
            if value == 0 {
                return refuse(key, value.to_string(), "at least 1");
            }
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse("learning-rate", self.learning_rate.to_string(), "above 0");
        }
        if let Some(clip) = self.clip.filter(|clip| !(clip.is_finite() && *clip > 0.0)) {
            return refuse("clip", clip.to_string(), "above 0");
        }
        if let Some(cool_down) = self.cool_down.filter(|epochs| !(1..=self.max_epochs).contains(epochs)) {
            return refuse("cool-down", cool_down.to_string(), "at least 1 and at most max-epochs");
        }
        if !(self.accept_at > 0.0 && self.accept_at <= 1.0) {
            return refuse("accept-at", self.accept_at.to_string(), "above 0 and at most 1");
        }
        Ok(())
    }
}

/// Why a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The network met the mark often enough running.
    Accepted,
    /// All epochs are done.
    MaxEpochs,
    /// All steps are done.
    MaxSteps,
    /// The caller asked for it.
    Cancelled,
}
