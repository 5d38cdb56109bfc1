use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::packing::Packing;
use super::{CellKind, Gru};
use crate::{Error, Result};

/// One recurrent layer. Its state is one matrix, `[row, state width]`, whatever the cell keeps in it.
#[derive(Module, Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)]
pub enum Cell {
    /// A gated recurrent unit.
    Gru(Gru),
}

impl Cell {
    /// Which kind this is.
    pub fn kind(&self) -> CellKind {
        match self {
            Self::Gru(_) => CellKind::Gru,
        }
    }

    /// Width of the state: what an interchange reads and writes.
    pub fn state_width(&self) -> usize {
        match self {
            Self::Gru(cell) => cell.w_hh.val().dims()[0],
        }
    }

    /// The input half of the gates, which does not depend on the state.
    ///
    /// - `input`: `[row, input width]`
    /// - returns: `[row, gates]`
    pub fn input_gates(&self, input: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gru(cell) => cell.input_gates(input),
        }
    }

    /// The state after an input whose half of the gates is `input_gates`.
    ///
    /// - `state`: `[row, state width]`
    /// - `input_gates`: `[row, gates]`
    /// - returns: `[row, state width]`
    pub fn advance(&self, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gru(cell) => cell.advance(state, input_gates),
        }
    }

    /// [`advance`](Self::advance), and what [`backward`](Self::backward) needs of it.
    pub(super) fn advance_keeping(&self, state: Tensor<2>, input_gates: Tensor<2>) -> (Tensor<2>, Vec<Tensor<2>>) {
        match self {
            Self::Gru(cell) => {
                let (state, kept) = cell.advance_keeping(state, input_gates);
                (state, kept.into())
            }
        }
    }

    /// Back-propagation through time over packed trials.
    ///
    /// - `states`: after each token, `[Σ active, state width]`
    /// - `kept`: of [`advance_keeping`](Self::advance_keeping), `[Σ active, …]`
    /// - `d_outputs`: the loss's gradient with respect to what the layer above or the read-out sees,
    ///   `[Σ active, width]`
    pub(crate) fn backward(
        &self,
        packing: &Packing,
        states: Tensor<2>,
        kept: Vec<Tensor<2>>,
        d_outputs: Tensor<2>,
    ) -> Result<CellGradients> {
        let before = packing.earlier(states);
        match self {
            Self::Gru(cell) => match kept.try_into() {
                Ok(kept) => Ok(cell.backward(packing, before, kept, d_outputs)),
                Err(_) => Err(Error::invalid("a pass through a GRU was not recorded")),
            },
        }
    }

    /// The parameters' gradients, in the order of [`cell_parameters`].
    ///
    /// - `d_w_ih`, `d_b_ih`: those of the input half
    pub(crate) fn gradients(&self, d_w_ih: Tensor<2>, d_b_ih: Tensor<2>, cell: CellGradients) -> Vec<Tensor<2>> {
        match self {
            Self::Gru(_) => vec![d_w_ih, cell.w_hh, d_b_ih, cell.b_hh],
        }
    }

    /// The weights of the input, `[input width, gates]`.
    pub fn w_ih(&self) -> Tensor<2> {
        match self {
            Self::Gru(cell) => cell.w_ih(),
        }
    }

    /// The part of the state that the next layer or the read-out sees.
    ///
    /// - `state`: `[row, state width]`
    /// - returns: `[row, width]`
    pub fn output(&self, state: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gru(_) => state,
        }
    }

    /// The parameters in the order of [`cell_parameters`].
    pub(super) fn parameters(&self) -> Vec<&Param<Tensor<2>>> {
        match self {
            Self::Gru(Gru { w_ih, w_hh, b_ih, b_hh }) => vec![w_ih, w_hh, b_ih, b_hh],
        }
    }

    /// A cell from its parameters in the order of [`cell_parameters`].
    pub(super) fn from_parameters(kind: CellKind, parameters: &mut impl Iterator<Item = Tensor<2>>) -> Option<Self> {
        let mut next = || parameters.next().map(Param::from_tensor);
        Some(match kind {
            CellKind::Gru => Self::Gru(Gru { w_ih: next()?, w_hh: next()?, b_ih: next()?, b_hh: next()? }),
        })
    }
}

/// What comes of a way back through a cell.
pub(crate) struct CellGradients {
    /// The gradient of the state's weights, `[width, gates]`.
    pub w_hh: Tensor<2>,
    /// The gradient of the state's biases, `[1, gates]`.
    pub b_hh: Tensor<2>,
    /// The gradient of the input half of the gates, `[Σ active, gates]`.
    pub input_gates: Tensor<2>,
}

/// Names and shapes of the parameters of one layer of `width`.
pub(super) fn cell_parameters(kind: CellKind, width: usize) -> Vec<(&'static str, [usize; 2])> {
    match kind {
        CellKind::Gru => vec![
            ("w_ih", [width, 3 * width]),
            ("w_hh", [width, 3 * width]),
            ("b_ih", [1, 3 * width]),
            ("b_hh", [1, 3 * width]),
        ],
    }
}
