use faer::{Mat, MatRef};

use crate::algebra::{Svd, cross, product, singular_values, thin_svd};
use crate::cka_linear::unit_norm;
use crate::comparison::{Comparison, multiplicities};
use crate::error::Side;
use crate::moments::Moments;
use crate::samples::{centred, enough_rows, select_rows};
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
    correlations(Basis::new(a, Side::A)?.left.as_ref(), Basis::new(b, Side::B)?.left.as_ref())
}

/// The mean of the [`canonical_correlations`].
///
/// Range 0 to 1; symmetric; kept by every invertible affine map of either activity. Raghu, Gilmer, Yosinski and
/// Sohl-Dickstein (2017), *SVCCA*, NeurIPS.
///
/// # Errors
/// As [`canonical_correlations`].
pub fn cca_mean(a: &Samples, b: &Samples) -> Result<f64> {
    Canonical::new(a, b, Kind::Mean)?.value()
}

/// Singular vector CCA: the mean canonical correlation between the leading principal components of each activity.
///
/// Range 0 to 1; symmetric; kept by orthogonal maps, translations and isotropic scaling of either. Raghu et al. (2017),
/// NeurIPS, who take the components that explain 0.99 of the variance.
///
/// # Errors
/// As [`canonical_correlations`], a share outside 0 (excluded) to 1, and no components.
pub fn svcca(a: &Samples, b: &Samples, components: Components) -> Result<f64> {
    match components {
        Components::Share(share) if !(share > 0.0 && share <= 1.0) => {
            Err(Error::Parameter(format!("the share of variance must lie in 0 to 1, not {share}")))
        }
        Components::First(0) => Err(Error::Parameter("SVCCA needs a component".into())),
        _ => Canonical::new(a, b, Kind::Components(components))?.value(),
    }
}

/// Which principal components of an activity are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Components {
    /// As few as explain this share of the variance.
    Share(f64),
    /// So many of the largest, or all if there are fewer.
    First(usize),
}

impl Components {
    /// How many of the components with these singular values, which are largest first.
    pub(crate) fn count(self, values: &[f64]) -> usize {
        let count = match self {
            Self::First(count) => count,
            Self::Share(share) => {
                let total: f64 = values.iter().map(|value| value * value).sum();
                let explained = values.iter().scan(0.0, |sum, value| {
                    *sum += value * value;
                    Some(*sum / total)
                });
                explained.take_while(|explained| *explained < share).count() + 1
            }
        };
        count.min(values.len())
    }
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
    Canonical::new(a, b, Kind::Weighted)?.value()
}

/// Which mean of the canonical correlations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Mean,
    /// Between principal components.
    Components(Components),
    Weighted,
}

/// Two activities as orthonormal bases, from which every order and every choice of rows is reached by small matrices.
pub(crate) struct Canonical {
    kind: Kind,
    a: Basis,
    b: Basis,
}

/// Centred activity `Q · diag(values) · rightᵀ`, directions that count as zero left out.
struct Basis {
    left: Mat<f64>,
    values: Vec<f64>,
    right: Mat<f64>,
}

impl Canonical {
    pub fn new(a: &Samples, b: &Samples, kind: Kind) -> Result<Self> {
        enough_rows("CCA", a, b, 3)?;
        Ok(Self { kind, a: Basis::new(a, Side::A)?, b: Basis::new(b, Side::B)? })
    }

    /// - `b`: the basis of b, its rows in any order.
    fn of(&self, b: MatRef<'_, f64>) -> Result<f64> {
        let a = self.a.left.as_ref();
        match self.kind {
            Kind::Mean => correlations(a, b).map(|correlations| mean(&correlations)),
            Kind::Components(kept) => {
                let (a, b) = (a.subcols(0, kept.count(&self.a.values)), b.subcols(0, kept.count(&self.b.values)));
                correlations(a, b).map(|correlations| mean(&correlations))
            }
            Kind::Weighted => {
                let Svd { left, values, .. } = thin_svd(cross(a, b).as_ref())?;
                // The columns of a in its own basis: variates are combinations of that basis.
                weighted(product(left.transpose(), self.a.columns().as_ref()).as_ref(), &values)
            }
        }
    }
}

impl Comparison for Canonical {
    fn value(&self) -> Result<f64> {
        self.of(self.b.left.as_ref())
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        self.of(select_rows(self.b.left.as_ref(), order).as_ref())
    }

    /// In so many dimensions the bases must meet.
    fn trivial(&self, rows: usize) -> usize {
        let kept = |basis: &Basis| match self.kind {
            Kind::Components(kept) => kept.count(&basis.values),
            _ => basis.values.len(),
        };
        (kept(&self.a) + kept(&self.b) + 1).saturating_sub(rows)
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts: Vec<f64> = multiplicities(rows, self.a.left.nrows()).into_iter().map(f64::from).collect();
        let moments = Moments::weighted(self.a.left.as_ref(), self.b.left.as_ref(), &counts);
        moments.canonical(self.kind, Some((&self.a.columns(), &self.b.columns())))
    }
}

impl Basis {
    fn new(samples: &Samples, side: Side) -> Result<Self> {
        let matrix = unit_norm(centred(samples.as_mat()), side)?;
        let Svd { left, mut values, right } = thin_svd(matrix.as_ref())?;
        let tolerance = values[0] * f64::EPSILON * samples.rows().max(samples.width()) as f64;
        let kept = values.iter().take_while(|value| **value > tolerance).count();
        values.truncate(kept);
        Ok(Self { left: left.subcols(0, kept).to_owned(), values, right: right.subcols(0, kept).to_owned() })
    }

    /// The columns of the activity in terms of the basis: `diag(values) · rightᵀ`.
    fn columns(&self) -> Mat<f64> {
        Mat::from_fn(self.values.len(), self.right.nrows(), |row, column| self.values[row] * self.right[(column, row)])
    }
}

/// PWCCA from the projections of a's columns on the variates, `[variate, unit]`, and the correlations.
pub(crate) fn weighted(projections: MatRef<'_, f64>, correlations: &[f64]) -> Result<f64> {
    let weights: Vec<f64> =
        projections.row_iter().map(|row| row.iter().map(|value| value.abs()).sum::<f64>()).collect();
    let weighted: f64 = weights.iter().zip(correlations).map(|(weight, value)| weight * value.clamp(0.0, 1.0)).sum();
    Ok(weighted / weights.iter().take(correlations.len()).sum::<f64>())
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlations(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Vec<f64>> {
    Ok(singular_values(cross(a, b).as_ref())?.into_iter().map(|value| value.clamp(0.0, 1.0)).collect())
}
