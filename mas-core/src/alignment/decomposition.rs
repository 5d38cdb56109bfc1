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
fn finite(matrix: MatRef<'_, f64>, what: &str) -> Result<()> {
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

/// The principal axes of `samples`, `[sample, width]`, as columns `[width, width]`, that of the largest variance first.
/// The largest entry of each is positive.
///
/// # Errors
/// Fewer than two samples, or numbers that are not finite.
pub(super) fn principal_axes(samples: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let (rows, width) = samples.shape();
    if rows < 2 {
        return Err(Error::invalid(format!("principal axes need at least two samples of activity, not {rows}")));
    }
    finite(samples, "activity to find principal axes of")?;
    let means: Vec<f64> = samples.col_iter().map(|column| column.iter().sum::<f64>() / rows as f64).collect();
    let centred = Mat::from_fn(rows, width, |row, column| samples[(row, column)] - means[column]);
    let mut covariance = Mat::zeros(width, width);
    let scale = 1.0 / (rows - 1) as f64;
    matmul(&mut covariance, faer::Accum::Replace, centred.transpose(), centred.as_ref(), scale, Par::Seq);
    let (mut values, mut vectors) = (Diag::zeros(width), Mat::zeros(width, width));
    let scratch = self_adjoint_evd_scratch::<f64>(width, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let stack = &mut MemBuffer::new(scratch);
    let (values, axes) = (values.as_mut(), Some(vectors.as_mut()));
    self_adjoint_evd(covariance.as_ref(), values, axes, Par::Seq, MemStack::new(stack), Default::default())
        .map_err(|_| Error::NotFinite("activity that is not finite has no principal axes".into()))?;
    // Eigenvalues come in ascending order, eigenvectors with any sign.
    Ok(Mat::from_fn(width, width, |row, column| {
        let axis = vectors.col(width - 1 - column);
        let largest =
            axis.iter().copied().fold(0.0_f64, |most, value| if value.abs() > most.abs() { value } else { most });
        axis[row] * largest.signum()
    }))
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
