//! PyTorch's own files. A pickle is parsed as data by burn-store's reader, which runs nothing of it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use burn_store::pytorch_reader::{DType, PickleError, PickleValue, PytorchError, PytorchReader};

use super::Source;
use crate::stored::{Element, Stored, StoredTensors, decode};
use crate::{Error, Result};

/// The key under which the reference keeps the weights.
const STATE: &str = "state_dict";
/// The key under which it keeps what the network is.
const CONFIG: &str = "config";

/// How many times over a file's bytes may be asked for. Parameters may share a storage (a read-out tied to the embedding,
/// say), but a view can also repeat its storage without end, so that a small file asks for any amount of memory.
const SHARED: usize = 4;

/// How a pickle (of protocols 2 and 3, and from 4 on) begins the mark of a tensor whose numbers are the negatives of those
/// stored. The reader does not look at it. (A text `neg` of the user's own is mistaken for it, which refuses a good file and
/// takes no bad one.)
const NEGATIVE: [&[u8]; 2] = [b"X\x03\0\0\0neg", b"\x8c\x03neg\x94"];

/// Reads a checkpoint of the reference, or a bare state dictionary.
///
/// - `bytes`: of the file
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Source> {
    if NEGATIVE.iter().any(|mark| bytes.windows(mark.len()).any(|some| some == *mark)) {
        let reason = "a tensor has PyTorch's negative bit, which is not read; save it by `resolve_neg()`";
        return Err(Error::format(path, reason));
    }
    // The reader returns errors for everything that it knows to be wrong with a file. This is for what it
    // does not know: a file from elsewhere must not bring the program down.
    catch_unwind(AssertUnwindSafe(|| read_trusting(path, bytes.len())))
        .unwrap_or_else(|_| Err(Error::format(path, "the PyTorch reader failed on it: malformed")))
}

fn read_trusting(path: &Path, length: usize) -> Result<Source> {
    let failed = |error: PytorchError| match error {
        PytorchError::Io(error) if error.raw_os_error().is_some() => Error::io(path, error),
        PytorchError::Pickle(PickleError::UnsupportedType(kind)) => Error::format(
            path,
            format!(
                "it has a value of {kind}, which is not read: sparse, quantised and other tensors than dense plain numbers"
            ),
        ),
        error => Error::format(path, format!("truncated, or no PyTorch file ({error})")),
    };
    let PickleValue::Dict(mut root) = PytorchReader::read_pickle_data(path, None).map_err(failed)? else {
        return Err(Error::format(path, "holds no dictionary"));
    };
    let nested = root.contains_key(STATE);
    let config = if nested { configuration(&mut root, path)? } else { None };
    let state = match root.remove(STATE) {
        None => std::mem::take(&mut root),
        Some(PickleValue::Dict(state)) => state,
        Some(_) => return Err(Error::format(path, format!("its `{STATE}` is no dictionary"))),
    };
    let names = names(state, path)?;
    let reader = match nested {
        true => PytorchReader::with_top_level_key(path, STATE),
        false => PytorchReader::new(path),
    };

    let mut room = length.saturating_mul(SHARED);
    let mut tensors = StoredTensors::new();
    for (name, tensor) in reader.map_err(failed)?.into_tensors() {
        let shape = tensor.shape().to_vec();
        let size = shape.iter().try_fold(tensor.dtype().size(), |size, &extent| size.checked_mul(extent));
        room = size.and_then(|size| room.checked_sub(size)).ok_or_else(|| {
            Error::format(
                path,
                format!("with tensor {name} of {shape:?} it asks for more than {SHARED} times its size"),
            )
        })?;
        let bytes = tensor.read().map_err(|error| Error::format(path, error))?;
        // The reader gives native bytes.
        let bytes = if cfg!(target_endian = "big") { swapped(bytes, tensor.dtype().size()) } else { bytes };
        tensors.insert(name, Stored { shape, values: decode(element(tensor.dtype()), &bytes) });
    }
    let others = names.into_iter().filter(|name| !tensors.contains_key(name));
    let mut left_over: Vec<String> = root.into_keys().chain(others).collect();
    left_over.sort_unstable();
    Ok(Source { tensors, config, left_over })
}

fn element(dtype: DType) -> Element {
    match dtype {
        DType::F32 => Element::F32,
        DType::F64 => Element::F64,
        DType::F16 => Element::F16,
        DType::BF16 => Element::Bf16,
        _ => Element::Other,
    }
}

fn swapped(mut bytes: Vec<u8>, size: usize) -> Vec<u8> {
    bytes.chunks_mut(size).for_each(<[u8]>::reverse);
    bytes
}

/// What the checkpoint says about its network, taken out of it.
fn configuration(root: &mut HashMap<String, PickleValue>, path: &Path) -> Result<Option<serde_json::Value>> {
    match root.remove(CONFIG) {
        None | Some(PickleValue::None) => Ok(None),
        Some(config @ PickleValue::Dict(_)) => Ok(Some(to_json(config))),
        Some(_) => {
            let reason = "its `config` is no plain dictionary; save one (of an object: `vars(config)`)";
            Err(Error::format(path, reason))
        }
    }
}

/// The names of what is in a state dictionary, none of them twice.
fn names(state: HashMap<String, PickleValue>, path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    flatten(state, "", &mut names);
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::format(path, format!("there are two entries {}, one in a nested dictionary", twice[0])));
    }
    if names.is_empty() {
        let reason = "its state dictionary is empty (one that stands in a file twice is read as such)";
        return Err(Error::format(path, reason));
    }
    Ok(names)
}

/// The names of what is in a dictionary and in those within it.
fn flatten(dictionary: HashMap<String, PickleValue>, before: &str, names: &mut Vec<String>) {
    for (key, value) in dictionary {
        let name = format!("{before}{key}");
        match value {
            PickleValue::Dict(inner) => flatten(inner, &format!("{name}."), names),
            _ => names.push(name),
        }
    }
}

/// A pickled value as JSON; what JSON has no word for becomes an object with its type, which no key that is read may be.
fn to_json(value: PickleValue) -> serde_json::Value {
    match value {
        PickleValue::None => serde_json::Value::Null,
        PickleValue::Bytes(_) => serde_json::json!({ "of type": "bytes" }),
        PickleValue::Unsupported(kind) => serde_json::json!({ "of type": kind }),
        PickleValue::Bool(value) => value.into(),
        PickleValue::Int(value) => value.into(),
        PickleValue::Float(value) => value.into(),
        PickleValue::String(value) => value.into(),
        PickleValue::List(values) => values.into_iter().map(to_json).collect(),
        PickleValue::Dict(values) => values.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
    }
}
