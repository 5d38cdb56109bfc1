//! What every network must do in interchanges, on small recurrent networks, and what only these can be asked.

#[path = "../../mas-core/tests/network_suite/mod.rs"]
mod network_suite;

use burn::prelude::*;
use mas_core::{Edit, Network, Positions, Recorded, Resume, Trials};
use mas_models::{CellKind, Feedback, Frozen, RecurrentConfig};

const VOCABULARY: usize = 7;

fn gru(width: usize, layers: usize, seed: u64) -> Frozen {
    let config = RecurrentConfig::new(CellKind::Gru, width, VOCABULARY).with_layers(layers);
    Frozen::new(format!("gru-{width}-{layers}"), config.init(seed, &Device::flex()).unwrap())
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

/// As wide as those that are trained, where kernels for wide matrices are used.
#[test]
fn a_wide_gru_does_what_every_network_must() {
    network_suite::suite(&gru(40, 1, 4), &trials());
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
                };
                let continuation = frozen.resume(&resume, Edit::Known(natural.clone())).unwrap();
                continuation.logits.try_into_vec_as::<f32>().unwrap()
            };
            assert_eq!(logits(&trials), logits(&other), "{}", site.name);
        }
    }
}
