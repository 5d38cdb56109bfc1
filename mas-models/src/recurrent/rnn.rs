use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::nonlinearity::tanh;

/// A plain recurrent layer: `h' = tanh(x W_ih + b_ih + h W_hh + b_hh)`, as `torch.nn.RNNCell`.
///
/// Elman 1990, *Finding structure in time*.
#[derive(Module, Debug)]
pub struct Rnn {
    pub(super) w_ih: Param<Tensor<2>>,
    pub(super) w_hh: Param<Tensor<2>>,
    pub(super) b_ih: Param<Tensor<2>>,
    pub(super) b_hh: Param<Tensor<2>>,
}

impl Rnn {
    /// The state after an input whose part of the sum is `input_gates`.
    ///
    /// - `state`: `[row, width]`
    /// - `input_gates`: `[row, width]`
    /// - returns: `[row, width]`
    pub fn advance(&self, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        tanh(input_gates + state.matmul(self.w_hh.val()) + self.b_hh.val())
    }
}
