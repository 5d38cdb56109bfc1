//! What every network must do in interchanges, on small recurrent networks, and what only these can be asked.

#[path = "../../mas-core/tests/network_suite/mod.rs"]
mod network_suite;

use burn::prelude::*;
use mas_core::{
    Direction, Edit, Exchange, Network, Pairs, Participant, Positions, Recorded, Resume, Setting, Subspaces, Trials,
    autodiff_gradient, response_jacobians,
};
use mas_models::{CellKind, Feedback, Frozen, RecurrentConfig};

const VOCABULARY: usize = 7;

fn gru(width: usize, layers: usize, seed: u64) -> Frozen {
    frozen(CellKind::Gru, width, layers, seed)
}

fn frozen(cell: CellKind, width: usize, layers: usize, seed: u64) -> Frozen {
    let config = RecurrentConfig::new(cell, width, VOCABULARY).with_layers(layers);
    Frozen::new(format!("{}-{width}-{layers}", cell.name()), config.init(seed, &Device::flex()).unwrap())
}

/// Trials of different lengths with responses in the middle and at the end.
fn trials() -> Trials {
    let of_length = |length: u32| {
        let tokens: Vec<u32> = (0..length).map(|at| (at * at + 3 * at + length) % VOCABULARY as u32).collect();
        let response: Vec<bool> = (0..length).map(|at| at > length / 2 || at == 2).collect();
        (tokens, response)
    };
    let sequences: Vec<_> = [6, 9, 4].into_iter().map(of_length).collect();
    Trials::new(sequences.iter().map(|(tokens, response)| (tokens.as_slice(), response.as_slice())), 0).unwrap()
}

#[test]
fn a_gru_of_one_layer_does_what_every_network_must() {
    network_suite::suite(&gru(6, 1, 1), &trials());
}

#[test]
fn a_gru_of_two_layers_does_what_every_network_must() {
    network_suite::suite(&gru(5, 2, 2), &trials());
}

#[test]
fn a_gru_of_three_layers_and_an_odd_width_does_what_every_network_must() {
    network_suite::suite(&gru(3, 3, 3), &trials());
}

#[test]
fn lstms_do_what_every_network_must() {
    network_suite::suite(&frozen(CellKind::Lstm, 8, 1, 11), &trials());
    network_suite::suite(&frozen(CellKind::Lstm, 6, 2, 12), &trials());
}

#[test]
fn plain_recurrent_networks_do_what_every_network_must() {
    network_suite::suite(&frozen(CellKind::Rnn, 6, 1, 13), &trials());
    network_suite::suite(&frozen(CellKind::Rnn, 5, 2, 14), &trials());
}

#[test]
fn networks_with_layer_norms_do_what_every_network_must() {
    for (cell, layers) in [(CellKind::Gru, 1), (CellKind::Gru, 2), (CellKind::Rnn, 2)] {
        let config = RecurrentConfig::new(cell, 6, VOCABULARY).with_layers(layers).with_layer_norm(true);
        let network = config.init(15, &Device::flex()).unwrap();
        network_suite::suite(&Frozen::new(format!("{}-norm-{layers}", cell.name()), network), &trials());
    }
}

/// As they may be imported.
#[test]
fn networks_with_other_embeddings_and_read_outs_do_what_every_network_must() {
    for (cell, embedding, read_out) in
        [(CellKind::Gru, 4, 0), (CellKind::Gru, 6, 9), (CellKind::Gru, 8, 24), (CellKind::Lstm, 3, 0)]
    {
        let config = RecurrentConfig::new(cell, 6, VOCABULARY);
        let config = RecurrentConfig { embedding: Some(embedding), read_out: Some(read_out), ..config };
        let network = config.init(16, &Device::flex()).unwrap();
        network_suite::suite(&Frozen::new(format!("{}-{embedding}-{read_out}", cell.name()), network), &trials());
    }
}

/// As wide as those that are trained, where kernels for wide matrices are used.
#[test]
fn a_wide_gru_does_what_every_network_must() {
    network_suite::suite(&gru(40, 1, 4), &trials());
}

#[test]
fn a_gru_of_one_unit_does_what_every_network_must() {
    network_suite::suite(&gru(1, 1, 8), &trials());
}

/// Many rows, in any order and repeated, at widths that fill vector registers and at widths that do not; and states far
/// from any that a network has, at which gates are shut and a wrong token is all but impossible. Calls `check` with each
/// batch's edited activity, weights and what it is.
fn large_batches(check: impl Fn(&Frozen, &Resume, Tensor<2>, &[f32], &str)) {
    for (width, size) in [(33, 0.3), (16, 0.3), (17, 8.0), (8, 60.0)] {
        let (frozen, trials) = (gru(width, 1, 9), trials());
        let rows: Vec<usize> = (0..301).map(|row| row * row % 3).collect();
        let weights: Vec<f32> = (0..301).map(|row| (row % 5) as f32 * 0.3).collect();
        for (name, interchange) in [
            ("hidden", Positions::Individual),
            ("embedding", Positions::Individual),
            ("embedding", Positions::Stepwise),
        ] {
            let (site, positions) = (frozen.site(name).unwrap(), [2, 5, 1]);
            let prefix = frozen.prepare(&site, &trials, &positions).unwrap();
            for free_running in [false, true] {
                let resume = Resume {
                    site: &site,
                    interchange,
                    prefix: (interchange == Positions::Individual).then_some(&prefix),
                    trials: &trials,
                    positions: &positions,
                    rows: &rows,
                    free_running,
                    natural: None,
                };
                let vectors = resume.exchanged().len();
                let values: Vec<f32> = (0..vectors * width).map(|at| (at as f32 * 0.37).sin() * size).collect();
                let edited = Tensor::<2>::from_data(TensorData::new(values, [vectors, width]), &Device::flex());
                let label = format!("width {width}, {name}, {interchange:?}, free {free_running}");
                check(&frozen, &resume, edited, &weights, &label);
            }
        }
    }
}

fn norm(tensor: Tensor<2>) -> f32 {
    tensor.square().sum().into_scalar::<f32>().sqrt()
}

#[test]
fn the_gradient_of_a_large_batch_is_that_of_autodiff() {
    large_batches(|frozen, resume, edited, weights, label| {
        let (loss, gradient) = frozen.behaviour_gradient(resume, edited.clone(), weights).unwrap();
        let (expected_loss, expected) = autodiff_gradient(frozen, resume, edited, weights).unwrap();
        let (error, whole) = (norm(gradient - expected.clone()), norm(expected));
        assert!((loss - expected_loss).abs() < 1e-5 * expected_loss, "{label}: {loss}, {expected_loss}");
        assert!(error < 1e-4 * whole, "{label}: {error} of {whole}");
        assert!(error > 0.0, "{label}: the hand-written gradient should differ in the last bits: was it used?");
    });
}

#[test]
fn the_outputs_of_a_large_batch_are_those_that_autodiff_sees() {
    large_batches(|frozen, resume, edited, _, label| {
        let outputs = |edited: Tensor<2>| {
            let said = frozen.resume(resume, Edit::Known(edited)).unwrap();
            let mut order: Vec<usize> = (0..said.at.len()).collect();
            order.sort_by_key(|&output| (said.at[output].row, said.at[output].position));
            let at: Vec<_> = order.iter().map(|&output| said.at[output]).collect();
            let order: Vec<i32> = order.into_iter().map(|output| output as i32).collect();
            let order = Tensor::from_data(TensorData::new(order, [at.len()]), &Device::flex());
            (said.logits.inner().select(0, order), at)
        };
        let ((logits, at), (expected, expected_at)) = (outputs(edited.clone()), outputs(edited.autodiff()));
        assert_eq!(at, expected_at, "{label}");
        let (error, whole) = (norm(logits - expected.clone()), norm(expected));
        assert!(error < 1e-5 * whole, "{label}: {error} of {whole}");
        assert!(error > 0.0, "{label}: what is said by hand should differ in the last bits: was it?");
    });
}

/// Passes hand their memory on: what a batch gives does not depend on those before it.
#[test]
fn a_batch_gives_the_same_bytes_whatever_came_before() {
    large_batches(|frozen, resume, edited, weights, label| {
        let gradient = |resume: &Resume, edited: &Tensor<2>| {
            let (loss, gradient) =
                frozen.behaviour_gradient(resume, edited.clone(), &weights[..resume.rows.len()]).unwrap();
            (loss, gradient.try_into_vec_as::<f32>().unwrap())
        };
        let first = gradient(resume, &edited);
        // Other rows, fewer of them, with the same number of vectors each.
        let few = Resume { rows: &[1, 2, 1], ..*resume };
        let vectors = few.exchanged().len();
        gradient(&few, &(edited.clone().narrow(0, 0, vectors) * 3.0));
        assert_eq!(gradient(resume, &edited), first, "{label}");
    });
}

#[test]
fn reading_and_resuming_are_what_a_run_does() {
    for layers in [1, 2] {
        let frozen = gru(6, layers, 5);
        let trials = trials();
        for (free_running, feedback) in [(false, Feedback::TeacherForced), (true, Feedback::FreeRunning)] {
            let run = frozen.network().run(&trials, feedback).unwrap();
            let of_run = |tensor: &Tensor<3>, row: usize, position: usize| {
                let width = tensor.dims()[2];
                tensor.clone().slice([row..row + 1, position..position + 1, 0..width]).reshape([1, width])
            };
            let (positions, rows) = (vec![0; trials.len()], [0, 1, 2]);
            let at: Vec<_> = rows.iter().map(|&row| (row, 0)).collect();
            for site in frozen.sites() {
                let natural = frozen.read(&site, &trials, &at).unwrap();
                if let Some(layer) = site.name.strip_prefix("hidden.") {
                    let layer = &run.hidden[layer.parse::<usize>().unwrap()];
                    for row in rows {
                        let error = (natural.clone().narrow(0, row, 1) - of_run(layer, row, 0)).abs().max();
                        assert!(error.into_scalar::<f32>() < 1e-6, "{} {row}", site.name);
                    }
                }
                let prefix = frozen.prepare(&site, &trials, &positions).unwrap();
                let resume = Resume {
                    site: &site,
                    interchange: Positions::Individual,
                    prefix: Some(&prefix),
                    trials: &trials,
                    positions: &positions,
                    rows: &rows,
                    free_running,
                    natural: None,
                };
                let continuation = frozen.resume(&resume, Edit::Known(natural)).unwrap();
                for (output, at) in continuation.at.iter().enumerate() {
                    let ours = continuation.logits.clone().narrow(0, output, 1);
                    let error = (ours - of_run(&run.logits, at.row, at.position)).abs().max();
                    assert!(error.into_scalar::<f32>() < 1e-5, "{} {at:?}", site.name);
                }
            }
        }
    }
}

#[test]
fn the_last_layer_has_two_names() {
    let frozen = gru(4, 2, 6);
    let trials = trials();
    let names: Vec<_> = frozen.sites().into_iter().map(|site| site.name).collect();
    assert_eq!(names, ["embedding", "hidden.0", "hidden.1", "hidden"]);
    let read = |name: &str| {
        let site = frozen.site(name).unwrap();
        frozen.read(&site, &trials, &[(1, 4)]).unwrap().try_into_vec_as::<f32>().unwrap()
    };
    assert_eq!(read("hidden"), read("hidden.1"));
    assert_ne!(read("hidden"), read("hidden.0"));
    for name in ["hidden.2", "hidden.", "hidden.-1", "hiddenx", "Hidden"] {
        assert!(frozen.site(name).is_err(), "{name}");
    }
}

/// What comes before an interchange is computed once: how a trial ends has no part in its prefix.
#[test]
fn a_prefix_serves_any_continuation() {
    for layers in [1, 2] {
        let frozen = gru(5, layers, 7);
        let trials = trials();
        let positions = [2, 3, 1];
        let other: Vec<Vec<u32>> = (0..3)
            .map(|trial| {
                let prefix = &trials.tokens(trial)[..=positions[trial]];
                prefix.iter().copied().chain([1, 2, 3, 4]).collect()
            })
            .collect();
        let masks: Vec<Vec<bool>> = other.iter().map(|tokens| vec![false; tokens.len()]).collect();
        let other = other.iter().zip(&masks).map(|(tokens, mask)| (tokens.as_slice(), mask.as_slice()));
        let other = Trials::new(other, 0).unwrap();
        for site in frozen.sites() {
            let at: Vec<_> = positions.iter().copied().enumerate().collect();
            let natural = frozen.read(&site, &trials, &at).unwrap();
            let logits = |prepared: &Trials| {
                let prefix = frozen.prepare(&site, prepared, &positions).unwrap();
                let resume = Resume {
                    site: &site,
                    interchange: Positions::Individual,
                    prefix: Some(&prefix),
                    trials: &other,
                    positions: &positions,
                    rows: &[0, 1, 2],
                    free_running: false,
                    natural: None,
                };
                let continuation = frozen.resume(&resume, Edit::Known(natural.clone())).unwrap();
                continuation.logits.try_into_vec_as::<f32>().unwrap()
            };
            assert_eq!(logits(&trials), logits(&other), "{}", site.name);
        }
    }
}

/// The Jacobian of the response against finite differences, where every output but the first depends on the edit by way
/// of a recurrence.
#[test]
fn the_jacobian_of_the_response_is_that_of_finite_differences() {
    let (frozen, trials) = (gru(5, 1, 11), trials());
    let positions = vec![1, 3, 1];
    let pairs = Pairs {
        source: trials.clone(),
        source_positions: positions.clone(),
        target: trials.clone(),
        target_positions: positions.clone(),
        counterfactual: trials.clone(),
        changed: vec![true; 3],
        untrained_count: vec![false; 3],
        natural: None,
    };
    let participants = [Participant::live(&frozen, "hidden").unwrap()];
    let exchange = Exchange { direction: Direction::new(0, 0), subspace: 0, pairs: &pairs };
    let subspaces = Subspaces::new([("all", 1)]).unwrap();
    let found = response_jacobians(&participants, &subspaces, Setting::default(), &[exchange], 1000, 0).unwrap();
    let found: Vec<f32> = found[0].clone().unwrap().try_into_vec_as::<f32>().unwrap();

    let site = frozen.site("hidden").unwrap();
    let prefix = frozen.prepare(&site, &trials, &positions).unwrap();
    let mut expected = Vec::new();
    for row in 0..3 {
        let natural = frozen.read(&site, &trials, &[(row, positions[row])]).unwrap();
        // [unit, response logit]
        let differences: Vec<Vec<f32>> = (0..5)
            .map(|unit| {
                let said = |step: f32| {
                    let nudge: Vec<f32> = (0..5).map(|other| if other == unit { step } else { 0.0 }).collect();
                    let nudge = Tensor::<2>::from_data(TensorData::new(nudge, [1, 5]), &Device::flex());
                    let resume = Resume {
                        site: &site,
                        interchange: Positions::Individual,
                        prefix: Some(&prefix),
                        trials: &trials,
                        positions: &positions,
                        rows: &[row],
                        free_running: false,
                        natural: None,
                    };
                    let continuation = frozen.resume(&resume, Edit::Known(natural.clone() + nudge)).unwrap();
                    let logits: Vec<f32> = continuation.logits.try_into_vec_as::<f32>().unwrap();
                    let mut outputs: Vec<_> = continuation.at.iter().zip(logits.chunks(VOCABULARY)).collect();
                    outputs.sort_by_key(|(at, _)| at.position);
                    let follows = |at: &mas_core::At| trials.response(row)[at.position + 1];
                    outputs.into_iter().filter(|(at, _)| follows(at)).flat_map(|(_, logits)| logits.to_vec()).collect()
                };
                let (up, down): (Vec<f32>, Vec<f32>) = (said(1e-2), said(-1e-2));
                up.iter().zip(down).map(|(up, down)| (up - down) / 2e-2).collect()
            })
            .collect();
        (0..differences[0].len()).for_each(|logit| expected.extend((0..5).map(|unit| differences[unit][logit])));
    }
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
    let error = found.iter().zip(&expected).map(|(found, expected)| (found - expected).powi(2)).sum::<f32>().sqrt();
    assert!(error < 2e-3 * size && size > 0.1, "{error} of {size}");
}
