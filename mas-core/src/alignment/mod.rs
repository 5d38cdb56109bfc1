//! Alignment functions, one invertible function per network, and the subspaces that they share.

mod decomposition;
mod evaluated;
mod exponential;
mod files;
mod function;
mod kind;
mod linear;
mod matched;
mod orthogonal;
mod part;
mod prestep;
mod prestep_parts;
mod relaxed;
mod revnet;
mod scaled;
mod start;
mod stored;
mod subspaces;

use burn::prelude::*;

pub use evaluated::Evaluated;
pub use exponential::matrix_exponential;
pub use files::{Alignment, Member};
pub use function::{AlignmentFunction, Map};
pub use kind::FunctionKind;
pub use linear::Linear;
pub use orthogonal::{Orthogonal, Parametrisation};
pub use prestep::{PreStep, Squash};
pub use prestep_parts::PreStepParts;
pub use relaxed::Relaxed;
pub use revnet::Revnet;
pub use scaled::Scaled;
pub use start::{FunctionConfig, MatchedActivity, Start};
pub use subspaces::{Subspace, Subspaces};

/// The sign of each entry, 1 for zero, untracked.
fn sign(tensor: &Tensor<2>) -> Tensor<2> {
    tensor.clone().inner().greater_equal_elem(0.0).float() * 2.0 - 1.0
}
