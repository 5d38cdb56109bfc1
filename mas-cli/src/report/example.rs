//! Made-up results that look like real ones, for tests: five networks, two sites, all controls.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::data::{NetworkSummary, Provenance, ReportData, StudyReport, TrainingCurve, TrainingPoint};
use crate::claims::{Evidence, claim};
use crate::results::{
    AlignmentUnit, Control, FitCurve, FitRow, OutcomeRow, Quantity, QuantityRow, SimilarityRow, UnitOutcomes,
    untrained_twin,
};
use crate::statistics::iia_rows;

const NETWORKS: usize = 5;

fn name(index: usize) -> String {
    format!("gru-{index}")
}

/// A report on one study.
pub(crate) fn data() -> ReportData {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let outcomes = vec![
        outcomes(&mut rng, "hidden", "individual", 32, 0.994),
        outcomes(&mut rng, "embedding", "stepwise", 16, 0.985),
    ];
    let iia = outcomes.iter().flat_map(|of| iia_rows(&of.unit, &of.rows)).collect();
    let similarity = similarity(&mut rng);
    let fits = fits(&mut rng);
    let evidence = Evidence { outcomes: &outcomes, similarity: &similarity, encodings: &[] };
    let claims = claim("C1").map(|claim| claim.decide(&evidence)).unwrap_or_default();
    let networks = (0..NETWORKS).map(|index| NetworkSummary {
        name: name(index),
        architecture: "gru, 1 × 128".into(),
        task: "multi-object".into(),
        seed: 100 + index as u64,
        accepted: index != 3,
        epochs: Some(60 + 5 * index as u64),
        validation_accuracy: Some(if index == 3 { 0.998 } else { 1.0 }),
        parameters: Some(170_248),
    });
    let study = StudyReport {
        tables: Vec::new(),
        encodings: Vec::new(),
        name: "seeds".into(),
        title: "Networks from different seeds".into(),
        summary:
            "Five GRUs learn to count on one task from different seeds. Is what they count with the same, up to a \
                  rotation?"
                .into(),
        cut: vec![
            "Fits take at most 1,000 steps (the paper: 20,000).".into(),
            "One seed a fit instead of five.".into(),
        ],
        cut_tables: [("Alignment hidden".into(), "300 instead of 1000 held-out pairs a direction".into())].into(),
        warnings: vec!["gru-3 was not trained to the mark: 99.8 % of validation trials right.".into()],
        networks: networks.collect(),
        training: (0..NETWORKS).map(|index| training(&mut rng, index)).collect(),
        fits,
        divergence: quantities(&DIVERGENCE),
        capacity: quantities(&CAPACITY),
        iia,
        outcomes,
        similarity,
        claims,
    };
    ReportData {
        title: "Model Alignment Search: seeds".into(),
        studies: vec![study],
        provenance: Provenance {
            programs: ["0.1.0, commit a917a01".to_owned(), "0.1.0".to_owned()].into(),
            devices: ["flex".to_owned()].into(),
            processors: ["Example CPU @ 2.5 GHz".to_owned()].into(),
            seeds: [0, 1, 2, 3, 4].into(),
            commands: ["mas run docs/case-studies/seeds.quick.toml --runs runs".to_owned()].into(),
        },
    }
}

fn outcomes(rng: &mut ChaCha8Rng, site: &str, positions: &str, k: u64, high: f64) -> UnitOutcomes {
    const PAIRS: u64 = 100;
    let mut rows = Vec::new();
    for control in Control::ALL {
        for s in 0..NETWORKS {
            for t in 0..NETWORKS {
                let (chance, source) = match control {
                    Control::None if s == t => (0.998, name(s)),
                    Control::None => (high - 0.012 * f64::from(s == 3 || t == 3), name(s)),
                    Control::Ceiling if s == t => (0.999, name(s)),
                    Control::NoSwap => (0.02, name(s)),
                    Control::MeanSwap => (0.06, name(s)),
                    Control::Shuffled => (0.11, name(s)),
                    Control::RandomNetwork if s != t => (0.07, untrained_twin(&name(s))),
                    _ => continue,
                };
                for pair in 0..PAIRS {
                    let correct = rng.random_bool(chance);
                    rows.push(OutcomeRow {
                        source: source.clone(),
                        target: name(t),
                        variable: "count".into(),
                        control,
                        pair,
                        source_sequence: (pair * 7) % PAIRS,
                        target_sequence: pair,
                        changed: control != Control::Ceiling && pair % 12 != 0,
                        held_out_count: pair % 5 == 0,
                        correct,
                        tokens_correct: if correct { 9 } else { 6 },
                        tokens: 9,
                    });
                }
            }
        }
    }
    UnitOutcomes {
        unit: unit(site, positions, k),
        networks: (0..NETWORKS).map(name).collect(),
        inaccessible: Vec::new(),
        rows,
    }
}

fn unit(site: &str, positions: &str, k: u64) -> AlignmentUnit {
    AlignmentUnit {
        study: "seeds".into(),
        alignment: site.into(),
        method: "mas".into(),
        function: "orthogonal".into(),
        positions: positions.into(),
        site: site.into(),
        variable: "count".into(),
        k,
        seed: 0,
    }
}

const DIVERGENCE: [(Quantity, f64); 6] = [
    (Quantity::EarthMoversDistance, 0.02),
    (Quantity::NaturalEarthMoversDistance, 0.01),
    (Quantity::LargestExcess, 1.4),
    (Quantity::NaturalLargestExcess, 0.3),
    (Quantity::Mahalanobis, 11.5),
    (Quantity::NaturalMahalanobis, 9.1),
];
const CAPACITY: [(Quantity, f64); 8] = [
    (Quantity::KOverD, 0.25),
    (Quantity::Parameters, 16256.0),
    (Quantity::VarianceShare, 0.7),
    (Quantity::NullSpaceShare, 0.3),
    (Quantity::RandomNullSpaceShare, 0.9),
    (Quantity::SubspaceOverlap, 0.8),
    (Quantity::RandomSubspaceOverlap, 0.25),
    (Quantity::LargestPrincipalAngle, 41.0),
];

/// The same numbers in every direction of both alignments; those about several fits within networks only.
fn quantities(numbers: &[(Quantity, f64)]) -> Vec<QuantityRow> {
    let mut rows = Vec::new();
    for (site, positions, k) in [("hidden", "individual", 32), ("embedding", "stepwise", 16)] {
        for (s, t) in (0..NETWORKS).flat_map(|s| (0..NETWORKS).map(move |t| (s, t))) {
            let here = numbers.iter().filter(|(quantity, _)| s == t || *quantity < Quantity::SubspaceOverlap);
            let unit = unit(site, positions, k);
            rows.extend(here.map(|&(quantity, value)| QuantityRow::new(&unit, &name(s), &name(t), quantity, value)));
        }
    }
    rows
}

fn similarity(rng: &mut ChaCha8Rng) -> Vec<SimilarityRow> {
    let measures = [
        ("hidden", "rsa_euclidean_spearman", 0.996, 0.002),
        ("hidden", "cka_linear_debiased", 0.997, 0.002),
        ("hidden", "svcca", 0.992, 0.003),
        ("embedding", "rsa_euclidean_spearman", 0.71, 0.12),
        ("embedding", "cka_linear_debiased", 0.93, 0.04),
        ("embedding", "procrustes", 0.88, 0.03),
    ];
    let mut rows = Vec::new();
    for (site, measure, middle, spread) in measures {
        for a in 0..NETWORKS {
            for b in a + 1..NETWORKS {
                let value = (middle + spread * rng.random_range(-1.0..1.0_f64)).min(1.0);
                rows.push(SimilarityRow {
                    study: "seeds".into(),
                    similarity: "all".into(),
                    a: name(a),
                    b: name(b),
                    site: site.into(),
                    measure: measure.into(),
                    distinct: site == "embedding",
                    seed: 0,
                    value,
                    low: Some(value - 0.01),
                    high: Some((value + 0.01).min(1.0)),
                    null_mean: Some(0.02),
                    p: Some(0.001),
                    samples: if site == "hidden" { 1000 } else { 7 },
                    draws: if site == "hidden" { 10 } else { 1 },
                });
            }
        }
    }
    rows
}

fn training(rng: &mut ChaCha8Rng, index: usize) -> TrainingCurve {
    let speed = 8.0 + 1.5 * index as f64;
    let points = (0..=60 + 5 * index as u64).map(|epoch| {
        let rise = 1.0 / (1.0 + (-(epoch as f64 - 3.0 * speed) / 4.0).exp());
        let noise = rng.random_range(-0.03..0.03) * (1.0 - rise);
        TrainingPoint {
            epoch,
            loss: Some(0.64 + 1.4 * (-(epoch as f64) / speed).exp() + noise),
            accuracy: (epoch % 5 == 0).then_some((rise + noise).clamp(0.0, 1.0)),
        }
    });
    TrainingCurve { network: name(index), points: points.collect() }
}

fn fits(rng: &mut ChaCha8Rng) -> Vec<FitCurve> {
    let mut fits = Vec::new();
    for (alignment, k) in [("hidden", 32), ("embedding", 16)] {
        for control in [Control::None, Control::Shuffled, Control::RandomNetwork] {
            let mut rows = Vec::new();
            for step in (0..=800).step_by(50) {
                let learned = 1.0 - (-(step as f64) / 120.0).exp();
                let left = match control {
                    Control::None => 1.0 - learned,
                    Control::Shuffled => 0.9 - 0.3 * learned,
                    _ => 0.9 - 0.2 * learned,
                };
                for s in 0..NETWORKS {
                    for t in 0..NETWORKS {
                        let (end, source) = match control {
                            Control::None => (if s == t { 0.998 } else { 0.99 }, name(s)),
                            Control::RandomNetwork => (0.07, untrained_twin(&name(s))),
                            _ => (0.11, name(s)),
                        };
                        let iia = 0.05 + (end - 0.05) * learned + rng.random_range(-0.03..0.03) * (1.0 - learned);
                        rows.push(FitRow {
                            step,
                            // Nothing is known of it before the first step.
                            loss: (step > 0).then_some(0.05 + 1.6 * left),
                            source,
                            target: name(t),
                            variable: "count".into(),
                            iia: Some(iia.clamp(0.0, 1.0)),
                            token_accuracy: Some((0.6 + 0.4 * iia).clamp(0.0, 1.0)),
                            cl_loss: None,
                        });
                    }
                }
            }
            fits.push(FitCurve {
                alignment: alignment.into(),
                method: "mas".into(),
                function: "orthogonal".into(),
                positions: "individual".into(),
                site: alignment.into(),
                networks: (0..NETWORKS).map(name).collect(),
                k,
                seed: 0,
                control,
                validation_pairs: 500,
                rows,
            });
        }
    }
    fits
}
