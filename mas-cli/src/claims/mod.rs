//! Claims and their verdicts, computed from intervals and thresholds that are fixed here, never written by hand.
//!
//! A claim is an id, a statement and a function that turns a study's [`Evidence`] into [`Part`]s. A part is decided by
//! one interval and one [`Criterion`]: it *holds* when the interval lies on the claimed side of the threshold, *fails*
//! when it lies on the other side, and is *not decided* when the interval contains the threshold, when the study has no
//! such measurement, or when it has fewer than [`ENOUGH_NETWORKS`] networks: seeds are the sample for any statement
//! about networks in general.
//!
//! Parts are of two kinds ([`PartKind`]). *Stated* ones are what is asserted: the claim holds with all of them and fails
//! with any. *Controls* say what that is worth. Each has a verdict of its own, and one that fails is said beside the
//! claim's: "holds; but an untrained network does as well at the embedding".
//!
//! What compares methods, sites or sizes is paired: the difference is taken within the same networks, or pairs of
//! networks, and the interval is of the mean difference. MAS goes both ways: where two networks are said to align, a
//! pair's number is the smaller of its two cross directions.
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

pub use every::every_direction;
pub use evidence::{Directions, Evidence, Of};
pub use inaccessible::{CLMAS, WITH_ACCESS};
pub use part::{Found, Measurement, Part, PartKind};
pub use seeds::RSA_MEASURE;
pub use stitching::SEPARATE;
pub use verdict::{BY_CHANCE, Criterion, ENOUGH_NETWORKS, EQUAL, HIGH, LOW, Verdict};

use crate::results::{BUT, ClaimRow, OVERALL};

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
    /// The verdict: one row for the whole, which comes first, and a row a part, those that are stated before controls.
    #[must_use]
    pub fn decide(&self, evidence: &Evidence<'_>) -> Vec<ClaimRow> {
        let mut parts = (self.parts)(evidence);
        parts.sort_by_key(|part| part.kind == PartKind::Control);
        let stated: Vec<Verdict> =
            parts.iter().filter(|part| part.kind == PartKind::Stated).map(Part::verdict).collect();
        let count = |verdict| stated.iter().filter(|&&one| one == verdict).count();
        let failing = parts.iter().filter(|part| part.kind == PartKind::Control && part.verdict() == Verdict::Fails);
        let but: Vec<&str> = failing.map(|part| part.but.as_str()).collect();
        let overall = ClaimRow {
            claim: self.id.to_owned(),
            part: OVERALL.to_owned(),
            kind: PartKind::Stated,
            statement: self.statement.to_owned(),
            measured: format!(
                "of {} stated parts {} hold, {} fail, {} are not decided{}",
                stated.len(),
                count(Verdict::Holds),
                count(Verdict::Fails),
                count(Verdict::NotDecided),
                if but.is_empty() { String::new() } else { format!("{BUT}{}", but.join("; ")) },
            ),
            value: None,
            low: None,
            high: None,
            threshold: "holds with every stated part, fails with any".to_owned(),
            verdict: Verdict::all(stated),
        };
        std::iter::once(overall).chain(parts.iter().map(|part| part.row(self.id))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::made_up::MadeUp;
    use super::*;

    #[test]
    fn a_claim_is_found_by_its_id_whatever_its_case() {
        assert!(claim("C99").is_none());
        assert_eq!(claim("c1").unwrap().id, "C1");
    }

    /// Nothing is decided without evidence, and each part says what it lacks.
    #[test]
    fn a_study_without_results_is_told_what_it_lacks() {
        for claim in CLAIMS {
            let rows = MadeUp::default().decide(claim.id);
            assert!(rows.len() > 1 && rows.iter().all(|row| row.verdict == Verdict::NotDecided), "{rows:#?}");
            for row in &rows[1..] {
                assert!(row.measured.starts_with("not measured: "), "{row:?}");
            }
        }
    }
}
