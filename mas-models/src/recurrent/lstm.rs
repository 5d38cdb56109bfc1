use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::nonlinearity::{sigmoid, tanh};

/// A long short-term memory with PyTorch's equations and gate order (input, forget, candidate, output):
///
/// ```text
/// i = σ(x W_ii + b_ii + h W_hi + b_hi)      f = σ(x W_if + b_if + h W_hf + b_hf)
/// g = tanh(x W_ig + b_ig + h W_hg + b_hg)   o = σ(x W_io + b_io + h W_ho + b_ho)
/// c' = f ⊙ c + i ⊙ g                        h' = o ⊙ tanh(c')
/// ```
///
/// Its state is `[h ; c]`, of which the layer above and the read-out see `h` only.
///
/// Hochreiter & Schmidhuber 1997, *Long short-term memory*; the forget gate is that of Gers et al. 2000.
#[derive(Module, Debug)]
pub struct Lstm {
    pub(super) w_ih: Param<Tensor<2>>,
    pub(super) w_hh: Param<Tensor<2>>,
    pub(super) b_ih: Param<Tensor<2>>,
    pub(super) b_hh: Param<Tensor<2>>,
}

impl Lstm {
    /// The state after an input whose half of the gates is `input_gates`.
    ///
    /// - `state`: `[row, 2 · cell width]`
    /// - `input_gates`: `[row, 4 · cell width]`
    /// - returns: `[row, 2 · cell width]`
    pub fn advance(&self, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        let width = state.dims()[1] / 2;
        let memory = state.clone().narrow(1, width, width);
        let gates = input_gates + self.output(state).matmul(self.w_hh.val()) + self.b_hh.val();
        let [input, forget, candidate, output] = [0, 1, 2, 3].map(|at| gates.clone().narrow(1, at * width, width));
        let memory = sigmoid(forget) * memory + sigmoid(input) * tanh(candidate);
        let hidden = sigmoid(output) * tanh(memory.clone());
        Tensor::cat(vec![hidden, memory], 1)
    }

    /// What the layer above or the read-out sees of a state: `h`.
    ///
    /// - `state`: `[row, 2 · cell width]`
    /// - returns: `[row, cell width]`
    pub fn output(&self, state: Tensor<2>) -> Tensor<2> {
        let width = state.dims()[1] / 2;
        state.narrow(1, 0, width)
    }
}
