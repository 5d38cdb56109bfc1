//! What a study gives for its claims to be decided by.

use std::collections::BTreeMap;

use crate::results::{Control, Population, SimilarityRow, UnitOutcomes};
use crate::statistics::{Bootstrap, Direction, Tie, directions};

/// The results of one study that claims are decided by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Single interchanges of every alignment, the controls' among them.
    pub outcomes: &'a [UnitOutcomes],
    /// Correlational measures.
    pub similarity: &'a [SimilarityRow],
    /// How intervals are made.
    pub bootstrap: Bootstrap,
}

impl Evidence<'_> {
    /// The directions of one control over changed pairs, in the alignments by one method at one site. Alignments of
    /// several seeds or sizes give a direction each.
    #[must_use]
    pub fn directions(&self, method: &str, site: &str, positions: &str, control: Control) -> Vec<Direction> {
        self.outcomes
            .iter()
            .filter(|of| of.unit.method == method && of.unit.site == site && of.unit.positions == positions)
            .flat_map(|of| directions(&of.rows, control, Population::Changed))
            .collect()
    }

    /// One measure at one site between pairs of networks, the mean over seeds; over `distinct` vectors, or over vectors
    /// as they come.
    #[must_use]
    pub fn ties(&self, site: &str, measure: &str, distinct: bool) -> Vec<Tie> {
        let mut found: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
        let asked_for = |row: &&SimilarityRow| row.site == site && row.measure == measure && row.distinct == distinct;
        for row in self.similarity.iter().filter(asked_for) {
            let (total, count) = found.entry((&row.a, &row.b)).or_default();
            *total += row.value;
            *count += 1.0;
        }
        found
            .into_iter()
            .map(|((a, b), (total, count))| Tie { a: a.into(), b: b.into(), value: total / count })
            .collect()
    }
}
