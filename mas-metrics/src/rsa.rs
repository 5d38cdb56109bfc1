use std::fmt;

use crate::comparison::{Comparison, multiplicities};
use crate::correlation::{Correlation, pearson, standardised};
use crate::dissimilarity::{Distance, of_side, pair};
use crate::error::Side;
use crate::kendall::kendall;
use crate::ranking::Ranking;
use crate::samples::enough_rows;
use crate::{Error, Result, Samples};

/// Representational similarity analysis: the correlation of the two tables of dissimilarities between samples.
///
/// `corr( {d(a_i, a_j)}, {d(b_i, b_j)} : i > j )`, over the strict lower triangle: the diagonal is zero whatever the
/// activity, and would only raise the result.
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
        self.prepare(a, b, false)?.value()
    }

    pub(crate) fn tables(&self, a: &Samples, b: &Samples) -> Result<Tables> {
        enough_rows("RSA", a, b, 3)?;
        if a.rows() * (a.rows() + 1) / 2 > u32::MAX as usize {
            return Err(Error::Parameter(format!("{} rows have too many pairs for RSA: draw fewer rows", a.rows())));
        }
        let table = |samples: &Samples, side| match self.zscored {
            true => of_side(&samples.zscored(), self.distance, side),
            false => of_side(samples, self.distance, side),
        };
        Ok(Tables { rows: a.rows(), a: table(a, Side::A)?, b: table(b, Side::B)? })
    }

    fn prepare(&self, a: &Samples, b: &Samples, diagonal: bool) -> Result<PreparedRsa> {
        PreparedRsa::new(&self.tables(a, b)?, self.correlation, diagonal)
    }
}

/// `rsa_euclidean_spearman`, `rsa_zscored_cosine_pearson`, …
impl fmt::Display for Rsa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zscored = if self.zscored { "zscored_" } else { "" };
        write!(formatter, "rsa_{zscored}{}_{}", self.distance, self.correlation)
    }
}

/// The dissimilarities of both activities, computed once for every correlation, permutation and resample.
#[derive(Debug)]
pub(crate) struct Tables {
    rows: usize,
    a: Vec<f64>,
    b: Vec<f64>,
}

/// Two tables, ready to be compared again and again under other orders of their rows.
#[derive(Debug)]
pub(crate) struct PreparedRsa {
    rows: usize,
    /// Whether the zeros of the diagonal are compared too; they then follow the pairs.
    diagonal: bool,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// The dissimilarities, and the same standardised.
    Pearson { a: Vec<f64>, b: Vec<f64>, standard_a: Vec<f64>, standard_b: Vec<f64> },
    /// The order of the dissimilarities, and their standardised ranks. Ranks of a permuted table are permuted ranks.
    Spearman { a: Ranking, b: Ranking, standard_a: Vec<f64>, standard_b: Vec<f64> },
    /// The order alone.
    Kendall { a: Ranking, b: Ranking },
}

impl PreparedRsa {
    pub fn new(tables: &Tables, correlation: Correlation, diagonal: bool) -> Result<Self> {
        let rows = tables.rows;
        let extended = |table: &[f64]| {
            let mut table = table.to_vec();
            table.resize(table.len() + if diagonal { rows } else { 0 }, 0.0);
            table
        };
        let (a, b) = (extended(&tables.a), extended(&tables.b));
        let form = match correlation {
            Correlation::Pearson => {
                let (standard_a, standard_b) = (standardised(&a, Side::A)?, standardised(&b, Side::B)?);
                Form::Pearson { a, b, standard_a, standard_b }
            }
            Correlation::Spearman => {
                let (a, b) = (Ranking::new(&a), Ranking::new(&b));
                let standard_a = standardised(&a.mid_ranks(), Side::A)?;
                let standard_b = standardised(&b.mid_ranks(), Side::B)?;
                Form::Spearman { a, b, standard_a, standard_b }
            }
            Correlation::Kendall => Form::Kendall { a: Ranking::new(&a), b: Ranking::new(&b) },
        };
        Ok(Self { rows, diagonal, form })
    }

    /// Calls `visit` with each entry's place in `a` and, its rows taken through `order`, in `b`.
    fn for_each_entry(&self, order: &[usize], mut visit: impl FnMut(usize, usize)) {
        let mut place = 0;
        for row in 1..self.rows {
            let target = order[row];
            for &other in &order[..row] {
                visit(place, pair(target, other));
                place += 1;
            }
        }
        if self.diagonal {
            let pairs = place;
            order.iter().enumerate().for_each(|(row, &target)| visit(pairs + row, pairs + target));
        }
    }

    /// How often each entry occurs among resampled rows. Pairs of copies of one row are left out: their zeros are the
    /// resampling's doing.
    fn weights(&self, counts: &[u32]) -> Vec<u32> {
        let pairs = (1..self.rows).flat_map(|row| counts[..row].iter().map(move |other| counts[row] * other));
        pairs.chain(counts.iter().copied().filter(|_| self.diagonal)).collect()
    }
}

impl Comparison for PreparedRsa {
    fn value(&self) -> Result<f64> {
        match &self.form {
            Form::Pearson { standard_a, standard_b, .. } | Form::Spearman { standard_a, standard_b, .. } => {
                let sum: f64 = standard_a.iter().zip(standard_b).map(|(a, b)| a * b).sum();
                Ok(sum.clamp(-1.0, 1.0))
            }
            Form::Kendall { a, b } => kendall(a, b, |index| Some((index, 1))),
        }
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        match &self.form {
            Form::Pearson { standard_a, standard_b, .. } | Form::Spearman { standard_a, standard_b, .. } => {
                let mut sum = 0.0;
                self.for_each_entry(order, |a, b| sum += standard_a[a] * standard_b[b]);
                Ok(sum.clamp(-1.0, 1.0))
            }
            Form::Kendall { a, b } => {
                let mut places = Vec::with_capacity(a.dense.len());
                self.for_each_entry(order, |_, place| places.push(place as u32));
                kendall(a, b, |index| Some((places[index] as usize, 1)))
            }
        }
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let weights = self.weights(&multiplicities(rows, self.rows));
        match &self.form {
            Form::Pearson { a, b, .. } => pearson(a, b, Some(&weights)),
            Form::Spearman { a, b, .. } => {
                pearson(&a.weighted_mid_ranks(&weights), &b.weighted_mid_ranks(&weights), Some(&weights))
            }
            Form::Kendall { a, b } => kendall(a, b, |index| Some((index, weights[index]))),
        }
    }
}
