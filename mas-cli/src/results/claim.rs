//! Verdicts as rows.

use serde::{Deserialize, Serialize};

use super::Tidy;
use crate::claims::{PartKind, Verdict};

/// The `part` of the row that sums a claim up.
pub const OVERALL: &str = "overall";

/// What comes between what was measured for a claim and the controls that fail.
pub(crate) const BUT: &str = "; but ";

/// One part of a claim, or its sum ([`OVERALL`]), with what was measured, the threshold and the verdict.
///
/// Rows keep the order in which they were decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// The claim's id, `C1` to `C8`.
    pub claim: String,
    /// The part's id, or [`OVERALL`].
    pub part: String,
    /// Whether it is claimed or says what the claim is worth; the sum is made of what is claimed alone.
    pub kind: PartKind,
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

impl ClaimRow {
    /// What is to be said beside the verdict on the whole of a claim: the controls that fail.
    #[must_use]
    pub fn but(&self) -> Option<&str> {
        if self.part == OVERALL { self.measured.split_once(BUT).map(|(_, but)| but) } else { None }
    }
}

impl Tidy for ClaimRow {
    const COLUMNS: &'static [&'static str] =
        &["claim", "part", "kind", "statement", "measured", "value", "low", "high", "threshold", "verdict"];
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{from_csv, to_csv};

    pub(in crate::results) fn row() -> ClaimRow {
        ClaimRow {
            claim: "C1".into(),
            part: OVERALL.into(),
            kind: PartKind::Stated,
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
