use burn::prelude::*;

use super::{
    Orthogonal, decomposition,
    evaluated::Evaluation,
    part::{Named, Part},
    sign,
};
use crate::{Error, Result};

/// A learned scale of every coordinate, of either sign but never zero, and then a rotation: `(x ⊙ δ) Q` with
/// `δ = u + ε·sign(u)`, sign(0) = 1 and ε = 0.01.
#[derive(Debug, Clone)]
pub struct Relaxed {
    rotation: Orthogonal,
    diagonal: Tensor<2>,
}

/// ε.
const EPSILON: f64 = 0.01;

impl Relaxed {
    /// From `rotation` and `u`, `[1, width]`.
    ///
    /// # Errors
    /// Another shape, or numbers that are not finite.
    pub fn from_parts(rotation: Orthogonal, diagonal: Tensor<2>) -> Result<Self> {
        if diagonal.dims() != [1, rotation.width()] {
            return Err(Error::invalid(format!(
                "a diagonal for {} coordinates has the shape {:?}",
                rotation.width(),
                diagonal.dims()
            )));
        }
        let total: f32 = diagonal.clone().abs().sum().into_scalar();
        if !total.is_finite() {
            return Err(Error::NotFinite(format!("the stored diagonal is not finite: it sums to {total}")));
        }
        Ok(Self { rotation, diagonal })
    }

    /// `rotation` with the diagonal δ = `signs`, `[1, width]`, each 1 or −1.
    pub(super) fn with_signs(rotation: Orthogonal, signs: Tensor<2>) -> Self {
        Self { rotation, diagonal: signs * (1.0 - EPSILON) }
    }

    /// The rotation.
    pub fn rotation(&self) -> &Orthogonal {
        &self.rotation
    }

    /// δ of `u`, as a column `[width, 1]`.
    fn scale(diagonal: Tensor<2>) -> Tensor<2> {
        (sign(&diagonal) * EPSILON + diagonal).transpose()
    }
}

impl Part for Relaxed {
    fn width(&self) -> usize {
        self.rotation.width()
    }

    fn columns(&self) -> usize {
        self.rotation.columns()
    }

    fn learned(&self) -> Vec<Named<'_>> {
        [self.rotation.learned(), vec![("diagonal".into(), &self.diagonal)]].concat()
    }

    fn fixed(&self) -> Vec<Named<'_>> {
        self.rotation.fixed()
    }

    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>> {
        let mut learned = self.rotation.learned_mut();
        learned.push(&mut self.diagonal);
        learned
    }

    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation> {
        let frame = self.rotation.frame(learned[0].clone(), columns)?;
        let scale = Self::scale(learned[1].clone());
        let write = (frame.clone() / scale.clone()).transpose();
        Ok(Evaluation::Linear { read: frame * scale, write })
    }

    fn parameter_count(&self) -> usize {
        self.rotation.parameter_count() + self.width()
    }

    fn condition_number(&self) -> Result<Option<f64>> {
        // A rotation changes no singular value.
        let scale = decomposition::matrix(&Self::scale(self.diagonal.clone()).abs())?;
        let values = scale.col(0);
        let largest = values.iter().copied().fold(0.0, f64::max);
        Ok(Some(largest / values.iter().copied().fold(f64::INFINITY, f64::min)))
    }
}
