//! What a subspace takes: how much of the variance, how near to another subspace, how much that behaviour cannot see.

use faer::{Mat, MatRef};

use crate::algebra::{Svd, cross, product, row_norms, singular_values, thin_svd};
use crate::samples::centred;
use crate::{Error, Result, Samples};

/// The share of the variance of activity that some coordinates of it have, `Σ_j var(c_j) / Σ_i var(h_i)`.
///
/// With the coordinates `c = h Q_v` along an orthonormal frame `Q_v`, that is `tr(Q_vᵀ Σ Q_v) / tr(Σ)`, Σ the covariance of
/// activity h. 0 to 1; k of d coordinates have k/d of isotropic activity.
///
/// - `coordinates`: `[sample, k]`
/// - `activity`: `[sample, width]`
///
/// # Errors
/// Other numbers of samples, or activity that never changes.
pub fn variance_share(coordinates: &Samples, activity: &Samples) -> Result<f64> {
    if coordinates.rows() != activity.rows() {
        let (rows, given) = (activity.rows(), coordinates.rows());
        return Err(Error::Parameter(format!("{rows} samples of activity but {given} of its coordinates")));
    }
    let variance = |samples: &Samples| -> f64 {
        centred(samples.as_mat()).col_iter().flat_map(|column| column.iter()).map(|value| value * value).sum()
    };
    let total = variance(activity);
    if total == 0.0 {
        return Err(Error::undefined("all rows of the activity are equal"));
    }
    Ok(variance(coordinates) / total)
}

/// The principal angles between two subspaces of one space, in radians, the smallest first: the arc cosines of the
/// singular values of `AᵀB`, as many as the narrower frame has columns.
///
/// All 0 where one subspace contains the other, all π/2 where they are at right angles. Arbitrary subspaces of k of d
/// dimensions are *not* at right angles: the mean of cos² is k/d. Björck and Golub (1973), *Numerical methods for computing
/// angles between linear subspaces*, Mathematics of Computation 27. Angles below about 1e-8 are rounding.
///
/// - `a`, `b`: orthonormal columns, `[width, k]` and `[width, l]`
///
/// # Errors
/// Frames of other widths, without columns, or whose columns are not orthonormal to 1e-3.
pub fn principal_angles(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Vec<f64>> {
    if a.nrows() != b.nrows() {
        return Err(Error::Width { expected: a.nrows(), found: b.nrows() });
    }
    for frame in [a, b] {
        let gram = cross(frame, frame);
        let off = |row: usize, column: usize| (gram[(row, column)] - f64::from(row == column)).abs();
        let columns = frame.ncols();
        // NaN is not smaller than anything.
        let orthonormal = (0..columns).all(|row| (0..columns).all(|column| off(row, column) <= 1e-3));
        if columns == 0 || !orthonormal {
            return Err(Error::Parameter("a frame has orthonormal columns, at least one; these are none".into()));
        }
    }
    Ok(singular_values(cross(a, b).as_ref())?.into_iter().map(|cosine| cosine.clamp(0.0, 1.0).acos()).collect())
}

/// The directions of a space that outputs depend on: the top right-singular vectors of a Jacobian that have, together, at
/// least a given share of its squared norm. The complement is its null space, as far as that share goes.
#[derive(Debug, Clone)]
pub struct RowSpace {
    /// Orthonormal, `[width, rank]`.
    pub basis: Mat<f64>,
}

impl RowSpace {
    /// The row space of `jacobian`, `[output, width]`, with `share` (0.99, say) of its squared norm.
    ///
    /// # Errors
    /// A share that is not within 0 to 1, or a Jacobian that is empty, not finite or zero.
    pub fn of(jacobian: &Samples, share: f64) -> Result<Self> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::Parameter(format!("a share of a squared norm is above 0 and at most 1, not {share}")));
        }
        // The right-singular vectors are those of JᵀJ, which is as small as the space is, however many outputs there are.
        let Svd { values, right, .. } = match jacobian.rows() > 2 * jacobian.width() {
            true => {
                let mut squared = thin_svd(cross(jacobian.as_mat(), jacobian.as_mat()).as_ref())?;
                squared.values.iter_mut().for_each(|value| *value = value.max(0.0).sqrt());
                squared
            }
            false => thin_svd(jacobian.as_mat())?,
        };
        let total: f64 = values.iter().map(|value| value * value).sum();
        if total == 0.0 {
            return Err(Error::undefined("the Jacobian is zero: outputs do not depend on the activity"));
        }
        let mut sum = 0.0;
        // The sum of all may be below a share of 1 by rounding.
        let reached = values.iter().position(|value| {
            sum += value * value;
            sum >= share * total
        });
        let rank = reached.map_or(values.len(), |place| place + 1);
        Ok(Self { basis: right.subcols(0, rank).to_owned() })
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.basis.ncols()
    }

    /// The share of each change that outputs do not see, `1 − ‖Bᵀx‖² / ‖x‖²` of every row x, B the basis; the mean over
    /// rows. Rows of zeros have no share and are left out.
    ///
    /// 0 where every change lies in the row space, 1 where none has a part in it; `1 − rank/d` for changes in random
    /// directions. Makelov, Lange and Nanda (2023), *Is this the subspace you are looking for?*, arXiv 2311.17030.
    ///
    /// - `changes`: `[row, width]`
    ///
    /// # Errors
    /// Another width, or nothing but zeros.
    pub fn unseen_share(&self, changes: &Samples) -> Result<f64> {
        if changes.width() != self.basis.nrows() {
            return Err(Error::Width { expected: self.basis.nrows(), found: changes.width() });
        }
        let seen = row_norms(product(changes.as_mat(), self.basis.as_ref()).as_ref());
        let shares: Vec<f64> = row_norms(changes.as_mat())
            .into_iter()
            .zip(seen)
            .filter(|(all, _)| *all > 0.0)
            .map(|(all, seen)| (1.0 - seen / all).clamp(0.0, 1.0))
            .collect();
        match shares.len() {
            0 => Err(Error::undefined("nothing is changed")),
            count => Ok(shares.iter().sum::<f64>() / count as f64),
        }
    }
}
