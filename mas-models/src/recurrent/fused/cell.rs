//! What a GRU does between its products, forth and back, on rows of a batch.

use pulp::{Scalar, Simd, WithSimd};

use crate::nonlinearity::vector::{sigmoid, tanh};

/// From gates to states, of some rows.
pub(super) struct Forth<'a> {
    pub width: usize,
    /// The input half of the gates of every row, `[3 · width]` each, with all biases but that of the hidden candidate.
    pub input: &'a [&'a [f32]],
    /// That bias, `[width]`.
    pub bias: &'a [f32],
    /// The states before, `[row, width]`.
    pub before: &'a [f32],
    /// The hidden half of the gates, `h W_hh`, `[row, 3 · width]`. It is replaced by what makes their gradients of the
    /// gradient of the state after: `[dr, dz, dn ⊙ r] / dh`.
    pub gates: &'a mut [f32],
    /// The states after, `[row, width]`.
    pub after: &'a mut [f32],
    /// The update gates, `[row, width]`.
    pub update: &'a mut [f32],
    /// What makes the gradient of the candidate's input of that of the state after, `dn / dh`, `[row, width]`.
    pub slope: &'a mut [f32],
}

impl WithSimd for Forth<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { width, input, bias, before, gates, after, update, slope } = self;
        for (row, input) in input.iter().enumerate() {
            let own = row * width..(row + 1) * width;
            let [input_r, input_z, input_n] = thirds(input, width);
            let [hidden_r, hidden_z, hidden_n] = thirds_mut(&mut gates[3 * width * row..][..3 * width], width);
            let fixed = [input_r, input_z, input_n, bias, &before[own.clone()]];
            let changed =
                [hidden_r, hidden_z, hidden_n, &mut after[own.clone()], &mut update[own.clone()], &mut slope[own]];
            let (fixed, fixed_rest) = split::<S, _>(fixed);
            let (changed, changed_rest) = split_mut::<S, _>(changed);
            forth(simd, fixed, changed);
            forth(Scalar, split::<Scalar, _>(fixed_rest).0, split_mut::<Scalar, _>(changed_rest).0);
        }
    }
}

#[inline(always)]
fn forth<S: Simd>(simd: S, fixed: [&[S::f32s]; 5], changed: [&mut [S::f32s]; 6]) {
    let [input_r, input_z, input_n, bias, before] = fixed;
    let [gate_r, gate_z, gate_n, after, update, slope] = changed;
    let one = simd.splat_f32s(1.0);
    let count = after.len();
    for i in 0..count {
        let r = sigmoid(simd, simd.add_f32s(input_r[i], gate_r[i]));
        let z = sigmoid(simd, simd.add_f32s(input_z[i], gate_z[i]));
        let hidden = simd.add_f32s(gate_n[i], bias[i]);
        let n = tanh(simd, simd.mul_add_e_f32s(r, hidden, input_n[i]));
        let change = simd.sub_f32s(before[i], n);
        after[i] = simd.mul_add_e_f32s(z, change, n);
        update[i] = z;
        // dn / dh = (1 − z)(1 − n²); σ' = σ (1 − σ)
        let dn = simd.mul_f32s(simd.sub_f32s(one, z), simd.sub_f32s(one, simd.mul_f32s(n, n)));
        let dn_r = simd.mul_f32s(dn, r);
        slope[i] = dn;
        gate_r[i] = simd.mul_f32s(simd.mul_f32s(dn_r, hidden), simd.sub_f32s(one, r));
        gate_z[i] = simd.mul_f32s(simd.mul_f32s(change, z), simd.sub_f32s(one, z));
        gate_n[i] = dn_r;
    }
}

/// From the gradient of states back to that of gates and, as far as it goes past the gates, of the states before.
pub(super) struct Back<'a> {
    pub width: usize,
    /// The gradient of the states after, `[row, width]`.
    pub after: &'a [f32],
    /// The update gates, `[row, width]`.
    pub update: &'a [f32],
    /// What [`Forth`] left, `[row, 3 · width]`. It is replaced by the gradient of the hidden half of the gates.
    pub gates: &'a mut [f32],
    /// What is added to: the gradient of the states before, `[row, width]`.
    pub before: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { width, after, update, gates, before } = self;
        let rows = after.chunks_exact(width).zip(update.chunks_exact(width));
        let rows = rows.zip(gates.chunks_exact_mut(3 * width)).zip(before.chunks_exact_mut(width));
        for (((after, update), gates), before) in rows {
            let [gate_r, gate_z, gate_n] = thirds_mut(gates, width);
            let (fixed, fixed_rest) = split::<S, _>([after, update]);
            let (changed, changed_rest) = split_mut::<S, _>([gate_r, gate_z, gate_n, before]);
            back(simd, fixed, changed);
            back(Scalar, split::<Scalar, _>(fixed_rest).0, split_mut::<Scalar, _>(changed_rest).0);
        }
    }
}

#[inline(always)]
fn back<S: Simd>(simd: S, [after, update]: [&[S::f32s]; 2], changed: [&mut [S::f32s]; 4]) {
    let [gate_r, gate_z, gate_n, before] = changed;
    let count = after.len();
    for i in 0..count {
        let d = after[i];
        gate_r[i] = simd.mul_f32s(gate_r[i], d);
        gate_z[i] = simd.mul_f32s(gate_z[i], d);
        gate_n[i] = simd.mul_f32s(gate_n[i], d);
        before[i] = simd.mul_add_e_f32s(d, update[i], before[i]);
    }
}

#[inline(always)]
fn thirds(gates: &[f32], width: usize) -> [&[f32]; 3] {
    let (r, rest) = gates.split_at(width);
    let (z, n) = rest.split_at(width);
    [r, z, n]
}

#[inline(always)]
fn thirds_mut(gates: &mut [f32], width: usize) -> [&mut [f32]; 3] {
    let (r, rest) = gates.split_at_mut(width);
    let (z, n) = rest.split_at_mut(width);
    [r, z, n]
}

/// Slices of one length as whole registers, and what is left over of each.
#[inline(always)]
fn split<S: Simd, const N: usize>(slices: [&[f32]; N]) -> ([&[S::f32s]; N], [&[f32]; N]) {
    (slices.map(|slice| S::as_simd_f32s(slice).0), slices.map(|slice| S::as_simd_f32s(slice).1))
}

#[inline(always)]
fn split_mut<S: Simd, const N: usize>(slices: [&mut [f32]; N]) -> ([&mut [S::f32s]; N], [&mut [f32]; N]) {
    let mut rest: [&mut [f32]; N] = std::array::from_fn(|_| &mut [][..]);
    let mut at = 0;
    let vectors = slices.map(|slice| {
        let (vectors, left) = S::as_mut_simd_f32s(slice);
        rest[at] = left;
        at += 1;
        vectors
    });
    (vectors, rest)
}
