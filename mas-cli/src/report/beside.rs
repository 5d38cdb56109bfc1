//! What stands beside IIA on the page: capacity, counts that no network was trained on, and where there is no ceiling.

use std::collections::{BTreeMap, BTreeSet};

use super::data::StudyReport;
use super::pooled::{Place, Setting, pooled, pooled_over, settings};
use super::table::{Cell, Table};
use crate::results::{Control, Population, Quantity, QuantityRow};

/// The mean over directions and the range, of one quantity of one setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) directions: usize,
}

/// The directions of a setting within or across networks that have a quantity among `rows`.
pub(super) fn spread(rows: &[QuantityRow], setting: &Setting, place: Place, quantity: Quantity) -> Option<Spread> {
    let here = |row: &&QuantityRow| {
        row.quantity == quantity
            && ((row.source == row.target) == (place == Place::Within))
            && Setting::of_quantity(row) == *setting
    };
    let values: Vec<f64> = rows.iter().filter(here).map(|row| row.value).collect();
    (!values.is_empty()).then(|| Spread {
        mean: values.iter().sum::<f64>() / values.len() as f64,
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        directions: values.len(),
    })
}

/// What each setting's subspaces take, means over directions.
pub(super) fn capacity(study: &StudyReport) -> Option<Table> {
    let mut table = Table::new(&[
        "Alignment",
        "Setting",
        "Directions",
        "k/d",
        "Learned",
        "Variance",
        "Unseen",
        "(random)",
        "Overlap",
        "(random)",
        "Largest angle",
    ]);
    for setting in settings(study) {
        for place in [Place::Across, Place::Within] {
            let mean = |quantity| spread(&study.capacity, &setting, place, quantity).map(|spread| spread.mean);
            let share = |quantity| mean(quantity).map_or(Cell::Nothing, |value| Cell::Text(format!("{value:.3}")));
            let Some(all) = spread(&study.capacity, &setting, place, Quantity::KOverD) else { continue };
            let whole = |value: f64| Cell::Text(format!("{value:.0}"));
            table.push(vec![
                setting.alignment.as_str().into(),
                format!("{}, {}", setting.method, setting.detail()).as_str().into(),
                format!("{} {}", all.directions, place.name()).as_str().into(),
                share(Quantity::KOverD),
                mean(Quantity::Parameters).map_or(Cell::Nothing, whole),
                share(Quantity::VarianceShare),
                share(Quantity::NullSpaceShare),
                share(Quantity::RandomNullSpaceShare),
                share(Quantity::SubspaceOverlap),
                share(Quantity::RandomSubspaceOverlap),
                mean(Quantity::LargestPrincipalAngle).map_or(Cell::Nothing, |value| Cell::Text(format!("{value:.0}°"))),
            ]);
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

/// IIA over all changed pairs, and over those with counts that no network was trained on.
pub(super) fn held_out_counts(study: &StudyReport) -> Option<Table> {
    let mut table =
        Table::new(&["Alignment", "Setting", "Directions", "IIA, changed pairs", "IIA, counts held out of training"]);
    let show = |value: f64, low: f64, high: f64| Cell::Text(format!("{value:.3} [{low:.3}, {high:.3}]"));
    for setting in settings(study) {
        for &place in setting.places() {
            let Some(changed) = pooled(study, &setting, Control::None, place) else { continue };
            let held_out = pooled_over(study, &setting, Control::None, place, Population::HeldOutCounts);
            let cell =
                |found: &super::pooled::Pooled| show(found.interval.value, found.interval.low, found.interval.high);
            table.push(vec![
                setting.alignment.as_str().into(),
                format!("{}, {}", setting.method, setting.detail()).as_str().into(),
                format!("{} {}", changed.directions, place.name()).as_str().into(),
                cell(&changed),
                held_out.as_ref().map_or(Cell::Nothing, cell),
            ]);
        }
    }
    let any = table.rows.iter().any(|row| row.last().is_some_and(|cell| *cell != Cell::Nothing));
    any.then_some(table)
}

/// Settings in which the interchange within a network takes every coordinate: it is the same for every alignment, and so
/// no ceiling.
pub(super) fn no_ceiling(study: &StudyReport) -> Vec<String> {
    let mut whole: BTreeMap<Setting, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for row in study.capacity.iter().filter(|row| row.quantity == Quantity::KOverD) {
        let (full, all) = whole.entry(Setting::of_quantity(row)).or_default();
        all.insert(&row.target);
        if row.value >= 1.0 {
            full.insert(&row.target);
        }
    }
    let line = |(setting, (full, all)): (Setting, (BTreeSet<&str>, BTreeSet<&str>))| {
        let of = match (full.is_empty(), full == all) {
            (true, _) => return None,
            (false, true) => String::new(),
            (false, false) => format!(" in {}", full.into_iter().collect::<Vec<_>>().join(", ")),
        };
        let Setting { alignment, method, variable, .. } = &setting;
        Some(format!(
            "{alignment} ({method}, {variable}){of}: no ceiling: within a network every coordinate is swapped, whatever the alignment."
        ))
    };
    whole.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn what_was_measured_is_shown_with_what_chance_gives() {
        let study = &example::data().studies[0];
        let table = capacity(study).unwrap();
        assert_eq!(table.rows.len(), 4, "two settings, across and within");
        let text: Vec<String> = table.rows[0].iter().map(Cell::short).collect();
        assert_eq!(text[..4], ["hidden", "mas, individual, count, k = 32", "20 across", "0.250"]);
        assert_eq!(text[6..8], ["0.300", "0.900"]);
        // Only a network on its own has blocks of several fits.
        assert_eq!(text[8], "–");
        assert_eq!(table.rows[1][8].short(), "0.800");
    }

    #[test]
    fn counts_held_out_of_training_stand_apart() {
        let study = &example::data().studies[0];
        let table = held_out_counts(study).unwrap();
        assert_eq!(table.rows.len(), 4);
        for row in &table.rows {
            assert_ne!(row[3], row[4]);
            assert!(row[4].short().contains('['), "{row:?}");
        }
    }

    #[test]
    fn where_all_is_swapped_there_is_no_ceiling() {
        let mut study = example::data().studies[0].clone();
        assert!(no_ceiling(&study).is_empty());
        for row in study.capacity.iter_mut().filter(|row| row.quantity == Quantity::KOverD && row.site == "hidden") {
            row.value = 1.0;
        }
        let expected =
            "hidden (mas, count): no ceiling: within a network every coordinate is swapped, whatever the alignment.";
        assert_eq!(no_ceiling(&study), [expected]);
        // Between networks of different widths only the narrower one is swapped as a whole.
        study.capacity.iter_mut().filter(|row| row.target != "gru-1").for_each(|row| row.value = 0.5);
        let found = no_ceiling(&study);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(" in gru-1: no ceiling"), "{found:?}");
    }
}
