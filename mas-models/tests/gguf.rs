//! GGUF files against the same networks as Hugging Face folders, tokenizers in them, and what is refused.

mod gguf_files;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use gguf_files::{Gguf, Kind, Value};
use mas_core::Trials;
use mas_models::{
    Feedback, ImportedLanguageModel, LanguageModel, Precision, Tokenizer, import_gguf, import_hugging_face,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/language-models").join(name)
}

fn import(gguf: &Gguf) -> mas_models::Result<ImportedLanguageModel> {
    import_bytes(&gguf.bytes())
}

fn import_bytes(bytes: &[u8]) -> mas_models::Result<ImportedLanguageModel> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("network.gguf");
    std::fs::write(&path, bytes).unwrap();
    import_gguf(path, Precision::F32, &Device::flex())
}

fn logits(network: &LanguageModel) -> Vec<f32> {
    let trials = Trials::new([(&[1, 20, 3, 99, 5, 7][..], &[false; 6][..])], 0).unwrap();
    network.run(&trials, Feedback::TeacherForced).unwrap().logits.try_into_vec_as::<f32>().unwrap()
}

/// Rows that llama.cpp reorders are put back, fused ones taken apart, and every number arrives.
#[test]
fn a_network_is_the_same_from_either_file() {
    for name in ["llama", "qwen2-tied", "gpt2", "gpt-neox"] {
        let folder = import_hugging_face(fixture(name), Precision::F32, &Device::flex()).unwrap();
        let file = import(&Gguf::of(&fixture(name), |_, _| Kind::F32)).unwrap();
        let config = file.network.config();
        assert_eq!((config.family, config.tied), (folder.network.config().family, folder.network.config().tied));
        assert_eq!(logits(&file.network), logits(&folder.network), "{name}");
        assert!(file.notes.len() == 1 && file.notes[0].contains("tokenizer"), "{:?}", file.notes);
    }
}

/// Fewer heads of keys than of queries, as SmolLM2 has them: rows are put back by heads of their own.
#[test]
fn heads_of_keys_that_are_shared_are_put_back() {
    let place = tempfile::tempdir().unwrap();
    let llama = fixture("llama");
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(llama.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["num_key_value_heads"], 4);
    config["num_key_value_heads"] = 2.into();
    std::fs::write(place.path().join("config.json"), config.to_string()).unwrap();
    let bytes = std::fs::read(llama.join("model.safetensors")).unwrap();
    let whole = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = whole.tensors().into_iter().map(|(name, view)| {
        let kept = if name.contains("k_proj") || name.contains("v_proj") { 2 } else { 1 };
        let (mut shape, data) = (view.shape().to_vec(), view.data());
        shape[0] /= kept;
        let view = safetensors::tensor::TensorView::new(view.dtype(), shape, &data[..data.len() / kept]).unwrap();
        (name, view)
    });
    let bytes = safetensors::serialize(tensors, None).unwrap();
    std::fs::write(place.path().join("model.safetensors"), bytes).unwrap();
    let folder = import_hugging_face(place.path(), Precision::F32, &Device::flex()).unwrap();
    let file = import(&Gguf::of(place.path(), |_, _| Kind::F32)).unwrap();
    assert_eq!(file.network.config().key_value_heads, 2);
    assert_eq!(logits(&file.network), logits(&folder.network));
}

/// A packed network is that of the numbers that the packed ones stand for.
#[test]
fn packed_numbers_are_unpacked() {
    let fits = |kind: Kind| {
        move |name: &str, row: usize| {
            if name.contains("norm") || name.ends_with("bias") || !row.is_multiple_of(32) { Kind::F32 } else { kind }
        }
    };
    let exact = logits(&import(&Gguf::of(&fixture("qwen2-tied"), |_, _| Kind::F32)).unwrap().network);
    let off = |ours: &[f32], theirs: &[f32]| -> f32 {
        ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
    };
    for (kind, name, coarseness) in
        [(Kind::F16, "", 1e-3), (Kind::Q8_0, "Q8_0", 2e-2), (Kind::Q4_0, "Q4_0", 0.5), (Kind::Q4_1, "Q4_1", 0.5)]
    {
        let packed = Gguf::of(&fixture("qwen2-tied"), fits(kind));
        let imported = import(&packed).unwrap();
        let ours = logits(&imported.network);
        assert_eq!(ours, logits(&import(&packed.unpacked()).unwrap().network), "{name}");
        let error = off(&ours, &exact);
        assert!(error > 1e-6 && error < coarseness, "{name}: {error}");
        let said = imported.notes.iter().any(|note| note.contains(&format!("of {name} were unpacked to f32")));
        assert_eq!(said, !name.is_empty(), "{:?}", imported.notes);
    }
}

fn with_tokens(pre: &str) -> Gguf {
    Gguf::of(&fixture("llama"), |_, _| Kind::F32).with_tokens(pre)
}

#[test]
fn text_becomes_tokens_and_text_again() {
    let digits_apart = vec![8, 9, 6, 5, 5, 1, 0];
    for (pre, expected) in [
        ("gpt-2", vec![8, 9, 6, 10, 1, 0]),
        ("smollm", digits_apart.clone()),
        ("qwen2", digits_apart.clone()),
        ("deepseek-r1-qwen", digits_apart),
    ] {
        let imported = import(&with_tokens(pre)).unwrap();
        assert_eq!(imported.network.config().end_tokens, [0]);
        let place = tempfile::tempdir().unwrap();
        imported.tokenizer.unwrap().save(place.path()).unwrap();
        let tokenizer = Tokenizer::load(place.path()).unwrap().unwrap();
        assert_eq!(tokenizer.encode("low low 11!<|end|>").unwrap(), expected, "{pre}");
        assert_eq!(tokenizer.decode(&expected).unwrap(), "low low 11!");
    }
    // Composed characters are one whatever they were written as; only Qwen2's own tokenizer does so.
    for (pre, same) in [("qwen2", true), ("deepseek-r1-qwen", false)] {
        let tokens = ["<|end|>", "e", "Ì", "ģ", "Ã", "©"].map(str::to_owned).to_vec();
        let gguf = with_tokens(pre).with("tokenizer.ggml.tokens", Value::Texts(tokens));
        let tokenizer =
            import(&gguf.with("tokenizer.ggml.merges", Value::Texts(Vec::new()))).unwrap().tokenizer.unwrap();
        assert_eq!(tokenizer.encode("e\u{301}").unwrap() == tokenizer.encode("\u{e9}").unwrap(), same, "{pre}");
    }
    let imported = import(&with_tokens("something-new")).unwrap();
    assert!(imported.tokenizer.is_none() && imported.notes[0].contains("tokenizer"));
}

#[test]
fn a_text_begins_as_the_file_says() {
    let begun = |id| {
        let gguf = with_tokens("gpt-2").with("tokenizer.ggml.add_bos_token", Value::Flag(true));
        import(&gguf.with("tokenizer.ggml.bos_token_id", Value::Count(id)))
    };
    let tokenizer = begun(0).unwrap().tokenizer.unwrap();
    assert_eq!(tokenizer.encode("low").unwrap(), [0, 8]);
    assert_eq!(tokenizer.decode(&[0, 8]).unwrap(), "low");
    let message = begun(11).unwrap_err().to_string();
    assert!(message.contains("bos_token_id = 11, but there are 11 tokens"), "{message}");
}

#[test]
fn a_tokenizer_of_another_network_is_refused() {
    let mut gguf = with_tokens("gpt-2");
    let tokens: Vec<String> = (0..151).map(|id| format!("t{id}")).collect();
    gguf.set("tokenizer.ggml.tokens", Value::Texts(tokens));
    gguf.set("tokenizer.ggml.merges", Value::Texts(Vec::new()));
    let message = import(&gguf).unwrap_err().to_string();
    assert!(message.contains("as token 150, but the network has 150 tokens"), "{message}");
    let place = tempfile::tempdir().unwrap();
    assert!(Tokenizer::load(place.path()).unwrap().is_none());
    std::fs::write(place.path().join("tokenizer.json"), "{").unwrap();
    assert!(Tokenizer::load(place.path()).unwrap_err().to_string().contains("tokenizer.json: not a tokenizer"));
}

#[test]
fn damaged_and_hostile_files_are_refused() {
    let bytes = Gguf::of(&fixture("llama"), |_, _| Kind::F32).bytes();
    assert!(import_bytes(&bytes).is_ok());
    for length in (0..2000).step_by(13).chain([bytes.len() - 1]) {
        let message = import_bytes(&bytes[..length]).unwrap_err().to_string();
        assert!(message.contains("truncated"), "{length}: {message}");
    }
    let mut other = bytes.clone();
    other[0] = b'X';
    assert!(import_bytes(&other).unwrap_err().to_string().contains("is no GGUF file"));
    let mut other = bytes.clone();
    other[4] = 1;
    assert!(import_bytes(&other).unwrap_err().to_string().contains("version 1"));
    // Counts, lengths and types of all sorts: an error or a network, and no more memory than the file has.
    for at in 8..600 {
        for value in [0x00, 0x7f, 0xff] {
            let mut hostile = bytes.clone();
            hostile[at] = value;
            drop(import_bytes(&hostile));
        }
    }
}

#[test]
fn what_is_not_supported_or_does_not_fit_is_said() {
    let llama = || Gguf::of(&fixture("llama"), |_, _| Kind::F32);
    let mut gguf = llama();
    gguf.set("general.architecture", Value::Text("mamba".into()));
    let cases = [
        (gguf, "its general.architecture is \"mamba\"; llama, qwen2, gpt2 and gptneox"),
        (llama().without("llama.block_count"), "has no key llama.block_count"),
        (llama().with("llama.block_count", Value::Count(3)), "tensor blk.2.attn_norm.weight is missing"),
        (llama().with("llama.block_count", Value::Count(1)), "no place for tensor blk.1."),
        (llama().with("llama.rope.scaling.type", Value::Text("yarn".into())), "scaling.type = \"yarn\" is not"),
        (llama().with("llama.embedding_length", Value::Count(96)), "tensor token_embd.weight is [150, 48]"),
        (llama().retyped("blk.0.ffn_up.weight", 12), "tensor blk.0.ffn_up.weight is of ggml's type 12"),
    ];
    for (gguf, expected) in cases {
        let message = import(&gguf).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected}: {message}");
    }
}
