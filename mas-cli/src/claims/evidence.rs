//! What a study gives for its claims to be decided by.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Control, FitCurve, NULL, Population, SimilarityRow, UnitOutcomes};
use crate::statistics::{Bootstrap, Direction, Tie, directions};

/// The results of one study that claims are decided by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Single interchanges of every alignment, the controls' among them.
    pub outcomes: &'a [UnitOutcomes],
    /// The courses of the fits.
    pub fits: &'a [FitCurve],
    /// Correlational measures.
    pub similarity: &'a [SimilarityRow],
    /// How intervals are made.
    pub bootstrap: Bootstrap,
}

/// Which alignments a statement is about.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The method's id.
    pub method: &'a str,
    /// The alignment function's id.
    pub function: &'a str,
    /// The site.
    pub site: &'a str,
    /// `individual` or `stepwise`.
    pub positions: &'a str,
    /// The causal variable; any where it is left open, but for the null variable, which is none.
    pub variable: Option<&'a str>,
    /// The size of the subspace; any where it is left open.
    pub k: Option<u64>,
    /// The name in the study; any where it is left open.
    pub alignment: Option<&'a str>,
}

impl<'a> Of<'a> {
    /// Alignments with orthogonal maps by one method, of any variable, size and name.
    #[must_use]
    pub fn at(site: &'a str, positions: &'a str, method: &'a str) -> Self {
        Self { method, function: "orthogonal", site, positions, variable: None, k: None, alignment: None }
    }

    /// The same of individual interchanges at `hidden`.
    #[must_use]
    pub fn hidden(method: &'a str) -> Self {
        Self::at("hidden", "individual", method)
    }

    /// Of everything that a task has.
    #[must_use]
    pub fn full(self) -> Self {
        Self { variable: Some("full"), ..self }
    }

    /// Of one size.
    #[must_use]
    pub fn with_k(self, k: u64) -> Self {
        Self { k: Some(k), ..self }
    }

    /// Of one name.
    #[must_use]
    pub fn called(self, alignment: &'a str) -> Self {
        Self { alignment: Some(alignment), ..self }
    }
}

/// Those of `these` directions that `others` has too: two sets of directions say something about two methods only where
/// they are between the same networks.
#[must_use]
pub fn common(these: &[Direction], others: &[Direction]) -> Vec<Direction> {
    let same = |a: &Direction, b: &Direction| a.source == b.source && a.target == b.target;
    these.iter().filter(|one| others.iter().any(|other| same(one, other))).cloned().collect()
}

impl<'a> Evidence<'a> {
    /// The alignments that are meant, one an element for every group of networks, variable, size and seed.
    pub fn units(&self, of: Of<'_>) -> impl Iterator<Item = &'a UnitOutcomes> {
        self.outcomes.iter().filter(move |outcomes| {
            let unit = &outcomes.unit;
            (&*unit.method, &*unit.function) == (of.method, of.function)
                && (&*unit.site, &*unit.positions) == (of.site, of.positions)
                && of.variable.map_or(unit.variable != NULL, |variable| variable == unit.variable)
                && of.k.is_none_or(|k| k == unit.k)
                && of.alignment.is_none_or(|name| name == unit.alignment)
        })
    }

    /// The directions of one control over changed pairs, in the alignments that are meant. Alignments of several seeds or
    /// sizes give a direction each.
    #[must_use]
    pub fn directions(&self, of: Of<'_>, control: Control) -> Vec<Direction> {
        self.units(of).flat_map(|of| directions(&of.rows, control, Population::Changed)).collect()
    }

    /// As [`directions`](Self::directions), of the fits themselves, from one network of each fit into another: from the
    /// first into the last, say.
    #[must_use]
    pub fn between(&self, of: Of<'_>, ends: fn(&UnitOutcomes) -> Option<(&String, &String)>) -> Vec<Direction> {
        self.units(of)
            .filter_map(|of| Some((of, ends(of)?)))
            .flat_map(|(of, (source, target))| {
                let mut found = directions(&of.rows, Control::None, Population::Changed);
                found.retain(|direction| direction.source == *source && direction.target == *target);
                found
            })
            .collect()
    }

    /// The two groups of networks that fits of the alignments that are meant lie between: those that come first in a fit,
    /// and those that come last.
    #[must_use]
    pub fn groups(&self, of: Of<'_>) -> [BTreeSet<&'a str>; 2] {
        let at = |place: fn(&'a [String]) -> Option<&'a String>| {
            self.units(of).filter_map(|of| place(&of.networks)).map(String::as_str).collect()
        };
        [at(<[String]>::first), at(<[String]>::last)]
    }

    /// What is swapped in the alignments that are meant, each variable with each size of its subspace, in order.
    #[must_use]
    pub fn swapped(&self, of: Of<'_>) -> Vec<(&'a str, u64)> {
        let found: BTreeSet<_> = self.units(of).map(|of| (of.unit.variable.as_str(), of.unit.k)).collect();
        found.into_iter().collect()
    }

    /// The alignments that are meant, each variable and size apart, with what tells them apart at the end of a part's id:
    /// nothing where there is one, or none.
    #[must_use]
    pub fn apart<'b>(&self, of: Of<'b>) -> Vec<(String, Of<'b>)>
    where
        'a: 'b,
    {
        let one = |(variable, k)| (format!(".{variable}.k{k}"), Of { variable: Some(variable), k: Some(k), ..of });
        match self.swapped(of) {
            several if several.len() > 1 => several.into_iter().map(one).collect(),
            _ => vec![(String::new(), of)],
        }
    }

    /// The sizes of subspace in the alignments that are meant, in order.
    #[must_use]
    pub fn sizes(&self, of: Of<'_>) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.units(of).map(|of| of.unit.k).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The validation IIA from the first network of each fit into the last, the mean over the last `evaluations` that came
    /// after a step; over fewer, where the fit had fewer.
    #[must_use]
    pub fn last_evaluations(&self, of: Of<'_>, evaluations: usize) -> Vec<Tie> {
        let tie = |fit: &FitCurve| {
            let (a, b) = (fit.networks.first()?, fit.networks.last()?);
            let course: BTreeMap<u64, f64> = (fit.rows.iter())
                .filter(|row| row.step > 0 && row.source == *a && row.target == *b)
                .filter(|row| of.variable.is_none_or(|variable| variable == row.variable))
                .filter_map(|row| Some((row.step, row.iia?)))
                .collect();
            let last: Vec<f64> = course.into_values().rev().take(evaluations).collect();
            let value = last.iter().sum::<f64>() / last.len() as f64;
            (!last.is_empty()).then(|| Tie { a: a.clone(), b: b.clone(), value })
        };
        self.fits_of(of).filter_map(tie).collect()
    }

    /// The pairs that each of these evaluations is over: the fewest of any fit.
    #[must_use]
    pub fn validation_pairs(&self, of: Of<'_>) -> usize {
        self.fits_of(of).map(|fit| fit.validation_pairs).min().unwrap_or(0)
    }

    fn fits_of(&self, of: Of<'_>) -> impl Iterator<Item = &'a FitCurve> {
        self.fits.iter().filter(move |fit| {
            (&*fit.method, &*fit.function) == (of.method, of.function)
                && (&*fit.site, &*fit.positions) == (of.site, of.positions)
                && of.k.is_none_or(|k| k == fit.k)
                && of.alignment.is_none_or(|name| name == fit.alignment)
                && fit.control == Control::None
        })
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
