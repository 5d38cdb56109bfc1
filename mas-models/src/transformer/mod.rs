//! The transformer of arXiv 2501.06164: a causal next-token predictor with rotary encoding.
//!
//! ```text
//! token → embedding (site `embedding`) → block 0 → … → block L−1 → layer norm → logits of the next token
//!                                        site `layer.0` … `layer.L−1`            (site `logits`)
//! ```

mod block;
mod config;
mod linear;
mod network;

pub use config::{NormPlacement, TransformerConfig};
pub use network::Transformer;

/// A trained [`Transformer`] with frozen weights.
pub type FrozenTransformer = crate::decoder::FrozenDecoder<Transformer>;
