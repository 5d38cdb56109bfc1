//! One pass over a tensor of the CPU.

use burn::tensor::{DType, Tensor, TensorData};
use pulp::{Arch, Scalar, Simd, WithSimd};

use super::vector;
use crate::host;

/// A function of one number that has a derivative everywhere.
pub(super) trait Smooth: Copy {
    /// Its values and its derivatives.
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> (S::f32s, S::f32s);
}

#[derive(Clone, Copy)]
pub(super) struct Sigmoid;

#[derive(Clone, Copy)]
pub(super) struct Tanh;

#[derive(Clone, Copy)]
pub(super) struct Silu;

#[derive(Clone, Copy)]
pub(super) struct Gelu;

impl Smooth for Sigmoid {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
        let y = vector::sigmoid(simd, x);
        (y, simd.mul_f32s(y, simd.sub_f32s(simd.splat_f32s(1.0), y)))
    }
}

impl Smooth for Tanh {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
        let y = vector::tanh(simd, x);
        (y, simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(y, y)))
    }
}

impl Smooth for Silu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
        let one = simd.splat_f32s(1.0);
        let gate = vector::sigmoid(simd, x);
        let value = simd.mul_f32s(x, gate);
        // σ + x σ (1 − σ)
        (value, simd.mul_add_e_f32s(value, simd.sub_f32s(one, gate), gate))
    }
}

impl Smooth for Gelu {
    #[inline(always)]
    fn at<S: Simd>(self, simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
        vector::gelu(simd, x)
    }
}

/// `function` of every number; nothing for another device than the CPU, another type than f32, or a tensor that is
/// tracked.
pub(super) fn value<F: Smooth, const D: usize>(function: F, x: &Tensor<D>) -> Option<Tensor<D>> {
    let mut values = values(x)?;
    Arch::new().dispatch(Value { function, values: &mut values });
    Some(Tensor::from_data(TensorData::new(values, x.dims()), &x.device()))
}

/// `function` of every number and its derivative, where [`value`] gives one.
pub(super) fn value_and_slope<F: Smooth, const D: usize>(function: F, x: &Tensor<D>) -> Option<[Tensor<D>; 2]> {
    let mut values = values(x)?;
    let mut slopes = vec![0.0; values.len()];
    Arch::new().dispatch(ValueAndSlope { function, values: &mut values, slopes: &mut slopes });
    Some([values, slopes].map(|all| Tensor::from_data(TensorData::new(all, x.dims()), &x.device())))
}

fn values<const D: usize>(x: &Tensor<D>) -> Option<Vec<f32>> {
    let here = x.dtype() == DType::F32 && host::holds(&x.device());
    if here { x.clone().try_into_vec_as::<f32>().ok() } else { None }
}

/// Replaces `values`, at which the function is taken.
struct Value<'a, F> {
    function: F,
    values: &'a mut [f32],
}

impl<F: Smooth> WithSimd for Value<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, rest) = S::as_mut_simd_f32s(self.values);
        for value in values {
            *value = self.function.at(simd, *value).0;
        }
        for value in rest {
            *value = self.function.at(Scalar, *value).0;
        }
    }
}

/// Replaces `values`, at which the function is taken, and sets as many `slopes`.
struct ValueAndSlope<'a, F> {
    function: F,
    values: &'a mut [f32],
    slopes: &'a mut [f32],
}

impl<F: Smooth> WithSimd for ValueAndSlope<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, values_rest) = S::as_mut_simd_f32s(self.values);
        let (slopes, slopes_rest) = S::as_mut_simd_f32s(self.slopes);
        for (value, slope) in values.iter_mut().zip(slopes) {
            (*value, *slope) = self.function.at(simd, *value);
        }
        for (value, slope) in values_rest.iter_mut().zip(slopes_rest) {
            (*value, *slope) = self.function.at(Scalar, *value);
        }
    }
}
