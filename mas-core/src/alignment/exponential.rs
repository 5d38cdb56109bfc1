use burn::prelude::*;

/// `exp(a)` of a square matrix `[n, n]`, by scaling, a Taylor polynomial of degree 12 and squaring.
///
/// The polynomial is evaluated in powers of a⁴ (Paterson and Stockmeyer, SIAM J. Comput. 2, 1973). The scaling brings
/// α = max(‖a²‖^½, ‖a³‖^⅓) to at most 1.5; ‖aʲ‖ ≤ αʲ for all j ≥ 2 (Al-Mohy and Higham, SIAM J. Matrix Anal. Appl. 31,
/// 2009), so that the remainder (1.5¹³/13! ≈ 3e-8) is below f32 resolution. For skew-symmetric matrices α is far below
/// the norm, which saves squarings. Every step is a product, so the gradient is that of the value computed.
pub fn matrix_exponential(a: Tensor<2>) -> Tensor<2> {
    let (mut exponential, squarings) = root_of_exponential(a);
    for _ in 0..squarings {
        exponential = exponential.clone().matmul(exponential);
    }
    exponential
}

/// The first `columns` columns of [`matrix_exponential`] of a skew-symmetric matrix, `[n, columns]`: the last squaring, and
/// the way back through it, are of these alone.
///
/// Every squaring doubles the rounding error. After more than five the columns X are made orthonormal again by a step of
/// Newton and Schulz, `X + X (I − XᵀX)/2` (Björck and Bowie, SIAM J. Numer. Anal. 8, 1971), which squares what they lack.
pub(super) fn exponential_columns(a: Tensor<2>, columns: usize) -> Tensor<2> {
    let n = a.dims()[0];
    let (mut root, squarings) = root_of_exponential(a);
    for _ in 1..squarings {
        root = root.clone().matmul(root);
    }
    let first = root.clone().slice([0..n, 0..columns]);
    let exponential = if squarings == 0 { first } else { root.matmul(first) };
    if squarings <= FEW {
        return exponential;
    }
    let gram = exponential.clone().transpose().matmul(exponential.clone());
    let lacks = Tensor::eye(columns, &gram.device()) - gram;
    exponential.clone() + exponential.matmul(lacks) * 0.5
}

/// Squarings after which the rounding error is still far below 1e-5.
const FEW: i32 = 5;

/// `exp(a / 2ˢ)`, and s.
fn root_of_exponential(a: Tensor<2>) -> (Tensor<2>, i32) {
    let n = a.dims()[0];
    let norm = |power: &Tensor<2>| power.clone().inner().abs().sum_dim(0).max().into_scalar::<f32>();
    let a2 = a.clone().matmul(a.clone());
    let a3 = a2.clone().matmul(a.clone());
    let alpha = norm(&a2).sqrt().max(norm(&a3).cbrt());
    // A norm that is not finite gives a result that is not finite, which the fit reports.
    let squarings = if alpha.is_finite() && alpha > 1.5 { (alpha / 1.5).log2().ceil() as i32 } else { 0 };
    let scale = 0.5_f32.powi(squarings);
    let (a, a2, a3) = (a * scale, a2 * scale.powi(2), a3 * scale.powi(3));
    let a4 = a2.clone().matmul(a2.clone());
    let identity = Tensor::eye(n, &a.device());
    // Σ aʲ / (from + j)! for j in 0..4
    let four = |from: u32| {
        let [c0, c1, c2, c3] = [0, 1, 2, 3].map(|j| 1.0 / (1..=from + j).map(f64::from).product::<f64>());
        identity.clone() * c0 + a.clone() * c1 + a2.clone() * c2 + a3.clone() * c3
    };
    let last = four(8) + a4.clone() / (1..=12).map(f64::from).product::<f64>();
    let root = four(0) + a4.clone().matmul(four(4) + a4.matmul(last));
    (root, squarings)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient of the whole exponential is tested against finite differences; this against that.
    #[test]
    fn some_columns_are_those_of_the_whole_and_so_is_their_gradient() {
        let (n, device) = (9, Device::flex());
        let wave = |size: f32, speed: f32| {
            let values: Vec<f32> = (0..n * n).map(|index| (index as f32 * speed).sin() * size).collect();
            Tensor::<2>::from_data(TensorData::new(values, [n, n]), &device)
        };
        for size in [0.0, 0.05, 0.4, 1.5] {
            let parameters = wave(size, 0.7);
            for columns in [1, 4, n] {
                let weights = wave(1.0, 1.3).slice([0..n, 0..columns]);
                let results = [false, true].map(|whole| {
                    let leaf = parameters.clone().autodiff().require_grad();
                    let skew = leaf.clone() - leaf.clone().transpose();
                    let value = match whole {
                        true => matrix_exponential(skew).slice([0..n, 0..columns]),
                        false => exponential_columns(skew, columns),
                    };
                    let gradients = (value.clone() * Tensor::from_inner(weights.clone())).sum().backward();
                    (value.inner(), leaf.grad(&gradients).unwrap())
                });
                let [(value, gradient), (expected, expected_gradient)] = results;
                for (ours, expected) in [(value, expected), (gradient, expected_gradient)] {
                    let error: f32 = (ours - expected.clone()).abs().max().into_scalar();
                    let largest: f32 = expected.abs().max().into_scalar();
                    assert!(error < 1e-5 * largest.max(1.0), "size {size}, {columns} columns: {error}");
                }
            }
        }
    }
}
