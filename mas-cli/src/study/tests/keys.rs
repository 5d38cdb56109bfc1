//! Keys change when numbers would, and only then.

use std::collections::BTreeSet;

use super::{TEN_LINES, study};
use crate::runs::{Key, UnitKind};

fn keys(text: &str, device: &str, kind: UnitKind) -> BTreeSet<Key> {
    let plan = study(text).plan(device);
    plan.units().iter().filter(|unit| unit.kind() == kind).map(|unit| unit.key()).collect()
}

/// Of the ten lines and another text: which kinds of units have other keys.
fn changed(text: &str) -> Vec<UnitKind> {
    let kinds = [UnitKind::Train, UnitKind::Align, UnitKind::Similarity];
    kinds.into_iter().filter(|kind| keys(TEN_LINES, "flex", *kind).is_disjoint(&keys(text, "flex", *kind))).collect()
}

fn in_table(table: &str, line: &str) -> String {
    TEN_LINES.replacen(&format!("[[{table}]]\n"), &format!("[[{table}]]\n{line}\n"), 1)
}

#[test]
fn labels_and_orders_are_in_no_key() {
    let relabelled = format!("title = \"A title\"\nclaims = [\"C1\"]\ncut = [\"all\"]\n{TEN_LINES}")
        .replace("\"seeds\"", "\"other\"")
        .replace("\"gru\"\ntask", "\"net\"\ntask")
        .replace("\"hidden\"", "\"renamed\"");
    for kind in [UnitKind::Train, UnitKind::Align, UnitKind::Similarity] {
        assert_eq!(keys(TEN_LINES, "flex", kind), keys(&relabelled, "flex", kind));
    }
    let defaults_written = [
        (
            "networks",
            "layers = 1\nwidth = 128\nallow-unaccepted = true\ntraining = { batch = 128, learning-rate = 5e-4 }",
        ),
        (
            "alignments",
            "function = \"orthogonal\"\nstart = \"matched\"\npairs = \"all\"\nnetworks = [\"gru\"]\nk = [32]\nvariables = [\"full\"]\nlearning-rate = 0.01",
        ),
        ("similarities", "measures = [\"rsa_euclidean_spearman\", \"cka_linear_debiased\"]\nsite = \"hidden\""),
        (
            "similarities",
            "measures = [\"cka_linear_debiased\", \"rsa_euclidean_spearman\"]\nsite = { gru = \"hidden\" }",
        ),
    ];
    for (table, lines) in defaults_written {
        assert_eq!(changed(&in_table(table, lines)), [], "{lines}");
    }
}

#[test]
fn what_changes_numbers_is_in_the_keys_of_all_that_follows() {
    use UnitKind::{Align, Similarity, Train};
    for line in ["width = 64", "layers = 2", "training = { max-epochs = 3 }", "training = { max-steps = 3 }"] {
        assert_eq!(changed(&in_table("networks", line)), [Train, Align, Similarity], "{line}");
    }
    assert_eq!(changed(&TEN_LINES.replace("[1, 2, 3]", "[4, 5, 6]")), [Train, Align, Similarity]);
    assert_eq!(changed(&TEN_LINES.replace("multi-object", "modulo")), [Train, Align, Similarity]);
    assert_eq!(changed(&format!("seed = 2\n{TEN_LINES}")), [Align, Similarity]);
    let of_fits = [
        "method = \"unidirectional-mas\"",
        "function = \"linear\"",
        "function = \"revnet\"",
        "start = \"identity\"",
        "start = \"random\"",
        "start = \"principal\"",
        "site = \"embedding\"",
        "positions = \"stepwise\"",
        "variables = [\"count\"]",
        "variables = [\"phase\", \"count\"]\nk = 16",
        "sizes = [8, 1]\nvariables = [\"phase\", \"count\"]",
        "program = \"count-up-up\"",
        "range = [1, 8]\nvariables = [\"count\"]",
        "k = 8",
        "training-pairs = 100",
        "held-out-pairs = 100",
        "batch = 64",
        "learning-rate = 0.02",
        "cool-down = 5",
        "cool-down = 0",
        "seeds = [7]",
        "max-steps = 10",
        "evaluate-every = 10",
        "free-running = true",
        "null = true",
        "method = \"clmas\"",
        "method = \"clmas\"\ncl-weight = 0.85",
        "method = \"clmas\"\ncl-weight = 0",
        "method = \"latent-stitching\"",
    ];
    let mut all = BTreeSet::new();
    for line in of_fits {
        let text = in_table("alignments", line);
        assert_eq!(changed(&text), [Align], "{line}");
        all.extend(keys(&text, "flex", Align));
    }
    assert_eq!(all.len(), 9 * of_fits.len(), "no two of them are the same");
    let clmas = |lines: &str| in_table("alignments", &format!("method = \"clmas\"\npairs = \"joint\"\n{lines}"));
    let of = |lines| keys(&clmas(lines), "flex", Align);
    assert_eq!(of(""), of("cl-weight = 8\ninaccessible = [\"gru-3\"]"), "defaults written");
    assert!(of("").is_disjoint(&of("inaccessible = [\"gru-1\"]")));
    for line in [
        "measures = [\"cka_linear\"]",
        "samples = 10",
        "draws = 1",
        "sequences-per-count = 3",
        "distinct = true",
        "permutations = 0",
        "bootstraps = 0",
    ] {
        assert_eq!(changed(&in_table("similarities", line)), [Similarity], "{line}");
    }
    assert!(keys(TEN_LINES, "flex", Train).is_disjoint(&keys(TEN_LINES, "cuda", Train)));
}

#[test]
fn dropping_the_controls_keeps_the_fits() {
    let with = keys(TEN_LINES, "flex", UnitKind::Align);
    let without = keys(&in_table("alignments", "controls = false"), "flex", UnitKind::Align);
    assert_eq!((with.len(), without.len()), (9, 3));
    assert!(without.is_subset(&with));
}

#[test]
fn a_network_of_one_seed_is_the_same_as_one_of_several() {
    let one = keys(
        &format!(
            "{}k = 4\n",
            TEN_LINES.replace("[1, 2, 3]", "[1, 2]").replace("[[similarities]]\nname = \"hidden\"\n", "")
        ),
        "flex",
        UnitKind::Train,
    );
    assert!(one.is_subset(&keys(TEN_LINES, "flex", UnitKind::Train)));
}
