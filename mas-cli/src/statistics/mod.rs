//! Intervals over results.
//!
//! What varies decides what an interval is about. [`cluster_interval`] is over held-out sequences and speaks of *these*
//! networks; [`mean_interval`] is of numbers about networks or pairs of them, each number of which may be a difference
//! within those, and speaks of networks in general, as far as a handful of them can.
//!
//! Two things are always done, because simpler intervals get them wrong:
//!
//! - Pairs that share a sequence stay together. Clusters are the *target's* sequences: the target's own trial decides
//!   most of what an interchange can come to (how much response is left, whether the plan allows the counterfactual).
//! - When every pair is right, nothing varies, and an interval made of variation would be [1, 1], as if infinitely many
//!   pairs had been tried. Shares have the exact binomial (Clopper–Pearson) interval then, whose sample size is the number
//!   of sequences, not of pairs. Only measures that are no shares can have an interval without width.
//!
//! Nothing is drawn at random: the same rows give the same intervals. How often they cover the truth is simulated by
//! `cargo test --release --workspace --test coverage -- --ignored --nocapture`.

mod binomial;
mod cluster;
mod components;
mod direction;
mod equivalence;
mod interval;
mod permutation;
mod summary;
mod unit;

pub use binomial::binomial_interval;
pub use cluster::{Cluster, cluster_interval};
pub use direction::{Direction, Tie, network_names};
pub use equivalence::{Equivalence, equivalence};
pub use interval::Interval;
pub use permutation::{MOST_PERMUTED, permutation_p};
pub use summary::{directions, iia_rows};
pub use unit::{Score, Unit, mean_interval, networks_of};

/// The coverage of intervals where nothing else is said.
pub const LEVEL: f64 = 0.95;
