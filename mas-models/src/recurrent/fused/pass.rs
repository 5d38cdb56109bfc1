use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};
use pulp::Arch;

use super::{Edited, FusedGru, Row, vector};

/// Forward and back again over some rows, the longest first: in every step the active rows are the first ones.
pub(super) struct Pass<'a> {
    gru: &'a FusedGru,
    rows: &'a [Row<'a>],
    edited: Edited,
    activity: &'a [f32],
    free_running: bool,
    arch: Arch,
    steps: Vec<Step>,
    /// For every row the first of its vectors in this pass's gradient.
    vectors: Vec<usize>,
}

/// What a step leaves for the way back, `[active, width]` each.
struct Step {
    active: usize,
    /// The state after it.
    state: Vec<f32>,
    reset: Vec<f32>,
    update: Vec<f32>,
    candidate: Vec<f32>,
    /// `h W_hn + b_hn`
    hidden_candidate: Vec<f32>,
    /// The gradient of the loss with respect to the state, by way of this step's outputs only.
    read_out: Vec<f32>,
}

impl<'a> Pass<'a> {
    pub fn new(
        gru: &'a FusedGru,
        rows: &'a [Row<'a>],
        edited: Edited,
        activity: &'a [f32],
        free_running: bool,
    ) -> Self {
        let mut count = 0;
        let mut vectors = Vec::with_capacity(rows.len());
        for row in rows {
            vectors.push(count);
            count += row.position + 1 - row.begin;
        }
        Self { gru, rows, edited, activity, free_running, arch: Arch::new(), steps: Vec::new(), vectors }
    }

    /// The loss, and the gradient of every row's vectors, row by row.
    pub fn run(mut self) -> (f64, Vec<f32>) {
        let loss = self.forward();
        (loss, self.backward())
    }

    fn active(&self, step: usize) -> usize {
        self.rows.partition_point(|row| row.steps() > step)
    }

    fn forward(&mut self) -> f64 {
        let width = self.gru.width;
        let longest = self.rows.first().map_or(0, Row::steps);
        let mut loss = 0.0;
        let mut said = vec![0; self.rows.len()];
        for step in 0..longest {
            let active = self.active(step);
            let mut record = if step == 0 && self.edited == Edited::State {
                let mut state = Vec::with_capacity(active * width);
                for row in &self.rows[..active] {
                    state.extend_from_slice(&self.activity[row.vector * width..][..width]);
                }
                let none = Vec::new;
                Step {
                    active,
                    state,
                    reset: none(),
                    update: none(),
                    candidate: none(),
                    hidden_candidate: none(),
                    read_out: none(),
                }
            } else {
                self.advance(step, active, &said)
            };
            loss += self.read_out(step, &mut record, &mut said);
            self.steps.push(record);
        }
        loss
    }

    /// The state before `step`, of its first `active` rows.
    fn before(&self, step: usize, active: usize) -> std::borrow::Cow<'_, [f32]> {
        let width = self.gru.width;
        match step.checked_sub(1) {
            Some(last) => self.steps[last].state[..active * width].into(),
            None => {
                let mut state = vec![0.0; active * width];
                for (state, row) in state.chunks_exact_mut(width).zip(self.rows) {
                    if let Some(before) = row.before {
                        state.copy_from_slice(before);
                    }
                }
                state.into()
            }
        }
    }

    /// The active rows whose embedding is edited at `step`.
    fn edited_inputs(&self, step: usize, active: usize) -> Vec<usize> {
        let is_edited = |&row: &usize| self.rows[row].begin + step <= self.rows[row].position;
        match self.edited {
            Edited::State => Vec::new(),
            Edited::Embedding => (0..active).filter(is_edited).collect(),
        }
    }

    /// The input half of the gates, `[active, 3 · width]`.
    fn input_gates(&self, step: usize, active: usize, said: &[u32]) -> Vec<f32> {
        let (width, gates) = (self.gru.width, 3 * self.gru.width);
        let mut input = Vec::with_capacity(active * gates);
        for (row, said) in self.rows[..active].iter().zip(said) {
            let position = row.begin + step;
            let own = self.free_running && position > row.position && row.response[position];
            let token = if own { *said } else { row.tokens[position] } as usize;
            input.extend_from_slice(&self.gru.token_gates[token * gates..][..gates]);
        }
        let edited = self.edited_inputs(step, active);
        if !edited.is_empty() {
            let mut embeddings = Vec::with_capacity(edited.len() * width);
            let mut products = Vec::with_capacity(edited.len() * gates);
            for &row in &edited {
                embeddings.extend_from_slice(&self.activity[(self.rows[row].vector + step) * width..][..width]);
                products.extend_from_slice(&self.gru.b_ih);
            }
            product(&mut products, &embeddings, &self.gru.w_ih, edited.len(), width, gates, Accum::Add);
            for (&row, product) in edited.iter().zip(products.chunks_exact(gates)) {
                input[row * gates..][..gates].copy_from_slice(product);
            }
        }
        input
    }

    fn advance(&self, step: usize, active: usize, said: &[u32]) -> Step {
        let (width, gates) = (self.gru.width, 3 * self.gru.width);
        let input = self.input_gates(step, active, said);
        let before = self.before(step, active);
        let mut hidden = Vec::with_capacity(active * gates);
        for _ in 0..active {
            hidden.extend_from_slice(&self.gru.b_hh);
        }
        product(&mut hidden, &before, &self.gru.w_hh, active, width, gates, Accum::Add);
        let empty = || vec![0.0; active * width];
        let (mut state, mut reset, mut update) = (empty(), empty(), empty());
        let (mut candidate, mut hidden_candidate) = (empty(), empty());
        self.arch.dispatch(
            #[inline(always)]
            || {
                for row in 0..active {
                    let (from, to) = (row * width, (row + 1) * width);
                    let (input_r, rest) = input[row * gates..][..gates].split_at(width);
                    let (input_z, input_n) = rest.split_at(width);
                    let (hidden_r, rest) = hidden[row * gates..][..gates].split_at(width);
                    let (hidden_z, hidden_n) = rest.split_at(width);
                    let (r, z, n) = (&mut reset[from..to], &mut update[from..to], &mut candidate[from..to]);
                    let (before, state) = (&before[from..to], &mut state[from..to]);
                    for i in 0..width {
                        r[i] = vector::sigmoid(input_r[i] + hidden_r[i]);
                        z[i] = vector::sigmoid(input_z[i] + hidden_z[i]);
                    }
                    for i in 0..width {
                        n[i] = vector::tanh(input_n[i] + r[i] * hidden_n[i]);
                        state[i] = n[i] + z[i] * (before[i] - n[i]);
                    }
                    hidden_candidate[from..to].copy_from_slice(hidden_n);
                }
            },
        );
        Step { active, state, reset, update, candidate, hidden_candidate, read_out: Vec::new() }
    }

    /// The loss of a step's outputs, their gradient with respect to the state, and what the network says.
    fn read_out(&self, step: usize, record: &mut Step, said: &mut [u32]) -> f64 {
        let FusedGru { width, vocabulary, .. } = *self.gru;
        let units = 4 * width;
        let rows = &self.rows[..record.active];
        // Outputs before a row's position are nobody's business.
        let chosen: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].begin + step >= rows[row].position).collect();
        let mut hidden = Vec::with_capacity(chosen.len() * width);
        let mut values = Vec::with_capacity(chosen.len() * units);
        let mut logits = Vec::with_capacity(chosen.len() * vocabulary);
        for &row in &chosen {
            hidden.extend_from_slice(&record.state[row * width..][..width]);
            values.extend_from_slice(&self.gru.b_in);
            logits.extend_from_slice(&self.gru.b_out);
        }
        let n = chosen.len();
        product(&mut values, &hidden, &self.gru.w_in, n, width, units, Accum::Add);
        let mut slopes = vec![0.0; n * units];
        self.arch.dispatch(
            #[inline(always)]
            || {
                for (value, slope) in values.iter_mut().zip(&mut slopes) {
                    (*value, *slope) = vector::gelu(*value);
                }
            },
        );
        product(&mut logits, &values, &self.gru.w_out, n, units, vocabulary, Accum::Add);
        let mut loss = 0.0;
        for (&row, logits) in chosen.iter().zip(logits.chunks_exact_mut(vocabulary)) {
            let largest =
                (0..vocabulary).fold(0, |best, token| if logits[token] > logits[best] { token } else { best });
            said[row] = largest as u32;
            let Row { tokens, begin, weight, .. } = rows[row];
            loss += f64::from(weight) * vector::cross_entropy(logits, tokens[begin + step + 1] as usize, weight);
        }
        product_transposed(&mut values, &logits, &self.gru.w_out, n, vocabulary, units, Accum::Replace);
        self.arch.dispatch(
            #[inline(always)]
            || {
                for (value, slope) in values.iter_mut().zip(&slopes) {
                    *value *= slope;
                }
            },
        );
        product_transposed(&mut hidden, &values, &self.gru.w_in, n, units, width, Accum::Replace);
        record.read_out = vec![0.0; record.active * width];
        for (&row, gradient) in chosen.iter().zip(hidden.chunks_exact(width)) {
            record.read_out[row * width..][..width].copy_from_slice(gradient);
        }
        loss
    }

    fn backward(&self) -> Vec<f32> {
        let (width, gates) = (self.gru.width, 3 * self.gru.width);
        let vectors: usize = self.rows.iter().map(|row| row.position + 1 - row.begin).sum();
        let mut gradient = vec![0.0; vectors * width];
        let mut carried: Vec<f32> = Vec::new();
        for (index, step) in self.steps.iter().enumerate().rev() {
            let active = step.active;
            // Rows that end here have nothing carried.
            carried.resize(active * width, 0.0);
            carried.iter_mut().zip(&step.read_out).for_each(|(carried, own)| *carried += own);
            if index == 0 && self.edited == Edited::State {
                break;
            }
            let before = self.before(index, active);
            let mut hidden_gates = vec![0.0; active * gates];
            let mut input_candidate = vec![0.0; active * width];
            self.arch.dispatch(
                #[inline(always)]
                || {
                    for row in 0..active {
                        let (from, to) = (row * width, (row + 1) * width);
                        let (r, z, n) = (&step.reset[from..to], &step.update[from..to], &step.candidate[from..to]);
                        let (hidden_n, before) = (&step.hidden_candidate[from..to], &before[from..to]);
                        let (d_r, rest) = hidden_gates[row * gates..][..gates].split_at_mut(width);
                        let (d_z, d_hn) = rest.split_at_mut(width);
                        let (d_n, d_h) = (&mut input_candidate[from..to], &mut carried[from..to]);
                        for i in 0..width {
                            let dn = d_h[i] * (1.0 - z[i]) * (1.0 - n[i] * n[i]);
                            d_n[i] = dn;
                            d_hn[i] = dn * r[i];
                            d_r[i] = dn * hidden_n[i] * r[i] * (1.0 - r[i]);
                            d_z[i] = d_h[i] * (before[i] - n[i]) * z[i] * (1.0 - z[i]);
                            d_h[i] *= z[i];
                        }
                    }
                },
            );
            product_transposed(&mut carried, &hidden_gates, &self.gru.w_hh, active, gates, width, Accum::Add);
            let edited = self.edited_inputs(index, active);
            if !edited.is_empty() {
                let mut input_gates = Vec::with_capacity(edited.len() * gates);
                for &row in &edited {
                    input_gates.extend_from_slice(&hidden_gates[row * gates..][..2 * width]);
                    input_gates.extend_from_slice(&input_candidate[row * width..][..width]);
                }
                let mut inputs = vec![0.0; edited.len() * width];
                product_transposed(
                    &mut inputs,
                    &input_gates,
                    &self.gru.w_ih,
                    edited.len(),
                    gates,
                    width,
                    Accum::Replace,
                );
                for (&row, input) in edited.iter().zip(inputs.chunks_exact(width)) {
                    gradient[(self.vectors[row] + index) * width..][..width].copy_from_slice(input);
                }
            }
        }
        match self.edited {
            // One vector a row, and what was carried to the beginning is its gradient.
            Edited::State => carried,
            Edited::Embedding => gradient,
        }
    }
}

/// `out (+)= left · right`, with `left` `[rows, inner]` and `right` `[inner, columns]`, row-major.
fn product(out: &mut [f32], left: &[f32], right: &[f32], rows: usize, inner: usize, columns: usize, how: Accum) {
    matmul(
        MatMut::from_row_major_slice_mut(out, rows, columns),
        how,
        MatRef::from_row_major_slice(left, rows, inner),
        MatRef::from_row_major_slice(right, inner, columns),
        1.0,
        Par::Seq,
    );
}

/// `out (+)= left · rightᵀ`, with `left` `[rows, inner]` and `right` `[columns, inner]`, row-major.
fn product_transposed(
    out: &mut [f32],
    left: &[f32],
    right: &[f32],
    rows: usize,
    inner: usize,
    columns: usize,
    how: Accum,
) {
    matmul(
        MatMut::from_row_major_slice_mut(out, rows, columns),
        how,
        MatRef::from_row_major_slice(left, rows, inner),
        MatRef::from_row_major_slice(right, columns, inner).transpose(),
        1.0,
        Par::Seq,
    );
}
