//! Causal networks of blocks over a residual stream: what reading, resuming and interchange need of any of them.
//!
//! ```text
//! token → embedding (site `embedding`) → block 0 → … → block L−1 → logits of the next token
//!                                        site `layer.0` … `layer.L−1`
//! ```
//!
//! A site is the residual stream at one depth. It carries no state: what it is at one position depends on what earlier
//! positions have below it, and reaches later ones through the attention of the blocks above it.

mod frozen;
mod layout;
mod memory;
mod reading;
mod rollout;
mod rotary;

use burn::tensor::{Device, Int, Tensor};
use mas_core::Site;

pub use frozen::FrozenDecoder;
pub use layout::Layout;
pub use memory::Memory;
pub(crate) use reading::{Reading, Row};
pub(crate) use rollout::{rollout, run, teacher_forced};
pub use rotary::Rotary;

/// A causal network: an embedding, blocks that read earlier positions by attention, and logits of the next token.
pub trait Decoder: Clone + Send + Sync + Sized {
    /// Where the weights are.
    fn device(&self) -> Device;

    /// The same without autodiff.
    fn frozen(&self) -> Self;

    /// Number of tokens that it reads and predicts.
    fn vocabulary(&self) -> usize;

    /// Number of blocks.
    fn layers(&self) -> usize;

    /// How many tokens it can read.
    fn context(&self) -> usize {
        usize::MAX
    }

    /// The sites that can be read and written, from the embedding up, one for each depth.
    fn sites(&self) -> Vec<Site>;

    /// Width of the keys (and of the values) that a block keeps of one position.
    fn kept_width(&self) -> usize;

    /// How attention turns queries and keys by their position, if it does.
    fn rotary(&self) -> Option<Rotary>;

    /// How many rows of up to so many positions are read at once, which bounds memory.
    fn rows_at_once(&self, longest: usize) -> usize;

    /// How many rows of up to so many positions a gradient is computed of at once, which bounds memory.
    fn gradient_rows_at_once(&self, _longest: usize) -> usize {
        usize::MAX
    }

    /// What the first block reads (site `embedding`).
    ///
    /// - `tokens`: `[vector]`, each below the vocabulary's size
    /// - `positions`: `[vector]`
    /// - returns: `[vector, width]`
    fn embed(&self, tokens: Tensor<1, Int>, positions: &[usize]) -> Tensor<2>;

    /// The residual stream after a block.
    ///
    /// - `stream`: `[vector, width]`
    /// - `memory`: of earlier positions; is given those of these
    /// - `dropout`: 0 where dropped, else 1 / (1 − p), for networks that have it
    /// - returns: `[vector, width]`
    fn block(
        &self,
        layer: usize,
        stream: Tensor<2>,
        layout: &Layout,
        memory: &mut Memory,
        dropout: Option<Tensor<2>>,
    ) -> Tensor<2>;

    /// Logits of the next token.
    ///
    /// - `stream`: the residual stream after the last block, `[vector, width]`
    /// - returns: `[vector, vocabulary]`
    fn logits(&self, stream: Tensor<2>) -> Tensor<2>;
}
