//! `mas compare` on activity files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{refuses, says, succeeds};

/// Recordings, and what other implementations make of them: see mas-metrics/tests/fixtures.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-metrics/tests/fixtures").join(name)
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&succeeds(folder, &[&["compare"], arguments, &["--json"]].concat())).unwrap()
}

const PLAIN: [&str; 4] = ["--permutations", "0", "--bootstraps", "0"];

/// Text of `rows` samples of two units that differ between `phase`s.
fn table(rows: usize, phase: f64) -> String {
    let row = |row: usize| {
        let angle = row as f64 * 0.7 + phase;
        format!("{},{}\n", angle.sin() + row as f64 * 0.1, (2.0 * angle).cos())
    };
    (0..rows).map(row).collect()
}

#[test]
fn every_measure_has_its_key_and_its_recorded_value() {
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = (fixture("X.npy"), fixture("Y.npy"));
    let (x, y) = (x.to_str().unwrap(), y.to_str().unwrap());
    let found = json(folder.path(), &[x, y, "--permutations", "4", "--bootstraps", "4"]);
    let mut names: Vec<String> = ["cka_linear", "cka_linear_debiased", "cka_rbf", "cca_mean", "svcca", "pwcca"]
        .iter()
        .chain(&["procrustes", "predictivity_a_to_b", "predictivity_b_to_a", "mutual_knn"])
        .chain(&["reference_cka_cos", "reference_cka_l2"])
        .map(|name| (*name).to_owned())
        .collect();
    for prefix in ["rsa", "rsa_zscored"] {
        for distance in ["euclidean", "cosine", "correlation"] {
            names.extend(["spearman", "pearson", "kendall"].map(|kind| format!("{prefix}_{distance}_{kind}")));
        }
    }
    for (scale, distance) in [("raw", "cos"), ("raw", "l2"), ("nrm", "cos"), ("nrm", "l2")] {
        names.extend(["spr", "prs"].map(|kind| format!("reference_rsa_{scale}_{distance}_{kind}")));
    }
    for name in &names {
        for key in ["value", "null_mean", "p", "low", "high"] {
            assert!(found[name][key].is_number(), "{name}, {key}: {}", found[name]);
        }
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(fixture("expected.json")).unwrap()).unwrap();
    for (name, group, key) in [
        ("cka_linear", "cka", "linear_centered"),
        ("cka_linear_debiased", "cka", "linear_debiased_song"),
        ("cka_rbf", "cka", "rbf_sigma_1.0_median"),
        ("cca_mean", "cca", "mean_cca"),
        ("svcca", "cca", "svcca_99"),
        ("pwcca", "cca", "pwcca_weighted_by_X"),
        ("procrustes", "procrustes", "similarity_nuclear_norm"),
        ("rsa_euclidean_spearman", "rsa", "rsa_raw_l2_spr"),
        ("rsa_zscored_correlation_kendall", "rsa", "rsa_nrm_cor_kendall"),
        ("reference_cka_l2", "reference", "cka_l2"),
        ("reference_rsa_nrm_cos_prs", "reference", "rsa_nrm_cos_prs"),
    ] {
        let (found, expected) = (found[name]["value"].as_f64().unwrap(), expected[group][key].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-6, "{name}: {found} is not {expected}");
    }
}

#[test]
fn more_than_two_files_give_matrices_and_a_heat_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let names = ["one", "two", "three", "four", "five"];
    let files = names.map(|name| format!("{name}.csv"));
    for (index, file) in files.iter().enumerate() {
        std::fs::write(path.join(file), table(40, index as f64)).unwrap();
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let measures = ["--measures", "cka_linear,predictivity_a_to_b,procrustes_angular", "--out", "out"];
    let document = json(path, &[&files[..], &measures, &PLAIN].concat());
    assert_eq!(document["names"], serde_json::json!(names));
    assert_eq!(document["pairs"].as_array().unwrap().len(), 10);
    let matrix = |measure: &str, row: usize, column: usize| {
        document["matrices"][measure][row][column].as_f64().unwrap_or_else(|| panic!("{measure} {row} {column}"))
    };
    for row in 0..5 {
        assert!((matrix("cka_linear", row, row) - 1.0).abs() < 1e-9);
        assert!(matrix("procrustes_angular", row, row).abs() < 1e-6);
        for column in 0..5 {
            assert_eq!(matrix("cka_linear", row, column), matrix("cka_linear", column, row));
        }
    }
    // What has a direction is there both ways, as two files say it.
    let pair = |a: &str, b: &str| {
        let measure = ["--measures", "predictivity_a_to_b"];
        json(path, &[&[a, b], &measure[..], &PLAIN].concat())["predictivity_a_to_b"]["value"].as_f64().unwrap()
    };
    assert!((matrix("predictivity_a_to_b", 3, 1) - pair("four.csv", "two.csv")).abs() < 1e-12);
    assert!((matrix("predictivity_a_to_b", 1, 3) - pair("two.csv", "four.csv")).abs() < 1e-12);
    let read = |name: &str| std::fs::read_to_string(path.join("out").join(name)).unwrap();
    assert_eq!(read("matrix.csv").lines().count(), 1 + 3 * 25);
    assert_eq!(read("similarity.csv").lines().count(), 1 + 3 * 10);
    let svg = read("similarity.svg");
    assert!(svg.starts_with("<?xml") && svg.contains("<svg"), "{}", &svg[..80]);
    for text in ["cka_linear", "predictivity_a_to_b", "three", "five"] {
        assert!(svg.contains(text), "{text}");
    }
    let text = succeeds(path, &[&["compare"], &files[..], &["--measures", "cka_linear"], &PLAIN].concat());
    assert!(text.contains("cka_linear") && text.contains("1.0000"), "{text}");
}

#[test]
fn files_that_cannot_be_compared_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("a.csv"), table(30, 0.0)).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        std::fs::write(path.join(name), bytes).unwrap();
        let complaint = refuses(path, &["compare", "a.csv", name]);
        // Long lines are broken where the terminal ends.
        complaint.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    };
    let complaint = refused("b.csv", table(20, 0.0).as_bytes());
    assert!(complaint.contains("a has 30 samples and b has 20"), "{complaint}");
    let complaint = refused("b.csv", table(30, 0.0).replacen(',', ",x", 1).as_bytes());
    assert!(complaint.contains("b.csv") && complaint.contains("row 0 (line 1), column 1"), "{complaint}");
    let complaint = refused("b.csv", format!("{}nan,1\n", table(29, 0.0)).as_bytes());
    assert!(complaint.contains("b.csv") && complaint.contains("row 29"), "{complaint}");
    let pickled = std::fs::read(fixture("../../../mas-core/src/activity/fixtures/pickled.npy")).unwrap();
    assert!(refused("b.npy", &pickled).contains("pickled"));
    let archive = std::fs::read(fixture("../../../mas-core/src/activity/fixtures/compressed.npz")).unwrap();
    assert!(refused("b.npz", &archive[..archive.len() / 2]).contains("b.npz"));
    std::fs::write(path.join("one.csv"), "1,2\n").unwrap();
    assert!(refuses(path, &["compare", "one.csv", "one.csv"]).contains("one sample"));
    assert!(refuses(path, &["compare", "a.csv", "absent.npy"]).contains("absent.npy"));
    assert!(refuses(path, &["compare", "a.csv", "a.csv", "--measures", "cka"]).contains("cka"));
    assert!(refuses(path, &["compare", "a.csv"]).contains("ACTIVITY"));
}

#[test]
fn what_speaks_against_a_value_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("a.csv"), table(30, 0.0)).unwrap();
    let warned = |text: String, measures: &str| {
        std::fs::write(path.join("b.csv"), text).unwrap();
        let said = says(path, &[&["compare", "a.csv", "b.csv", "--measures", measures], &PLAIN[..]].concat());
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let zero = table(30, 1.0).lines().take(29).chain(["0,0"]).map(|line| format!("{line}\n")).collect();
    let said = warned(zero, "rsa_cosine_spearman,cka_linear");
    assert!(said.contains("left out: undefined: row 29 of b is zero"), "{said}");
    let document = json(path, &[&["a.csv", "b.csv", "--measures", "all,cka_linear"], &PLAIN[..]].concat());
    assert_eq!(document.as_object().unwrap().len(), 40);
    let left_out = &document["rsa_cosine_spearman"];
    assert!(left_out["value"].is_null(), "{left_out}");
    assert!(left_out["warnings"][0].as_str().unwrap().contains("row 29 of b is zero"), "{left_out}");
    // With more than two activities it is a gap of that pair.
    let measures = ["--measures", "rsa_cosine_spearman"];
    let said = says(path, &[&["compare", "a.csv", "a.csv", "b.csv"], &measures[..], &PLAIN].concat());
    assert!(said.contains("b: rsa_cosine_spearman: left out"), "{said}");
    let repeated = (0..30).map(|row| format!("{},{}\n", row % 3, row % 2)).collect();
    assert!(warned(repeated, "cka_linear").contains("only 6 of 30 rows of b are distinct"));
    let outlier = table(30, 1.0).lines().take(29).chain(["900,900"]).map(|line| format!("{line}\n")).collect();
    assert!(warned(outlier, "cka_linear").contains("row 29 of 30 alone carries the value"));
    std::fs::write(path.join("b.csv"), "1,2\n".repeat(30)).unwrap();
    let complaint = refuses(path, &["compare", "a.csv", "b.csv", "--measures", "cka_linear"]);
    assert!(complaint.contains("b"), "{complaint}");
}
