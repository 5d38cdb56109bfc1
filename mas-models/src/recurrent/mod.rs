//! Recurrent next-token predictors of arXiv 2501.06164: an embedding, layers of recurrent cells, a read-out.
//!
//! ```text
//! token → embedding (site `embedding`) → cell 0 → … → cell L−1 → read-out → logits of the next token
//!                                        site `hidden.0` … `hidden.L−1` (= `hidden`)
//! ```
//!
//! A layer's state after each update is what an interchange reads and writes: it feeds the layer above,
//! or the read-out, and the next step. An LSTM's is `[h ; c]`; the layer above and the read-out see `h` only.

mod cell;
mod config;
mod frozen;
mod fused;
mod gru;
mod lstm;
mod network;
mod read_out;
mod resumed;
mod rnn;
mod rollout;

pub use cell::Cell;
pub use config::{CellKind, RecurrentConfig};
pub use frozen::Frozen;
pub use gru::Gru;
pub use lstm::Lstm;
pub use network::{Recurrent, RecurrentState};
pub use read_out::ReadOut;
pub use rnn::Rnn;
