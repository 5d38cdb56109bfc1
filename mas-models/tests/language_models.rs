//! Language models against what transformers recorded, and what every network must do in interchanges.

#[path = "../../mas-core/tests/network_suite/mod.rs"]
mod network_suite;

use std::fs::File;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use mas_core::{Network, Positions, Recorded, Resume, Trials, autodiff_gradient};
use mas_models::{
    Activation, Family, Feedback, FrozenDecoder, LanguageConfig, LanguageModel, Precision, Rotary, Sampling,
    SavedNetwork, import_hugging_face,
};
use npyz::npz::NpzArchive;

const NETWORKS: [&str; 5] = ["qwen2-tied", "qwen2-untied-bf16-sharded", "llama", "gpt2", "gpt-neox"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/language-models").join(name)
}

fn imported(name: &str, precision: Precision) -> LanguageModel {
    import_hugging_face(folder(name), precision, &Device::flex()).unwrap().network
}

fn array<T: npyz::Deserialize>(name: &str, key: &str) -> Vec<T> {
    let mut archive = NpzArchive::new(File::open(folder(name).join("reference.npz")).unwrap()).unwrap();
    archive.by_name(key).unwrap().unwrap().into_vec().unwrap()
}

/// The three recorded rows of 17 tokens.
fn recorded_rows(name: &str) -> Vec<Vec<u32>> {
    let ids: Vec<u32> = array::<i64>(name, "input_ids").into_iter().map(|id| id as u32).collect();
    ids.chunks(17).map(<[u32]>::to_vec).collect()
}

fn trials_of(rows: &[Vec<u32>]) -> Trials {
    let masks: Vec<Vec<bool>> = rows.iter().map(|row| vec![false; row.len()]).collect();
    Trials::new(rows.iter().zip(&masks).map(|(row, mask)| (row.as_slice(), mask.as_slice())), 0).unwrap()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// How far from what was recorded is close enough. The recording of the bf16 network has the frequencies of its rotary
/// encoding in bf16 too, which is rounding of its own: with them rounded so, it is met to 1e-4 as the others are.
fn tolerance(name: &str) -> f32 {
    if name.contains("bf16") { 2e-3 } else { 1e-4 }
}

fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f32::max)
}

#[test]
fn logits_and_every_hidden_state_are_those_recorded() {
    for name in NETWORKS {
        let network = imported(name, Precision::F32);
        let trials = trials_of(&recorded_rows(name));
        let run = network.run(&trials, Feedback::TeacherForced).unwrap();
        let error = difference(&values(run.logits), &array(name, "logits"));
        assert!(error < tolerance(name), "{name}: logits {error}");

        let layers = network.config().layers;
        let all: Vec<(usize, usize)> = (0..3).flat_map(|row| (0..17).map(move |position| (row, position))).collect();
        let frozen = FrozenDecoder::new(name, network);
        for (depth, site) in frozen.sites().into_iter().enumerate() {
            let mut activity = frozen.read(&site, &trials, &all).unwrap();
            if depth == layers {
                // That is how it was recorded.
                activity = frozen.network().normed(activity);
            }
            let error = difference(&values(activity), &array(name, &format!("hidden_{depth}")));
            assert!(error < tolerance(name), "{name} at {}: {error}", site.name);
        }
    }
}

fn recorded_continuation(name: &str) -> Vec<u32> {
    let text = std::fs::read_to_string(folder(name).join("reference.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(json["greedy_continuation_of_first_5_ids"].clone()).unwrap()
}

/// With keys and values kept, alone or in company of other lengths.
#[test]
fn the_greedy_continuation_is_that_recorded() {
    for name in NETWORKS {
        let network = imported(name, Precision::F32);
        let rows = recorded_rows(name);
        let expected = recorded_continuation(name);
        let expected = expected.strip_prefix(&rows[0][..5]).unwrap();
        let prompts = [rows[1].clone(), rows[0][..5].to_vec(), rows[2][..2].to_vec()];
        let generated = network.generate(&prompts, expected.len(), &Sampling::Greedy, &[], |_| true).unwrap();
        assert_eq!(generated[1].tokens, expected, "{name}");
        // Without: each token from a run over everything before it.
        for (prompt, generated) in prompts.iter().zip(&generated) {
            let mut tokens = prompt.clone();
            for &next in &generated.tokens {
                let run = network.run(&trials_of(&[tokens.clone()]), Feedback::TeacherForced).unwrap();
                let said = run.predictions.into_data().iter::<i64>().last().unwrap();
                assert_eq!(said, i64::from(next), "{name}");
                tokens.push(next);
            }
        }
    }
}

/// Narrow weights cost no more than their own rounding, and nothing where the file has them.
#[test]
fn weights_are_kept_in_the_type_that_was_asked_for() {
    let trials = |name| trials_of(&recorded_rows(name));
    for (name, precision, tolerance) in [
        ("qwen2-untied-bf16-sharded", Precision::Bf16, 2e-3),
        ("qwen2-tied", Precision::F16, 2e-3),
        ("qwen2-tied", Precision::Bf16, 2e-2),
        ("gpt2", Precision::Bf16, 2e-2),
    ] {
        let network = imported(name, precision);
        let run = network.run(&trials(name), Feedback::TeacherForced).unwrap();
        let error = difference(&values(run.logits), &array(name, "logits"));
        assert!(error < tolerance, "{name} in {}: {error}", precision.id());
    }
    let exact = imported("qwen2-tied", Precision::F32).run(&trials("qwen2-tied"), Feedback::TeacherForced).unwrap();
    let narrow = imported("qwen2-tied", Precision::Bf16).run(&trials("qwen2-tied"), Feedback::TeacherForced).unwrap();
    assert!(difference(&values(exact.logits), &values(narrow.logits)) > 1e-5, "nothing was rounded");
}

#[test]
fn a_network_folder_keeps_everything() {
    let place = tempfile::tempdir().unwrap();
    for (name, precision) in [("llama", Precision::F32), ("qwen2-tied", Precision::Bf16), ("gpt2", Precision::F16)] {
        let imported = import_hugging_face(folder(name), precision, &Device::flex()).unwrap();
        let trials = trials_of(&recorded_rows(name));
        let before = values(imported.network.run(&trials, Feedback::TeacherForced).unwrap().logits);
        let saved = SavedNetwork { network: imported.network.into(), description: imported.description };
        let out = place.path().join(name);
        saved.save(&out, &[]).unwrap();
        let loaded = SavedNetwork::load(&out, &Device::flex()).unwrap();
        assert_eq!(loaded.description.architecture, saved.description.architecture);
        let network = loaded.network.language().unwrap();
        assert_eq!(network.config().precision, precision);
        let after = values(network.run(&trials, Feedback::TeacherForced).unwrap().logits);
        assert_eq!(before, after, "{name}");

        let weights = out.join("weights.safetensors");
        let mut bytes = std::fs::read(&weights).unwrap();
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
        std::fs::write(&weights, &bytes).unwrap();
        let message = SavedNetwork::load(&out, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains("not the weights that were saved"), "{message}");
        std::fs::write(&weights, &bytes[..bytes.len() - 1]).unwrap();
        let message = SavedNetwork::load(&out, &Device::flex()).unwrap_err().to_string();
        assert!(message.contains("weights.safetensors: truncated"), "{message}");
    }
}

fn small(family: Family, vocabulary: usize) -> LanguageConfig {
    let llama_like = matches!(family, Family::Llama | Family::Qwen2);
    LanguageConfig {
        family,
        width: 12,
        layers: 2,
        heads: 4,
        key_value_heads: if llama_like { 2 } else { 4 },
        head_width: if llama_like { 4 } else { 3 },
        feed_forward_width: 20,
        vocabulary,
        context: 512,
        norm_epsilon: 1e-5,
        activation: if llama_like { Activation::Silu } else { Activation::GeluTanh },
        query_bias: family != Family::Llama,
        output_bias: !llama_like,
        feed_forward_bias: !llama_like,
        parallel: family == Family::GptNeox,
        tied: family != Family::GptNeox,
        precision: Precision::F32,
        end_tokens: Vec::new(),
        rotary: (family != Family::Gpt2).then_some(Rotary { base: 10_000.0, width: if llama_like { 4 } else { 2 } }),
    }
}

fn frozen(config: &LanguageConfig, seed: u64) -> FrozenDecoder<LanguageModel> {
    FrozenDecoder::new(config.family.name(), config.init(seed, &Device::flex()).unwrap())
}

/// Trials of different lengths with responses in the middle and at the end.
fn trials() -> Trials {
    let of_length = |length: u32| {
        let tokens: Vec<u32> = (0..length).map(|at| (at * at + 3 * at + length) % 7).collect();
        let response: Vec<bool> = (0..length).map(|at| at > length / 2 || at == 2).collect();
        (tokens, response)
    };
    let sequences: Vec<_> = [6, 9, 4].into_iter().map(of_length).collect();
    Trials::new(sequences.iter().map(|(tokens, response)| (tokens.as_slice(), response.as_slice())), 0).unwrap()
}

#[test]
fn a_llama_does_what_every_network_must() {
    network_suite::suite(&frozen(&small(Family::Llama, 11), 1), &trials());
}

/// So many tokens that logits are computed only where they are wanted.
#[test]
fn a_qwen2_with_many_tokens_does_what_every_network_must() {
    let config = LanguageConfig { layers: 1, ..small(Family::Qwen2, 2500) };
    network_suite::suite(&frozen(&config, 2), &trials());
}

#[test]
fn a_gpt2_does_what_every_network_must() {
    network_suite::suite(&frozen(&small(Family::Gpt2, 11), 3), &trials());
}

#[test]
fn a_gpt_neox_does_what_every_network_must() {
    network_suite::suite(&frozen(&small(Family::GptNeox, 11), 4), &trials());
}

/// A gradient over so many positions is computed in parts.
#[test]
fn a_gradient_in_parts_is_that_of_the_whole() {
    let network = frozen(&small(Family::Llama, 11), 5);
    let row = |seed: u32, length: u32| -> Vec<u32> { (0..length).map(|at| (at * at + seed) % 11).collect() };
    let trials = trials_of(&[row(1, 300), row(2, 290), row(3, 310)]);
    let site = network.site("embedding").unwrap();
    let resume = Resume {
        site: &site,
        interchange: Positions::Stepwise,
        prefix: None,
        trials: &trials,
        positions: &[250, 280, 200],
        rows: &[2, 0, 1],
        free_running: false,
        natural: None,
    };
    let at: Vec<_> = resume.exchanged().iter().map(|at| (resume.rows[at.row], at.position)).collect();
    let edited = network.read(&site, &trials, &at).unwrap() * 1.5;
    let weights = [0.3, 1.0, 0.7];
    let (loss, gradient) = network.behaviour_gradient(&resume, edited.clone(), &weights).unwrap();
    let (expected_loss, expected) = autodiff_gradient(&network, &resume, edited, &weights).unwrap();
    assert!((loss - expected_loss).abs() < 1e-5 * expected_loss, "{loss}, {expected_loss}");
    let size = values(expected.clone()).iter().fold(0.0_f32, |size, value| size.max(value.abs()));
    assert!(size > 0.0 && difference(&values(gradient), &values(expected)) < 1e-4 * size);
}

#[test]
fn draws_follow_the_probabilities_and_are_repeated() {
    // First weights are small; larger ones make some tokens likelier than others.
    let network = imported("llama", Precision::F32);
    let prompt = recorded_rows("llama")[0][..5].to_vec();
    let draw = |temperature, seed, most| {
        let sampling = Sampling::Random { temperature, seed };
        network.generate(std::slice::from_ref(&prompt), most, &sampling, &[], |_| true).unwrap().remove(0).tokens
    };
    assert_eq!(draw(1.0, 7, 6), draw(1.0, 7, 6));
    assert_ne!(draw(1.0, 7, 6), draw(1.0, 8, 6));
    let greedy = network.generate(std::slice::from_ref(&prompt), 6, &Sampling::Greedy, &[], |_| true).unwrap();
    assert_eq!(draw(1e-4, 7, 6), greedy[0].tokens);

    let temperature = 0.05;
    let run = network.run(&trials_of(std::slice::from_ref(&prompt)), Feedback::TeacherForced).unwrap();
    let logits = values(run.logits);
    let logits = &logits[logits.len() - 150..];
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    let weights: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit - largest) / temperature).exp()).collect();
    let likeliest = logits.iter().position(|&logit| logit == largest).unwrap();
    let expected = 1.0 / weights.iter().sum::<f64>();
    let draws = 600;
    let hits = (0..draws).filter(|&seed| draw(temperature, seed, 1)[0] as usize == likeliest).count();
    let share = hits as f64 / draws as f64;
    let deviation = (expected * (1.0 - expected) / draws as f64).sqrt();
    assert!((share - expected).abs() < 4.0 * deviation, "{share}, {expected}");
}

#[test]
fn a_continuation_ends_at_an_end_token() {
    let network = imported("llama", Precision::F32);
    let rows = recorded_rows("llama");
    let continuation = recorded_continuation("llama")[5..].to_vec();
    let end = continuation[3];
    let expected: Vec<u32> = continuation[..=continuation.iter().position(|&token| token == end).unwrap()].to_vec();
    let prompts = [rows[0][..5].to_vec(), rows[1].clone()];
    let generated = network.generate(&prompts, 10, &Sampling::Greedy, &[end], |_| true).unwrap();
    assert_eq!(generated[0].tokens, expected);
    assert!(generated[0].ended);
    assert_eq!(generated[1].ended, generated[1].tokens.last() == Some(&end));
    let stopped = network.generate(&prompts, 10, &Sampling::Greedy, &[], |added| added < 2).unwrap();
    assert_eq!(stopped[0].tokens, continuation[..2]);
}

#[test]
fn impossible_prompts_are_refused() {
    let network = imported("gpt2", Precision::F32);
    let refused = |prompts: &[Vec<u32>], most, sampling| {
        network.generate(prompts, most, &sampling, &[], |_| true).unwrap_err().to_string()
    };
    let message = refused(&[vec![1; 120]], 9, Sampling::Greedy);
    assert!(message.contains("120 tokens and 9 are to follow, but the network reads at most 128"), "{message}");
    assert!(refused(&[vec![1], vec![]], 1, Sampling::Greedy).contains("prompt 1 has no tokens"));
    assert!(refused(&[vec![150]], 1, Sampling::Greedy).contains("token 150"));
    assert!(refused(&[vec![1]], 1, Sampling::Random { temperature: 0.0, seed: 1 }).contains("temperature = 0"));
    let trials = trials_of(&[vec![1; 129]]);
    let message = network.run(&trials, Feedback::TeacherForced).unwrap_err().to_string();
    assert!(message.contains("reads at most 128"), "{message}");
    let frozen = FrozenDecoder::new("gpt2", network);
    let site = frozen.site("layer.1").unwrap();
    assert!(frozen.read(&site, &trials, &[(0, 0)]).is_err());
}
