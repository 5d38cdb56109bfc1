//! Means over directions, with intervals: what bars and points show.

use std::collections::{BTreeMap, BTreeSet};

use mas_core::Method;

use super::data::StudyReport;
use crate::results::{Control, IiaRow, NULL, Population, QuantityRow, UnitOutcomes, trained_name};
use crate::statistics::{Direction, Interval, Unit, directions, mean_interval};

/// Alignments that are fits of the same thing; seeds are not told apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Setting {
    // First, so that individual interchanges come before stepwise ones.
    pub(super) positions: String,
    pub(super) alignment: String,
    pub(super) method: String,
    pub(super) site: String,
    pub(super) variable: String,
    pub(super) k: u64,
}

impl Setting {
    fn of_row(row: &IiaRow) -> Self {
        Self {
            alignment: row.alignment.clone(),
            method: row.method.clone(),
            positions: row.positions.clone(),
            site: row.site.clone(),
            variable: row.variable.clone(),
            k: row.k,
        }
    }

    pub(super) fn of_quantity(row: &QuantityRow) -> Self {
        Self {
            alignment: row.alignment.clone(),
            method: row.method.clone(),
            positions: row.positions.clone(),
            site: row.site.clone(),
            variable: row.variable.clone(),
            k: row.k,
        }
    }

    fn is_of(&self, of: &UnitOutcomes) -> bool {
        let unit = &of.unit;
        (&unit.alignment, &unit.method, &unit.positions) == (&self.alignment, &self.method, &self.positions)
            && (&unit.site, &unit.variable, unit.k) == (&self.site, &self.variable, self.k)
    }

    /// The kinds of directions that are told apart: the two ways across where the method makes a difference.
    pub(super) fn places(&self) -> &'static [Place] {
        match self.method.parse::<Method>() {
            Ok(method) if method.is_directed() => &[Place::Forward, Place::Backward, Place::Within],
            _ => &[Place::Across, Place::Within],
        }
    }

    /// What is not in the site's name, for a heading.
    pub(super) fn detail(&self) -> String {
        format!("{}, {}, {}", self.positions, self.variable, size(self.k))
    }

    /// Whether none of the settings is the same with a larger subspace.
    pub(super) fn is_largest(&self, among: &[Self]) -> bool {
        !among.iter().any(|other| other.k > self.k && Self { k: self.k, ..other.clone() } == *self)
    }

    /// The same where a line may break.
    pub(super) fn heading(&self) -> String {
        format!("{}, {}, {}", self.positions, self.variable, size(self.k).replace(' ', "\u{a0}"))
    }
}

/// The size of a subspace in words; 0 is that of methods that take everything.
pub(super) fn size(k: u64) -> String {
    if k == 0 { "all coordinates".to_owned() } else { format!("k = {k}") }
}

/// Which directions a mean is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Within one network.
    Within,
    /// From one network into another.
    Across,
    /// From the first network of a fit into the last: what a method with a direction is trained in.
    Forward,
    /// From the last into the first.
    Backward,
}

impl Place {
    /// What it is called in figures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Across => "across",
            Self::Forward => "first → last",
            Self::Backward => "last → first",
        }
    }

    fn contains(self, source: &str, target: &str, networks: &[String]) -> bool {
        let goes = |from: Option<&String>, to: Option<&String>| {
            let is =
                |name: &str, network: Option<&String>| network.is_some_and(|network| network == trained_name(name));
            source != target && is(source, from) && is(target, to)
        };
        match self {
            Self::Within => source == target,
            Self::Across => source != target,
            Self::Forward => goes(networks.first(), networks.last()),
            Self::Backward => goes(networks.last(), networks.first()),
        }
    }
}

/// A mean over directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pooled {
    pub(super) interval: Interval,
    pub(super) directions: usize,
}

/// The settings of a study, individual interchanges first. No interchange of the null variable changes an answer, so that it
/// has no pairs that are shown.
pub(super) fn settings(study: &StudyReport) -> Vec<Setting> {
    study
        .iia
        .iter()
        .filter(|row| row.variable != NULL)
        .map(Setting::of_row)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The population that a control is shown over: changed pairs; the ceiling has no pairs to be changed.
pub(super) fn population(control: Control) -> Population {
    if control == Control::Ceiling { Population::All } else { Population::Changed }
}

/// The rows of a setting under a control that are shown.
pub(super) fn rows<'a>(
    study: &'a StudyReport,
    setting: &'a Setting,
    control: Control,
) -> impl Iterator<Item = &'a IiaRow> {
    rows_over(study, setting, control, population(control))
}

fn rows_over<'a>(
    study: &'a StudyReport,
    setting: &'a Setting,
    control: Control,
    population: Population,
) -> impl Iterator<Item = &'a IiaRow> {
    study
        .iia
        .iter()
        .filter(move |row| row.control == control && row.population == population && Setting::of_row(row) == *setting)
}

/// The mean over directions: over networks and sequences where single interchanges are known, else the mean of the
/// directions' values within the range of their intervals.
pub(super) fn pooled(study: &StudyReport, setting: &Setting, control: Control, place: Place) -> Option<Pooled> {
    pooled_over(study, setting, control, place, population(control))
}

/// The same over a given population of pairs.
pub(super) fn pooled_over(
    study: &StudyReport,
    setting: &Setting,
    control: Control,
    place: Place,
    population: Population,
) -> Option<Pooled> {
    let measured: Vec<Direction> = study
        .outcomes
        .iter()
        .filter(|of| setting.is_of(of))
        .flat_map(|of| directions(&of.rows, control, population).into_iter().map(|found| (found, &of.networks)))
        .filter(|(direction, networks)| place.contains(&direction.source, &direction.target, networks))
        .map(|(direction, _)| direction)
        .collect();
    let count = measured.len();
    if let Some(interval) = mean_interval(&Unit::means(measured), 0.95) {
        return Some(Pooled { interval, directions: count });
    }
    let rows: Vec<_> = rows_over(study, setting, control, population)
        .filter(|row| place.contains(&row.source, &row.target, &[]))
        .collect();
    let value = mean(rows.iter().map(|row| row.value))?;
    let low = rows.iter().map(|row| row.low).fold(value, f64::min);
    let high = rows.iter().map(|row| row.high).fold(value, f64::max);
    Some(Pooled { interval: Interval { value, low, high }, directions: rows.len() })
}

/// Mean of each source and target's values over seeds.
pub(super) fn by_direction<'a>(rows: impl Iterator<Item = &'a IiaRow>) -> BTreeMap<(&'a str, &'a str), f64> {
    let mut values: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for row in rows {
        values.entry((&row.source, &row.target)).or_default().push(row.value);
    }
    values.into_iter().filter_map(|(direction, values)| Some((direction, mean(values.into_iter())?))).collect()
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut total, mut count) = (0.0, 0.0);
    for value in values {
        total += value;
        count += 1.0;
    }
    (count > 0.0).then(|| total / count)
}
