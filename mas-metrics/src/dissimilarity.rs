use std::fmt;
use std::ops::Range;

use rayon::prelude::*;

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
/// variation over units.
pub fn dissimilarities(samples: &Samples, distance: Distance) -> Result<Vec<f64>> {
    of_side(samples, distance, Side::A)
}

/// As [`dissimilarities`], with the activity's name for errors.
pub(crate) fn of_side(samples: &Samples, distance: Distance, side: Side) -> Result<Vec<f64>> {
    let mut table = squared(&vectors(samples, distance, side)?, samples.width(), samples.rows());
    match distance {
        Distance::Euclidean => table.par_iter_mut().for_each(|value| *value = value.sqrt()),
        // For unit vectors 1 − u·v = ‖u − v‖²/2, which is exactly 0 for equal ones and loses nothing near them.
        Distance::Cosine | Distance::Correlation => table.par_iter_mut().for_each(|value| *value /= 2.0),
    }
    Ok(table)
}

/// Squared Euclidean distances of all pairs of rows, in the order of [`dissimilarities`].
pub(crate) fn squared_euclidean(samples: &Samples) -> Vec<f64> {
    squared(&samples.row_major(), samples.width(), samples.rows())
}

/// The row-major vectors whose Euclidean distances give the dissimilarities.
fn vectors(samples: &Samples, distance: Distance, side: Side) -> Result<Vec<f64>> {
    let mut vectors = samples.row_major();
    if distance == Distance::Euclidean {
        return Ok(vectors);
    }
    for (row, vector) in vectors.chunks_exact_mut(samples.width()).enumerate() {
        let size = squared_length(vector);
        if distance == Distance::Correlation {
            let mean = vector.iter().sum::<f64>() / vector.len() as f64;
            vector.iter_mut().for_each(|value| *value -= mean);
        }
        let length = squared_length(vector);
        // What rounding leaves of a constant vector is no direction.
        if length <= size * 1e-28 {
            return Err(Error::undefined(match distance {
                Distance::Correlation => format!("row {row} of {side} is the same in all units: no correlation"),
                _ => format!("row {row} of {side} is zero: no angle"),
            }));
        }
        let scale = length.sqrt().recip();
        vector.iter_mut().for_each(|value| *value *= scale);
    }
    Ok(vectors)
}

/// Rows of a table that are computed together, against tiles of as many others: both stay in the cache.
const TILE: usize = 32;
/// Distances that are summed at the same time, so that no sum waits for itself.
const TOGETHER: usize = 8;

fn squared(vectors: &[f64], width: usize, rows: usize) -> Vec<f64> {
    let mut table = vec![0.0; rows * (rows - 1) / 2];
    let mut groups = Vec::with_capacity(rows / TILE + 1);
    let mut rest = table.as_mut_slice();
    for first in (0..rows).step_by(TILE) {
        let end = rows.min(first + TILE);
        let (group, others) = rest.split_at_mut(triangle(end) - triangle(first));
        groups.push((first..end, group));
        rest = others;
    }
    let arch = pulp::Arch::new();
    let squares = arch.dispatch(Squares { vectors, width, rows });
    let fill = |(rows, group)| arch.dispatch(Fill { vectors, squares: &squares, width, rows, group });
    // The last groups are the longest: they come first.
    groups.into_par_iter().rev().for_each(fill);
    table
}

/// The number of pairs among so many rows.
fn triangle(rows: usize) -> usize {
    rows * rows.saturating_sub(1) / 2
}

/// The squared length of every vector, as the products of different ones are summed: equal vectors are at distance 0.
struct Squares<'a> {
    vectors: &'a [f64],
    width: usize,
    rows: usize,
}

impl pulp::NullaryFnOnce for Squares<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Vec<f64> {
        let of = |row: usize| &self.vectors[row * self.width..][..self.width];
        (0..self.rows).map(|row| products(of(row), [of(row)])[0]).collect()
    }
}

/// The lines of `rows` in the table, one after the other. A type of its own, as a closure need not be compiled into what
/// the processor at hand can do.
struct Fill<'a> {
    vectors: &'a [f64],
    squares: &'a [f64],
    width: usize,
    rows: Range<usize>,
    group: &'a mut [f64],
}

impl pulp::NullaryFnOnce for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { vectors, squares, width, rows, group } = self;
        let of = |row: usize| &vectors[row * width..][..width];
        for tile in (0..rows.end).step_by(TILE) {
            for row in rows.clone() {
                let own = of(row);
                let line = &mut group[triangle(row) - triangle(rows.start)..][..row];
                let end = row.min(tile + TILE);
                let mut other = tile;
                while other + TOGETHER <= end {
                    let mut others = [own; TOGETHER];
                    others.iter_mut().zip(other..).for_each(|(place, other)| *place = of(other));
                    line[other..other + TOGETHER].copy_from_slice(&products(own, others));
                    other += TOGETHER;
                }
                while other < end {
                    [line[other]] = products(own, [of(other)]);
                    other += 1;
                }
                for other in tile..end {
                    let size = squares[row] + squares[other];
                    let found = size - 2.0 * line[other];
                    // Of vectors that are close, the difference of large numbers has few digits left.
                    line[other] = if found < CLOSE * size { squared_difference(own, of(other)) } else { found };
                }
            }
        }
    }
}

/// Squared distances below this share of the squared lengths are summed from differences. Above it, rounding costs at most
/// four of sixteen digits.
const CLOSE: f64 = 1e-4;

/// Scalar products. For each four sums side by side, and several products at once: registers are full, and the order of
/// the sums is fixed, whatever the products beside it: equal vectors have equal products.
#[inline(always)]
fn products<const N: usize>(own: &[f64], others: [&[f64]; N]) -> [f64; N] {
    let mut sums = [[0.0; 4]; N];
    let (chunks, rest) = own.as_chunks::<4>();
    let others = others.map(|other| (other.as_chunks::<4>().0, &other[own.len() - rest.len()..]));
    for (index, own) in chunks.iter().enumerate() {
        for (sums, (others, _)) in sums.iter_mut().zip(&others) {
            let other = others[index];
            for lane in 0..4 {
                sums[lane] = own[lane].mul_add(other[lane], sums[lane]);
            }
        }
    }
    for (sums, (_, others)) in sums.iter_mut().zip(&others) {
        for (own, other) in rest.iter().zip(*others) {
            sums[0] = own.mul_add(*other, sums[0]);
        }
    }
    sums.map(|sums| (sums[0] + sums[2]) + (sums[1] + sums[3]))
}

fn squared_difference(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(u, v)| (u - v) * (u - v)).sum()
}

fn squared_length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum()
}

/// The place of the pair of two different rows in a table of [`dissimilarities`].
#[inline]
pub(crate) fn pair(left: usize, right: usize) -> usize {
    let (large, small) = if left > right { (left, right) } else { (right, left) };
    large * (large - 1) / 2 + small
}
