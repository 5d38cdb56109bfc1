//! State dictionaries of plain PyTorch networks, with a file that names their parts.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::Deserialize;

use super::{ImportOptions, Imported, Opened, agree, state};
use crate::stored::StoredTensors;
use crate::{CellKind, Error, RecurrentConfig, Result, Vocabulary};

/// Which tensors of a state dictionary are which parts of a recurrent network: a `torch.nn.Embedding`, a
/// `torch.nn.GRU`, `LSTM` or (tanh) `RNN`, one-directional and with biases, and a read-out of one `torch.nn.Linear`, or
/// of two with an exact `torch.nn.GELU` between them. Widths and the number of layers are those of the tensors.
///
/// ```toml
/// cell = "gru"                       # gru, lstm or rnn
/// embedding = "embedding"            # there is a tensor embedding.weight
/// recurrent = "rnn"                  # there are rnn.weight_ih_l0, rnn.weight_hh_l0, …
/// read-out = ["head.0", "head.2"]    # there are head.0.weight, head.0.bias, …
/// tokens = ["P", "B", "E", "D0", "D1", "D2", "R", "T"]    # in the order of their ids
/// begin = "B"
/// end = "E"
/// pad = "P"
/// task = "multi-object"              # if it does one
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StateMap {
    /// The recurrent layers' cell.
    pub cell: CellKind,
    /// The embedding's name.
    pub embedding: String,
    /// The recurrent layers' name.
    pub recurrent: String,
    /// The names of the read-out's one or two linear layers.
    pub read_out: Vec<String>,
    /// The tokens in the order of their ids.
    pub tokens: Vec<String>,
    /// The token that begins a sequence.
    #[serde(default)]
    pub begin: Option<String>,
    /// The token that ends a sequence.
    #[serde(default)]
    pub end: Option<String>,
    /// The token that fills up shorter sequences.
    #[serde(default)]
    pub pad: Option<String>,
    /// The token that stands for nothing.
    #[serde(default)]
    pub void: Option<String>,
    /// The task's id.
    #[serde(default)]
    pub task: Option<String>,
    /// Where it was read from.
    #[serde(skip)]
    path: PathBuf,
}

impl StateMap {
    /// Reads a map.
    ///
    /// # Errors
    /// A file that cannot be read, a missing or unknown key with its line, another number of linear layers than one or
    /// two, a name of two parts.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        let map: Self = toml::from_str(&text).map_err(|error| Error::format(path, error))?;
        if !matches!(map.read_out.len(), 1 | 2) {
            return Err(Error::format(path, format!("read-out names {} layers, must be 1 or 2", map.read_out.len())));
        }
        let mut names: Vec<&String> = [&map.embedding, &map.recurrent].into_iter().chain(&map.read_out).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::format(path, format!("{:?} is the name of two parts", twice[0])));
        }
        Ok(Self { path: path.to_path_buf(), ..map })
    }

    fn vocabulary(&self) -> Result<Vocabulary> {
        let vocabulary = Vocabulary::new(self.tokens.clone());
        let special = |key: &str, token: &Option<String>| match token {
            None => Ok(None),
            Some(token) => match vocabulary.id(token) {
                Some(id) => Ok(Some(id)),
                None => Err(Error::format(&self.path, format!("{key} = {token:?}, which is not among its tokens"))),
            },
        };
        Ok(Vocabulary {
            begin: special("begin", &self.begin)?,
            end: special("end", &self.end)?,
            pad: special("pad", &self.pad)?,
            void: special("void", &self.void)?,
            ..vocabulary.clone()
        })
    }

    /// Refuses what PyTorch's recurrent modules can be beyond what is read here, by the tensor that shows it.
    fn check_plain(&self, tensors: &StoredTensors, path: &Path) -> Result<()> {
        let inside = |name: &str| name.strip_prefix(&self.recurrent)?.strip_prefix('.').map(str::to_owned);
        let kind = |name: &str| match inside(name)? {
            own if own.ends_with("_reverse") => Some("a bidirectional network"),
            own if own.starts_with("weight_hr_") => Some("an LSTM with projections (`proj_size`)"),
            _ => None,
        };
        if let Some((name, kind)) = tensors.keys().find_map(|name| Some((name, kind(name)?))) {
            return Err(Error::format(path, format!("tensor {name} is that of {kind}, which cannot be imported")));
        }
        let bias = format!("{}.bias_ih_l0", self.recurrent);
        if tensors.contains_key(&format!("{}.weight_ih_l0", self.recurrent)) && !tensors.contains_key(&bias) {
            let reason = format!("tensor {bias} is missing; a network without biases cannot be imported");
            return Err(Error::format(path, reason));
        }
        Ok(())
    }

    /// The shape that the tensors have.
    fn shape(&self, tensors: &StoredTensors, path: &Path) -> Result<RecurrentConfig> {
        let matrix = |name: String| match tensors.get(&name).map(|tensor| tensor.shape.as_slice()) {
            Some(&[rows, columns]) => Ok([rows, columns]),
            Some(other) => Err(Error::format(path, format!("tensor {name} is {other:?}, must be a matrix"))),
            None => Err(Error::format(path, format!("tensor {name} is missing"))),
        };
        self.check_plain(tensors, path)?;
        let [vocabulary, embedding] = matrix(format!("{}.weight", self.embedding))?;
        let [_, output] = matrix(format!("{}.weight_hh_l0", self.recurrent))?;
        let layer = |layer: &usize| tensors.contains_key(&format!("{}.weight_hh_l{layer}", self.recurrent));
        let units = match self.read_out.as_slice() {
            [hidden, _] => matrix(format!("{hidden}.weight"))?[0],
            _ => 0,
        };
        let width = if self.cell == CellKind::Lstm { 2 * output } else { output };
        let shape = RecurrentConfig::new(self.cell, width, vocabulary).with_layers((0..).take_while(layer).count());
        let shape = RecurrentConfig {
            embedding: Some(embedding).filter(|&own| own != width),
            read_out: Some(units).filter(|&own| own != shape.read_out_width()),
            ..shape
        };
        shape.check().map_err(|error| Error::format(path, error))?;
        Ok(shape)
    }

    /// PyTorch's name for a parameter.
    fn name(&self, parameter: &str) -> Option<String> {
        let kind = |name: &str| if name.starts_with('w') { "weight" } else { "bias" };
        if parameter == "embedding" {
            return Some(format!("{}.weight", self.embedding));
        }
        if let Some(name) = parameter.strip_prefix("read_out.") {
            let layer = if name.ends_with("_in") { self.read_out.first() } else { self.read_out.last() };
            return Some(format!("{}.{}", layer?, kind(name)));
        }
        let (layer, name) = parameter.strip_prefix("cell.")?.split_once('.')?;
        let (_, half) = name.split_once('_')?;
        Some(format!("{}.{}_{half}_l{layer}", self.recurrent, kind(name)))
    }
}

/// Imports a plain PyTorch network: the state dictionary of an embedding, recurrent layers and a read-out.
///
/// - `path`: `.pt` or `.pth`, or `.safetensors`; see [`import`](super::import)
///
/// # Errors
/// Those of [`import`](super::import); a tensor that `map` names and the file lacks, or has and `map` does not name.
pub fn import_mapped(
    path: impl AsRef<Path>,
    map: &StateMap,
    options: &ImportOptions,
    device: &Device,
) -> Result<Imported> {
    let path = path.as_ref();
    let Opened { source, hash } = Opened::read(path)?;
    let shape = map.shape(&source.tensors, path)?;
    let vocabulary = agree(Some(map.vocabulary()?), options.vocabulary.clone(), "vocabulary", &map.path)?;
    let task = agree(map.task.clone(), options.task.clone(), "task", &map.path)?;
    let shape = shape.into();
    let (network, mapped) = state::map_named(source.tensors, &shape, |name| map.name(name), path, device)?;
    let description = super::describe(path, hash, shape, vocabulary.unwrap_or_default(), task, None);
    description.check().map_err(|error| Error::format(&map.path, error))?;
    Ok(Imported { network, description, mapped, left_over: source.left_over, told_by: map.path.clone() })
}
