use burn::tensor::{DType, Device, Tensor, TensorData, bf16, f16};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The type in which a language model's weights are kept. Activity is of 32 bits always: a narrower weight is widened
/// where it is used, so that narrow weights halve the memory and cost no more than their own rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// IEEE half precision: 5 bits of exponent, 10 of fraction.
    F16,
    /// The upper half of 32 bits: 8 bits of exponent, 7 of fraction.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// The id on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.id() == id).ok_or_else(|| {
            let known = Self::ALL.map(Self::id).join(", ");
            Error::invalid(format!("there is no precision `{id}`; there are {known}"))
        })
    }
}

/// Numbers of one precision that a tensor is filled with, piece by piece.
pub(super) enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

impl Values {
    /// Room for `count` numbers.
    pub fn with_capacity(precision: Precision, count: usize) -> Self {
        match precision {
            Precision::F32 => Self::F32(Vec::with_capacity(count)),
            Precision::F16 => Self::F16(Vec::with_capacity(count)),
            Precision::Bf16 => Self::Bf16(Vec::with_capacity(count)),
        }
    }

    /// Adds numbers, rounded. One that is not finite in this precision is handed back.
    pub fn extend(&mut self, numbers: &[f32]) -> std::result::Result<(), f32> {
        let mut strange = None;
        let mut checked = |number: f32, finite: bool| {
            if !finite {
                strange.get_or_insert(number);
            }
        };
        match self {
            Self::F32(values) => {
                numbers.iter().for_each(|&number| checked(number, number.is_finite()));
                values.extend_from_slice(numbers);
            }
            Self::F16(values) => values.extend(numbers.iter().map(|&number| {
                let value = f16::from_f32(number);
                checked(number, value.is_finite());
                value
            })),
            Self::Bf16(values) => values.extend(numbers.iter().map(|&number| {
                let value = bf16::from_f32(number);
                checked(number, value.is_finite());
                value
            })),
        }
        strange.map_or(Ok(()), Err)
    }

    /// A tensor of them.
    ///
    /// - `shape`: of as many numbers as there are
    pub fn into_tensor(self, shape: [usize; 2], device: &Device) -> Tensor<2> {
        let (data, dtype) = match self {
            Self::F32(values) => (TensorData::new(values, shape), DType::F32),
            Self::F16(values) => (TensorData::new(values, shape), DType::F16),
            Self::Bf16(values) => (TensorData::new(values, shape), DType::BF16),
        };
        Tensor::from_data(data, (device, dtype))
    }
}

/// The numbers of a narrow weight that are widened at once.
const WIDENED: usize = 1 << 24;

/// `x Wᵀ`. A narrow weight is widened some rows at a time: the read-out of a large vocabulary alone would else take a
/// quarter as much memory again as a model of 1.8 billion parameters has. Where a gradient of `x` is wanted, all parts are
/// kept for it.
///
/// - `x`: `[vector, in]`
/// - `weight`: `[out, in]`
/// - returns: `[vector, out]`
pub(super) fn times(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    if weight.is_require_grad() { with_gradient(x, weight) } else { in_parts(x, weight, WIDENED) }
}

/// [`times`] where the gradient of the weight is wanted. It comes out row by row, as the weight lies in memory; from the
/// product as it stands it would come out column by column, and whatever it is added to or steps would be gone through
/// that way, which costs a fine-tuning on the CPU a sixth of its time.
fn with_gradient(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let ([vectors, _], [outputs, _]) = (x.dims(), weight.dims());
    let product = weight.matmul(x.transpose()).transpose();
    // What comes next goes through this one row by row.
    product.reshape([vectors * outputs]).reshape([vectors, outputs])
}

fn in_parts(x: Tensor<2>, weight: Tensor<2>, at_once: usize) -> Tensor<2> {
    let [outputs, inputs] = weight.dims();
    let rows = (at_once / inputs.max(1)).max(1);
    if weight.dtype() == x.dtype() || outputs <= rows {
        let weight = widened(weight, &x);
        return x.matmul(weight.transpose());
    }
    let part = |first: usize| {
        let weight = weight.clone().narrow(0, first, rows.min(outputs - first));
        x.clone().matmul(widened(weight, &x).transpose())
    };
    Tensor::cat((0..outputs).step_by(rows).map(part).collect(), 1)
}

/// A weight as activity meets it: of the precision of `x`.
pub(super) fn widened(weight: Tensor<2>, x: &Tensor<2>) -> Tensor<2> {
    if weight.dtype() == x.dtype() { weight } else { weight.cast(x.dtype()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_weight_multiplies_the_same_in_parts() {
        let device = Device::flex();
        let x = Tensor::<2>::from_data([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]], &device);
        let numbers: Vec<f32> = (0..21).map(|at| (at * 5 % 7) as f32 * 0.37 - 1.0).collect();
        let weight = Tensor::<2>::from_data(TensorData::new(numbers, [7, 3]), &device);
        let values = |x: Tensor<2>| x.try_into_vec_as::<f32>().unwrap();
        for narrow in [DType::BF16, DType::F16] {
            let weight = weight.clone().cast(narrow);
            let whole = values(x.clone().matmul(weight.clone().cast(DType::F32).transpose()));
            // Three parts of two rows and one of one; one part; a row in each.
            for at_once in [6, 21, 1] {
                assert_eq!(values(in_parts(x.clone(), weight.clone(), at_once)), whole, "{narrow:?}, {at_once}");
            }
        }
        let product = values(x.clone().matmul(weight.clone().transpose()));
        assert_eq!(values(times(x.clone(), weight.clone())), product);

        // And so does one that learns, with the gradient of the plain product.
        let learning = || weight.clone().autodiff().require_grad();
        let (ours, plain) = (learning(), learning());
        let tracked = x.autodiff().require_grad();
        let by_ours = times(tracked.clone(), ours.clone());
        assert_eq!(values(by_ours.clone().inner()), product);
        let by_plain = tracked.clone().matmul(plain.clone().transpose());
        let slope = Tensor::<2>::from_data([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [0.5; 7]], &tracked.device());
        let gradients = |product: Tensor<2>, of: &Tensor<2>| {
            let gradients = (product * slope.clone()).sum().backward();
            [of, &tracked].map(|one| values(one.grad(&gradients).unwrap()))
        };
        assert_eq!(gradients(by_ours, &ours), gradients(by_plain, &plain));
    }
}
