use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::gelu::gelu;

/// The read-out: `Linear(d, 4d) → exact GELU → dropout (in training) → Linear(4d, vocabulary)`.
#[derive(Module, Debug)]
pub struct ReadOut {
    pub(super) w_in: Param<Tensor<2>>,
    pub(super) b_in: Param<Tensor<2>>,
    pub(super) w_out: Param<Tensor<2>>,
    pub(super) b_out: Param<Tensor<2>>,
}

impl ReadOut {
    /// Logits of the next token, without dropout.
    ///
    /// - `hidden`: `[row, width]`
    /// - returns: `[row, vocabulary]`
    pub fn forward(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.forward_dropped(hidden, None)
    }

    /// Logits of the next token, the hidden units multiplied by `dropout` (0 where dropped, else
    /// 1 / (1 − p)) where one is given.
    ///
    /// - `hidden`: `[row, width]`
    /// - `dropout`: `[row, 4 · width]`
    /// - returns: `[row, vocabulary]`
    pub(crate) fn forward_dropped(&self, hidden: Tensor<2>, dropout: Option<Tensor<2>>) -> Tensor<2> {
        let units = gelu(hidden.matmul(self.w_in.val()) + self.b_in.val());
        let units = match dropout {
            Some(factors) => units * factors,
            None => units,
        };
        units.matmul(self.w_out.val()) + self.b_out.val()
    }

    /// The weights of the first layer, `[width, 4 · width]`.
    pub fn w_in(&self) -> Tensor<2> {
        self.w_in.val()
    }

    /// The biases of the first layer, `[1, 4 · width]`.
    pub fn b_in(&self) -> Tensor<2> {
        self.b_in.val()
    }

    /// The weights of the second layer, `[4 · width, vocabulary]`.
    pub fn w_out(&self) -> Tensor<2> {
        self.w_out.val()
    }

    /// The biases of the second layer, `[1, vocabulary]`.
    pub fn b_out(&self) -> Tensor<2> {
        self.b_out.val()
    }

    /// The parameters in the order of [`read_out_parameters`].
    pub(super) fn parameters(&self) -> Vec<&Param<Tensor<2>>> {
        vec![&self.w_in, &self.b_in, &self.w_out, &self.b_out]
    }

    /// A read-out from its parameters in the order of [`read_out_parameters`].
    pub(super) fn from_parameters(parameters: &mut impl Iterator<Item = Tensor<2>>) -> Option<Self> {
        let mut next = || parameters.next().map(Param::from_tensor);
        Some(Self { w_in: next()?, b_in: next()?, w_out: next()?, b_out: next()? })
    }
}

/// Names and shapes of the read-out's parameters.
pub(super) fn read_out_parameters(width: usize, vocabulary: usize) -> Vec<(&'static str, [usize; 2])> {
    vec![
        ("w_in", [width, 4 * width]),
        ("b_in", [1, 4 * width]),
        ("w_out", [4 * width, vocabulary]),
        ("b_out", [1, vocabulary]),
    ]
}
