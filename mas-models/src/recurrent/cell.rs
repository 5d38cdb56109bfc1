use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::{CellKind, Gru};

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
