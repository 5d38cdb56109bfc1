//! The configuration that the reference implementation saves with a network.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::{Architecture, CellKind, Error, NormPlacement, RecurrentConfig, Result, TransformerConfig, Vocabulary};

/// The keys of it that matter here; it has many more.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReferenceConfig {
    pub model_type: String,
    pub d_model: usize,
    pub n_layers: usize,
    #[serde(default)]
    pub n_heads: Option<usize>,
    #[serde(default)]
    pub llama: Option<bool>,
    #[serde(default)]
    pub encoder_layer_class: Option<String>,
    #[serde(default)]
    pub pos_enc_class: Option<String>,
    #[serde(default)]
    pub l_norm: Option<bool>,
    #[serde(default)]
    pub h_norm: Option<serde_json::Value>,
    pub n_tokens: usize,
    #[serde(default)]
    pub out_tokens: Option<usize>,
    #[serde(default)]
    pub word2id: Option<BTreeMap<String, usize>>,
    #[serde(default)]
    pub info: Option<Special>,
    #[serde(default)]
    pub task_type: Option<String>,
    #[serde(default)]
    pub seed: Option<u64>,
}

/// The special tokens.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Special {
    bos_token: Option<String>,
    eos_token: Option<String>,
    pad_token: Option<String>,
    unk_token: Option<String>,
}

/// The reference's task names and ours.
const TASKS: [(&str, &str); 7] = [
    ("MultiObject", "multi-object"),
    ("SameObject", "same-object"),
    ("SingleObject", "single-object"),
    ("MultiObjectMod", "modulo"),
    ("MultiObjectRound", "rounding"),
    ("MultiObjectSquare", "square"),
    ("Arithmetic", "arithmetic"),
];

impl ReferenceConfig {
    /// - `path`: the file that `config` was read from
    pub fn parse(config: &serde_json::Value, path: &Path) -> Result<Self> {
        serde_path_to_error::deserialize(config).map_err(|error| match error.path().iter().next() {
            // A key that is missing has no place.
            None => Error::format(path, format!("config: {}", error.inner())),
            Some(_) => Error::format(path, format!("config.{}: {}", error.path(), error.inner())),
        })
    }

    /// The network's shape.
    pub fn shape(&self, path: &Path) -> Result<Architecture> {
        let refuse = |reason: String| Err(Error::format(path, reason));
        if let Some(h_norm) = self.h_norm.as_ref().filter(|norm| !norm.is_null() && **norm != false) {
            return refuse(format!("config.h_norm is {h_norm}, but networks with a norm cannot be imported"));
        }
        if let Some(out) = self.out_tokens.filter(|&out| out != self.n_tokens) {
            return refuse(format!(
                "config.out_tokens is {out}, config.n_tokens {}; they must be equal",
                self.n_tokens
            ));
        }
        let recurrent = |cell| {
            RecurrentConfig::new(cell, self.d_model, self.n_tokens)
                .with_layers(self.n_layers)
                .with_layer_norm(self.l_norm == Some(true))
                .into()
        };
        let shape: Architecture = match self.model_type.as_str() {
            "GRU" => recurrent(CellKind::Gru),
            "LSTM" => recurrent(CellKind::Lstm),
            "RNN" => recurrent(CellKind::Rnn),
            "Transformer" => self.transformer(path)?.into(),
            other => {
                return refuse(format!(
                    "config.model_type is {other:?}, but only \"GRU\", \"LSTM\", \"RNN\" and \"Transformer\" can be imported"
                ));
            }
        };
        shape.check().map_err(|error| Error::format(path, format!("config: {error}")))?;
        Ok(shape)
    }

    fn transformer(&self, path: &Path) -> Result<TransformerConfig> {
        for (key, class, known) in [
            ("encoder_layer_class", &self.encoder_layer_class, "RotaryEncoderLayer"),
            ("pos_enc_class", &self.pos_enc_class, "IdentityPositionalEncoding"),
        ] {
            if class.as_ref().is_some_and(|class| class != known) {
                let reason =
                    format!("config.{key} is {:?}, but only {known:?} can be imported", class.as_deref().unwrap_or(""));
                return Err(Error::format(path, reason));
            }
        }
        let missing = |key: &str| Error::format(path, format!("config.{key} is missing, which a transformer needs"));
        let llama = self.llama.ok_or_else(|| missing("llama"))?;
        let heads = self.n_heads.ok_or_else(|| missing("n_heads"))?;
        let norms = if llama { NormPlacement::Before } else { NormPlacement::Around };
        let shape = TransformerConfig::new(self.d_model, self.n_tokens);
        Ok(shape.with_layers(self.n_layers).with_heads(heads).with_norms(norms))
    }

    /// The task's id.
    pub fn task(&self, path: &Path) -> Result<Option<String>> {
        let Some(name) = &self.task_type else { return Ok(None) };
        match TASKS.iter().find(|(theirs, _)| theirs == name) {
            Some((_, ours)) => Ok(Some(ours.to_string())),
            None => {
                let known: Vec<_> = TASKS.iter().map(|(theirs, _)| *theirs).collect();
                Err(Error::format(path, format!("config.task_type is {name:?}; known are {}", known.join(", "))))
            }
        }
    }

    /// The tokens in the order of their ids.
    pub fn vocabulary(&self, path: &Path) -> Result<Option<Vocabulary>> {
        let Some(ids) = &self.word2id else { return Ok(None) };
        if ids.len() != self.n_tokens {
            let reason = format!("config.word2id has {} tokens, config.n_tokens is {}", ids.len(), self.n_tokens);
            return Err(Error::format(path, reason));
        }
        let mut tokens: Vec<Option<&str>> = vec![None; ids.len()];
        for (token, &id) in ids {
            match tokens.get_mut(id) {
                Some(place @ None) => *place = Some(token),
                _ => {
                    return Err(Error::format(
                        path,
                        format!("config.word2id.{token} is {id}: beyond the end, or twice"),
                    ));
                }
            }
        }
        let tokens = tokens.into_iter().flatten().map(String::from).collect();
        let mut vocabulary = Vocabulary::new(tokens);
        let info = self.info.clone().unwrap_or_default();
        if self.info.is_some()
            && [&info.bos_token, &info.eos_token, &info.pad_token].iter().all(|token| token.is_none())
        {
            return Err(Error::format(path, "config.info names none of bos_token, eos_token and pad_token"));
        }
        let special = |key: &str, named: Option<String>| match named {
            None => Ok(None),
            Some(token) => match vocabulary.id(&token) {
                Some(id) => Ok(Some(id)),
                None => Err(Error::format(path, format!("config.info.{key} is {token:?}, which config.word2id lacks"))),
            },
        };
        let (begin, end) = (special("bos_token", info.bos_token)?, special("eos_token", info.eos_token)?);
        let (pad, void) = (special("pad_token", info.pad_token)?, special("unk_token", info.unk_token)?);
        vocabulary = Vocabulary { begin, end, pad, void: void.or(vocabulary.id("U")), ..vocabulary };
        Ok(Some(vocabulary))
    }
}
