use faer::{Mat, MatRef};

use crate::algebra::{cross, inner, narrowed, row_norms, squared_norm};
use crate::comparison::{Comparison, multiplicities};
use crate::error::Side;
use crate::samples::{centred, enough_rows, select_rows};
use crate::{Error, Result, Samples};

/// Linear centred kernel alignment: `‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖)`, X and Y the activities with column means taken off and
/// Frobenius norms.
///
/// Range 0 to 1, 1 for equal activity; symmetric. Kept by orthogonal maps, translations and isotropic scaling of either.
/// **Biased upward**: with no more samples than units even independent noise scores high; see [`cka_linear_debiased`].
/// Kornblith, Norouzi, Lee and Hinton (2019), *Similarity of neural network representations revisited*, ICML.
///
/// It is computed through units × units matrices, so many samples cost no more memory than the activity.
///
/// # Errors
/// Different numbers of rows, fewer than 2 of them, or activity that never changes.
pub fn cka_linear(a: &Samples, b: &Samples) -> Result<f64> {
    LinearCka::new(a, b, false)?.value()
}

/// Linear centred kernel alignment from unbiased estimates of the three terms:
/// `HSIC₁(K, L) / √(HSIC₁(K, K) HSIC₁(L, L))`, K = XXᵀ, L = YYᵀ and
/// `HSIC₁(K, L) = (tr K̃L̃ + 1ᵀK̃1 · 1ᵀL̃1 / ((n−1)(n−2)) − 2/(n−2) · 1ᵀK̃L̃1) / (n(n−3))`, the tilde for a zero diagonal.
///
/// 1 for equal activity, about 0 for independent activity, whatever the numbers of samples and units; negative values
/// occur and are returned as they are. Symmetric; kept by orthogonal maps, translations and isotropic scaling. Estimate:
/// Song, Smola, Gretton, Bedo and Borgwardt (2012), *Feature selection via dependence maximization*, JMLR 13; as CKA:
/// Nguyen, Raghu and Kornblith (2021), *Do wide and deep networks learn the same things?*, ICLR.
///
/// # Errors
/// Different numbers of rows, fewer than 4 of them, or an activity whose own term is not positive.
pub fn cka_linear_debiased(a: &Samples, b: &Samples) -> Result<f64> {
    LinearCka::new(a, b, true)?.value()
}

/// Centred activities of no more columns than rows, and each one's own term.
pub(crate) struct LinearCka {
    a: Mat<f64>,
    b: Mat<f64>,
    debiased: bool,
    scale: f64,
}

impl LinearCka {
    pub fn new(a: &Samples, b: &Samples, debiased: bool) -> Result<Self> {
        let (what, needed) = if debiased { ("debiased CKA", 4) } else { ("CKA", 2) };
        enough_rows(what, a, b, needed)?;
        let a = narrowed(unit_norm(centred(a.as_mat()), Side::A)?)?;
        let b = narrowed(unit_norm(centred(b.as_mat()), Side::B)?)?;
        let ones = vec![1.0; a.nrows()];
        let scale = scale(own_term(&a, debiased, &ones, Side::A)?, own_term(&b, debiased, &ones, Side::B)?);
        Ok(Self { a, b, debiased, scale })
    }
}

impl Comparison for LinearCka {
    fn value(&self) -> Result<f64> {
        let ones = vec![1.0; self.a.nrows()];
        Ok(term(self.a.as_ref(), self.b.as_ref(), self.debiased, &ones) / self.scale)
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let ones = vec![1.0; self.a.nrows()];
        let b = select_rows(self.b.as_ref(), order);
        Ok(term(self.a.as_ref(), b.as_ref(), self.debiased, &ones) / self.scale)
    }

    /// The debiased terms leave out pairs of copies of one row, as the estimate leaves out each row with itself.
    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts: Vec<f64> = multiplicities(rows, self.a.nrows()).into_iter().map(f64::from).collect();
        let a = weighted_centred(self.a.as_ref(), &counts);
        let b = weighted_centred(self.b.as_ref(), &counts);
        let scale =
            scale(own_term(&a, self.debiased, &counts, Side::A)?, own_term(&b, self.debiased, &counts, Side::B)?);
        Ok(term(a.as_ref(), b.as_ref(), self.debiased, &counts) / scale)
    }
}

fn scale(a: f64, b: f64) -> f64 {
    a.sqrt() * b.sqrt()
}

fn own_term(matrix: &Mat<f64>, debiased: bool, counts: &[f64], side: Side) -> Result<f64> {
    let own = term(matrix.as_ref(), matrix.as_ref(), debiased, counts);
    if own > 0.0 {
        Ok(own)
    } else if debiased {
        Err(Error::undefined(format!("the unbiased estimate of {side} with itself is not positive: too few samples")))
    } else {
        Err(Error::constant(side))
    }
}

fn term(a: MatRef<'_, f64>, b: MatRef<'_, f64>, debiased: bool, counts: &[f64]) -> f64 {
    if debiased { unbiased(a, b, counts) } else { squared_norm(weighted_cross(a, b, counts).as_ref()) }
}

/// Song et al.'s estimate as the mean over *different* samples of `K_ij L_ij + K_ij L_qr − 2 K_ij L_iq`, each sample
/// weighted with its count, from units × units products alone. With all counts 1 it is HSIC₁.
fn unbiased(a: MatRef<'_, f64>, b: MatRef<'_, f64>, counts: &[f64]) -> f64 {
    let power = |exponent: i32| counts.iter().map(|count| count.powi(exponent)).sum::<f64>();
    let [p1, p2, p3, p4] = [power(1), power(2), power(3), power(4)];
    let (own_a, own_b) = (row_norms(a), row_norms(b));
    let own = |exponent: i32| -> f64 {
        own_a.iter().zip(&own_b).zip(counts).map(|((a, b), count)| a * b * count.powi(exponent)).sum()
    };
    let squares: Vec<f64> = counts.iter().map(|count| count * count).collect();
    let first = weighted_cross(a, b, counts);
    let second = weighted_cross(a, b, &squares);
    // Sums over i ≠ j of K_ij L_ij, with counts c_i c_j, c_i c_j² and c_i² c_j².
    let pairs = squared_norm(first.as_ref()) - own(2);
    let pairs_square = inner(first.as_ref(), second.as_ref()) - own(3);
    let squares_square = squared_norm(second.as_ref()) - own(4);
    // Sums over j ≠ i of c_j K_ij and of c_j L_ij.
    let (rows_a, rows_b) = (row_sums(a, counts, &own_a), row_sums(b, counts, &own_b));
    let products = |weights: &[f64]| -> f64 {
        rows_a.iter().zip(&rows_b).zip(weights).map(|((a, b), weight)| a * b * weight).sum()
    };
    let total = |rows: &[f64]| -> f64 { rows.iter().zip(counts).map(|(row, count)| row * count).sum() };
    let three = products(counts) - pairs_square;
    let four = total(&rows_a) * total(&rows_b) - 4.0 * (products(&squares) - squares_square) - 2.0 * squares_square;
    // The numbers of ordered pairs, triples and quadruples of different samples.
    let pair_count = p1 * p1 - p2;
    let triple_count = p1.powi(3) - 3.0 * p1 * p2 + 2.0 * p3;
    let quadruple_count = p1.powi(4) - 6.0 * p1 * p1 * p2 + 3.0 * p2 * p2 + 8.0 * p1 * p3 - 6.0 * p4;
    pairs / pair_count + four / quadruple_count - 2.0 * three / triple_count
}

/// For every row i the sum over j ≠ i of `counts[j]` times the product of rows i and j.
fn row_sums(matrix: MatRef<'_, f64>, counts: &[f64], own: &[f64]) -> Vec<f64> {
    let mut sums: Vec<f64> = own.iter().zip(counts).map(|(own, count)| -own * count).collect();
    for column in matrix.col_iter() {
        let total: f64 = column.iter().zip(counts).map(|(value, count)| value * count).sum();
        sums.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += value * total);
    }
    sums
}

/// `aᵀ diag(counts) b`.
pub(crate) fn weighted_cross(a: MatRef<'_, f64>, b: MatRef<'_, f64>, counts: &[f64]) -> Mat<f64> {
    if counts.iter().all(|&count| count == 1.0) {
        return cross(a, b);
    }
    let weighted = Mat::from_fn(b.nrows(), b.ncols(), |row, column| b[(row, column)] * counts[row]);
    cross(a, weighted.as_ref())
}

pub(crate) fn weighted_centred(matrix: MatRef<'_, f64>, counts: &[f64]) -> Mat<f64> {
    let total: f64 = counts.iter().sum();
    let means: Vec<f64> = matrix
        .col_iter()
        .map(|column| column.iter().zip(counts).map(|(value, count)| value * count).sum::<f64>() / total)
        .collect();
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)] - means[column])
}

/// The matrix divided by its Frobenius norm, so that no size of activity overflows or vanishes further on.
pub(crate) fn unit_norm(mut matrix: Mat<f64>, side: Side) -> Result<Mat<f64>> {
    let largest = matrix.col_iter().flat_map(|column| column.iter()).fold(0.0_f64, |size, value| size.max(value.abs()));
    if largest == 0.0 {
        return Err(Error::constant(side));
    }
    let scaled: f64 = matrix.col_iter().flat_map(|column| column.iter()).map(|value| (value / largest).powi(2)).sum();
    let norm = scaled.sqrt();
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|value| *value = *value / largest / norm);
    }
    Ok(matrix)
}
