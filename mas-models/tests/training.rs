//! Training: it learns, repeats, resumes, stops and tells.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{
    CellKind, Error, Model, Recurrent, RecurrentConfig, StopReason, Trained, Training, TrainingEvent, TrainingSettings,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Multi-Object with counts up to `most`: B, n demonstrations, T, n responses, E.
fn counting(trials: usize, most: usize, seed: u64) -> Trials {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let sequences: Vec<(Vec<u32>, Vec<bool>)> = (0..trials)
        .map(|_| {
            let count = random.random_range(1..=most);
            let mut tokens = vec![1];
            tokens.extend((0..count).map(|_| random.random_range(3..6)));
            tokens.push(7);
            tokens.extend(std::iter::repeat_n(6, count));
            tokens.push(2);
            let response = (0..tokens.len()).map(|at| at > count + 1).collect();
            (tokens, response)
        })
        .collect();
    Trials::new(sequences.iter().map(|(tokens, response)| (&tokens[..], &response[..])), 0).unwrap()
}

fn network(seed: u64) -> Recurrent {
    RecurrentConfig::new(CellKind::Gru, 24, 8).init(seed, &Device::flex()).unwrap()
}

fn settings() -> TrainingSettings {
    TrainingSettings { learning_rate: 5e-3, batch: 32, warm_up: 20, ..TrainingSettings::default() }
}

fn train(settings: &TrainingSettings, checkpoint: Option<&Path>) -> Result<Trained, Error> {
    let (training, validation) = (counting(200, 4, 1), counting(50, 4, 2));
    let training = Training { training: &training, validation: &validation, settings, checkpoint };
    training.run(network(3), |_| ControlFlow::Continue(()))
}

fn weights(network: &Model) -> Vec<f32> {
    let network = network.recurrent().unwrap();
    let read_out = network.read_out();
    [network.embedding(), read_out.w_in(), read_out.b_in(), read_out.w_out(), read_out.b_out()]
        .into_iter()
        .flat_map(|tensor| tensor.try_into_vec_as::<f32>().unwrap())
        .collect()
}

#[test]
fn counting_is_learned_and_accepted() {
    let settings = TrainingSettings { max_epochs: 400, ..settings() };
    let trained = train(&settings, None).unwrap();
    assert!(trained.accepted, "{:?}", trained.history.last());
    assert_eq!(trained.summary.stopped, StopReason::Accepted);
    let last_three = &trained.history[trained.history.len() - 3..];
    assert!(last_three.iter().all(|record| record.trial_accuracy == 1.0));
}

#[test]
fn a_resumed_training_ends_with_the_same_bytes() {
    let whole = TrainingSettings { max_epochs: 12, validate_every: 2, ..settings() };
    let uninterrupted = train(&whole, None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Interrupted in the middle of an epoch, and again between two.
    let first = train(&TrainingSettings { max_steps: Some(32), ..whole.clone() }, Some(folder.path())).unwrap();
    assert_eq!((first.summary.stopped, first.summary.steps, first.accepted), (StopReason::MaxSteps, 32, false));
    train(&TrainingSettings { max_epochs: 9, ..whole.clone() }, Some(folder.path())).unwrap();
    let resumed = train(&whole, Some(folder.path())).unwrap();
    assert_eq!(weights(&resumed.network), weights(&uninterrupted.network));
    assert_eq!(resumed.history, uninterrupted.history);

    let other = TrainingSettings { learning_rate: 1e-3, ..whole };
    let error = train(&other, Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("belongs to another training"), "{error}");
    let path = folder.path().join("checkpoint.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = train(&other, Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors") && error.contains("truncated"), "{error}");
}

#[test]
fn one_that_does_not_meet_the_mark_is_not_accepted() {
    let trained = train(&TrainingSettings { max_epochs: 3, ..settings() }, None).unwrap();
    assert_eq!((trained.accepted, trained.summary.stopped), (false, StopReason::MaxEpochs));
    assert_eq!(trained.history.len(), 1, "it is validated at the end");
}

#[test]
fn the_caller_is_told_of_every_step_and_can_end_it() {
    let trials = counting(64, 4, 1);
    let settings = settings();
    let training = Training { training: &trials, validation: &trials, settings: &settings, checkpoint: None };
    let mut steps = Vec::new();
    let trained = training.run(network(3), |event| match event {
        TrainingEvent::Step { step, .. } => {
            steps.push(*step);
            if *step == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(trained.unwrap().summary.stopped, StopReason::Cancelled);
    assert_eq!(steps, [1, 2, 3, 4, 5]);
}

#[test]
fn a_diverging_training_is_an_error() {
    let settings = TrainingSettings { learning_rate: 1e30, warm_up: 1, max_epochs: 20, ..settings() };
    let error = train(&settings, None).unwrap_err();
    assert!(matches!(error, Error::NotFinite(_)), "{error}");
    assert!(error.to_string().contains("learning rate"), "{error}");
}

#[test]
fn impossible_settings_and_trials_are_refused() {
    let error = train(&TrainingSettings { batch: 0, ..settings() }, None).unwrap_err().to_string();
    assert!(error.contains("batch = 0"), "{error}");
    let trials = Trials::new([(&[1, 9][..], &[false, true][..])], 0).unwrap();
    let settings = settings();
    let training = Training { training: &trials, validation: &trials, settings: &settings, checkpoint: None };
    let error = training.run(network(1), |_| ControlFlow::Continue(())).unwrap_err().to_string();
    assert!(error.contains("trial 0 has token 9, but the network's vocabulary has 8 tokens"), "{error}");
}
