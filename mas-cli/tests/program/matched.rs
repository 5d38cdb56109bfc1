//! `mas align` from the matched start.

use crate::inaccessible::{rows, trained};
use crate::{refuses, succeeds};

const PAIRS: [&str; 4] = ["--training-pairs", "60", "--held-out-pairs", "60"];

#[test]
fn a_fit_of_no_steps_is_what_the_matched_start_transfers() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let fit = ["align", "g12345", "g23456", "--start", "matched", "--k", "32", "--max-steps", "0", "--out", "fit"];
    succeeds(folder.path(), &[&fit[..], &PAIRS].concat());
    let iia = rows(folder.path(), "fit/iia.csv");
    let values = |control: &str| {
        let of = iia.iter().filter(|row| row["control"] == control && row["population"] == "changed");
        let mut of: Vec<_> = of
            .map(|row| (row["source"].clone(), row["target"].clone(), row["value"].parse::<f64>().unwrap()))
            .collect();
        of.sort_by(|a, b| a.partial_cmp(b).unwrap());
        of
    };
    let found = values("none");
    assert_eq!(found.len(), 4);
    assert_eq!(found, values("matched"));
    // A random rotation carries 0.02 from one network into the other.
    assert!(found.iter().all(|(source, target, iia)| *iia > if source == target { 0.95 } else { 0.4 }), "{found:?}");
}

#[test]
fn what_cannot_be_matched_says_which_start_to_take() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path());
    let refused = |rest: &[&str]| {
        let fit = ["align", "g12345", "g23456", "--start", "matched", "--max-steps", "1", "--out", "fit"];
        refuses(folder.path(), &[&fit[..], &PAIRS, rest].concat())
    };
    let linear = refused(&["--function", "linear"]);
    assert!(linear.contains("choose `random` or `identity`"), "{linear}");
    assert!(!folder.path().join("fit").exists());
}
