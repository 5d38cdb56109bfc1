//! Closed-form stitchers: the linear map from one activity to another, without a fit and without either network's
//! behaviour.

use faer::Mat;

use crate::algebra::{Svd, cross, product, regularised_inverse, squared_norm, thin_svd};
use crate::samples::{column_means, enough_rows, less};
use crate::{Error, Result, Samples};

/// An explicit affine map from a source's activity to a target's, `ŷ = (x − x̄) M + ȳ`, with rows for samples.
#[derive(Debug, Clone)]
pub struct Stitcher {
    /// `M`, `[source width, target width]`.
    pub map: Mat<f64>,
    /// `x̄`, the means of the source's columns.
    pub source_mean: Vec<f64>,
    /// `ȳ`, the means of the target's columns.
    pub target_mean: Vec<f64>,
}

/// How well a [`Stitcher`] does on paired activity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StitchingFit {
    /// Share of variance, `R² = 1 − ‖Y − Ŷ‖² / ‖Y − ȳ‖²` over all units together, ȳ the mean of the rows that it is
    /// measured on. At most 1; below 0 where the mean does better.
    pub r_squared: f64,
    /// `‖Y − Ŷ‖ / ‖Y‖`, nothing taken off Y: 0 is perfect, 1 as bad as predicting zero.
    pub relative_error: f64,
}

impl Stitcher {
    /// What the map makes of `source`.
    ///
    /// # Errors
    /// Another width than the map takes, or a result beyond 1e100.
    pub fn apply(&self, source: &Samples) -> Result<Samples> {
        if source.width() != self.map.nrows() {
            return Err(Error::Width { expected: self.map.nrows(), found: source.width() });
        }
        let mut mapped = product(less(source.as_mat(), &self.source_mean).as_ref(), self.map.as_ref());
        for (column, mean) in mapped.col_iter_mut().zip(&self.target_mean) {
            column.iter_mut().for_each(|value| *value += mean);
        }
        Samples::new(mapped)
    }

    /// How near the map brings `source` to `target`: on the rows that it was made from, or better on others.
    ///
    /// # Errors
    /// Rows or widths that do not go together, fewer than 2 rows, a target that never changes.
    pub fn fit(&self, source: &Samples, target: &Samples) -> Result<StitchingFit> {
        enough_rows("a stitcher's fit", source, target, 2)?;
        let found = self.apply(source)?;
        if target.width() != found.width() {
            return Err(Error::Width { expected: found.width(), found: target.width() });
        }
        let error = squared_norm((found.as_mat() - target.as_mat()).as_ref());
        let centred = less(target.as_mat(), &column_means(target.as_mat()));
        let variance = squared_norm(centred.as_ref());
        if variance == 0.0 {
            return Err(Error::undefined("all rows of the predicted activity are equal"));
        }
        let size = squared_norm(target.as_mat());
        Ok(StitchingFit { r_squared: 1.0 - error / variance, relative_error: (error / size).sqrt() })
    }
}

/// The least-squares stitcher `M = (XᵀX + λI)⁻¹ XᵀY`, X and Y the activities with column means taken off: of all
/// affine maps the one with the least `‖Y − Ŷ‖² + λ‖M‖²`.
///
/// - `ridge`: λ as a part of the largest eigenvalue of XᵀX, so that it means the same at any scale of the source; 0 is
///   plain least squares, where directions in which the source does not vary are sent to zero (the pseudo-inverse,
///   hence the smallest such map).
///
/// Predictions are kept by rotations, translations and isotropic scaling of the source, and without a ridge by every
/// invertible map of it; they follow every affine map of the target. Hoerl and Kennard (1970), *Ridge regression*,
/// Technometrics 12; as a stitcher: Lenc and Vedaldi (2015), *Understanding image representations by measuring their
/// equivariance and equivalence*, arXiv 1411.5908; Csiszárik et al. (2021), *Similarity and matching of neural network
/// representations*, arXiv 2110.14633.
///
/// # Errors
/// Different numbers of rows, fewer than 2 of them, a ridge that is negative or not finite, a source that never changes.
pub fn least_squares_stitcher(source: &Samples, target: &Samples, ridge: f64) -> Result<Stitcher> {
    enough_rows("a least-squares stitcher", source, target, 2)?;
    if !(ridge >= 0.0 && ridge.is_finite()) {
        return Err(Error::Parameter(format!("a ridge is a number of at least 0, not {ridge}")));
    }
    let Centred { x, y, source_mean, target_mean } = Centred::of(source, target);
    let Svd { left, values, right } = thin_svd(x.as_ref())?;
    let largest = values.first().copied().unwrap_or(0.0);
    if largest == 0.0 {
        return Err(Error::undefined("all rows of the source are equal"));
    }
    // Below this a singular value is what rounding has left of zero.
    let zero = largest * f64::EPSILON * source.rows().max(source.width()) as f64;
    let mut coefficients = cross(left.as_ref(), y.as_ref());
    for (index, &value) in values.iter().enumerate() {
        let factor = if value > zero { regularised_inverse(value, ridge * largest * largest) } else { 0.0 };
        coefficients.row_mut(index).iter_mut().for_each(|coefficient| *coefficient *= factor);
    }
    Ok(Stitcher { map: product(right.as_ref(), coefficients.as_ref()), source_mean, target_mean })
}

/// The orthogonal stitcher `M = UVᵀ` of the thin singular value decomposition `XᵀY = USVᵀ`, X and Y the activities with
/// column means taken off: a rotation (or reflection) and nothing else.
///
/// With equal widths it has the least `‖Y − XM‖` of all orthogonal maps. With unequal ones the narrower activity counts
/// as padded with zeros, in which the same holds: M then has orthonormal rows (into a wider target) or orthonormal
/// columns (into a narrower one). Directions that the activities leave open are arbitrary. The map turns with rotations of
/// either activity and is kept by translations and isotropic scaling; scales are not matched, so that its R² is below 1
/// where they differ. Schönemann (1966), *A generalized solution of the orthogonal Procrustes problem*, Psychometrika 31.
///
/// # Errors
/// Different numbers of rows, fewer than 2 of them.
pub fn orthogonal_stitcher(source: &Samples, target: &Samples) -> Result<Stitcher> {
    enough_rows("an orthogonal stitcher", source, target, 2)?;
    let Centred { x, y, source_mean, target_mean } = Centred::of(source, target);
    let Svd { left, right, .. } = thin_svd(cross(x.as_ref(), y.as_ref()).as_ref())?;
    Ok(Stitcher { map: product(left.as_ref(), right.transpose()), source_mean, target_mean })
}

/// Both activities with their column means taken off.
struct Centred {
    x: Mat<f64>,
    y: Mat<f64>,
    source_mean: Vec<f64>,
    target_mean: Vec<f64>,
}

impl Centred {
    fn of(source: &Samples, target: &Samples) -> Self {
        let (source_mean, target_mean) = (column_means(source.as_mat()), column_means(target.as_mat()));
        let (x, y) = (less(source.as_mat(), &source_mean), less(target.as_mat(), &target_mean));
        Self { x, y, source_mean, target_mean }
    }
}
