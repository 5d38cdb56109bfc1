//! `mas align` with every alignment function, on networks recorded from the reference implementation.

use std::path::Path;

use crate::{killed, refuses, says, succeeds};

fn import(folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures");
    for seed in ["12345", "23456"] {
        let file = fixtures.join(format!("gru_multiobject_seed{seed}/state_dict.safetensors"));
        succeeds(folder, &["import", "pytorch", file.to_str().unwrap(), "--out", &format!("g{seed}")]);
    }
}

const ALIGN: [&str; 12] = [
    "align",
    "g12345",
    "g23456",
    "--max-steps",
    "5",
    "--k",
    "8",
    "--training-pairs",
    "60",
    "--held-out-pairs",
    "20",
    "--batch=16",
];

fn align<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&ALIGN[..], rest].concat()
}

/// The numbers of one kind in `capacity.csv`.
fn quantities(folder: &Path, out: &str, quantity: &str) -> Vec<f64> {
    let table = std::fs::read_to_string(folder.join(out).join("capacity.csv")).unwrap();
    let of = table.lines().filter(|line| line.contains(&format!(",{quantity},")));
    of.map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn every_function_is_fitted_saved_and_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    for function in ["orthogonal", "linear", "scaled", "relaxed", "revnet"] {
        let said = says(path, &align(&["--function", function, "--out", function]));
        assert_eq!(said.contains("Sutter"), function == "revnet", "{said}");
        let stored = std::fs::read_to_string(path.join(function).join("alignment.toml")).unwrap();
        assert!(stored.contains(&format!("map = \"{function}\"")), "{stored}");
        assert_eq!(stored.contains("Sutter"), function == "revnet", "{stored}");
        let capacity = std::fs::read_to_string(path.join(function).join("capacity.csv")).unwrap();
        assert!(capacity.contains("null-space-share"), "{capacity}");
        assert_eq!(capacity.contains("variance-share"), function == "orthogonal", "{capacity}");
        let conditions = quantities(path, function, "condition-number");
        assert_eq!(conditions.len(), 4, "{capacity}");
        assert!(conditions.iter().all(|&condition| condition >= 1.0), "{conditions:?}");
        match function {
            "orthogonal" | "scaled" => assert_eq!(conditions, [1.0; 4]),
            "linear" => assert!(conditions.iter().all(|&condition| condition > 1.0), "{conditions:?}"),
            _ => {}
        }
        // What is the default is not written, so that older alignments are still what they were.
        assert_eq!(stored.contains(&format!("function = \"{function}\"")), function != "orthogonal", "{stored}");
        let again = succeeds(path, &["evaluate", function, "--pairs", "10", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert!(!document["iia"].as_array().unwrap().is_empty());
    }
    let outcomes = |function: &str| std::fs::read_to_string(path.join(function).join("fit.csv")).unwrap();
    assert_ne!(outcomes("orthogonal"), outcomes("relaxed"));
    assert!(says(path, &["evaluate", "revnet", "--pairs", "5"]).contains("Sutter"));
}

#[test]
fn a_fit_begins_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    let fit = |out: &str| std::fs::read(path.join(out).join("alignment.safetensors")).unwrap();
    for start in ["random", "identity", "principal"] {
        succeeds(path, &align(&["--start", start, "--out", start]));
        succeeds(path, &align(&["--start", start, "--threads", "1", "--out", "again"]));
        assert_eq!(fit(start), fit("again"), "{start}");
    }
    assert_ne!(fit("random"), fit("principal"));
    // Networks that only receive have principal axes too.
    succeeds(path, &align(&["--start", "principal", "--method", "low-rank-stitching", "--out", "stitched"]));
    // Stepwise, what they receive may go on where their own trial has ended.
    let stepwise = ["--positions", "stepwise", "--site", "embedding"];
    let small = ["--max-steps", "1", "--training-pairs", "60", "--held-out-pairs", "10", "--batch", "8"];
    for (method, option, value) in [
        ("stitching", "--start", "principal"),
        ("low-rank-stitching", "--pre-step", "standardise"),
        ("low-rank-stitching", "--pre-step", "tanh"),
    ] {
        let rest = ["--method", method, option, value, "--out", value];
        succeeds(path, &[&ALIGN[..3], &small, &stepwise, &rest].concat());
    }
}

#[test]
fn pre_steps_and_parametrisations_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    let stored = |out: &str| std::fs::read_to_string(path.join(out).join("alignment.toml")).unwrap();
    let fit = |out: &str| std::fs::read_to_string(path.join(out).join("fit.csv")).unwrap();
    succeeds(path, &align(&["--out", "plain"]));
    assert!(!stored("plain").contains("pre-step"), "{}", stored("plain"));
    for parts in ["tanh", "standardise", "bias", "tanh+standardise+bias"] {
        succeeds(path, &align(&["--pre-step", parts, "--start", "principal", "--out", parts]));
        assert!(stored(parts).contains(&format!("pre-step = \"{parts}\"")), "{}", stored(parts));
        succeeds(path, &["evaluate", parts, "--pairs", "5"]);
        let shares = quantities(path, parts, "variance-share");
        assert_eq!(shares.len(), 4, "{parts}");
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{parts}: {shares:?}");
    }
    assert_ne!(fit("tanh"), fit("standardise"));
    // Hidden states go below zero, where no sigmoid comes from: that is said, and kept beside the result.
    assert!(says(path, &align(&["--pre-step", "sigmoid", "--out", "sigmoid"])).contains("is clamped"));
    assert!(stored("sigmoid").contains("is clamped"), "{}", stored("sigmoid"));
    for parametrisation in ["exponential", "cayley", "householder"] {
        succeeds(path, &align(&["--parametrisation", parametrisation, "--out", parametrisation]));
    }
    assert_eq!(fit("exponential"), fit("plain"));
    assert_ne!(fit("cayley"), fit("plain"));
    assert_ne!(fit("householder"), fit("plain"));
}

#[test]
fn two_variables_are_interchanged_each_and_both_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    succeeds(path, &align(&["--variable", "count,phase", "--together", "--out", "both"]));
    let table = |file: &str| std::fs::read_to_string(path.join("both").join(file)).unwrap();
    for file in ["fit.csv", "outcomes.csv", "iia.csv", "divergence.csv", "capacity.csv"] {
        for variable in [",count,", ",phase,", ",count+phase,"] {
            assert!(table(file).contains(variable), "{file}: {variable}");
        }
    }
    // Its subspace is as wide as both.
    assert!(table("iia.csv").lines().any(|line| line.contains(",count+phase,16,")), "{}", table("iia.csv"));
    succeeds(path, &["evaluate", "both", "--pairs", "5"]);
    assert!(refuses(path, &align(&["--variable", "count", "--together", "--out", "x"])).contains("there is one"));
}

#[test]
fn functions_and_starts_that_there_are_not_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    assert!(refuses(path, &align(&["--function", "magic", "--out", "x"])).contains("revnet"));
    assert!(refuses(path, &align(&["--start", "zero", "--out", "x"])).contains("principal"));
    let linear = ["--function", "linear", "--start", "principal", "--out", "x"];
    assert!(refuses(path, &align(&linear)).contains("principal axes"));
    assert!(refuses(path, &align(&["--pre-step", "relu", "--out", "x"])).contains("sigmoid"));
    assert!(refuses(path, &align(&["--pre-step", "tanh+sigmoid", "--out", "x"])).contains("one squashing function"));
    assert!(refuses(path, &align(&["--parametrisation", "qr", "--out", "x"])).contains("cayley"));
    let revnet = ["--function", "revnet", "--parametrisation", "cayley", "--out", "x"];
    assert!(refuses(path, &align(&revnet)).contains("rotations"));
    // Singular maps on disk.
    succeeds(path, &align(&["--function", "scaled", "--out", "scaled"]));
    let file = path.join("scaled/alignment.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let names: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let at = 8 + header + names["log-scale.g12345"]["data_offsets"][0].as_u64().unwrap() as usize;
    let mut damaged = bytes.clone();
    damaged[at..at + 4].copy_from_slice(&(-300.0_f32).to_le_bytes());
    std::fs::write(&file, &damaged).unwrap();
    assert!(refuses(path, &["evaluate", "scaled", "--pairs", "5"]).contains("no inverse"));
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(refuses(path, &["evaluate", "scaled", "--pairs", "5"]).contains("alignment.safetensors"));
}

#[test]
fn an_interrupted_fit_of_another_function_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    // What a kill leaves: a folder with the checkpoint of a fit by another function.
    let mut linear = align(&["--function", "linear", "--out", "fit"]);
    let steps = linear.iter().position(|argument| *argument == "--max-steps").unwrap() + 1;
    linear[steps] = "1000000";
    let checkpoint = path.join("fit.partial/alignment/checkpoint.safetensors");
    killed(path, &linear, || checkpoint.exists());
    assert!(checkpoint.exists(), "it ended before it was killed");
    succeeds(path, &align(&["--function", "scaled", "--out", "fit"]));
    let stored = std::fs::read_to_string(path.join("fit/alignment.toml")).unwrap();
    assert!(stored.contains("map = \"scaled\""), "{stored}");
}

#[test]
fn a_fit_that_diverged_keeps_its_best_alignment_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    import(path);
    let warned = says(path, &align(&["--learning-rate", "1e38", "--controls", "--out", "fit"]));
    assert!(warned.contains("the fit diverged after") && warned.contains("smaller learning rate"), "{warned}");
    assert!(warned.contains("shuffled: the fit diverged") && warned.contains("random-network: the fit"), "{warned}");
    let stored: toml::Table = std::fs::read_to_string(path.join("fit/alignment.toml")).unwrap().parse().unwrap();
    assert_eq!(stored["settings"]["ending"].as_str(), Some("diverged"));
    assert_eq!(stored["settings"]["converged"].as_bool(), Some(false));
    succeeds(path, &["evaluate", "fit", "--pairs", "5"]);
}
