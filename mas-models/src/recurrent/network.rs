use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};
use mas_core::Site;

use super::cell::{Cell, cell_parameters};
use super::read_out::{ReadOut, read_out_parameters};
use super::{Gru, RecurrentConfig};
use crate::Result;
use crate::layer_norm::LayerNorm;
use crate::parameters::{Initial, ParameterSpec, Parameters, draw};

/// A recurrent next-token predictor: embedding → layers of recurrent cells → read-out.
///
/// ```
/// use burn::tensor::Device;
/// use mas_models::{CellKind, RecurrentConfig};
///
/// let device = Device::flex();
/// let network = RecurrentConfig::new(CellKind::Gru, 16, 8).init(12345, &device)?;
/// let tokens = burn::tensor::Tensor::<1, burn::tensor::Int>::from_ints([1, 3, 7], &device);
/// let state = network.step(network.initial_state(3), network.embed(tokens));
/// assert_eq!(network.read_out_of(&state).dims(), [3, 8]);
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct Recurrent {
    embedding: Param<Tensor<2>>,
    /// On what the first cell reads.
    norm: Option<LayerNorm>,
    cells: Vec<Cell>,
    /// On each layer's state after each update; none where states are as their cells leave them.
    state_norms: Vec<LayerNorm>,
    read_out: ReadOut,
    #[module(skip)]
    config: RecurrentConfig,
}

/// What a recurrent network carries from one token to the next.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// For each layer its state, `[row, state width]`.
    pub layers: Vec<Tensor<2>>,
}

impl RecurrentConfig {
    /// A network with random weights as PyTorch would draw them: the embedding from N(0, 1), everything else uniform in
    /// ± 1/√(inputs), but a cell's in ± 1/√(its output's width).
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn init(&self, seed: u64, device: &Device) -> Result<Recurrent> {
        self.check()?;
        Recurrent::from_parameters(self, draw(&self.parameters(), seed, device))
    }

    /// Number of parameters that training learns.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(ParameterSpec::count).sum()
    }

    /// All parameters, in the order in which they are drawn, saved and optimised.
    pub(crate) fn parameters(&self) -> Vec<ParameterSpec> {
        let Self { cell, width, vocabulary, layer_norm, .. } = *self;
        let (embedding, output) = (self.embedding_width(), self.output_width());
        let norm = |place: String, width| LayerNorm::specs(width).map(|spec| spec.within(&place)).into_iter();
        let mut specs = vec![ParameterSpec::matrix("embedding", [vocabulary, embedding], Initial::Normal)];
        if layer_norm {
            specs.extend(norm("norm".into(), embedding));
        }
        for layer in 0..self.layers {
            let input = if layer == 0 { embedding } else { output };
            let place = format!("cell.{layer}");
            specs.extend(cell_parameters(cell, input, output).map(|spec| spec.within(&place)));
            if layer_norm {
                specs.extend(norm(format!("{place}.norm"), width));
            }
        }
        let read_out = read_out_parameters(output, self.read_out_width(), vocabulary, layer_norm);
        specs.extend(read_out.into_iter().map(|spec| spec.within("read_out")));
        specs
    }
}

impl Recurrent {
    /// A network of these parameters, in the order of [`RecurrentConfig::parameters`].
    pub(crate) fn from_parameters(config: &RecurrentConfig, parameters: Vec<Tensor<2>>) -> Result<Self> {
        let mut parameters = Parameters::new(&config.parameters(), parameters)?;
        let embedding = parameters.next()?;
        let norm = config.layer_norm.then(|| LayerNorm::from_parameters(&mut parameters)).transpose()?;
        let (mut cells, mut state_norms) = (Vec::new(), Vec::new());
        for _ in 0..config.layers {
            cells.push(Cell::from_parameters(config.cell, &mut parameters)?);
            if config.layer_norm {
                state_norms.push(LayerNorm::from_parameters(&mut parameters)?);
            }
        }
        let read_out = ReadOut::from_parameters(&mut parameters, config.read_out_width() > 0, config.layer_norm)?;
        Ok(Self { embedding, norm, cells, state_norms, read_out, config: config.clone() })
    }

    /// The parameters in the order of [`RecurrentConfig::parameters`].
    pub(crate) fn parameters(&self) -> Vec<Tensor<2>> {
        let mut parameters = vec![&self.embedding];
        parameters.extend(self.norm.iter().flat_map(LayerNorm::parameters));
        for (layer, cell) in self.cells.iter().enumerate() {
            parameters.extend(cell.parameters());
            parameters.extend(self.state_norms.get(layer).into_iter().flat_map(LayerNorm::parameters));
        }
        parameters.extend(self.read_out.parameters());
        parameters.into_iter().map(Param::val).collect()
    }

    /// What it is made of.
    pub fn config(&self) -> &RecurrentConfig {
        &self.config
    }

    /// Where its weights are.
    pub fn device(&self) -> Device {
        self.embedding.val().device()
    }

    /// The sites that can be read and written: `embedding`, `hidden.l` for each layer, and `hidden`, the
    /// last of them.
    pub fn sites(&self) -> Vec<Site> {
        let mut sites = vec![Site::new("embedding", self.config.embedding_width())];
        sites.extend(
            self.cells.iter().enumerate().map(|(l, cell)| Site::new(format!("hidden.{l}"), cell.state_width())),
        );
        sites.extend(self.cells.last().map(|cell| Site::new("hidden", cell.state_width())));
        sites
    }

    /// The embedding of every token, `[vocabulary, width]`.
    pub fn embedding(&self) -> Tensor<2> {
        self.embedding.val()
    }

    /// The recurrent layers, the first one first.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The read-out.
    pub fn read_out(&self) -> &ReadOut {
        &self.read_out
    }

    /// The state before any token: zeros.
    pub fn initial_state(&self, rows: usize) -> RecurrentState {
        let device = self.device();
        let zeros = |cell: &Cell| Tensor::zeros([rows, cell.state_width()], &device);
        RecurrentState { layers: self.cells.iter().map(zeros).collect() }
    }

    /// What the first cell reads (site `embedding`).
    ///
    /// - `tokens`: `[row]`, each below the vocabulary's size
    /// - returns: `[row, embedding width]`
    pub fn embed(&self, tokens: Tensor<1, Int>) -> Tensor<2> {
        self.embedding.val().select(0, tokens)
    }

    /// The input half of the first cell's gates for every token: with frozen weights, embedding and half of
    /// the cell are one look-up.
    ///
    /// - returns: `[vocabulary, gates]`
    pub fn token_gates(&self) -> Tensor<2> {
        self.input_gates(self.embedding.val())
    }

    /// The input half of the first cell's gates.
    ///
    /// - `input`: `[row, width]`, from [`embed`](Self::embed) or edited
    /// - returns: `[row, gates]`
    pub fn input_gates(&self, input: Tensor<2>) -> Tensor<2> {
        let input = match &self.norm {
            Some(norm) => norm.forward(input),
            None => input,
        };
        self.cells[0].input_gates(input)
    }

    /// The state of one layer after an input whose half of the gates is `input_gates`.
    ///
    /// - `state`: `[row, state width]`
    /// - `input_gates`: `[row, gates]`
    /// - returns: `[row, state width]`
    pub fn advance(&self, layer: usize, state: Tensor<2>, input_gates: Tensor<2>) -> Tensor<2> {
        let after = self.cells[layer].advance(state, input_gates);
        match self.state_norms.get(layer) {
            Some(norm) => norm.forward(after),
            None => after,
        }
    }

    /// The layers, if they are gated recurrent units below a read-out with hidden units, without layer norms.
    pub(crate) fn grus(&self) -> Option<Vec<&Gru>> {
        if self.config.layer_norm || self.config.read_out_width() == 0 {
            return None;
        }
        let cells = self.cells.iter();
        cells.map(|cell| if let Cell::Gru(gru) = cell { Some(gru) } else { None }).collect()
    }

    /// The state after reading one more input.
    ///
    /// - `state`: of `row` rows
    /// - `input`: `[row, width]`, from [`embed`](Self::embed) or edited
    pub fn step(&self, state: RecurrentState, input: Tensor<2>) -> RecurrentState {
        self.step_gates(state, self.input_gates(input))
    }

    /// The state after reading one more input, given as the first cell's half of the gates.
    ///
    /// - `state`: of `row` rows
    /// - `input_gates`: `[row, gates]`, rows of [`token_gates`](Self::token_gates)
    pub fn step_gates(&self, state: RecurrentState, input_gates: Tensor<2>) -> RecurrentState {
        self.step_with(state, input_gates, |layer, before, gates| self.advance(layer, before, gates))
    }

    /// [`step_gates`](Self::step_gates), with what a layer does given as `advance(layer, state, gates)`.
    pub(super) fn step_with(
        &self,
        state: RecurrentState,
        input_gates: Tensor<2>,
        mut advance: impl FnMut(usize, Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> RecurrentState {
        let mut layers = Vec::with_capacity(self.cells.len());
        for (layer, (cell, before)) in self.cells.iter().zip(state.layers).enumerate() {
            let gates = match layers.last() {
                None => input_gates.clone(),
                Some(below) => cell.input_gates(cell.output(Tensor::clone(below))),
            };
            layers.push(advance(layer, before, gates));
        }
        RecurrentState { layers }
    }

    /// What the read-out reads of a last layer's state.
    ///
    /// - `state`: `[row, state width]`
    /// - returns: `[row, output width]`
    pub(crate) fn output(&self, state: Tensor<2>) -> Tensor<2> {
        self.cells[self.cells.len() - 1].output(state)
    }

    /// Logits of the next token.
    ///
    /// - `state`: of `row` rows
    /// - returns: `[row, vocabulary]`
    pub fn read_out_of(&self, state: &RecurrentState) -> Tensor<2> {
        self.logits(state.layers[state.layers.len() - 1].clone())
    }

    /// Logits of the next token from the last layer's state (site `hidden`).
    ///
    /// - `hidden`: `[row, state width]`
    /// - returns: `[row, vocabulary]`
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.read_out.forward(self.output(hidden))
    }
}

impl RecurrentState {
    /// The states of the first `rows` rows.
    pub(crate) fn first(self, rows: usize) -> Self {
        let first = |layer: Tensor<2>| if layer.dims()[0] == rows { layer } else { layer.narrow(0, 0, rows) };
        Self { layers: self.layers.into_iter().map(first).collect() }
    }
}
