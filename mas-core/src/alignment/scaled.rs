use burn::prelude::*;

use super::{
    Orthogonal,
    evaluated::Evaluation,
    part::{Named, Part},
};
use crate::{Error, Result};

/// A learned positive scale and a rotation: `s · x Q`. The scale is learned as its logarithm.
#[derive(Debug, Clone)]
pub struct Scaled {
    rotation: Orthogonal,
    log_scale: Tensor<2>,
}

impl Scaled {
    /// From `rotation` and ln(s), `[1, 1]`.
    ///
    /// # Errors
    /// Another shape, or a scale so large or small that it, or its inverse, is not a positive number.
    pub fn from_parts(rotation: Orthogonal, log_scale: Tensor<2>) -> Result<Self> {
        if log_scale.dims() != [1, 1] {
            return Err(Error::invalid(format!("the logarithm of a scale is one number, not {:?}", log_scale.dims())));
        }
        let value: f32 = log_scale.clone().into_scalar();
        if value.is_nan() || value.abs() >= 80.0 {
            return Err(Error::NotFinite(format!("a scale of e^{value} has no inverse in 32 bits")));
        }
        Ok(Self { rotation, log_scale })
    }

    /// `rotation` with the scale 1.
    pub fn new(rotation: Orthogonal) -> Self {
        let log_scale = Tensor::zeros([1, 1], &rotation.parameters().device());
        Self { rotation, log_scale }
    }

    /// The rotation.
    pub fn rotation(&self) -> &Orthogonal {
        &self.rotation
    }
}

impl Part for Scaled {
    fn width(&self) -> usize {
        self.rotation.width()
    }

    fn columns(&self) -> usize {
        self.rotation.columns()
    }

    fn learned(&self) -> Vec<Named<'_>> {
        [self.rotation.learned(), vec![("log-scale".into(), &self.log_scale)]].concat()
    }

    fn fixed(&self) -> Vec<Named<'_>> {
        self.rotation.fixed()
    }

    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>> {
        let mut learned = self.rotation.learned_mut();
        learned.push(&mut self.log_scale);
        learned
    }

    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation> {
        let frame = self.rotation.frame(learned[0].clone(), columns)?;
        let log_scale = learned[1].clone();
        let write = (frame.clone() * (-log_scale.clone()).exp()).transpose();
        Ok(Evaluation::Linear { read: frame * log_scale.exp(), write })
    }

    fn parameter_count(&self) -> usize {
        self.rotation.parameter_count() + 1
    }

    fn condition_number(&self) -> Result<Option<f64>> {
        Ok(Some(1.0))
    }
}
