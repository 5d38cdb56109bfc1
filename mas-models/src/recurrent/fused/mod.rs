//! A single-layer GRU with frozen weights on the CPU, by hand: its states, what it says after interchanges, and the
//! behaviour loss with its gradient with respect to edited activity, by back-propagation through time.
//!
//! It says what [`Frozen`](super::Frozen) says through tensors and autodiff, several times as fast: no gradient of a
//! weight, no graph, one pass over memory for the gates, and the read-out's gradient found while its units are still in
//! the cache. Derivation, for one step with `g = [r, z, n]` as in [`Gru`](super::Gru):
//!
//! ```text
//! dn = dh (1 − z) (1 − n²)      dr = dn (h W_hn + b_hn) r (1 − r)      dz = dh (h − n) z (1 − z)
//! dh ← dh z + [dr, dz, dn r] W_hhᵀ                     d input = [dr, dz, dn] W_ihᵀ
//! ```
//!
//! All but `dh` is known on the way forth, so that each step leaves the factors of `dh` rather than its gates.

mod cell;
mod interchange;
mod pass;
mod product;
mod read_out;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use pass::{Pass, Room};
use product::Weight;

/// Frozen weights on the host, row-major, `[in, out]` as in [`Recurrent`](super::Recurrent).
struct Weights {
    pub width: usize,
    pub vocabulary: usize,
    /// `[width, 3 · width]`
    pub w_ih: Vec<f32>,
    /// `[3 · width]`
    pub b_ih: Vec<f32>,
    /// `[width, 3 · width]`
    pub w_hh: Vec<f32>,
    /// `[3 · width]`
    pub b_hh: Vec<f32>,
    /// The input half of the gates of every token, `[vocabulary, 3 · width]`.
    pub token_gates: Vec<f32>,
    /// `[width, 4 · width]`
    pub w_in: Vec<f32>,
    /// `[4 · width]`
    pub b_in: Vec<f32>,
    /// `[4 · width, vocabulary]`
    pub w_out: Vec<f32>,
    /// `[vocabulary]`
    pub b_out: Vec<f32>,
}

/// A frozen GRU and its read-out, ready to run.
pub(super) struct FusedGru {
    pub width: usize,
    vocabulary: usize,
    w_ih: Weight,
    /// The biases of the gates that an embedding's half and the state's half have together, `[3 · width]`, all but that
    /// of the hidden candidate, which the reset gate multiplies.
    bias: Vec<f32>,
    /// That one, `[width]`.
    bias_candidate: Vec<f32>,
    /// The input half of the gates of every token with those biases, `[vocabulary, 3 · width]`.
    token_gates: Vec<f32>,
    w_hh: Weight,
    w_in: Weight,
    b_in: Vec<f32>,
    w_out: Weight,
    b_out: Vec<f32>,
    /// What passes that are over have left to the next ones.
    rooms: Mutex<Vec<Room>>,
}

/// One row of a batch.
#[derive(Clone, Copy)]
struct Row<'a> {
    pub tokens: &'a [u32],
    pub response: &'a [bool],
    /// The position at which it begins.
    pub begin: usize,
    /// Number of positions to run, from the beginning on.
    pub steps: usize,
    /// The last edited position.
    pub position: usize,
    /// The weight of each of its outputs in the loss.
    pub weight: f32,
    /// The first of its vectors among the edited activity.
    pub vector: usize,
    /// The state before the first position, `[width]`; zeros if there is none. Not read where the state is edited.
    pub before: Option<&'a [f32]>,
}

impl Row<'_> {
    /// Number of its edited vectors.
    fn vectors(&self) -> usize {
        self.position + 1 - self.begin
    }
}

/// What is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    /// Nothing.
    Nothing,
    /// The state after the token at the position where a row begins.
    State,
    /// The embedding at every position from the beginning to the row's position.
    Embedding,
}

/// Rows that one pass takes: enough for the products to be efficient, few enough that their history stays near and that
/// all cores have some.
const ROWS: usize = 64;

impl FusedGru {
    fn new(weights: Weights) -> Self {
        let Weights { width, vocabulary, w_ih, b_ih, w_hh, b_hh, mut token_gates, w_in, b_in, w_out, b_out } = weights;
        let gates = 3 * width;
        let (shared, bias_candidate) = b_hh.split_at(2 * width);
        let mut bias = b_ih;
        for gates in token_gates.chunks_exact_mut(gates).chain([&mut bias[..]]) {
            gates.iter_mut().zip(shared).for_each(|(gate, bias)| *gate += bias);
        }
        Self {
            width,
            vocabulary,
            w_ih: Weight::new(w_ih, width, gates),
            bias,
            bias_candidate: bias_candidate.to_vec(),
            token_gates,
            w_hh: Weight::new(w_hh, width, gates),
            w_in: Weight::new(w_in, width, 4 * width),
            b_in,
            w_out: Weight::new(w_out, 4 * width, vocabulary),
            b_out,
            rooms: Mutex::new(Vec::new()),
        }
    }

    /// The weighted loss of `rows`, and its gradient with respect to `activity`.
    ///
    /// - `activity`: `[vector, width]`
    /// - returns the gradient, `[vector, width]`
    fn gradient(&self, rows: &[Row], edited: Edited, activity: &[f32], free_running: bool) -> (f64, Vec<f32>) {
        let results =
            self.passes(rows, |_, rows, room| Pass::new(self, rows, edited, activity, free_running).gradient(room));
        let mut gradient = vec![0.0; activity.len()];
        let mut loss = 0.0;
        for (order, (part, vectors)) in results {
            loss += part;
            let mut from = 0;
            for row in order.into_iter().map(|row| &rows[row]) {
                let values = row.vectors() * self.width;
                gradient[row.vector * self.width..][..values].copy_from_slice(&vectors[from..from + values]);
                from += values;
            }
        }
        (loss, gradient)
    }

    /// What the network says after the edits of `rows`: the logits of every output that counts, `[output, vocabulary]`,
    /// and the row and the position of each.
    ///
    /// - `activity`: `[vector, width]`
    fn outputs(
        &self,
        rows: &[Row],
        edited: Edited,
        activity: &[f32],
        free_running: bool,
    ) -> (Vec<f32>, Vec<(usize, usize)>) {
        let results =
            self.passes(rows, |_, rows, room| Pass::new(self, rows, edited, activity, free_running).outputs(room));
        let (mut logits, mut at) = (Vec::new(), Vec::new());
        for (order, (part, places)) in results {
            logits.extend(part);
            at.extend(places.into_iter().map(|(row, position)| (order[row], position)));
        }
        (logits, at)
    }

    /// The states of `rows`, whose tokens they read, at some of their steps.
    ///
    /// - `at`: (row, step) of every state wanted
    /// - returns `[state, width]`, in the order of `at`
    fn states(&self, rows: &[Row], at: &[(usize, usize)]) -> Vec<f32> {
        let mut of_row = vec![Vec::new(); rows.len()];
        at.iter().enumerate().for_each(|(index, &(row, step))| of_row[row].push((index, step)));
        let results = self.passes(rows, |order, rows, room| {
            let steps = |(row, &of): (usize, &usize)| of_row[of].iter().map(move |&(_, step)| (row, step));
            let wanted: Vec<(usize, usize)> = order.iter().enumerate().flat_map(steps).collect();
            Pass::new(self, rows, Edited::Nothing, &[], false).states(room, &wanted)
        });
        let mut states = vec![0.0; at.len() * self.width];
        for (order, part) in results {
            let indices = order.iter().flat_map(|&row| &of_row[row]);
            for ((index, _), state) in indices.zip(part.chunks_exact(self.width)) {
                states[index * self.width..][..self.width].copy_from_slice(state);
            }
        }
        states
    }

    /// Does `work` on some of `rows` at a time, given which these are and a room; the results with which they are of.
    ///
    /// Every pass takes rows of all lengths, so that they take equally long. How many there are does not depend on the
    /// number of threads, and neither does the result.
    fn passes<T: Send>(
        &self,
        rows: &[Row],
        work: impl Fn(&[usize], &[Row], &mut Room) -> T + Send + Sync,
    ) -> Vec<(Vec<usize>, T)> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&row| std::cmp::Reverse(rows[row].steps));
        let passes = rows.len().div_ceil(ROWS).max(1);
        (0..passes)
            .into_par_iter()
            .map(|pass| {
                let order: Vec<usize> = order.iter().skip(pass).step_by(passes).copied().collect();
                let rows: Vec<Row> = order.iter().map(|&row| rows[row]).collect();
                let mut room = self.rooms().pop().unwrap_or_default();
                let result = work(&order, &rows, &mut room);
                self.rooms().push(room);
                (order, result)
            })
            .collect()
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, Vec<Room>> {
        // Whatever a pass that panicked has left there is overwritten before it is read.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
