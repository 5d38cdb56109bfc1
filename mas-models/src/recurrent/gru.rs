use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::nonlinearity::{sigmoid, tanh};
use crate::packing::Packing;

/// Number of tensors that a step keeps for the way back.
pub(crate) const KEPT: usize = 3;

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

/// What comes of a way back through a gated recurrent unit.
pub(crate) struct GruGradients {
    /// The gradient of the state's weights, `[width, 3 · width]`.
    pub w_hh: Tensor<2>,
    /// The gradient of the state's biases, `[1, 3 · width]`.
    pub b_hh: Tensor<2>,
    /// The gradient of the input half of the gates, `[Σ active, 3 · width]`.
    pub input_gates: Tensor<2>,
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
        self.advance_keeping(state, input_gates).0
    }

    /// [`advance`](Self::advance), and what [`backward`](Self::backward) needs of it.
    pub(super) fn advance_keeping(&self, state: Tensor<2>, input_gates: Tensor<2>) -> (Tensor<2>, [Tensor<2>; KEPT]) {
        let width = state.dims()[1];
        let hidden_gates = state.clone().matmul(self.w_hh.val()) + self.b_hh.val();
        let reset_update =
            sigmoid(input_gates.clone().narrow(1, 0, 2 * width) + hidden_gates.clone().narrow(1, 0, 2 * width));
        let reset = reset_update.clone().narrow(1, 0, width);
        let update = reset_update.clone().narrow(1, width, width);
        let hidden_candidate = hidden_gates.narrow(1, 2 * width, width);
        let candidate = tanh(input_gates.narrow(1, 2 * width, width) + reset * hidden_candidate.clone());
        let after = candidate.clone() + update * (state - candidate.clone());
        (after, [reset_update, candidate, hidden_candidate])
    }

    /// Back-propagation through time over packed trials, by hand: for one step
    ///
    /// ```text
    /// dn = dh (1 − z) (1 − n²)      dr = dn (h W_hn + b_hn) r (1 − r)      dz = dh (h − n) z (1 − z)
    /// dh ← dh z + [dr, dz, dn r] W_hhᵀ
    /// ```
    ///
    /// All but `dh` is known before the way back begins, so it is done for all steps at once, as are the
    /// gradients of the weights after it; a step is left with one product and a few multiplications.
    ///
    /// - `before`: the state before each token, `[Σ active, width]`
    /// - `kept`: of [`advance_keeping`](Self::advance_keeping), `[Σ active, …]`
    /// - `d_states`: the loss's gradient with respect to each state but by way of later states, `[Σ active, width]`
    pub(crate) fn backward(
        &self,
        packing: &Packing,
        before: Tensor<2>,
        kept: [Tensor<2>; KEPT],
        d_states: Tensor<2>,
    ) -> GruGradients {
        let [rows, width] = before.dims();
        let [reset_update, candidate, hidden_candidate] = kept;
        let slopes: Tensor<2> = reset_update.clone() * (1.0 - reset_update.clone());
        let reset = reset_update.clone().narrow(1, 0, width);
        let update = reset_update.narrow(1, width, width);
        let by_candidate: Tensor<2> = (1.0 - update.clone()) * (1.0 - candidate.clone().square());
        let by_reset = by_candidate.clone() * hidden_candidate * slopes.clone().narrow(1, 0, width);
        let by_update = (before.clone() - candidate) * slopes.narrow(1, width, width);
        let by_hidden_candidate = by_candidate.clone() * reset;
        let factors = Tensor::cat(vec![by_reset, by_update, by_hidden_candidate], 1).reshape([rows, 3, width]);

        let w_hh = self.w_hh.val().transpose();
        let mut carried: Option<Tensor<2>> = None;
        let (mut d_totals, mut d_hidden_gates) = (Vec::new(), Vec::new());
        for step in (0..packing.time()).rev() {
            let (offset, active) = (packing.offset(step), packing.active(step));
            let mut d_state = d_states.clone().narrow(0, offset, active);
            if let Some(carried) = carried {
                let later = carried.dims()[0];
                d_state = match active - later {
                    0 => d_state + carried,
                    // Trials that end here have nothing carried.
                    _ => {
                        let going_on = d_state.clone().narrow(0, 0, later) + carried;
                        Tensor::cat(vec![going_on, d_state.narrow(0, later, active - later)], 0)
                    }
                };
            }
            let d_gates = d_state.clone().unsqueeze_dim::<3>(1) * factors.clone().narrow(0, offset, active);
            let d_gates = d_gates.reshape([active, 3 * width]);
            let through = d_gates.clone().matmul(w_hh.clone());
            carried = Some(through + d_state.clone() * update.clone().narrow(0, offset, active));
            d_totals.push(d_state);
            d_hidden_gates.push(d_gates);
        }
        d_totals.reverse();
        d_hidden_gates.reverse();
        let d_hidden_gates = Tensor::cat(d_hidden_gates, 0);
        let d_candidate = Tensor::cat(d_totals, 0) * by_candidate;
        GruGradients {
            w_hh: before.transpose().matmul(d_hidden_gates.clone()),
            b_hh: d_hidden_gates.clone().sum_dim(0),
            input_gates: Tensor::cat(vec![d_hidden_gates.narrow(1, 0, 2 * width), d_candidate], 1),
        }
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
