//! A language model's tensors on disk, written and read one at a time: its weights in its network folder, and what its
//! fine-tuning puts aside.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use safetensors::tensor::{Dtype, View};

use super::loading::{Origin, Part, bytes_of};
use super::tensor_files::TensorFiles;
use super::{LanguageConfig, LanguageModel, Precision};
use crate::{Error, Result};

/// A parameter that is fetched from its device when it is written.
struct Lazy {
    tensor: Tensor<2>,
    shape: Vec<usize>,
    dtype: Dtype,
}

impl View for Lazy {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytes_of(self.tensor.clone()).into()
    }

    fn data_len(&self) -> usize {
        let element = if self.dtype == Dtype::F32 { 4 } else { 2 };
        self.shape.iter().product::<usize>() * element
    }
}

/// Writes the weights, and returns their hash.
pub(crate) fn save(network: &LanguageModel, path: &Path) -> Result<String> {
    let config = network.config();
    let dtype = match config.precision {
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
        Precision::Bf16 => Dtype::BF16,
    };
    let mut views = Vec::new();
    for (spec, tensor) in config.parameters().into_iter().zip(network.parameters()) {
        let largest: f32 = tensor.clone().abs().max().cast(burn::tensor::DType::F32).into_scalar();
        if !largest.is_finite() {
            let reason = format!("the network's weights {} are not finite; it is not saved", spec.name);
            return Err(Error::NotFinite(reason));
        }
        let shape = spec.stored_shape();
        views.push((spec.name, Lazy { tensor: tensor.inner(), shape, dtype }));
    }
    write(views, None, path)?;
    // The file was private to its owner while it was written; it is as readable as its folder now.
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(path, mode).map_err(|error| Error::io(path, error))?;
    }
    hash(path)
}

/// Writes tensors of 32 bits by name and shape, with a note in the file's metadata.
pub(super) fn write_noted(
    tensors: impl Iterator<Item = (String, Vec<usize>, Tensor<2>)>,
    (key, note): (&str, String),
    path: &Path,
) -> Result<()> {
    let views = tensors.map(|(name, shape, tensor)| (name, Lazy { tensor, shape, dtype: Dtype::F32 }));
    write(views.collect(), Some([(key.to_owned(), note)].into()), path)
}

/// Writes the file, all of it or nothing, a tensor at a time.
fn write(views: Vec<(String, Lazy)>, notes: Option<HashMap<String, String>>, path: &Path) -> Result<()> {
    let draft = path.with_extension("draft");
    let failed = |error| Error::io(path, error);
    safetensors::serialize_to_file(views, notes, &draft).map_err(|error| match error {
        safetensors::SafeTensorError::IoError(error) => failed(error),
        error => Error::format(path, format!("the tensors cannot be written: {error}")),
    })?;
    // On the disk, before it takes the place of what is.
    std::fs::OpenOptions::new().write(true).open(&draft).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, path).map_err(failed)
}

/// Reads the weights, and returns their hash with the network.
pub(crate) fn load(config: &LanguageConfig, path: &Path, device: &Device) -> Result<(LanguageModel, String)> {
    let mut files = TensorFiles::open(&[path.to_path_buf()])?;
    let parameters = config.parameters();
    if let Some(name) = files.names().find(|name| !parameters.iter().any(|spec| spec.name == *name)) {
        return Err(Error::format(path, format!("the network has no place for tensor {name}")));
    }
    let origin = |name: &str| Origin { tensor: name.into(), part: Part::Whole };
    let network = LanguageModel::from_files(config, &mut files, origin, device)?;
    Ok((network, hash(path)?))
}

/// BLAKE3 of a file.
fn hash(path: &Path) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|error| Error::io(path, error))?;
    Ok(hasher.finalize().to_hex().to_string())
}
