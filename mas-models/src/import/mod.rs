//! Networks from the reference implementation of arXiv 2501.06164: its PyTorch checkpoints, and the same
//! state dictionary as safetensors; and plain PyTorch networks whose parts a [`StateMap`] names.

mod check;
mod checkpoint;
mod map;
mod reference;
mod state;

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::description::{FORMAT, NetworkDescription, Origin, Provenance};
use crate::stored::{self, StoredTensors};
use crate::{Architecture, Error, Model, Result, Vocabulary};
use reference::ReferenceConfig;

pub use check::logit_difference;
pub use map::{StateMap, import_mapped};

/// What the caller knows about a file that does not say it itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The task's id (`multi-object`).
    pub task: Option<String>,
    /// The tokens in the order of their ids.
    pub vocabulary: Option<Vocabulary>,
}

/// A network made from a file, and what became of the file's parts.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The network.
    pub network: Model,
    /// What is known about it; [`accepted`](NetworkDescription::accepted) is left open.
    pub description: NetworkDescription,
    /// The file's tensors with the parameters that they became.
    pub mapped: Vec<(String, String)>,
    /// Tensors that are no parameters of the network and were left out, and keys beside the state dictionary.
    pub left_over: Vec<String>,
    /// The file that says what the network is, as far as the caller does not: the checkpoint, the `meta.json` beside it
    /// or the map.
    pub told_by: PathBuf,
}

/// A tensor dictionary, and the configuration that came with it, if one did.
struct Source {
    tensors: StoredTensors,
    config: Option<serde_json::Value>,
    /// What else there was beside them.
    left_over: Vec<String>,
}

/// Imports a network trained by the reference implementation.
///
/// - `path`: `.pt` or `.pth` (zip or legacy format: a checkpoint with `state_dict` and `config`, or a bare
///   state dictionary), or `.safetensors` of the same state dictionary. Where the file has no `config`, that
///   of a `meta.json` beside it is taken.
///
/// A pickle is data: nothing in it is run.
///
/// # Errors
/// Another kind of file, a truncated or hostile one, another architecture than those of this crate, missing
/// or extra tensors, wrong shapes, values that are not finite, a task or a vocabulary that neither the file
/// nor `options` tells, or that they tell differently. Each names the file and the key.
pub fn import(path: impl AsRef<Path>, options: &ImportOptions, device: &Device) -> Result<Imported> {
    let path = path.as_ref();
    let Opened { mut source, hash } = Opened::read(path)?;
    let mut config_path = path.to_path_buf();
    if source.config.is_none() {
        let meta = path.with_file_name("meta.json");
        source.config = beside(&meta)?;
        if source.config.is_some() {
            config_path = meta;
        }
    }
    let config = match &source.config {
        Some(config) => ReferenceConfig::parse(config, &config_path)?,
        None => state::infer(&source.tensors, path)?,
    };
    let shape = config.shape(&config_path)?;
    let vocabulary = agree(config.vocabulary(&config_path)?, options.vocabulary.clone(), "vocabulary", path)?
        .ok_or_else(|| Error::format(path, "neither the file nor the caller tells its vocabulary"))?;
    let task = agree(config.task(&config_path)?, options.task.clone(), "task", path)?;

    let (network, mapped, buffers) = state::map(source.tensors, &shape, path, device)?;
    let description = describe(path, hash, shape, vocabulary, task, config.seed);
    description.check().map_err(|error| Error::format(&config_path, error))?;
    let left_over = [buffers, source.left_over].concat();
    Ok(Imported { network, description, mapped, left_over, told_by: config_path })
}

/// What is known about an imported network.
fn describe(
    path: &Path,
    hash: String,
    architecture: Architecture,
    vocabulary: Vocabulary,
    task: Option<String>,
    seed: Option<u64>,
) -> NetworkDescription {
    let source = path.file_name().map(|name| name.to_string_lossy().into_owned());
    NetworkDescription {
        format: FORMAT,
        task,
        accepted: None,
        seed,
        architecture,
        vocabulary,
        training: None,
        fine_tuning: None,
        provenance: Provenance { source, source_blake3: Some(hash), ..Provenance::here(Origin::Imported) },
    }
}

/// A file that has been read.
struct Opened {
    source: Source,
    /// BLAKE3 of the file.
    hash: String,
}

impl Opened {
    fn read(path: &Path) -> Result<Self> {
        // A pipe would be waited for without end.
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Error::format(path, "is no file"));
        }
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, error))?;
        let source = match path.extension().and_then(|extension| extension.to_str()) {
            Some("pt" | "pth") => checkpoint::read(path, &bytes)?,
            Some("safetensors") => {
                Source { tensors: stored::from_bytes(&bytes, path)?, config: None, left_over: Vec::new() }
            }
            _ => return Err(Error::format(path, "unknown extension; .pt, .pth and .safetensors can be imported")),
        };
        Ok(Self { source, hash: blake3::hash(&bytes).to_hex().to_string() })
    }
}

/// The `config` of a JSON file, if there is such a file.
fn beside(path: &Path) -> Result<Option<serde_json::Value>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    let mut meta: serde_json::Value = serde_json::from_str(&text).map_err(|error| Error::format(path, error))?;
    match meta.get_mut("config") {
        Some(config) => Ok(Some(config.take())),
        None => Err(Error::format(path, "has no key `config`")),
    }
}

/// What the file says and what the caller says, if they do not differ.
fn agree<T: PartialEq + std::fmt::Debug>(
    file: Option<T>,
    caller: Option<T>,
    key: &str,
    path: &Path,
) -> Result<Option<T>> {
    match (file, caller) {
        (Some(file), Some(caller)) if file != caller => {
            Err(Error::format(path, format!("its {key} is {file:?}, but {caller:?} was asked for")))
        }
        (file, caller) => Ok(file.or(caller)),
    }
}
