//! The toxicity study, of a network as small as can be.

use super::{killed, language::with_tokenizer, mas, refuses, succeeds};

/// A folder with a language model `base`, and text of two kinds.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    with_tokenizer(place, "llama");
    succeeds(place, &["import", "huggingface", "downloaded", "--out", "base"]);
    for (file, first) in [("toxic.jsonl", 5), ("nontoxic.jsonl", 80)] {
        let document = |n: u32| {
            let words: Vec<String> = (0..18).map(|at| format!("t{}", first + (n * at + at * at) % 60)).collect();
            format!("{}\n", serde_json::json!({ "text": words.join(" ") }))
        };
        std::fs::write(place.join(file), (0..60).map(document).collect::<String>()).unwrap();
    }
    folder
}

fn study<'a>(out: &'a str, steps: &'a str) -> Vec<&'a str> {
    let study = ["toxicity", "base", "--toxic", "toxic.jsonl", "--nontoxic", "nontoxic.jsonl", "--out", out];
    let size = ["--splits", "2", "--steps", steps, "--batch", "2", "--fit-steps", "2", "--fit-batch", "2"];
    let rest = ["--held-out-prompts", "6", "--k", "4", "--site", "embedding,layer.1", "--random-network", "--json"];
    [&study[..], &size, &rest].concat()
}

#[test]
fn the_toxicity_study_runs_once_and_reports() {
    let place = prepared();
    let place = place.path();
    let given = study("study", "30");
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
    assert!(refuses(place, &study("study", "31")).contains("results of another model, other text or other settings"));
}

#[test]
fn a_killed_study_goes_on_and_ends_with_the_same_bytes() {
    let place = prepared();
    let place = place.path();
    succeeds(place, &study("whole", "30"));
    let broken = study("broken", "30");
    let at = |file: &str| place.join("broken").join(file).exists();
    // In a fine-tuning, after some have answered, in a fit.
    killed(place, &broken, || at("models/toxic-2.partial"));
    assert!(!at("models/nontoxic-1"), "it was not killed in time");
    killed(place, &broken, || at("answers.json"));
    killed(place, &broken, || at("alignments/embedding-shuffled"));
    assert!(!at("report"), "it was not killed in time");
    succeeds(place, &broken);
    for file in ["groups.csv", "answers.json", "report/iia.csv", "report/claims.csv", "models/toxic-2/tokenizer.json"] {
        let of = |out: &str| std::fs::read(place.join(out).join(file)).unwrap();
        assert!(of("broken") == of("whole"), "{file}");
    }
}

#[test]
fn two_processes_do_not_share_a_study() {
    let place = prepared();
    let place = place.path();
    let mut first = mas(place, &study("study", "100000")).spawn().unwrap();
    while !place.join("study/study.json").exists() {
        assert!(first.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let complaint = refuses(place, &study("study", "100000"));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(complaint.contains("study") && complaint.contains("process"), "{complaint}");
}

#[test]
fn too_little_text_is_said_before_anything_is_learned() {
    let place = prepared();
    let place = place.path();
    // A text that is there more than once counts once, also if it is of both kinds.
    let toxic = std::fs::read_to_string(place.join("toxic.jsonl")).unwrap();
    let lines: Vec<&str> = toxic.lines().collect();
    std::fs::write(place.join("nontoxic.jsonl"), lines.repeat(3).join("\n")).unwrap();
    let complaint = refuses(place, &study("study", "30"));
    assert!(complaint.contains("nontoxic.jsonl: 0 texts are too few for 31 prompts and 2 splits"), "{complaint}");
    assert!(!place.join("study/models").exists());
    std::fs::write(place.join("toxic.jsonl"), lines[..32].join("\n")).unwrap();
    let complaint = refuses(place, &study("study", "30"));
    assert!(complaint.contains("toxic.jsonl: 32 texts are too few for 31 prompts and 2 splits of 2"), "{complaint}");
}
