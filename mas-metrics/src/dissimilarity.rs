use std::fmt;
use std::sync::OnceLock;

use faer::Mat;
use rayon::prelude::*;

use crate::algebra::{product_into, row_norms};
use crate::error::Side;
use crate::{Error, Result, Samples};

/// How unlike two activity vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Distance {
    /// `‖u − v‖`: from 0; kept by rotations and translations.
    Euclidean,
    /// `1 − u·v / (‖u‖ ‖v‖)`: from 0 to 2; kept by rotations and by positive scaling of single vectors.
    Cosine,
    /// 1 − the Pearson correlation of the two vectors' entries: from 0 to 2; kept by permutations of units and, for each
    /// vector by itself, by adding a constant to all units and by positive scaling.
    Correlation,
}

impl Distance {
    /// All distances.
    pub const ALL: [Self; 3] = [Self::Euclidean, Self::Cosine, Self::Correlation];
}

impl fmt::Display for Distance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
            Self::Correlation => "correlation",
        })
    }
}

/// The dissimilarities of all pairs of rows, strict lower triangle by rows: (1,0), (2,0), (2,1), (3,0), …
///
/// # Errors
/// [`Error::Undefined`] names the first row that has no direction (all zero) or, for the correlation distance, no
/// variation over units; more than some 92,000 rows are an error too.
pub fn dissimilarities(samples: &Samples, distance: Distance) -> Result<Vec<f64>> {
    of_side(samples, distance, Side::A)
}

/// As [`dissimilarities`], with the activity's name for errors.
pub(crate) fn of_side(samples: &Samples, distance: Distance, side: Side) -> Result<Vec<f64>> {
    match distance {
        Distance::Euclidean => pairwise(&moved(samples), f64::sqrt),
        // For unit vectors 1 − u·v = ‖u − v‖²/2, which is exactly 0 for equal ones and loses nothing near them.
        Distance::Cosine | Distance::Correlation => {
            pairwise(&directions(samples, distance, side)?, |square| square / 2.0)
        }
    }
}

/// Squared Euclidean distances of all pairs of rows, in the order of [`dissimilarities`].
pub(crate) fn squared_euclidean(samples: &Samples) -> Result<Vec<f64>> {
    pairwise(&moved(samples), |square| square)
}

/// Rows less the first one. Far from the origin all rows are close, and would be told apart one unit at a time; the first
/// row and not the mean, so that whole numbers stay whole and their distances equal.
fn moved(samples: &Samples) -> Mat<f64> {
    let mut vectors = samples.as_mat().to_owned();
    for unit in 0..vectors.ncols() {
        let column = vectors.col_as_slice_mut(unit);
        let first = column[0];
        column.iter_mut().for_each(|value| *value -= first);
    }
    vectors
}

/// The unit vectors whose Euclidean distances give the dissimilarities.
fn directions(samples: &Samples, distance: Distance, side: Side) -> Result<Mat<f64>> {
    let mut vectors = samples.as_mat().to_owned();
    let sizes = row_norms(vectors.as_ref());
    if distance == Distance::Correlation {
        let mut means = vec![0.0; vectors.nrows()];
        for column in vectors.col_iter() {
            means.iter_mut().zip(column.iter()).for_each(|(mean, value)| *mean += value);
        }
        means.iter_mut().for_each(|mean| *mean /= vectors.ncols() as f64);
        for unit in 0..vectors.ncols() {
            vectors.col_as_slice_mut(unit).iter_mut().zip(&means).for_each(|(value, mean)| *value -= mean);
        }
    }
    let mut lengths = row_norms(vectors.as_ref());
    // What rounding leaves of a constant vector is no direction.
    if let Some(row) = lengths.iter().zip(&sizes).position(|(length, size)| *length <= size * 1e-28) {
        return Err(Error::undefined(match distance {
            Distance::Correlation => format!("row {row} of {side} is the same in all units: no correlation"),
            _ => format!("row {row} of {side} is zero: no angle"),
        }));
    }
    lengths.iter_mut().for_each(|length| *length = length.sqrt());
    for unit in 0..vectors.ncols() {
        // Divided, so that the one unit of a vector of width 1 is 1 exactly.
        vectors.col_as_slice_mut(unit).iter_mut().zip(&lengths).for_each(|(value, length)| *value /= length);
    }
    Ok(vectors)
}

/// Rows of a table that are computed together.
const GROUP: usize = 64;

/// What `finish` makes of the squared Euclidean distance of every two rows, in the order of [`dissimilarities`].
fn pairwise(vectors: &Mat<f64>, finish: impl Fn(f64) -> f64 + Sync) -> Result<Vec<f64>> {
    let rows = vectors.nrows();
    if triangle(rows + 1) > u32::MAX as usize {
        return Err(Error::Parameter(format!("{rows} rows have too many pairs: draw fewer rows")));
    }
    let mut table = vec![0.0; triangle(rows)];
    let mut groups = Vec::with_capacity(rows / GROUP + 1);
    let mut rest = table.as_mut_slice();
    for first in (0..rows - 1).step_by(GROUP) {
        // A group of one row would be multiplied in another way, and copies of rows be told apart by rounding.
        let end = if first + GROUP + 1 >= rows { rows } else { first + GROUP };
        let (group, others) = rest.split_at_mut(triangle(end) - triangle(first));
        groups.push((first..end, group));
        rest = others;
    }
    let squares = row_norms(vectors.as_ref());
    // Only rows that are close are looked at one by one.
    let row_major = OnceLock::new();
    let transposed = || row_major.get_or_init(|| vectors.transpose().to_owned());
    let room = || Mat::zeros(rows, GROUP + 1);
    // The last groups are the longest: they come first.
    groups.into_par_iter().rev().for_each_init(room, |products, (rows, group)| {
        // A column for each row of the group, with all rows before it.
        let others = vectors.subrows(rows.start, rows.len()).transpose();
        product_into(products.get_mut(..rows.end, ..rows.len()), vectors.subrows(0, rows.end), others);
        for (column, row) in rows.clone().enumerate() {
            let line = &mut group[triangle(row) - triangle(rows.start)..][..row];
            let products = &products.col_as_slice(column)[..row];
            let mut close = false;
            for ((distance, product), size) in line.iter_mut().zip(products).zip(&squares) {
                let size = squares[row] + size;
                let square = size - 2.0 * product;
                // Told from all others, and of the right value below.
                let is_close = square < CLOSE * size;
                *distance = if is_close { -1.0 } else { square };
                close |= is_close;
            }
            if close {
                let vectors = transposed();
                let own = vectors.col_as_slice(row);
                for (other, distance) in line.iter_mut().enumerate().filter(|(_, distance)| **distance < 0.0) {
                    *distance = squared_difference(own, vectors.col_as_slice(other));
                }
            }
            line.iter_mut().for_each(|distance| *distance = finish(*distance));
        }
    });
    Ok(table)
}

/// The number of pairs among so many rows.
pub(crate) fn triangle(rows: usize) -> usize {
    rows * rows.saturating_sub(1) / 2
}

/// Of vectors that are close, the difference of large numbers has few digits left: squared distances below this share of
/// the squared lengths are summed from differences. Above it, rounding costs at most four of sixteen digits.
const CLOSE: f64 = 1e-4;

fn squared_difference(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| (u - v) * (u - v)).sum()
}

/// The place of the pair of two different rows in a table of [`dissimilarities`].
#[inline]
pub(crate) fn pair(left: usize, right: usize) -> usize {
    let (large, small) = if left > right { (left, right) } else { (right, left) };
    large * (large - 1) / 2 + small
}

#[cfg(test)]
mod tests {
    use super::{Distance, dissimilarities, pair};
    use crate::Samples;

    #[test]
    fn rows_that_are_close_keep_their_distance() {
        // Far from the origin, where a difference of squared lengths has no digit left of it.
        let rows: [[f64; 2]; 3] = [[1e6, 1e6], [1e6 + 3e-6, 1e6 + 4e-6], [1e6, 1e6]];
        let samples = Samples::from_row_major(&rows.concat(), 2).unwrap();
        let [x, y] = [0, 1].map(|unit| rows[1][unit] - rows[0][unit]);
        let expected = (x * x + y * y).sqrt();
        assert_eq!(dissimilarities(&samples, Distance::Euclidean).unwrap(), [expected, 0.0, expected]);
        assert_eq!(dissimilarities(&samples, Distance::Cosine).unwrap()[1], 0.0, "of copies");
    }

    #[test]
    fn copies_of_a_row_have_equal_distances_to_every_other() {
        let noise = |index: usize| (index as f64 * 12.9898).sin() * 43758.547 % 1.0;
        for rows in [2, 63, 64, 65, 66, 129, 130] {
            // The last row is a copy of the first.
            let width = 7;
            let mut values: Vec<f64> = (0..(rows - 1) * width).map(noise).collect();
            values.extend_from_within(..width);
            let samples = Samples::from_row_major(&values, width).unwrap();
            for distance in Distance::ALL {
                let table = dissimilarities(&samples, distance).unwrap();
                for other in 1..rows - 1 {
                    assert_eq!(table[pair(rows - 1, other)], table[pair(0, other)], "{distance}, {rows} rows, {other}");
                }
            }
        }
    }

    #[test]
    fn a_single_unit_has_two_directions() {
        let samples = Samples::from_row_major(&[0.3, -1e-7, 0.7, 11.0], 1).unwrap();
        assert_eq!(dissimilarities(&samples, Distance::Cosine).unwrap(), [2.0, 0.0, 2.0, 0.0, 2.0, 0.0]);
    }
}
