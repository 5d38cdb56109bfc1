use std::path::PathBuf;

use burn::tensor::{Device, Tensor};

use super::precision::Values;
use super::{LanguageConfig, LanguageModel, Precision};
use crate::parameters::ParameterSpec;
use crate::{Error, Result};

/// Tensors by name in files, read one at a time from where they lie.
pub(super) trait Tensors {
    /// The shape of a tensor, if it is there.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// The file that a tensor is in, or should be in.
    fn path(&self, name: &str) -> PathBuf;

    /// Hands a tensor's values to `each`, in order and in pieces.
    ///
    /// # Errors
    /// No such tensor, one that holds no floating-point numbers, or a file that cannot be read.
    fn read(&mut self, name: &str, each: impl FnMut(&[f32]) -> Result<()>) -> Result<()>;
}

/// Where a parameter comes from: a tensor, and which part of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    pub tensor: String,
    pub part: Part,
}

/// Which part of a tensor a parameter is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// All of it, as it is.
    Whole,
    /// Some of its columns, turned into rows; of a vector, some of its values.
    Columns { first: usize, of: usize },
    /// Some of its rows.
    Rows { first: usize, of: usize },
    /// All of it; in each head rows that are neighbours belong to the two halves.
    Neighbours { heads: usize },
    /// Of each head one of three parts side by side: `[heads, 3, head width, …]`.
    Third { which: usize, heads: usize },
}

impl LanguageModel {
    /// A network of what is in `files`, a parameter at a time.
    ///
    /// # Errors
    /// A tensor that is missing, has another shape, or has a value that is not finite in the network's precision.
    pub(super) fn from_files(
        config: &LanguageConfig,
        files: &mut impl Tensors,
        origin: impl Fn(&str) -> Origin,
        device: &Device,
    ) -> Result<Self> {
        let specs = config.parameters();
        let mut parameters = Vec::with_capacity(specs.len());
        // What is missing is found before anything is read.
        for spec in &specs {
            let Origin { tensor, part } = origin(&spec.name);
            let expected = part.whole_shape(&spec.stored_shape());
            let path = files.path(&tensor);
            match files.shape(&tensor) {
                None => return Err(Error::format(path, format!("tensor {tensor} is missing"))),
                Some(shape) if shape != expected => {
                    return Err(Error::format(path, format!("tensor {tensor} is {shape:?}, must be {expected:?}")));
                }
                Some(_) => {}
            }
        }
        for spec in &specs {
            let Origin { tensor, part } = origin(&spec.name);
            let values = read(files, &tensor, part, spec.shape, spec.stored_shape().len() == 1, config)?;
            parameters.push(values.into_tensor(spec.shape, device));
        }
        Self::from_parameters(config, parameters)
    }
}

/// A parameter of 32 bits as it lies in a file under its name.
///
/// # Errors
/// A tensor that is missing, has another shape, or has a value that is not finite.
pub(super) fn read_parameter(files: &mut impl Tensors, spec: &ParameterSpec, device: &Device) -> Result<Tensor<2>> {
    let expected = spec.stored_shape();
    let path = files.path(&spec.name);
    match files.shape(&spec.name) {
        Some(shape) if shape == expected => {}
        Some(shape) => {
            let reason = format!("tensor {} is {shape:?}, must be {expected:?}", spec.name);
            return Err(Error::format(path, reason));
        }
        None => return Err(Error::format(path, format!("tensor {} is missing", spec.name))),
    }
    let mut values = Values::with_capacity(Precision::F32, spec.count());
    files.read(&spec.name, |piece| {
        let wrong = |number| Error::format(&path, format!("tensor {} has the value {number}", spec.name));
        values.extend(piece).map_err(wrong)
    })?;
    Ok(values.into_tensor(spec.shape, device))
}

/// The values of a parameter of `shape`.
fn read(
    files: &mut impl Tensors,
    tensor: &str,
    part: Part,
    shape: [usize; 2],
    vector: bool,
    config: &LanguageConfig,
) -> Result<Values> {
    let path = files.path(tensor);
    let mut values = Values::with_capacity(config.precision, shape[0] * shape[1]);
    let mut keep = |piece: &[f32]| {
        values.extend(piece).map_err(|number| {
            let kept = config.precision.id();
            Error::format(&path, format!("tensor {tensor} has the value {number}, which is not finite in {kept}"))
        })
    };
    if part == Part::Whole {
        files.read(tensor, keep)?;
        return Ok(values);
    }
    let mut whole = Vec::new();
    files.read(tensor, |piece| {
        whole.extend_from_slice(piece);
        Ok(())
    })?;
    // A vector's values stand for rows of one column.
    let [rows, columns] = if vector { [shape[1], 1] } else { shape };
    match part {
        Part::Whole => {}
        Part::Columns { first, of } => {
            let inputs = columns;
            let mut row = vec![0.0; inputs];
            for output in 0..rows {
                for (input, value) in row.iter_mut().enumerate() {
                    *value = whole[input * of + first + output];
                }
                keep(&row)?;
            }
        }
        Part::Rows { first, .. } => keep(&whole[first * columns..][..rows * columns])?,
        Part::Neighbours { heads } => {
            let head = rows / heads;
            for row in 0..rows {
                let (first, within) = (row / head * head, row % head);
                let (side, pair) = (within / (head / 2), within % (head / 2));
                keep(&whole[(first + 2 * pair + side) * columns..][..columns])?;
            }
        }
        Part::Third { which, heads } => {
            let head = rows / heads * columns;
            for index in 0..heads {
                keep(&whole[(3 * index + which) * head..][..head])?;
            }
        }
    }
    Ok(values)
}

impl Part {
    /// The shape of the tensor of which a part has this shape.
    fn whole_shape(self, shape: &[usize]) -> Vec<usize> {
        match (self, shape) {
            (Self::Columns { of, .. }, [_, inputs]) => vec![*inputs, of],
            (Self::Columns { of, .. }, _) => vec![of],
            (Self::Rows { of, .. }, [_, rest @ ..]) => [of].into_iter().chain(rest.iter().copied()).collect(),
            (Self::Third { .. }, [rows, rest @ ..]) => [3 * rows].into_iter().chain(rest.iter().copied()).collect(),
            _ => shape.to_vec(),
        }
    }
}

/// The values of a parameter as they are saved, little-endian.
pub(super) fn bytes_of(tensor: Tensor<2>) -> Vec<u8> {
    tensor.into_data().bytes().to_vec()
}
