use burn::prelude::*;

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
