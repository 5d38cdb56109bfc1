//! Decompositions on the host, in 64 bits and on one thread each, so that results have the same bytes at any thread count.

use burn::prelude::*;
use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch},
        lu::partial_pivoting,
        matmul::matmul,
        svd::{ComputeSvdVectors, svd, svd_scratch},
    },
};

use crate::{Error, Result, storage};

/// Where the condition number of a matrix of 32-bit numbers (in the 1-norm) makes its inverse meaningless.
const SINGULAR: f64 = 1e7;

/// The values of `tensor` on the host.
///
/// # Errors
/// The device cannot be read.
pub(super) fn matrix(tensor: &Tensor<2>) -> Result<Mat<f64>> {
    let [rows, columns] = tensor.dims();
    let values = storage::values(tensor)?;
    Ok(Mat::from_fn(rows, columns, |row, column| f64::from(values[row * columns + column])))
}

/// `matrix` as a tensor.
pub(super) fn tensor(matrix: MatRef<'_, f64>, device: &Device) -> Tensor<2> {
    let (rows, columns) = matrix.shape();
    let values: Vec<f32> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| matrix[(row, column)] as f32)
        .collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), device)
}

/// `m⁻¹ b`, with its gradient.
///
/// The inverse is found on the host and has no part in the graph. That of the result, −M⁻¹ dM M⁻¹B + M⁻¹ dB, is put
/// together from products, of which one adds nothing to the value.
///
/// - `m`: `[n, n]`
/// - `b`: `[n, columns]`
/// - returns `[n, columns]`
///
/// # Errors
/// A matrix that is singular to the precision of its numbers, or not finite.
pub(super) fn solve(m: Tensor<2>, b: Tensor<2>) -> Result<Tensor<2>> {
    let inverse = inverse(&m)?;
    let solved = inverse.clone().matmul(b);
    let turned = inverse.matmul(m.matmul(solved.clone().detach()));
    Ok(solved + (turned.clone().detach() - turned))
}

/// The inverse of `m`, `[n, n]`, untracked.
fn inverse(m: &Tensor<2>) -> Result<Tensor<2>> {
    let n = m.dims()[0];
    let original = matrix(m)?;
    finite(original.as_ref(), "a matrix in an alignment function")?;
    let mut lu = original.clone();
    let (mut forward, mut backward) = (vec![0_usize; n], vec![0_usize; n]);
    let scratch = partial_pivoting::factor::lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, Default::default());
    let (_, permutation) = partial_pivoting::factor::lu_in_place(
        lu.as_mut(),
        &mut forward,
        &mut backward,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    );
    let mut inverse = Mat::zeros(n, n);
    let scratch = partial_pivoting::inverse::inverse_scratch::<usize, f64>(n, Par::Seq);
    partial_pivoting::inverse::inverse(
        inverse.as_mut(),
        lu.as_ref(),
        lu.as_ref(),
        permutation,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    let condition = norm(original.as_ref()) * norm(inverse.as_ref());
    if condition.is_nan() || condition >= SINGULAR {
        return Err(Error::NotFinite(format!(
            "an alignment function has no inverse: its matrix has the condition number {condition:.1e}"
        )));
    }
    Ok(tensor(inverse.as_ref(), &m.clone().inner().device()))
}

/// Refuses a matrix that is not finite.
pub(super) fn finite(matrix: MatRef<'_, f64>, what: &str) -> Result<()> {
    match matrix.col_iter().all(|column| column.iter().all(|value| value.is_finite())) {
        true => Ok(()),
        false => Err(Error::NotFinite(format!("{what} is not finite"))),
    }
}

/// The largest sum of magnitudes in a column.
fn norm(matrix: MatRef<'_, f64>) -> f64 {
    // Not `max`, which passes NaN over.
    let sums = matrix.col_iter().map(|column| column.iter().map(|value| value.abs()).sum::<f64>());
    sums.fold(0.0, |largest, sum| if sum > largest || sum.is_nan() { sum } else { largest })
}

/// The largest singular value of `matrix` over the smallest.
///
/// # Errors
/// A matrix that is not finite.
pub(super) fn condition_number(matrix: MatRef<'_, f64>) -> Result<f64> {
    finite(matrix, "the Jacobian of an alignment function")?;
    let (rows, columns) = matrix.shape();
    let mut values = Diag::zeros(rows.min(columns));
    let no = ComputeSvdVectors::No;
    let scratch = svd_scratch::<f64>(rows, columns, no, no, Par::Seq, Default::default());
    let stack = &mut MemBuffer::new(scratch);
    svd(matrix, values.as_mut(), None, None, Par::Seq, MemStack::new(stack), Default::default())
        .map_err(|_| Error::NotFinite("the Jacobian of an alignment function has no singular values".into()))?;
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    let [first, .., last] = values[..] else { return Ok(1.0) };
    Ok(first / last)
}

/// The first `columns` principal axes of `samples`, `[sample, width]`, as columns `[width, columns]`, that of the largest
/// variance first. The largest entry of each is positive.
///
/// Some axes of fewer samples than coordinates are found by way of the samples' products with each other, so that no
/// `[width, width]` matrix occurs; along axes beyond those nothing varies. Of more samples, or where all axes are asked
/// for, the covariance is decomposed.
///
/// # Errors
/// Fewer than two samples, or numbers that are not finite.
pub(super) fn principal_axes(samples: MatRef<'_, f64>, columns: usize) -> Result<Mat<f64>> {
    let (rows, width) = samples.shape();
    if rows < 2 {
        return Err(Error::invalid(format!("principal axes need at least two samples of activity, not {rows}")));
    }
    finite(samples, "activity to find principal axes of")?;
    let means: Vec<f64> = samples.col_iter().map(|column| column.iter().sum::<f64>() / rows as f64).collect();
    let centred = Mat::from_fn(rows, width, |row, column| samples[(row, column)] - means[column]);
    let mut axes = match rows < width && columns < width {
        true => axes_by_samples(centred.as_ref(), columns)?,
        false => {
            let scale = 1.0 / (rows - 1) as f64;
            let (_, axes) = descending_eigenvectors(product(centred.transpose(), centred.as_ref(), scale).as_ref())?;
            axes.subcols(0, columns).to_owned()
        }
    };
    // They come with any sign.
    for column in 0..columns {
        let entries = (0..width).map(|row| axes[(row, column)]);
        let largest = entries.fold(0.0_f64, |most, entry| if entry.abs() > most.abs() { entry } else { most });
        (0..width).for_each(|row| axes[(row, column)] *= largest.signum());
    }
    Ok(axes)
}

/// The first `columns` principal axes of `centred`, `[sample, width]`: `Cᵀu/√λ` for the eigenvectors u of `C Cᵀ`, and
/// beyond the rank of C any directions that are at right angles to these.
fn axes_by_samples(centred: MatRef<'_, f64>, columns: usize) -> Result<Mat<f64>> {
    let width = centred.ncols();
    let (values, vectors) = descending_eigenvectors(product(centred, centred.transpose(), 1.0).as_ref())?;
    let varies = |&&value: &&f64| value > RANK * values[0];
    let rank = values.iter().take(columns).take_while(varies).count();
    let mut axes = product(centred.transpose(), vectors.subcols(0, rank), 1.0);
    for (axis, value) in axes.col_iter_mut().zip(&values) {
        axis.iter_mut().for_each(|entry| *entry /= value.sqrt());
    }
    // Small eigenvalues leave axes that are not quite at right angles: reflections are, whatever they are made from.
    let (vectors, signs) = reflections(axes);
    let mut frame = Mat::<f64>::identity(width, columns);
    for place in (0..rank).rev() {
        for column in 0..columns {
            let along: f64 = (place..width).map(|row| vectors[(row, place)] * frame[(row, column)]).sum();
            (place..width).for_each(|row| frame[(row, column)] -= 2.0 * along * vectors[(row, place)]);
        }
    }
    for (column, sign) in signs.into_iter().enumerate() {
        (0..width).for_each(|row| frame[(row, column)] *= sign);
    }
    Ok(frame)
}

/// An eigenvalue below this share of the largest is rounding.
const RANK: f64 = 1e-12;

pub(super) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>, scale: f64) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(&mut product, faer::Accum::Replace, left, right, scale, Par::Seq);
    product
}

/// The eigenvalues of a symmetric matrix, the largest first, and their eigenvectors as columns.
pub(super) fn descending_eigenvectors(symmetric: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = symmetric.nrows();
    let (mut values, mut vectors) = (Diag::zeros(n), Mat::zeros(n, n));
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let stack = &mut MemBuffer::new(scratch);
    let of = (values.as_mut(), Some(vectors.as_mut()));
    self_adjoint_evd(symmetric, of.0, of.1, Par::Seq, MemStack::new(stack), Default::default())
        .map_err(|_| Error::NotFinite("activity that is not finite has no principal axes".into()))?;
    // They come in ascending order.
    let values = values.column_vector().iter().rev().copied().collect();
    Ok((values, Mat::from_fn(n, n, |row, column| vectors[(row, n - 1 - column)])))
}

/// Householder vectors of the orthonormal `frame`, `[width, columns]`, and signs with
/// `frame = H₁ H₂ … [diag(signs); 0]`, where `H = I − 2vvᵀ/‖v‖²`. Vector j has zeros above place j.
pub(super) fn reflections(mut frame: Mat<f64>) -> (Mat<f64>, Vec<f64>) {
    let (width, columns) = frame.shape();
    let mut vectors = Mat::<f64>::zeros(width, columns);
    let mut signs = Vec::with_capacity(columns);
    for place in 0..columns {
        let norm = (place..width).map(|row| frame[(row, place)].powi(2)).sum::<f64>().sqrt();
        // Away from the axis, so that nothing cancels.
        let sign = -frame[(place, place)].signum();
        for row in place..width {
            vectors[(row, place)] = frame[(row, place)] - if row == place { sign * norm } else { 0.0 };
        }
        let length = (place..width).map(|row| vectors[(row, place)].powi(2)).sum::<f64>().sqrt();
        (place..width).for_each(|row| vectors[(row, place)] /= length);
        for column in place..columns {
            let along: f64 = (place..width).map(|row| vectors[(row, place)] * frame[(row, column)]).sum();
            (place..width).for_each(|row| frame[(row, column)] -= 2.0 * along * vectors[(row, place)]);
        }
        signs.push(sign);
    }
    (vectors, signs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::start::random_frame;

    /// Activity of fewer samples than coordinates, that varies along six axes.
    #[test]
    fn axes_by_samples_are_those_by_coordinates() {
        let (rows, width, rank) = (20, 30, 6);
        let (left, right) = (random_frame(rows, rank, 1), random_frame(width, rank, 2));
        let spread = Mat::from_fn(rows, rank, |row, column| left[(row, column)] * 3.0_f64.powi(4 - column as i32));
        let samples = Mat::from_fn(rows, width, |row, column| {
            (0..rank).map(|axis| spread[(row, axis)] * right[(column, axis)]).sum::<f64>() + column as f64
        });
        let all = principal_axes(samples.as_ref(), width).unwrap();
        let some = principal_axes(samples.as_ref(), 10).unwrap();
        assert_eq!(some.shape(), (width, 10));
        for axis in 0..rank {
            let along: f64 = all.col(axis).iter().zip(some.col(axis).iter()).map(|(a, b)| a * b).sum();
            assert!((along - 1.0).abs() < 1e-9, "axis {axis}: {along}");
        }
        // Beyond the rank they are at right angles all the same.
        let gram = product(some.transpose(), some.as_ref(), 1.0);
        let error = (0..10)
            .flat_map(|row| (0..10).map(move |column| (row, column)))
            .map(|(row, column)| (gram[(row, column)] - f64::from(row == column)).abs());
        assert!(error.fold(0.0, f64::max) < 1e-12);
    }

    #[test]
    fn activity_that_never_changes_has_some_axes_all_the_same() {
        let axes = principal_axes(Mat::from_fn(3, 8, |_, column| column as f64).as_ref(), 2).unwrap();
        let lengths: Vec<f64> = axes.col_iter().map(|axis| axis.iter().map(|x| x * x).sum()).collect();
        assert_eq!(lengths, [1.0, 1.0]);
    }
}
