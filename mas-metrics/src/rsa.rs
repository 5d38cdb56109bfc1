use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::comparison::{Comparison, multiplicities};
use crate::correlation::{Correlation, Standard, pearson, sum};
use crate::dissimilarity::{Distance, of_side, pair};
use crate::error::Side;
use crate::kendall::{kendall, weighted_kendall};
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
        Ok(Tables::new(a.rows(), table(a, Side::A)?, table(b, Side::B)?))
    }

    fn prepare(&self, a: &Samples, b: &Samples, diagonal: bool) -> Result<PreparedRsa> {
        PreparedRsa::new(&Arc::new(self.tables(a, b)?), self.correlation, diagonal)
    }
}

/// `rsa_euclidean_spearman`, `rsa_zscored_cosine_pearson`, …
impl fmt::Display for Rsa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zscored = if self.zscored { "zscored_" } else { "" };
        write!(formatter, "rsa_{zscored}{}_{}", self.distance, self.correlation)
    }
}

/// The dissimilarities of both activities, computed once for every correlation, permutation and resample, and their
/// order once it is asked for.
#[derive(Debug)]
pub(crate) struct Tables {
    rows: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    /// Of the pairs, and of the pairs with the zeros of the diagonal behind them.
    rankings: [OnceLock<[Ranking; 2]>; 2],
}

impl Tables {
    fn new(rows: usize, a: Vec<f64>, b: Vec<f64>) -> Self {
        Self { rows, a, b, rankings: Default::default() }
    }

    /// Memory, with the rankings that were asked for.
    pub fn bytes(&self) -> usize {
        let rankings = self.rankings.iter().filter(|rankings| rankings.get().is_some()).count();
        self.a.len() * 2 * (size_of::<f64>() + rankings * size_of::<u32>())
    }

    /// The dissimilarities of all pairs, in both activities.
    pub fn pairs(&self) -> [&[f64]; 2] {
        [&self.a, &self.b]
    }

    /// How many samples there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Ranks of a permuted table are permuted ranks: the order is found once.
    fn rankings(&self, diagonal: bool) -> &[Ranking; 2] {
        self.rankings[usize::from(diagonal)].get_or_init(|| {
            let ranking = |table: &[f64]| match diagonal {
                true => Ranking::new(&[table, &vec![0.0; self.rows]].concat()),
                false => Ranking::new(table),
            };
            let (a, b) = rayon::join(|| ranking(&self.a), || ranking(&self.b));
            [a, b]
        })
    }
}

/// Two tables, ready to be compared again and again under other orders of their rows.
#[derive(Debug)]
pub(crate) struct PreparedRsa {
    tables: Arc<Tables>,
    /// How many zeros of the diagonal are compared too; they follow the pairs.
    zeros: usize,
    form: Form,
}

/// How entries become what is multiplied: nothing as large as a table is kept beside it.
#[derive(Debug)]
enum Form {
    Pearson { a: Standard, b: Standard },
    Spearman { a: Standard, b: Standard },
    Kendall,
}

impl PreparedRsa {
    pub fn new(tables: &Arc<Tables>, correlation: Correlation, diagonal: bool) -> Result<Self> {
        let tables = Arc::clone(tables);
        let zeros = if diagonal { tables.rows } else { 0 };
        let form = match correlation {
            Correlation::Pearson => Form::Pearson {
                a: Standard::new(&tables.a, zeros, Side::A)?,
                b: Standard::new(&tables.b, zeros, Side::B)?,
            },
            Correlation::Spearman => {
                let [a, b] = tables.rankings(diagonal);
                Form::Spearman { a: Standard::of_ranks(a, Side::A)?, b: Standard::of_ranks(b, Side::B)? }
            }
            Correlation::Kendall => {
                // Here, and not first in a draw among others.
                tables.rankings(diagonal);
                Form::Kendall
            }
        };
        Ok(Self { tables, zeros, form })
    }

    fn rankings(&self) -> &[Ranking; 2] {
        self.tables.rankings(self.zeros > 0)
    }

    fn entries(&self) -> usize {
        self.tables.a.len() + self.zeros
    }

    /// What the diagonal adds to a sum of products: its zeros go with zeros in every order of the rows.
    fn of_diagonal(&self, a: Standard, b: Standard) -> f64 {
        self.zeros as f64 * a.of(0.0) * b.of(0.0)
    }

    /// Calls `visit` with each pair's place in `a` and, its rows taken through `order`, in `b`.
    fn for_each_pair(&self, order: &[usize], mut visit: impl FnMut(usize, usize)) {
        let mut place = 0;
        for row in 1..self.tables.rows {
            let target = order[row];
            for &other in &order[..row] {
                visit(place, pair(target, other));
                place += 1;
            }
        }
    }

    /// As `for_each_pair`, and then with the places of the diagonal's zeros, where these count.
    fn for_each_entry(&self, order: &[usize], mut visit: impl FnMut(usize, usize)) {
        self.for_each_pair(order, &mut visit);
        let pairs = self.tables.a.len();
        order[..self.zeros].iter().enumerate().for_each(|(row, &target)| visit(pairs + row, pairs + target));
    }

    /// How often each entry occurs among resampled rows. Pairs of copies of one row are left out: their zeros are the
    /// resampling's doing.
    fn weights(&self, counts: &[u32]) -> Vec<u32> {
        let mut weights = Vec::with_capacity(self.entries());
        for row in 1..self.tables.rows {
            weights.extend(counts[..row].iter().map(|other| counts[row] * other));
        }
        weights.extend(counts.iter().copied().take(self.zeros));
        weights
    }
}

impl Comparison for PreparedRsa {
    fn value(&self) -> Result<f64> {
        let Tables { a: x, b: y, .. } = &*self.tables;
        let sum = match self.form {
            Form::Pearson { a, b } => sum(x.len(), |index| a.of(x[index]) * b.of(y[index])) + self.of_diagonal(a, b),
            Form::Spearman { a, b } => {
                let [x, y] = self.rankings().each_ref().map(Ranking::ranks);
                sum(self.entries(), |index| a.of(x.of(index)) * b.of(y.of(index)))
            }
            Form::Kendall => {
                let [x, y] = self.rankings();
                return kendall(x, y, |visit| (0..self.entries()).for_each(|index| visit(index, index)));
            }
        };
        Ok(sum.clamp(-1.0, 1.0))
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let mut sum = 0.0;
        match self.form {
            Form::Pearson { a, b } => {
                let Tables { a: x, b: y, .. } = &*self.tables;
                self.for_each_pair(order, |left, right| sum += a.of(x[left]) * b.of(y[right]));
                sum += self.of_diagonal(a, b);
            }
            Form::Spearman { a, b } => {
                let [x, y] = self.rankings().each_ref().map(Ranking::ranks);
                self.for_each_entry(order, |left, right| sum += a.of(x.of(left)) * b.of(y.of(right)));
            }
            Form::Kendall => {
                let [x, y] = self.rankings();
                return kendall(x, y, |visit| self.for_each_entry(order, visit));
            }
        }
        Ok(sum.clamp(-1.0, 1.0))
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let Tables { a, b, .. } = &*self.tables;
        let weights = self.weights(&multiplicities(rows, self.tables.rows));
        match self.form {
            Form::Pearson { .. } => {
                let of = |table: &[f64], index: usize| table.get(index).copied().unwrap_or(0.0);
                pearson(self.entries(), |index| of(a, index), |index| of(b, index), Some(&weights))
            }
            Form::Spearman { .. } => {
                let [x, y] = self.rankings().each_ref().map(|ranking| ranking.weighted_ranks(&weights));
                pearson(self.entries(), |index| x.of(index), |index| y.of(index), Some(&weights))
            }
            Form::Kendall => {
                let [x, y] = self.rankings();
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
        self.tables.a.len() * bytes
    }
}
