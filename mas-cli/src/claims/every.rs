//! Statements about every direction.

use super::part::{Found, Measurement};
use crate::statistics::{Cluster, Direction, Interval, LEVEL, cluster_interval, network_names};

/// The interval for a statement about the lowest of a set of directions, over sequences: it speaks of these networks.
///
/// - the lower end is the lowest of all lower ends, at 95 % each. That everything is above a threshold is shown when
///   every single thing is (an intersection–union test, which needs no correction);
/// - the upper end is the lowest of all upper ends, each at a level corrected for their number (Bonferroni): one low
///   direction among many contradicts the statement only if it is lower than chance makes one of so many.
///
/// # Errors
/// Where there are no pairs.
pub fn every_direction(directions: &[Direction]) -> Found {
    let corrected = 1.0 - (1.0 - LEVEL) / directions.len().max(1) as f64;
    let (mut low, mut high) = (f64::INFINITY, f64::INFINITY);
    let mut found: Option<(&Direction, Interval)> = None;
    for direction in directions {
        let clusters: Vec<Cluster> = direction.sequences.values().copied().collect();
        let (Some(own), Some(wide)) = (cluster_interval(&clusters, LEVEL), cluster_interval(&clusters, corrected))
        else {
            continue;
        };
        if found.is_none_or(|(_, lowest)| own.value < lowest.value) {
            found = Some((direction, own));
        }
        (low, high) = (low.min(own.low), high.min(wide.high));
    }
    let (direction, own) = found.ok_or("no direction has changed pairs")?;
    let interval = Interval { value: own.value, low, high: high.max(own.value) };
    let count = directions.len();
    let text = format!("lowest of {count} directions, {} → {}: {}", direction.source, direction.target, show(own));
    Ok(Measurement { interval, text, networks: network_names(directions).len() })
}

/// A value with its interval, to three digits.
pub(super) fn show(interval: Interval) -> String {
    format!("{:.3} [{:.3}, {:.3}]", interval.value, interval.low, interval.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directions(rights: &[u64]) -> Vec<Direction> {
        let direction = |(i, &right): (usize, &u64)| Direction {
            source: format!("n{i}"),
            target: format!("n{i}"),
            sequences: (0..400).map(|s| (s, Cluster { correct: f64::from(s < right), pairs: 1.0 })).collect(),
        };
        rights.iter().enumerate().map(direction).collect()
    }

    #[test]
    fn one_low_direction_among_high_ones_is_enough() {
        let fine = every_direction(&directions(&[400, 398, 399, 400, 396])).unwrap();
        assert!(fine.interval.low >= 0.96 && fine.interval.value == 0.99, "{fine:?}");
        assert!(fine.text.starts_with("lowest of 5 directions, n4 → n4: 0.990"), "{}", fine.text);
        let bad = every_direction(&directions(&[400, 398, 399, 400, 200])).unwrap();
        assert!(bad.interval.high < 0.6, "{bad:?}");
        assert!(every_direction(&[]).is_err());
    }

    #[test]
    fn the_far_end_is_corrected_for_the_number_of_directions() {
        let mut rights = vec![400; 19];
        rights.push(350);
        let one = every_direction(&directions(&[350])).unwrap();
        let among = every_direction(&directions(&rights)).unwrap();
        assert!(among.interval.high > one.interval.high, "{one:?} {among:?}");
        assert_eq!(among.interval.value, one.interval.value);
    }
}
