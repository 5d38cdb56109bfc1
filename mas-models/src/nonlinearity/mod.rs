//! Sigmoid, tanh, SiLU and exact GELU: on the CPU in one pass over whole vector registers, elsewhere by Burn.
//!
//! Burn's CPU backend computes them one number at a time by the mathematical library, and the error function, without
//! which there is no exact GELU, is a tenth of a training's time there.

mod pass;
pub(crate) mod vector;

use burn::tensor::{Tensor, activation};

use pass::{Gelu, Sigmoid, Silu, Smooth, Tanh, value, value_and_slope};

/// `1 / (1 + e⁻ˣ)`.
pub(crate) fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_registers(Sigmoid, &x).unwrap_or_else(|| activation::sigmoid(x))
}

/// The hyperbolic tangent.
pub(crate) fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_registers(Tanh, &x).unwrap_or_else(|| x.tanh())
}

/// `x / (1 + e⁻ˣ)`. Hendrycks & Gimpel 2016 (arXiv 1606.08415), there SiLU; also swish.
pub(crate) fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    on_registers(Silu, &x).unwrap_or_else(|| activation::silu(x))
}

/// `x Φ(x)` with the error function, not the tanh approximation. Hendrycks & Gimpel 2016 (arXiv 1606.08415).
///
/// Where a gradient is recorded Burn's is spelled out, because on GPU backends Burn's own `gelu` has the gradient of the
/// tanh approximation.
pub(crate) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let by_burn = |x: Tensor<D>| if x.is_autodiff() { x.clone() * normal_cdf(x) } else { activation::gelu(x) };
    on_registers(Gelu, &x).unwrap_or_else(|| by_burn(x))
}

/// [`gelu`] and its derivative `Φ(x) + x φ(x)`, neither tracked.
pub(crate) fn gelu_and_slope<const D: usize>(x: Tensor<D>) -> [Tensor<D>; 2] {
    value_and_slope(Gelu, &x).unwrap_or_else(|| {
        let below = normal_cdf(x.clone());
        let scale = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
        let density = x.clone().square().mul_scalar(-0.5).exp().mul_scalar(scale);
        [x.clone() * below.clone(), below + x * density]
    })
}

/// `Φ(x)`, the standard normal distribution function.
fn normal_cdf<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0).mul_scalar(0.5)
}

/// A function of every number by [`vector`]; nothing where that cannot be.
fn on_registers<F: Smooth, const D: usize>(function: F, x: &Tensor<D>) -> Option<Tensor<D>> {
    if !x.is_autodiff() {
        return value(function, x);
    }
    let at = x.clone().inner();
    let [value, slope] = value_and_slope(function, &at)?.map(Tensor::from_inner);
    // The tangent where it touches: its value is the function's, and so is its gradient.
    Some((x.clone() - Tensor::from_inner(at)) * slope + value)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device};

    use super::*;

    type Function = fn(Tensor<2>) -> Tensor<2>;

    /// What is tested, and the same by Burn.
    const FUNCTIONS: [(&str, Function, Function); 4] = [
        ("sigmoid", sigmoid, activation::sigmoid),
        ("tanh", tanh, Tensor::tanh),
        ("silu", silu, |x| x.clone() / (x.neg().exp() + 1.0)),
        ("gelu", gelu, |x| x.clone() * normal_cdf(x)),
    ];

    /// Neither a multiple of a register nor laid out in its order.
    fn numbers(device: &Device) -> Tensor<2> {
        let values: Vec<f32> = (0..7 * 19).map(|at| (at as f32 - 60.0) * 0.13).collect();
        Tensor::<1>::from_floats(&values[..], device).reshape([7, 19]).transpose()
    }

    fn differ(a: Tensor<2>, b: Tensor<2>) -> f32 {
        assert_eq!(a.dims(), b.dims());
        (a - b).abs().max().into_scalar::<f32>()
    }

    #[test]
    fn values_and_gradients_are_those_of_burn() {
        let device = Device::flex();
        let weights = numbers(&device).mul_scalar(0.1).cos();
        for (name, ours, burns) in FUNCTIONS {
            assert!(differ(ours(numbers(&device)), burns(numbers(&device))) < 2e-6, "{name}");
            let gradient = |function: Function| {
                let x = Tensor::from_inner(numbers(&device)).require_grad();
                let value = function(x.clone());
                let mut gradients = (value.clone() * Tensor::from_inner(weights.clone())).sum().backward();
                [value.inner(), x.grad_remove(&mut gradients).unwrap()]
            };
            for (ours, burns) in gradient(ours).into_iter().zip(gradient(burns)) {
                assert!(differ(ours, burns) < 2e-6, "{name}, tracked");
            }
        }
        let [value, slope] = gelu_and_slope(numbers(&device));
        assert!(differ(value, gelu(numbers(&device))) == 0.0);
        let h = 0.01;
        let around = |by: f64| activation::gelu(numbers(&device).cast(DType::F64).add_scalar(by));
        let difference = (around(h) - around(-h)).div_scalar(2.0 * h).cast(DType::F32);
        assert!(differ(slope, difference) < 1e-4);
    }

    #[test]
    fn other_types_stay_what_they_are() {
        for (name, ours, burns) in FUNCTIONS {
            for dtype in [DType::F64, DType::BF16] {
                let x = numbers(&Device::flex()).cast(dtype);
                let value = ours(x.clone());
                assert_eq!(value.dtype(), dtype, "{name}");
                let tolerance = if dtype == DType::F64 { 1e-7 } else { 0.1 };
                let difference = differ(value.cast(DType::F32), burns(x).cast(DType::F32));
                assert!(difference < tolerance, "{name}: {difference}");
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_so_and_nothing_stays_nothing() {
        let device = Device::flex();
        for (name, ours, _) in FUNCTIONS {
            let found = ours(Tensor::from_floats([[f32::NAN, 0.5]], &device)).try_into_vec_as::<f32>().unwrap();
            assert!(found[0].is_nan() && found[1].is_finite(), "{name}");
            assert_eq!(ours(Tensor::zeros([0, 3], &device)).dims(), [0, 3]);
        }
    }
}
