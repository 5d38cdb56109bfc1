//! Language models from GGUF files, as llama.cpp has them.

mod blocks;
mod file;
mod tokens;

use std::path::Path;

use burn::tensor::Device;

use super::loading::{Origin, Part, Tensors};
use super::{Activation, Family, ImportedLanguageModel, LanguageConfig, LanguageModel, Precision, hugging_face};
use crate::decoder::Rotary;
use crate::{Error, Result};
use file::{GgufFile, Value};

/// Imports a language model from a GGUF file with weights of the types F32, F16, BF16, Q8_0, Q4_0 and Q4_1. Packed
/// weights are unpacked as they are read, and computed with as numbers of `precision`.
///
/// # Errors
/// Another architecture or type of numbers, a truncated or hostile file, missing tensors, ones that the network has no
/// place for, wrong shapes, or values that are not finite. Each names the file and the key or the tensor.
pub fn import_gguf(file: impl AsRef<Path>, precision: Precision, device: &Device) -> Result<ImportedLanguageModel> {
    let path = file.as_ref();
    let mut file = GgufFile::open(path)?;
    let config = config(&file, precision).and_then(|config| {
        config.check().map_err(|error| file.wrong(error.to_string()))?;
        Ok(config)
    })?;
    let known: Vec<String> = config.parameters().iter().map(|spec| origin(&config, &spec.name).tensor).collect();
    if let Some(name) = file.names().find(|name| !known.iter().any(|known| known == name)) {
        return Err(file.wrong(format!("the network has no place for tensor {name}")));
    }
    let tokenizer = tokens::tokenizer(&file)?;
    if let Some(tokenizer) = &tokenizer {
        tokenizer.check(config.vocabulary).map_err(|error| file.wrong(error.to_string()))?;
    }
    let network = LanguageModel::from_files(&config, &mut file, |name| origin(&config, name), device)?;
    let packed = file.kinds().into_iter().filter(|(kind, _)| kind.block().0 > 1);
    let mut notes: Vec<String> = packed
        .map(|(kind, count)| format!("{count} tensors of {} were unpacked to {}", kind.name(), precision.id()))
        .collect();
    if tokenizer.is_none() {
        notes
            .push("its tokenizer is of a kind that is not supported: put its tokenizer.json beside the weights".into());
    }
    let description = hugging_face::description(&config, path);
    description.check().map_err(|error| Error::format(path, error))?;
    Ok(ImportedLanguageModel { network, description, left_over: Vec::new(), tokenizer, notes })
}

/// The shape of the network.
fn config(file: &GgufFile, precision: Precision) -> Result<LanguageConfig> {
    let name = text(file, "general.architecture")?;
    let family = match name {
        "llama" => Family::Llama,
        "qwen2" => Family::Qwen2,
        "gpt2" => Family::Gpt2,
        "gptneox" => Family::GptNeox,
        other => {
            return Err(file.wrong(format!(
                "its general.architecture is {other:?}; llama, qwen2, gpt2 and gptneox can be imported"
            )));
        }
    };
    let llama_like = family.is_llama_like();
    let key = |rest: &str| format!("{name}.{rest}");
    let width = count(file, &key("embedding_length"), None)?;
    let heads = count(file, &key("attention.head_count"), None)?;
    let head_width = count(file, &key("attention.key_length"), Some(width / heads.max(1)))?;
    let scaling = match file.get(&key("rope.scaling.type")) {
        Some(_) => text(file, &key("rope.scaling.type"))?,
        None => "none",
    };
    if scaling != "none" {
        return Err(file.wrong(format!("{} = {scaling:?} is not supported, only \"none\"", key("rope.scaling.type"))));
    }
    let rotary = match family {
        Family::Gpt2 => None,
        _ => Some(Rotary {
            base: number(file, &key("rope.freq_base"), Some(10_000.0))?,
            width: count(file, &key("rope.dimension_count"), Some(head_width))?,
        }),
    };
    let epsilon = if llama_like { "attention.layer_norm_rms_epsilon" } else { "attention.layer_norm_epsilon" };
    let embedding = file.shape("token_embd.weight").ok_or_else(|| file.wrong("tensor token_embd.weight is missing"))?;
    let has = |tensor: &str| file.shape(tensor).is_some();
    let fused = !llama_like;
    Ok(LanguageConfig {
        family,
        width,
        layers: count(file, &key("block_count"), None)?,
        heads,
        key_value_heads: count(file, &key("attention.head_count_kv"), Some(heads))?,
        head_width,
        feed_forward_width: count(file, &key("feed_forward_length"), None)?,
        vocabulary: embedding.first().copied().unwrap_or(0),
        context: count(file, &key("context_length"), None)?,
        norm_epsilon: number(file, &key(epsilon), None)?,
        activation: match family {
            Family::Llama | Family::Qwen2 => Activation::Silu,
            Family::Gpt2 => Activation::GeluTanh,
            Family::GptNeox => Activation::Gelu,
        },
        query_bias: has(if fused { "blk.0.attn_qkv.bias" } else { "blk.0.attn_q.bias" }),
        output_bias: has("blk.0.attn_output.bias"),
        feed_forward_bias: has("blk.0.ffn_up.bias"),
        parallel: match file.get(&key("use_parallel_residual")) {
            Some(Value::Flag(parallel)) => *parallel,
            _ => family == Family::GptNeox,
        },
        tied: !has("output.weight"),
        precision,
        end_tokens: end_tokens(file, embedding.first().copied().unwrap_or(0))?,
        rotary,
    })
}

/// The tokens that end a text or a turn.
fn end_tokens(file: &GgufFile, vocabulary: usize) -> Result<Vec<u32>> {
    let mut ends = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
        if file.get(key).is_some() {
            let end = count(file, key, None)?;
            if end < vocabulary && !ends.contains(&(end as u32)) {
                ends.push(end as u32);
            }
        }
    }
    Ok(ends)
}

/// Where the parameter called `name` here is in the file.
fn origin(config: &LanguageConfig, name: &str) -> Origin {
    let whole = |tensor: &str| Origin { tensor: tensor.into(), part: Part::Whole };
    let parts: Vec<&str> = name.split('.').collect();
    let [_, layer, module, kind] = parts[..] else {
        return whole(match name {
            "embedding" => "token_embd.weight",
            "positions" => "position_embd.weight",
            "norm.scale" => "output_norm.weight",
            "norm.shift" => "output_norm.bias",
            _ => "output.weight",
        });
    };
    let kind = if matches!(kind, "w" | "scale") { "weight" } else { "bias" };
    let width = config.heads * config.head_width;
    let third = |first: usize| Part::Rows { first: first * width, of: 3 * width };
    // llama.cpp turns neighbours where the network was trained to turn halves.
    let turned = |heads: usize| if config.family == Family::Llama { Part::Neighbours { heads } } else { Part::Whole };
    let (module, part) = match (module, config.family.is_llama_like()) {
        ("norm_1", _) => ("attn_norm", Part::Whole),
        ("norm_2", _) => ("ffn_norm", Part::Whole),
        ("query", true) => ("attn_q", turned(config.heads)),
        ("key", true) => ("attn_k", turned(config.key_value_heads)),
        ("value", true) => ("attn_v", Part::Whole),
        ("query", false) => ("attn_qkv", third(0)),
        ("key", false) => ("attn_qkv", third(1)),
        ("value", false) => ("attn_qkv", third(2)),
        ("output", _) => ("attn_output", Part::Whole),
        ("gate", _) => ("ffn_gate", Part::Whole),
        ("expand", _) => ("ffn_up", Part::Whole),
        _ => ("ffn_down", Part::Whole),
    };
    Origin { tensor: format!("blk.{layer}.{module}.{kind}"), part }
}

fn text<'a>(file: &'a GgufFile, key: &str) -> Result<&'a str> {
    match file.get(key) {
        Some(Value::Text(text)) => Ok(text),
        Some(_) => Err(file.wrong(format!("{key} must be text"))),
        None => Err(file.wrong(format!("has no key {key}"))),
    }
}

fn count(file: &GgufFile, key: &str, otherwise: Option<usize>) -> Result<usize> {
    match (file.get(key), otherwise) {
        (Some(Value::Whole(whole)), _) => {
            usize::try_from(*whole).map_err(|_| file.wrong(format!("{key} = {whole}, which is not possible")))
        }
        (None, Some(otherwise)) => Ok(otherwise),
        (None, None) => Err(file.wrong(format!("has no key {key}"))),
        (Some(_), _) => Err(file.wrong(format!("{key} must be one whole number"))),
    }
}

fn number(file: &GgufFile, key: &str, otherwise: Option<f64>) -> Result<f64> {
    match (file.get(key), otherwise) {
        (Some(Value::Number(number)), _) => Ok(*number),
        (None, Some(otherwise)) => Ok(otherwise),
        (None, None) => Err(file.wrong(format!("has no key {key}"))),
        (Some(_), _) => Err(file.wrong(format!("{key} must be a number"))),
    }
}
