use std::sync::Arc;

use rayon::prelude::*;

use crate::comparison::{Comparison, multiplicities};
use crate::correlation::sum;
use crate::dissimilarity::{pair, squared_euclidean, triangle};
use crate::error::Side;
use crate::samples::enough_rows;
use crate::tables::Tables;
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

/// As [`cka_rbf`], from the unbiased estimate of HSIC, in which no sample is compared with itself: kernels K and L with zero
/// diagonals, `(tr KL + 1ᵀK1 · 1ᵀL1 / ((n − 1)(n − 2)) − 2 · 1ᵀKL1 / (n − 2)) / (n (n − 3))`. Song, Smola, Gretton, Bedo and
/// Borgwardt (2012), *Feature selection via dependence maximization*, JMLR 13.
///
/// Range −1 to 1, about 0 for independent activity, never clipped; symmetric; kept by what keeps [`cka_rbf`].
///
/// # Errors
/// As [`cka_rbf`], fewer than 4 rows, or an estimate of an activity with itself that is not positive.
pub fn cka_rbf_debiased(a: &Samples, b: &Samples, fraction: f64) -> Result<f64> {
    enough_rows("debiased RBF CKA", a, b, 4)?;
    let kernels = rbf_kernels(a, b, fraction)?;
    let [x, y] = &kernels.pairs;
    let own = |kernel: &[f64], side| match unbiased(kernels.rows, kernel, kernel) {
        own if own > 0.0 => Ok(own.sqrt()),
        _ => Err(Error::undefined(format!("the unbiased estimate of {side} with itself is not positive"))),
    };
    Ok(unbiased(kernels.rows, x, y) / (own(x, Side::A)? * own(y, Side::B)?))
}

/// - `x`, `y`: strict lower triangles of symmetric matrices
fn unbiased(rows: usize, x: &[f64], y: &[f64]) -> f64 {
    let once_each = vec![1.0; rows];
    let [of_x, of_y] = [x, y].map(|kernel| row_sums(kernel, 0.0, &once_each));
    let n = rows as f64;
    let pairs = 2.0 * sum(x.len(), |index| x[index] * y[index]);
    let totals = of_x.iter().sum::<f64>() * of_y.iter().sum::<f64>() / ((n - 1.0) * (n - 2.0));
    let shared = 2.0 * sum(rows, |row| of_x[row] * of_y[row]) / (n - 2.0);
    (pairs + totals - shared) / (n * (n - 3.0))
}

/// The kernels of [`cka_rbf`].
fn rbf_kernels(a: &Samples, b: &Samples, fraction: f64) -> Result<Tables> {
    if !(fraction > 0.0 && fraction.is_finite()) {
        return Err(Error::Parameter(format!("the bandwidth's fraction must be positive, not {fraction}")));
    }
    let kernel = |samples: &Samples, side| {
        let mut table = squared_euclidean(samples)?;
        let median = median(&table);
        if median <= 0.0 {
            return Err(Error::undefined(format!("half of all pairs of rows of {side} are equal: no bandwidth")));
        }
        let rate = -1.0 / (2.0 * fraction * fraction * median);
        table.par_iter_mut().for_each(|value| *value = (*value * rate).exp());
        Ok(table)
    };
    Ok(Tables::new(a.rows(), [kernel(a, Side::A)?, kernel(b, Side::B)?]))
}

/// Two kernels over the same samples, ready to be compared under other orders of these.
pub(crate) struct KernelCka {
    kernels: Kernels,
    centres: [Centre; 2],
    scale: f64,
}

impl KernelCka {
    pub fn rbf(a: &Samples, b: &Samples, fraction: f64) -> Result<Self> {
        enough_rows("RBF CKA", a, b, 3)?;
        let tables = rbf_kernels(a, b, fraction)?;
        Self::new(Kernels { tables: Arc::new(tables), diagonal: 1.0 })
    }

    /// Distances in place of kernels.
    pub fn of_distances(tables: Arc<Tables>) -> Result<Self> {
        Self::new(Kernels { tables, diagonal: 0.0 })
    }

    fn new(kernels: Kernels) -> Result<Self> {
        let counts = kernels.once_each();
        let centres = kernels.centres(&counts);
        let own = |which, side| match kernels.product([which, which], &centres, &counts) {
            own if own > 0.0 => Ok(own.sqrt()),
            _ => Err(Error::constant(side)),
        };
        let scale = own(0, Side::A)? * own(1, Side::B)?;
        Ok(Self { kernels, centres, scale })
    }
}

impl Comparison for KernelCka {
    fn value(&self) -> Result<f64> {
        Ok(self.kernels.product([0, 1], &self.centres, &self.kernels.once_each()) / self.scale)
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let [x, y] = &self.kernels.tables.pairs;
        let diagonal = self.kernels.diagonal;
        let [a, b] = &self.centres;
        let mut sum = 0.0;
        for (row, &target) in order.iter().enumerate() {
            let line = &x[triangle(row)..][..row];
            let products = line.iter().zip(order).enumerate().map(|(column, (&value, &other))| {
                a.apply(value, row, column) * b.apply(y[pair(target, other)], target, other)
            });
            sum += 2.0 * products.sum::<f64>() + a.apply(diagonal, row, row) * b.apply(diagonal, target, target);
        }
        Ok(sum / self.scale)
    }

    /// The bandwidth stays that of all samples.
    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts: Vec<f64> = multiplicities(rows, self.kernels.tables.rows).into_iter().map(f64::from).collect();
        let centres = self.kernels.centres(&counts);
        let [aa, bb, ab] = [[0, 0], [1, 1], [0, 1]].map(|of| self.kernels.product(of, &centres, &counts));
        if aa > 0.0 && bb > 0.0 {
            Ok(ab / (aa.sqrt() * bb.sqrt()))
        } else {
            Err(Error::undefined("the rows that were drawn are all equal"))
        }
    }
}

/// Two symmetric kernels. They are centred wherever an entry is read: nothing as large as them is kept beside them.
struct Kernels {
    tables: Arc<Tables>,
    /// What a sample has to do with itself.
    diagonal: f64,
}

impl Kernels {
    /// Counts of samples of which none is drawn twice.
    fn once_each(&self) -> Vec<f64> {
        vec![1.0; self.tables.rows]
    }

    /// - `counts`: how often each sample occurs
    fn centres(&self, counts: &[f64]) -> [Centre; 2] {
        self.tables.pairs.each_ref().map(|triangle| Centre::new(triangle, self.diagonal, counts))
    }

    /// The sum of the products of all entries of one kernel with those of another (0 and 1 are those of a and b).
    fn product(&self, of: [usize; 2], centres: &[Centre; 2], counts: &[f64]) -> f64 {
        let [x, y] = of.map(|which| &self.tables.pairs[which]);
        let [x_centre, y_centre] = of.map(|which| &centres[which]);
        let line = |row: usize| {
            let of_row = triangle(row)..triangle(row + 1);
            let (x, y) = (&x[of_row.clone()], &y[of_row]);
            let others = sum(row, |column| {
                counts[column] * x_centre.apply(x[column], row, column) * y_centre.apply(y[column], row, column)
            });
            let itself = x_centre.apply(self.diagonal, row, row) * y_centre.apply(self.diagonal, row, row);
            counts[row] * (2.0 * others + counts[row] * itself)
        };
        (0..counts.len()).filter(|&row| counts[row] > 0.0).map(line).sum()
    }
}

/// What is taken off an entry for its row, and again for its column: the row's mean, less half the mean of all.
struct Centre(Vec<f64>);

impl Centre {
    fn new(kernel: &[f64], diagonal: f64, counts: &[f64]) -> Self {
        let mut means = row_sums(kernel, diagonal, counts);
        let total: f64 = counts.iter().sum();
        means.iter_mut().for_each(|mean| *mean /= total);
        let mean = means.iter().zip(counts).map(|(mean, count)| mean * count).sum::<f64>() / total;
        means.iter_mut().for_each(|value| *value -= mean / 2.0);
        Self(means)
    }

    #[inline]
    fn apply(&self, value: f64, row: usize, column: usize) -> f64 {
        value - self.0[row] - self.0[column]
    }
}

/// The sum of each row of a symmetric kernel, whose samples occur `counts` times.
fn row_sums(kernel: &[f64], diagonal: f64, counts: &[f64]) -> Vec<f64> {
    let mut sums: Vec<f64> = counts.iter().map(|count| count * diagonal).collect();
    for row in 1..counts.len() {
        let line = &kernel[triangle(row)..triangle(row + 1)];
        sums[row] += sum(row, |column| counts[column] * line[column]);
        sums.iter_mut().zip(line).for_each(|(sum, value)| *sum += counts[row] * value);
    }
    sums
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
