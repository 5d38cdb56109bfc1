//! The read-out: loss and gradient of many outputs at once, some rows at a time, so that the units of a few rows stay in
//! the cache while they are needed and none are kept.

use faer::Accum;
use pulp::{Arch, Scalar, Simd, WithSimd};

use super::FusedGru;
use crate::nonlinearity::vector::{exp, gelu};

/// One output of a batch.
#[derive(Clone, Copy)]
pub(super) struct Output {
    /// Where its state stands among the packed ones.
    pub packed: usize,
    /// The row of the pass that says it, and where in its trial.
    pub row: usize,
    pub position: usize,
    /// What it should be.
    pub target: u32,
    /// Its weight in the loss.
    pub weight: f32,
}

/// Room for the rows that are read out at once.
#[derive(Default)]
pub(super) struct Tile {
    /// `[row, width]`
    hidden: Vec<f32>,
    /// `[row, 4 · width]`
    units: Vec<f32>,
    /// `[row, 4 · width]`
    slopes: Vec<f32>,
    /// `[row, vocabulary]`
    logits: Vec<f32>,
}

/// Rows that are read out at once.
const ROWS: usize = 64;

impl FusedGru {
    /// Appends the logits of `outputs`, `[output, vocabulary]`, to `logits`; into `said` goes, for every row of the pass,
    /// what the network says.
    ///
    /// - `states`: `[packed, width]`
    pub(super) fn read_out(
        &self,
        arch: Arch,
        tile: &mut Tile,
        outputs: &[Output],
        states: &[f32],
        logits: &mut Vec<f32>,
        said: &mut [u32],
    ) {
        for outputs in outputs.chunks(ROWS) {
            self.read_out_tile(arch, tile, outputs, states, said);
            logits.extend_from_slice(&tile.logits);
        }
    }

    /// As [`read_out`](Self::read_out), but returns the weighted cross-entropy of `outputs`; its gradient goes into their
    /// rows of `gradient`, `[packed, width]`.
    pub(super) fn read_out_gradient(
        &self,
        arch: Arch,
        tile: &mut Tile,
        outputs: &[Output],
        states: &[f32],
        gradient: &mut [f32],
        said: &mut [u32],
    ) -> f64 {
        let mut loss = 0.0;
        for outputs in outputs.chunks(ROWS) {
            self.read_out_tile(arch, tile, outputs, states, said);
            loss += cross_entropy(arch, outputs, &mut tile.logits, self.vocabulary);
            self.w_out.product_transposed(&tile.logits, &mut tile.units, Accum::Replace);
            arch.dispatch(Multiply { values: &mut tile.units, by: &tile.slopes });
            self.w_in.product_transposed(&tile.units, &mut tile.hidden, Accum::Replace);
            for (output, row) in outputs.iter().zip(tile.hidden.chunks_exact(self.width)) {
                gradient[output.packed * self.width..][..self.width].copy_from_slice(row);
            }
        }
        loss
    }

    /// Units, their slopes and logits of a tile's `outputs`.
    fn read_out_tile(&self, arch: Arch, tile: &mut Tile, outputs: &[Output], states: &[f32], said: &mut [u32]) {
        let (width, n) = (self.width, outputs.len());
        tile.hidden.clear();
        for output in outputs {
            tile.hidden.extend_from_slice(&states[output.packed * width..][..width]);
        }
        tile.units.resize(n * 4 * width, 0.0);
        tile.slopes.resize(n * 4 * width, 0.0);
        tile.logits.resize(n * self.vocabulary, 0.0);
        self.w_in.product(&tile.hidden, &mut tile.units, Accum::Replace);
        arch.dispatch(Gelu { bias: &self.b_in, units: &mut tile.units, slopes: &mut tile.slopes });
        self.w_out.product(&tile.units, &mut tile.logits, Accum::Replace);
        for (output, logits) in outputs.iter().zip(tile.logits.chunks_exact_mut(self.vocabulary)) {
            logits.iter_mut().zip(&self.b_out).for_each(|(logit, bias)| *logit += bias);
            said[output.row] = largest(logits) as u32;
        }
    }
}

/// The first of the largest.
fn largest(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, token| if logits[token] > logits[best] { token } else { best })
}

/// Replaces logits, `[output, vocabulary]`, by `weight × (softmax − one-hot of target)`, and returns the weighted
/// cross-entropy.
fn cross_entropy(arch: Arch, outputs: &[Output], logits: &mut [f32], vocabulary: usize) -> f64 {
    for logits in logits.chunks_exact_mut(vocabulary) {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        logits.iter_mut().for_each(|logit| *logit -= largest);
    }
    let own = |(row, output): (usize, &Output)| logits[row * vocabulary + output.target as usize];
    let targets: Vec<f32> = outputs.iter().enumerate().map(own).collect();
    arch.dispatch(Exp(logits));
    let mut loss = 0.0;
    for ((output, own), logits) in outputs.iter().zip(targets).zip(logits.chunks_exact_mut(vocabulary)) {
        let sum: f32 = logits.iter().sum();
        logits.iter_mut().for_each(|logit| *logit *= output.weight / sum);
        logits[output.target as usize] -= output.weight;
        loss += f64::from(output.weight) * f64::from(sum.ln() - own);
    }
    loss
}

/// GELU of units before their bias, `[row, bias]`, and its derivative there.
struct Gelu<'a> {
    bias: &'a [f32],
    units: &'a mut [f32],
    slopes: &'a mut [f32],
}

impl WithSimd for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.bias.len();
        for (units, slopes) in self.units.chunks_exact_mut(width).zip(self.slopes.chunks_exact_mut(width)) {
            let (bias, bias_rest) = S::as_simd_f32s(self.bias);
            let (units, units_rest) = S::as_mut_simd_f32s(units);
            let (slopes, slopes_rest) = S::as_mut_simd_f32s(slopes);
            for ((bias, unit), slope) in bias.iter().zip(units).zip(slopes) {
                (*unit, *slope) = gelu(simd, simd.add_f32s(*unit, *bias));
            }
            for ((bias, unit), slope) in bias_rest.iter().zip(units_rest).zip(slopes_rest) {
                (*unit, *slope) = gelu(Scalar, *unit + bias);
            }
        }
    }
}

struct Exp<'a>(&'a mut [f32]);

impl WithSimd for Exp<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, rest) = S::as_mut_simd_f32s(self.0);
        for value in values {
            *value = exp(simd, *value);
        }
        for value in rest {
            *value = exp(Scalar, *value);
        }
    }
}

struct Multiply<'a> {
    values: &'a mut [f32],
    by: &'a [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, values_rest) = S::as_mut_simd_f32s(self.values);
        let (by, by_rest) = S::as_simd_f32s(self.by);
        for (value, by) in values.iter_mut().zip(by) {
            *value = simd.mul_f32s(*value, *by);
        }
        for (value, by) in values_rest.iter_mut().zip(by_rest) {
            *value *= by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_of_known_logits() {
        let output = |target, weight| Output { packed: 0, row: 0, position: 0, target, weight };
        let mut logits = [0.0, 2.0_f32.ln(), 1e4, -1e4];
        let loss = cross_entropy(Arch::new(), &[output(1, 0.5), output(0, 2.0)], &mut logits, 2);
        assert!((loss - 0.5 * 1.5_f64.ln()).abs() < 1e-6, "{loss}");
        let expected = [0.5 / 3.0, 0.5 * (2.0 / 3.0 - 1.0), 0.0, 0.0];
        logits
            .iter()
            .zip(expected)
            .for_each(|(logit, expected)| assert!((logit - expected).abs() < 1e-6, "{logits:?}"));
    }

    #[test]
    fn a_logit_that_is_no_number_is_not_hidden() {
        let mut logits = [0.0, f32::NAN, 1.0];
        let output = Output { packed: 0, row: 0, position: 0, target: 0, weight: 1.0 };
        let loss = cross_entropy(Arch::new(), &[output], &mut logits, 3);
        assert!(loss.is_nan());
    }
}
