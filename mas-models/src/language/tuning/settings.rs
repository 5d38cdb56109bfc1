use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What of a network a fine-tuning changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Tuned {
    /// Everything.
    All,
    /// The blocks from `layer` on, and what comes after them but for a read-out that is the embedding.
    From {
        /// The first block, from 0.
        layer: usize,
    },
    /// Adapters of low rank at every block's queries and values, `x Wᵀ + s (x a) b`, that are added to the weights in the
    /// end: LoRA, Hu et al. 2021 (arXiv 2106.09685).
    Lora {
        /// Columns of `a` and rows of `b`.
        rank: usize,
        /// The factor s.
        scale: f64,
    },
}

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls in a straight line that would reach zero after the last step.
    #[default]
    Linear,
    /// It falls as half a cosine that would reach zero after the last step. Loshchilov & Hutter 2016 (arXiv 1608.03983).
    Cosine,
}

impl std::str::FromStr for Schedule {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        match id {
            "constant" => Ok(Self::Constant),
            "linear" => Ok(Self::Linear),
            "cosine" => Ok(Self::Cosine),
            _ => Err(Error::invalid(format!("there is no schedule `{id}`; there are constant, linear, cosine"))),
        }
    }
}

/// How a language model is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FineTuningSettings {
    /// What is changed.
    pub tuned: Tuned,
    /// Seed of the order of the text and of adapters' first values.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Pieces of text whose gradient is computed at once.
    pub batch: usize,
    /// How many such gradients make a step.
    pub accumulate: usize,
    /// The largest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    pub warm_up: u64,
    /// What it does then.
    pub schedule: Schedule,
    /// The norm that a step's gradient, over all parameters together, is brought down to where it is larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Steps from one checkpoint to the next.
    pub checkpoint_every: u64,
}

impl Default for FineTuningSettings {
    fn default() -> Self {
        Self {
            tuned: Tuned::All,
            seed: 0,
            steps: 600,
            batch: 24,
            accumulate: 4,
            learning_rate: 5e-4,
            warm_up: 20,
            schedule: Schedule::Linear,
            clip: Some(1.0),
            checkpoint_every: 50,
        }
    }
}

impl FineTuningSettings {
    /// The learning rate of a step.
    ///
    /// ```
    /// use mas_models::{FineTuningSettings, Schedule};
    ///
    /// let linear = FineTuningSettings { steps: 99, warm_up: 10, learning_rate: 1.0, ..Default::default() };
    /// assert_eq!(linear.learning_rate_at(5), 0.5);
    /// assert_eq!(linear.learning_rate_at(10), 1.0);
    /// assert_eq!(linear.learning_rate_at(55), 0.5);
    /// assert!(linear.learning_rate_at(99) > 0.0);
    /// let cosine = FineTuningSettings { schedule: Schedule::Cosine, ..linear.clone() };
    /// assert!((cosine.learning_rate_at(55) - 0.5).abs() < 1e-12);
    /// assert!(cosine.learning_rate_at(20) > linear.learning_rate_at(20));
    /// ```
    ///
    /// - `step`: from 1
    pub fn learning_rate_at(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.learning_rate * step as f64 / self.warm_up as f64;
        }
        // It would be zero at the step after the last.
        let falling = (self.steps.saturating_sub(self.warm_up) + 1) as f64;
        let done = (step - self.warm_up) as f64 / falling;
        self.learning_rate
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Linear => (1.0 - done).max(0.0),
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos()),
            }
    }

    /// Whether a network of so many blocks can be fine-tuned so.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the key that is out of its range.
    pub fn check(&self, layers: usize) -> Result<()> {
        let refuse = |key: &str, value: &dyn std::fmt::Display, must: &str| {
            Err(Error::invalid(format!("{key} = {value}, must be {must}")))
        };
        if self.steps == 0 {
            return refuse("steps", &self.steps, "at least 1");
        }
        if self.checkpoint_every == 0 {
            return refuse("checkpoint-every", &self.checkpoint_every, "at least 1");
        }
        for (key, value) in [("batch", self.batch), ("accumulate", self.accumulate)] {
            if value == 0 {
                return refuse(key, &value, "at least 1");
            }
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse("learning-rate", &self.learning_rate, "above 0");
        }
        if let Some(clip) = self.clip.filter(|clip| !(clip.is_finite() && *clip > 0.0)) {
            return refuse("clip", &clip, "above 0");
        }
        match self.tuned {
            Tuned::All => Ok(()),
            Tuned::From { layer } if layer <= layers => Ok(()),
            Tuned::From { layer } => refuse("layer", &layer, &format!("at most {layers}, the number of blocks")),
            Tuned::Lora { rank: 1..=4096, scale } if scale.is_finite() && scale > 0.0 => Ok(()),
            Tuned::Lora { rank: 1..=4096, scale } => refuse("scale", &scale, "above 0"),
            Tuned::Lora { rank, .. } => refuse("rank", &rank, "at least 1 and at most 4096"),
        }
    }
}
