//! What a study gives for its claims to be decided by.

use std::collections::{BTreeMap, BTreeSet};

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

/// What is swapped: alignments that differ in it are evidence for different statements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Swapped {
    /// The causal variable.
    pub variable: String,
    /// Size of its subspace.
    pub k: u64,
}

impl<'a> Evidence<'a> {
    /// What is swapped in the alignments by one method at one site, each once.
    #[must_use]
    pub fn swapped(&self, method: &str, site: &str, positions: &str) -> Vec<Swapped> {
        let units = self.units(method, site, positions).map(|of| &of.unit);
        let found: BTreeSet<Swapped> =
            units.map(|unit| Swapped { variable: unit.variable.clone(), k: unit.k }).collect();
        found.into_iter().collect()
    }

    /// The directions of one control over changed pairs, in the alignments by one method at one site that swap the same.
    /// Alignments of several seeds give a direction each.
    #[must_use]
    pub fn directions(
        &self,
        method: &str,
        site: &str,
        positions: &str,
        swapped: &Swapped,
        control: Control,
    ) -> Vec<Direction> {
        self.units(method, site, positions)
            .filter(|of| of.unit.variable == swapped.variable && of.unit.k == swapped.k)
            .flat_map(|of| directions(&of.rows, control, Population::Changed))
            .collect()
    }

    fn units(&self, method: &str, site: &str, positions: &str) -> impl Iterator<Item = &'a UnitOutcomes> {
        let here = move |of: &&UnitOutcomes| {
            (of.unit.method.as_str(), of.unit.site.as_str(), of.unit.positions.as_str()) == (method, site, positions)
        };
        self.outcomes.iter().filter(here)
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
