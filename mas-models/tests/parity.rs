//! Hidden states and logits of imported networks against those recorded from the PyTorch implementation.

use std::fs::File;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mas_core::{Activity, Trials};
use mas_models::import::{ImportOptions, Imported, import, logit_difference};
use mas_models::{Feedback, Recurrent};
use npyz::npz::NpzArchive;

const NETWORKS: [&str; 7] = [
    "gru_multiobject_seed12345",
    "gru_multiobject_seed23456",
    "lstm_random",
    "rnn_random",
    "gru_random_2layer_lnorm",
    "transformer_random_d32_h2",
    "transformer_random_d32_h2_nollama",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn imported(name: &str) -> Imported {
    import(folder(name).join("state_dict.safetensors"), &ImportOptions::default(), &Device::flex()).unwrap()
}

fn array<T: npyz::Deserialize>(name: &str, key: &str) -> Vec<T> {
    let mut archive = NpzArchive::new(File::open(folder(name).join("io.npz")).unwrap()).unwrap();
    archive.by_name(key).unwrap().unwrap().into_vec().unwrap()
}

fn trials(name: &str) -> Trials {
    let lengths: Vec<i32> = array(name, "lengths");
    let tokens: Vec<u32> = array::<i32>(name, "tokens").into_iter().map(|token| token as u32).collect();
    let response: Vec<bool> = array::<i32>(name, "response").into_iter().map(|set| set == 1).collect();
    let time = tokens.len() / lengths.len();
    let row = |(trial, &length): (usize, &i32)| {
        let range = trial * time..trial * time + length as usize;
        (&tokens[range.clone()], &response[range])
    };
    Trials::new(lengths.iter().enumerate().map(row), 0).unwrap()
}

/// The largest difference over the first `lengths` positions of each trial; the recording may be padded further.
fn difference(ours: Tensor<3>, recorded: &[f32], lengths: &[usize]) -> f32 {
    let [trials, time, width] = ours.dims();
    let recorded_time = recorded.len() / trials / width;
    let ours = ours.try_into_vec_as::<f32>().unwrap();
    let pairs = (0..trials).flat_map(|trial| {
        let theirs = &recorded[trial * recorded_time * width..][..lengths[trial] * width];
        ours[trial * time * width..][..lengths[trial] * width].iter().zip(theirs)
    });
    pairs.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
}

#[test]
fn hidden_states_logits_and_predictions_are_those_recorded() {
    for name in NETWORKS {
        let network = imported(name).network;
        let trials = trials(name);
        // What the reference's transformer makes of padding means nothing; a recurrent network keeps its state there.
        let whole = vec![trials.time(); trials.len()];
        let lengths = if network.transformer().is_some() { trials.lengths() } else { &whole };
        for (mode, feedback) in [("tf", Feedback::TeacherForced), ("free", Feedback::FreeRunning)] {
            let run = network.run(&trials, feedback).unwrap();
            let hidden = run.hidden.iter().enumerate().map(|(layer, hidden)| {
                difference(hidden.clone(), &array(name, &format!("{mode}.hidden.{layer}")), lengths)
            });
            let hidden = hidden.fold(0.0, f32::max);
            let logits = difference(run.logits.clone(), &array(name, &format!("{mode}.logits")), lengths);
            assert!(hidden < 1e-4 && logits < 1e-4, "{name} {mode}: hidden {hidden}, logits {logits}");
            let recorded: Vec<f32> =
                array::<i32>(name, &format!("{mode}.predictions")).into_iter().map(|token| token as f32).collect();
            let predictions = run.predictions.float().unsqueeze_dim(2);
            assert_eq!(difference(predictions, &recorded, lengths), 0.0, "{name} {mode}");
        }
    }
}

#[test]
fn stepping_by_hand_is_what_a_run_does() {
    let imported = imported(NETWORKS[0]);
    let network = imported.network.recurrent().unwrap();
    let trials = trials(NETWORKS[0]);
    let run = network.run(&trials, Feedback::TeacherForced).unwrap();
    let mut state = network.initial_state(1);
    for (step, &token) in trials.tokens(2).iter().enumerate() {
        let token = Tensor::from_ints([token as i32], &Device::flex());
        state = network.step(state, network.embed(token));
        let there = run.hidden[0].clone().slice([2..3, step..step + 1]).reshape([1, 128]);
        assert!((there - state.layers[0].clone()).abs().max().into_scalar::<f32>() < 1e-5, "step {step}");
        let said = run.logits.clone().slice([2..3, step..step + 1]).reshape([1, 8]);
        assert!((said - network.read_out_of(&state)).abs().max().into_scalar::<f32>() < 1e-4, "step {step}");
    }
}

#[test]
fn padding_and_other_trials_change_nothing() {
    let network = imported(NETWORKS[1]).network;
    let trials = trials(NETWORKS[1]);
    let all = network.run(&trials, Feedback::FreeRunning).unwrap();
    for trial in 0..trials.len() {
        let alone = network.run(&trials.select(&[trial]), Feedback::FreeRunning).unwrap();
        let time = trials.length(trial);
        let together = all.hidden[0].clone().slice([trial..trial + 1, 0..time]);
        assert!((together - alone.hidden[0].clone()).abs().max().into_scalar::<f32>() < 1e-5, "trial {trial}");
    }
}

/// A network that errs must be fed what it said, where the response mask is set and nowhere else.
#[test]
fn a_wrong_prediction_is_fed_back_in_the_response_only() {
    let config = mas_models::RecurrentConfig::new(mas_models::CellKind::Gru, 12, 8);
    let network: Recurrent = config.init(3, &Device::flex()).unwrap();
    let trials = trials(NETWORKS[0]);
    let run = network.run(&trials, Feedback::FreeRunning).unwrap();
    let time = trials.time();
    let inputs = run.inputs.try_into_vec_as::<i32>().unwrap();
    let predictions = run.predictions.try_into_vec_as::<i32>().unwrap();
    let mut errors = 0;
    for trial in 0..trials.len() {
        for step in 0..trials.length(trial) {
            let at = trial * time + step;
            let given = trials.tokens(trial)[step] as i32;
            let expected = if trials.response(trial)[step] { predictions[at - 1] } else { given };
            assert_eq!(inputs[at], expected);
            errors += usize::from(inputs[at] != given);
        }
    }
    assert!(errors > 10, "an untrained network should err");
}

#[test]
fn an_import_is_checked_against_logits_of_the_original() {
    for name in NETWORKS {
        let network = imported(name).network;
        let lengths: Vec<usize> = array::<i32>(name, "lengths").into_iter().map(|length| length as usize).collect();
        let tokens: Vec<i64> = array::<i32>(name, "tokens").into_iter().map(i64::from).collect();
        let vocabulary = network.architecture().vocabulary();
        let mut logits: Vec<f32> = array(name, "tf.logits");
        let shape = [lengths.len(), tokens.len() / lengths.len(), vocabulary];
        let check = |logits: &[f32]| {
            let recorded = Activity::new(logits.to_vec(), shape, lengths.clone()).unwrap();
            logit_difference(&network, &recorded.with_tokens(tokens.clone()).unwrap()).unwrap()
        };
        assert!(check(&logits) < 1e-4, "{name}");
        let last = ((lengths.len() - 1) * shape[1] + lengths[lengths.len() - 1] - 1) * vocabulary;
        logits[last] += 0.5;
        assert!((check(&logits) - 0.5).abs() < 1e-4, "{name}: the last token counts");
        let untold = Activity::new(logits.clone(), shape, lengths.clone()).unwrap();
        assert!(logit_difference(&network, &untold).unwrap_err().to_string().contains("`tokens`"));
    }
}
