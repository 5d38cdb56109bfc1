//! Tidy results: one row a measurement, one CSV file a kind of row.
//!
//! Everything a study finds is written as rows that carry their own context (study, network names, site, `k`, seed,
//! control), so that they can be concatenated, filtered and plotted by any tool. No wall times and no dates are in
//! them: the same work gives the same bytes.
//!
//! - [`IiaRow`] – interchange intervention accuracy of one direction under one control (`iia.csv`)
//! - [`OutcomeRow`] – a single interchange and whether it came out right (`outcomes.csv`), from which intervals are made
//! - [`QuantityRow`] – what stands beside IIA: how far interchanged vectors leave natural ones (`divergence.csv`), and what
//!   the subspaces take (`capacity.csv`)
//! - [`SimilarityRow`] – a correlational measure between two networks (`similarity.csv`)
//! - [`EncodingRow`] – in what form a network holds a variable (`encoding.csv`)
//! - [`ClaimRow`] – a part of a claim with its threshold and verdict (`claims.csv`)
//! - [`FitRow`] – the course of one fit (`fit.csv`)
//!
//! ```
//! use mas_cli::results::{FitRow, from_csv, to_csv};
//!
//! let row = FitRow {
//!     step: 50,
//!     loss: Some(0.25),
//!     source: "gru-0".into(),
//!     target: "gru-1".into(),
//!     variable: "count".into(),
//!     iia: Some(0.875),
//!     token_accuracy: Some(0.9),
//!     cl_loss: None,
//! };
//! let text = to_csv(std::slice::from_ref(&row))?;
//! let columns = "step,loss,source,target,variable,iia,token_accuracy,cl_loss";
//! assert_eq!(text, format!("{columns}\n50,0.25,gru-0,gru-1,count,0.875,0.9,\n"));
//! assert_eq!(from_csv::<FitRow>(&text)?, [row]);
//! # Ok::<(), csv::Error>(())
//! ```

mod claim;
mod encoding;
mod fit;
mod flag;
mod iia;
mod outcome;
mod quantity;
mod similarity;
mod table;
mod unit;

pub(crate) use claim::BUT;
pub use claim::{ClaimRow, OVERALL};
pub use encoding::EncodingRow;
pub use fit::{FitCurve, FitRow};
pub use iia::{Control, IiaRow, NULL, Population, is_untrained, trained_name, untrained_twin};
pub use outcome::OutcomeRow;
pub use quantity::{Quantity, QuantityRow};
pub use similarity::SimilarityRow;
pub use table::{ResultsError, Tidy, from_csv, read_rows, to_csv, write_file, write_rows};
pub use unit::{AlignmentUnit, UnitOutcomes};
