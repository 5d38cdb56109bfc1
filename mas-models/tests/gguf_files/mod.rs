//! Writes GGUF files of the fixtures as llama.cpp's `convert_hf_to_gguf.py` lays them out, for tests only.

use std::path::Path;

use burn::tensor::f16;
use serde_json::Value as Json;

/// Something that a file says.
#[derive(Clone)]
pub enum Value {
    Count(u32),
    Number(f32),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i32>),
}

/// How a tensor's numbers are packed.
#[derive(Clone, Copy)]
pub enum Kind {
    F32,
    F16,
    Q8_0,
    Q4_0,
    Q4_1,
}

#[derive(Clone)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    id: u32,
    bytes: Vec<u8>,
    /// What the packed numbers stand for.
    numbers: Vec<f32>,
}

/// A file to be.
#[derive(Clone)]
pub struct Gguf {
    keys: Vec<(String, Value)>,
    tensors: Vec<Tensor>,
}

impl Gguf {
    /// The network in a Hugging Face folder, its tensors packed as `kind` says by their name and the length of a row.
    pub fn of(folder: &Path, kind: impl Fn(&str, usize) -> Kind) -> Self {
        let config: Json = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
        let text = |key: &str| config[key].as_str().unwrap().to_owned();
        let count = |keys: [&str; 2]| keys.iter().find_map(|key| config[*key].as_u64()).unwrap() as u32;
        let family = text("model_type").replace('_', "");
        let heads = count(["num_attention_heads", "n_head"]);
        let width = count(["hidden_size", "n_embd"]);
        let wide = config["intermediate_size"].as_u64().map_or(4 * width, |wide| wide as u32);
        let shared = config["num_key_value_heads"].as_u64().map_or(heads, |shared| shared as u32);
        let epsilon = ["rms_norm_eps", "layer_norm_epsilon", "layer_norm_eps"];
        let epsilon = epsilon.iter().find_map(|key| config[*key].as_f64()).unwrap() as f32;
        let mut gguf = Self { keys: Vec::new(), tensors: Vec::new() };
        gguf.set("general.architecture", Value::Text(family.clone()));
        for (key, value) in [
            ("embedding_length", Value::Count(width)),
            ("block_count", Value::Count(count(["num_hidden_layers", "n_layer"]))),
            ("context_length", Value::Count(count(["max_position_embeddings", "n_positions"]))),
            ("feed_forward_length", Value::Count(wide)),
            ("attention.head_count", Value::Count(heads)),
            ("attention.head_count_kv", Value::Count(shared)),
            ("attention.layer_norm_epsilon", Value::Number(epsilon)),
            ("attention.layer_norm_rms_epsilon", Value::Number(epsilon)),
        ] {
            gguf.set(&format!("{family}.{key}"), value);
        }
        if let Some(base) = config["rope_parameters"]["rope_theta"].as_f64() {
            let share = config["rope_parameters"]["partial_rotary_factor"].as_f64().unwrap_or(1.0);
            let turned = (f64::from(width / heads) * share) as u32;
            gguf.set(&format!("{family}.rope.freq_base"), Value::Number(base as f32));
            gguf.set(&format!("{family}.rope.dimension_count"), Value::Count(turned));
        }
        if let Some(parallel) = config["use_parallel_residual"].as_bool() {
            gguf.set(&format!("{family}.use_parallel_residual"), Value::Flag(parallel));
        }
        let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for (name, view) in file.tensors() {
            let words = view.data().as_chunks::<4>().0;
            let mut numbers: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            let mut shape = view.shape().to_vec();
            let (short, last) = name.rsplit_once('.').unwrap();
            let part = short.rsplit('.').next().unwrap();
            if part == "lm_head" && config["tie_word_embeddings"] == true {
                continue;
            }
            match (family.as_str(), part) {
                ("llama", "q_proj") => numbers = reordered(&numbers, heads as usize, shape[0]),
                ("llama", "k_proj") => numbers = reordered(&numbers, shared as usize, shape[0]),
                ("gpt2", "c_attn" | "c_proj" | "c_fc") if last == "weight" => {
                    numbers = transposed(&numbers, shape[1]);
                    shape.reverse();
                }
                ("gptneox", "query_key_value") => numbers = thirds(&numbers, heads as usize),
                _ => {}
            }
            let kind = kind(&name, shape[shape.len() - 1]);
            let (id, bytes, numbers) = packed(kind, &numbers);
            gguf.tensors.push(Tensor { name: renamed(&name), shape, id, bytes, numbers });
        }
        gguf
    }

    /// The same with every number as it is.
    pub fn unpacked(&self) -> Self {
        let mut other = self.clone();
        for tensor in &mut other.tensors {
            tensor.id = 0;
            tensor.bytes = tensor.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        }
        other
    }

    pub fn set(&mut self, key: &str, value: Value) {
        self.keys.retain(|(other, _)| other != key);
        self.keys.push((key.into(), value));
    }

    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.set(key, value);
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(other, _)| other != key);
        self
    }

    /// Tokens `!`, `l`, `o`, `w`, `1`, `Ġ`, the merges `l o`, `lo w`, `Ġ low`, and `<|end|>` for an end.
    ///
    /// - `pre`: how text is cut
    pub fn with_tokens(self, pre: &str) -> Self {
        let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|text| text.to_string()).collect());
        let tokens = ["<|end|>", "!", "l", "o", "w", "1", "Ġ", "lo", "low", "Ġlow", "11"];
        self.with("tokenizer.ggml.model", Value::Text("gpt2".into()))
            .with("tokenizer.ggml.pre", Value::Text(pre.into()))
            .with("tokenizer.ggml.tokens", texts(&tokens))
            .with("tokenizer.ggml.token_type", Value::Integers(vec![3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]))
            .with("tokenizer.ggml.merges", texts(&["l o", "lo w", "Ġ low", "1 1"]))
            .with("tokenizer.ggml.eos_token_id", Value::Count(0))
    }

    pub fn retyped(mut self, name: &str, id: u32) -> Self {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap().id = id;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        let text = |out: &mut Vec<u8>, text: &str| {
            out.extend((text.len() as u64).to_le_bytes());
            out.extend(text.as_bytes());
        };
        let list = |out: &mut Vec<u8>, kind: u32, count: usize| {
            out.extend(9_u32.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend((count as u64).to_le_bytes());
        };
        for (key, value) in &self.keys {
            text(&mut out, key);
            match value {
                Value::Count(count) => out.extend([4, *count].iter().flat_map(|word| word.to_le_bytes())),
                Value::Number(number) => {
                    out.extend(6_u32.to_le_bytes());
                    out.extend(number.to_le_bytes());
                }
                Value::Flag(flag) => {
                    out.extend(7_u32.to_le_bytes());
                    out.push(u8::from(*flag));
                }
                Value::Text(value) => {
                    out.extend(8_u32.to_le_bytes());
                    text(&mut out, value);
                }
                Value::Texts(texts) => {
                    list(&mut out, 8, texts.len());
                    texts.iter().for_each(|value| text(&mut out, value));
                }
                Value::Integers(integers) => {
                    list(&mut out, 5, integers.len());
                    out.extend(integers.iter().flat_map(|integer| integer.to_le_bytes()));
                }
            }
        }
        let mut begin = 0_u64;
        for tensor in &self.tensors {
            text(&mut out, &tensor.name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            out.extend(tensor.shape.iter().rev().flat_map(|&extent| (extent as u64).to_le_bytes()));
            out.extend(tensor.id.to_le_bytes());
            out.extend(begin.to_le_bytes());
            begin += tensor.bytes.len().next_multiple_of(32) as u64;
        }
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(&tensor.bytes);
        }
        out
    }
}

/// `weights.reshape(heads, 2, head / 2, …).swapaxes(1, 2)`.
fn reordered(numbers: &[f32], heads: usize, rows: usize) -> Vec<f32> {
    let (head, columns) = (rows / heads, numbers.len() / rows);
    let row = |index: usize| {
        let (first, pair, side) = (index / head * head, index % head / 2, index % 2);
        &numbers[(first + side * (head / 2) + pair) * columns..][..columns]
    };
    (0..rows).flat_map(row).copied().collect()
}

/// - `columns`: of what is given
fn transposed(numbers: &[f32], columns: usize) -> Vec<f32> {
    let rows = numbers.len() / columns;
    (0..columns).flat_map(|column| (0..rows).map(move |row| numbers[row * columns + column])).collect()
}

/// Of each head the queries, the keys and the values: all queries, all keys, all values.
fn thirds(numbers: &[f32], heads: usize) -> Vec<f32> {
    let part = numbers.len() / heads / 3;
    let of = |third: usize| (0..heads).flat_map(move |head| &numbers[(3 * head + third) * part..][..part]);
    (0..3).flat_map(of).copied().collect()
}

/// The name that llama.cpp gives a tensor.
fn renamed(name: &str) -> String {
    let pairs = [
        ("model.embed_tokens.", "token_embd."),
        ("transformer.wte.", "token_embd."),
        ("gpt_neox.embed_in.", "token_embd."),
        ("transformer.wpe.", "position_embd."),
        ("model.norm.", "output_norm."),
        ("transformer.ln_f.", "output_norm."),
        ("gpt_neox.final_layer_norm.", "output_norm."),
        ("lm_head.", "output."),
        ("embed_out.", "output."),
        ("model.layers.", "blk."),
        ("transformer.h.", "blk."),
        ("gpt_neox.layers.", "blk."),
        (".input_layernorm.", ".attn_norm."),
        (".ln_1.", ".attn_norm."),
        (".post_attention_layernorm.", ".ffn_norm."),
        (".ln_2.", ".ffn_norm."),
        (".self_attn.q_proj.", ".attn_q."),
        (".self_attn.k_proj.", ".attn_k."),
        (".self_attn.v_proj.", ".attn_v."),
        (".self_attn.o_proj.", ".attn_output."),
        (".attn.c_attn.", ".attn_qkv."),
        (".attn.c_proj.", ".attn_output."),
        (".attention.query_key_value.", ".attn_qkv."),
        (".attention.dense.", ".attn_output."),
        (".mlp.gate_proj.", ".ffn_gate."),
        (".mlp.up_proj.", ".ffn_up."),
        (".mlp.c_fc.", ".ffn_up."),
        (".mlp.dense_h_to_4h.", ".ffn_up."),
        (".mlp.down_proj.", ".ffn_down."),
        (".mlp.c_proj.", ".ffn_down."),
        (".mlp.dense_4h_to_h.", ".ffn_down."),
    ];
    pairs.iter().fold(name.to_owned(), |name, (from, to)| name.replacen(from, to, 1))
}

/// The type's id, the packed numbers, and what they stand for.
fn packed(kind: Kind, numbers: &[f32]) -> (u32, Vec<u8>, Vec<f32>) {
    let (mut bytes, mut meant) = (Vec::new(), Vec::new());
    let rounded = |number: f32| f16::from_f32(number);
    let id = match kind {
        Kind::F32 => {
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            meant.extend_from_slice(numbers);
            0
        }
        Kind::F16 => {
            bytes.extend(numbers.iter().flat_map(|&number| rounded(number).to_le_bytes()));
            meant.extend(numbers.iter().map(|&number| rounded(number).to_f32()));
            1
        }
        Kind::Q8_0 | Kind::Q4_0 | Kind::Q4_1 => {
            for block in numbers.chunks(32) {
                let (low, high) = block.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
                let size = low.abs().max(high.abs());
                let (factor, least) = match kind {
                    Kind::Q8_0 => (size / 127.0, 0.0),
                    Kind::Q4_0 => (size / 7.0, -8.0 * size / 7.0),
                    _ => ((high - low) / 15.0, low),
                };
                let factor = rounded(factor);
                bytes.extend(factor.to_le_bytes());
                let factor = factor.to_f32();
                let least = match kind {
                    Kind::Q4_1 => rounded(least).to_f32(),
                    Kind::Q4_0 => -8.0 * factor,
                    _ => 0.0,
                };
                if let Kind::Q8_0 = kind {
                    let whole: Vec<i8> = block.iter().map(|x| (x / factor).round() as i8).collect();
                    bytes.extend(whole.iter().map(|&q| q as u8));
                    meant.extend(whole.iter().map(|&q| f32::from(q) * factor));
                    continue;
                }
                let whole: Vec<u8> =
                    block.iter().map(|x| ((x - least) / factor).round().clamp(0.0, 15.0) as u8).collect();
                if let Kind::Q4_1 = kind {
                    bytes.extend(rounded(least).to_le_bytes());
                    meant.extend(whole.iter().map(|&q| f32::from(q) * factor + least));
                } else {
                    meant.extend(whole.iter().map(|&q| (f32::from(q) - 8.0) * factor));
                }
                bytes.extend((0..16).map(|at| whole[at] | whole[at + 16] << 4));
            }
            match kind {
                Kind::Q8_0 => 8,
                Kind::Q4_0 => 2,
                _ => 3,
            }
        }
    };
    (id, bytes, meant)
}
