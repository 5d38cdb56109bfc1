use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

/// A frozen matrix, kept in both orders: so a product with it or with its transpose reads what lies side by side, and
/// nothing is rearranged in every step.
pub(super) struct Weight {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
    transposed: Vec<f32>,
}

impl Weight {
    /// - `values`: `[rows, columns]`, row-major
    pub fn new(values: Vec<f32>, rows: usize, columns: usize) -> Self {
        let transposed = (0..columns)
            .flat_map(|column| (0..rows).map(move |row| (row, column)))
            .map(|(row, column)| values[row * columns + column])
            .collect();
        Self { rows, columns, values, transposed }
    }

    /// `left · weight` into `out`.
    ///
    /// - `left`: `[n, rows]`
    /// - `out`: `[n, columns]`
    pub fn product(&self, left: &[f32], out: &mut [f32], how: Accum) {
        product(left, &self.values, out, [self.rows, self.columns], how);
    }

    /// `left · weightᵀ` into `out`.
    ///
    /// - `left`: `[n, columns]`
    /// - `out`: `[n, rows]`
    pub fn product_transposed(&self, left: &[f32], out: &mut [f32], how: Accum) {
        product(left, &self.transposed, out, [self.columns, self.rows], how);
    }
}

/// On this thread alone: at these sizes, threads have rows of their own.
fn product(left: &[f32], right: &[f32], out: &mut [f32], [inner, columns]: [usize; 2], how: Accum) {
    let n = left.len() / inner;
    matmul(
        MatMut::from_row_major_slice_mut(out, n, columns),
        how,
        MatRef::from_row_major_slice(left, n, inner),
        MatRef::from_row_major_slice(right, inner, columns),
        1.0,
        Par::Seq,
    );
}
