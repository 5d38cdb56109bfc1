//! `mas align` with networks that are read and not run.

use std::{collections::BTreeSet, path::Path};

use mas_core::Activity;

use crate::{refuses, says, succeeds};

/// Two trained networks from the author's PyTorch implementation of arXiv 2501.06164, as `g12345` and `g23456`.
pub fn trained(folder: &Path) {
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
pub fn rows(folder: &Path, file: &str) -> Vec<std::collections::HashMap<String, String>> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    lines.map(|fields| columns.iter().cloned().zip(fields).collect()).collect()
}

#[test]
fn clmas_is_trained_on_recordings_and_measured_on_the_network() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    // A matched start leaves five steps nothing to bring down.
    let random = ["--method", "clmas", "--k", "8", "--start", "random", "--out", "fit"];
    succeeds(folder.path(), &align(&random));
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
    assert_eq!(configuration["cl-weight"].as_float(), Some(8.0));
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
    succeeds(
        folder.path(),
        &align(&["--method", "latent-stitching", "--start", "random", "--controls", "--out", "fit"]),
    );
    let course = rows(folder.path(), "fit/fit.csv");
    assert_eq!(course.len(), 2);
    assert!(course.iter().all(|row| row["iia"].is_empty() && !row["cl_loss"].is_empty()));
    assert!(course[1]["cl_loss"].parse::<f64>().unwrap() < course[0]["cl_loss"].parse::<f64>().unwrap());
    let iia = rows(folder.path(), "fit/iia.csv");
    for control in ["none", "shuffled", "random-network"] {
        assert!(iia.iter().any(|row| row["control"] == control && row["target"] == "g23456"), "{control}");
    }
    let ignored = ["--method", "latent-stitching", "--cl-weight", "3", "--k", "32", "--out", "again"];
    let warned = says(folder.path(), &align(&ignored));
    assert!(warned.contains("--cl-weight 3 is ignored") && warned.contains("--k 32 is ignored"), "{warned}");
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
    // Held-out pairs of its own, in each network, none of which is to change.
    let iia = rows(folder.path(), "fit/iia.csv");
    let null: Vec<_> = iia.iter().filter(|row| row["variable"] == "null").collect();
    assert_eq!(null.len(), 2 * 5, "alignment, ceiling, no swap, mean swap and matched: {null:?}");
    for row in null {
        assert!(row["source"] == row["target"] && row["population"] == "all" && row["k"] == "8", "{row:?}");
        assert!(
            !["ceiling", "no-swap"].contains(&&*row["control"]) || row["value"].parse::<f64>().unwrap() > 0.0,
            "{row:?}"
        );
    }
    let again = succeeds(folder.path(), &["evaluate", "fit", "--pairs", "10"]);
    assert!(again.contains("\nnull\n"), "{again}");
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

/// A network may be gone: its activity is enough.
#[test]
fn a_recording_is_aligned_with_a_network() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let task = ["--task", "multi-object"];
    let record = ["record", "g23456", "--site", "hidden", "--trials", "120", "--out", "brain.npz"];
    succeeds(folder.path(), &[&record[..], &task].concat());
    let fit = ["align", "g12345", "brain.npz", "--method", "clmas", "--k", "8", "--max-steps", "5", "--batch", "16"];
    let pairs = ["--training-pairs", "60", "--held-out-pairs", "30", "--start", "random", "--out", "fit"];
    succeeds(folder.path(), &[&fit[..], &pairs, &task].concat());
    let course = rows(folder.path(), "fit/fit.csv");
    let losses = |step: &str| {
        let into = course.iter().filter(|row| row["step"] == step && row["target"] == "brain");
        into.map(|row| row["cl_loss"].parse::<f64>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((losses("0").len(), losses("5").len()), (2, 2));
    assert!(losses("5").iter().sum::<f64>() < losses("0").iter().sum::<f64>(), "{course:?}");
    // Its activity is sent; what would come of activity that it is sent, nobody can measure.
    let iia = rows(folder.path(), "fit/iia.csv");
    assert!(iia.iter().any(|row| row["source"] == "brain" && row["target"] == "g12345"));
    assert!(iia.iter().all(|row| row["target"] == "g12345"));
    // How far it is from what the animal has by itself, they can.
    let told = |table: &str, quantity: &str| {
        let rows = rows(folder.path(), table);
        let into = rows.into_iter().filter(|row| row["target"] == "brain" && row["quantity"] == quantity);
        into.map(|row| row["source"].clone()).collect::<BTreeSet<_>>()
    };
    for (table, quantity) in [("divergence", "earth-movers-distance"), ("capacity", "variance-share")] {
        let sources = told(&format!("fit/{table}.csv"), quantity);
        assert_eq!(sources.into_iter().collect::<Vec<_>>(), ["brain", "g12345"], "{quantity}");
    }
    assert!(told("fit/capacity.csv", "null-space-share").is_empty());
    assert!(succeeds(folder.path(), &["evaluate", "fit", "--pairs", "20"]).contains("brain → g12345"));
    // An untrained twin of the network would have nobody to send to who answers.
    let pairs = ["--training-pairs", "60", "--held-out-pairs", "30", "--out", "controlled"];
    let warned = says(folder.path(), &[&fit[..], &pairs, &task, &["--controls"]].concat());
    assert!(warned.contains("no random-network control: no network but `g12345`"), "{warned}");
    assert!(!folder.path().join("controlled/controls/random-network").exists());

    // In the place of the first network it has no untrained twin, which is no reason to do nothing.
    let stitched = ["align", "brain.npz", "g12345", "--method", "latent-stitching", "--max-steps", "2", "--controls"];
    let small = ["--training-pairs", "60", "--held-out-pairs", "30", "--batch", "16", "--out", "stitched"];
    let warned = says(folder.path(), &[&stitched[..], &small, &task].concat());
    assert!(warned.contains("no random-network control: `brain`"), "{warned}");
    let iia = rows(folder.path(), "stitched/iia.csv");
    assert!(iia.iter().any(|row| row["control"] == "shuffled"));
    assert!(iia.iter().all(|row| row["control"] != "random-network"));

    // Of an animal nobody knows tokens, but its variables.
    let brain = Activity::read(folder.path().join("brain.npz")).unwrap();
    let shape = [brain.trials(), brain.time(), brain.width()];
    let without = || Activity::new(brain.values().to_vec(), shape, brain.lengths().to_vec()).unwrap();
    let with = |names: &[&str]| {
        let one = |activity: Activity, name: &&str| {
            activity.with_variable(*name, brain.variable(name).unwrap().to_vec()).unwrap()
        };
        names.iter().fold(without(), one)
    };
    with(&["phase", "count"]).write(folder.path().join("animal.npz")).unwrap();
    let fit = ["align", "g12345", "animal.npz", "--method", "clmas", "--k", "8", "--max-steps", "5", "--batch", "16"];
    let pairs = ["--training-pairs", "60", "--held-out-pairs", "30", "--out", "animal"];
    succeeds(folder.path(), &[&fit[..], &pairs, &task, &["--start", "random"]].concat());
    let course = rows(folder.path(), "animal/fit.csv");
    let loss = |step: &str| {
        let into = course.iter().filter(|row| row["step"] == step && row["target"] == "animal");
        into.map(|row| row["cl_loss"].parse::<f64>().unwrap()).sum::<f64>()
    };
    assert!(loss("5") < loss("0"), "{course:?}");
    without().write(folder.path().join("mute.npz")).unwrap();

    let refused = |rest: &[&str]| refuses(folder.path(), &[rest, &pairs, &["--max-steps", "1"]].concat());
    let mute = refused(&["align", "g12345", "mute.npz", "--method", "clmas", "--task", "multi-object"]);
    assert!(mute.contains("mute.npz: ") && mute.contains("`tokens` or var.phase, var.count"), "{mute}");
    let other = refused(&["align", "g12345", "animal.npz", "--method", "clmas", "--task", "rounding"]);
    assert!(other.contains("animal.npz: trial ") && other.contains("no token of rounding leads"), "{other}");
    assert!(refused(&["align", "g12345", "brain.npz", "--method", "clmas"]).contains("--task"));
    let mas = refused(&["align", "g12345", "brain.npz", "--method", "mas", "--task", "multi-object"]);
    assert!(mas.contains("`brain` is only recorded"), "{mas}");
    let other = refused(&["align", "g12345", "brain.npz", "--method", "clmas", "--task", "arithmetic"]);
    assert!(other.contains("brain.npz: trial 0 is no sequence of arithmetic"), "{other}");
    std::fs::write(folder.path().join("bare.txt"), "no activity").unwrap();
    let bare = refused(&["align", "g12345", "bare.txt", "--method", "clmas", "--task", "multi-object"]);
    assert!(bare.contains("activity files end in"), "{bare}");
}

const STUDY: &str = r#"
name = "small"

[[networks]]
name = "a"
path = "g12345"

[[networks]]
name = "b"
path = "g23456"

[[alignments]]
name = "with"
method = "clmas"
inaccessible = ["a"]
null = true
k = 4
batch = 8
training-pairs = 40
held-out-pairs = 20
max-steps = 4
evaluate-every = 2
controls = false

[[alignments]]
name = "latent"
method = "latent-stitching"
pairs = "ring"
batch = 8
training-pairs = 40
held-out-pairs = 20
max-steps = 4
evaluate-every = 2
"#;

#[test]
fn a_study_reports_what_was_learned_without_behaviour() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    std::fs::write(folder.path().join("small.toml"), STUDY).unwrap();
    let run = ["run", "small.toml", "--json"];
    let first: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    // One fit, and two with two controls each.
    assert_eq!((first["computed"].as_u64(), first["reused"].as_u64()), (Some(7), Some(0)));
    let again: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    assert_eq!((again["computed"].as_u64(), again["reused"].as_u64()), (Some(0), Some(7)));
    let iia = rows(folder.path(), "runs/report/iia.csv");
    for (alignment, fits, nulls) in [("with", 1, 1), ("latent", 2, 0)] {
        let plain = iia
            .iter()
            .filter(|row| row["alignment"] == alignment && row["control"] == "none" && row["population"] == "all");
        let (null, plain): (Vec<_>, Vec<_>) = plain.partition(|row| row["variable"] == "null");
        assert_eq!((plain.len(), null.len()), (4 * fits, nulls), "{alignment}");
    }
    let report = std::fs::read_to_string(folder.path().join("runs/report/index.html")).unwrap();
    assert!(report.contains("Counterfactual-latent loss of the fit with"), "no figure of the loss");
    assert!(!report.contains("left out of the counterfactual-latent loss"));

    // Pairs without natural activity are spoken of.
    for unit in std::fs::read_dir(folder.path().join("runs/align")).unwrap() {
        let file = unit.unwrap().path().join("alignment.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, settings.replace("unmatched = 0", "unmatched = 5")).unwrap();
    }
    succeeds(folder.path(), &run);
    let report = std::fs::read_to_string(folder.path().join("runs/report/index.html")).unwrap();
    assert!(report.contains("up to 10.0 % of a direction"), "five pairs of fifty");
}
