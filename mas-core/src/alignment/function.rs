use std::ops::Range;

use burn::prelude::*;

use super::{Orthogonal, PreStep};
use crate::{Error, Result};

/// The invertible alignment function of one network at one site: a [`PreStep`] and then a rotation,
/// `A(h) = Qᵀ x(h)`.
#[derive(Debug, Clone)]
pub struct AlignmentFunction {
    prestep: PreStep,
    map: Orthogonal,
}

impl AlignmentFunction {
    /// The rotation `map` alone.
    pub fn new(map: Orthogonal) -> Self {
        Self { prestep: PreStep::default(), map }
    }

    /// Puts `prestep` before the rotation.
    pub fn with_prestep(mut self, prestep: PreStep) -> Self {
        self.prestep = prestep;
        self
    }

    /// Number of coordinates of the activity that it takes.
    pub fn width(&self) -> usize {
        self.map.width()
    }

    /// The rotation.
    pub fn map(&self) -> &Orthogonal {
        &self.map
    }

    /// What comes before the rotation.
    pub fn prestep(&self) -> &PreStep {
        &self.prestep
    }

    /// Everything that a fit learns.
    pub fn parameters(&self) -> Vec<Tensor<2>> {
        vec![self.map.parameters().clone()]
    }

    /// Replaces what a fit learns; the order is that of [`parameters`](Self::parameters).
    ///
    /// # Errors
    /// Another number of tensors, or other shapes.
    pub fn set_parameters(&mut self, parameters: Vec<Tensor<2>>) -> Result<()> {
        let shapes = |tensors: &[Tensor<2>]| tensors.iter().map(|t| t.dims()).collect::<Vec<_>>();
        let (new, old) = (shapes(&parameters), shapes(&self.parameters()));
        if new != old {
            return Err(Error::invalid(format!("alignment parameters have the shapes {new:?}, expected {old:?}")));
        }
        for parameters in parameters {
            self.map.set_parameters(parameters);
        }
        Ok(())
    }

    /// The function with the first `columns` aligned coordinates ready for use: what an interchange needs,
    /// computed once and used for any number of directions.
    ///
    /// # Errors
    /// More columns than the width.
    pub fn evaluate(&self, columns: usize) -> Result<Evaluated<'_>> {
        self.evaluate_with(&self.parameters(), columns)
    }

    /// As [`evaluate`](Self::evaluate), with `parameters` (tracked, in a fit) in place of the stored ones.
    pub(crate) fn evaluate_with(&self, parameters: &[Tensor<2>], columns: usize) -> Result<Evaluated<'_>> {
        if columns > self.width() {
            return Err(Error::invalid(format!(
                "the subspaces need {columns} aligned coordinates, but the activity has only {}",
                self.width()
            )));
        }
        Ok(Evaluated { prestep: &self.prestep, frame: self.map.frame(parameters[0].clone(), columns) })
    }
}

/// An [`AlignmentFunction`] at its present parameters.
///
/// With the columns `Q` of a block and `x = (squash⁻¹(h) − μ)/σ + b`, only those columns are ever used
/// (Grant, arXiv 2501.06164): reading is `Qᵀx`, and writing `v` changes `squash⁻¹(h)` by `σ ⊙ Q(v − Qᵀx)`.
#[derive(Debug, Clone)]
pub struct Evaluated<'a> {
    prestep: &'a PreStep,
    frame: Tensor<2>,
}

impl<'a> Evaluated<'a> {
    /// A function whose orthonormal `frame`, `[width, columns]`, comes from elsewhere.
    pub fn from_frame(prestep: &'a PreStep, frame: Tensor<2>) -> Self {
        Self { prestep, frame }
    }

    /// The orthonormal frame, `[width, columns]`.
    pub fn frame(&self) -> &Tensor<2> {
        &self.frame
    }

    fn block(&self, block: Range<usize>) -> Tensor<2> {
        let [width, columns] = self.frame.dims();
        if block == (0..columns) { self.frame.clone() } else { self.frame.clone().slice([0..width, block]) }
    }

    /// The aligned coordinates of `block`.
    ///
    /// - `activity`: `[row, width]`
    /// - returns `[row, block]`
    pub fn read(&self, activity: Tensor<2>, block: Range<usize>) -> Tensor<2> {
        self.prestep.standardise(self.prestep.unsquash(activity)).matmul(self.block(block))
    }

    /// The activity whose aligned coordinates are those of `activity`, but `values` in `block`.
    ///
    /// - `activity`: `[row, width]`
    /// - `values`: `[row, block]`
    /// - returns `[row, width]`
    pub fn write(&self, activity: Tensor<2>, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let frame = self.block(block);
        let z = self.prestep.unsquash(activity);
        let own = self.prestep.standardise(z.clone()).matmul(frame.clone());
        let change = (values - own).matmul(frame.transpose());
        self.prestep.resquash(z + self.prestep.rescale(change))
    }

    /// The activity whose aligned coordinates are `values` in `block` and zero elsewhere: nothing of the
    /// target is kept, as in model stitching.
    ///
    /// - `values`: `[row, block]`
    /// - returns `[row, width]`
    pub fn replace(&self, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let x = values.matmul(self.block(block).transpose());
        self.prestep.resquash(self.prestep.destandardise(x))
    }
}
