//! `mas train`, `record`, `align`, `evaluate`, `compare` on small networks, and what they say of bad input.

mod program;

use program::{refuses, small_network, succeeds};

const ALIGN: [&str; 11] =
    ["align", "a", "b", "--k", "4", "--max-steps", "4", "--training-pairs", "40", "--held-out-pairs", "20"];

fn align<'a>(rest: &[&'a str]) -> Vec<&'a str> {
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
fn bad_input_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    small_network(path, "a", 1);
    small_network(path, "b", 2);
    assert!(refuses(path, &["align", "a", "nowhere", "--out", "x"]).contains("nowhere"));
    assert!(refuses(path, &["align", "a", "b", "--out", "x"]).contains("acceptance"));
    let wide = ["align", "a", "b", "--k", "9", "--allow-unaccepted", "--training-pairs", "9", "--out", "x"];
    assert!(refuses(path, &wide).contains("has only 8"));
    assert!(refuses(path, &align(&["--site", "cell", "--out", "x"])).contains("hidden"));
    assert!(refuses(path, &align(&["--method", "magic", "--out", "x"])).contains("unidirectional-mas"));
    assert!(refuses(path, &align(&["--variable", "weight", "--out", "x"])).contains("count"));
    assert!(refuses(path, &["record", "a", "--site", "layer.0", "--task", "modulo", "--out", "x.npy"]).contains("layer.0"));
    assert!(refuses(path, &align(&["--device", "tpu", "--out", "x"])).contains("flex"));
    assert!(refuses(path, &["train", "--task", "modulo", "--network", "mlp", "--out", "x"]).contains("gru"));

    let weights = path.join("b/weights.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("weights.safetensors"));
    std::fs::remove_file(&weights).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("weights.safetensors"));
    let toml = path.join("a/network.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, format!("surprise = 1\n{text}")).unwrap();
    assert!(refuses(path, &align(&["--out", "x"])).contains("surprise"));

    std::fs::write(path.join("x.npy"), b"\x93NUMPY\x01\x00").unwrap();
    assert!(refuses(path, &["compare", "x.npy", "x.npy"]).contains("x.npy"));
}

#[test]
fn activity_that_is_not_finite_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
    file.extend(format!("{header:<117}\n").bytes());
    for value in [0.0_f32, 1.0, 2.0, f32::NAN, 4.0, 5.0] {
        file.extend(value.to_le_bytes());
    }
    std::fs::write(folder.path().join("a.npy"), file).unwrap();
    let complaint = refuses(folder.path(), &["compare", "a.npy", "a.npy"]);
    assert!(complaint.contains("a.npy") && complaint.contains('1'), "{complaint}");
}
