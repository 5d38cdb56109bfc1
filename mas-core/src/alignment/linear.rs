use burn::prelude::*;

use super::{
    decomposition::{self, condition_number, solve},
    evaluated::Evaluation,
    part::{Named, Part},
    sign,
};
use crate::{Error, Result};

/// Any symmetric stretch, and a signed scale of each aligned coordinate: `x · S diag(σ)` for row vectors, with
/// `S = CCᵀ + εI`, `σ = tanh(u) + ε·sign(u)`, sign(0) = 1 and ε = 0.1.
///
/// Linear and always invertible, but not orthogonal; the bias that goes with it is that of the
/// [`PreStep`](super::PreStep), which is learned. The SD form of Grant's implementation (arXiv 2501.06164).
#[derive(Debug, Clone)]
pub struct Linear {
    core: Tensor<2>,
    signs: Tensor<2>,
}

/// ε.
const EPSILON: f64 = 0.1;

impl Linear {
    /// From `C`, `[width, width]`, and `u`, `[1, width]`.
    ///
    /// # Errors
    /// Shapes that do not go together, or numbers that are not finite.
    pub fn from_parts(core: Tensor<2>, signs: Tensor<2>) -> Result<Self> {
        let [rows, columns] = core.dims();
        if rows == 0 || rows != columns || signs.dims() != [1, rows] {
            return Err(Error::invalid(format!(
                "a linear map needs a square matrix and a row as long, not {rows}×{columns} and {:?}",
                signs.dims()
            )));
        }
        let total: f32 = (core.clone().abs().sum() + signs.clone().abs().sum()).into_scalar();
        if !total.is_finite() {
            return Err(Error::NotFinite(format!("the stored linear map is not finite: its parts sum to {total}")));
        }
        Ok(Self { core, signs })
    }

    /// The identity on `width` coordinates: `C = √(1 − ε)·I` and σ = 1.
    pub fn identity(width: usize, device: &Device) -> Self {
        let core = Tensor::eye(width, device) * (1.0 - EPSILON).sqrt();
        Self { core, signs: Tensor::full([1, width], Self::unit_sign(), device) }
    }

    /// From a matrix of independent standard normal numbers and a row of signs ±1, both drawn elsewhere:
    /// `C` is the matrix over √width, so that the singular values of `S` lie around 1, and σ the signs.
    pub(super) fn drawn(normal: Tensor<2>, signs: Tensor<2>) -> Self {
        let width = normal.dims()[0] as f64;
        Self { core: normal / width.sqrt(), signs: signs * Self::unit_sign() }
    }

    /// The `u` of σ = 1.
    pub fn unit_sign() -> f64 {
        (1.0 - EPSILON).atanh()
    }

    /// `S`, `[width, width]`, and σ, `[1, width]`.
    fn factors(core: Tensor<2>, signs: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let shift = Tensor::eye(core.dims()[0], &core.device()) * EPSILON;
        let stretch = core.clone().matmul(core.transpose()) + shift;
        (stretch, signs.clone().tanh() + sign(&signs) * EPSILON)
    }
}

impl Part for Linear {
    fn width(&self) -> usize {
        self.core.dims()[0]
    }

    fn columns(&self) -> usize {
        self.width()
    }

    fn learned(&self) -> Vec<Named<'_>> {
        vec![("core".into(), &self.core), ("signs".into(), &self.signs)]
    }

    fn fixed(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>> {
        vec![&mut self.core, &mut self.signs]
    }

    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation> {
        let width = self.width();
        let (stretch, scale) = Self::factors(learned[0].clone(), learned[1].clone());
        let scale = scale.slice([0..1, 0..columns]);
        let read = stretch.clone().slice([0..width, 0..columns]) * scale.clone();
        let axes = Tensor::eye(width, &self.core.device()).slice([0..width, 0..columns]);
        // The inverse of S diag(σ) is diag(1/σ) S⁻¹, of which the first rows count.
        let write = (solve(stretch, axes)? / scale).transpose();
        Ok(Evaluation::Linear { read, write })
    }

    fn parameter_count(&self) -> usize {
        self.width() * (self.width() + 1)
    }

    fn condition_number(&self) -> Result<Option<f64>> {
        let (stretch, scale) = Self::factors(self.core.clone(), self.signs.clone());
        condition_number(decomposition::matrix(&(stretch * scale))?.as_ref()).map(Some)
    }
}
