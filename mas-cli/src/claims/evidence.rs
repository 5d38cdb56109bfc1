//! What a study gives for its claims to be decided by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::part::Found;
use super::{Criterion, Measurement};
use crate::results::{Control, EncodingRow, NULL, Population, SimilarityRow, UnitOutcomes, trained_name};
use crate::statistics::{Direction, Score, Tie, Unit, directions};

/// The results of one study that claims are decided by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'a> {
    /// Single interchanges of every alignment, the controls' among them.
    pub outcomes: &'a [UnitOutcomes],
    /// Correlational measures.
    pub similarity: &'a [SimilarityRow],
    /// In what form networks hold a variable.
    pub encodings: &'a [EncodingRow],
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
    /// How many networks are fitted together; any where it is left open.
    pub together: Option<usize>,
}

impl<'a> Of<'a> {
    /// Alignments with orthogonal maps by one method, of any variable, size and name.
    #[must_use]
    pub fn at(site: &'a str, positions: &'a str, method: &'a str) -> Self {
        let (variable, k, alignment, together) = (None, None, None, None);
        Self { method, function: "orthogonal", site, positions, variable, k, alignment, together }
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

    /// Of so many networks fitted together.
    #[must_use]
    pub fn of_size(self, together: usize) -> Self {
        Self { together: Some(together), ..self }
    }
}

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.alignment {
            write!(f, "`{name}` ")?;
        }
        write!(f, "by {} with {} functions at {}, {}", self.method, self.function, self.site, self.positions)?;
        if let Some(variable) = self.variable {
            write!(f, ", {variable}")?;
        }
        if let Some(k) = self.k {
            write!(f, ", k = {k}")?;
        }
        match self.together {
            Some(together) => write!(f, ", {together} networks together"),
            None => Ok(()),
        }
    }
}

/// Directions by their source and target; several fits of the same networks, such as those of several seeds, are one.
#[derive(Debug, Clone, Default)]
pub struct Directions(BTreeMap<(String, String), Direction>);

impl FromIterator<Direction> for Directions {
    fn from_iter<T: IntoIterator<Item = Direction>>(found: T) -> Self {
        let mut all = BTreeMap::new();
        for direction in found {
            let empty = || Direction { sequences: BTreeMap::new(), ..direction.clone() };
            all.entry((direction.source.clone(), direction.target.clone())).or_insert_with(empty).add(&direction);
        }
        Self(all)
    }
}

impl Directions {
    /// From one network into another.
    #[must_use]
    pub fn get(&self, source: &str, target: &str) -> Option<&Direction> {
        self.0.get(&(source.to_owned(), target.to_owned()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Direction> {
        self.0.values()
    }

    /// Those within networks.
    pub fn within(&self) -> impl Iterator<Item = &Direction> {
        self.iter().filter(|direction| direction.is_within())
    }

    /// Those between networks.
    pub fn across(&self) -> impl Iterator<Item = &Direction> {
        self.iter().filter(|direction| !direction.is_within())
    }

    /// One number a pair of networks that has both cross directions: the smaller one.
    #[must_use]
    pub fn smaller(&self) -> Vec<Unit> {
        let both = |there: &Direction| {
            let back = self.get(&there.target, &there.source)?;
            Some(Unit::new(
                there.networks(),
                Score::Smallest(vec![Score::Share(there.clone()), Score::Share(back.clone())]),
            ))
        };
        self.across().filter(|direction| direction.source < direction.target).filter_map(both).collect()
    }

    /// The smaller of two networks' own directions.
    #[must_use]
    pub fn smaller_within(&self, [a, b]: &[String; 2]) -> Option<Score> {
        let share = |name: &str| self.get(name, name).cloned().map(Score::Share);
        Some(Score::Smallest(vec![share(a)?, share(b)?]))
    }

    /// One number a pair of networks: the mean over the cross directions that both have, of these less the others.
    #[must_use]
    pub fn less(&self, other: &Self) -> Vec<Unit> {
        let both = self.across().filter_map(|own| Some((own, other.get(&own.source, &own.target)?)));
        let (own, others): (Vec<_>, Vec<_>) = both.map(|(a, b)| (a.clone(), b.clone())).unzip();
        Unit::means(own).into_iter().zip(Unit::means(others)).map(|(unit, other)| unit.against(other.score)).collect()
    }
}

/// The units that have something to be compared with, less that.
#[must_use]
pub fn paired(units: Vec<Unit>, other: impl Fn(&[String; 2]) -> Option<Score>) -> Vec<Unit> {
    let compare = |unit: Unit| other(&unit.networks).map(|other| unit.against(other));
    units.into_iter().filter_map(compare).collect()
}

/// The number of the unit that is about the same networks.
pub fn number_of(units: &[Unit]) -> impl Fn(&[String; 2]) -> Option<Score> + '_ {
    |networks| units.iter().find(|unit| unit.networks == *networks).map(|unit| unit.score.clone())
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
                && of.together.is_none_or(|together| together == outcomes.networks.len())
        })
    }

    /// The directions of one control over changed pairs, in the alignments that are meant.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn directions(&self, of: Of<'_>, control: Control) -> Result<Directions, String> {
        self.chosen(of, control, |_, _| true)
    }

    /// The same of each group of networks apart: fits of the same networks are one, whatever their seed.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn by_fit(&self, of: Of<'_>, control: Control) -> Result<Vec<Directions>, String> {
        self.directions(of, control)?;
        let mut groups: BTreeMap<&[String], Vec<Direction>> = BTreeMap::new();
        for unit in self.units(of) {
            groups.entry(&unit.networks).or_default().extend(directions(&unit.rows, control, Population::Changed));
        }
        Ok(groups.into_values().map(Directions::from_iter).collect())
    }

    /// As [`directions`](Self::directions), from one network of each fit into another, with those that fits themselves name: from
    /// the first into the last, say.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn between(
        &self,
        of: Of<'_>,
        control: Control,
        ends: fn(&UnitOutcomes) -> Option<(&String, &String)>,
    ) -> Result<Directions, String> {
        let is = |of: &UnitOutcomes, direction: &Direction| {
            let source = trained_name(&direction.source);
            ends(of).is_some_and(|(from, into)| source == *from && direction.target == *into)
        };
        self.chosen(of, control, is)
    }

    fn chosen(
        &self,
        of: Of<'_>,
        control: Control,
        is: impl Fn(&UnitOutcomes, &Direction) -> bool,
    ) -> Result<Directions, String> {
        let mut units = self.units(of).peekable();
        if units.peek().is_none() {
            return Err(format!("the study has no alignment {of}"));
        }
        let directions = |of: &'a UnitOutcomes| {
            let found = directions(&of.rows, control, Population::Changed);
            found.into_iter().filter(|direction| is(of, direction)).collect::<Vec<_>>()
        };
        let found: Directions = units.flat_map(directions).collect();
        if found.0.is_empty() {
            let what = if control == Control::None { "changed pair".to_owned() } else { format!("control {control}") };
            return Err(format!("the alignment {of} has no {what}"));
        }
        Ok(found)
    }

    /// The mean over pairs of networks of the smaller cross direction.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn smaller(&self, of: Of<'_>, criterion: Criterion) -> Found {
        Measurement::mean(&self.directions(of, Control::None)?.smaller(), criterion)
    }

    /// How far the smaller cross direction of a fit lies above that of the matched start.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn above_matched(&self, of: Of<'_>) -> Found {
        let (fitted, matched) = (self.directions(of, Control::None)?, self.directions(of, Control::Matched)?);
        Measurement::mean(&paired(fitted.smaller(), number_of(&matched.smaller())), Criterion::Above(0.0))
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
    pub fn sizes(&self, of: Of<'_>) -> BTreeSet<u64> {
        self.units(of).map(|of| of.unit.k).collect()
    }

    /// One measure at one site between pairs of networks, the mean over seeds; over `distinct` vectors, or over vectors
    /// as they come.
    ///
    /// # Errors
    /// What the study lacks, in words.
    pub fn ties(&self, site: &str, measure: &str, distinct: bool) -> Result<Vec<Unit>, String> {
        let mut found: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
        let asked_for = |row: &&SimilarityRow| row.site == site && row.measure == measure && row.distinct == distinct;
        for row in self.similarity.iter().filter(asked_for) {
            let (total, count) = found.entry((row.a.as_str().min(&row.b), row.a.as_str().max(&row.b))).or_default();
            *total += row.value;
            *count += 1.0;
        }
        if found.is_empty() {
            let over = if distinct { " over distinct vectors" } else { "" };
            return Err(format!("the study has no {measure} at {site}{over}"));
        }
        let tie = |((a, b), (total, count)): ((&str, &str), (f64, f64))| {
            Unit::from(&Tie { a: a.into(), b: b.into(), value: total / count })
        };
        Ok(found.into_iter().map(tie).collect())
    }
}
