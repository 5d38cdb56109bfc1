//! `mas align` with networks that are read and not run.

use std::path::Path;

use crate::{refuses, says, succeeds};

/// Two trained networks from the author's PyTorch implementation of arXiv 2501.06164, as `g12345` and `g23456`.
fn trained(folder: &Path) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures");
    for seed in ["12345", "23456"] {
        let dictionary = fixtures.join(format!("gru_multiobject_seed{seed}/state_dict.safetensors"));
        let out = format!("g{seed}");
        succeeds(folder, &["import", "pytorch", dictionary.to_str().unwrap(), "--out", &out]);
    }
}

const ALIGN: [&str; 11] = [
    "align",
    "g12345",
    "g23456",
    "--max-steps",
    "5",
    "--training-pairs",
    "60",
    "--held-out-pairs",
    "30",
    "--batch",
    "16",
];

fn align<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&ALIGN[..], rest].concat()
}

/// The rows of a table as pairs of a column's name and a field.
fn rows(folder: &Path, file: &str) -> Vec<std::collections::HashMap<String, String>> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    lines.map(|fields| columns.iter().cloned().zip(fields).collect()).collect()
}

#[test]
fn clmas_is_trained_on_recordings_and_measured_on_the_network() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    succeeds(folder.path(), &align(&["--method", "clmas", "--k", "8", "--out", "fit"]));
    let course = rows(folder.path(), "fit/fit.csv");
    assert_eq!(course.len(), 2 * 4, "four directions before and after");
    for row in &course {
        let inaccessible = row["target"] == "g23456";
        assert_eq!(row["iia"].is_empty(), inaccessible, "{row:?}");
        assert_eq!(row["cl_loss"].is_empty(), !inaccessible, "{row:?}");
    }
    let loss = |step: &str| {
        let of_step = course.iter().filter(|row| row["step"] == step);
        of_step.filter_map(|row| row["cl_loss"].parse::<f64>().ok()).sum::<f64>()
    };
    assert!(loss("5") < loss("0"), "{course:?}");
    // All four directions are measured, in the populations and with the controls of any alignment.
    let iia = rows(folder.path(), "fit/iia.csv");
    let plain =
        |row: &&std::collections::HashMap<String, String>| row["control"] == "none" && row["population"] == "all";
    assert_eq!(iia.iter().filter(plain).count(), 4);
    let settings: toml::Table =
        std::fs::read_to_string(folder.path().join("fit/alignment.toml")).unwrap().parse().unwrap();
    let configuration = &settings["settings"]["configuration"];
    assert_eq!(configuration["inaccessible"].as_array().unwrap(), &[toml::Value::from(1)]);
    assert_eq!(configuration["cl-weight"].as_float(), Some(0.85));
    for pairs in settings["settings"]["pairs"].as_array().unwrap() {
        let counted = pairs.get("unmatched").is_some();
        assert_eq!(counted, pairs["target"].as_str() == Some("g23456"), "{pairs}");
    }
    succeeds(folder.path(), &["evaluate", "fit", "--pairs", "20"]);

    // The other way round it is another fit; so is one without a weight on the latent loss.
    let first = ["--method", "clmas", "--k", "8", "--inaccessible", "g12345", "--out", "first"];
    succeeds(folder.path(), &align(&first));
    let course = rows(folder.path(), "first/fit.csv");
    assert!(course.iter().all(|row| row["iia"].is_empty() == (row["target"] == "g12345")));
    succeeds(folder.path(), &align(&["--method", "clmas", "--k", "8", "--cl-weight", "0", "--out", "without"]));
    assert_eq!(rows(folder.path(), "without/fit.csv").len(), 2 * 2);
}

#[test]
fn latent_stitching_asks_for_no_behaviour() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    succeeds(folder.path(), &align(&["--method", "latent-stitching", "--controls", "--out", "fit"]));
    let course = rows(folder.path(), "fit/fit.csv");
    assert_eq!(course.len(), 2);
    assert!(course.iter().all(|row| row["iia"].is_empty() && !row["cl_loss"].is_empty()));
    assert!(course[1]["cl_loss"].parse::<f64>().unwrap() < course[0]["cl_loss"].parse::<f64>().unwrap());
    let iia = rows(folder.path(), "fit/iia.csv");
    for control in ["none", "shuffled", "random-network"] {
        assert!(iia.iter().any(|row| row["control"] == control && row["target"] == "g23456"), "{control}");
    }
    let warned = says(folder.path(), &align(&["--method", "latent-stitching", "--cl-weight", "3", "--out", "again"]));
    assert!(warned.contains("--cl-weight 3 is ignored"), "{warned}");
}

#[test]
fn the_null_variable_is_one_more_row() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    succeeds(folder.path(), &align(&["--k", "8", "--null", "--out", "fit"]));
    let course = rows(folder.path(), "fit/fit.csv");
    let null: Vec<_> = course.iter().filter(|row| row["variable"] == "null").collect();
    assert_eq!((course.len(), null.len()), (2 * 6, 2 * 2));
    assert!(null.iter().all(|row| row["source"] == row["target"] && !row["iia"].is_empty()));
    assert!(rows(folder.path(), "fit/iia.csv").iter().all(|row| row["variable"] == "full"));
}

#[test]
fn what_an_inaccessible_network_cannot_be_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let refused = |rest: &[&str]| refuses(folder.path(), &align(&[rest, &["--out", "fit"]].concat()));
    assert!(refused(&["--method", "clmas", "--inaccessible", "g9"]).contains("there are g12345, g23456"));
    assert!(refused(&["--method", "clmas", "--inaccessible", "g12345,g23456"]).contains("accessible"));
    assert!(refused(&["--method", "mas", "--inaccessible", "g12345"]).contains("clmas"));
    assert!(refused(&["--method", "latent-stitching", "--inaccessible", "g12345"]).contains("last network"));
    assert!(refused(&["--method", "clmas", "--positions", "stepwise"]).contains("individual"));
    assert!(refused(&["--method", "clmas", "--cl-weight=-1"]).contains("weight"));
    assert!(refused(&["--method", "clmas", "--cl-weight=nan"]).contains("weight"));
    assert!(refused(&["--method", "stitching", "--null"]).contains("null variable"));
    assert!(!folder.path().join("fit").exists() && !folder.path().join("fit.partial").exists());
}
