//! Values recorded from other implementations: see `fixtures/README.md`.

use std::path::Path;

use mas_core::Activity;
use mas_metrics::{
    Components, Measure, Options, Samples, canonical_correlations, cka_linear, cka_rbf, compare, procrustes_euclidean,
    pwcca, svcca,
};
use serde_json::Value;

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn samples(name: &str) -> Samples {
    Samples::from(&Activity::read(path(name)).unwrap())
}

fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(path("expected.json")).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number in expected.json")
}

fn value(a: &Samples, b: &Samples, name: &str) -> f64 {
    let measure: Measure = name.parse().unwrap();
    let options = Options { permutations: 0, bootstraps: 0, seed: 0 };
    compare(a, b, &[measure], &options).unwrap()[0].value
}

#[track_caller]
fn assert_close(name: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{name}: {found} is not {expected}");
}

#[test]
fn rsa_is_that_of_scipy() {
    let (x, y) = (samples("X.npy"), samples("Y.npy"));
    let expected = expected();
    let expected = expected["rsa"].as_object().unwrap();
    assert_eq!(expected.len(), 18);
    for (name, expected) in expected {
        let ours = name
            .replace("rsa_raw", "rsa")
            .replace("rsa_nrm", "rsa_zscored")
            .replace("_cos_", "_cosine_")
            .replace("_cor_", "_correlation_")
            .replace("_l2_", "_euclidean_")
            .replace("_spr", "_spearman")
            .replace("_prs", "_pearson");
        assert_close(name, value(&x, &y, &ours), number(expected), 1e-9);
    }
}

#[test]
fn cka_is_that_of_numpy() {
    let (x, y) = (samples("X.npy"), samples("Y.npy"));
    let expected = &expected()["cka"];
    let check = |name: &str, found: f64| assert_close(name, found, number(&expected[name]), 1e-9);
    check("linear_centered", value(&x, &y, "cka_linear"));
    check("linear_zscored_ddof1", cka_linear(&x.zscored(), &y.zscored()).unwrap());
    check("linear_debiased_song", value(&x, &y, "cka_linear_debiased"));
    check("linear_centered_then_debiased_song", value(&x, &y, "cka_linear_debiased"));
    check("rbf_sigma_1.0_median", value(&x, &y, "cka_rbf"));
    check("rbf_sigma_0.5_median", cka_rbf(&x, &y, 0.5).unwrap());
}

#[test]
fn canonical_correlations_are_those_of_numpy() {
    let (x, y) = (samples("X.npy"), samples("Y.npy"));
    let expected = &expected()["cca"];
    let recorded = expected["rho"].as_array().unwrap();
    let found = canonical_correlations(&x, &y).unwrap();
    assert_eq!(found.len(), recorded.len());
    for (found, recorded) in found.iter().zip(recorded) {
        assert_close("rho", *found, number(recorded), 1e-9);
    }
    assert_close("mean", value(&x, &y, "cca_mean"), number(&expected["mean_cca"]), 1e-9);
    assert_close("svcca", value(&x, &y, "svcca"), number(&expected["svcca_99"]), 1e-9);
    assert_close(
        "svcca, everything",
        svcca(&x, &y, Components::Share(1.0)).unwrap(),
        number(&expected["mean_cca"]),
        1e-9,
    );
    assert_close("pwcca", value(&x, &y, "pwcca"), number(&expected["pwcca_weighted_by_X"]), 1e-9);
    assert_close("pwcca, exchanged", pwcca(&y, &x).unwrap(), number(&expected["pwcca_weighted_by_Y"]), 1e-9);
}

#[test]
fn procrustes_is_that_of_scipy() {
    let (x, y) = (samples("X.npy"), samples("Y.npy"));
    let expected = &expected()["procrustes"];
    let similarity = value(&x, &y, "procrustes");
    assert_close("similarity", similarity, number(&expected["similarity_nuclear_norm"]), 1e-9);
    let distance = procrustes_euclidean(&x, &y).unwrap();
    assert_close("distance", distance, number(&expected["dist_centered_fronorm"]), 1e-9);
    assert_close("squared", distance * distance, number(&expected["dist_sq_centered_fronorm"]), 1e-9);
    assert_close("angle", value(&x, &y, "procrustes_angular"), similarity.acos(), 1e-12);
}

/// Its tables are computed in 64 bits for X and Y, in 32 bits for the GRUs.
#[test]
fn the_reference_implementations_own_measures_are_reproduced() {
    let all = expected();
    for (key, a, b, tolerance) in [
        ("reference", "X.npy", "Y.npy", 1e-6),
        ("reference_gru", "gru12345_hidden_300.npy", "gru23456_hidden_300.npy", 2e-6),
    ] {
        let (a, b) = (samples(a), samples(b));
        let expected = all[key].as_object().unwrap();
        assert_eq!(expected.len(), Measure::reference().len());
        for (name, expected) in expected {
            let found = value(&a, &b, &format!("reference_{name}"));
            assert_close(name, found, number(expected), tolerance);
        }
    }
}
