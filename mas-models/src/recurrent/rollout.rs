use burn::module::Module;
use burn::tensor::{IndexingUpdateOp, Tensor};
use mas_core::Trials;

use super::gru::KEPT;
use super::{Gru, Recurrent};
use crate::Result;
use crate::packing::{PackedTrials, indices};
use crate::run::{Feedback, Rollout, Run, check_tokens};

/// For each layer what [`Gru::backward`] needs, `[Σ active, …]`.
pub(crate) type Kept = Vec<[Tensor<2>; KEPT]>;

impl Recurrent {
    /// Runs the network over every token of `trials`.
    ///
    /// # Errors
    /// No trials, or a token outside the vocabulary.
    pub fn run(&self, trials: &Trials, feedback: Feedback) -> Result<Run> {
        check_tokens(trials, self.config().vocabulary)?;
        let rows: Vec<usize> = (0..trials.len()).collect();
        let packed = PackedTrials::all(trials, &rows);
        let rollout = self.rollout(&packed, feedback, None);
        let logits = self.logits(rollout.hidden[rollout.hidden.len() - 1].clone());
        Ok(Run::unpack(trials, &packed.packing, rollout, logits))
    }

    /// Reads packed trials. Gradients, if the weights record them, flow through the states and never
    /// through a prediction that is fed back.
    ///
    /// - `dropout`: factors of the read-out's units wherever a prediction is fed back, `[Σ active, 4 · width]`
    pub(crate) fn rollout(&self, trials: &PackedTrials, feedback: Feedback, dropout: Option<&Tensor<2>>) -> Rollout {
        self.roll(trials, feedback, dropout, None).0
    }

    /// [`rollout`](Self::rollout) of `grus`, the network's layers, which also keeps what their way back needs.
    pub(crate) fn recorded_rollout(
        &self,
        grus: &[&Gru],
        trials: &PackedTrials,
        feedback: Feedback,
        dropout: Option<&Tensor<2>>,
    ) -> (Rollout, Kept) {
        self.roll(trials, feedback, dropout, Some(grus))
    }

    fn roll(
        &self,
        trials: &PackedTrials,
        feedback: Feedback,
        dropout: Option<&Tensor<2>>,
        recorded: Option<&[&Gru]>,
    ) -> (Rollout, Kept) {
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
        let mut kept: Vec<Vec<[Tensor<2>; KEPT]>> = vec![Vec::new(); recorded.map_or(0, <[&Gru]>::len)];
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
            state = self.step_with(state.first(packing.active(step)), gates, |layer, before, gates| {
                let Some(grus) = recorded else { return self.advance(layer, before, gates) };
                let (after, step) = grus[layer].advance_keeping(before, gates);
                kept[layer].push(step);
                after
            });
            hidden.iter_mut().zip(&state.layers).for_each(|(hidden, layer)| hidden.push(layer.clone()));
            inputs.push(tokens);
        }
        let hidden = hidden.into_iter().map(|steps| Tensor::cat(steps, 0)).collect();
        let rollout = Rollout { hidden, inputs: Tensor::cat(inputs, 0) };
        (rollout, kept.iter().map(|steps| cat_each(steps)).collect())
    }
}

/// For each of the tensors that all steps keep, those of all steps.
fn cat_each(steps: &[[Tensor<2>; KEPT]]) -> [Tensor<2>; KEPT] {
    std::array::from_fn(|which| Tensor::cat(steps.iter().map(|step| step[which].clone()).collect(), 0))
}
