use burn::tensor::{IndexingUpdateOp, Tensor};

use crate::recurrent::{PackedTrials, Recurrent, indices};
use crate::{Error, Feedback, Result};

/// Mean cross-entropy of the next token over all positions of a batch, and its gradient with respect to every
/// parameter. No gradient flows through a prediction that is fed back, so layers can be gone back through one
/// after the other, the last first.
///
/// - `batch`: with targets
/// - `dropout`: factors of the read-out's hidden units, `[Σ active, 4 · width]`
pub(super) fn loss_and_gradients(
    network: &Recurrent,
    batch: &PackedTrials,
    feedback: Feedback,
    dropout: Option<Tensor<2>>,
) -> Result<(f32, Vec<Tensor<2>>)> {
    let rollout = network.recorded_rollout(batch, feedback, dropout.as_ref());
    let cells = network.cells();
    let outputs = |layer: usize| cells[layer].output(rollout.hidden[layer].clone());
    let targets = indices(&batch.targets, &network.device());
    let read_out = network.read_out().cross_entropy(outputs(cells.len() - 1), targets, dropout);

    let mut d_outputs = read_out.hidden;
    let mut gradients = Vec::new();
    for (layer, (cell, kept)) in cells.iter().zip(rollout.kept).enumerate().rev() {
        let cell_gradients = cell.backward(&batch.packing, rollout.hidden[layer].clone(), kept, d_outputs.clone())?;
        let mut d_gates = cell_gradients.input_gates.clone();
        // The first layer's gates were rows of a table of all tokens, which stands for its input and its weights.
        let input = match layer.checked_sub(1) {
            Some(below) => outputs(below),
            None => {
                let [tokens, gates] = [network.config().vocabulary, d_gates.dims()[1]];
                let table = Tensor::zeros([tokens, gates], &d_gates.device());
                d_gates = table.select_assign(0, rollout.inputs.clone(), d_gates, IndexingUpdateOp::Add);
                network.embedding()
            }
        };
        d_outputs = d_gates.clone().matmul(cell.w_ih().transpose());
        let d_w_ih = input.transpose().matmul(d_gates.clone());
        gradients.splice(0..0, cell.gradients(d_w_ih, d_gates.sum_dim(0), cell_gradients));
    }
    // Below the first layer is the embedding.
    gradients.insert(0, d_outputs);
    gradients.extend(read_out.parameters);
    let loss = read_out.loss.try_into_scalar::<f32>();
    let loss = loss.map_err(|error| Error::invalid(format!("the loss cannot be read back: {error}")))?;
    Ok((loss, gradients))
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::{Device, activation};
    use mas_core::Trials;

    use super::*;
    use crate::{CellKind, RecurrentConfig};

    /// The same by autodiff.
    fn automatic(
        network: &Recurrent,
        batch: &PackedTrials,
        feedback: Feedback,
        dropout: Option<Tensor<2>>,
    ) -> (f32, Vec<Tensor<2>>) {
        let network = network.clone().train();
        let mut rollout = network.rollout(batch, feedback, dropout.as_ref());
        let hidden = network.output(rollout.hidden.pop().unwrap());
        let logits = network.read_out().forward_dropped(hidden, dropout);
        let targets = indices(&batch.targets, &logits.device()).unsqueeze_dim(1);
        let loss = activation::log_softmax(logits, 1).gather(1, targets).mean().neg();
        let value = loss.clone().inner().into_scalar::<f32>();
        let mut gradients = loss.backward();
        let of = |parameter: Tensor<2>| parameter.grad_remove(&mut gradients).unwrap();
        (value, network.parameters().into_iter().map(of).collect())
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
                    let (loss, by_hand) = loss_and_gradients(&network, &batch, feedback, dropout.clone()).unwrap();
                    let (expected, automatic) = automatic(&network, &batch, feedback, dropout);
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
