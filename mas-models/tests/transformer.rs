//! What every network must do in interchanges, on small transformers, and what only these can be asked.

#[path = "../../mas-core/tests/network_suite/mod.rs"]
mod network_suite;

use burn::prelude::*;
use mas_core::{At, Continuation, Edit, Network, Positions, Recorded, Resume, Trials};
use mas_models::{Feedback, FrozenTransformer, NormPlacement, TransformerConfig};

const VOCABULARY: usize = 7;

fn transformer(config: TransformerConfig, seed: u64) -> FrozenTransformer {
    let name = format!("transformer-{}-{}-{}", config.width, config.layers, config.heads);
    FrozenTransformer::new(name, config.init(seed, &Device::flex()).unwrap())
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
fn a_transformer_of_one_head_does_what_every_network_must() {
    network_suite::suite(&transformer(TransformerConfig::new(8, VOCABULARY), 1), &trials());
}

#[test]
fn a_transformer_of_several_heads_and_blocks_does_what_every_network_must() {
    let config = TransformerConfig::new(12, VOCABULARY).with_heads(3).with_layers(3);
    network_suite::suite(&transformer(config, 2), &trials());
}

#[test]
fn a_transformer_of_one_block_with_norms_around_does_what_every_network_must() {
    let config = TransformerConfig::new(8, VOCABULARY).with_heads(2).with_layers(1).with_norms(NormPlacement::Around);
    network_suite::suite(&transformer(config, 3), &trials());
}

/// Goes on from `vectors` at one position of every trial.
fn resume(
    network: &FrozenTransformer,
    site: &str,
    [prepared, trials]: [&Trials; 2],
    positions: &[usize],
    vectors: Tensor<2>,
    free_running: bool,
) -> Continuation {
    let site = network.site(site).unwrap();
    let prefix = network.prepare(&site, prepared, positions).unwrap();
    let rows: Vec<usize> = (0..trials.len()).collect();
    let resume = Resume {
        site: &site,
        interchange: Positions::Individual,
        prefix: Some(&prefix),
        trials,
        positions,
        rows: &rows,
        free_running,
        natural: None,
    };
    network.resume(&resume, Edit::Known(vectors)).unwrap()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn reading_and_resuming_are_what_a_run_does() {
    let network = transformer(TransformerConfig::new(8, VOCABULARY).with_heads(2), 4);
    let trials = trials();
    for (free_running, feedback) in [(false, Feedback::TeacherForced), (true, Feedback::FreeRunning)] {
        let run = network.network().run(&trials, feedback).unwrap();
        let of_run = |tensor: &Tensor<3>, row: usize, position: usize| {
            let width = tensor.dims()[2];
            tensor.clone().slice([row..row + 1, position..position + 1, 0..width]).reshape([1, width])
        };
        for site in network.sites() {
            // Up to here the run has read what was given.
            let positions = [1, 1, 1];
            let natural = network.read(&site, &trials, &[(0, 1), (1, 1), (2, 1)]).unwrap();
            if let Some(layer) = site.name.strip_prefix("layer.") {
                let layer = &run.hidden[layer.parse::<usize>().unwrap()];
                for row in 0..3 {
                    let error = (natural.clone().narrow(0, row, 1) - of_run(layer, row, 1)).abs().max();
                    assert!(error.into_scalar::<f32>() < 1e-5, "{} {row}", site.name);
                }
            }
            let continuation = resume(&network, &site.name, [&trials; 2], &positions, natural, free_running);
            for (output, at) in continuation.at.iter().enumerate() {
                let ours = continuation.logits.clone().narrow(0, output, 1);
                let error = (ours - of_run(&run.logits, at.row, at.position)).abs().max().into_scalar::<f32>();
                assert!(error < 1e-4, "{} {at:?}, free {free_running}: {error}", site.name);
            }
        }
    }
}

/// What comes before an interchange is computed once: how a trial ends has no part in its prefix.
#[test]
fn a_prefix_serves_any_continuation() {
    let network = transformer(TransformerConfig::new(8, VOCABULARY), 5);
    let (trials, positions) = (trials(), [2, 3, 1]);
    let other: Vec<Vec<u32>> = (0..3)
        .map(|trial| trials.tokens(trial)[..=positions[trial]].iter().copied().chain([1, 2, 3, 4]).collect())
        .collect();
    let masks: Vec<Vec<bool>> = other.iter().map(|tokens| vec![false; tokens.len()]).collect();
    let other = other.iter().zip(&masks).map(|(tokens, mask)| (tokens.as_slice(), mask.as_slice()));
    let other = Trials::new(other, 0).unwrap();
    let at: Vec<_> = positions.iter().copied().enumerate().collect();
    for site in network.sites() {
        let natural = network.read(&site, &trials, &at).unwrap();
        let [here, there] = [&trials, &other].map(|prepared| {
            values(resume(&network, &site.name, [prepared, &other], &positions, natural.clone(), false).logits)
        });
        let error = here.iter().zip(&there).map(|(here, there)| (here - there).abs()).fold(0.0, f32::max);
        assert!(error < 1e-5, "{}: {error}", site.name);
    }
}

/// No block follows the last one, so that nothing carries an edit there on to later positions; an earlier one's is.
#[test]
fn only_blocks_above_a_site_carry_an_edit_on() {
    let network = transformer(TransformerConfig::new(8, VOCABULARY), 6);
    let (trials, positions) = (trials(), [1, 2, 0]);
    let at: Vec<_> = positions.iter().copied().enumerate().collect();
    for (site, reaches) in [("embedding", true), ("layer.0", true), ("layer.1", false), ("logits", false)] {
        let site = network.site(site).unwrap();
        let natural = network.read(&site, &trials, &at).unwrap();
        let [left, edited] = [0.0, 1.0].map(|by| {
            resume(
                &network,
                &site.name,
                [&trials; 2],
                &positions,
                natural.clone() + natural.clone().flip([1]) * by,
                false,
            )
        });
        assert_eq!(left.at, edited.at);
        let [left, logits] = [left.logits, edited.logits].map(values);
        for (output, &At { row, position }) in edited.at.iter().enumerate() {
            let range = output * VOCABULARY..(output + 1) * VOCABULARY;
            let same =
                left[range.clone()].iter().zip(&logits[range]).all(|(left, edited)| (left - edited).abs() < 1e-6);
            let here = position == positions[row];
            assert_eq!(!same, here || reaches, "{} at {position} of trial {row}", site.name);
        }
    }
}

#[test]
fn impossible_shapes_are_refused() {
    let of = |config: TransformerConfig| config.init(1, &Device::flex()).unwrap_err().to_string();
    let config = TransformerConfig::new(12, VOCABULARY);
    for (config, expected) in [
        (config.clone().with_heads(5), "width = 12, must be a multiple of twice the 5 heads"),
        (config.clone().with_heads(12), "heads = 12, must lie between 1 and 6"),
        (config.clone().with_layers(0), "layers = 0"),
        (TransformerConfig::new(1, VOCABULARY), "width = 1"),
        (TransformerConfig { dropout: 1.0, ..config }, "dropout = 1"),
    ] {
        assert!(of(config).contains(expected), "{expected}");
    }
}
