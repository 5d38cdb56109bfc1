//! Language models learn text: what changes and what does not, and going on after an interruption.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::Device;
use mas_core::Trials;
use mas_models::{
    Feedback, FineTuned, FineTuning, FineTuningEvent, FineTuningSettings, LanguageModel, Precision, Schedule, Tuned,
    import_hugging_face,
};

fn imported(name: &str, precision: Precision) -> LanguageModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/language-models").join(name);
    import_hugging_face(folder, precision, &Device::flex()).unwrap().network
}

/// Four pieces of different lengths.
fn pieces() -> Vec<Vec<u32>> {
    [9_u32, 6, 12, 4].iter().map(|&length| (0..length).map(|at| (at * at + 7 * length) % 150).collect()).collect()
}

fn settings(tuned: Tuned) -> FineTuningSettings {
    FineTuningSettings {
        tuned,
        steps: 12,
        batch: 2,
        accumulate: 2,
        learning_rate: 0.01,
        warm_up: 2,
        schedule: Schedule::Constant,
        ..FineTuningSettings::default()
    }
}

fn tune(network: &LanguageModel, settings: &FineTuningSettings) -> FineTuned {
    let pieces = pieces();
    let tuning = FineTuning { pieces: &pieces, settings, checkpoint: None };
    tuning.run(network, |_| ControlFlow::Continue(())).unwrap()
}

/// Logits at every position of the last piece but one.
fn logits(network: &LanguageModel) -> Vec<f32> {
    let piece = pieces().swap_remove(2);
    let mask = vec![false; piece.len()];
    let trials = Trials::new([(&piece[..], &mask[..])], 0).unwrap();
    network.run(&trials, Feedback::TeacherForced).unwrap().logits.try_into_vec_as::<f32>().unwrap()
}

const WAYS: [Tuned; 3] = [Tuned::All, Tuned::From { layer: 1 }, Tuned::Lora { rank: 4, scale: 2.0 }];

#[test]
fn the_text_is_learned_in_every_way() {
    for name in ["llama", "gpt2", "gpt-neox"] {
        let network = imported(name, Precision::F32);
        for tuned in WAYS {
            let learned = tune(&network, &FineTuningSettings { steps: 40, ..settings(tuned) });
            assert!(learned.complete && learned.history.len() == 40);
            let (first, last) = (learned.history[0].loss, learned.history[39].loss);
            // All of the text in every step, so that losses can be compared: 31 tokens, of which 27 are next ones.
            assert!(learned.history.iter().all(|record| record.tokens == 27));
            // Adapters at queries and values of a random network can do little.
            let most = if matches!(tuned, Tuned::Lora { .. }) { 0.95 } else { 0.8 };
            assert!(last < most * first, "{name}, {tuned:?}: {first} to {last}");
        }
    }
}

/// The loss of the first step is that of the network, by its own logits.
#[test]
fn the_loss_is_the_cross_entropy_of_the_next_token() {
    let network = imported("qwen2-tied", Precision::F32);
    let mut sum = 0.0;
    for piece in pieces() {
        let mask = vec![false; piece.len()];
        let trials = Trials::new([(&piece[..], &mask[..])], 0).unwrap();
        let logits = network.run(&trials, Feedback::TeacherForced).unwrap().logits;
        let logits = logits.try_into_vec_as::<f32>().unwrap();
        for (row, &next) in logits.chunks(network.config().vocabulary).zip(&piece[1..]) {
            let total: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
            sum += total.ln() - f64::from(row[next as usize]);
        }
    }
    for tuned in WAYS {
        let learned = tune(&network, &FineTuningSettings { steps: 1, ..settings(tuned) });
        let loss = learned.history[0].loss;
        assert!((loss - sum / 27.0).abs() < 1e-4, "{tuned:?}: {loss}, {}", sum / 27.0);
    }
}

#[test]
fn gradients_in_parts_are_those_of_the_whole() {
    let network = imported("llama", Precision::F32);
    // Without the adaptive step, differences would be lost in its sign: few steps, and the loss after them.
    let parts = tune(&network, &FineTuningSettings { batch: 2, accumulate: 2, ..settings(Tuned::All) });
    let whole = tune(&network, &FineTuningSettings { batch: 4, accumulate: 1, ..settings(Tuned::All) });
    for (parts, whole) in parts.history.iter().zip(&whole.history) {
        assert!((parts.loss - whole.loss).abs() < 1e-3 * whole.loss, "{parts:?}, {whole:?}");
    }
}

#[test]
fn only_what_is_tuned_changes() {
    let network = imported("gpt2", Precision::F32);
    let frozen = |network: &LanguageModel, site: &str| {
        let network: mas_models::Model = network.clone().into();
        let network = network.freeze("n");
        let (piece, site) = (pieces().swap_remove(0), network.site(site).unwrap());
        let mask = vec![false; piece.len()];
        let trials = Trials::new([(&piece[..], &mask[..])], 0).unwrap();
        network.read(&site, &trials, &[(0, 3), (0, 7)]).unwrap().try_into_vec_as::<f32>().unwrap()
    };
    let upper = tune(&network, &settings(Tuned::From { layer: 1 })).network;
    assert_eq!(frozen(&upper, "layer.0"), frozen(&network, "layer.0"));
    assert_ne!(frozen(&upper, "layer.1"), frozen(&network, "layer.1"));
    let adapted = tune(&network, &settings(Tuned::Lora { rank: 2, scale: 1.0 })).network;
    assert_eq!(frozen(&adapted, "embedding"), frozen(&network, "embedding"));
    assert_ne!(frozen(&adapted, "layer.0"), frozen(&network, "layer.0"));
    let all = tune(&network, &settings(Tuned::All)).network;
    assert_ne!(frozen(&all, "embedding"), frozen(&network, "embedding"));
}

/// Adapters that are added to the weights do what they did beside them: the loss goes on where it was.
#[test]
fn adapters_are_the_same_inside_the_weights() {
    let network = imported("llama", Precision::F32);
    let way = Tuned::Lora { rank: 4, scale: 2.0 };
    let longer = tune(&network, &FineTuningSettings { steps: 21, ..settings(way) });
    let shorter = tune(&network, &FineTuningSettings { steps: 20, ..settings(way) });
    let again = tune(&shorter.network, &FineTuningSettings { steps: 1, ..settings(way) });
    let (beside, inside) = (longer.history[20].loss, again.history[0].loss);
    assert!((beside - inside).abs() < 1e-4 * beside, "{beside}, {inside}");
    assert!(beside < 0.9 * longer.history[0].loss);
}

#[test]
fn an_interrupted_fine_tuning_ends_with_the_same_bytes() {
    let network = imported("qwen2-tied", Precision::F32);
    let pieces = pieces();
    for tuned in WAYS {
        let settings = FineTuningSettings { checkpoint_every: 3, ..settings(tuned) };
        let whole = tune(&network, &settings);
        let place = tempfile::tempdir().unwrap();
        let tuning = FineTuning { pieces: &pieces, settings: &settings, checkpoint: Some(place.path()) };
        let stop_after = |last: u64| {
            move |event: &FineTuningEvent| match event {
                FineTuningEvent::Step(record) if record.step == last => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        let first = tuning.run(&network, stop_after(5)).unwrap();
        assert!(!first.complete && first.history.len() == 5);
        let mut resumed = None;
        let last = tuning
            .run(&network, |event| {
                if let FineTuningEvent::Resumed { step } = event {
                    resumed = Some(*step);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(resumed, Some(5));
        assert_eq!(last.history, whole.history);
        assert_eq!(logits(&last.network), logits(&whole.network), "{tuned:?}");

        let other = FineTuningSettings { learning_rate: 0.02, ..settings.clone() };
        let other = FineTuning { settings: &other, ..tuning };
        let message = other.run(&network, |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(message.contains("belongs to another fine-tuning"), "{message}");
        let file = place.path().join("checkpoint.safetensors");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let message = tuning.run(&network, |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(message.contains("checkpoint.safetensors: truncated"), "{message}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let network = imported("gpt2", Precision::F32);
    let refused = |network: &LanguageModel, pieces: &[Vec<u32>], settings: FineTuningSettings| {
        let tuning = FineTuning { pieces, settings: &settings, checkpoint: None };
        tuning.run(network, |_| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    let usual = || settings(Tuned::All);
    for (settings, expected) in [
        (FineTuningSettings { steps: 0, ..usual() }, "steps = 0"),
        (FineTuningSettings { batch: 0, ..usual() }, "batch = 0"),
        (FineTuningSettings { learning_rate: f64::NAN, ..usual() }, "learning-rate = NaN"),
        (settings(Tuned::From { layer: 3 }), "layer = 3, must be at most 2"),
        (settings(Tuned::Lora { rank: 0, scale: 1.0 }), "rank = 0"),
        (FineTuningSettings { learning_rate: 1e30, clip: None, ..usual() }, "try a lower learning rate"),
    ] {
        let message = refused(&network, &pieces(), settings);
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(refused(&network, &[], usual()).contains("no text"));
    assert!(refused(&network, &[vec![1]], usual()).contains("piece 0"));
    assert!(refused(&network, &[vec![1, 150]], usual()).contains("150"));
    assert!(refused(&network, &[vec![1; 129]], usual()).contains("reads at most 128"));
    assert!(refused(&imported("gpt2", Precision::Bf16), &pieces(), usual()).contains("precision f32"));
    assert!(mas_models::pieces(&[vec![]], 8, Some(0)).unwrap_err().to_string().contains("text is empty"));
    assert!(mas_models::pieces(&[vec![1, 2]], 1, None).unwrap_err().to_string().contains("length = 1"));
}
