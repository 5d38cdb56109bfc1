//! Single interchanges: what intervals and claims are computed from.

use serde::{Deserialize, Serialize};

use super::{Control, Tidy, flag};

/// One held-out interchange of one direction and whether it came out right.
///
/// Pairs share sequences, so they are not independent: the sequence ids are here for intervals to keep together
/// what belongs together. An id names a sequence of the alignment's held-out data; directions that use the same
/// sequence should give it the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// The network whose activity was sent.
    pub source: String,
    /// The network that received it.
    pub target: String,
    /// The causal variable that was interchanged.
    pub variable: String,
    /// What was measured.
    pub control: Control,
    /// Number of the pair within its direction and variable.
    pub pair: u64,
    /// The sequence that the source read. For [`Control::Ceiling`], which has no source, the target's own.
    pub source_sequence: u64,
    /// The sequence that the target read.
    pub target_sequence: u64,
    /// Whether the counterfactual response differs from the target's own.
    #[serde(with = "flag")]
    pub changed: bool,
    /// Whether the source or the target has a number of demonstrations that no network was trained on.
    #[serde(with = "flag")]
    pub held_out_count: bool,
    /// Whether every response token was right.
    #[serde(with = "flag")]
    pub correct: bool,
    /// Response tokens that were right.
    pub tokens_correct: u64,
    /// Response tokens.
    pub tokens: u64,
}

impl Tidy for OutcomeRow {
    const COLUMNS: &'static [&'static str] = &[
        "source",
        "target",
        "variable",
        "control",
        "pair",
        "source_sequence",
        "target_sequence",
        "changed",
        "held_out_count",
        "correct",
        "tokens_correct",
        "tokens",
    ];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl OutcomeRow {
    fn key(&self) -> impl Ord {
        (self.control, &self.variable, &self.source, &self.target, self.pair)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{from_csv, to_csv};

    pub(in crate::results) fn row() -> OutcomeRow {
        OutcomeRow {
            source: "gru-0".into(),
            target: "gru-1".into(),
            variable: "count".into(),
            control: Control::MeanSwap,
            pair: 3,
            source_sequence: 10,
            target_sequence: 11,
            changed: true,
            held_out_count: false,
            correct: true,
            tokens_correct: 5,
            tokens: 5,
        }
    }

    #[test]
    fn flags_are_digits() {
        let text = to_csv(&[row()]).unwrap();
        assert!(text.ends_with("gru-0,gru-1,count,mean-swap,3,10,11,1,0,1,5,5\n"), "{text}");
        assert_eq!(from_csv::<OutcomeRow>(&text).unwrap(), [row()]);
        assert!(from_csv::<OutcomeRow>(&text.replace(",1,0,1,", ",2,0,1,")).is_err());
    }
}
