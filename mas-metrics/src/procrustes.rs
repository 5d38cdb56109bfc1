use faer::{Mat, MatRef};

use crate::algebra::{cross, narrowed, singular_values};
use crate::cka_linear::unit_norm;
use crate::comparison::{Comparison, multiplicities};
use crate::error::Side;
use crate::moments::Moments;
use crate::samples::{centred, enough_rows, select_rows};
use crate::{Result, Samples};

/// How well the best rotation (or reflection) brings b onto a: `‖XᵀY‖_* / (‖X‖ ‖Y‖)`, X and Y the activities with column
/// means taken off, ‖·‖_* the sum of singular values and ‖·‖ the Frobenius norm.
///
/// Range 0 to 1, 1 if and only if the activities are equal up to a rotation, a translation and a scale; symmetric; kept by
/// orthogonal maps, translations and isotropic scaling of either. The narrower activity counts as padded with zeros.
/// Biased upward with few samples. Schönemann (1966), *A generalized solution of the orthogonal Procrustes problem*,
/// Psychometrika 31; Williams, Kunz, Kornblith and Linderman (2021), *Generalized shape metrics on neural
/// representations*, NeurIPS.
///
/// # Errors
/// Different numbers of rows, fewer than 2 of them, or activity that never changes.
pub fn procrustes(a: &Samples, b: &Samples) -> Result<f64> {
    Procrustes::new(a, b, Scale::Similarity)?.value()
}

/// The angle `arccos(procrustes)`, in radians: a metric.
///
/// Range 0 (equal up to rotation, translation and scale) to π/2; otherwise as [`procrustes`]. Williams et al. (2021),
/// NeurIPS.
///
/// # Errors
/// As [`procrustes`].
pub fn procrustes_angular(a: &Samples, b: &Samples) -> Result<f64> {
    Procrustes::new(a, b, Scale::Angle)?.value()
}

/// The distance that is left after centring, scaling to norm 1 and the best rotation, `min ‖X − Y R‖ = √(2 − 2 procrustes)`:
/// a metric.
///
/// Range 0 to √2; otherwise as [`procrustes`]. Its square is the Procrustes distance of Ding, Denain and Steinhardt
/// (2021), *Grounding representation similarity through statistical testing*, NeurIPS.
///
/// # Errors
/// As [`procrustes`].
pub fn procrustes_euclidean(a: &Samples, b: &Samples) -> Result<f64> {
    Procrustes::new(a, b, Scale::Distance)?.value()
}

/// What the similarity is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Similarity,
    Angle,
    Distance,
}

impl Scale {
    pub fn of(self, similarity: f64) -> f64 {
        let similarity = similarity.clamp(0.0, 1.0);
        match self {
            Self::Similarity => similarity,
            Self::Angle => similarity.acos(),
            Self::Distance => (2.0 - 2.0 * similarity).sqrt(),
        }
    }
}

/// Centred activities of norm 1 with no more columns than rows.
pub(crate) struct Procrustes {
    a: Mat<f64>,
    b: Mat<f64>,
    scale: Scale,
}

impl Procrustes {
    pub fn new(a: &Samples, b: &Samples, scale: Scale) -> Result<Self> {
        enough_rows("Procrustes", a, b, 2)?;
        let a = narrowed(unit_norm(centred(a.as_mat()), Side::A)?)?;
        let b = narrowed(unit_norm(centred(b.as_mat()), Side::B)?)?;
        Ok(Self { a, b, scale })
    }

    fn of(&self, b: MatRef<'_, f64>) -> Result<f64> {
        Ok(self.scale.of(singular_values(cross(self.a.as_ref(), b).as_ref())?.iter().sum()))
    }
}

impl Comparison for Procrustes {
    fn value(&self) -> Result<f64> {
        self.of(self.b.as_ref())
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        self.of(select_rows(self.b.as_ref(), order).as_ref())
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts: Vec<f64> = multiplicities(rows, self.a.nrows()).into_iter().map(f64::from).collect();
        Moments::weighted(self.a.as_ref(), self.b.as_ref(), &counts).procrustes(self.scale)
    }
}
