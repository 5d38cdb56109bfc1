use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde_json::Value;

use super::loading::Tensors;
use super::tensor_files::TensorFiles;
use super::{LanguageConfig, LanguageModel, Precision, Tokenizer, hugging_face_config, names};
use crate::description::{FORMAT, Origin, Provenance};
use crate::{Error, NetworkDescription, Result, Vocabulary};

const CONFIG: &str = "config.json";
const GENERATION: &str = "generation_config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A language model from elsewhere, and what became of its parts.
#[derive(Debug, Clone)]
pub struct ImportedLanguageModel {
    /// The network.
    pub network: LanguageModel,
    /// What is known about it.
    pub description: NetworkDescription,
    /// Tensors that are no parameters of the network and were left out: masks and tables that it computes.
    pub left_over: Vec<String>,
    /// What turns text into its tokens, where it came with that.
    pub tokenizer: Option<Tokenizer>,
    /// What else is to be known about the import: how weights were changed, what is missing.
    pub notes: Vec<String>,
}

/// Imports a language model from a folder as Hugging Face has it: `config.json`, and `model.safetensors` or the shards
/// that `model.safetensors.index.json` names.
///
/// Tensors are read one at a time, so that memory is the weights and little more.
///
/// # Errors
/// Another architecture, a missing shard, a truncated or hostile file, missing tensors, ones that the network has no
/// place for, wrong shapes, or values that are not finite. Each names the file and the key or the tensor.
pub fn import_hugging_face(
    folder: impl AsRef<Path>,
    precision: Precision,
    device: &Device,
) -> Result<ImportedLanguageModel> {
    let folder = folder.as_ref();
    let path = folder.join(CONFIG);
    let bytes = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::format(&path, "is not UTF-8 text"))?;
    let mut config = hugging_face_config::parse(&text, &path, precision)?;
    let generation = folder.join(GENERATION);
    if generation.is_file() {
        let text = std::fs::read_to_string(&generation).map_err(|error| Error::io(&generation, error))?;
        for end in hugging_face_config::end_tokens(&text, &generation, config.vocabulary)? {
            if !config.end_tokens.contains(&end) {
                config.end_tokens.push(end);
            }
        }
    }
    let tokenizer = Tokenizer::load(folder)?;
    if let Some(tokenizer) = &tokenizer {
        tokenizer.check(config.vocabulary).map_err(|error| Error::format(folder, error))?;
    }
    let paths = weight_files(folder)?;
    let mut files = TensorFiles::open(&paths)?;

    // Checkpoints of the bare network leave the prefix out.
    let prefix = names::prefix(config.family);
    let prefix = if files.names().any(|name| name.starts_with(prefix)) { prefix } else { "" };
    let origin = |name: &str| names::origin(&config, prefix, name);
    let known: BTreeSet<String> = config.parameters().iter().map(|spec| origin(&spec.name).tensor).collect();
    let others = files.names().filter(|name| !known.contains(*name)).map(String::from);
    let (left_over, strange): (Vec<_>, Vec<_>) = others.partition(|name| names::is_computed(&config, name));
    let network = LanguageModel::from_files(&config, &mut files, origin, device)?;
    if let Some(name) = strange.first() {
        return Err(Error::format(files.path(name), format!("the network has no place for tensor {name}")));
    }
    let description = description(&config, folder);
    description.check().map_err(|error| Error::format(&path, error))?;
    let notes = match &tokenizer {
        Some(_) => Vec::new(),
        None => vec!["there is no tokenizer.json: the network reads and writes token ids only".into()],
    };
    Ok(ImportedLanguageModel { network, description, left_over, tokenizer, notes })
}

/// What is known about a language model that was imported from `source`.
pub(super) fn description(config: &LanguageConfig, source: &Path) -> NetworkDescription {
    let source = std::fs::canonicalize(source).unwrap_or_else(|_| source.to_path_buf());
    let source = source.file_name().map(|name| name.to_string_lossy().into_owned());
    NetworkDescription {
        format: FORMAT,
        task: None,
        accepted: None,
        seed: None,
        architecture: config.clone().into(),
        vocabulary: Vocabulary::default(),
        training: None,
        fine_tuning: None,
        provenance: Provenance { source, ..Provenance::here(Origin::Imported) },
    }
}

/// The files that have the weights.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let index = folder.join(INDEX);
    if !index.is_file() {
        let whole = folder.join(WEIGHTS);
        return match whole.is_file() {
            true => Ok(vec![whole]),
            false => Err(Error::format(folder, format!("has neither {WEIGHTS} nor {INDEX}"))),
        };
    }
    let text = std::fs::read_to_string(&index).map_err(|error| Error::io(&index, error))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| Error::format(&index, error))?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| Error::format(&index, "has no key weight_map that says where each tensor is"))?;
    let mut shards = BTreeSet::new();
    for (tensor, shard) in map {
        // A shard is a file beside the index, not one somewhere else.
        let shard = shard.as_str().filter(|shard| !shard.contains(['/', '\\']) && shard.ends_with(".safetensors"));
        shards.insert(shard.ok_or_else(|| {
            Error::format(&index, format!("weight_map says of {tensor} no name of a .safetensors file beside it"))
        })?);
    }
    if let Some(missing) = shards.iter().find(|shard| !folder.join(shard).is_file()) {
        return Err(Error::format(folder, format!("the shard {missing}, which {INDEX} names, is missing")));
    }
    Ok(shards.into_iter().map(|shard| folder.join(shard)).collect())
}
