//! The transformer of arXiv 2501.06164: a causal next-token predictor with rotary encoding.
//!
//! ```text
//! token → embedding (site `embedding`) → block 0 → … → block L−1 → layer norm → logits of the next token
//!                                        site `layer.0` … `layer.L−1`            (site `logits`)
//! ```
//!
//! A site is the residual stream at one depth. It carries no state: what it is at one position depends on what earlier
//! positions have below it, and reaches later ones through the attention of the blocks above it.

mod block;
mod config;
mod frozen;
mod layout;
mod linear;
mod memory;
mod network;
mod reading;
mod run;

pub use config::{NormPlacement, TransformerConfig};
pub use frozen::FrozenTransformer;
pub use network::Transformer;
