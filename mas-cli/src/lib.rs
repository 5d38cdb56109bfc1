//! Studies of Model Alignment Search (arXiv 2501.06164): the library behind the program `mas`.
//!
//! A [`study`] file says what to compare; it becomes a plan of units, whose results live in a run folder ([`runs`]) and
//! are never computed twice. [`work`] is what units do, [`results`] the tidy tables that they leave, [`claims`] the
//! verdicts, [`report`] the page.
#![warn(missing_docs)]

pub mod claims;
pub mod commands;
pub mod device;
mod error;
mod exchanges;
pub mod given;
pub mod networks;
mod prompted;
pub mod report;
pub mod results;
pub mod runs;
mod seeds;
pub mod statistics;
mod studies;
pub mod study;
mod texts;
mod tokens;
pub mod toxicity;
pub mod work;

pub use error::{Error, Result};
