use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};

/// A gated recurrent unit with PyTorch's equations and gate order (reset, update, candidate):
///
/// ```text
/// r = σ(x W_ir + b_ir + h W_hr + b_hr)
/// z = σ(x W_iz + b_iz + h W_hz + b_hz)
/// n = tanh(x W_in + b_in + r ⊙ (h W_hn + b_hn))
/// h' = (1 − z) ⊙ n + z ⊙ h
/// ```
///
/// The three gates share one matrix, so that a step is one product for the hidden half; the input half
/// comes in as a tensor, [`Gru::input_gates`] of a whole batch or rows of a table of all tokens.
///
/// Cho et al. 2014, *Learning phrase representations using RNN encoder–decoder* (arXiv 1406.1078).
#[derive(Module, Debug)]
pub struct Gru {
    pub(super) w_ih: Param<Tensor<2>>,
    pub(super) w_hh: Param<Tensor<2>>,
    pub(super) b_ih: Param<Tensor<2>>,
    pub(super) b_hh: Param<Tensor<2>>,
}

impl Gru {
    /// The input half of the gates.
    ///
    /// - `input`: `[row, input width]`
    /// - returns: `[row, 3 · width]`
    pub fn input_gates(&self, input: Tensor<2>) -> Tensor<2> {
        input.matmul(self.w_ih.val()) + self.b_ih.val()
    }

    /// The state after an input whose half of the gates is `input_gates`.
    ///
    /// - `state`: `[row, width]`
    /// - `input_gates`: `[row, 3 · width]`
    /// - returns: `[row, width]`
    pub fn advance(&self, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        let width = state.dims()[1];
        let hidden_gates = state.clone().matmul(self.w_hh.val()) + self.b_hh.val();
        let reset_update = activation::sigmoid(
            input_gates.clone().narrow(1, 0, 2 * width) + hidden_gates.clone().narrow(1, 0, 2 * width),
        );
        let reset = reset_update.clone().narrow(1, 0, width);
        let update = reset_update.narrow(1, width, width);
        let candidate =
            (input_gates.narrow(1, 2 * width, width) + reset * hidden_gates.narrow(1, 2 * width, width)).tanh();
        candidate.clone() + update * (state - candidate)
    }

    /// The weights of the input, `[input width, 3 · width]`.
    pub fn w_ih(&self) -> Tensor<2> {
        self.w_ih.val()
    }

    /// The weights of the state, `[width, 3 · width]`.
    pub fn w_hh(&self) -> Tensor<2> {
        self.w_hh.val()
    }

    /// The biases that go with the input, `[1, 3 · width]`.
    pub fn b_ih(&self) -> Tensor<2> {
        self.b_ih.val()
    }

    /// The biases that go with the state, `[1, 3 · width]`.
    pub fn b_hh(&self) -> Tensor<2> {
        self.b_hh.val()
    }
}
