use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What happens in one recurrent layer when it reads an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CellKind {
    /// Gated recurrent unit, see [`Gru`](super::Gru).
    Gru,
    /// Long short-term memory, see [`Lstm`](super::Lstm).
    Lstm,
    /// Plain recurrent layer with tanh, see [`Rnn`](super::Rnn).
    Rnn,
}

impl CellKind {
    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Rnn => "rnn",
        }
    }
}

/// The shape of a [`Recurrent`](super::Recurrent) network; everything about it but its weights.
///
/// ```
/// use mas_models::{CellKind, RecurrentConfig};
///
/// let config = RecurrentConfig::new(CellKind::Gru, 128, 8).with_layers(2);
/// assert!(config.check().is_ok());
/// assert!(RecurrentConfig::new(CellKind::Gru, 0, 8).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RecurrentConfig {
    /// What each layer does with an input.
    pub cell: CellKind,
    /// Width of each layer's state, and of the embedding unless that has its own.
    pub width: usize,
    /// Width of the embedding, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<usize>,
    /// Number of the read-out's hidden units, where it is not four times the width; 0 for a linear read-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_out: Option<usize>,
    /// Number of recurrent layers.
    #[serde(default = "one_layer")]
    pub layers: usize,
    /// Number of tokens that the network reads and predicts.
    pub vocabulary: usize,
    /// Share of the read-out's hidden units that are dropped in training.
    #[serde(default = "half")]
    pub dropout: f64,
    /// Whether there is a layer norm on the embedding before the first cell reads it, on each layer's state after
    /// each update, and on the read-out's hidden units after their GELU. Not for LSTMs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub layer_norm: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn one_layer() -> usize {
    1
}

fn half() -> f64 {
    0.5
}

impl RecurrentConfig {
    /// One layer and a dropout of 0.5, as in arXiv 2501.06164.
    pub fn new(cell: CellKind, width: usize, vocabulary: usize) -> Self {
        Self {
            cell,
            width,
            embedding: None,
            read_out: None,
            layers: one_layer(),
            vocabulary,
            dropout: half(),
            layer_norm: false,
        }
    }

    /// The same with another number of layers.
    pub fn with_layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// The same with another dropout.
    pub fn with_dropout(mut self, dropout: f64) -> Self {
        self.dropout = dropout;
        self
    }

    /// The same with layer norms, or without.
    pub fn with_layer_norm(mut self, layer_norm: bool) -> Self {
        self.layer_norm = layer_norm;
        self
    }

    /// Width of what a layer shows to the layer above or to the read-out: half of an LSTM's state, `h` without `c`, and
    /// the whole state of other cells.
    pub fn output_width(&self) -> usize {
        if self.cell == CellKind::Lstm { self.width / 2 } else { self.width }
    }

    /// Width of the embedding.
    pub fn embedding_width(&self) -> usize {
        self.embedding.unwrap_or(self.width)
    }

    /// Width of the read-out's hidden layer: four times the network's unless it has its own; 0 if there is none.
    pub fn read_out_width(&self) -> usize {
        self.read_out.unwrap_or(4 * self.width)
    }

    /// Whether a network can be made of this.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the key that is out of its range.
    pub fn check(&self) -> Result<()> {
        let within = |key: &str, value: usize, least: usize, most: usize| match value {
            _ if (least..=most).contains(&value) => Ok(()),
            _ => Err(Error::invalid(format!("{key} = {value}, must lie between {least} and {most}"))),
        };
        within("width", self.width, 1, 1 << 14)?;
        within("embedding", self.embedding_width(), 1, 1 << 14)?;
        within("read-out", self.read_out_width(), 0, 1 << 16)?;
        within("layers", self.layers, 1, 64)?;
        within("vocabulary", self.vocabulary, 2, 1 << 20)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::invalid(format!("dropout = {}, must be at least 0 and below 1", self.dropout)));
        }
        if self.cell == CellKind::Lstm && !self.width.is_multiple_of(2) {
            return Err(Error::invalid(format!("width = {}, must be even: half of an LSTM's state is h", self.width)));
        }
        if self.cell == CellKind::Lstm && self.layer_norm {
            return Err(Error::invalid("layer-norm = true, but there is no layer norm for an LSTM's [h ; c]"));
        }
        if self.layer_norm && self.read_out == Some(0) {
            return Err(Error::invalid("layer-norm = true, but a linear read-out has no hidden units to norm"));
        }
        Ok(())
    }
}
