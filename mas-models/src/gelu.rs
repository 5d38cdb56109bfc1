//! Exact GELU. Hendrycks & Gimpel 2016 (arXiv 1606.08415).

use burn::tensor::{Tensor, activation};

/// `x Φ(x)` with the error function, not the tanh approximation.
///
/// Where a gradient is recorded it is spelled out, because on GPU backends Burn's own `gelu` has the
/// gradient of the tanh approximation; elsewhere Burn's single pass is the faster one.
///
/// - `x`: any shape
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.is_autodiff() { x.clone() * normal_cdf(x) } else { activation::gelu(x) }
}

/// `Φ(x)`, the standard normal distribution function.
///
/// - `x`: any shape
pub(crate) fn normal_cdf<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5)
}

/// `φ(x)`, the standard normal density.
///
/// - `x`: any shape
pub(crate) fn normal_density<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let scale = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    x.square().mul_scalar(-0.5).exp().mul_scalar(scale)
}
