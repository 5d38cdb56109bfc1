use burn::module::Module;
use burn::tensor::{IndexingUpdateOp, Tensor, activation};

use super::TrainingSettings;
use crate::decoder::teacher_forced;
use crate::packing::{PackedTrials, indices};
use crate::recurrent::{Gru, Recurrent};
use crate::{Error, Feedback, Model, Result, Transformer, host};

/// Mean cross-entropy of the next token over all positions of a batch, or over those of the response alone, and its
/// gradient with respect to every parameter: for gated recurrent units and all positions by hand, otherwise by autodiff.
///
/// - `batch`: with targets
/// - `settings`: of them the feedback, and what the loss is over
/// - `dropout`: factors of the shape that [`dropped`] says
pub(super) fn loss_and_gradients(
    network: &Model,
    batch: &PackedTrials,
    settings: &TrainingSettings,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    match network {
        Model::Transformer(network) => of_transformer(network, batch, settings, dropout),
        Model::Language(_) => Err(Error::invalid("a language model is trained by fine-tuning, not on a task")),
        Model::Recurrent(network) => match network.grus() {
            Some(grus) if !settings.response_only => by_hand(network, &grus, batch, settings.feedback, dropout),
            _ => automatic(network, batch, settings, dropout),
        },
    }
}

/// The share that is dropped in training, and the shape of the dropout factors for so many positions.
pub(super) fn dropped(network: &Model, positions: usize) -> (f64, [usize; 2]) {
    match network {
        Model::Recurrent(network) => (network.config().dropout, [positions, network.config().read_out_width()]),
        Model::Transformer(network) => (network.config().dropout, network.dropout_shape(positions)),
        Model::Language(_) => (0.0, [0, 0]),
    }
}

/// Gradients whose norm, over all of them together, is at most `most` (Pascanu et al. 2013, arXiv 1211.5063).
pub(crate) fn clipped(gradients: Vec<Tensor<2>>, most: f64) -> Vec<Tensor<2>> {
    let Some(device) = gradients.first().map(Tensor::device) else { return gradients };
    let square = |gradient: &Tensor<2>| f64::from(gradient.clone().square().sum().into_scalar::<f32>());
    let norm = host::each(&device, gradients.iter().collect(), square).into_iter().sum::<f64>().sqrt();
    if norm <= most { gradients } else { host::each(&device, gradients, |gradient| gradient * (most / norm)) }
}

/// The loss of a transformer and its gradients by autodiff.
fn of_transformer(
    network: &Transformer,
    batch: &PackedTrials,
    settings: &TrainingSettings,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    if settings.feedback == Feedback::FreeRunning {
        return Err(Error::invalid("feedback = free-running, but a transformer is trained teacher-forced"));
    }
    let network = network.clone().train();
    let (logits, rows) = teacher_forced(&network, batch, dropout.as_ref());
    gradients_of(loss(logits, &rows, batch, settings)?, network.parameters())
}

/// The loss of a recurrent network and its gradients by autodiff, for any cell.
fn automatic(
    network: &Recurrent,
    batch: &PackedTrials,
    settings: &TrainingSettings,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    let network = network.clone().train();
    let mut rollout = network.rollout(batch, settings.feedback, dropout.as_ref());
    let last = rollout.hidden.pop().ok_or_else(|| Error::invalid("the network has no layers"))?;
    let logits = network.read_out().forward_dropped(network.output(last), dropout);
    let rows: Vec<usize> = (0..batch.targets.len()).collect();
    gradients_of(loss(logits, &rows, batch, settings)?, network.parameters())
}

/// The loss of a batch, `[1]`.
///
/// - `logits`: `[output, vocabulary]`
/// - `rows`: the packed row of each output
fn loss(logits: Tensor<2>, rows: &[usize], batch: &PackedTrials, settings: &TrainingSettings) -> Result<Tensor<1>> {
    let target = |at: &usize| batch.targets[rows[*at]];
    if !settings.response_only {
        return Ok(cross_entropy(logits, &(0..rows.len()).map(|at| target(&at)).collect::<Vec<_>>()));
    }
    let scored: Vec<usize> = (0..rows.len()).filter(|&at| batch.scored[rows[at]]).collect();
    if scored.is_empty() {
        return Err(Error::invalid("response-only = true, but a batch has no response"));
    }
    let targets: Vec<i32> = scored.iter().map(target).collect();
    let places: Vec<i32> = scored.into_iter().map(|at| at as i32).collect();
    let device = logits.device();
    Ok(cross_entropy(logits.select(0, indices(&places, &device)), &targets))
}

/// The mean cross-entropy of the token after each output, `[1]`.
///
/// - `logits`: `[output, vocabulary]`
pub(crate) fn cross_entropy(logits: Tensor<2>, targets: &[i32]) -> Tensor<1> {
    let targets = indices(targets, &logits.device()).unsqueeze_dim(1);
    activation::log_softmax(logits, 1).gather(1, targets).mean().neg()
}

/// A tracked loss's value and its gradient with respect to tracked parameters.
pub(crate) fn gradients_of(loss: Tensor<1>, parameters: Vec<Tensor<2>>) -> Result<(f32, Vec<Tensor<2>>)> {
    let value = read(loss.clone().inner())?;
    let mut gradients = loss.backward();
    let of =
        |parameter: Tensor<2>| parameter.grad_remove(&mut gradients).unwrap_or_else(|| parameter.inner().zeros_like());
    Ok((value, parameters.into_iter().map(of).collect()))
}

fn read(loss: Tensor<1>) -> Result<f32> {
    loss.try_into_scalar::<f32>().map_err(|error| Error::invalid(format!("the loss cannot be read back: {error}")))
}

/// The loss and its gradients by hand. No gradient flows through a prediction that is fed back, so layers can be gone
/// back through one after the other, the last first.
fn by_hand(
    network: &Recurrent,
    grus: &[&Gru],
    batch: &PackedTrials,
    feedback: Feedback,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    let (rollout, kept) = network.recorded_rollout(grus, batch, feedback, dropout.as_ref());
    let states = |layer: usize| rollout.hidden[layer].clone();
    let targets = indices(&batch.targets, &network.device());
    let read_out = network.read_out().cross_entropy(states(grus.len() - 1), targets, dropout);
    let read_out = read_out.ok_or_else(|| Error::invalid("the read-out has no hidden units"))?;

    let mut d_outputs = read_out.hidden;
    let mut gradients = Vec::new();
    for (layer, (gru, kept)) in grus.iter().zip(kept).enumerate().rev() {
        let before = batch.packing.earlier(states(layer));
        let of_cell = gru.backward(&batch.packing, before, kept, d_outputs);
        let mut d_gates = of_cell.input_gates;
        // The first layer's gates were rows of a table of all tokens, which stands for its input and its weights.
        let input = match layer.checked_sub(1) {
            Some(below) => states(below),
            None => {
                let [tokens, gates] = [network.config().vocabulary, d_gates.dims()[1]];
                let table = Tensor::zeros([tokens, gates], &d_gates.device());
                d_gates = table.select_assign(0, rollout.inputs.clone(), d_gates, IndexingUpdateOp::Add);
                network.embedding()
            }
        };
        d_outputs = d_gates.clone().matmul(gru.w_ih().transpose());
        let d_w_ih = input.transpose().matmul(d_gates.clone());
        gradients.splice(0..0, [d_w_ih, of_cell.w_hh, d_gates.sum_dim(0), of_cell.b_hh]);
    }
    // Below the first layer is the embedding.
    gradients.insert(0, d_outputs);
    gradients.extend(read_out.parameters);
    Ok((read(read_out.loss)?, gradients))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use mas_core::Trials;

    use super::*;
    use crate::{CellKind, RecurrentConfig};

    /// Over 16 trials (8 for a transformer) that the author's PyTorch implementation of arXiv 2501.06164 was given, with
    /// random weights: see tests/fixtures. Its recurrent networks run free.
    #[test]
    fn losses_and_gradients_are_as_large_as_those_recorded() {
        for name in ["lstm_random", "rnn_random", "transformer_random_d32_h2", "transformer_random_d32_h2_nollama"] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
            let options = crate::import::ImportOptions::default();
            let imported =
                crate::import::import(folder.join("state_dict.safetensors"), &options, &Device::flex()).unwrap();
            let array = |key: &str| -> Vec<i32> {
                let mut archive = npyz::npz::NpzArchive::open(folder.join("io.npz")).unwrap();
                archive.by_name(key).unwrap().unwrap().into_vec().unwrap()
            };
            let lengths = array("batch.lengths");
            let tokens: Vec<u32> = array("batch.tokens").into_iter().map(|token| token as u32).collect();
            let response: Vec<bool> = array("batch.response").into_iter().map(|set| set == 1).collect();
            let time = tokens.len() / lengths.len();
            let of_trial = |(trial, &length): (usize, &i32)| {
                let range = trial * time..trial * time + length as usize;
                (&tokens[range.clone()], &response[range])
            };
            let trials = Trials::new(lengths.iter().enumerate().map(of_trial), 0).unwrap();
            let rows: Vec<usize> = (0..trials.len()).collect();
            let batch = PackedTrials::with_targets(&trials, &rows);
            let recurrent = imported.network.recurrent().is_some();
            let feedback = if recurrent { Feedback::FreeRunning } else { Feedback::TeacherForced };
            let (loss, gradients) = loss_and_gradients(&imported.network, &batch, &with(feedback), None).unwrap();

            let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
            let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
            let recorded = meta["training"]["loss"].as_f64().unwrap();
            assert!((f64::from(loss) - recorded).abs() < 1e-5, "{name}: loss {loss}, {recorded}");
            for (spec, gradient) in imported.network.architecture().parameters().iter().zip(gradients) {
                let (theirs, _) = imported.mapped.iter().find(|(_, ours)| *ours == spec.name).unwrap();
                let recorded = meta["training"]["grad_norms"][theirs].as_f64().unwrap();
                let norm = f64::from(gradient.square().sum().into_scalar::<f32>().sqrt());
                assert!((norm - recorded).abs() < 1e-3 * recorded, "{name}, {theirs}: {norm}, {recorded}");
            }
        }
    }

    #[test]
    fn a_gradient_is_no_longer_than_it_may_be_and_points_where_it_did() {
        let device = Device::flex();
        let gradients =
            || vec![Tensor::<2>::from_floats([[3.0, 0.0]], &device), Tensor::<2>::from_floats([[4.0]], &device)];
        let values = |gradients: Vec<Tensor<2>>| -> Vec<f32> {
            gradients.into_iter().flat_map(|one| one.try_into_vec_as::<f32>().unwrap()).collect()
        };
        assert_eq!(values(clipped(gradients(), 5.0)), [3.0, 0.0, 4.0]);
        for (at, expected) in values(clipped(gradients(), 1.0)).into_iter().zip([0.6, 0.0, 0.8]) {
            assert!((at - expected).abs() < 1e-6, "{at}");
        }
    }

    fn with(feedback: Feedback) -> TrainingSettings {
        TrainingSettings { feedback, ..TrainingSettings::default() }
    }

    #[test]
    fn a_loss_over_the_response_does_not_look_at_the_rest() {
        let (tokens, masks) =
            ([[1_u32, 2, 3, 4, 5, 0], [3, 3, 1, 5, 5, 0]], [[false, false, false, true, true, true]; 2]);
        let trials = Trials::new(tokens.iter().map(|one| &one[..]).zip(masks.iter().map(|one| &one[..])), 0).unwrap();
        let batch = PackedTrials::with_targets(&trials, &[0, 1]);
        let device = Device::flex();
        let gru: Model = RecurrentConfig::new(CellKind::Gru, 6, 7).init(5, &device).unwrap().valid().into();
        let transformer: Model =
            crate::TransformerConfig::new(8, 7).with_heads(2).init(5, &device).unwrap().valid().into();
        for network in [gru, transformer] {
            let settings = TrainingSettings { response_only: true, ..with(Feedback::TeacherForced) };
            let of = |batch: &PackedTrials, settings: &TrainingSettings| {
                let (loss, gradients) = loss_and_gradients(&network, batch, settings, None).unwrap();
                let values = gradients.into_iter().flat_map(|one| one.try_into_vec_as::<f32>().unwrap());
                (loss, values.collect::<Vec<f32>>())
            };
            let expected = of(&batch, &settings);
            let mut other = batch.clone();
            (0..other.targets.len()).filter(|&at| !batch.scored[at]).for_each(|at| other.targets[at] = 6);
            assert_eq!(of(&other, &settings), expected);
            assert_ne!(of(&other, &with(Feedback::TeacherForced)), of(&batch, &with(Feedback::TeacherForced)));
            // Where all is response, there is no difference.
            other.scored.fill(true);
            let (whole, response) = (of(&other, &with(Feedback::TeacherForced)), of(&other, &settings));
            assert!((whole.0 - response.0).abs() < 1e-6);
            assert!(whole.1.iter().zip(&response.1).all(|(a, b)| (a - b).abs() < 1e-6));
            other.scored.fill(false);
            assert!(loss_and_gradients(&network, &other, &settings, None).is_err());
        }
    }

    #[test]
    fn by_hand_is_what_autodiff_says() {
        let sequences: Vec<Vec<u32>> =
            [2, 9, 5, 5, 3].iter().map(|&length| (0..length).map(|at| (at * at + length) % 7).collect()).collect();
        let masks: Vec<Vec<bool>> =
            sequences.iter().map(|tokens| (0..tokens.len()).map(|at| 2 * at > tokens.len()).collect()).collect();
        let trials = Trials::new(sequences.iter().map(Vec::as_slice).zip(masks.iter().map(Vec::as_slice)), 0).unwrap();
        let batch = PackedTrials::with_targets(&trials, &[3, 0, 1, 4, 2]);
        let device = Device::flex();
        for layers in [1, 3] {
            let config = RecurrentConfig::new(CellKind::Gru, 6, 7).with_layers(layers);
            let network = config.init(5, &device).unwrap().valid();
            for feedback in [Feedback::TeacherForced, Feedback::FreeRunning] {
                for share in [0.0, 0.5] {
                    let units = [batch.targets.len(), config.read_out_width()];
                    let dropout = super::super::random::dropout(share, units, 1, 1, &device);
                    let grus = network.grus().unwrap();
                    let (loss, by_hand) = by_hand(&network, &grus, &batch, feedback, dropout.clone()).unwrap();
                    let (expected, automatic) = automatic(&network, &batch, &with(feedback), dropout).unwrap();
                    assert!((loss - expected).abs() < 1e-5, "{loss}, {expected}");
                    for ((spec, by_hand), automatic) in config.parameters().iter().zip(by_hand).zip(automatic) {
                        let difference = (by_hand - automatic.clone()).abs().max().into_scalar::<f32>();
                        let scale = automatic.abs().max().into_scalar::<f32>();
                        assert!(scale > 0.0 && difference < 1e-5 * scale.max(0.1), "{}: {difference}", spec.name);
                    }
                }
            }
        }
    }
}
