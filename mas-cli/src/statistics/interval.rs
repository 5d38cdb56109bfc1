//! A value with its interval, and the settings of the bootstrap that makes it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A value and the interval around it; `low ≤ value ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The smallest interval that holds both; the value is that of `self`.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { value: self.value, low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The interval that two independent ones give for the difference `a − b` of their values (Newcombe 1998).
    #[must_use]
    pub fn difference(a: Self, b: Self) -> Self {
        let value = a.value - b.value;
        Self {
            value,
            low: value - (a.value - a.low).hypot(b.high - b.value),
            high: value + (a.high - a.value).hypot(b.value - b.low),
        }
    }
}

/// Settings of a percentile bootstrap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples; at least 1 is used.
    pub draws: usize,
    /// Coverage, between 0 and 1.
    pub level: f64,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// 2,000 resamples, 95 %.
    fn default() -> Self {
        Self { draws: 2000, level: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// The same with another coverage.
    #[must_use]
    pub fn at_level(self, level: f64) -> Self {
        Self { level, ..self }
    }

    pub(super) fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.seed)
    }

    /// A place among so many, of which there must be one. Half the random bits of a `usize` are enough, and take half the
    /// time.
    pub(super) fn place(rng: &mut ChaCha8Rng, count: usize) -> usize {
        match u32::try_from(count) {
            Ok(count) => rng.random_range(0..count) as usize,
            Err(_) => rng.random_range(0..count),
        }
    }

    /// The share left out at each end.
    pub(super) fn tail(&self) -> f64 {
        ((1.0 - self.level) / 2.0).clamp(0.0, 0.5)
    }

    /// The percentile interval of resampled values around the value of the sample.
    pub(super) fn percentile(&self, value: f64, mut resampled: Vec<f64>) -> Interval {
        resampled.sort_by(f64::total_cmp);
        let tail = self.tail();
        let (low, high) = (quantile(&resampled, tail), quantile(&resampled, 1.0 - tail));
        // With few units the value may lie outside the percentiles of its own resamples; an interval contains it.
        Interval { value, low: low.unwrap_or(value).min(value), high: high.unwrap_or(value).max(value) }
    }
}

/// Quantile of sorted values, linear between order statistics.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    Some(sorted[below] + (place - below as f64) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_ramp() {
        let ramp: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&ramp, 0.025), Some(2.5));
        assert_eq!(quantile(&ramp, 1.0), Some(100.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn differences_by_hand() {
        let (a, b) = (Interval { value: 0.8, low: 0.5, high: 0.9 }, Interval { value: 0.6, low: 0.48, high: 1.0 });
        let found = Interval::difference(a, b);
        let expected = (0.2, 0.2 - 0.5, 0.2 + 0.1_f64.hypot(0.12));
        assert!((found.value - expected.0).abs() < 1e-12 && (found.low - expected.1).abs() < 1e-12);
        assert!((found.high - expected.2).abs() < 1e-12);
    }

    #[test]
    fn an_interval_contains_its_value() {
        let interval = Bootstrap::default().percentile(0.5, vec![0.6, 0.7]);
        assert_eq!(interval.low, 0.5);
    }
}
