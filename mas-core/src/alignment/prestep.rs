use burn::prelude::*;

use crate::{Error, Result, storage};

/// How close to ±1 (tanh) or to 0 and 1 (sigmoid) an input may come before its inverse is taken.
const EDGE: f64 = 1e-6;

/// A squashing function whose inverse is applied to activity before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Squash {
    /// Activity in (−1, 1), as a recurrent state: aligned as `atanh(h)`.
    Tanh,
    /// Activity in (0, 1): aligned as `ln(h / (1 − h))`.
    Sigmoid,
}

/// What happens to activity before the map: `x = (squash⁻¹(h) − μ)/σ + b`. All of it is optional.
#[derive(Debug, Clone, Default)]
pub struct PreStep {
    squash: Option<Squash>,
    mean: Option<Tensor<2>>,
    scale: Option<Tensor<2>>,
    bias: Option<Tensor<2>>,
}

impl PreStep {
    /// Undoes `squash` first.
    pub fn with_squash(mut self, squash: Squash) -> Self {
        self.squash = Some(squash);
        self
    }

    /// Subtracts `mean` and divides by `scale` (z-score), each `[1, width]`.
    ///
    /// # Errors
    /// A scale that is zero, negative or not finite anywhere.
    pub fn with_standardisation(mut self, mean: Tensor<2>, scale: Tensor<2>) -> Result<Self> {
        let smallest: f32 = scale.clone().min().into_scalar();
        let total: f32 = (mean.clone().abs() + scale.clone().abs()).sum().into_scalar();
        if smallest <= 0.0 || !total.is_finite() {
            return Err(Error::NotFinite(format!(
                "a z-score needs a finite mean and a scale above zero in every coordinate; the smallest scale is {smallest}"
            )));
        }
        self.mean = Some(mean);
        self.scale = Some(scale);
        Ok(self)
    }

    /// Adds `bias`, `[1, width]`, which a fit then learns along with the map.
    pub fn with_bias(mut self, bias: Tensor<2>) -> Self {
        self.bias = Some(bias);
        self
    }

    /// The numbers of coordinates that its parts are of.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> {
        [&self.mean, &self.scale, &self.bias].into_iter().flatten().map(|part| part.dims()[1])
    }

    /// The bias that is added, if any, `[1, width]`.
    pub fn bias(&self) -> Option<&Tensor<2>> {
        self.bias.as_ref()
    }

    /// The bias again, to be changed by a fit.
    pub(super) fn bias_mut(&mut self) -> Option<&mut Tensor<2>> {
        self.bias.as_mut()
    }

    /// The share of the numbers of `activity`, `[row, width]`, that lie so near the edge of the squashing function's range,
    /// or beyond, that they are clamped: 0 without one. Where it is not small, what is aligned is no longer the activity.
    ///
    /// # Errors
    /// The device cannot be read.
    pub fn clamped_share(&self, activity: &Tensor<2>) -> Result<f64> {
        let edge = EDGE as f32;
        let inside = match self.squash {
            None => return Ok(0.0),
            Some(Squash::Tanh) => edge - 1.0..=1.0 - edge,
            Some(Squash::Sigmoid) => edge..=1.0 - edge,
        };
        let values = storage::values(activity)?;
        let clamped = values.iter().filter(|value| !inside.contains(value)).count();
        Ok(clamped as f64 / values.len().max(1) as f64)
    }

    /// The squashing function that is undone, if any.
    pub fn squash(&self) -> Option<Squash> {
        self.squash
    }

    /// The tensors by name, each `[1, width]`, as they are stored beside an alignment.
    pub fn tensors(&self) -> impl Iterator<Item = (&'static str, &Tensor<2>)> {
        [("mean", &self.mean), ("scale", &self.scale), ("bias", &self.bias)]
            .into_iter()
            .filter_map(|(name, tensor)| Some((name, tensor.as_ref()?)))
    }

    /// `squash⁻¹(h)`, `[row, width]`. Inputs at the edge of the range are clamped, as the inverse is infinite there.
    pub(super) fn unsquash(&self, activity: Tensor<2>) -> Tensor<2> {
        match self.squash {
            None => activity,
            Some(Squash::Tanh) => activity.clamp(-1.0 + EDGE, 1.0 - EDGE).atanh(),
            Some(Squash::Sigmoid) => {
                let inside = activity.clamp(EDGE, 1.0 - EDGE);
                inside.clone().log() - (-inside).log1p()
            }
        }
    }

    /// `squash(z)`, `[row, width]`.
    pub(super) fn resquash(&self, unsquashed: Tensor<2>) -> Tensor<2> {
        match self.squash {
            None => unsquashed,
            Some(Squash::Tanh) => unsquashed.tanh(),
            Some(Squash::Sigmoid) => burn::tensor::activation::sigmoid(unsquashed),
        }
    }

    /// `(z − μ)/σ + b`, `[row, width]`.
    pub(super) fn standardise(&self, mut z: Tensor<2>) -> Tensor<2> {
        if let Some(mean) = &self.mean {
            z = z - mean.clone();
        }
        if let Some(scale) = &self.scale {
            z = z / scale.clone();
        }
        if let Some(bias) = &self.bias {
            z = z + bias.clone();
        }
        z
    }

    /// The inverse of [`standardise`](Self::standardise).
    pub(super) fn destandardise(&self, mut x: Tensor<2>) -> Tensor<2> {
        if let Some(bias) = &self.bias {
            x = x - bias.clone();
        }
        x = self.rescale(x);
        if let Some(mean) = &self.mean {
            x = x + mean.clone();
        }
        x
    }

    /// Turns a *difference* of standardised activity into one of activity: `σ ⊙ x`.
    pub(super) fn rescale(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.scale {
            Some(scale) => x * scale.clone(),
            None => x,
        }
    }
}
