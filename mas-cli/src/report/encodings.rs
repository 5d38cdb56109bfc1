//! In what form networks hold a variable, by task.

use std::collections::BTreeMap;

use super::table::{Cell, Table};
use crate::results::EncodingRow;

/// What the table is called.
pub(crate) const HEADING: &str = "In what form the networks hold a variable";

/// A row for each task, site, variable and period: means over networks, beside what a straight line and chance would give.
pub(crate) fn encoding_table(rows: &[EncodingRow]) -> Table {
    let mut table = Table::new(&[
        "task",
        "site",
        "variable",
        "period",
        "networks",
        "share of variance at this period",
        "of a straight line",
        "remainder told",
        "by chance",
    ]);
    let mut groups: BTreeMap<(&str, &str, &str, u64), Vec<&EncodingRow>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.task, &row.site, &row.variable, row.period)).or_default().push(row);
    }
    for ((task, site, variable, period), rows) in groups {
        let mean = |of: fn(&EncodingRow) -> f64| rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64;
        let cells: Vec<Cell> = vec![
            task.into(),
            site.into(),
            variable.into(),
            period.into(),
            (rows.len() as u64).into(),
            mean(|row| row.variance_share).into(),
            mean(|row| row.variance_share_of_a_line).into(),
            mean(|row| row.decodability).into(),
            mean(|row| row.chance).into(),
        ];
        table.push(cells);
    }
    table
}
