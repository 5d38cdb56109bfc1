//! Claims and their verdicts, computed from intervals and thresholds that are fixed here, never written by hand.
//!
//! A claim is an id, a statement and a function that turns a study's [`Evidence`] into [`Part`]s. A part is decided by
//! one interval and one [`Criterion`]: it *holds* when the interval lies on the claimed side of the threshold, *fails*
//! when it lies on the other side, and is *not decided* when the interval contains the threshold, when the study has no
//! such measurement, or when it has fewer than [`ENOUGH_NETWORKS`] networks: seeds are the sample for any statement
//! about networks in general. A claim holds with all of its parts and fails with any of them.
//!
//! The claims are those of Grant, *Model Alignment Search*, arXiv 2501.06164, and of its companions.

mod architectures;
mod compression;
mod every;
mod evidence;
mod inaccessible;
#[cfg(test)]
mod made_up;
mod numbers;
mod part;
mod scaling;
mod seeds;
mod stitching;
mod toxicity;
mod verdict;

pub use every::{Extreme, every_direction};
pub use evidence::{Evidence, Of};
pub use inaccessible::{CLMAS, WITH_ACCESS};
pub use part::{Measurement, Part};
pub use seeds::RSA_MEASURE;
pub use stitching::SEPARATE;
pub use verdict::{Criterion, ENOUGH_NETWORKS, EQUAL, HIGH, LOW, Verdict};

use crate::results::{ClaimRow, OVERALL};

/// A claim that evidence can decide.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// `C1`, …
    pub id: &'static str,
    /// The claim in one sentence.
    pub statement: &'static str,
    /// Its parts, given a study's evidence.
    pub parts: fn(&Evidence<'_>) -> Vec<Part>,
}

/// All claims that can be decided.
pub const CLAIMS: &[Claim] = &[
    seeds::CLAIM,
    architectures::CLAIM,
    compression::CLAIM,
    scaling::CLAIM,
    numbers::CLAIM,
    inaccessible::CLAIM,
    toxicity::CLAIM,
    stitching::CLAIM,
];

/// The claim of an id, whatever its case.
#[must_use]
pub fn claim(id: &str) -> Option<&'static Claim> {
    CLAIMS.iter().find(|claim| claim.id.eq_ignore_ascii_case(id))
}

impl Claim {
    /// The verdict: a row a part and one row for the whole, which comes first.
    #[must_use]
    pub fn decide(&self, evidence: &Evidence<'_>) -> Vec<ClaimRow> {
        let parts: Vec<ClaimRow> = (self.parts)(evidence).iter().map(|part| part.row(self.id)).collect();
        let count = |verdict| parts.iter().filter(|row| row.verdict == verdict).count();
        let overall = ClaimRow {
            claim: self.id.to_owned(),
            part: OVERALL.to_owned(),
            statement: self.statement.to_owned(),
            measured: format!(
                "{} of {} parts hold, {} fail, {} not decided",
                count(Verdict::Holds),
                parts.len(),
                count(Verdict::Fails),
                count(Verdict::NotDecided)
            ),
            value: None,
            low: None,
            high: None,
            threshold: "holds with every part, fails with any".to_owned(),
            verdict: Verdict::all(parts.iter().map(|row| row.verdict)),
        };
        std::iter::once(overall).chain(parts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Bootstrap;

    #[test]
    fn a_claim_is_found_by_its_id_whatever_its_case() {
        let evidence = Evidence { outcomes: &[], fits: &[], similarity: &[], bootstrap: Bootstrap::default() };
        assert!(claim("C99").is_none());
        assert_eq!(claim("c1").unwrap().decide(&evidence).len(), 10);
    }
}
