//! The most memory that a model of 1.8 billion parameters holds while it is loaded and while it reads, beside its weights:
//! the shape of DeepSeek-R1-Distill-Qwen-1.5B, made up, as a file of 3.6 GB that is there for a while.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use burn::tensor::{Device, bf16};
use mas_core::Trials;
use mas_models::{Feedback, Precision, import_hugging_face};
use serde_json::json;

use crate::Result;

/// What this program is called with to measure a process of its own.
pub const ALONE: &str = "memory-alone";

const WIDTH: usize = 1536;
const LAYERS: usize = 28;
const WIDE: usize = 8960;
const KEPT: usize = 256;
const VOCABULARY: usize = 151_936;

pub fn report() -> Result<()> {
    if let Err(error) = peak() {
        println!("\nmemory is not measured: {error}");
        return Ok(());
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    write(folder.path())?;
    println!("\n{:<34} {:>10} {:>14} {:>14}", "memory, of the weights'", "GB", "loaded", "after reading");
    for precision in [Precision::Bf16, Precision::F32] {
        // A process of its own has no peak from before.
        let program = std::env::current_exe()?;
        let status = Command::new(program).arg(ALONE).arg(folder.path()).arg(precision.id()).status()?;
        if !status.success() {
            return Err(format!("{}: {status}", precision.id()).into());
        }
    }
    Ok(())
}

/// Loads the model, reads 64 tokens, and prints the peaks.
pub fn measure(folder: &Path, precision: Precision) -> Result<()> {
    let network = import_hugging_face(folder, precision, &Device::flex())?.network;
    let bytes = if precision == Precision::F32 { 4 } else { 2 };
    let weights = (network.config().parameter_count() * bytes) as f64 / 1e9;
    let loaded = peak()?;
    let tokens: Vec<u32> = (0..64).map(|at| at * 2003 % VOCABULARY as u32).collect();
    let trials = Trials::new([(&tokens[..], &[false; 64][..])], 0)?;
    std::hint::black_box(network.run(&trials, Feedback::TeacherForced)?.logits.into_data());
    let read = peak()?;
    println!("{:<34} {weights:>10.2} {:>14.2} {:>14.2}", precision.id(), loaded / weights, read / weights);
    Ok(())
}

/// The most memory that this process has held so far, in GB.
fn peak() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system does not say")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e9)
}

/// A Hugging Face folder of the model, in bf16.
fn write(folder: &Path) -> Result<()> {
    let config = json!({
        "model_type": "qwen2", "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 12,
        "num_key_value_heads": 2, "intermediate_size": WIDE, "vocab_size": VOCABULARY, "tie_word_embeddings": false,
        "max_position_embeddings": 131_072, "rope_theta": 10_000.0, "rms_norm_eps": 1e-6
    });
    std::fs::write(folder.join("config.json"), config.to_string())?;
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, WIDTH]),
        ("model.norm.weight".to_owned(), vec![WIDTH]),
        ("lm_head.weight".to_owned(), vec![VOCABULARY, WIDTH]),
    ];
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("input_layernorm.weight", vec![WIDTH]),
            ("post_attention_layernorm.weight", vec![WIDTH]),
            ("self_attn.q_proj.weight", vec![WIDTH, WIDTH]),
            ("self_attn.k_proj.weight", vec![KEPT, WIDTH]),
            ("self_attn.v_proj.weight", vec![KEPT, WIDTH]),
            ("self_attn.o_proj.weight", vec![WIDTH, WIDTH]),
            ("self_attn.q_proj.bias", vec![WIDTH]),
            ("self_attn.k_proj.bias", vec![KEPT]),
            ("self_attn.v_proj.bias", vec![KEPT]),
            ("mlp.gate_proj.weight", vec![WIDE, WIDTH]),
            ("mlp.up_proj.weight", vec![WIDE, WIDTH]),
            ("mlp.down_proj.weight", vec![WIDTH, WIDE]),
        ] {
            tensors.push((format!("model.layers.{layer}.{name}"), shape));
        }
    }
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in &tensors {
        let begin = end;
        end += 2 * shape.iter().product::<usize>();
        header.insert(name.clone(), json!({ "dtype": "BF16", "shape": shape, "data_offsets": [begin, end] }));
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = BufWriter::new(File::create(folder.join("model.safetensors"))?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    // What the numbers are does not matter, if only they are small.
    let numbers = (0..1 << 20).map(|at| bf16::from_f32((at * 7919 % 201) as f32 / 5000.0 - 0.02));
    let bytes: Vec<u8> = numbers.flat_map(bf16::to_le_bytes).collect();
    let mut left = end;
    while left > 0 {
        let count = left.min(bytes.len());
        file.write_all(&bytes[..count])?;
        left -= count;
    }
    Ok(file.flush()?)
}
