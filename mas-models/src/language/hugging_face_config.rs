//! `config.json` of Hugging Face's transformers, with the older and the newer names of what it says.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Activation, Family, LanguageConfig, Precision};
use crate::decoder::Rotary;
use crate::{Error, Result};

/// A `config.json` that is being read.
struct Reader<'a> {
    keys: &'a Map<String, Value>,
    path: &'a Path,
}

/// The shape of the network that a `config.json` describes. What it leaves out has the value that transformers gives it.
///
/// # Errors
/// Another architecture, a key that is missing or has a value that is not possible, or one that asks for what is not
/// supported. Each names the key.
pub(super) fn parse(text: &str, path: &Path, precision: Precision) -> Result<LanguageConfig> {
    let json: Value = serde_json::from_str(text).map_err(|error| Error::format(path, error))?;
    let keys = json.as_object().ok_or_else(|| Error::format(path, "is no JSON object"))?;
    let reader = Reader { keys, path };
    let family = match reader.text("model_type", "")? {
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "gpt2" => Family::Gpt2,
        "gpt_neox" => Family::GptNeox,
        other => {
            return Err(
                reader.wrong(format!("its model_type is {other:?}; llama, qwen2, gpt2 and gpt_neox can be imported"))
            );
        }
    };
    let mut config = match family {
        Family::Llama | Family::Qwen2 => reader.llama_like(family)?,
        Family::Gpt2 => reader.gpt2()?,
        Family::GptNeox => reader.gpt_neox()?,
    };
    config.precision = precision;
    config.end_tokens = reader.end_tokens(config.vocabulary)?;
    config.check().map_err(|error| Error::format(path, error))?;
    Ok(config)
}

/// The tokens that end a text, as a `generation_config.json` says.
pub(super) fn end_tokens(text: &str, path: &Path, vocabulary: usize) -> Result<Vec<u32>> {
    let json: Value = serde_json::from_str(text).map_err(|error| Error::format(path, error))?;
    let keys = json.as_object().ok_or_else(|| Error::format(path, "is no JSON object"))?;
    Reader { keys, path }.end_tokens(vocabulary)
}

impl Reader<'_> {
    /// The key `eos_token_id`: none, one or several tokens. Defaults that are beyond the vocabulary end nothing.
    fn end_tokens(&self, vocabulary: usize) -> Result<Vec<u32>> {
        let Some(value) = self.get("eos_token_id") else { return Ok(Vec::new()) };
        let several = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let mut ends = Vec::new();
        for end in several {
            let end = end.as_u64().ok_or_else(|| self.wrong(format!("eos_token_id = {value}, must be tokens")))?;
            if let Some(end) = u32::try_from(end).ok().filter(|&end| (end as usize) < vocabulary) {
                ends.push(end);
            }
        }
        Ok(ends)
    }

    fn llama_like(&self, family: Family) -> Result<LanguageConfig> {
        let qwen = family == Family::Qwen2;
        let (width, heads) = (self.count("hidden_size")?, self.count("num_attention_heads")?);
        let head_width = self.count_or("head_dim", width / heads.max(1))?;
        let bias = self.flag("attention_bias", false)?;
        let slides = self
            .keys
            .get("layer_types")
            .and_then(Value::as_array)
            .is_none_or(|layers| layers.iter().any(|layer| layer.as_str() == Some("sliding_attention")));
        if qwen && self.flag("use_sliding_window", false)? && slides {
            return Err(self.wrong("use_sliding_window = true is not supported: every block must attend to everything"));
        }
        let feed_forward_bias = self.flag("mlp_bias", false)?;
        Ok(LanguageConfig {
            family,
            width,
            layers: self.count("num_hidden_layers")?,
            heads,
            key_value_heads: self.count_or("num_key_value_heads", heads)?,
            head_width,
            feed_forward_width: self.count("intermediate_size")?,
            vocabulary: self.count("vocab_size")?,
            context: self.count_or("max_position_embeddings", if qwen { 32_768 } else { 2048 })?,
            norm_epsilon: self.number("rms_norm_eps", 1e-6)?,
            activation: self.activation("hidden_act", "silu")?,
            query_bias: qwen || bias,
            output_bias: !qwen && bias,
            feed_forward_bias,
            parallel: false,
            tied: self.flag("tie_word_embeddings", false)?,
            precision: Precision::F32,
            end_tokens: Vec::new(),
            rotary: Some(self.rotary(head_width, 1.0)?),
        })
    }

    fn gpt2(&self) -> Result<LanguageConfig> {
        for (key, usual) in
            [("scale_attn_weights", true), ("scale_attn_by_inverse_layer_idx", false), ("add_cross_attention", false)]
        {
            if self.flag(key, usual)? != usual {
                return Err(self.wrong(format!("{key} = {} is not supported", !usual)));
            }
        }
        let (width, heads) = (self.count_or("n_embd", 768)?, self.count_or("n_head", 12)?);
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(self.wrong(format!("n_embd = {width} must be a multiple of n_head = {heads}")));
        }
        let four = width.checked_mul(4).ok_or_else(|| self.wrong("n_embd is too large"))?;
        Ok(LanguageConfig {
            family: Family::Gpt2,
            width,
            layers: self.count_or("n_layer", 12)?,
            heads,
            key_value_heads: heads,
            head_width: width / heads,
            feed_forward_width: self.count_or("n_inner", four)?,
            vocabulary: self.count_or("vocab_size", 50_257)?,
            context: self.count_or("n_positions", 1024)?,
            norm_epsilon: self.number("layer_norm_epsilon", 1e-5)?,
            activation: self.activation("activation_function", "gelu_new")?,
            query_bias: true,
            output_bias: true,
            feed_forward_bias: true,
            parallel: false,
            tied: self.flag("tie_word_embeddings", true)?,
            precision: Precision::F32,
            end_tokens: Vec::new(),
            rotary: None,
        })
    }

    fn gpt_neox(&self) -> Result<LanguageConfig> {
        let (width, heads) = (self.count("hidden_size")?, self.count("num_attention_heads")?);
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(
                self.wrong(format!("hidden_size = {width} must be a multiple of num_attention_heads = {heads}"))
            );
        }
        let bias = self.flag("attention_bias", true)?;
        Ok(LanguageConfig {
            family: Family::GptNeox,
            width,
            layers: self.count("num_hidden_layers")?,
            heads,
            key_value_heads: heads,
            head_width: width / heads,
            feed_forward_width: self.count("intermediate_size")?,
            vocabulary: self.count("vocab_size")?,
            context: self.count_or("max_position_embeddings", 2048)?,
            norm_epsilon: self.number("layer_norm_eps", 1e-5)?,
            activation: self.activation("hidden_act", "gelu")?,
            query_bias: bias,
            output_bias: bias,
            feed_forward_bias: true,
            parallel: self.flag("use_parallel_residual", true)?,
            tied: self.flag("tie_word_embeddings", false)?,
            precision: Precision::F32,
            end_tokens: Vec::new(),
            rotary: Some(self.rotary(width / heads, 0.25)?),
        })
    }

    /// What the newer key `rope_parameters` says, or the older ones at the top.
    ///
    /// - `share`: of a head that is turned, where nothing is said
    fn rotary(&self, head: usize, share: f64) -> Result<Rotary> {
        let nested = |key: &str| self.keys.get(key).and_then(Value::as_object).map(|keys| Reader { keys, ..*self });
        let newer = nested("rope_parameters");
        for scaled in newer.iter().chain(&nested("rope_scaling")) {
            let kind = scaled.text("rope_type", scaled.text("type", "default")?)?;
            if kind != "default" {
                return Err(self.wrong(format!("rope_type = {kind:?} is not supported, only \"default\"")));
            }
        }
        let first = |names: &[&str], otherwise: f64| {
            let readers = newer.iter().chain([self]);
            let mut found = readers.flat_map(|reader| names.iter().map(move |name| (reader, *name)));
            match found.find(|(reader, name)| reader.keys.get(*name).is_some_and(|value| !value.is_null())) {
                Some((reader, name)) => reader.number(name, otherwise),
                None => Ok(otherwise),
            }
        };
        let base = first(&["rope_theta", "rotary_emb_base"], 10_000.0)?;
        let share = first(&["partial_rotary_factor", "rotary_pct"], share)?;
        if !(share > 0.0 && share <= 1.0) {
            return Err(
                self.wrong(format!("the share of a head that is turned is {share}, must be above 0 and at most 1"))
            );
        }
        Ok(Rotary { base, width: (head as f64 * share) as usize })
    }

    fn activation(&self, key: &str, otherwise: &str) -> Result<Activation> {
        match self.text(key, otherwise)? {
            "silu" | "swish" => Ok(Activation::Silu),
            "gelu" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
            other => Err(self.wrong(format!("{key} = {other:?}; silu, gelu and gelu_new are supported"))),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn count(&self, key: &str) -> Result<usize> {
        match self.get(key) {
            Some(_) => self.count_or(key, 0),
            None => Err(self.wrong(format!("has no key {key}"))),
        }
    }

    fn count_or(&self, key: &str, otherwise: usize) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(otherwise) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.wrong(format!("{key} = {value}, must be a whole number")))
    }

    fn number(&self, key: &str, otherwise: f64) -> Result<f64> {
        let Some(value) = self.get(key) else { return Ok(otherwise) };
        value.as_f64().ok_or_else(|| self.wrong(format!("{key} = {value}, must be a number")))
    }

    fn flag(&self, key: &str, otherwise: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(otherwise) };
        value.as_bool().ok_or_else(|| self.wrong(format!("{key} = {value}, must be true or false")))
    }

    fn text<'a>(&'a self, key: &str, otherwise: &'a str) -> Result<&'a str> {
        let Some(value) = self.get(key) else { return Ok(otherwise) };
        value.as_str().ok_or_else(|| self.wrong(format!("{key} = {value}, must be text")))
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::format(self.path, reason.into())
    }
}
