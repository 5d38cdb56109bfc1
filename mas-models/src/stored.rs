//! Named tensors on disk: reading and writing safetensors, and fitting what was read to a network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::parameters::ParameterSpec;
use crate::{Architecture, Error, Model, Result};

/// A tensor as a file has it; no values where its elements are no floating-point numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub shape: Vec<usize>,
    pub values: Option<Vec<f32>>,
}

/// Tensors by name.
pub(crate) type StoredTensors = BTreeMap<String, Stored>;

/// A network's weights, named as in its folder; biases have one dimension.
pub(crate) fn of_network(network: &Model) -> Result<StoredTensors> {
    let specs = network.architecture().parameters();
    let stored = |(spec, tensor): (ParameterSpec, Tensor<2>)| {
        Ok((spec.name.clone(), Stored { shape: spec.stored_shape(), values: Some(host(&spec.name, tensor)?) }))
    };
    specs.into_iter().zip(network.parameters()).map(stored).collect()
}

/// The values of a tensor, row by row.
pub(crate) fn host(name: &str, tensor: Tensor<2>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as::<f32>().map_err(|error| Error::invalid(format!("{name} cannot be read back: {error}")))
}

/// Takes the parameters of a network out of `stored`.
///
/// # Errors
/// A tensor is missing, has another shape or element type than it must, or has a value that is not finite;
/// each names the file and the tensor.
pub(crate) fn take_parameters(
    stored: &mut StoredTensors,
    specs: &[ParameterSpec],
    path: &Path,
    device: &Device,
) -> Result<Vec<Tensor<2>>> {
    let mut parameters = Vec::with_capacity(specs.len());
    for spec in specs {
        let values = take(stored, &spec.name, &spec.stored_shape(), path)?;
        parameters.push(Tensor::from_data(TensorData::new(values, spec.shape), device));
    }
    Ok(parameters)
}

/// Takes one tensor's values out of `stored`, checked.
pub(crate) fn take(stored: &mut StoredTensors, name: &str, shape: &[usize], path: &Path) -> Result<Vec<f32>> {
    let tensor = stored.remove(name).ok_or_else(|| Error::format(path, format!("tensor {name} is missing")))?;
    if tensor.shape != shape {
        return Err(Error::format(path, format!("tensor {name} is {:?}, must be {shape:?}", tensor.shape)));
    }
    let values = tensor
        .values
        .ok_or_else(|| Error::format(path, format!("tensor {name} does not hold floating-point numbers")))?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::format(path, format!("tensor {name} has the value {} at {at}", values[at]))),
        None => Ok(values),
    }
}

/// Whether nothing is left in `stored`.
pub(crate) fn none_left(stored: &StoredTensors, path: &Path) -> Result<()> {
    if stored.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = stored.keys().map(String::as_str).collect();
    Err(Error::format(path, format!("the network has no place for tensor {}", names.join(", "))))
}

/// A network of this shape out of `stored`, which must hold its parameters and nothing else.
pub(crate) fn into_network(
    mut stored: StoredTensors,
    architecture: &Architecture,
    path: &Path,
    device: &Device,
) -> Result<Model> {
    let parameters = take_parameters(&mut stored, &architecture.parameters(), path, device)?;
    none_left(&stored, path)?;
    Model::from_parameters(architecture, parameters)
}

/// The bytes of a safetensors file; the same tensors and note give the same bytes.
///
/// - `note`: one entry for the file's metadata
pub(crate) fn to_bytes(tensors: &StoredTensors, note: Option<(&str, String)>) -> Result<Vec<u8>> {
    let failed = |error| Error::invalid(format!("the weights cannot be written: {error}"));
    let bytes: Vec<(&String, &Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((name, &tensor.shape, tensor.values.as_ref()?)))
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, shape, bytes) in &bytes {
        views.push((name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).map_err(failed)?));
    }
    let note = note.map(|(key, value)| [(key.to_string(), value)].into());
    safetensors::serialize(views, note).map_err(failed)
}

/// The tensors of a safetensors file.
///
/// - `bytes`: of the whole file at `path`
pub(crate) fn from_bytes(bytes: &[u8], path: &Path) -> Result<StoredTensors> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| Error::format(path, format!("truncated, or no safetensors file ({error})")))?;
    let stored = |(name, view): (String, TensorView)| {
        (name, Stored { shape: view.shape().to_vec(), values: decode(element(view.dtype()), view.data()) })
    };
    Ok(file.tensors().into_iter().map(stored).collect())
}

/// The note of a safetensors file that [`to_bytes`] wrote.
pub(crate) fn note(bytes: &[u8], key: &str, path: &Path) -> Result<String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| Error::format(path, error))?;
    let note = metadata.metadata().as_ref().and_then(|notes| notes.get(key));
    note.cloned().ok_or_else(|| Error::format(path, format!("its metadata have no {key:?}")))
}

/// Element types that can be read as f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F64,
    F16,
    Bf16,
    Other,
}

pub(crate) fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        _ => Element::Other,
    }
}

/// Little-endian numbers as f32; `None` for [`Element::Other`].
pub(crate) fn decode(element: Element, bytes: &[u8]) -> Option<Vec<f32>> {
    fn chunks<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
    }
    Some(match element {
        Element::F32 => chunks(bytes, f32::from_le_bytes),
        Element::F64 => chunks(bytes, |chunk| f64::from_le_bytes(chunk) as f32),
        Element::F16 => chunks(bytes, |chunk| burn::tensor::f16::from_le_bytes(chunk).to_f32()),
        Element::Bf16 => chunks(bytes, |chunk| burn::tensor::bf16::from_le_bytes(chunk).to_f32()),
        Element::Other => return None,
    })
}
