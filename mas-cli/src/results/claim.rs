//! Verdicts as rows.

use serde::{Deserialize, Serialize};

use super::Tidy;
use crate::claims::Verdict;

/// The `part` of the row that sums a claim up.
pub const OVERALL: &str = "overall";

/// One part of a claim, or its sum ([`OVERALL`]), with what was measured, the threshold and the verdict.
///
/// Rows keep the order in which they were decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The claim's id, `C1` to `C8`.
    pub claim: String,
    /// The part's id, or [`OVERALL`].
    pub part: String,
    /// The statement that is decided.
    pub statement: String,
    /// What was measured, in words.
    pub measured: String,
    /// The value, where there is one number.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
    /// The rule and threshold, in words.
    pub threshold: String,
    /// What follows.
    pub verdict: Verdict,
}

impl Tidy for ClaimRow {
    const COLUMNS: &'static [&'static str] =
        &["claim", "part", "statement", "measured", "value", "low", "high", "threshold", "verdict"];
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{from_csv, to_csv};

    pub(in crate::results) fn row() -> ClaimRow {
        ClaimRow {
            claim: "C1".into(),
            part: OVERALL.into(),
            statement: "all of it".into(),
            measured: "nothing".into(),
            value: None,
            low: Some(0.5),
            high: None,
            threshold: "≥ 0.90".into(),
            verdict: Verdict::NotDecided,
        }
    }

    #[test]
    fn verdicts_are_spelled_out() {
        let text = to_csv(&[row()]).unwrap();
        assert!(text.ends_with(",≥ 0.90,not decided\n"), "{text}");
        assert_eq!(from_csv::<ClaimRow>(&text).unwrap(), [row()]);
    }
}
