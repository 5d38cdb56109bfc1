use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::{CellKind, Gru, Lstm, Rnn};
use crate::Result;
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// One recurrent layer. Its state is one matrix, `[row, state width]`, whatever the cell keeps in it.
#[derive(Module, Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)]
pub enum Cell {
    /// A gated recurrent unit.
    Gru(Gru),
    /// A long short-term memory; its state is `[h ; c]`.
    Lstm(Lstm),
    /// A plain recurrent layer.
    Rnn(Rnn),
}

impl Cell {
    /// Which kind this is.
    pub fn kind(&self) -> CellKind {
        match self {
            Self::Gru(_) => CellKind::Gru,
            Self::Lstm(_) => CellKind::Lstm,
            Self::Rnn(_) => CellKind::Rnn,
        }
    }

    /// Width of the state: what an interchange reads and writes.
    pub fn state_width(&self) -> usize {
        let [.., w_hh, _, _] = self.parameters();
        let output = w_hh.val().dims()[0];
        if let Self::Lstm(_) = self { 2 * output } else { output }
    }

    /// The input half of the gates, which does not depend on the state.
    ///
    /// - `input`: `[row, input width]`
    /// - returns: `[row, gates]`
    pub fn input_gates(&self, input: Tensor<2>) -> Tensor<2> {
        let [w_ih, _, b_ih, _] = self.parameters();
        input.matmul(w_ih.val()) + b_ih.val()
    }

    /// The state after an input whose half of the gates is `input_gates`.
    ///
    /// - `state`: `[row, state width]`
    /// - `input_gates`: `[row, gates]`
    /// - returns: `[row, state width]`
    pub fn advance(&self, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gru(cell) => cell.advance(state, input_gates),
            Self::Lstm(cell) => cell.advance(state, input_gates),
            Self::Rnn(cell) => cell.advance(state, input_gates),
        }
    }

    /// The part of the state that the next layer or the read-out sees.
    ///
    /// - `state`: `[row, state width]`
    /// - returns: `[row, output width]`
    pub fn output(&self, state: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gru(_) | Self::Rnn(_) => state,
            Self::Lstm(cell) => cell.output(state),
        }
    }

    /// The parameters in the order of [`cell_parameters`]: w_ih, w_hh, b_ih, b_hh.
    pub(super) fn parameters(&self) -> [&Param<Tensor<2>>; 4] {
        match self {
            Self::Gru(Gru { w_ih, w_hh, b_ih, b_hh })
            | Self::Lstm(Lstm { w_ih, w_hh, b_ih, b_hh })
            | Self::Rnn(Rnn { w_ih, w_hh, b_ih, b_hh }) => [w_ih, w_hh, b_ih, b_hh],
        }
    }

    /// A cell from its parameters in the order of [`cell_parameters`].
    pub(super) fn from_parameters(kind: CellKind, parameters: &mut Parameters) -> Result<Self> {
        let [w_ih, w_hh, b_ih, b_hh] = [parameters.next()?, parameters.next()?, parameters.next()?, parameters.next()?];
        Ok(match kind {
            CellKind::Gru => Self::Gru(Gru { w_ih, w_hh, b_ih, b_hh }),
            CellKind::Lstm => Self::Lstm(Lstm { w_ih, w_hh, b_ih, b_hh }),
            CellKind::Rnn => Self::Rnn(Rnn { w_ih, w_hh, b_ih, b_hh }),
        })
    }
}

/// The parameters of one layer.
///
/// - `input`: width of what it reads
/// - `output`: width of what it shows
pub(super) fn cell_parameters(kind: CellKind, input: usize, output: usize) -> [ParameterSpec; 4] {
    let gates = output
        * match kind {
            CellKind::Gru => 3,
            CellKind::Lstm => 4,
            CellKind::Rnn => 1,
        };
    let initial = Initial::Uniform { inputs: output };
    [
        ParameterSpec::matrix("w_ih", [input, gates], initial),
        ParameterSpec::matrix("w_hh", [output, gates], initial),
        ParameterSpec::vector("b_ih", gates, initial),
        ParameterSpec::vector("b_hh", gates, initial),
    ]
}
