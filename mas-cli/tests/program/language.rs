//! Language models: imported, continued, fine-tuned.

use std::path::{Path, PathBuf};

use super::{killed, refuses, says, succeeds};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures/language-models").join(name)
}

/// A tokenizer whose tokens are the words t0 to t149, made for the fixtures.
fn tokenizer() -> String {
    let words: serde_json::Map<String, serde_json::Value> = (0..150).map(|id| (format!("t{id}"), id.into())).collect();
    serde_json::json!({
        "version": "1.0",
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" },
        "post_processor": null,
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": words, "unk_token": "t0" }
    })
    .to_string()
}

/// A folder as Hugging Face has it, with a tokenizer.
pub fn with_tokenizer(place: &Path, name: &str) -> PathBuf {
    let folder = place.join("downloaded");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    std::fs::write(folder.join("tokenizer.json"), tokenizer()).unwrap();
    folder
}

#[test]
fn a_language_model_is_imported_continued_and_fine_tuned() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    with_tokenizer(place, "llama");
    let said = succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    assert!(said.contains("base: Llama 2 × 48"), "{said}");

    // As transformers continued the first five tokens.
    let reference = std::fs::read_to_string(fixture("llama").join("reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_str(&reference).unwrap();
    let ids: Vec<u64> = serde_json::from_value(reference["greedy_continuation_of_first_5_ids"].clone()).unwrap();
    let words = |ids: &[u64]| ids.iter().map(|id| format!("t{id}")).collect::<Vec<_>>().join(" ");
    let prompt = words(&ids[..5]);
    let count = (ids.len() - 5).to_string();
    let generate = ["generate", "base", "--prompt", &prompt, "--max-tokens", &count, "--json"];
    let said: serde_json::Value = serde_json::from_str(&succeeds(place, &generate)).unwrap();
    let continued: Vec<u64> = serde_json::from_value(said["continuations"][0]["tokens"].clone()).unwrap();
    assert_eq!(continued, ids[5..]);

    std::fs::write(place.join("text.jsonl"), "{\"text\": \"t5 t6 t7 t8 t9 t10 t11\"}\n\"t12 t13 t14\"\n").unwrap();
    for (out, more) in [("all", &[][..]), ("upper", &["--from-layer", "1"]), ("lora", &["--lora", "2"])] {
        let tune = ["fine-tune", "base", "--text", "text.jsonl", "--steps", "60", "--batch", "2", "--out", out];
        let tune = [&tune[..], &["--learning-rate", "0.01", "--warm-up", "2", "--json"], more].concat();
        let said: serde_json::Value = serde_json::from_str(&succeeds(place, &tune)).unwrap();
        assert!(said["last-loss"].as_f64() < said["first-loss"].as_f64(), "{said}");
        assert_eq!(std::fs::read_to_string(place.join(out).join("fine-tuning.csv")).unwrap().lines().count(), 61);
        assert!(!place.join(format!("{out}.partial")).exists());
    }
    let said = succeeds(place, &["generate", "all", "--prompt", "t5 t6 t7", "--max-tokens", "3"]);
    assert!(said.starts_with("t5 t6 t7 t8 t9 t10"), "{said}");
}

#[test]
fn what_cannot_be_done_is_said() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let plain = fixture("gpt2");
    let said = succeeds(place, &["import", "huggingface", plain.to_str().unwrap(), "--out", "plain"]);
    assert!(said.contains("there is no tokenizer.json"), "{said}");
    let complaint = refuses(place, &["generate", "plain", "--prompt", "t1"]);
    assert!(complaint.contains("plain has no tokenizer.json"), "{complaint}");
    std::fs::write(place.join("plain/tokenizer.json"), tokenizer()).unwrap();
    let long = vec!["t1"; 120].join(" ");
    let complaint = refuses(place, &["generate", "plain", "--prompt", &long, "--max-tokens", "9"]);
    assert!(complaint.contains("120 tokens and 9 are to follow, but the network reads at most 128"), "{complaint}");
    std::fs::write(place.join("bad.txt"), b"t1 \xff").unwrap();
    let tune = |file| refuses(place, &["fine-tune", "plain", "--text", file, "--out", "tuned"]);
    assert!(tune("bad.txt").contains("bad.txt: is not UTF-8 text"));
    std::fs::write(place.join("empty.jsonl"), "\n").unwrap();
    assert!(tune("empty.jsonl").contains("there is no text in it"));
    assert!(tune("absent.txt").contains("absent.txt"));
    assert!(!place.join("tuned").exists());
    let complaint = refuses(place, &["import", "gguf", "bad.txt", "--out", "other"]);
    assert!(complaint.contains("bad.txt"), "{complaint}");
    super::small_network(place, "gru", 1);
    assert!(refuses(place, &["generate", "gru", "--prompt", "t1"]).contains("is no language model"));
    let said = says(place, &["generate", "plain", "--prompt", "t1", "--max-tokens", "1"]);
    assert!(said.is_empty(), "{said}");
}

#[test]
fn a_tokenizer_of_another_network_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let downloaded = with_tokenizer(place, "llama");
    std::fs::write(downloaded.join("tokenizer.json"), tokenizer().replace("\"t149\":149", "\"t149\":150")).unwrap();
    let complaint = refuses(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    assert!(complaint.contains("\"t149\" as token 150, but the network has 150 tokens"), "{complaint}");
    assert!(!place.join("base").exists());
}

/// A language model and text, and how it is fine-tuned on it.
fn to_be_tuned(place: &Path) -> impl Fn(&'static str) -> Vec<&'static str> {
    with_tokenizer(place, "llama");
    succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    let text: Vec<String> = (0..40).map(|n| format!("\"t{n} t{} t{}\"", n + 1, 2 * n + 7)).collect();
    std::fs::write(place.join("text.jsonl"), text.join("\n")).unwrap();
    let tune = ["fine-tune", "base", "--text", "text.jsonl", "--steps", "300", "--batch", "2"];
    move |out| [&tune[..], &["--checkpoint-every", "20", "--out", out]].concat()
}

/// That `broken` goes on from where it was, and ends as `whole`.
fn goes_on(place: &Path, broken: &[&str]) {
    assert!(!place.join("broken").exists(), "it ended before it was interrupted");
    let said = says(place, broken);
    assert!(said.contains("going on after step"), "{said}");
    for file in ["weights.safetensors", "fine-tuning.csv", "tokenizer.json"] {
        let of = |out: &str| std::fs::read(place.join(out).join(file)).unwrap();
        assert!(of("broken") == of("whole"), "{file}");
    }
    assert!(!place.join("broken.partial").exists());
}

#[test]
fn a_killed_fine_tuning_goes_on_and_ends_with_the_same_bytes() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let tune = to_be_tuned(place);
    succeeds(place, &tune("whole"));
    killed(place, &tune("broken"), || place.join("broken.partial/checkpoint.safetensors").is_file());
    goes_on(place, &tune("broken"));
}

/// No file may be as large as a checkpoint: as good as a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_is_said_and_costs_nothing_that_was_put_aside() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let tune = to_be_tuned(place);
    succeeds(place, &tune("whole"));
    let checkpoint = place.join("broken.partial/checkpoint.safetensors");
    killed(place, &tune("broken"), || checkpoint.is_file());
    let before = std::fs::read(&checkpoint).unwrap();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_mas"), "--quiet"]);
    let output = limited.args(tune("broken")).current_dir(place).output().unwrap();
    let complaint = super::text(&output.stderr);
    assert!(!output.status.success() && complaint.contains("checkpoint"), "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
    assert!(std::fs::read(&checkpoint).unwrap() == before);
    goes_on(place, &tune("broken"));
}

#[test]
fn activity_of_a_language_model_is_recorded() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    with_tokenizer(place, "qwen2-tied");
    succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    let reference = std::fs::read_to_string(fixture("qwen2-tied").join("reference.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_str(&reference).unwrap();
    let ids: Vec<u64> = serde_json::from_value(reference["greedy_continuation_of_first_5_ids"].clone()).unwrap();
    std::fs::write(place.join("tokens.json"), serde_json::to_string(&[&ids[..5], &ids[1..6]]).unwrap()).unwrap();
    for (site, out) in [("embedding", "embedding.npz"), ("layer.1", "layer.npz")] {
        let said = succeeds(place, &["record", "base", "--site", site, "--tokens", "tokens.json", "--out", out]);
        assert!(said.contains("2 trials × 5 positions"), "{said}");
    }
    let activity = mas_core::Activity::read(place.join("embedding.npz")).unwrap();
    let width = activity.width();
    assert_eq!((activity.trials(), activity.time()), (2, 5));
    // At the embedding, activity depends on the token alone: the second trial is the first one, a token later.
    let values = activity.values();
    assert_eq!(values[width..5 * width], values[5 * width..9 * width]);
    let complaint =
        refuses(place, &["record", "base", "--site", "layer.9", "--tokens", "tokens.json", "--out", "x.npy"]);
    assert!(complaint.contains("layer.9"), "{complaint}");
}

/// Two language models that say different things, and prompts for them.
fn two_models(place: &Path) {
    with_tokenizer(place, "llama");
    succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    let text: Vec<String> = (0..30).map(|n| format!("\"t{n} t{} t{} t{} t{}\"", n + 1, n + 5, 3 * n, n + 7)).collect();
    std::fs::write(place.join("prompts.jsonl"), text.join("\n")).unwrap();
    let tune = ["fine-tune", "base", "--text", "prompts.jsonl", "--steps", "30", "--batch", "4", "--out", "tuned"];
    succeeds(place, &[&tune[..], &["--learning-rate", "0.01", "--warm-up", "2"]].concat());
}

fn on_prompts<'a>(networks: [&'a str; 2], sites: &'a str, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let align = ["align", networks[0], networks[1], "--site", sites, "--prompts", file, "--positions", "stepwise"];
    let how = ["--prompt-tokens", "4", "--answer-tokens", "3", "--start", "identity", "--k", "8", "--batch", "2"];
    let size = ["--training-pairs", "10", "--held-out-pairs", "8", "--max-steps", "4"];
    [&align[..], &how, &size, more].concat()
}

#[test]
fn language_models_are_aligned_on_prompts() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    two_models(place);
    succeeds(place, &on_prompts(["base", "tuned"], "layer.1", "prompts.jsonl", &["--controls", "--out", "fit"]));
    let outcomes = std::fs::read_to_string(place.join("fit/outcomes.csv")).unwrap();
    let within: Vec<&str> = outcomes.lines().filter(|line| line.starts_with("base,base,full,none,")).collect();
    assert_eq!(within.len(), 8, "{outcomes}");
    assert!(within.iter().all(|line| line.ends_with(",0,0,1,3,3")), "a model says what it says: {within:?}");
    let across: Vec<&str> = outcomes.lines().filter(|line| line.starts_with("base,tuned,full,none,")).collect();
    assert_eq!(across.len(), 8);
    // What the untrained twin should bring about is what the network itself says, not what the twin would.
    let random = place.join("fit/controls/random-network/outcomes.csv");
    let random = std::fs::read_to_string(random).unwrap();
    let of = |line: &str| line.split(',').nth(7).map(str::to_owned);
    let header = outcomes.lines().next().unwrap();
    assert_eq!(header.split(',').nth(7), Some("changed"), "{header}");
    let changed: Vec<_> = across.iter().map(|line| of(line)).collect();
    let sent = random.lines().filter(|line| line.split(',').nth(1) == Some("tuned"));
    assert_eq!(sent.map(of).collect::<Vec<_>>(), changed);
    let complaint = refuses(place, &["evaluate", "fit", "--pairs", "5"]);
    assert!(complaint.contains("it was fitted on prompts"), "{complaint}");
}

#[test]
fn prompts_that_cannot_be_used_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    two_models(place);
    let refuses = |networks, sites, file, more: &[&str]| {
        let complaint = refuses(place, &on_prompts(networks, sites, file, &[more, &["--out", "fit"]].concat()));
        assert!(!place.join("fit").exists() && !place.join("fit.partial").exists());
        complaint
    };
    let both = ["base", "tuned"];
    assert!(refuses(both, "layer.1", "absent.jsonl", &[]).contains("absent.jsonl"));
    std::fs::write(place.join("few.jsonl"), "\"t1 t2 t3 t4 t5\"\n".repeat(40)).unwrap();
    let complaint = refuses(both, "layer.1", "few.jsonl", &[]);
    assert!(
        complaint.contains("few.jsonl: 1 beginnings of texts of more than 4 tokens are too few for 10 prompts"),
        "{complaint}"
    );
    assert!(refuses(both, "layer.1", "prompts.jsonl", &["--variable", "count"]).contains("prompts have no variables"));
    let mut clmas = on_prompts(both, "layer.1", "prompts.jsonl", &["--method", "clmas", "--out", "fit"]);
    clmas.iter_mut().filter(|argument| **argument == "stepwise").for_each(|argument| *argument = "individual");
    let complaint = super::refuses(place, &clmas);
    assert!(complaint.contains("learns from values of variables"), "{complaint}");
    super::small_network(place, "gru", 1);
    let complaint = refuses(["base", "gru"], "layer.1,hidden", "prompts.jsonl", &["--allow-unaccepted"]);
    assert!(complaint.contains("`gru` is no language model"), "{complaint}");
    std::fs::write(place.join("tuned/tokenizer.json"), tokenizer().replace("\"t5\":5,", "\"t5\":7,")).unwrap();
    let complaint = refuses(both, "layer.1", "prompts.jsonl", &[]);
    assert!(complaint.contains("`base` and `tuned` have different tokenizers"), "{complaint}");
}
