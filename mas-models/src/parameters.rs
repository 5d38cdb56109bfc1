//! Parameters of networks: their names, shapes and first values, and how a list of them becomes a network.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Error, Result};

/// Name, shape and first values of one parameter; a vector is a matrix of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParameterSpec {
    pub name: String,
    pub shape: [usize; 2],
    pub initial: Initial,
    /// Whether files have one dimension for it.
    vector: bool,
}

/// What a parameter is before training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Initial {
    /// Drawn from N(0, 1), as by `torch.nn.Embedding`.
    Normal,
    /// Drawn from N(0, deviation²).
    Spread { deviation: f32 },
    /// Drawn uniformly from ± 1/√inputs, as by `torch.nn.Linear` and, with the state's width for the inputs, by
    /// `GRUCell` and its kin.
    Uniform { inputs: usize },
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
}

impl ParameterSpec {
    /// A matrix, `[rows, columns]`.
    pub fn matrix(name: impl Into<String>, shape: [usize; 2], initial: Initial) -> Self {
        Self { name: name.into(), shape, initial, vector: false }
    }

    /// A vector.
    pub fn vector(name: impl Into<String>, width: usize, initial: Initial) -> Self {
        Self { name: name.into(), shape: [1, width], initial, vector: true }
    }

    /// The same as a part of something larger.
    pub fn within(self, place: impl std::fmt::Display) -> Self {
        Self { name: format!("{place}.{}", self.name), ..self }
    }

    /// The shape that it has in a file.
    pub fn stored_shape(&self) -> Vec<usize> {
        if self.vector { vec![self.shape[1]] } else { self.shape.to_vec() }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}

/// First values of all parameters, in order, each row by row. They are drawn by ChaCha8, so that a seed gives the same
/// bytes on every device.
pub(crate) fn draw(specs: &[ParameterSpec], seed: u64, device: &Device) -> Vec<Tensor<2>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut first = |spec: &ParameterSpec| {
        let count = spec.count();
        let values: Vec<f32> = match spec.initial {
            Initial::Normal => (0..count).map(|_| random.sample(StandardNormal)).collect(),
            Initial::Spread { deviation } => {
                (0..count).map(|_| random.sample::<f32, _>(StandardNormal) * deviation).collect()
            }
            Initial::Uniform { inputs } => {
                let bound = 1.0 / (inputs as f32).sqrt();
                (0..count).map(|_| random.random_range(-bound..bound)).collect()
            }
            Initial::Zeros => vec![0.0; count],
            Initial::Ones => vec![1.0; count],
        };
        Tensor::from_data(TensorData::new(values, spec.shape), device)
    };
    specs.iter().map(&mut first).collect()
}

/// Parameters in the order of their specs, to be taken one after the other.
pub(crate) struct Parameters(std::vec::IntoIter<Tensor<2>>);

impl Parameters {
    /// # Errors
    /// Another number of parameters, or one of another shape.
    pub fn new(specs: &[ParameterSpec], parameters: Vec<Tensor<2>>) -> Result<Self> {
        if parameters.len() != specs.len() {
            return Err(Error::invalid(format!("{} parameters where {} belong", parameters.len(), specs.len())));
        }
        for (ParameterSpec { name, shape, .. }, parameter) in specs.iter().zip(&parameters) {
            if parameter.dims() != *shape {
                return Err(Error::invalid(format!("{name} is {:?}, must be {shape:?}", parameter.dims())));
            }
        }
        Ok(Self(parameters.into_iter()))
    }

    /// The next one.
    ///
    /// # Errors
    /// There is none.
    pub fn next(&mut self) -> Result<Param<Tensor<2>>> {
        self.0.next().map(Param::from_tensor).ok_or_else(|| Error::invalid("too few parameters"))
    }
}
