//! `mas train`, `record`, `align`, `evaluate`, `compare` on small networks.

use std::path::Path;

use mas_core::Method;

use crate::{refuses, says, small_network, succeeds};

const ALIGN: [&str; 11] =
    ["align", "a", "b", "--k", "4", "--max-steps", "4", "--training-pairs", "40", "--held-out-pairs", "20"];

/// An alignment of the networks `a` and `b` that takes a moment.
pub fn align<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&ALIGN[..], &["--allow-unaccepted", "--batch", "8"], rest].concat()
}

#[test]
fn an_alignment_is_fitted_measured_and_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    small_network(folder.path(), "b", 2);
    let table = succeeds(folder.path(), &align(&["--controls", "--out", "fit"]));
    for control in ["none", "ceiling", "no-swap", "mean-swap", "shuffled", "random-network"] {
        assert!(table.contains(control), "no {control} in\n{table}");
    }
    let files = ["alignment.toml", "alignment.safetensors", "fit.csv", "iia.csv"];
    files.iter().for_each(|file| assert!(folder.path().join("fit").join(file).is_file(), "{file}"));
    assert!(std::fs::read_to_string(folder.path().join("fit/alignment.toml")).unwrap().contains("converged = false"));
    let again = succeeds(folder.path(), &["evaluate", "fit", "--pairs", "20", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert!(document["iia"].as_array().unwrap().len() >= 4 * 4);
}

/// From its own untrained twin, which stands before it.
#[test]
fn one_network_alone_has_all_controls() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    let small = ["--k", "4", "--max-steps", "4", "--training-pairs", "40", "--held-out-pairs", "20", "--batch", "8"];
    let das = [&["align", "a", "--method", "das", "--allow-unaccepted", "--controls", "--json"][..], &small].concat();
    let rows = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let document: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), arguments)).unwrap();
        document["iia"].as_array().unwrap().clone()
    };
    let of = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let fitted = rows(&[&das[..], &["--null", "--out", "fit"]].concat());
    for control in ["none", "shuffled", "random-network"] {
        assert!(fitted.iter().any(|row| row["control"] == control), "no {control}");
    }
    let again = rows(&["evaluate", "fit/controls/random-network", "--pairs", "20", "--json"]);
    assert!(!again.is_empty());
    let random = fitted.iter().filter(|row| row["control"] == "random-network");
    for row in random.chain(&again) {
        let [source, target, variable] = ["source", "target", "variable"].map(|key| of(row, key));
        assert_eq!([&*source, &*target, &*variable], ["a~untrained", "a", "full"]);
    }
    let two = [&das[..], &["--variable", "count:phase", "--out", "x"]].concat();
    assert!(refuses(folder.path(), &two).contains("the variables of two networks, and there is one"));
}

/// Stitching takes as many coordinates as the narrower network has, whichever of the two that is.
#[test]
fn stitching_takes_what_the_narrower_network_has() {
    let folder = tempfile::tempdir().unwrap();
    let train = ["train", "--task", "multi-object", "--network", "gru", "--max-steps", "2", "--width"];
    for (name, width) in [("a", "8"), ("b", "6")] {
        succeeds(folder.path(), &[&train[..], &[width, "--out", name]].concat());
    }
    let small = ["--max-steps", "2", "--training-pairs", "60", "--held-out-pairs", "20", "--batch", "8"];
    for networks in [["a", "b"], ["b", "a"]] {
        let out = networks.concat();
        let arguments = [&["align", networks[0], networks[1], "--method", "stitching", "--out", &out][..], &small];
        succeeds(folder.path(), &[&arguments.concat()[..], &["--allow-unaccepted"]].concat());
        let table = std::fs::read_to_string(folder.path().join(&out).join("capacity.csv")).unwrap();
        for (target, share) in [("a", "0.75"), ("b", "1")] {
            let rows: Vec<&str> = table.lines().filter(|line| line.contains(",k-over-d,")).collect();
            let into: Vec<&&str> = rows.iter().filter(|line| line.split(',').nth(5) == Some(target)).collect();
            assert!(!into.is_empty(), "{table}");
            for row in into {
                let value: f64 = row.rsplit(',').next().unwrap().parse().unwrap();
                assert_eq!(value, share.parse::<f64>().unwrap(), "{row}");
            }
        }
    }
}

#[test]
fn every_method_is_fitted_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("a", 1), ("b", 2), ("c", 3)] {
        small_network(folder.path(), name, seed);
    }
    let small = ["--max-steps", "2", "--training-pairs", "60", "--held-out-pairs", "20", "--batch", "8"];
    let fit = |method: Method, networks: &[&str]| {
        let out = format!("{method}-of-{}", networks.len());
        let k: &[&str] = if method.takes_everything() { &[] } else { &["--k", "4"] };
        let arguments = [&["align"][..], networks, &small, k, &["--method", method.id(), "--out", &out, "--json"]];
        let printed = succeeds(folder.path(), &[&arguments.concat()[..], &["--allow-unaccepted"]].concat());
        let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let rows = document["iia"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["method"] == method.id()), "{method}");
        let directions = rows.iter().filter(|row| row["control"] == "none" && row["population"] == "all").count();
        assert_eq!(directions, networks.len().pow(2), "{method}: all directions are measured");
    };
    for method in Method::ALL {
        fit(method, if method == Method::Das { &["a"] } else { &["a", "b"] });
    }
    fit(Method::Mas, &["a", "b", "c"]);
    fit(Method::Clmas, &["a", "b", "c"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    small_network(folder.path(), "b", 2);
    for (threads, out) in [("1", "one"), ("2", "two"), ("2", "three")] {
        succeeds(folder.path(), &align(&["--threads", threads, "--out", out]));
    }
    for file in ["alignment.safetensors", "fit.csv", "outcomes.csv"] {
        let of = |out: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
        assert_eq!(of("one"), of("two"), "{file} at one and at two threads");
        assert_eq!(of("two"), of("three"), "{file} twice");
    }
}

#[test]
fn a_recipe_is_followed_and_one_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let train = |rest: &[&'static str]| -> Vec<&'static str> {
        let small = ["train", "--task", "multi-object", "--width", "8", "--max-steps", "2", "--samples", "40"];
        [&small[..], rest].concat()
    };
    let stored = |out: &str| std::fs::read_to_string(folder.path().join(out).join("network.toml")).unwrap();
    let recipe = ["--feedback", "teacher-forced", "--clip", "0.5", "--dropout", "0.1", "--batch", "16"];
    let gru = [&["--network", "gru", "--layer-norm", "--learning-rate", "0.01", "--out", "gru"], &recipe[..]].concat();
    succeeds(folder.path(), &train(&gru));
    for line in ["feedback = \"teacher-forced\"", "clip = 0.5", "dropout = 0.1", "batch = 16", "layer-norm = true"] {
        assert!(stored("gru").contains(line), "{line}: {}", stored("gru"));
    }
    succeeds(folder.path(), &train(&["--network", "transformer", "--heads", "2", "--out", "two-heads"]));
    assert!(stored("two-heads").contains("heads = 2"), "{}", stored("two-heads"));
    for (refused, says) in [
        (["--network", "gru", "--heads", "2"], "no attention heads"),
        (["--network", "transformer", "--heads", "3"], "heads"),
        (["--network", "gru", "--clip", "0"], "clip"),
        (["--network", "gru", "--dropout", "1.5"], "dropout"),
        (["--network", "transformer", "--feedback", "free-running"], "teacher-forced"),
        (["--network", "gru", "--feedback", "forced"], "teacher-forced"),
    ] {
        let complaint = refuses(folder.path(), &train(&[&refused[..], &["--out", "x"]].concat()));
        assert!(complaint.contains(says), "{complaint}");
    }
}

#[test]
fn networks_of_every_architecture_are_trained_and_aligned() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["gru", "lstm", "rnn", "transformer"] {
        let train = ["train", "--task", "multi-object", "--network", name, "--width", "8", "--max-steps", "2"];
        succeeds(folder.path(), &[&train[..], &["--out", name]].concat());
    }
    let rest = ["--k", "4", "--max-steps", "2", "--training-pairs", "20", "--held-out-pairs", "10", "--batch", "8"];
    let align = |arguments: &[&str]| {
        succeeds(folder.path(), &[&["align"], arguments, &rest, &["--allow-unaccepted", "--json"]].concat())
    };
    for (networks, site, positions) in [
        (["gru", "lstm"], "hidden", "individual"),
        (["rnn", "transformer"], "embedding", "stepwise"),
        (["lstm", "transformer"], "hidden,layer.0", "stepwise"),
        (["transformer", "gru"], "layer.0,hidden", "individual"),
    ] {
        let out = format!("{site}-{positions}");
        let arguments = [&networks[..], &["--site", site, "--positions", positions, "--controls", "--out", &out]];
        let document: serde_json::Value = serde_json::from_str(&align(&arguments.concat())).unwrap();
        let rows = document["iia"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["control"] == "random-network"), "{out}");
    }
    // Where an interchange says less than it seems to.
    let said = |out: &str, arguments: &[&str]| {
        let rest = [&rest[2..], &["--allow-unaccepted", "--out", out]].concat();
        says(folder.path(), &[&["align"], arguments, &rest].concat())
    };
    let first = said("first", &["gru", "transformer", "--site", "hidden,layer.0", "--k", "7"]);
    assert!(!first.contains("last block") && !first.contains("no ceiling"), "{first}");
    let last = said("last", &["gru", "transformer", "--site", "hidden,layer.1", "--k", "8"]);
    assert!(last.contains("`layer.1` is the last block of `transformer`") && last.contains("no ceiling"), "{last}");
    // The transformer knows the void token, which is in none of the trials that networks are compared on.
    let description = std::fs::read_to_string(folder.path().join("transformer/network.toml")).unwrap();
    assert!(description.contains("void = 8") && description.contains("feedback = \"teacher-forced\""), "{description}");
    let record = ["record", "transformer", "--site", "logits", "--task", "multi-object", "--trials", "3", "--json"];
    succeeds(folder.path(), &[&record[..], &["--out", "logits.npz"]].concat());
}

#[test]
fn activity_is_recorded_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("a", 1), ("b", 2)] {
        small_network(folder.path(), name, seed);
        let out = format!("{name}.npz");
        let record = ["record", name, "--site", "hidden", "--task", "multi-object", "--trials", "5"];
        succeeds(folder.path(), &[&record[..], &["--out", &out]].concat());
    }
    let resampling = ["--permutations", "5", "--bootstraps", "0", "--json"];
    let compare = [&["compare", "a.npz", "b.npz", "--measures", "cka_linear,rsa_euclidean_spearman"], &resampling[..]];
    let document: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &compare.concat())).unwrap();
    let cka = document["cka_linear"]["value"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&cka));
    assert!(document["rsa_euclidean_spearman"]["p"].is_number());
    let itself = [&["compare", "a.npz", "a.npz", "--measures", "cka_linear"], &resampling[..]].concat();
    let document: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &itself)).unwrap();
    assert!((document["cka_linear"]["value"].as_f64().unwrap() - 1.0).abs() < 1e-9);
}

#[test]
fn token_ids_are_read_from_json() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    std::fs::write(folder.path().join("ids.json"), "[[1, 3, 7, 6, 2], [1, 4, 0, 0, 0]]").unwrap();
    let record = ["record", "a", "--site", "embedding", "--tokens", "ids.json", "--out", "r.safetensors", "--json"];
    let document: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &record)).unwrap();
    assert_eq!((document["trials"].clone(), document["time"].clone()), (2.into(), 5.into()));
    std::fs::write(folder.path().join("ids.json"), "[[1, 3, 99]]").unwrap();
    assert!(refuses(folder.path(), &record).contains("99"));
}

#[test]
fn several_variables_are_measured_apart() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    small_network(folder.path(), "b", 2);
    let two = ["align", "a", "b", "--k", "4", "--max-steps", "4", "--training-pairs", "40", "--held-out-pairs", "20"];
    let two = [&two[..], &["--allow-unaccepted", "--batch", "8", "--variable", "phase,count", "--out", "fit"]].concat();
    succeeds(folder.path(), &two);
    for (file, column) in [("iia.csv", 7), ("outcomes.csv", 2), ("fit.csv", 4)] {
        let table = std::fs::read_to_string(folder.path().join("fit").join(file)).unwrap();
        let mut fields = table.lines().map(|line| line.split(',').nth(column).unwrap());
        assert_eq!(fields.next(), Some("variable"), "{file}");
        let (count, phase): (Vec<_>, Vec<_>) = fields.partition(|variable| *variable == "count");
        assert!(!count.is_empty() && !phase.is_empty(), "{file}");
        assert!(phase.iter().all(|variable| *variable == "phase"), "{file}: {phase:?}");
    }
    // Each variable has held-out pairs of its own: 20 in each of 4 directions.
    let iia = std::fs::read_to_string(folder.path().join("fit/iia.csv")).unwrap();
    let whole: Vec<&str> = iia.lines().filter(|line| line.contains(",none,all,")).collect();
    assert_eq!(whole.len(), 2 * 4, "{iia}");
    assert!(whole.iter().all(|line| line.split(',').nth(16) == Some("20")), "{whole:?}");

    // Subspaces of sizes of their own, in one frame.
    let with = |k| [&["align", "a", "b", "--k", k][..], &two[5..two.len() - 1], &["sized"]].concat();
    succeeds(folder.path(), &with("1,6"));
    let iia = std::fs::read_to_string(folder.path().join("sized/iia.csv")).unwrap();
    for (variable, k) in [("phase", "1"), ("count", "6")] {
        let rows: Vec<&str> = iia.lines().filter(|line| line.split(',').nth(7) == Some(variable)).collect();
        assert!(!rows.is_empty() && rows.iter().all(|line| line.split(',').nth(8) == Some(k)), "{variable}: {rows:?}");
    }
    succeeds(folder.path(), &["evaluate", "sized", "--pairs", "10"]);
    assert!(refuses(folder.path(), &with("1,6,1")).contains("3 sizes for 2 variables"));
}

#[test]
fn a_killed_alignment_goes_on_if_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    small_network(path, "a", 1);
    small_network(path, "b", 2);
    killed(path, "fit");
    succeeds(path, &controlled("fit"));
    succeeds(path, &controlled("whole/fit"));
    for file in ["iia.csv", "outcomes.csv", "controls/shuffled/outcomes.csv", "controls/random-network/outcomes.csv"] {
        let of = |out: &str| std::fs::read_to_string(path.join(out).join(file)).unwrap();
        assert!(of("fit") == of("whole/fit"), "{file}");
    }
    assert!(!path.join("fit.partial").exists());
    assert!(!path.join("fit/command.json").exists() && !path.join("fit/checkpoint.safetensors").exists());

    // Of other networks, nothing may be gone on with.
    killed(path, "fit");
    std::fs::remove_dir_all(path.join("a")).unwrap();
    small_network(path, "a", 3);
    succeeds(path, &controlled("fit"));
    succeeds(path, &controlled("whole/fit"));
    let of = |out: &str| std::fs::read_to_string(path.join(out).join("outcomes.csv")).unwrap();
    assert!(of("fit") == of("whole/fit"));
}

fn controlled(out: &str) -> Vec<&str> {
    align(&["--controls", "--out", out])
}

/// Kills an alignment when its own fit is done, while the controls are at it.
fn killed(folder: &Path, out: &str) {
    super::killed(folder, &controlled(out), || folder.join(format!("{out}.partial/alignment/outcomes.csv")).is_file());
}

#[test]
fn networks_that_missed_the_mark_are_spoken_of() {
    let folder = tempfile::tempdir().unwrap();
    small_network(folder.path(), "a", 1);
    small_network(folder.path(), "b", 2);
    let measures = ["--measures", "cka_linear", "--permutations", "0", "--bootstraps", "0"];
    let said = says(folder.path(), &[&["compare", "a", "b", "--site", "hidden"], &measures[..]].concat());
    assert!(said.contains("network a did not reach") && said.contains("network b did not reach"), "{said}");
    let record = ["record", "a", "--site", "hidden", "--task", "modulo", "--trials", "1", "--out", "a.npy"];
    assert!(says(folder.path(), &record).contains("network a did not reach"));
    succeeds(folder.path(), &align(&["--out", "fit"]));
    assert!(says(folder.path(), &["evaluate", "fit", "--pairs", "5"]).contains("network b did not reach"));
}

#[test]
fn an_import_is_held_against_logits_of_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let state = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../mas-models/tests/fixtures/transformer_random_d32_h2/state_dict.safetensors");
    let import = ["import", "pytorch", state.to_str().unwrap(), "--task", "multi-object", "--json"];
    let told = |more: &[&str]| -> serde_json::Value {
        serde_json::from_str(&succeeds(path, &[&import[..], more].concat())).unwrap()
    };
    assert!(told(&["--out", "a"])["largest-logit-difference"].is_null(), "there is no check");
    for site in ["logits", "embedding"] {
        succeeds(path, &["record", "a", "--site", site, "--task", "multi-object", "--out", &format!("{site}.npz")]);
    }
    assert_eq!(told(&["--check", "logits.npz", "--out", "b"])["largest-logit-difference"].as_f64(), Some(0.0));
    let other = refuses(path, &[&import[..], &["--check", "embedding.npz", "--out", "c"]].concat());
    assert!(other.contains("embedding.npz") && other.contains("32 logits"), "{other}");
    assert!(!path.join("c").exists());
    // Another network: one weight is changed.
    for file in std::fs::read_dir(state.parent().unwrap()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), path.join(file.file_name())).unwrap();
    }
    let changed = path.join("state_dict.safetensors");
    let mut bytes = std::fs::read(&changed).unwrap();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&9.0_f32.to_le_bytes());
    std::fs::write(&changed, bytes).unwrap();
    let import = ["import", "pytorch", "state_dict.safetensors", "--task", "multi-object"];
    let said = says(path, &[&import[..], &["--check", "logits.npz", "--out", "d"]].concat());
    assert!(said.contains("not the network that was saved"), "{said}");
}

#[test]
fn an_import_that_could_not_do_its_task_is_refused_by_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let tied = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures/tied.pt");
    let tokens: Vec<String> = (0..600).map(|id| format!("\"t{id}\"")).collect();
    let names = "cell = \"gru\"\nembedding = \"encoder\"\nrecurrent = \"core\"\nread-out = [\"head\"]";
    std::fs::write(folder.path().join("map.toml"), format!("{names}\ntokens = [{}]\n", tokens.join(", "))).unwrap();
    let import = ["import", "pytorch", tied.to_str().unwrap(), "--map", "map.toml", "--out", "tied"];
    let error = refuses(folder.path(), &[&import[..], &["--task", "multi-object"]].concat());
    assert!(error.contains("map.toml: its vocabulary cannot be that of a network for `multi-object`"), "{error}");
    let mut words: Vec<String> = ["P", "B", "E", "D0", "D1", "D2", "R", "T"].map(|word| format!("\"{word}\"")).into();
    words.extend_from_slice(&tokens[8..]);
    let map = format!("{names}\ntokens = [{}]\nbegin = \"E\"\ntask = \"multi-object\"\n", words.join(", "));
    std::fs::write(folder.path().join("map.toml"), map).unwrap();
    let error = refuses(folder.path(), &import);
    assert!(error.contains("the task's begin token is B"), "{error}");
    let map = format!("{names}\ntokens = [{}]\ntask = \"counting\"\n", tokens.join(", "));
    std::fs::write(folder.path().join("map.toml"), map).unwrap();
    let error = refuses(folder.path(), &import);
    assert!(error.contains("map.toml: its task cannot be") && error.contains("same-object"), "{error}");
    assert!(!folder.path().join("tied").exists());
}
