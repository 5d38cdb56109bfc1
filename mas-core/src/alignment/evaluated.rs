use std::ops::Range;

use burn::prelude::*;

use super::{PreStep, revnet::Coupling};
use crate::Result;

/// An [`AlignmentFunction`](super::AlignmentFunction) at its present parameters: computed once, used for any number of
/// directions.
///
/// Where the map is linear, `A(h) = x W` with `x = (squash⁻¹(h) − μ)/σ + b`, only the columns of `W` and the rows of
/// `W⁻¹` that belong to a block are used (Grant, arXiv 2501.06164): reading is `x W_b`, and writing `v` changes
/// `squash⁻¹(h)` by `σ ⊙ (v − x W_b) (W⁻¹)_b`. Of a rotation, `W⁻¹ = Wᵀ`.
#[derive(Debug, Clone)]
pub struct Evaluated {
    prestep: PreStep,
    map: Evaluation,
}

/// What a map comes to.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are as few of them as networks")]
pub(super) enum Evaluation {
    /// Columns of a matrix, `[width, columns]`, and rows of its inverse, `[columns, width]`.
    Linear { read: Tensor<2>, write: Tensor<2> },
    /// Coupling blocks.
    Coupling(Coupling),
}

impl Evaluation {
    /// A map with orthonormal columns `frame`, `[width, columns]`.
    pub fn orthonormal(frame: Tensor<2>) -> Self {
        Self::Linear { write: frame.clone().transpose(), read: frame }
    }
}

impl Evaluated {
    pub(super) fn new(prestep: PreStep, map: Evaluation) -> Self {
        Self { prestep, map }
    }

    /// A function whose orthonormal `frame`, `[width, columns]`, comes from elsewhere.
    pub fn from_frame(prestep: &PreStep, frame: Tensor<2>) -> Self {
        Self::new(prestep.clone(), Evaluation::orthonormal(frame))
    }

    /// A function of a linear map that comes from elsewhere: the first columns of its matrix, `read` `[width, columns]`,
    /// and the first rows of the inverse, `write` `[columns, width]`.
    pub fn from_matrices(prestep: &PreStep, read: Tensor<2>, write: Tensor<2>) -> Self {
        Self::new(prestep.clone(), Evaluation::Linear { read, write })
    }

    /// What reads: the columns of the map's matrix, `[width, columns]`, orthonormal where the map is a rotation. A map
    /// that is not linear has none.
    pub fn frame(&self) -> Option<&Tensor<2>> {
        match &self.map {
            Evaluation::Linear { read, .. } => Some(read),
            Evaluation::Coupling(_) => None,
        }
    }

    /// What writes: the rows of the inverse of the map's matrix, `[columns, width]`; of a rotation the transpose of
    /// [`frame`](Self::frame). A map that is not linear has none.
    pub fn inverse_frame(&self) -> Option<&Tensor<2>> {
        match &self.map {
            Evaluation::Linear { write, .. } => Some(write),
            Evaluation::Coupling(_) => None,
        }
    }

    /// Number of aligned coordinates that are at hand.
    pub fn columns(&self) -> usize {
        match &self.map {
            Evaluation::Linear { read, .. } => read.dims()[1],
            Evaluation::Coupling(coupling) => coupling.columns,
        }
    }

    /// What the map is given of `activity`, that is the activity after the pre-step; both `[row, width]`.
    pub fn before_map(&self, activity: Tensor<2>) -> Tensor<2> {
        self.prestep.standardise(self.prestep.unsquash(activity))
    }

    /// The aligned coordinates of `block`. Those of all coordinates are the function's value.
    ///
    /// - `activity`: `[row, width]`
    /// - returns `[row, block]`
    pub fn read(&self, activity: Tensor<2>, block: Range<usize>) -> Tensor<2> {
        let x = self.before_map(activity);
        match &self.map {
            Evaluation::Linear { read, .. } => x.matmul(columns_of(read, block)),
            Evaluation::Coupling(coupling) => columns_of(&coupling.forward(x), block),
        }
    }

    /// The activity whose aligned coordinates are those of `activity`, but `values` in `block`.
    ///
    /// - `activity`: `[row, width]`
    /// - `values`: `[row, block]`
    /// - returns `[row, width]`
    pub fn write(&self, activity: Tensor<2>, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let z = self.prestep.unsquash(activity);
        let x = self.prestep.standardise(z.clone());
        match &self.map {
            Evaluation::Linear { read, write } => {
                let own = x.matmul(columns_of(read, block.clone()));
                let change = (values - own).matmul(rows_of(write, block));
                self.prestep.resquash(z + self.prestep.rescale(change))
            }
            Evaluation::Coupling(coupling) => {
                let x = coupling.inverse(coupling.put(coupling.forward(x), block, values));
                self.prestep.resquash(self.prestep.destandardise(x))
            }
        }
    }

    /// The activity whose aligned coordinates are `values` in `block` and zero elsewhere: nothing of the
    /// target is kept, as in model stitching. Of all coordinates, this is the function's inverse.
    ///
    /// - `values`: `[row, block]`
    /// - returns `[row, width]`
    pub fn replace(&self, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let x = match &self.map {
            Evaluation::Linear { write, .. } => values.matmul(rows_of(write, block)),
            Evaluation::Coupling(coupling) => coupling.inverse(coupling.only(block, values)),
        };
        self.prestep.resquash(self.prestep.destandardise(x))
    }

    /// Largest over smallest singular value of the map's Jacobian, the pre-step apart, at each row of `activity`,
    /// `[row, width]`, of a map that is not linear; `None` for the others.
    pub(super) fn coupling_conditions(&self, activity: Tensor<2>) -> Option<Result<Vec<f64>>> {
        match &self.map {
            Evaluation::Linear { .. } => None,
            Evaluation::Coupling(coupling) => Some(coupling.condition_numbers(self.before_map(activity))),
        }
    }
}

fn columns_of(matrix: &Tensor<2>, block: Range<usize>) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    if block == (0..columns) { matrix.clone() } else { matrix.clone().slice([0..rows, block]) }
}

fn rows_of(matrix: &Tensor<2>, block: Range<usize>) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    if block == (0..rows) { matrix.clone() } else { matrix.clone().slice([block, 0..columns]) }
}
