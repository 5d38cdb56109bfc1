use burn::prelude::*;

use super::evaluated::Evaluation;
use crate::Result;

/// A tensor and what it is called beside an alignment.
pub(super) type Named<'a> = (String, &'a Tensor<2>);

/// What every map of the family has.
pub(super) trait Part {
    /// Number of coordinates of the activity that it takes.
    fn width(&self) -> usize;

    /// Number of aligned coordinates that it can give.
    fn columns(&self) -> usize;

    /// What a fit learns.
    fn learned(&self) -> Vec<Named<'_>>;

    /// What else it needs.
    fn fixed(&self) -> Vec<Named<'_>>;

    /// The tensors of [`learned`](Self::learned), in its order.
    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>>;

    /// The first `columns` aligned coordinates, with `learned` (perhaps tracked) in place of the stored tensors.
    ///
    /// # Errors
    /// A map that has no inverse.
    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation>;

    /// How many learned numbers the map depends on.
    fn parameter_count(&self) -> usize;

    /// Largest over smallest singular value of its Jacobian, where that is the same everywhere.
    ///
    /// # Errors
    /// A map that is not finite.
    fn condition_number(&self) -> Result<Option<f64>>;
}
