//! Training: it learns, repeats, resumes, stops and tells.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{
    CellKind, Error, Feedback, Model, RecurrentConfig, StopReason, Trained, Training, TrainingEvent, TrainingSettings,
    TransformerConfig,
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

fn network(seed: u64) -> Model {
    RecurrentConfig::new(CellKind::Gru, 24, 8).init(seed, &Device::flex()).unwrap().into()
}

fn settings() -> TrainingSettings {
    TrainingSettings { learning_rate: 5e-3, batch: 32, warm_up: 20, ..TrainingSettings::default() }
}

fn train(settings: &TrainingSettings, checkpoint: Option<&Path>) -> Result<Trained, Error> {
    train_this(network(3), settings, checkpoint)
}

fn train_this(network: Model, settings: &TrainingSettings, checkpoint: Option<&Path>) -> Result<Trained, Error> {
    let (training, validation) = (counting(200, 4, 1), counting(50, 4, 2));
    let training = Training { training: &training, validation: &validation, settings, checkpoint };
    training.run(network, |_| ControlFlow::Continue(()))
}

/// What the network says, in which every weight has a part.
fn said(network: &Model) -> Vec<f32> {
    let run = network.run(&counting(20, 4, 5), Feedback::TeacherForced).unwrap();
    run.logits.try_into_vec_as::<f32>().unwrap()
}

/// One network of each architecture, with settings that teach it to count to four.
fn every_architecture() -> Vec<(Model, TrainingSettings)> {
    let recurrent = |cell| {
        let network = RecurrentConfig::new(cell, 24, 8).init(3, &Device::flex()).unwrap();
        (network.into(), settings())
    };
    let normed = RecurrentConfig::new(CellKind::Gru, 24, 8).with_layers(2).with_layer_norm(true);
    let linear = RecurrentConfig { read_out: Some(0), ..RecurrentConfig::new(CellKind::Gru, 24, 8) };
    let transformer = TransformerConfig { dropout: 0.1, ..TransformerConfig::new(24, 8) };
    let teacher_forced = TrainingSettings { feedback: Feedback::TeacherForced, ..settings() };
    vec![
        recurrent(CellKind::Gru),
        recurrent(CellKind::Lstm),
        recurrent(CellKind::Rnn),
        (normed.init(3, &Device::flex()).unwrap().into(), settings()),
        (linear.init(3, &Device::flex()).unwrap().into(), settings()),
        (transformer.init(3, &Device::flex()).unwrap().into(), teacher_forced),
    ]
}

#[test]
fn counting_is_learned_and_accepted() {
    for (network, settings) in every_architecture() {
        let architecture = network.architecture();
        let settings = TrainingSettings { max_epochs: 600, ..settings };
        let trained = train_this(network, &settings, None).unwrap();
        assert!(trained.accepted, "{architecture}: {:?}", trained.history.last());
        assert_eq!(trained.summary.stopped, StopReason::Accepted);
        let last_three = &trained.history[trained.history.len() - 3..];
        assert!(last_three.iter().all(|record| record.trial_accuracy == 1.0));
    }
}

#[test]
fn a_resumed_training_ends_with_the_same_bytes() {
    for (network, settings) in every_architecture() {
        let train = |settings: &TrainingSettings, folder| train_this(network.clone(), settings, folder);
        let whole = TrainingSettings { max_epochs: 12, validate_every: 2, ..settings };
        let uninterrupted = train(&whole, None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        // Interrupted in the middle of an epoch, and again between two.
        let first = train(&TrainingSettings { max_steps: Some(32), ..whole.clone() }, Some(folder.path())).unwrap();
        assert_eq!((first.summary.stopped, first.summary.steps, first.accepted), (StopReason::MaxSteps, 32, false));
        train(&TrainingSettings { max_epochs: 9, ..whole.clone() }, Some(folder.path())).unwrap();
        let resumed = train(&whole, Some(folder.path())).unwrap();
        assert_ne!(said(&resumed.network), said(&network));
        assert_eq!(said(&resumed.network), said(&uninterrupted.network));
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
}

#[test]
fn a_transformer_is_not_trained_free_running() {
    let (network, settings) = every_architecture().pop().unwrap();
    let settings = TrainingSettings { feedback: Feedback::FreeRunning, ..settings };
    let error = train_this(network, &settings, None).unwrap_err().to_string();
    assert!(error.contains("a transformer is trained teacher-forced"), "{error}");
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
