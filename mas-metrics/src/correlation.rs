use std::fmt;

use crate::error::Side;
use crate::kendall::kendall;
use crate::ranking::Ranking;
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
            Self::Pearson => pearson(x, y, None),
            Self::Spearman => pearson(&Ranking::new(x).mid_ranks(), &Ranking::new(y).mid_ranks(), None),
            Self::Kendall => kendall(&Ranking::new(x), &Ranking::new(y), |index| Some((index, 1))),
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
pub(crate) fn standardised(values: &[f64], side: Side) -> Result<Vec<f64>> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    check_spread(values, None, squares, side)?;
    let scale = squares.sqrt().recip();
    Ok(values.iter().map(|value| (value - mean) * scale).collect())
}

/// Pearson's correlation in a sample that holds the pair i `weights[i]` times (once, if there are no weights).
pub(crate) fn pearson(x: &[f64], y: &[f64], weights: Option<&[u32]>) -> Result<f64> {
    let weight = |index: usize| weights.map_or(1.0, |weights| f64::from(weights[index]));
    let [mut total, mut mean_x, mut mean_y] = [0.0; 3];
    for (index, (x, y)) in x.iter().zip(y).enumerate() {
        let weight = weight(index);
        total += weight;
        mean_x += weight * x;
        mean_y += weight * y;
    }
    mean_x /= total;
    mean_y /= total;
    let [mut xx, mut yy, mut xy] = [0.0; 3];
    for (index, (x, y)) in x.iter().zip(y).enumerate() {
        let weight = weight(index);
        let (x, y) = (x - mean_x, y - mean_y);
        xx += weight * x * x;
        yy += weight * y * y;
        xy += weight * x * y;
    }
    check_spread(x, weights, xx, Side::A)?;
    check_spread(y, weights, yy, Side::B)?;
    Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
}

/// Values that are equal but for rounding correlate with nothing.
fn check_spread(values: &[f64], weights: Option<&[u32]>, squares: f64, side: Side) -> Result<()> {
    let present = values.iter().enumerate().filter(|(index, _)| weights.is_none_or(|weights| weights[*index] > 0));
    let (count, size) = present.fold((0.0, 0.0_f64), |(count, size), (_, value)| (count + 1.0, size.max(value.abs())));
    // Written so that NaN is refused too.
    let spread = squares > count * (size * 1e-13) * (size * 1e-13);
    if spread { Ok(()) } else { Err(all_equal(side)) }
}

pub(crate) fn all_equal(side: Side) -> Error {
    Error::undefined(format!("all values to be correlated are equal in {side}"))
}
