use burn::module::Module;
use burn::tensor::{IndexingUpdateOp, Int, Tensor};

use super::packing::{PackedTrials, indices};
use super::{Feedback, Recurrent};

/// The states of a network that has read packed trials.
#[derive(Debug)]
pub(crate) struct Rollout {
    /// For each layer its state after each token, `[Σ active, state width]`.
    pub hidden: Vec<Tensor<2>>,
    /// The tokens that were read: the given ones, or the network's own where it ran free, `[Σ active]`.
    pub inputs: Tensor<1, Int>,
    /// For each layer what its way back needs, `[Σ active, …]`, if it was recorded.
    pub kept: Vec<Vec<Tensor<2>>>,
}

impl Recurrent {
    /// Reads packed trials. Gradients, if the weights record them, flow through the states and never
    /// through a prediction that is fed back.
    ///
    /// - `dropout`: factors of the read-out's units wherever a prediction is fed back, `[Σ active, 4 · width]`
    pub(crate) fn rollout(&self, trials: &PackedTrials, feedback: Feedback, dropout: Option<&Tensor<2>>) -> Rollout {
        self.roll(trials, feedback, dropout, false)
    }

    /// [`rollout`](Self::rollout), which also keeps what [`Cell::backward`](super::Cell::backward) needs.
    pub(crate) fn recorded_rollout(
        &self,
        trials: &PackedTrials,
        feedback: Feedback,
        dropout: Option<&Tensor<2>>,
    ) -> Rollout {
        self.roll(trials, feedback, dropout, true)
    }

    fn roll(&self, trials: &PackedTrials, feedback: Feedback, dropout: Option<&Tensor<2>>, record: bool) -> Rollout {
        let PackedTrials { packing, tokens, response, .. } = trials;
        let device = self.device().inner();
        let frozen = self.valid();
        let table = self.token_gates();

        // Rows that read the network's own prediction get it added to a zero.
        let own = |row: usize, step: usize| feedback == Feedback::FreeRunning && step > 0 && response[row];
        let mut given = tokens.clone();
        let mut own_rows: Vec<Vec<i32>> = vec![Vec::new(); packing.time()];
        for (step, own_rows) in own_rows.iter_mut().enumerate() {
            for row in (0..packing.active(step)).filter(|row| own(packing.offset(step) + row, step)) {
                given[packing.offset(step) + row] = 0;
                own_rows.push(row as i32);
            }
        }
        let given = indices(&given, &device);

        let mut state = self.initial_state(packing.active(0));
        let mut hidden = vec![Vec::with_capacity(packing.time()); self.cells().len()];
        let mut kept: Vec<Vec<Vec<Tensor<2>>>> = vec![Vec::new(); self.cells().len()];
        let mut inputs = Vec::with_capacity(packing.time());
        for (step, own_rows) in own_rows.iter().enumerate() {
            let mut tokens = given.clone().narrow(0, packing.offset(step), packing.active(step));
            if !own_rows.is_empty() {
                let rows = indices(own_rows, &device);
                let before = state.layers[state.layers.len() - 1].clone().inner().select(0, rows.clone());
                let factors = dropout
                    .map(|factors| factors.clone().select(0, rows.clone().add_scalar(packing.offset(step - 1) as i64)));
                let logits = frozen.read_out().forward_dropped(frozen.output(before), factors);
                tokens = tokens.select_assign(0, rows, logits.argmax(1).squeeze_dim(1), IndexingUpdateOp::Add);
            }
            let gates = table.clone().select(0, tokens.clone());
            state = self.step_with(state.first(packing.active(step)), gates, |layer, cell, before, gates| {
                if !record {
                    return cell.advance(before, gates);
                }
                let (after, step) = cell.advance_keeping(before, gates);
                kept[layer].push(step);
                after
            });
            hidden.iter_mut().zip(&state.layers).for_each(|(hidden, layer)| hidden.push(layer.clone()));
            inputs.push(tokens);
        }
        Rollout {
            hidden: hidden.into_iter().map(|steps| Tensor::cat(steps, 0)).collect(),
            inputs: Tensor::cat(inputs, 0),
            kept: kept.into_iter().map(cat_each).collect(),
        }
    }
}

/// For each of the tensors that all steps keep, those of all steps.
fn cat_each(steps: Vec<Vec<Tensor<2>>>) -> Vec<Tensor<2>> {
    let count = steps.first().map_or(0, Vec::len);
    let mut tensors: Vec<Vec<Tensor<2>>> = vec![Vec::with_capacity(steps.len()); count];
    for step in steps {
        tensors.iter_mut().zip(step).for_each(|(tensors, tensor)| tensors.push(tensor));
    }
    tensors.into_iter().map(|tensors| Tensor::cat(tensors, 0)).collect()
}
