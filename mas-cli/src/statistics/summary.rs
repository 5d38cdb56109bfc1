//! From single interchanges to directions and to rows.

use std::collections::BTreeMap;

use super::{Cluster, Direction, LEVEL, cluster_interval};
use crate::results::{AlignmentUnit, Control, IiaRow, OutcomeRow, Population};

impl Population {
    /// Whether an interchange belongs to this population.
    #[must_use]
    pub fn contains(self, row: &OutcomeRow) -> bool {
        match self {
            Self::All => true,
            Self::Changed => row.changed,
            Self::HeldOutCounts => row.changed && row.held_out_count,
        }
    }
}

/// The directions of one control over one population, with their pairs by the target's sequence.
///
/// Directions keep the names in the rows, untrained twins' too.
#[must_use]
pub fn directions(rows: &[OutcomeRow], control: Control, population: Population) -> Vec<Direction> {
    let mut found: BTreeMap<(&str, &str), BTreeMap<u64, Cluster>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.control == control && population.contains(row)) {
        let cluster = found.entry((&row.source, &row.target)).or_default().entry(row.target_sequence).or_default();
        cluster.pairs += 1.0;
        cluster.correct += f64::from(row.correct);
    }
    found
        .into_iter()
        .map(|((source, target), sequences)| Direction { source: source.into(), target: target.into(), sequences })
        .collect()
}

/// One row a direction, control and population that has pairs: value, interval over sequences, counts. The outcomes are of
/// one variable, the unit's.
///
/// [`Control::Ceiling`] involves no interchange: it has rows over all pairs only.
#[must_use]
pub fn iia_rows(unit: &AlignmentUnit, outcomes: &[OutcomeRow]) -> Vec<IiaRow> {
    let mut rows = Vec::new();
    for control in Control::ALL {
        for population in [Population::All, Population::Changed, Population::HeldOutCounts] {
            if control == Control::Ceiling && population != Population::All {
                continue;
            }
            let mut tokens: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
            for row in outcomes.iter().filter(|row| row.control == control && population.contains(row)) {
                let (correct, all) = tokens.entry((&row.source, &row.target)).or_default();
                *correct += row.tokens_correct;
                *all += row.tokens;
            }
            for direction in directions(outcomes, control, population) {
                let clusters: Vec<Cluster> = direction.sequences.values().copied().collect();
                let Some(interval) = cluster_interval(&clusters, LEVEL) else { continue };
                let (right, all) = tokens[&(direction.source.as_str(), direction.target.as_str())];
                rows.push(IiaRow {
                    study: unit.study.clone(),
                    alignment: unit.alignment.clone(),
                    method: unit.method.clone(),
                    positions: unit.positions.clone(),
                    source: direction.source,
                    target: direction.target,
                    site: unit.site.clone(),
                    variable: unit.variable.clone(),
                    k: unit.k,
                    seed: unit.seed,
                    control,
                    population,
                    value: interval.value,
                    low: interval.low,
                    high: interval.high,
                    correct: clusters.iter().map(|cluster| cluster.correct as u64).sum(),
                    pairs: clusters.iter().map(|cluster| cluster.pairs as u64).sum(),
                    token_accuracy: if all == 0 { interval.value } else { right as f64 / all as f64 },
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(pair: u64, changed: bool, held_out_count: bool, correct: bool) -> OutcomeRow {
        OutcomeRow {
            source: "a".into(),
            target: "b".into(),
            variable: "count".into(),
            control: Control::None,
            pair,
            source_sequence: pair,
            target_sequence: pair / 2,
            changed,
            held_out_count,
            correct,
            tokens_correct: if correct { 4 } else { 1 },
            tokens: 4,
        }
    }

    #[test]
    fn populations_nest() {
        let unit = AlignmentUnit {
            study: "seeds".into(),
            alignment: "hidden".into(),
            method: "mas".into(),
            function: "orthogonal".into(),
            positions: "individual".into(),
            site: "hidden".into(),
            variable: "count".into(),
            k: 32,
            seed: 0,
        };
        let rows = [
            outcome(0, true, true, true),
            outcome(1, true, false, false),
            outcome(2, false, false, true),
            outcome(3, false, true, true),
        ];
        let rows = iia_rows(&unit, &rows);
        let counts: Vec<_> = rows.iter().map(|row| (row.population, row.correct, row.pairs)).collect();
        assert_eq!(
            counts,
            [(Population::All, 3, 4), (Population::Changed, 1, 2), (Population::HeldOutCounts, 1, 1)],
            "held-out counts are among changed pairs"
        );
        assert_eq!(rows[0].token_accuracy, 13.0 / 16.0);
    }
}
