//! In what form a network holds a variable.

use serde::{Deserialize, Serialize};

use super::Tidy;

/// One number about how one network holds a variable at one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncodingRow {
    /// The study's name.
    pub study: String,
    /// The encoding's name within the study.
    pub encoding: String,
    /// The network.
    pub network: String,
    /// The task that it does.
    pub task: String,
    /// Where it is read.
    pub site: String,
    /// The variable.
    pub variable: String,
    /// The period in question.
    pub period: u64,
    /// Seed of the sequences.
    pub seed: u64,
    /// The share of the variance between values that repeats with this period.
    pub variance_share: f64,
    /// What that share is of activity that moves along a straight line with the value.
    pub variance_share_of_a_line: f64,
    /// The share of vectors whose remainder of the value by this period a linear read-out tells, at values that it was not
    /// fitted to.
    pub decodability: f64,
    /// What that share is by chance.
    pub chance: f64,
    /// Vectors.
    pub samples: u64,
}

impl Tidy for EncodingRow {
    const COLUMNS: &'static [&'static str] = &[
        "study",
        "encoding",
        "network",
        "task",
        "site",
        "variable",
        "period",
        "seed",
        "variance_share",
        "variance_share_of_a_line",
        "decodability",
        "chance",
        "samples",
    ];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl EncodingRow {
    fn key(&self) -> impl Ord {
        (&self.study, &self.encoding, &self.site, &self.variable, &self.network, self.period, self.seed)
    }
}
