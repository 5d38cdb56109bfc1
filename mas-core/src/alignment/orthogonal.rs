use burn::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Error, Result};

/// A rotation learned as `Q = base · exp(tril(P) − tril(P)ᵀ)`: `base` is a fixed orthogonal matrix and the
/// strictly lower triangle of `P` holds the parameters, so that every `P` gives an orthogonal `Q` and plain
/// gradient steps on `P` never leave the rotations (Lezcano-Casado & Martínez-Rubio, arXiv 1901.08428; the
/// parametrisation of Grant, arXiv 2501.06164).
#[derive(Debug, Clone)]
pub struct Orthogonal {
    base: Tensor<2>,
    parameters: Tensor<2>,
}

impl Orthogonal {
    /// A random rotation of `width` coordinates, uniform over the orthogonal group (Haar), drawn with `seed`.
    pub fn random(width: usize, seed: u64, device: &Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let gaussian = faer::Mat::<f64>::from_fn(width, width, |_, _| rng.sample(StandardNormal));
        let qr = gaussian.qr();
        let q = qr.compute_thin_Q();
        let r = qr.thin_R();
        // Householder QR fixes the signs of R, not of Q: undoing them makes the distribution uniform
        // (Mezzadri, arXiv math-ph/0609050).
        let values = (0..width)
            .flat_map(|row| (0..width).map(move |column| (row, column)))
            .map(|(row, column)| (q[(row, column)] * r[(column, column)].signum()) as f32)
            .collect();
        Self::around(Tensor::from_data(TensorData::new::<f32, _>(values, [width, width]), device))
    }

    /// The identity on `width` coordinates.
    pub fn identity(width: usize, device: &Device) -> Self {
        Self::around(Tensor::eye(width, device))
    }

    /// The rotation `base` with all parameters zero.
    fn around(base: Tensor<2>) -> Self {
        let parameters = base.zeros_like();
        Self { base, parameters }
    }

    /// From stored `base` and `parameters`, both `[width, width]`.
    ///
    /// # Errors
    /// Matrices that are not square or of unequal size, numbers that are not finite, or a `base` that is not
    /// orthogonal to 1e-3.
    pub fn from_parts(base: Tensor<2>, parameters: Tensor<2>) -> Result<Self> {
        let [rows, columns] = base.dims();
        if rows == 0 || rows != columns || parameters.dims() != [rows, columns] {
            return Err(Error::invalid(format!(
                "a rotation needs two square matrices of one size and at least one row, not {rows}×{columns} and {:?}",
                parameters.dims()
            )));
        }
        let gram = base.clone().transpose().matmul(base.clone());
        let error: f32 = (gram - Tensor::eye(rows, &base.device())).abs().max().into_scalar();
        let largest: f32 = parameters.clone().abs().sum().into_scalar();
        if error.is_nan() || error > 1e-3 || !largest.is_finite() {
            return Err(Error::NotFinite(format!(
                "the stored rotation is not one: its base is orthogonal to {error}, its parameters sum to {largest}"
            )));
        }
        Ok(Self { base, parameters })
    }

    /// Number of coordinates that it rotates.
    pub fn width(&self) -> usize {
        self.base.dims()[0]
    }

    /// The fixed part, `[width, width]`.
    pub fn base(&self) -> &Tensor<2> {
        &self.base
    }

    /// The learned part, `[width, width]`, of which the strictly lower triangle counts.
    pub fn parameters(&self) -> &Tensor<2> {
        &self.parameters
    }

    /// Replaces the learned part by `parameters`, `[width, width]`.
    pub(super) fn set_parameters(&mut self, parameters: Tensor<2>) {
        self.parameters = parameters;
    }

    /// The first `columns` columns of `Q`, `[width, columns]`, for `parameters` that may be tracked.
    pub(super) fn frame(&self, parameters: Tensor<2>, columns: usize) -> Tensor<2> {
        let lower = parameters.tril(-1);
        let exponential = matrix_exponential(lower.clone() - lower.transpose());
        let width = self.width();
        self.base.clone().matmul(exponential.slice([0..width, 0..columns]))
    }
}

/// `exp(a)` of a square matrix `[n, n]`, by scaling, a Taylor polynomial of degree 8 and squaring.
///
/// The scaling brings the 1-norm to at most ½, where the remainder (½⁹/9! ≈ 5e-9) is below f32 resolution
/// (Higham, *Functions of Matrices*, 2008, §10.3). Every step is a product, so the gradient is exact too.
pub fn matrix_exponential(a: Tensor<2>) -> Tensor<2> {
    let n = a.dims()[0];
    let norm: f32 = a.clone().inner().abs().sum_dim(0).max().into_scalar();
    // A norm that is not finite gives a result that is not finite, which the fit reports.
    let squarings = if norm.is_finite() && norm > 0.5 { (norm / 0.5).log2().ceil() as i32 } else { 0 };
    let a = a.mul_scalar(0.5_f32.powi(squarings));
    let identity = Tensor::eye(n, &a.device());
    let a2 = a.clone().matmul(a.clone());
    let a3 = a2.clone().matmul(a.clone());
    let a4 = a2.clone().matmul(a2.clone());
    let high =
        identity.clone() / 24.0 + a.clone() / 120.0 + a2.clone() / 720.0 + a3.clone() / 5040.0 + a4.clone() / 40320.0;
    let mut exponential = identity + a + a2 / 2.0 + a3 / 6.0 + a4.matmul(high);
    for _ in 0..squarings {
        exponential = exponential.clone().matmul(exponential);
    }
    exponential
}
