//! What the files of Hugging Face call a parameter.

use super::loading::{Origin, Part};
use super::{Family, LanguageConfig};

/// Where the parameter called `name` here is in a file of this family.
///
/// - `prefix`: what stands before the names of everything but the read-out
pub(super) fn origin(config: &LanguageConfig, prefix: &str, name: &str) -> Origin {
    let whole = |tensor: String| Origin { tensor, part: Part::Whole };
    let fixed = match (config.family, name) {
        (Family::Llama | Family::Qwen2, "embedding") => "embed_tokens.weight",
        (Family::Llama | Family::Qwen2, "norm.scale") => "norm.weight",
        (Family::Gpt2, "embedding") => "wte.weight",
        (Family::Gpt2, "positions") => "wpe.weight",
        (Family::Gpt2, "norm.scale") => "ln_f.weight",
        (Family::Gpt2, "norm.shift") => "ln_f.bias",
        (Family::GptNeox, "embedding") => "embed_in.weight",
        (Family::GptNeox, "norm.scale") => "final_layer_norm.weight",
        (Family::GptNeox, "norm.shift") => "final_layer_norm.bias",
        _ => "",
    };
    if !fixed.is_empty() {
        return whole(format!("{prefix}{fixed}"));
    }
    // `layer.3.query.w`
    let parts: Vec<&str> = name.split('.').collect();
    let [_, layer, module, kind] = parts[..] else {
        let read_out = if config.family == Family::GptNeox { "embed_out.weight" } else { "lm_head.weight" };
        return whole(read_out.into());
    };
    let kind = if matches!(kind, "w" | "scale") { "weight" } else { "bias" };
    match config.family {
        Family::Llama | Family::Qwen2 => {
            let module = match module {
                "norm_1" => "input_layernorm",
                "norm_2" => "post_attention_layernorm",
                "query" => "self_attn.q_proj",
                "key" => "self_attn.k_proj",
                "value" => "self_attn.v_proj",
                "output" => "self_attn.o_proj",
                "gate" => "mlp.gate_proj",
                "expand" => "mlp.up_proj",
                _ => "mlp.down_proj",
            };
            whole(format!("{prefix}layers.{layer}.{module}.{kind}"))
        }
        Family::Gpt2 => {
            let width = config.width;
            // Weights are [in, out], those of queries, keys and values side by side.
            let (module, first, of) = match module {
                "norm_1" => ("ln_1", 0, 0),
                "norm_2" => ("ln_2", 0, 0),
                "query" => ("attn.c_attn", 0, 3 * width),
                "key" => ("attn.c_attn", width, 3 * width),
                "value" => ("attn.c_attn", 2 * width, 3 * width),
                "output" => ("attn.c_proj", 0, width),
                "expand" => ("mlp.c_fc", 0, config.feed_forward_width),
                _ => ("mlp.c_proj", 0, width),
            };
            let part = if of == 0 { Part::Whole } else { Part::Columns { first, of } };
            Origin { tensor: format!("{prefix}h.{layer}.{module}.{kind}"), part }
        }
        Family::GptNeox => {
            let third = |which| Part::Third { which, heads: config.heads };
            let (module, part) = match module {
                "norm_1" => ("input_layernorm", Part::Whole),
                "norm_2" => ("post_attention_layernorm", Part::Whole),
                "query" => ("attention.query_key_value", third(0)),
                "key" => ("attention.query_key_value", third(1)),
                "value" => ("attention.query_key_value", third(2)),
                "output" => ("attention.dense", Part::Whole),
                "expand" => ("mlp.dense_h_to_4h", Part::Whole),
                _ => ("mlp.dense_4h_to_h", Part::Whole),
            };
            Origin { tensor: format!("{prefix}layers.{layer}.{module}.{kind}"), part }
        }
    }
}

/// What the names of a family's tensors begin with, but for those of checkpoints of the bare network.
pub(super) fn prefix(family: Family) -> &'static str {
    match family {
        Family::Llama | Family::Qwen2 => "model.",
        Family::Gpt2 => "transformer.",
        Family::GptNeox => "gpt_neox.",
    }
}

/// Whether a tensor is a mask or a table that the network computes, or a read-out that is the embedding.
pub(super) fn is_computed(config: &LanguageConfig, tensor: &str) -> bool {
    let tables =
        [".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"];
    tables.iter().any(|table| tensor.ends_with(table)) || (config.tied && tensor == "lm_head.weight")
}
