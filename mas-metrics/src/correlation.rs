use std::fmt;

use crate::error::Side;
use crate::kendall::kendall;
use crate::ranking::{Ranking, range};
use crate::{Error, Result};

/// How strongly two lists of numbers go together: from −1 to 1, the same with the lists exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Correlation {
    /// Spearman's ρ: the Pearson correlation of the ranks, equal values sharing their mean rank. Kept by any increasing
    /// map of either list. (Spearman 1904.)
    Spearman,
    /// Pearson's r: `Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² Σ (y − ȳ)²)`. Kept by positive scaling and shifts.
    Pearson,
    /// Kendall's τ-b: `(C − D) / √((N − T_x)(N − T_y))`, with C concordant and D discordant pairs, N all pairs and T the
    /// pairs that are tied in one list. Kept by any increasing map of either list. (Kendall 1945; the counting follows
    /// Knight 1966, in time n log n.)
    Kendall,
}

impl Correlation {
    /// All correlations.
    pub const ALL: [Self; 3] = [Self::Spearman, Self::Pearson, Self::Kendall];

    /// The correlation of `x` and `y`.
    ///
    /// # Errors
    /// Lists of different lengths, fewer than two values, values that are not finite, or a list whose values are all
    /// equal ([`Error::Undefined`]).
    pub fn of(self, x: &[f64], y: &[f64]) -> Result<f64> {
        if x.len() != y.len() {
            return Err(Error::Rows { a: x.len(), b: y.len() });
        }
        if x.len() < 2 {
            return Err(Error::TooFew { what: "a correlation", needed: 2, found: x.len() });
        }
        if let Some(row) = x.iter().zip(y).position(|(x, y)| !x.is_finite() || !y.is_finite()) {
            return Err(Error::NotFinite { row, column: usize::from(x[row].is_finite()) });
        }
        if x.len() > u32::MAX as usize {
            return Err(Error::Parameter("too many values for a correlation".into()));
        }
        match self {
            Self::Pearson => pearson(x.len(), |index| x[index], |index| y[index], None),
            Self::Spearman => {
                let (x_order, y_order) = (Ranking::new(x), Ranking::new(y));
                let (x_ranks, y_ranks) = (x_order.ranks(0), y_order.ranks(0));
                pearson(x.len(), |index| x_ranks.of(index), |index| y_ranks.of(index), None)
            }
            Self::Kendall => kendall(&Ranking::new(x), &Ranking::new(y), |visit| {
                (0..x.len()).for_each(|index| visit(index, index));
            }),
        }
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Spearman => "spearman",
            Self::Pearson => "pearson",
            Self::Kendall => "kendall",
        })
    }
}

/// Values less their mean, divided by the root of their sum of squares: the correlation of two such lists is the sum of
/// their products.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standard {
    mean: f64,
    scale: f64,
}

impl Standard {
    /// - `zeros`: so many entries that are zero come on top of the `values`.
    pub fn new(values: &[f64], zeros: usize, side: Side) -> Result<Self> {
        let count = (values.len() + zeros) as f64;
        let mean = sum(values.len(), |index| values[index]) / count;
        let deviation = |index: usize| (values[index] - mean) * (values[index] - mean);
        let squares = sum(values.len(), deviation) + zeros as f64 * mean * mean;
        let (least, largest) = range(values);
        check_size(squares, count, largest.max(-least), side)?;
        Ok(Self { mean, scale: squares.sqrt().recip() })
    }

    /// Of the ranks, in which `zeros` more values take part.
    pub fn of_ranks(ranking: &Ranking, zeros: usize, side: Side) -> Result<Self> {
        let squares = ranking.squares(zeros);
        if squares > 0.0 {
            let count = ranking.dense.len() + zeros;
            Ok(Self { mean: (count as f64 + 1.0) / 2.0, scale: squares.sqrt().recip() })
        } else {
            Err(all_equal(side))
        }
    }

    #[inline]
    pub fn of(self, value: f64) -> f64 {
        (value - self.mean) * self.scale
    }
}

/// The sum of what `value` gives for 0 to `count` − 1, in parts that do not wait for each other.
#[inline]
pub(crate) fn sum(count: usize, value: impl Fn(usize) -> f64) -> f64 {
    const PARTS: usize = 8;
    let mut parts = [0.0; PARTS];
    let whole = count - count % PARTS;
    for first in (0..whole).step_by(PARTS) {
        parts.iter_mut().zip(first..).for_each(|(part, index)| *part += value(index));
    }
    parts.iter().sum::<f64>() + (whole..count).map(value).sum::<f64>()
}

/// Pearson's correlation of two lists of `count` values in a sample that holds the pair i `weights[i]` times (once, if
/// there are no weights).
pub(crate) fn pearson(
    count: usize,
    x: impl Fn(usize) -> f64,
    y: impl Fn(usize) -> f64,
    weights: Option<&[u32]>,
) -> Result<f64> {
    let weight = |index: usize| weights.map_or(1.0, |weights| f64::from(weights[index]));
    let [mut total, mut mean_x, mut mean_y] = [0.0; 3];
    for index in 0..count {
        let weight = weight(index);
        total += weight;
        mean_x += weight * x(index);
        mean_y += weight * y(index);
    }
    mean_x /= total;
    mean_y /= total;
    let [mut xx, mut yy, mut xy] = [0.0; 3];
    for index in 0..count {
        let weight = weight(index);
        let (x, y) = (x(index) - mean_x, y(index) - mean_y);
        xx += weight * x * x;
        yy += weight * y * y;
        xy += weight * x * y;
    }
    check_spread(count, &x, weights, xx, Side::A)?;
    check_spread(count, &y, weights, yy, Side::B)?;
    Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Values that are equal but for rounding correlate with nothing.
fn check_spread(
    count: usize,
    value: &impl Fn(usize) -> f64,
    weights: Option<&[u32]>,
    squares: f64,
    side: Side,
) -> Result<()> {
    let present = (0..count).filter(|&index| weights.is_none_or(|weights| weights[index] > 0));
    let (count, size) =
        present.fold((0.0, 0.0_f64), |(count, size), index| (count + 1.0, size.max(value(index).abs())));
    check_size(squares, count, size, side)
}

/// - `squares`: the sum over `count` values of squared differences from the mean
/// - `size`: of the largest
fn check_size(squares: f64, count: f64, size: f64, side: Side) -> Result<()> {
    // Written so that NaN is refused too.
    let spread = squares > count * (size * 1e-13) * (size * 1e-13);
    if spread { Ok(()) } else { Err(all_equal(side)) }
}

pub(crate) fn all_equal(side: Side) -> Error {
    Error::undefined(format!("all values to be correlated are equal in {side}"))
}
