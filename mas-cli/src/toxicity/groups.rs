use serde::{Deserialize, Serialize};

use super::splits::KINDS;
use crate::{
    results::{Control, Population, UnitOutcomes},
    statistics::{Direction, Unit, directions, mean_interval},
};

/// Which models a direction is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// One model, into itself.
    Within,
    /// Two models of toxic text.
    ToxicToxic,
    /// One of either, in both directions.
    ToxicNontoxic,
    /// Two models of other text.
    NontoxicNontoxic,
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Within, Self::ToxicToxic, Self::ToxicNontoxic, Self::NontoxicNontoxic];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::ToxicToxic => "toxic–toxic",
            Self::ToxicNontoxic => "toxic–non-toxic",
            Self::NontoxicNontoxic => "non-toxic–non-toxic",
        }
    }

    /// The group of a direction between two models.
    pub fn of(source: &str, target: &str) -> Self {
        match (Self::is_toxic(source), Self::is_toxic(target)) {
            _ if source == target => Self::Within,
            (true, true) => Self::ToxicToxic,
            (false, false) => Self::NontoxicNontoxic,
            _ => Self::ToxicNontoxic,
        }
    }

    /// Whether a model of this name learned toxic text.
    pub fn is_toxic(name: &str) -> bool {
        name.starts_with(KINDS[0])
    }

    /// What it is judged on: a model's answer is never another than its own, so that within it no pair is changed.
    pub fn population(self) -> Population {
        if self == Self::Within { Population::All } else { Population::Changed }
    }

    /// Its directions under a control.
    pub fn directions(self, of: &UnitOutcomes, control: Control) -> Vec<Direction> {
        let mut found = directions(&of.rows, control, self.population());
        found.retain(|direction| Self::of(&direction.source, &direction.target) == self);
        found
    }
}

/// IIA over the directions of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// The site.
    pub site: String,
    /// The group.
    pub group: Group,
    /// What was swapped.
    pub control: Control,
    /// Directions with pairs.
    pub directions: usize,
    /// Pairs, changed ones but within models.
    pub pairs: u64,
    /// Share of pairs after which the target says all of the source's answer; the mean over directions.
    pub iia: f64,
    /// Lower end of its interval, over models and prompts.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the answers' tokens that are right.
    pub token_accuracy: f64,
}

/// A row for each group of directions at every site, under every control that was measured.
pub fn groups(sites: &[UnitOutcomes]) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    for of in sites {
        for control in [Control::None, Control::NoSwap, Control::MeanSwap, Control::Shuffled, Control::RandomNetwork] {
            rows.extend(Group::ALL.into_iter().filter_map(|group| row(of, group, control)));
        }
    }
    rows
}

fn row(of: &UnitOutcomes, group: Group, control: Control) -> Option<GroupRow> {
    let directions = group.directions(of, control);
    let interval = mean_interval(&Unit::means(directions.iter().cloned()), 0.95)?;
    let of_group = of.rows.iter().filter(|row| {
        row.control == control && Group::of(&row.source, &row.target) == group && group.population().contains(row)
    });
    let (mut pairs, mut right, mut tokens) = (0, 0, 0);
    for row in of_group {
        pairs += 1;
        right += row.tokens_correct;
        tokens += row.tokens;
    }
    Some(GroupRow {
        site: of.unit.site.clone(),
        group,
        control,
        directions: directions.len(),
        pairs,
        iia: interval.value,
        low: interval.low,
        high: interval.high,
        token_accuracy: right as f64 / tokens as f64,
    })
}
