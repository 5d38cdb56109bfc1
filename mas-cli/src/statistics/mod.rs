//! Intervals over results.
//!
//! What is resampled decides what an interval is about. [`cluster_interval`] resamples held-out sequences and speaks of
//! *these* networks; [`network_interval`] resamples networks and, within each, sequences (a hierarchical bootstrap) and
//! speaks of networks in general, as far as a handful of them can.
//!
//! Two things are always done, because a bare percentile bootstrap gets them wrong:
//!
//! - Pairs that share a sequence stay together. Clusters are the *target's* sequences: the target's own trial decides
//!   most of what an interchange can come to (how much response is left, whether the plan allows the counterfactual).
//! - When every pair is right, every resample is all right, and the percentile interval is [1, 1], as if infinitely many
//!   pairs had been tried. Intervals are therefore the union of the bootstrap's with the exact binomial (Clopper–Pearson)
//!   interval whose sample size is the number of sequences, not of pairs. They are never of zero width. (Measures that are no shares
//!   have no such interval: [`tie_interval`].)
//!
//! All of it is seeded: the same rows give the same intervals.
//!
//! With few networks a percentile bootstrap is somewhat too narrow (its variance is (n − 1)/n of what it should be);
//! this is why fewer than five decide nothing.

mod binomial;
mod cluster;
mod equivalence;
mod interval;
mod network;
mod summary;

pub use binomial::binomial_interval;
pub use cluster::{Cluster, cluster_interval};
pub use equivalence::{Equivalence, equivalence};
pub use interval::{Bootstrap, Interval};
pub use network::{Direction, Tie, network_difference, network_interval, network_names, share_interval, tie_interval};
pub use summary::{directions, iia_rows};
