//! Alignment functions, one invertible function per network, and the subspaces that they share.

mod files;
mod function;
mod orthogonal;
mod prestep;
mod subspaces;

pub use files::{Alignment, Member};
pub use function::{AlignmentFunction, Evaluated};
pub use orthogonal::{Orthogonal, matrix_exponential};
pub use prestep::{PreStep, Squash};
pub use subspaces::{Subspace, Subspaces};
