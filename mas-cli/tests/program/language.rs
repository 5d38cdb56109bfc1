//! Language models: imported, continued, fine-tuned.

use std::path::{Path, PathBuf};

use super::{refuses, says, succeeds};

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
fn with_tokenizer(place: &Path, name: &str) -> PathBuf {
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
    assert!(said.starts_with("t5 t6 t7t8 t9 t10"), "{said}");
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
fn the_toxicity_study_runs_once_and_reports() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    with_tokenizer(place, "llama");
    succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    for (file, first) in [("toxic.jsonl", 5), ("nontoxic.jsonl", 80)] {
        let document = |n: u32| {
            let words: Vec<String> = (0..18).map(|at| format!("t{}", first + (n * at + at * at) % 60)).collect();
            format!("{}\n", serde_json::json!({ "text": words.join(" ") }))
        };
        std::fs::write(place.join(file), (0..60).map(document).collect::<String>()).unwrap();
    }
    let study = |steps: &str| {
        let study = ["toxicity", "base", "--toxic", "toxic.jsonl", "--nontoxic", "nontoxic.jsonl", "--out", "study"];
        let size = ["--splits", "2", "--steps", steps, "--batch", "2", "--fit-steps", "2", "--fit-batch", "2"];
        let rest = ["--held-out-prompts", "6", "--k", "4", "--site", "embedding,layer.1", "--random-network", "--json"];
        [&study[..], &size, &rest].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let given = study("30");
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let first = succeeds(place, &given);
    let findings: serde_json::Value = serde_json::from_str(&first).unwrap();
    let within = &findings["groups"][0];
    assert_eq!((within["group"].as_str(), within["directions"].as_u64()), (Some("within"), Some(4)));
    assert_eq!(within["iia"].as_f64(), Some(1.0), "a model says what it says: {findings}");
    let controls: Vec<_> = findings["groups"].as_array().unwrap().iter().map(|row| &row["control"]).collect();
    assert!(controls.contains(&&"shuffled".into()) && controls.contains(&&"no-swap".into()));
    // From the untrained twin into each of the three others, of which one is toxic as well.
    let random = findings["groups"].as_array().unwrap().iter().filter(|row| row["control"] == "random-network");
    let random: Vec<_> =
        random.map(|row| (row["site"].as_str(), row["group"].as_str(), row["directions"].as_u64())).collect();
    let at = Some("embedding");
    assert_eq!(random, [(at, Some("toxic-toxic"), Some(1)), (at, Some("toxic-nontoxic"), Some(2))]);
    // The whole claim, and two parts at each site; of two models of a kind nothing is decided.
    let claims = findings["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 1 + 2 * 2);
    assert!(claims.iter().all(|row| row["claim"] == "C7" && row["verdict"] == "not decided"), "{claims:?}");
    let report = std::fs::read_to_string(place.join("study/report/index.html")).unwrap();
    for said in ["toxic–non-toxic", "</svg>", "after an interchange", "30 steps of a fine-tuning, not 600.", "Command"]
    {
        assert!(report.contains(said), "{said}");
    }
    for file in ["report/iia.csv", "report/claims.csv", "groups.csv", "answers.json"] {
        assert!(place.join("study").join(file).is_file(), "{file}");
    }
    for file in ["alignments/embedding-shuffled/alignment.toml", "models/toxic-1/tokenizer.json"] {
        assert!(place.join("study").join(file).is_file(), "{file}");
    }
    // Nothing is done again, and nothing of other settings is mixed in.
    let fine_tuned = std::fs::metadata(place.join("study/models/toxic-1/weights.safetensors")).unwrap();
    assert_eq!(succeeds(place, &given), first);
    let again = std::fs::metadata(place.join("study/models/toxic-1/weights.safetensors")).unwrap();
    assert_eq!(fine_tuned.modified().unwrap(), again.modified().unwrap());
    for (site, k, said) in [("layer.9", "4", "no site layer.9"), ("layer.1", "4000", "k = 4000")] {
        let elsewhere = ["--toxic", "toxic.jsonl", "--nontoxic", "nontoxic.jsonl", "--out", "other"];
        let wrong = [&["toxicity", "base", "--site", site, "--k", k][..], &elsewhere].concat();
        assert!(refuses(place, &wrong).contains(said), "{said}");
    }
    let other = study("31");
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    assert!(refuses(place, &other).contains("results of another model, other text or other settings"));
}
