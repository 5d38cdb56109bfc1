use faer::Accum;
use pulp::Arch;

use super::{
    Edited, FusedGru, Row,
    cell::{Back, Forth},
    read_out::{Output, Tile},
};
use crate::packing::Packing;

/// Forward and back again over some rows, the longest first: in every step the active rows are the first ones.
pub(super) struct Pass<'a> {
    gru: &'a FusedGru,
    rows: &'a [Row<'a>],
    edited: Edited,
    activity: &'a [f32],
    free_running: bool,
    packing: Packing,
    arch: Arch,
}

/// What a pass needs memory for: given on to the next, so that a step of a fit need not ask the system for any.
///
/// *Packed* rows are those of each step, one after the other.
#[derive(Default)]
pub(super) struct Room {
    /// The state after each step, `[packed, width]`.
    states: Vec<f32>,
    /// The update gates, `[packed, width]`.
    updates: Vec<f32>,
    /// What makes gradients of gates of gradients of states, see [`Forth`], `[packed, 3 · width]`.
    gates: Vec<f32>,
    /// And that of the candidate's input, `[packed, width]`.
    slopes: Vec<f32>,
    /// The gradient of the loss with respect to each state, `[packed, width]`.
    gradient: Vec<f32>,
    /// States before the first step and their gradient, `[row, width]`.
    first: Vec<f32>,
    tile: Tile,
}

impl<'a> Pass<'a> {
    pub fn new(
        gru: &'a FusedGru,
        rows: &'a [Row<'a>],
        edited: Edited,
        activity: &'a [f32],
        free_running: bool,
    ) -> Self {
        // Rows come sorted, and packing keeps their order.
        let packing = Packing::new(&rows.iter().map(|row| row.steps).collect::<Vec<_>>());
        Self { gru, rows, edited, activity, free_running, packing, arch: Arch::new() }
    }

    /// The loss, and the gradient of every row's vectors, row by row.
    pub fn gradient(self, room: &mut Room) -> (f64, Vec<f32>) {
        // Outputs that do not count leave nothing there.
        room.gradient.clear();
        room.gradient.resize(self.packing.rows() * self.gru.width, 0.0);
        let mut loss = 0.0;
        self.forward(room, &self.counted(), |room, outputs, said| {
            let Room { states, gradient, tile, .. } = room;
            loss += self.gru.read_out_gradient(self.arch, tile, outputs, states, gradient, said);
        });
        (loss, self.backward(room))
    }

    /// The logits of every output that counts, `[output, vocabulary]`, and the row and the position of each.
    pub fn outputs(self, room: &mut Room) -> (Vec<f32>, Vec<(usize, usize)>) {
        let counted = self.counted();
        let mut logits = Vec::with_capacity(counted.len() * self.gru.vocabulary);
        self.forward(room, &counted, |room, outputs, said| {
            self.gru.read_out(self.arch, &mut room.tile, outputs, &room.states, &mut logits, said);
        });
        (logits, counted.iter().map(|output| (output.row, output.position)).collect())
    }

    /// The states of rows after steps, `[state, width]`.
    ///
    /// - `at`: (row, step) of every state wanted
    pub fn states(self, room: &mut Room, at: &[(usize, usize)]) -> Vec<f32> {
        self.forward(room, &[], |_, _, _| {});
        let width = self.gru.width;
        let state = |&(row, step): &(usize, usize)| &room.states[(self.packing.offset(step) + row) * width..][..width];
        at.iter().flat_map(state).copied().collect()
    }

    /// Runs all steps, and calls `read_out` for some of the `counted` outputs at a time; it says what the rows hear
    /// where they hear themselves.
    fn forward(&self, room: &mut Room, counted: &[Output], mut read_out: impl FnMut(&mut Room, &[Output], &mut [u32])) {
        let (packed, width) = (self.packing.rows(), self.gru.width);
        for values in [&mut room.states, &mut room.updates, &mut room.slopes] {
            values.resize(packed * width, 0.0);
        }
        room.gates.resize(packed * 3 * width, 0.0);
        room.first.clear();
        room.first.resize(self.rows.len() * width, 0.0);
        let mut said = vec![0; self.rows.len()];
        let mut read = 0;
        for step in 0..self.packing.time() {
            if step == 0 && self.edited == Edited::State {
                for (state, row) in room.states.chunks_exact_mut(width).zip(self.rows) {
                    state.copy_from_slice(&self.activity[row.vector * width..][..width]);
                }
            } else {
                self.advance(step, room, &said);
            }
            // What it says is heard in the next step only where it runs free: else all is read out at the end.
            if self.free_running || step + 1 == self.packing.time() {
                let end = counted.partition_point(|output| output.packed < self.packing.offset(step + 1));
                read_out(room, &counted[read..end], &mut said);
                read = end;
            }
        }
    }

    /// Every output that counts: those before a row's position are nobody's business.
    fn counted(&self) -> Vec<Output> {
        let mut outputs = Vec::with_capacity(self.packing.rows());
        for (packed, (row, step)) in self.packing.positions().enumerate() {
            let Row { tokens, begin, position, weight, .. } = self.rows[row];
            let at = begin + step;
            if at >= position {
                outputs.push(Output { packed, row, position: at, target: tokens[at + 1], weight });
            }
        }
        outputs
    }

    /// The active rows whose embedding is edited at `step`.
    fn edited_inputs(&self, step: usize) -> Vec<usize> {
        let is_edited = |&row: &usize| self.rows[row].begin + step <= self.rows[row].position;
        match self.edited {
            Edited::Nothing | Edited::State => Vec::new(),
            Edited::Embedding => (0..self.packing.active(step)).filter(is_edited).collect(),
        }
    }

    /// The input half of the gates of `rows`, whose embedding is edited at `step`, `[row, 3 · width]`.
    fn edited_gates(&self, rows: &[usize], step: usize) -> Vec<f32> {
        let width = self.gru.width;
        let mut embeddings = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            embeddings.extend_from_slice(&self.activity[(self.rows[row].vector + step) * width..][..width]);
        }
        let mut gates = self.gru.bias.repeat(rows.len());
        self.gru.w_ih.product(&embeddings, &mut gates, Accum::Add);
        gates
    }

    /// From the states of the step before to those of `step`.
    fn advance(&self, step: usize, room: &mut Room, said: &[u32]) {
        let (width, gates) = (self.gru.width, 3 * self.gru.width);
        let (active, offset) = (self.packing.active(step), self.packing.offset(step));
        let edited = self.edited_inputs(step);
        let edited_gates = if edited.is_empty() { Vec::new() } else { self.edited_gates(&edited, step) };
        let mut input: Vec<&[f32]> = Vec::with_capacity(active);
        for (row, said) in self.rows[..active].iter().zip(said) {
            let position = row.begin + step;
            let own = self.free_running && position > row.position && row.response[position];
            let token = if own { *said } else { row.tokens[position] } as usize;
            input.push(&self.gru.token_gates[token * gates..][..gates]);
        }
        for (&row, gates) in edited.iter().zip(edited_gates.chunks_exact(gates)) {
            input[row] = gates;
        }
        let (earlier, states) = room.states.split_at_mut(offset * width);
        let before = match step.checked_sub(1) {
            Some(last) => &earlier[self.packing.offset(last) * width..][..active * width],
            None => {
                for (state, row) in room.first.chunks_exact_mut(width).zip(self.rows) {
                    if let Some(before) = row.before {
                        state.copy_from_slice(before);
                    }
                }
                &room.first[..active * width]
            }
        };
        let own = offset * width..(offset + active) * width;
        let hidden = &mut room.gates[3 * own.start..3 * own.end];
        self.gru.w_hh.product(before, hidden, Accum::Replace);
        self.arch.dispatch(Forth {
            width,
            input: &input,
            bias: &self.gru.bias_candidate,
            before,
            gates: hidden,
            after: &mut states[..active * width],
            update: &mut room.updates[own.clone()],
            slope: &mut room.slopes[own],
        });
    }

    fn backward(&self, room: &mut Room) -> Vec<f32> {
        let width = self.gru.width;
        let vectors: usize = self.rows.iter().map(Row::vectors).sum();
        let mut inputs = match self.edited {
            Edited::Embedding => vec![0.0; vectors * width],
            _ => Vec::new(),
        };
        let first_step = usize::from(self.edited == Edited::State);
        for step in (first_step..self.packing.time()).rev() {
            let (active, offset) = (self.packing.active(step), self.packing.offset(step));
            let own = offset * width..(offset + active) * width;
            let (earlier, gradient) = room.gradient.split_at_mut(own.start);
            let after = &gradient[..active * width];
            let before = match step.checked_sub(1) {
                Some(last) => &mut earlier[self.packing.offset(last) * width..][..active * width],
                // Nobody asks for it.
                None => &mut room.first[..active * width],
            };
            let gates = &mut room.gates[3 * own.start..3 * own.end];
            self.arch.dispatch(Back { width, after, update: &room.updates[own.clone()], gates, before });
            self.gru.w_hh.product_transposed(gates, before, Accum::Add);
            self.input_gradient(step, after, &room.slopes[own], gates, &mut inputs);
        }
        match self.edited {
            // One vector a row, and what came back to the beginning is its gradient.
            Edited::State => room.gradient[..self.rows.len() * width].to_vec(),
            _ => inputs,
        }
    }

    /// The gradient of the embeddings that are edited at `step`, into their vectors of `inputs`.
    ///
    /// - `after`, `slopes`: the gradient of the states after, and what makes that of the candidate's input of it, `[active, width]`
    /// - `gates`: the gradient of the hidden half of the gates, `[active, 3 · width]`
    fn input_gradient(&self, step: usize, after: &[f32], slopes: &[f32], gates: &[f32], inputs: &mut [f32]) {
        let width = self.gru.width;
        let edited = self.edited_inputs(step);
        if edited.is_empty() {
            return;
        }
        let mut input_gates = Vec::with_capacity(edited.len() * 3 * width);
        for &row in &edited {
            input_gates.extend_from_slice(&gates[row * 3 * width..][..2 * width]);
            let own = row * width..(row + 1) * width;
            input_gates.extend(after[own.clone()].iter().zip(&slopes[own]).map(|(after, slope)| after * slope));
        }
        let mut gradient = vec![0.0; edited.len() * width];
        self.gru.w_ih.product_transposed(&input_gates, &mut gradient, Accum::Replace);
        let mut first_vectors = Vec::with_capacity(self.rows.len());
        let mut count = 0;
        for row in self.rows {
            first_vectors.push(count);
            count += row.vectors();
        }
        for (&row, gradient) in edited.iter().zip(gradient.chunks_exact(width)) {
            inputs[(first_vectors[row] + step) * width..][..width].copy_from_slice(gradient);
        }
    }
}
