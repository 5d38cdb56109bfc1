//! Second moments of two activities about their means: all that a linear measure needs, whatever the number of samples.

use faer::{Mat, MatRef};

use crate::algebra::{cross, eigen, product, singular_values, squared_norm, thin_svd};
use crate::cca::{Components, Kind, mean, weighted};
use crate::cka_linear::{weighted_centred, weighted_cross};
use crate::error::Side;
use crate::procrustes::Scale;
use crate::{Error, Result};

/// Eigenvalues below this part of the largest count as zero: they are what rounding leaves in products of columns. A
/// direction with less than 3 · 10⁻⁶ of the largest direction's norm is hence not seen.
const ZERO: f64 = 1e-11;

/// `AᵀA`, `BᵀB` and `AᵀB` of centred activities A and B.
pub(crate) struct Moments {
    pub aa: Mat<f64>,
    pub bb: Mat<f64>,
    pub ab: Mat<f64>,
}

/// The columns of an activity as combinations of the columns that the moments are of.
type Columns<'a> = Option<(&'a Mat<f64>, &'a Mat<f64>)>;

impl Moments {
    /// Of samples that are there `counts` times.
    pub fn weighted(a: MatRef<'_, f64>, b: MatRef<'_, f64>, counts: &[f64]) -> Self {
        let (a, b) = (weighted_centred(a, counts), weighted_centred(b, counts));
        let moment = |left: &Mat<f64>, right: &Mat<f64>| weighted_cross(left.as_ref(), right.as_ref(), counts);
        Self { aa: moment(&a, &a), bb: moment(&b, &b), ab: moment(&a, &b) }
    }

    /// `‖AᵀB‖² / (‖AᵀA‖ ‖BᵀB‖)`.
    pub fn cka(&self) -> Result<f64> {
        let (aa, bb) = (squared_norm(self.aa.as_ref()), squared_norm(self.bb.as_ref()));
        check(aa, Side::A)?;
        check(bb, Side::B)?;
        Ok(squared_norm(self.ab.as_ref()) / (aa.sqrt() * bb.sqrt()))
    }

    pub fn procrustes(&self, scale: Scale) -> Result<f64> {
        let (aa, bb) = (trace(&self.aa), trace(&self.bb));
        check(aa, Side::A)?;
        check(bb, Side::B)?;
        Ok(scale.of(singular_values(self.ab.as_ref())?.iter().sum::<f64>() / (aa.sqrt() * bb.sqrt())))
    }

    /// - `columns`: what the units of a and b are in terms of the moments' columns; where they are those columns, none.
    pub fn canonical(&self, kind: Kind, columns: Columns<'_>) -> Result<f64> {
        let kept = match kind {
            Kind::Components(kept) => Some(kept),
            _ => None,
        };
        let a = whitening(&self.aa, columns.map(|(a, _)| a), kept, Side::A)?;
        let b = whitening(&self.bb, columns.map(|(_, b)| b), kept, Side::B)?;
        let between = product(cross(a.as_ref(), self.ab.as_ref()).as_ref(), b.as_ref());
        if kind != Kind::Weighted {
            let correlations: Vec<f64> =
                singular_values(between.as_ref())?.into_iter().map(|value| value.clamp(0.0, 1.0)).collect();
            return Ok(mean(&correlations));
        }
        let decomposition = thin_svd(between.as_ref())?;
        let variates = product(a.as_ref(), decomposition.left.as_ref());
        let mut projections = cross(variates.as_ref(), self.aa.as_ref());
        if let Some((units, _)) = columns {
            projections = product(projections.as_ref(), units.as_ref());
        }
        weighted(projections.as_ref(), &decomposition.values)
    }

    /// For how many canonical correlations `rows` samples leave no choice but 1.
    pub fn trivial(&self, kind: Kind, rows: usize) -> Result<usize> {
        let kept = match kind {
            Kind::Components(kept) => Some(kept),
            _ => None,
        };
        let ranks =
            whitening(&self.aa, None, kept, Side::A)?.ncols() + whitening(&self.bb, None, kept, Side::B)?.ncols();
        Ok((ranks + 1).saturating_sub(rows))
    }
}

/// A map of the moments' columns to an orthonormal basis of what they span, or of the units' principal `components`.
fn whitening(
    moment: &Mat<f64>,
    columns: Option<&Mat<f64>>,
    components: Option<Components>,
    side: Side,
) -> Result<Mat<f64>> {
    // The principal components of units C = columns are those of Q C, whose left singular vectors are Q's eigenvectors
    // after its columns are put to the scale of the units.
    let principal = match (components, columns) {
        (Some(_), Some(units)) => Some(cross(units.as_ref(), cross(moment.as_ref(), units.as_ref()).as_ref())),
        _ => None,
    };
    let (values, vectors) = eigen(principal.as_ref().unwrap_or(moment).as_ref())?;
    let largest = values.first().copied().unwrap_or(0.0);
    check(largest, side)?;
    let mut kept = values.iter().take_while(|value| **value > ZERO * largest).count();
    if let Some(components) = components {
        let roots: Vec<f64> = values[..kept].iter().map(|value| value.sqrt()).collect();
        kept = components.count(&roots);
    }
    let scaled = Mat::from_fn(vectors.nrows(), kept, |row, column| vectors[(row, column)] / values[column].sqrt());
    Ok(match (principal, columns) {
        (Some(_), Some(units)) => product(units.as_ref(), scaled.as_ref()),
        _ => scaled,
    })
}

fn trace(matrix: &Mat<f64>) -> f64 {
    (0..matrix.nrows()).map(|index| matrix[(index, index)]).sum()
}

fn check(size: f64, side: Side) -> Result<()> {
    // Written so that NaN is refused too.
    if size > 0.0 { Ok(()) } else { Err(Error::constant(side)) }
}
