use std::fmt;
use std::sync::Arc;

use crate::comparison::{Comparison, multiplicities};
use crate::correlation::{Correlation, Standard, pearson, sum};
use crate::dissimilarity::Distance;
use crate::error::Side;
use crate::kendall::{kendall, weighted_kendall};
use crate::tables::Tables;
use crate::{Result, Samples};

/// Representational similarity analysis: the correlation of the two tables of dissimilarities between samples.
///
/// `corr( {d(a_i, a_j)}, {d(b_i, b_j)} : i > j )`, over the strict lower triangle: the diagonal is zero whatever the
/// activity, and would only raise the result.
///
/// Copies of a row have equal dissimilarities. Others that are equal in exact arithmetic alone, as of few units with whole
/// numbers, may be told apart by rounding, and are then ranked so.
///
/// Range −1 to 1, 1 for equal tables; symmetric. Invariances are those of the [`Distance`] in use (rotations; for
/// Euclidean distances translations) and of the [`Correlation`] (isotropic scaling). Kriegeskorte, Mur and Bandettini
/// (2008), *Representational similarity analysis*, Frontiers in Systems Neuroscience 2:4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rsa {
    /// Whether every unit is first scaled to mean 0 and standard deviation 1 (n − 1 in the denominator).
    pub zscored: bool,
    /// How unlike two samples are.
    pub distance: Distance,
    /// How the two tables are compared.
    pub correlation: Correlation,
}

impl Rsa {
    /// The similarity of `a` and `b`.
    ///
    /// # Errors
    /// Different numbers of rows, fewer than 3 of them, or an undefined distance or correlation (the row is named).
    pub fn compare(&self, a: &Samples, b: &Samples) -> Result<f64> {
        let tables = Tables::of(a, b, self.zscored, self.distance)?;
        PreparedRsa::new(&Arc::new(tables), self.correlation)?.value()
    }
}

/// `rsa_euclidean_spearman`, `rsa_zscored_cosine_pearson`, …
impl fmt::Display for Rsa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zscored = if self.zscored { "zscored_" } else { "" };
        write!(formatter, "rsa_{zscored}{}_{}", self.distance, self.correlation)
    }
}

/// Two tables, ready to be compared again and again under other orders of their rows.
#[derive(Debug)]
pub(crate) struct PreparedRsa {
    tables: Arc<Tables>,
    /// How many zeros of the diagonal are compared too, as if they followed the pairs.
    zeros: usize,
    form: Form,
}

/// How entries become what is multiplied: nothing as large as a table is kept beside it.
#[derive(Debug)]
enum Form {
    Pearson {
        a: Standard,
        b: Standard,
    },
    Spearman {
        a: Standard,
        b: Standard,
    },
    /// Never with the diagonal.
    Kendall,
}

impl PreparedRsa {
    pub fn new(tables: &Arc<Tables>, correlation: Correlation) -> Result<Self> {
        let form = match correlation {
            Correlation::Pearson => Form::pearson(tables, 0)?,
            Correlation::Spearman => Form::spearman(tables, 0)?,
            Correlation::Kendall => {
                // Here, and not first in a draw among others.
                tables.rankings();
                Form::Kendall
            }
        };
        Ok(Self { tables: Arc::clone(tables), zeros: 0, form })
    }

    /// With the diagonal, by ranks (Spearman) or values (Pearson).
    pub fn with_diagonal(tables: &Arc<Tables>, ranks: bool) -> Result<Self> {
        let zeros = tables.rows;
        let form = if ranks { Form::spearman(tables, zeros) } else { Form::pearson(tables, zeros) };
        Ok(Self { tables: Arc::clone(tables), zeros, form: form? })
    }

    /// How often each pair occurs among resampled rows. Pairs of copies of one row are left out: their zeros are the
    /// resampling's doing.
    fn weights(&self, counts: &[u32]) -> Vec<u32> {
        let mut weights = Vec::with_capacity(self.tables.count() + self.zeros);
        for row in 1..self.tables.rows {
            weights.extend(counts[..row].iter().map(|other| counts[row] * other));
        }
        weights.extend(counts.iter().copied().take(self.zeros));
        weights
    }
}

impl Form {
    fn pearson(tables: &Tables, zeros: usize) -> Result<Self> {
        let [a, b] = &tables.pairs;
        Ok(Self::Pearson { a: Standard::new(a, zeros, Side::A)?, b: Standard::new(b, zeros, Side::B)? })
    }

    fn spearman(tables: &Tables, zeros: usize) -> Result<Self> {
        let [a, b] = tables.rankings();
        Ok(Self::Spearman { a: Standard::of_ranks(a, zeros, Side::A)?, b: Standard::of_ranks(b, zeros, Side::B)? })
    }
}

impl Comparison for PreparedRsa {
    fn value(&self) -> Result<f64> {
        let pairs = self.tables.count();
        // The diagonal's zeros go with zeros, here and in every order of the rows.
        let sum = match self.form {
            Form::Pearson { a, b } => {
                let [x, y] = &self.tables.pairs;
                sum(pairs, |index| a.of(x[index]) * b.of(y[index])) + self.zeros as f64 * a.of(0.0) * b.of(0.0)
            }
            Form::Spearman { a, b } => {
                let [x, y] = self.tables.rankings().each_ref().map(|ranking| ranking.ranks(self.zeros));
                sum(pairs, |index| a.of(x.of(index)) * b.of(y.of(index)))
                    + self.zeros as f64 * a.of(x.of_zeros) * b.of(y.of_zeros)
            }
            Form::Kendall => {
                let [x, y] = self.tables.rankings();
                return kendall(x, y, |visit| (0..pairs).for_each(|index| visit(index, index)));
            }
        };
        Ok(sum.clamp(-1.0, 1.0))
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let mut sum = 0.0;
        match self.form {
            Form::Pearson { a, b } => {
                let [x, y] = &self.tables.pairs;
                self.tables.for_each_pair(order, |left, right| sum += a.of(x[left]) * b.of(y[right]));
                sum += self.zeros as f64 * a.of(0.0) * b.of(0.0);
            }
            Form::Spearman { a, b } => {
                let [x, y] = self.tables.rankings().each_ref().map(|ranking| ranking.ranks(self.zeros));
                self.tables.for_each_pair(order, |left, right| sum += a.of(x.of(left)) * b.of(y.of(right)));
                sum += self.zeros as f64 * a.of(x.of_zeros) * b.of(y.of_zeros);
            }
            Form::Kendall => {
                let [x, y] = self.tables.rankings();
                return kendall(x, y, |visit| self.tables.for_each_pair(order, visit));
            }
        }
        Ok(sum.clamp(-1.0, 1.0))
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let weights = self.weights(&multiplicities(rows, self.tables.rows));
        let pairs = self.tables.count();
        match self.form {
            Form::Pearson { .. } => {
                let [x, y] =
                    self.tables.pairs.each_ref().map(|table| |index: usize| table.get(index).copied().unwrap_or(0.0));
                pearson(weights.len(), x, y, Some(&weights))
            }
            Form::Spearman { .. } => {
                let drawn = if self.zeros > 0 { rows.len() as f64 } else { 0.0 };
                let [x, y] = self.tables.rankings().each_ref().map(|ranking| {
                    let ranks = ranking.weighted_ranks(&weights[..pairs], drawn);
                    move |index| if index < pairs { ranks.of(index) } else { ranks.of_zeros }
                });
                pearson(weights.len(), x, y, Some(&weights))
            }
            Form::Kendall => {
                let [x, y] = self.tables.rankings();
                weighted_kendall(x, y, &weights)
            }
        }
    }

    fn scratch(&self) -> usize {
        let bytes = match self.form {
            Form::Pearson { .. } => 4,
            Form::Spearman { .. } => 20,
            Form::Kendall => 36,
        };
        self.tables.count() * bytes
    }
}
