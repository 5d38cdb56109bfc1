//! The report: one self-contained HTML page with its figures, and every figure's numbers as CSV beside it.
//!
//! [`write_report`] takes [`ReportData`], which anything that has results can build, and writes
//!
//! ```text
//! index.html          the page: no scripts, nothing loaded, light and dark
//! claims.csv          the verdicts
//! iia.csv             IIA of every direction
//! divergence.csv      how far interchanged vectors leave natural ones
//! capacity.csv        what the subspaces take
//! similarity.csv      correlational measures
//! encoding.csv        in what form networks hold a variable, where a study asks for it
//! figures/NAME.svg    each figure, also light and dark
//! figures/NAME.csv    what it is drawn from
//! ```
//!
//! The same data gives the same bytes. [`main_figure`] gives the figure that a README shows,
//! [`similarity_figure`] the heat map of `mas compare`.

mod bars;
mod beside;
mod canvas;
mod curves;
mod data;
mod divergence;
mod encodings;
#[cfg(test)]
pub(crate) mod example;
mod figure;
mod heatmap;
mod lines;
mod page;
mod pooled;
mod similarities;
mod table;
mod theme;
mod write;

pub use bars::main_figure;
pub use data::{NetworkSummary, Provenance, ReportData, StudyReport, TrainingCurve, TrainingPoint};
pub(crate) use encodings::{HEADING as ENCODINGS, encoding_table};
pub use figure::{Drawing, Figure};
pub use similarities::{SimilarityMatrix, similarity_figure};
pub use table::{Cell, Table};
pub use write::{ReportError, write_report};
