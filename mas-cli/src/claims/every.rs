//! Statements about every direction.

use crate::statistics::{Bootstrap, Cluster, Direction, Interval, cluster_interval, network_interval, network_names};

use super::part::Measurement;

/// Which end of a set of directions a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extreme {
    /// "High in every direction" is about the lowest.
    Lowest,
    /// "Low in every direction" is about the highest.
    Highest,
}

/// The interval for a statement about every direction *and* about networks in general.
///
/// It takes in, for [`Extreme::Lowest`] (the other way round for [`Extreme::Highest`]), the mean over directions with
/// its interval over networks and sequences, and each single direction with its interval over sequences:
///
/// - the value is that of the lowest direction;
/// - the lower end is the lowest of all lower ends, at 95 % each. That everything is above a threshold is shown when
///   every single thing is (an intersection–union test, which needs no correction);
/// - the upper end is the lowest of all upper ends, each at a level corrected for their number (Bonferroni): one low
///   direction among many contradicts the statement only if it is lower than chance makes one of so many.
///
/// `None` where there are no pairs.
#[must_use]
pub fn every_direction(directions: &[Direction], extreme: Extreme, bootstrap: &Bootstrap) -> Option<Measurement> {
    let named: Vec<Direction> = directions.iter().cloned().map(Direction::under_trained_names).collect();
    let mean = network_interval(&named, bootstrap)?;
    let measured: Vec<(&Direction, Vec<Cluster>)> =
        directions.iter().map(|d| (d, d.sequences.values().copied().collect())).collect();
    let corrected = bootstrap.at_level(1.0 - (1.0 - bootstrap.level) / (measured.len() + 1) as f64);
    let mut wide = network_interval(&named, &corrected)?;
    let (mut low, mut high) = (mean.low, mean.high);
    let mut found: Option<(&Direction, Interval)> = None;
    for (direction, clusters) in &measured {
        let (Some(own), Some(own_wide)) =
            (cluster_interval(clusters, bootstrap), cluster_interval(clusters, &corrected))
        else {
            continue;
        };
        let further = |than: f64| match extreme {
            Extreme::Lowest => own.value < than,
            Extreme::Highest => own.value > than,
        };
        if found.is_none_or(|(_, best)| further(best.value)) {
            found = Some((direction, own));
        }
        match extreme {
            Extreme::Lowest => {
                low = low.min(own.low);
                wide.high = wide.high.min(own_wide.high);
            }
            Extreme::Highest => {
                high = high.max(own.high);
                wide.low = wide.low.max(own_wide.low);
            }
        }
    }
    let (direction, own) = found?;
    let interval = match extreme {
        Extreme::Lowest => Interval { value: own.value, low, high: wide.high.max(own.value) },
        Extreme::Highest => Interval { value: own.value, low: wide.low.min(own.value), high },
    };
    let word = match extreme {
        Extreme::Lowest => "lowest",
        Extreme::Highest => "highest",
    };
    let text = if measured.len() == 1 {
        format!("{} → {}: {}", direction.source, direction.target, show(own))
    } else {
        format!(
            "{word} of {} directions, {} → {}: {}; mean {}",
            measured.len(),
            direction.source,
            direction.target,
            show(own),
            show(mean)
        )
    };
    Some(Measurement { interval, text, networks: network_names(&named).len() })
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
        let bootstrap = Bootstrap { draws: 500, ..Bootstrap::default() };
        let fine = every_direction(&directions(&[400, 398, 399, 400, 396]), Extreme::Lowest, &bootstrap).unwrap();
        assert!(fine.interval.low >= 0.96 && fine.interval.value == 0.99, "{fine:?}");
        assert!(fine.text.starts_with("lowest of 5 directions, n4 → n4: 0.990"), "{}", fine.text);
        let bad = every_direction(&directions(&[400, 398, 399, 400, 200]), Extreme::Lowest, &bootstrap).unwrap();
        assert!(bad.interval.high < 0.6, "{bad:?}");
    }

    #[test]
    fn the_far_end_is_corrected_for_the_number_of_directions() {
        let bootstrap = Bootstrap { draws: 500, ..Bootstrap::default() };
        let mut rights = vec![400; 19];
        rights.push(350);
        let one = every_direction(&directions(&[350]), Extreme::Lowest, &bootstrap).unwrap();
        let among = every_direction(&directions(&rights), Extreme::Lowest, &bootstrap).unwrap();
        assert!(among.interval.high > one.interval.high, "{one:?} {among:?}");
        assert_eq!(among.interval.value, one.interval.value);
    }

    #[test]
    fn the_highest_is_the_mirror_image() {
        let bootstrap = Bootstrap { draws: 500, ..Bootstrap::default() };
        let found = every_direction(&directions(&[0, 4, 300, 8, 0]), Extreme::Highest, &bootstrap).unwrap();
        assert!(found.interval.low > 0.6 && found.interval.value == 0.75, "{found:?}");
        assert_eq!(every_direction(&[], Extreme::Highest, &bootstrap), None);
    }
}
