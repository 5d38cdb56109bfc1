use std::collections::HashMap;

use faer::{ColRef, Mat, MatRef};
use mas_core::{Activity, ActivityFile};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::{Error, Result};

/// Activity to be compared: one row for each sample, one column for each unit; every number finite and no larger than
/// 1e100, and the largest, if it is not zero, no smaller than 1e-100, so that squares and their sums are finite and not
/// zero either.
///
/// In a comparison of two, row i of both is the activity for the same input.
#[derive(Debug, Clone)]
pub struct Samples {
    matrix: Mat<f64>,
}

impl Samples {
    /// Samples from a matrix `[sample, unit]`.
    ///
    /// # Errors
    /// An empty matrix, a number that is not finite or too large, or nothing but numbers that are too small.
    pub fn new(matrix: Mat<f64>) -> Result<Self> {
        if matrix.nrows() == 0 || matrix.ncols() == 0 {
            return Err(Error::Shape { values: 0, width: matrix.ncols() });
        }
        for row in 0..matrix.nrows() {
            if let Some(column) = (0..matrix.ncols()).find(|&column| !usable(matrix[(row, column)])) {
                return Err(Error::NotFinite { row, column });
            }
        }
        let values = matrix.col_iter().flat_map(|column| column.iter());
        let largest = values.fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest > 0.0 && largest < SMALLEST {
            return Err(Error::TooSmall { largest });
        }
        Ok(Self { matrix })
    }

    /// Samples from numbers in row-major order, `[sample, unit]`.
    ///
    /// # Errors
    /// As [`Samples::new`], and values that `width` does not divide.
    pub fn from_row_major<T: Copy + Into<f64>>(values: &[T], width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::Shape { values: values.len(), width });
        }
        Self::new(Mat::from_fn(values.len() / width, width, |row, column| values[row * width + column].into()))
    }

    /// The vectors of two recordings of the same trials, padding left out, as pairs.
    ///
    /// # Errors
    /// Recordings with other numbers of trials or trials of other lengths (the first is named).
    pub fn paired(a: &Activity, b: &Activity) -> Result<(Self, Self)> {
        if a.trials() != b.trials() {
            let reason = format!("a has {} trials, b has {}", a.trials(), b.trials());
            return Err(Error::Unpaired { reason });
        }
        let mut lengths = a.lengths().iter().zip(b.lengths()).enumerate();
        if let Some((trial, (a, b))) = lengths.find(|(_, (a, b))| a != b) {
            let reason = format!("trial {trial} has length {a} in a and {b} in b");
            return Err(Error::Unpaired { reason });
        }
        Ok((a.into(), b.into()))
    }

    /// All vectors of an activity file, in 64 bits.
    ///
    /// # Errors
    /// Whatever is wrong with the file: [`Error::File`] names it, and the row.
    pub fn of_file(file: &ActivityFile) -> Result<Self> {
        Self::from_row_major(&file.read(0..file.rows()).map_err(Error::file)?, file.width())
    }

    /// The vectors at `rows` of an activity file, in that order, in 64 bits.
    ///
    /// # Errors
    /// As [`Samples::of_file`], and rows that do not exist.
    pub fn of_rows(file: &ActivityFile, rows: &[usize]) -> Result<Self> {
        Self::from_row_major(&file.take(rows).map_err(Error::file)?, file.width())
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.matrix.nrows()
    }

    /// Number of units.
    pub fn width(&self) -> usize {
        self.matrix.ncols()
    }

    /// The matrix `[sample, unit]`.
    pub fn as_mat(&self) -> MatRef<'_, f64> {
        self.matrix.as_ref()
    }

    /// The samples at `rows`, in that order (a row may be taken twice).
    ///
    /// # Errors
    /// No rows, or one that does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.rows()) {
            return Err(Error::NoSuchRow { row, rows: self.rows() });
        }
        Self::new(select_rows(self.as_mat(), rows))
    }

    /// Every column with mean 0 and standard deviation 1 (n − 1 in the denominator). A constant column becomes 0.
    pub fn zscored(&self) -> Self {
        let mut matrix = centred(self.as_mat());
        for column in matrix.col_iter_mut() {
            let column = column.try_as_col_major_mut().map(|column| column.as_slice_mut()).unwrap_or_default();
            let deviation =
                (column.iter().map(|value| value * value).sum::<f64>() / (column.len() as f64 - 1.0).max(1.0)).sqrt();
            let scale = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
            column.iter_mut().for_each(|value| *value *= scale);
        }
        Self { matrix }
    }

    /// Number of columns that never change.
    pub fn constant_columns(&self) -> usize {
        self.matrix.col_iter().filter(|column| column.iter().all(|value| *value == column[0])).count()
    }
}

impl From<&Activity> for Samples {
    /// The vectors that are not padding, trial by trial.
    fn from(activity: &Activity) -> Self {
        let rows: Vec<&[f32]> = activity.rows().map(|row| row.vector).collect();
        // Activity is never empty and finite outside its padding: nothing is left to check.
        Self { matrix: Mat::from_fn(rows.len(), activity.width(), |row, unit| rows[row][unit].into()) }
    }
}

/// Which rows to keep so that every *pair* of rows (row i of `a` with row i of `b`) occurs once, in order.
///
/// At a site where the activity is a function of few inputs (the embedding of a small vocabulary) most rows are
/// copies, and a similarity over copies mostly says that equal inputs have equal activity. Compare the distinct rows
/// there: `a.select(&kept)`, `b.select(&kept)`.
///
/// # Errors
/// Different numbers of rows.
pub fn distinct_rows(a: &Samples, b: &Samples) -> Result<Vec<usize>> {
    same_rows(a, b)?;
    Ok(first_of_each(&[a.as_mat(), b.as_mat()]))
}

/// The rows that are equal to none before them in any of the `sides`, which have equally many.
pub(crate) fn first_of_each(sides: &[MatRef<'_, f64>]) -> Vec<usize> {
    let columns = || sides.iter().flat_map(|side| side.col_iter());
    // Adding zero makes −0 and 0 one number.
    let bits = |value: f64| (value + 0.0).to_bits();
    let mut hashes = vec![0_u64; sides.first().map_or(0, MatRef::nrows)];
    for column in columns() {
        for (hash, value) in hashes.iter_mut().zip(column.iter()) {
            *hash = (hash.rotate_left(23) ^ bits(*value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
    let equal = |row: usize, other: usize| columns().all(|column| bits(column[row]) == bits(column[other]));
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut first = Vec::new();
    for (row, hash) in hashes.into_iter().enumerate() {
        let others = seen.entry(hash).or_default();
        if others.iter().all(|&other| !equal(row, other)) {
            others.push(row);
            first.push(row);
        }
    }
    first
}

/// `count` different rows of `rows`, drawn uniformly without replacement and in ascending order: draw number `draw` of
/// `seed`. All rows if there are no more than `count`.
pub fn draw_rows(rows: usize, count: usize, seed: u64, draw: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(draw);
    let mut drawn = index::sample(&mut rng, rows, count.min(rows)).into_vec();
    drawn.sort_unstable();
    drawn
}

/// Below this size, squares of squares are zero.
const SMALLEST: f64 = 1e-100;

fn usable(value: f64) -> bool {
    // NaN is not smaller than anything.
    value.abs() <= 1e100
}

pub(crate) fn same_rows(a: &Samples, b: &Samples) -> Result<()> {
    match (a.rows(), b.rows()) {
        (a, b) if a != b => Err(Error::Rows { a, b }),
        _ => Ok(()),
    }
}

/// The same rows, and at least `needed` of them.
pub(crate) fn enough_rows(what: &'static str, a: &Samples, b: &Samples, needed: usize) -> Result<()> {
    same_rows(a, b)?;
    match a.rows() {
        found if found < needed => Err(Error::TooFew { what, needed, found }),
        _ => Ok(()),
    }
}

pub(crate) fn select_rows(matrix: MatRef<'_, f64>, rows: &[usize]) -> Mat<f64> {
    Mat::from_fn(rows.len(), matrix.ncols(), |row, column| matrix[(rows[row], column)])
}

/// The mean of every column.
pub(crate) fn column_means(matrix: MatRef<'_, f64>) -> Vec<f64> {
    let mean = |column: ColRef<'_, f64>| {
        // Relative to the first value, so that a constant column loses nothing to rounding.
        let first = column[0];
        first + column.iter().map(|value| value - first).sum::<f64>() / column.nrows() as f64
    };
    matrix.col_iter().map(mean).collect()
}

/// The matrix with `means`, one for each column, taken off.
pub(crate) fn less(matrix: MatRef<'_, f64>, means: &[f64]) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)] - means[column])
}

/// The matrix with every column's mean taken off. A column that never changes becomes exactly zero.
pub(crate) fn centred(matrix: MatRef<'_, f64>) -> Mat<f64> {
    less(matrix, &column_means(matrix))
}
