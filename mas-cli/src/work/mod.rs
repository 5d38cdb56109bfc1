//! What units of work do: the same for a command that does one and for a study of many.

mod align;
mod blocks;
mod encoding;
mod similarity;
mod train;

pub use align::{
    Aligned, AlignmentSettings, CAPACITY, DIVERGENCE, FIT, NetworkPlace, OUTCOMES, PairCounts, align, is_aligned,
    remeasure,
};
pub use blocks::Blocks;
pub use encoding::encoding;
pub use similarity::similarity;
pub use train::{NETWORK, train};
