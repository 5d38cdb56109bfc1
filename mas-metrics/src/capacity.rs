//! What a subspace takes: how much of the variance, how near to another subspace, how much that behaviour cannot see.

use std::ops::Range;

use faer::{Mat, MatRef};

use crate::algebra::{Svd, cross, product, row_norms, singular_values, thin_svd};
use crate::samples::centred;
use crate::{Error, Result, Samples};

/// The share of the variance that lies in a block of columns, `Σ_{j in block} var_j / Σ_j var_j`.
///
/// With the coordinates `h Q` of activity h along an orthonormal basis whose block is the frame `Q_v`, that is
/// `tr(Q_vᵀ Σ Q_v) / tr(Σ)`, Σ the covariance of h. 0 to 1; a block of k of d coordinates has k/d of isotropic activity.
///
/// - `coordinates`: `[sample, coordinate]`, all of them
///
/// # Errors
/// A block that is not within the columns, or activity that never changes.
pub fn variance_share(coordinates: &Samples, block: Range<usize>) -> Result<f64> {
    if block.start > block.end || block.end > coordinates.width() {
        return Err(Error::Parameter(format!("there is no block {block:?} of {} columns", coordinates.width())));
    }
    let centred = centred(coordinates.as_mat());
    let sums: Vec<f64> = centred.col_iter().map(|column| column.iter().map(|value| value * value).sum()).collect();
    let total: f64 = sums.iter().sum();
    if total == 0.0 {
        return Err(Error::undefined("all rows of the activity are equal"));
    }
    Ok(sums[block].iter().sum::<f64>() / total)
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
