use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::Result;
use crate::parameters::Parameters;

/// `x W + b`, with `W` of shape `[in, out]`.
#[derive(Module, Debug)]
pub(super) struct Linear {
    w: Param<Tensor<2>>,
    b: Param<Tensor<2>>,
}

impl Linear {
    /// - `x`: `[vector, in]`
    /// - returns: `[vector, out]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.w.val()) + self.b.val()
    }

    pub fn parameters(&self) -> [&Param<Tensor<2>>; 2] {
        [&self.w, &self.b]
    }

    pub fn from_parameters(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { w: parameters.next()?, b: parameters.next()? })
    }
}
