//! Two one-sided tests.

use super::Interval;

/// What two one-sided tests say about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equivalence {
    /// Both tests reject: the difference lies within the margin.
    Equal,
    /// The difference lies outside the margin.
    Different,
    /// Neither is shown.
    Undecided,
}

/// Two one-sided tests at 5 % each, from the **90 %** interval of a difference (see
/// [`mean_interval`](super::mean_interval)): equal when the interval lies within ± `margin`, different when
/// it lies outside altogether (Schuirmann 1987).
#[must_use]
pub fn equivalence(difference: Interval, margin: f64) -> Equivalence {
    if difference.low >= -margin && difference.high <= margin {
        Equivalence::Equal
    } else if difference.low > margin || difference.high < -margin {
        Equivalence::Different
    } else {
        Equivalence::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(low: f64, high: f64) -> Equivalence {
        equivalence(Interval { value: 0.5 * (low + high), low, high }, 0.03)
    }

    #[test]
    fn each_verdict_and_its_boundary() {
        assert_eq!(verdict(-0.03, 0.03), Equivalence::Equal);
        assert_eq!(verdict(0.01, 0.02), Equivalence::Equal, "a real difference may be within the margin");
        assert_eq!(verdict(-0.031, 0.0), Equivalence::Undecided);
        assert_eq!(verdict(0.03, 0.05), Equivalence::Undecided);
        assert_eq!(verdict(0.031, 0.05), Equivalence::Different);
        assert_eq!(verdict(-0.05, -0.031), Equivalence::Different);
    }
}
