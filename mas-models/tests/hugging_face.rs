//! Folders as Hugging Face has them: older names, and what is refused.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{Feedback, LanguageModel, Precision, import_hugging_face};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/language-models").join(name)
}

/// A copy of a fixture that can be changed.
fn copy(name: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), place.path().join(entry.file_name())).unwrap();
    }
    place
}

fn change(folder: &Path, edit: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let path = folder.join("config.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    edit(json.as_object_mut().unwrap());
    std::fs::write(path, json.to_string()).unwrap();
}

fn refused(folder: &Path) -> String {
    import_hugging_face(folder, Precision::F32, &Device::flex()).unwrap_err().to_string()
}

fn logits(network: &LanguageModel) -> Vec<f32> {
    let trials = Trials::new([(&[1, 20, 3, 99, 5, 7][..], &[false; 6][..])], 0).unwrap();
    network.run(&trials, Feedback::TeacherForced).unwrap().logits.try_into_vec_as::<f32>().unwrap()
}

/// Published checkpoints say at the top what transformers 5 puts into `rope_parameters`.
#[test]
fn older_names_of_the_rotary_encoding_are_read() {
    for (name, base) in [("qwen2-tied", "rope_theta"), ("gpt-neox", "rotary_emb_base")] {
        let import = |folder: &Path| import_hugging_face(folder, Precision::F32, &Device::flex()).unwrap().network;
        let newer = import(&fixture(name));
        let folder = copy(name);
        let theta = newer.config().rotary.unwrap().base;
        change(folder.path(), |config| {
            config.remove("rope_parameters");
            config.insert(base.into(), json!(theta));
            config.insert("rope_scaling".into(), Value::Null);
            if name == "gpt-neox" {
                config.insert("rotary_pct".into(), json!(0.25));
            }
        });
        let older = import(folder.path());
        assert_eq!(older.config(), newer.config());
        assert_eq!(logits(&older), logits(&newer));
        change(folder.path(), |config| {
            config.insert(base.into(), json!(123.0));
        });
        assert_ne!(logits(&import(folder.path())), logits(&newer), "{name}");
    }
}

/// GPT-2 was published without the prefix and with masks.
#[test]
fn a_bare_network_with_masks_is_read() {
    let folder = copy("gpt2");
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<(String, _)> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name.strip_prefix("transformer.").unwrap().to_owned(), view))
        .collect();
    let mask = [1_u8; 16];
    let mask = safetensors::tensor::TensorView::new(safetensors::Dtype::U8, vec![1, 1, 4, 4], &mask).unwrap();
    tensors.push(("h.0.attn.bias".into(), mask));
    let bare = safetensors::serialize(tensors, None).unwrap();
    std::fs::write(&path, bare).unwrap();
    let bare = import_hugging_face(folder.path(), Precision::F32, &Device::flex()).unwrap();
    assert_eq!(bare.left_over, ["h.0.attn.bias"]);
    let whole = import_hugging_face(fixture("gpt2"), Precision::F32, &Device::flex()).unwrap();
    assert_eq!(logits(&bare.network), logits(&whole.network));
}

#[test]
fn missing_and_damaged_files_are_named() {
    let folder = copy("qwen2-untied-bf16-sharded");
    std::fs::remove_file(folder.path().join("model-00003-of-00006.safetensors")).unwrap();
    let message = refused(folder.path());
    assert!(message.contains("the shard model-00003-of-00006.safetensors"), "{message}");

    let folder = copy("qwen2-untied-bf16-sharded");
    let index = folder.path().join("model.safetensors.index.json");
    std::fs::write(&index, r#"{"weight_map": {"lm_head.weight": "../../etc/passwd"}}"#).unwrap();
    let message = refused(folder.path());
    assert!(message.contains("lm_head.weight no name of a .safetensors file beside it"), "{message}");

    let folder = copy("llama");
    let weights = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    for length in [0, 7, 100, bytes.len() - 1] {
        std::fs::write(&weights, &bytes[..length]).unwrap();
        let message = refused(folder.path());
        assert!(message.contains("model.safetensors: truncated"), "{length}: {message}");
    }
    // A header that claims to be larger than any memory.
    let mut hostile = bytes.clone();
    hostile[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&weights, &hostile).unwrap();
    assert!(refused(folder.path()).contains("truncated, or no safetensors file"));
    std::fs::remove_file(&weights).unwrap();
    assert!(refused(folder.path()).contains("has neither model.safetensors nor"));

    let folder = copy("llama");
    std::fs::write(folder.path().join("config.json"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(refused(folder.path()).contains("config.json: is not UTF-8 text"));
    std::fs::remove_file(folder.path().join("config.json")).unwrap();
    assert!(refused(folder.path()).contains("config.json"));
}

#[test]
fn what_is_not_supported_or_does_not_fit_is_said() {
    for (name, key, value, expected) in [
        ("llama", "model_type", json!("mamba"), "its model_type is \"mamba\"; llama, qwen2, gpt2 and gpt_neox"),
        ("llama", "hidden_size", Value::Null, "has no key hidden_size"),
        ("llama", "hidden_size", json!("48"), "hidden_size = \"48\", must be a whole number"),
        ("llama", "num_hidden_layers", json!(3), "tensor model.layers.2.input_layernorm.weight is missing"),
        ("llama", "num_hidden_layers", json!(1), "no place for tensor model.layers.1."),
        ("llama", "vocab_size", json!(151), "tensor model.embed_tokens.weight is [150, 48], must be [151, 48]"),
        ("llama", "num_attention_heads", json!(0), "heads = 0, must lie between 1"),
        ("llama", "num_key_value_heads", json!(3), "heads = 4, must be a multiple of key-value-heads = 3"),
        ("llama", "rope_parameters", json!({"rope_type": "llama3"}), "rope_type = \"llama3\" is not supported"),
        ("llama", "rope_scaling", json!({"type": "linear", "factor": 2}), "rope_type = \"linear\" is not supported"),
        ("llama", "hidden_act", json!("relu"), "hidden_act = \"relu\"; silu, gelu and gelu_new"),
        ("qwen2-tied", "num_attention_heads", json!(1_u64 << 40), "must lie between 1"),
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), "scale_attn_by_inverse_layer_idx = true"),
        ("gpt2", "n_head", json!(5), "n_embd = 48 must be a multiple of n_head = 5"),
        ("gpt-neox", "layer_norm_eps", json!(-1.0), "norm-epsilon = -1, must be above 0"),
    ] {
        let folder = copy(name);
        change(folder.path(), |config| {
            config.insert(key.into(), value);
        });
        let message = refused(folder.path());
        assert!(message.contains(expected), "{name}, {key}: {message}");
    }
    let folder = copy("qwen2-tied");
    change(folder.path(), |config| {
        config.insert("use_sliding_window".into(), json!(true));
        config.insert("layer_types".into(), json!(["full_attention", "sliding_attention", "full_attention"]));
    });
    assert!(refused(folder.path()).contains("use_sliding_window"));
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let folder = copy("llama");
    let weights = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&weights, &bytes).unwrap();
    assert!(refused(folder.path()).contains("has the value NaN"));
    // Finite, but not in 16 bits.
    bytes[last..].copy_from_slice(&1e30_f32.to_le_bytes());
    std::fs::write(&weights, &bytes).unwrap();
    let narrow = import_hugging_face(folder.path(), Precision::F16, &Device::flex()).unwrap_err().to_string();
    assert!(narrow.contains("not finite in f16"), "{narrow}");
    assert!(import_hugging_face(folder.path(), Precision::F32, &Device::flex()).is_ok());
}
