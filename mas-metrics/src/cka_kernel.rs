use rayon::prelude::*;

use crate::comparison::{Comparison, multiplicities};
use crate::correlation::sum;
use crate::dissimilarity::{pair, squared_euclidean};
use crate::error::Side;
use crate::rsa::Tables;
use crate::samples::enough_rows;
use crate::{Error, Result, Samples};

/// Centred kernel alignment with radial basis functions: `⟨HKH, HLH⟩ / (‖HKH‖ ‖HLH‖)`, H the centring matrix and
/// `K_ij = exp(−‖x_i − x_j‖² / 2σ²)`, where σ² is `fraction²` times the median of the squared distances between
/// different samples (each activity's own).
///
/// Range 0 to 1, 1 for equal activity; symmetric. Kept by orthogonal maps, translations and, as σ goes with the
/// activity, isotropic scaling. Biased upward with few samples, as [`cka_linear`](crate::cka_linear) is. Kornblith et al.
/// (2019), ICML; the biased estimate of HSIC is that of Gretton, Bousquet, Smola and Schölkopf (2005), ALT.
///
/// # Errors
/// Different numbers of rows, fewer than 3 of them, a fraction that is not positive, or activity in which half of all
/// pairs of samples are equal.
pub fn cka_rbf(a: &Samples, b: &Samples, fraction: f64) -> Result<f64> {
    KernelCka::rbf(a, b, fraction)?.value()
}

/// Two centred kernel matrices over the same samples, row-major.
pub(crate) struct KernelCka {
    rows: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    scale: f64,
}

impl KernelCka {
    pub fn rbf(a: &Samples, b: &Samples, fraction: f64) -> Result<Self> {
        enough_rows("RBF CKA", a, b, 3)?;
        if !(fraction > 0.0 && fraction.is_finite()) {
            return Err(Error::Parameter(format!("the bandwidth's fraction must be positive, not {fraction}")));
        }
        let kernel = |samples: &Samples, side| {
            let mut table = squared_euclidean(samples);
            let median = median(&table);
            if median <= 0.0 {
                return Err(Error::undefined(format!("half of all pairs of rows of {side} are equal: no bandwidth")));
            }
            let rate = -1.0 / (2.0 * fraction * fraction * median);
            table.iter_mut().for_each(|value| *value = (*value * rate).exp());
            Ok(table)
        };
        Self::new(a.rows(), (&kernel(a, Side::A)?, 1.0), (&kernel(b, Side::B)?, 1.0))
    }

    /// Distances in place of kernels.
    pub fn of_distances(tables: &Tables) -> Result<Self> {
        let [a, b] = tables.pairs();
        Self::new(tables.rows(), (a, 0.0), (b, 0.0))
    }

    /// - `a`, `b`: the strict lower triangle, and the value of the diagonal.
    fn new(rows: usize, a: (&[f64], f64), b: (&[f64], f64)) -> Result<Self> {
        let (a, b) = (centred_square(rows, a), centred_square(rows, b));
        let scale = own(&a, Side::A)?.sqrt() * own(&b, Side::B)?.sqrt();
        Ok(Self { rows, a, b, scale })
    }
}

impl Comparison for KernelCka {
    fn value(&self) -> Result<f64> {
        Ok(sum(self.a.len(), |index| self.a[index] * self.b[index]) / self.scale)
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let rows = self.a.chunks_exact(self.rows).zip(order);
        let sum: f64 = rows
            .map(|(a, &row)| {
                let b = &self.b[row * self.rows..][..self.rows];
                a.iter().zip(order).map(|(a, &column)| a * b[column]).sum::<f64>()
            })
            .sum();
        Ok(sum / self.scale)
    }

    /// The bandwidth stays that of all samples.
    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts: Vec<f64> = multiplicities(rows, self.rows).into_iter().map(f64::from).collect();
        // Centring twice is centring once: the centred kernels will do.
        let (means_a, mean_a) = weighted_means(&self.a, &counts);
        let (means_b, mean_b) = weighted_means(&self.b, &counts);
        let [mut aa, mut bb, mut ab] = [0.0; 3];
        let lines = self.a.chunks_exact(self.rows).zip(self.b.chunks_exact(self.rows));
        for (row, (line_a, line_b)) in lines.enumerate().filter(|(row, _)| counts[*row] > 0.0) {
            let [mut line_aa, mut line_bb, mut line_ab] = [0.0; 3];
            for column in 0..self.rows {
                let a = line_a[column] - means_a[row] - means_a[column] + mean_a;
                let b = line_b[column] - means_b[row] - means_b[column] + mean_b;
                line_aa += counts[column] * a * a;
                line_bb += counts[column] * b * b;
                line_ab += counts[column] * a * b;
            }
            aa += counts[row] * line_aa;
            bb += counts[row] * line_bb;
            ab += counts[row] * line_ab;
        }
        if aa > 0.0 && bb > 0.0 {
            Ok(ab / (aa.sqrt() * bb.sqrt()))
        } else {
            Err(Error::undefined("the rows that were drawn are all equal"))
        }
    }
}

fn own(kernel: &[f64], side: Side) -> Result<f64> {
    let own = sum(kernel.len(), |index| kernel[index] * kernel[index]);
    if own > 0.0 { Ok(own) } else { Err(Error::constant(side)) }
}

/// The square matrix of a triangle, with the mean of every row and column taken off.
fn centred_square(rows: usize, (triangle, diagonal): (&[f64], f64)) -> Vec<f64> {
    let mut means = vec![diagonal; rows];
    for row in 1..rows {
        let line = &triangle[pair(row, 0)..][..row];
        means[row] += sum(row, |column| line[column]);
        means.iter_mut().zip(line).for_each(|(mean, value)| *mean += value);
    }
    means.iter_mut().for_each(|mean| *mean /= rows as f64);
    let mean = means.iter().sum::<f64>() / rows as f64;
    let mut square = vec![diagonal; rows * rows];
    square.par_chunks_exact_mut(rows).enumerate().for_each(|(row, line)| {
        if row > 0 {
            line[..row].copy_from_slice(&triangle[pair(row, 0)..][..row]);
        }
        // Down the column: each line of the triangle is longer by one than that before.
        let mut place = pair(row, row + 1);
        for (column, value) in line.iter_mut().enumerate().skip(row + 1) {
            *value = triangle[place];
            place += column;
        }
        line.iter_mut().zip(&means).for_each(|(value, column_mean)| *value += mean - means[row] - column_mean);
    });
    square
}

/// The mean of every row of a symmetric square matrix, and of all of it.
fn weighted_means(square: &[f64], counts: &[f64]) -> (Vec<f64>, f64) {
    let total: f64 = counts.iter().sum();
    let weighted = |values: &[f64]| values.iter().zip(counts).map(|(value, count)| value * count).sum::<f64>() / total;
    let means: Vec<f64> = square.chunks_exact(counts.len()).map(weighted).collect();
    let mean = weighted(&means);
    (means, mean)
}

/// The median; the mean of the two middle values of an even number.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let odd = !values.len().is_multiple_of(2);
    let middle = values.len() / 2;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return upper;
    }
    below.iter().copied().fold(f64::NEG_INFINITY, f64::max).midpoint(upper)
}
