//! Files that are either whole or absent.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use burn::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Error, Result};

/// How the names of files begin that [`write_whole`] is writing; a kill may leave one.
pub const DRAFT: &str = ".writing-";

/// Writes `path` through a temporary file beside it that is renamed into place once it is whole on disk, so that
/// neither a full disk nor a kill leaves half a file: what was there before is there still, or the new file is.
///
/// # Errors
/// Whatever the file system refuses (a missing folder, a full disk), and what `write` says.
pub fn write_whole<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(DRAFT);
    // Temporary files are private to their owner; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let draft = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 20, draft.as_file());
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Writes `[rows, columns]` tensors by name as safetensors, with `metadata` in the header.
///
/// # Errors
/// The device cannot be read, or the file not written.
pub(crate) fn write_tensors<'a>(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, &'a Tensor<2>)>,
    metadata: Option<std::collections::HashMap<String, String>>,
) -> Result<()> {
    let tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, tensor)| {
            Ok((name, (tensor.dims().to_vec(), values(tensor)?.iter().flat_map(|v| v.to_le_bytes()).collect())))
        })
        .collect::<Result<_>>()?;
    let views = tensors
        .iter()
        .map(|(name, (shape, bytes))| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|error| Error::format(path, error))?;
    let bytes = safetensors::serialize(views, metadata).map_err(|error| Error::format(path, error))?;
    write_whole(path, |file| file.write_all(&bytes)).map_err(|source| Error::io(path, source))
}

/// Tensors by name, and the metadata of the header.
pub(crate) type Stored = (BTreeMap<String, Tensor<2>>, std::collections::HashMap<String, String>);

/// Reads what [`write_tensors`] wrote.
///
/// # Errors
/// No such file, a damaged one, or a tensor that is not a finite f32 matrix; the message names the file and tensor.
pub(crate) fn read_tensors(path: &Path, device: &Device) -> Result<Stored> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    let damaged =
        |error: safetensors::SafeTensorError| Error::format(path, format!("not a whole safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let &[rows, columns] = view.shape() else {
            return Err(Error::format(path, format!("`{name}` has the shape {:?}, expected a matrix", view.shape())));
        };
        if view.dtype() != Dtype::F32 {
            return Err(Error::format(path, format!("`{name}` holds {:?}, expected F32", view.dtype())));
        }
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::format(path, format!("`{name}` is not finite at row {}", index / columns.max(1))));
        }
        tensors.insert(name, Tensor::from_data(TensorData::new(values, [rows, columns]), device));
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

/// The values of a tensor in row-major order, on the host.
///
/// # Errors
/// The device cannot be read.
pub(crate) fn values(tensor: &Tensor<2>) -> Result<Vec<f32>> {
    tensor.clone().inner().try_into_vec_as::<f32>().map_err(|error| Error::Device(error.to_string()))
}
