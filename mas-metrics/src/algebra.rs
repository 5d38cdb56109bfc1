//! Matrix products and decompositions, each on one thread, so that results have the same bytes at any thread count.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatMut, MatRef, Par};

use crate::{Error, Result};

/// A thin singular value decomposition: `left · diag(values) · rightᵀ`.
pub(crate) struct Svd {
    pub left: Mat<f64>,
    pub values: Vec<f64>,
    pub right: Mat<f64>,
}

/// `left · right`.
pub(crate) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut result = Mat::zeros(left.nrows(), right.ncols());
    product_into(result.as_mut(), left, right);
    result
}

/// `left · right`, in room that is there.
pub(crate) fn product_into(mut result: MatMut<'_, f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    matmul(&mut result, Accum::Replace, left, right, 1.0, Par::Seq);
    clear_wide_registers();
}

/// `leftᵀ · right`.
pub(crate) fn cross(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    product(left.transpose(), right)
}

/// Sum of the products of equal places.
pub(crate) fn inner(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> f64 {
    left.col_iter()
        .zip(right.col_iter())
        .map(|(left, right)| left.iter().zip(right.iter()).map(|(left, right)| left * right).sum::<f64>())
        .sum()
}

/// Sum of squares.
pub(crate) fn squared_norm(matrix: MatRef<'_, f64>) -> f64 {
    inner(matrix, matrix)
}

/// Squared length of every row.
pub(crate) fn row_norms(matrix: MatRef<'_, f64>) -> Vec<f64> {
    let mut norms = vec![0.0; matrix.nrows()];
    for column in matrix.col_iter() {
        norms.iter_mut().zip(column.iter()).for_each(|(norm, value)| *norm += value * value);
    }
    norms
}

/// Singular values, largest first.
pub(crate) fn singular_values(matrix: MatRef<'_, f64>) -> Result<Vec<f64>> {
    Ok(decompose(matrix, ComputeSvdVectors::No)?.values)
}

/// The thin singular value decomposition, largest values first.
pub(crate) fn thin_svd(matrix: MatRef<'_, f64>) -> Result<Svd> {
    decompose(matrix, ComputeSvdVectors::Thin)
}

/// `leftᵀ · left`.
pub(crate) fn gram(left: MatRef<'_, f64>) -> Mat<f64> {
    let size = left.ncols();
    let mut result = Mat::zeros(size, size);
    // One half is computed, the other copied.
    triangular::matmul(
        &mut result,
        BlockStructure::TriangularLower,
        Accum::Replace,
        left.transpose(),
        BlockStructure::Rectangular,
        left,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    clear_wide_registers();
    for column in 0..size {
        for row in 0..column {
            result[(row, column)] = result[(column, row)];
        }
    }
    result
}

/// Eigenvalues of a symmetric matrix, largest first, and its eigenvectors as columns.
pub(crate) fn eigen(matrix: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let size = matrix.nrows();
    let mut vectors = Mat::zeros(size, size);
    let mut values = Diag::zeros(size);
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence)?;
    clear_wide_registers();
    // They come smallest first.
    let values = values.column_vector().iter().rev().copied().collect();
    Ok((values, Mat::from_fn(size, size, |row, column| vectors[(row, size - 1 - column)])))
}

/// What a singular value becomes in the inverse with a ridge: `s / (s² + penalty)`, and 0 for 0/0.
pub(crate) fn regularised_inverse(value: f64, penalty: f64) -> f64 {
    let denominator = value * value + penalty;
    if denominator > 0.0 { value / denominator } else { 0.0 }
}

fn decompose(matrix: MatRef<'_, f64>, vectors: ComputeSvdVectors) -> Result<Svd> {
    let (rows, columns) = matrix.shape();
    let size = rows.min(columns);
    let kept = if vectors == ComputeSvdVectors::No { 0 } else { size };
    let mut left = Mat::zeros(rows, kept);
    let mut right = Mat::zeros(columns, kept);
    let mut values = Diag::zeros(size);
    let scratch = svd_scratch::<f64>(rows, columns, vectors, vectors, Par::Seq, Default::default());
    let wanted = vectors != ComputeSvdVectors::No;
    svd(
        matrix,
        values.as_mut(),
        wanted.then(|| left.as_mut()),
        wanted.then(|| right.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::NoConvergence)?;
    clear_wide_registers();
    let values = values.column_vector().iter().copied().collect();
    Ok(Svd { left, values, right })
}

/// Products leave the upper halves of vector registers in use, and whatever scalar arithmetic follows on that thread then
/// waits for them: an exponential takes five times as long.
fn clear_wide_registers() {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the instruction, and no caller may keep anything where it clears.
        unsafe { std::arch::x86_64::_mm256_zeroupper() };
    }
}

/// A matrix with the same `matrix · matrixᵀ` and no more columns than rows.
pub(crate) fn narrowed(matrix: Mat<f64>) -> Result<Mat<f64>> {
    if matrix.ncols() <= matrix.nrows() {
        return Ok(matrix);
    }
    let Svd { left, values, .. } = thin_svd(matrix.as_ref())?;
    Ok(Mat::from_fn(left.nrows(), left.ncols(), |row, column| left[(row, column)] * values[column]))
}
