//! The tokenizer that a GGUF file describes.

use serde_json::{Value as Json, json};

use super::file::{GgufFile, Value};
use crate::Result;
use crate::language::Tokenizer;

/// A token that stands for something other than text, as an end.
const CONTROL: i128 = 3;

/// A token that stands for itself and is found before anything else.
const OF_THE_USER: i128 = 4;

/// How Qwen2's tokenizer cuts text before bytes are merged.
const QWEN2: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Byte-level byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909), with text cut as the file says; nothing for
/// another kind of tokenizer.
pub(super) fn tokenizer(file: &GgufFile) -> Result<Option<Tokenizer>> {
    if file.get("tokenizer.ggml.model") != Some(&Value::Text("gpt2".into())) {
        return Ok(None);
    }
    let kind = match file.get("tokenizer.ggml.pre") {
        Some(Value::Text(kind)) => kind.as_str(),
        _ => "gpt-2",
    };
    let bytes = |by_pattern: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": by_pattern });
    let cut = match kind {
        "gpt-2" => bytes(true),
        "smollm" => {
            let digits = json!({ "type": "Digits", "individual_digits": true });
            json!({ "type": "Sequence", "pretokenizers": [digits, bytes(true)] })
        }
        "qwen2" | "deepseek-r1-qwen" => {
            let split =
                json!({ "type": "Split", "pattern": { "Regex": QWEN2 }, "behavior": "Isolated", "invert": false });
            json!({ "type": "Sequence", "pretokenizers": [split, bytes(false)] })
        }
        _ => return Ok(None),
    };
    let tokens = texts(file, "tokenizer.ggml.tokens")?;
    let merges = texts(file, "tokenizer.ggml.merges")?;
    let kinds: &[Value] = match file.get("tokenizer.ggml.token_type") {
        Some(Value::List(kinds)) => kinds,
        _ => &[],
    };
    let added = |kind: i128| {
        let of_kind =
            kinds.iter().zip(&tokens).enumerate().filter(move |(_, (other, _))| **other == Value::Whole(kind));
        of_kind.map(move |(id, (_, token))| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": kind == CONTROL
            })
        })
    };
    let mut added: Vec<Json> = added(CONTROL).chain(added(OF_THE_USER)).collect();
    added.sort_by_key(|token| token["id"].as_u64());
    let vocabulary: serde_json::Map<String, Json> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    let json = json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": if kind == "qwen2" { json!({ "type": "NFC" }) } else { Json::Null },
        "pre_tokenizer": cut,
        "post_processor": beginning(file, &tokens)?,
        "decoder": bytes(true),
        "model": { "type": "BPE", "vocab": vocabulary, "merges": merges }
    });
    Tokenizer::from_json(&json.to_string()).map(Some).map_err(|error| file.wrong(error.to_string()))
}

/// What puts the token at the beginning of every text that the file asks for; null if it asks for none.
fn beginning(file: &GgufFile, tokens: &[&str]) -> Result<Json> {
    if file.get("tokenizer.ggml.add_bos_token") != Some(&Value::Flag(true)) {
        return Ok(Json::Null);
    }
    let key = "tokenizer.ggml.bos_token_id";
    let id = super::count(file, key, None)?;
    let token =
        tokens.get(id).ok_or_else(|| file.wrong(format!("{key} = {id}, but there are {} tokens", tokens.len())))?;
    let first = json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let text = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
    Ok(json!({
        "type": "TemplateProcessing",
        "single": [first, text("A")],
        "pair": [first, text("A"), first, text("B")],
        "special_tokens": { *token: { "id": token, "ids": [id], "tokens": [token] } }
    }))
}

fn texts<'a>(file: &'a GgufFile, key: &str) -> Result<Vec<&'a str>> {
    let Some(Value::List(values)) = file.get(key) else {
        return Err(file.wrong(format!("has no list {key}")));
    };
    let text = |value: &'a Value| match value {
        Value::Text(text) => Ok(text.as_str()),
        _ => Err(file.wrong(format!("{key} must be a list of texts"))),
    };
    values.iter().map(text).collect()
}
