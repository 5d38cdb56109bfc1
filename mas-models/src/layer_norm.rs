use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::Result;
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// Added to the variance, as in PyTorch.
const EPSILON: f64 = 1e-5;

/// Layer norm: `(x − mean) / √(variance + 1e-5) ⊙ scale + shift`, mean and (biased) variance over the width. Ba, Kiros &
/// Hinton 2016 (arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    scale: Param<Tensor<2>>,
    shift: Param<Tensor<2>>,
}

impl LayerNorm {
    /// - `x`: `[row, width]`
    /// - returns: `[row, width]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let centred = x.clone() - x.mean_dim(1);
        let deviation = centred.clone().square().mean_dim(1).add_scalar(EPSILON).sqrt();
        centred / deviation * self.scale.val() + self.shift.val()
    }

    /// The parameters in the order of [`specs`](Self::specs).
    pub(crate) fn parameters(&self) -> [&Param<Tensor<2>>; 2] {
        [&self.scale, &self.shift]
    }

    pub(crate) fn from_parameters(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { scale: parameters.next()?, shift: parameters.next()? })
    }

    /// What it is made of.
    pub(crate) fn specs(width: usize) -> [ParameterSpec; 2] {
        [ParameterSpec::vector("scale", width, Initial::Ones), ParameterSpec::vector("shift", width, Initial::Zeros)]
    }
}
