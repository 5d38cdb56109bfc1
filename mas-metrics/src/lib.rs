//! How alike are two activities, by correlation: RSA, CKA, CCA, Procrustes, predictivity, mutual neighbours.
//!
//! These are the baselines beside which an interchange intervention is read: they say whether the *geometry* or the
//! *linear content* of two recordings agree, never whether either is used. Each measure is a function of two [`Samples`]
//! with its formula, source, range and invariances; [`compare`] adds to any of them a permutation null and a bootstrap
//! interval.
//!
//! Beside the measures stand closed-form stitchers ([`least_squares_stitcher`], [`orthogonal_stitcher`]), which give the
//! explicit map between two activities, and what is asked of an edit of activity: how far it leaves natural activity
//! ([`divergences`]), and what the edited subspace takes ([`variance_share`], [`principal_angles`], [`RowSpace`]).
//!
//! Everything is computed in 64 bits and gives the same bytes at any number of threads.
//!
//! ```
//! use mas_core::Activity;
//! use mas_metrics::{Measure, Options, Samples, compare};
//!
//! // Four inputs; b is a, turned by a right angle, twice as large and moved.
//! let a = Activity::from_samples(vec![1., 0., 3., 1., -2., 0.5, 0., -1.], 2)?;
//! let b = Activity::from_samples(vec![5., 7., 3., 11., 4., 1., 7., 5.], 2)?;
//! let (a, b) = Samples::paired(&a, &b)?;
//!
//! let measures: Vec<Measure> =
//!     ["cka_linear", "rsa_euclidean_spearman", "procrustes"].iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
//! for outcome in compare(&a, &b, &measures, &Options { permutations: 20, bootstraps: 0, seed: 1 })? {
//!     assert!((outcome.value - 1.0).abs() < 1e-12, "{}", outcome.measure);
//!     assert!(outcome.null_mean.is_some_and(|mean| mean < 1.0));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs)]

mod algebra;
mod capacity;
mod cca;
mod cka_kernel;
mod cka_linear;
mod compare;
mod comparison;
mod correlation;
mod dissimilarity;
mod divergence;
mod encoding;
mod error;
mod kendall;
mod measure;
mod moments;
mod neighbours;
mod predictivity;
mod procrustes;
mod ranking;
mod resampling;
mod rsa;
mod samples;
mod stitching;
mod streaming;
mod sums;
mod tables;
mod warnings;

pub use capacity::{RowSpace, principal_angles, variance_share};
pub use cca::{Components, canonical_correlations, cca_mean, pwcca, svcca};
pub use cka_kernel::{cka_rbf, cka_rbf_debiased};
pub use cka_linear::{cka_linear, cka_linear_debiased};
pub use compare::{Options, Outcome, compare, compare_each};
pub use correlation::Correlation;
pub use dissimilarity::{Distance, dissimilarities};
pub use divergence::{Divergence, Divergences, divergence, divergences};
pub use encoding::{linear_decodability, period_share};
pub use error::{Error, Result};
pub use measure::{Measure, ReferenceDistance};
pub use neighbours::mutual_knn;
pub use predictivity::predictivity;
pub use procrustes::{procrustes, procrustes_angular, procrustes_euclidean};
pub use rsa::Rsa;
pub use samples::{Samples, distinct_rows, draw_rows};
pub use stitching::{Stitcher, StitchingFit, least_squares_stitcher, orthogonal_stitcher};
pub use streaming::{Limits, compare_files};
