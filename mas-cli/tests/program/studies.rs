//! `mas run`, `runs` and `report` on a small study.

use std::path::Path;

use crate::{killed, refuses, says, small_network, succeeds};

pub const STUDY: &str = r#"
name = "small"
claims = ["C1"]

[[networks]]
name = "gru"
task = "multi-object"
architecture = "gru"
width = 8
seeds = [1, 2]
training = { samples = 40, validation-samples = 10, max-steps = 4 }
allow-unaccepted = true

[[alignments]]
name = "hidden"
k = 4
batch = 8
training-pairs = 40
held-out-pairs = 20
max-steps = 60
evaluate-every = 5

[[alignments]]
name = "embedding"
site = "embedding"
positions = "stepwise"
k = 4
batch = 4
training-pairs = 40
held-out-pairs = 20
max-steps = 10
evaluate-every = 5
controls = false

[[similarities]]
name = "hidden"
samples = 50
draws = 2
sequences-per-count = 1
permutations = 4
bootstraps = 4
"#;

/// A folder with a study, `small.toml`, in it.
pub fn with_study(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), text).unwrap();
    folder
}

fn report_of(folder: &Path, runs: &str, file: &str) -> String {
    std::fs::read_to_string(folder.join(runs).join("report").join(file)).unwrap()
}

/// Fits that differ in nothing but their seed have their blocks held against each other.
#[test]
fn fits_of_several_seeds_have_principal_angles_between_them() {
    let text = STUDY.replace("controls = false\n", "controls = false\nseeds = [1, 2, 3]\n");
    let folder = with_study(&text);
    let printed = succeeds(folder.path(), &["run", "small.toml", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(document["computed"].as_u64(), Some(7 + 2));
    let capacity = report_of(folder.path(), "runs", "capacity.csv");
    let overlaps: Vec<f64> = capacity
        .lines()
        .filter(|line| line.contains(",embedding,") && line.contains(",subspace-overlap,"))
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    // Of both networks, each over three pairs of fits.
    assert_eq!(overlaps.len(), 2, "{capacity}");
    assert!(overlaps.iter().all(|overlap| (0.0..1.0).contains(overlap)), "{overlaps:?}");
    let iia = report_of(folder.path(), "runs", "iia.csv");
    assert!(["1", "2", "3"].iter().all(|seed| iia.lines().any(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        fields[1] == "embedding" && fields.contains(seed)
    })));
}

/// What another study allowed itself is not at hand for one that does not.
#[test]
fn results_of_unaccepted_networks_are_only_for_studies_that_allow_them() {
    let folder = with_study(STUDY);
    succeeds(folder.path(), &["run", "small.toml"]);
    let strict = STUDY.replace("allow-unaccepted = true\n", "").replace("\"small\"", "\"strict\"");
    std::fs::write(folder.path().join("strict.toml"), strict).unwrap();
    let complaint = refuses(folder.path(), &["run", "strict.toml"]);
    assert!(complaint.contains("`gru-1` did not reach the acceptance mark"), "{complaint}");
    // Nor does it become part of the report.
    succeeds(folder.path(), &["report", "runs"]);
    assert!(!report_of(folder.path(), "runs", "iia.csv").contains("strict"));
}

/// One fit of many that goes astray is no reason to be left without the others.
#[test]
fn a_fit_that_diverges_does_not_stop_the_study() {
    let text = STUDY.replace("max-steps = 10\n", "max-steps = 10\nlearning-rate = 1e38\n");
    let folder = with_study(&text);
    succeeds(folder.path(), &["run", "small.toml"]);
    let page = report_of(folder.path(), "runs", "index.html");
    assert!(page.contains("Alignment embedding: the fit diverged after"));
    let iia = report_of(folder.path(), "runs", "iia.csv");
    assert!(iia.contains(",embedding,") && iia.contains(",hidden,"));
}

#[test]
fn a_study_is_run_once_and_reported() {
    let folder = with_study(STUDY);
    let run = ["run", "small.toml", "--json"];
    let first: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    // Two networks, one alignment with two controls, one without, one similarity.
    assert_eq!((first["computed"].as_u64(), first["reused"].as_u64()), (Some(7), Some(0)));
    let iia = report_of(folder.path(), "runs", "iia.csv");
    for control in ["none", "ceiling", "no-swap", "mean-swap", "shuffled", "random-network"] {
        assert!(iia.contains(&format!(",{control},")), "no row of {control}");
    }
    assert!(report_of(folder.path(), "runs", "claims.csv").contains("not decided"));
    assert!(report_of(folder.path(), "runs", "similarity.csv").contains("cka_linear_debiased"));
    let page = report_of(folder.path(), "runs", "index.html");
    assert!(page.contains("</html>") && page.contains("Divergence from natural activity") && page.contains("Capacity"));
    assert!(page.contains("Alignment hidden: 60 instead of 20000 steps at most"));
    // The control speaks of directions from a twin into a trained network, and of no others.
    let twins: Vec<&str> = iia.lines().filter(|line| line.contains(",random-network,")).collect();
    assert!(twins.iter().all(|line| line.contains(",gru-1~untrained,gru-2,")), "{twins:?}");
    let numbers = |file: &str, quantity: &str| -> Vec<f64> {
        let table = report_of(folder.path(), "runs", file);
        let rows = table.lines().filter(|line| line.contains(&format!(",{quantity},")));
        rows.map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    for quantity in ["earth-movers-distance", "natural-largest-excess", "mahalanobis"] {
        assert_eq!(numbers("divergence.csv", quantity).len(), 8, "four directions of two alignments: {quantity}");
    }
    assert_eq!(numbers("capacity.csv", "k-over-d"), [0.5; 8]);
    for quantity in ["variance-share", "null-space-share", "random-null-space-share"] {
        let found = numbers("capacity.csv", quantity);
        assert!(found.len() == 8 && found.iter().all(|share| (0.0..=1.0).contains(share)), "{quantity}: {found:?}");
    }
    assert!(numbers("capacity.csv", "subspace-overlap").is_empty(), "each network is in one fit of each kind");
    // What made the results is said, not what wrote the page.
    assert!(page.contains("<code class=\"command\">mas run small.toml --json"));

    let second: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    assert_eq!((second["computed"].as_u64(), second["reused"].as_u64()), (Some(0), Some(7)));
    assert_eq!(report_of(folder.path(), "runs", "iia.csv"), iia);

    let listed = succeeds(folder.path(), &["runs", "list"]);
    assert_eq!(listed.lines().count(), 7, "{listed}");
    succeeds(folder.path(), &["report", "runs", "--out", "elsewhere"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("elsewhere/iia.csv")).unwrap(), iia);
    assert_eq!(std::fs::read_to_string(folder.path().join("elsewhere/index.html")).unwrap(), page);

    // One result removed is one result done again, with the same bytes.
    let key = listed.lines().find(|line| line.starts_with("align")).unwrap().split_whitespace().nth(1).unwrap();
    succeeds(folder.path(), &["runs", "remove", key]);
    let third: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), &run)).unwrap();
    assert_eq!(third["computed"].as_u64(), Some(1));
    assert_eq!(report_of(folder.path(), "runs", "iia.csv"), iia);
}

#[test]
fn threads_and_shards_change_nothing() {
    let folder = with_study(STUDY);
    succeeds(folder.path(), &["run", "small.toml", "--runs", "one", "--threads", "1"]);
    succeeds(folder.path(), &["run", "small.toml", "--runs", "two", "--threads", "3"]);
    for shard in ["0/2", "1/2"] {
        succeeds(folder.path(), &["run", "small.toml", "--runs", "shards", "--shard", shard]);
    }
    for file in ["iia.csv", "divergence.csv", "capacity.csv", "similarity.csv", "claims.csv"] {
        let one = report_of(folder.path(), "one", file);
        assert_eq!(one, report_of(folder.path(), "two", file), "{file} at another number of threads");
        assert_eq!(one, report_of(folder.path(), "shards", file), "{file} in shards");
    }
}

#[test]
fn names_change_no_number() {
    let folder = with_study(STUDY);
    succeeds(folder.path(), &["run", "small.toml", "--runs", "one"]);
    let renamed = STUDY.replace("name = \"gru\"", "name = \"net\"");
    std::fs::write(folder.path().join("small.toml"), renamed).unwrap();
    succeeds(folder.path(), &["run", "small.toml", "--runs", "two"]);
    for file in ["iia.csv", "divergence.csv", "capacity.csv", "similarity.csv"] {
        let two = report_of(folder.path(), "two", file).replace("net-", "gru-");
        assert!(report_of(folder.path(), "one", file) == two, "{file}");
    }
    // Results of the one study serve the other, under its own names.
    let again: serde_json::Value =
        serde_json::from_str(&succeeds(folder.path(), &["run", "small.toml", "--runs", "one", "--json"])).unwrap();
    assert_eq!(again["computed"].as_u64(), Some(0));
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let folder = with_study(STUDY);
    succeeds(folder.path(), &["run", "small.toml", "--runs", "whole"]);
    // When a fit has put something aside.
    let aside = || {
        let partials = std::fs::read_dir(folder.path().join("broken/align")).into_iter().flatten().flatten();
        partials.map(|entry| entry.path().join("checkpoint.safetensors")).any(|file| file.is_file())
    };
    killed(folder.path(), &["run", "small.toml", "--runs", "broken"], aside);
    succeeds(folder.path(), &["run", "small.toml", "--runs", "broken"]);
    for file in ["iia.csv", "divergence.csv", "capacity.csv", "similarity.csv", "claims.csv"] {
        assert_eq!(report_of(folder.path(), "whole", file), report_of(folder.path(), "broken", file), "{file}");
    }
}

#[test]
fn a_seed_that_does_not_count_is_warned_about() {
    let networks_only = STUDY.split("[[alignments]]").next().unwrap();
    let folder = with_study(networks_only);
    let said = says(folder.path(), &["run", "small.toml", "--seed", "7"]);
    assert!(said.contains("--seed 7 is not used") && said.contains("says 1"), "{said}");
    assert!(!says(folder.path(), &["run", "small.toml"]).contains("--seed"));
}

#[test]
fn pairs_that_cannot_be_kept_apart_are_said() {
    // A single-object sequence is its count.
    let text = STUDY
        .replace("multi-object", "single-object")
        .replace("k = 4\nbatch = 8", "k = 4\ncontrols = false\nbatch = 8");
    let folder = with_study(text.split("[[similarities]]").next().unwrap());
    succeeds(folder.path(), &["run", "small.toml"]);
    let page = report_of(folder.path(), "runs", "index.html");
    assert!(page.contains("Alignment hidden: training and held-out pairs share sequences"));
    let align = std::fs::read_dir(folder.path().join("runs/align")).unwrap().map(|entry| entry.unwrap().path());
    for result in align {
        let text = std::fs::read_to_string(result.join("alignment.toml")).unwrap();
        let file: toml::Table = toml::from_str(&text).unwrap();
        let pairs = file["settings"]["pairs"].as_array().unwrap();
        assert_eq!(pairs.len(), 4);
        for direction in pairs {
            // 40 to fit with and 10 to choose the checkpoint by.
            assert_eq!(direction["training"].as_integer(), Some(50));
            assert_eq!(direction["disjoint"].as_bool(), Some(false));
            assert!(direction["dropped"].is_table() && direction["variable"].as_str() == Some("full"));
        }
    }
}

#[test]
fn resamples_are_all_of_the_first_draw() {
    let networks = STUDY.split("[[alignments]]").next().unwrap();
    let similarity = |draws: usize| {
        let table = STUDY.split("[[similarities]]").nth(1).unwrap().replace("draws = 2", &format!("draws = {draws}"));
        let folder = with_study(&format!("{networks}[[similarities]]{table}"));
        succeeds(folder.path(), &["run", "small.toml"]);
        let table = report_of(folder.path(), "runs", "similarity.csv");
        let columns: Vec<String> = table.lines().next().unwrap().split(',').map(str::to_owned).collect();
        let row: Vec<String> = table.lines().nth(1).unwrap().split(',').map(str::to_owned).collect();
        move |name: &str| {
            row[columns.iter().position(|column| column == name).unwrap()].parse::<f64>().unwrap_or(f64::NAN)
        }
    };
    let (one, three) = (similarity(1), similarity(3));
    assert_eq!((one("draws"), three("draws")), (1.0, 3.0));
    assert_eq!((one("p"), one("null_mean")), (three("p"), three("null_mean")));
    assert_ne!(one("value"), three("value"));
    // The interval has moved along with the value.
    for end in ["low", "high"] {
        assert!((one(end) - one("value") - (three(end) - three("value"))).abs() < 1e-12, "{end}");
    }
    assert_eq!(one("distinct"), 0.0);
}

#[test]
fn a_block_of_all_coordinates_has_no_ceiling_and_fits_of_one_network_are_compared() {
    let networks = STUDY.split("[[alignments]]").next().unwrap().replace("seeds = [1, 2]", "seeds = [1, 2, 3]");
    let fit = "batch = 4\ntraining-pairs = 20\nheld-out-pairs = 10\nmax-steps = 2\nevaluate-every = 2\n";
    let folder = with_study(&format!(
        "{networks}[[alignments]]\nname = \"stitch\"\nmethod = \"stitching\"\npairs = [[\"gru-1\", \"gru-2\"]]\ncontrols = false\n{fit}\
         [[alignments]]\nname = \"ring\"\npairs = \"ring\"\nk = 4\ncontrols = false\n{fit}\
         [[alignments]]\nname = \"das\"\nmethod = \"das\"\nnetworks = [\"gru-1\"]\nk = 8\n{fit}"
    ));
    succeeds(folder.path(), &["run", "small.toml"]);
    let page = report_of(folder.path(), "runs", "index.html");
    let whatever = "no ceiling: within a network every coordinate is swapped, whatever the alignment.";
    assert!(page.contains(&format!("stitch (stitching, full): {whatever}")));
    assert!(page.contains(&format!("das (das, full): {whatever}")));
    assert_eq!(page.matches(whatever).count(), 2);
    let capacity = report_of(folder.path(), "runs", "capacity.csv");
    let overlaps = capacity.lines().filter(|line| line.contains(",subspace-overlap,"));
    // Each network of the ring is in two fits.
    assert_eq!(overlaps.filter(|line| line.contains(",ring,")).count(), 3, "{capacity}");
    // Into a network on its own its untrained twin sends, and nothing else in that fit is told.
    let iia = report_of(folder.path(), "runs", "iia.csv");
    let random: Vec<&str> = iia.lines().filter(|line| line.contains(",random-network,")).collect();
    assert!(iia.contains(",shuffled,") && !random.is_empty());
    assert!(
        random.iter().all(|line| line.contains(",das,das,") && line.contains(",gru-1~untrained,gru-1,")),
        "{random:?}"
    );
}

#[test]
fn networks_that_ship_with_a_study_are_trained_only_if_it_is_asked_for() {
    let recipe = "training = { samples = 40, validation-samples = 10, max-steps = 4 }";
    let study = STUDY.replace(recipe, "training = { max-steps = 2 }\nweights = \"weights\"");
    let (study, _) = study.split_once("[[alignments]]").unwrap();
    let study = format!(
        "{study}[[alignments]]\nname = \"hidden\"\nk = 4\nbatch = 8\ntraining-pairs = 40\nheld-out-pairs = 20\nmax-steps = 10\nevaluate-every = 5\ncontrols = false\n"
    );
    let folder = with_study(&study);
    let run = ["run", "small.toml", "--json"];
    assert!(refuses(folder.path(), &run).contains("recipe.toml"), "nothing ships with it yet");
    for seed in [1, 2] {
        small_network(folder.path(), &format!("weights/gru-{seed}"), seed);
    }
    let computed = |arguments: &[&str]| -> u64 {
        let told: serde_json::Value = serde_json::from_str(&succeeds(folder.path(), arguments)).unwrap();
        told["computed"].as_u64().unwrap()
    };
    assert_eq!(computed(&run), 1, "one alignment, no network");
    assert!(report_of(folder.path(), "runs", "index.html").contains("Trained beforehand"));
    let shipped = report_of(folder.path(), "runs", "iia.csv");
    // The recipe makes the very networks that ship.
    assert_eq!(computed(&["run", "small.toml", "--json", "--retrain", "--runs", "again"]), 3);
    assert!(!report_of(folder.path(), "again", "index.html").contains("Trained beforehand"));
    assert_eq!(report_of(folder.path(), "again", "iia.csv"), shipped);

    let other = study.replace("max-steps = 2", "max-steps = 2, cool-down = 3").replace("small", "other");
    std::fs::write(folder.path().join("other.toml"), &other).unwrap();
    let refused = refuses(folder.path(), &["run", "other.toml"]);
    assert!(refused.contains("another recipe") && refused.contains("cool-down = 3"), "{refused}");
    assert_eq!(computed(&["run", "other.toml", "--json", "--retrain", "--runs", "again"]), 3, "they need not be there");

    // Weights and recipe belong together, and a study that has lost its own does not cost another its report.
    for file in ["network.toml", "weights.safetensors"] {
        std::fs::copy(folder.path().join("weights/gru-1").join(file), folder.path().join("weights/gru-2").join(file))
            .unwrap();
    }
    assert!(refuses(folder.path(), &run).contains("of other weights"));
    std::fs::write(folder.path().join("other.toml"), other.replace("weights = \"weights\"", "")).unwrap();
    assert!(says(folder.path(), &["run", "other.toml"]).contains("study small is left out"));
}
