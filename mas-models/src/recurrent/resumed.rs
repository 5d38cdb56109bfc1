//! A recurrent network that goes on from an interchange, step by step.

use burn::{prelude::*, tensor::IndexingUpdateOp};
use mas_core::{At, Continuation, Edit, Positions, Resume};

use super::{
    RecurrentState,
    frozen::{Frozen, Place, States},
};
use crate::{
    checks,
    packing::{Packing, indices},
};

/// A resumed run. Each row begins at its edited position, or at the start where the interchange is stepwise; a step goes
/// one position on in every row that has not ended.
pub(super) struct Resumed<'a> {
    frozen: &'a Frozen,
    place: Place,
    resume: &'a Resume<'a>,
    edit: &'a Edit<'a>,
    packing: Packing,
    /// For every batch row the position at which it begins.
    begins: Vec<usize>,
    /// For every batch row the first of its vectors among those of a known edit.
    vectors: Vec<usize>,
}

impl<'a> Resumed<'a> {
    pub fn new(frozen: &'a Frozen, place: Place, resume: &'a Resume<'a>, edit: &'a Edit<'a>) -> mas_core::Result<Self> {
        let rows = 0..resume.rows.len();
        let stepwise = resume.interchange == Positions::Stepwise;
        let begins: Vec<usize> = rows.clone().map(|row| if stepwise { 0 } else { resume.position(row) }).collect();
        let lengths: Vec<usize> = rows.clone().map(|row| resume.tokens(row).len() - 1 - begins[row]).collect();
        let mut vectors = Vec::with_capacity(begins.len());
        let mut count = 0;
        for row in rows {
            vectors.push(count);
            count += resume.position(row) + 1 - begins[row];
        }
        let sequential = stepwise && place != Place::Embedding;
        match edit {
            Edit::Known(activity) => checks::edited(activity, count, resume.site, sequential)?,
            Edit::Sequential(_) if sequential => {}
            Edit::Sequential(_) => {
                return Err(mas_core::Error::invalid("only stepwise interchanges at a recurrent state are sequential"));
            }
        }
        Ok(Self { frozen, place, resume, edit, packing: Packing::new(&lengths), begins, vectors })
    }

    /// Goes on to the end.
    pub fn finish(self) -> mas_core::Result<Continuation> {
        let network = &self.frozen.network;
        let rows: Vec<usize> = self.packing.order().to_vec();
        let mut state = self.initial(&rows)?;
        let mut tops: Vec<Tensor<2>> = Vec::with_capacity(self.packing.time());
        for step in 0..self.packing.time() {
            let active = &rows[..self.packing.active(step)];
            state = state.first(active.len());
            let seeded = step == 0 && self.seeds_state();
            state = if seeded { self.seed(state, active) } else { self.advance(state, active, step, tops.last()) };
            tops.push(state.layers[state.layers.len() - 1].clone());
        }
        let mut at = Vec::new();
        let mut chosen = Vec::new();
        for (packed, (row, step)) in self.packing.positions().enumerate() {
            let position = self.begins[row] + step;
            if position >= self.resume.position(row) {
                at.push(At { row, position });
                chosen.push(packed as i32);
            }
        }
        let mut hidden = Tensor::cat(tops, 0);
        if chosen.len() < self.packing.rows() {
            hidden = hidden.select(0, indices(&chosen, &network.device()));
        }
        Ok(Continuation { logits: network.logits(hidden), at })
    }

    /// Whether the edit is itself the state from which a run begins.
    fn seeds_state(&self) -> bool {
        self.resume.interchange == Positions::Individual && self.place != Place::Embedding
    }

    /// The states before the first step, of `rows`.
    fn initial(&self, rows: &[usize]) -> mas_core::Result<RecurrentState> {
        let network = &self.frozen.network;
        if self.resume.interchange == Positions::Stepwise {
            return Ok(network.initial_state(rows.len()));
        }
        let States { layers: states, .. } = self.resume.prefix()?;
        if states.is_empty() {
            return Ok(network.initial_state(rows.len()));
        }
        let trials: Vec<i32> = rows.iter().map(|&row| self.resume.rows[row] as i32).collect();
        let trials = indices(&trials, &network.device());
        Ok(RecurrentState { layers: states.iter().map(|state| state.clone().select(0, trials.clone())).collect() })
    }

    /// The known edits of `rows` at the positions where they stand, `[row, width]`.
    fn known(&self, activity: &Tensor<2>, rows: &[usize], step: usize) -> Tensor<2> {
        let chosen: Vec<i32> = rows.iter().map(|&row| (self.vectors[row] + step) as i32).collect();
        activity.clone().select(0, indices(&chosen, &self.frozen.network.device()))
    }

    /// Puts the edited state of one layer in; the layers above follow from it.
    fn seed(&self, before: RecurrentState, rows: &[usize]) -> RecurrentState {
        let (Place::Hidden(edited), Edit::Known(activity)) = (self.place, self.edit) else { return before };
        let mut layers: Vec<Tensor<2>> = Vec::with_capacity(before.layers.len());
        for (layer, (cell, state)) in self.frozen.network.cells().iter().zip(before.layers).enumerate() {
            layers.push(match layer.cmp(&edited) {
                std::cmp::Ordering::Less => state,
                std::cmp::Ordering::Equal => self.known(activity, rows, 0),
                std::cmp::Ordering::Greater => {
                    let below = self.frozen.network.cells()[layer - 1].output(layers[layer - 1].clone());
                    self.frozen.network.advance(layer, state, cell.input_gates(below))
                }
            });
        }
        RecurrentState { layers }
    }

    /// One position on, with edits where they belong.
    fn advance(&self, before: RecurrentState, rows: &[usize], step: usize, last: Option<&Tensor<2>>) -> RecurrentState {
        let cells = self.frozen.network.cells();
        let exchanged: Vec<bool> =
            rows.iter().map(|&row| self.begins[row] + step <= self.resume.position(row)).collect();
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|&row| exchanged[row]);
        let gates = match (self.place, self.edit) {
            (Place::Embedding, Edit::Known(activity)) if !inside.is_empty() => {
                let edited: Vec<usize> = inside.iter().map(|&row| rows[row]).collect();
                let edited = self.frozen.network.input_gates(self.known(activity, &edited, step));
                self.merge(edited, &inside, &outside, |outside| self.token_gates(rows, outside, step, last))
            }
            _ => self.token_gates(rows, &(0..rows.len()).collect::<Vec<_>>(), step, last),
        };
        let mut layers: Vec<Tensor<2>> = Vec::with_capacity(cells.len());
        for (layer, (cell, state)) in cells.iter().zip(before.layers).enumerate() {
            let gates = match layers.last() {
                None => gates.clone(),
                Some(below) => cell.input_gates(cells[layer - 1].output(below.clone())),
            };
            let mut state = self.frozen.network.advance(layer, state, gates);
            if let (true, false, Edit::Sequential(edit)) =
                (self.place == Place::Hidden(layer), inside.is_empty(), self.edit)
            {
                let at: Vec<At> = inside.iter().map(|&row| At { row: rows[row], position: step }).collect();
                let edited = edit(&at, self.take(state.clone(), &inside));
                state = self.merge(edited, &inside, &outside, |outside| self.take(state, outside));
            }
            layers.push(state);
        }
        RecurrentState { layers }
    }

    fn take(&self, tensor: Tensor<2>, rows: &[usize]) -> Tensor<2> {
        let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        tensor.select(0, indices(&rows, &self.frozen.network.device()))
    }

    /// Rows `inside` from a tensor of their own and the others from `rest`, in order.
    fn merge(
        &self,
        edited: Tensor<2>,
        inside: &[usize],
        outside: &[usize],
        rest: impl FnOnce(&[usize]) -> Tensor<2>,
    ) -> Tensor<2> {
        if outside.is_empty() {
            return edited;
        }
        let mut place = vec![0; inside.len() + outside.len()];
        inside.iter().chain(outside).enumerate().for_each(|(from, &row)| place[row] = from);
        self.take(Tensor::cat(vec![edited, rest(outside)], 0), &place)
    }

    /// The input gates of those of `rows` that `chosen` points at: of the given tokens, or of the network's own
    /// predictions where it runs free in the response.
    ///
    /// - `last`: the last layer's states after the step before, of at least `rows`
    fn token_gates(&self, rows: &[usize], chosen: &[usize], step: usize, last: Option<&Tensor<2>>) -> Tensor<2> {
        let network = &self.frozen.network;
        let device = network.device();
        let mut given = Vec::with_capacity(chosen.len());
        let (mut own, mut own_states) = (Vec::new(), Vec::new());
        for (index, &active) in chosen.iter().enumerate() {
            let row = rows[active];
            let position = self.begins[row] + step;
            let is_own =
                self.resume.free_running && position > self.resume.position(row) && self.resume.response(row)[position];
            if is_own {
                own.push(index as i32);
                own_states.push(active);
            }
            given.push(if is_own { 0 } else { self.resume.tokens(row)[position] as i32 });
        }
        let mut tokens = indices(&given, &device);
        if let (false, Some(last)) = (own.is_empty(), last) {
            let said = network.logits(self.take(last.clone().inner(), &own_states)).argmax(1).squeeze_dim(1);
            tokens = tokens.select_assign(0, indices(&own, &device), said, IndexingUpdateOp::Add);
        }
        self.frozen.token_gates.clone().select(0, tokens)
    }
}
