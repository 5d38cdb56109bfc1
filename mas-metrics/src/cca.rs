use faer::{Mat, MatRef};

use crate::algebra::{Svd, cross, product, singular_values, thin_svd};
use crate::cka_linear::unit_norm;
use crate::error::Side;
use crate::samples::{centred, enough_rows};
use crate::{Error, Result, Samples};

/// The canonical correlations of two activities, largest first: the singular values of `QₐᵀQ_b`, Q an orthonormal basis
/// of the centred columns. There are as many as the smaller rank (singular values below `max(n, d) · ε` of the largest
/// count as zero).
///
/// Each lies in 0 to 1; symmetric; kept by every invertible affine map of either activity. With n samples and
/// `rank a + rank b > n − 1` some of them are 1 whatever the activity. Hotelling (1936), *Relations between two sets of
/// variates*, Biometrika 28; by singular values: Björck and Golub (1973), Mathematics of Computation 27.
///
/// # Errors
/// Different numbers of rows, fewer than 3 of them, or activity that never changes.
pub fn canonical_correlations(a: &Samples, b: &Samples) -> Result<Vec<f64>> {
    enough_rows("CCA", a, b, 3)?;
    correlations(basis(a, Side::A, None)?.as_ref(), basis(b, Side::B, None)?.as_ref())
}

/// The mean of the [`canonical_correlations`].
///
/// Range 0 to 1; symmetric; kept by every invertible affine map of either activity. Raghu, Gilmer, Yosinski and
/// Sohl-Dickstein (2017), *SVCCA*, NeurIPS.
///
/// # Errors
/// As [`canonical_correlations`].
pub fn cca_mean(a: &Samples, b: &Samples) -> Result<f64> {
    canonical_correlations(a, b).map(|correlations| mean(&correlations))
}

/// Singular vector CCA: the mean canonical correlation between the leading principal components of each activity, as few
/// as explain `share` of its variance.
///
/// Range 0 to 1; symmetric; kept by orthogonal maps, translations and isotropic scaling of either. Raghu et al. (2017),
/// NeurIPS, who use a share of 0.99.
///
/// # Errors
/// As [`canonical_correlations`], and a share outside 0 (excluded) to 1.
pub fn svcca(a: &Samples, b: &Samples, share: f64) -> Result<f64> {
    enough_rows("SVCCA", a, b, 3)?;
    if !(share > 0.0 && share <= 1.0) {
        return Err(Error::Parameter(format!("the share of variance must lie in 0 to 1, not {share}")));
    }
    let a = basis(a, Side::A, Some(share))?;
    let b = basis(b, Side::B, Some(share))?;
    correlations(a.as_ref(), b.as_ref()).map(|correlations| mean(&correlations))
}

/// Projection weighted CCA: `Σ αᵢ ρᵢ / Σ αᵢ`, where the weight `αᵢ = Σⱼ |⟨hᵢ, aⱼ⟩|` says how much of the activity of **a**
/// (its centred columns aⱼ) goes through its i-th canonical variate hᵢ.
///
/// Range 0 to 1. **Not symmetric**: the weights are a's. Kept by every invertible affine map of b, but of a only by
/// translations and isotropic scaling. Morcos, Raghu and Bengio (2018), *Insights on representational similarity in neural
/// networks with canonical correlation*, NeurIPS.
///
/// # Errors
/// As [`canonical_correlations`].
pub fn pwcca(a: &Samples, b: &Samples) -> Result<f64> {
    enough_rows("PWCCA", a, b, 3)?;
    let (basis_a, basis_b) = (basis(a, Side::A, None)?, basis(b, Side::B, None)?);
    let Svd { left, values, .. } = thin_svd(cross(basis_a.as_ref(), basis_b.as_ref()).as_ref())?;
    let variates = product(basis_a.as_ref(), left.as_ref());
    let columns = unit_norm(centred(a.as_mat()), Side::A)?;
    let projections = cross(variates.as_ref(), columns.as_ref());
    let weights: Vec<f64> =
        projections.row_iter().map(|row| row.iter().map(|value| value.abs()).sum::<f64>()).collect();
    let weighted: f64 = weights.iter().zip(&values).map(|(weight, value)| weight * value.clamp(0.0, 1.0)).sum();
    Ok(weighted / weights.iter().sum::<f64>())
}

/// The rank of the centred activity, by the rule of [`canonical_correlations`].
pub(crate) fn rank(samples: &Samples, side: Side) -> Result<usize> {
    basis(samples, side, None).map(|basis| basis.ncols())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlations(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Vec<f64>> {
    Ok(singular_values(cross(a, b).as_ref())?.into_iter().map(|value| value.clamp(0.0, 1.0)).collect())
}

/// An orthonormal basis of the centred columns, or of the principal components that explain `share` of the variance.
fn basis(samples: &Samples, side: Side, share: Option<f64>) -> Result<Mat<f64>> {
    let matrix = unit_norm(centred(samples.as_mat()), side)?;
    let Svd { left, values, .. } = thin_svd(matrix.as_ref())?;
    let tolerance = values[0] * f64::EPSILON * samples.rows().max(samples.width()) as f64;
    let mut kept = values.iter().take_while(|value| **value > tolerance).count();
    if let Some(share) = share {
        let total: f64 = values.iter().map(|value| value * value).sum();
        let explained = values.iter().scan(0.0, |sum, value| {
            *sum += value * value;
            Some(*sum / total)
        });
        kept = kept.min(explained.take_while(|explained| *explained < share).count() + 1);
    }
    Ok(left.subcols(0, kept).to_owned())
}
