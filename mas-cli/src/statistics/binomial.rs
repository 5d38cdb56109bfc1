//! The exact binomial interval.

use statrs::distribution::{Beta, ContinuousCDF};

use super::Interval;

/// The Clopper–Pearson interval of a share among `trials` independent trials.
///
/// The share need not be a multiple of 1/`trials`: the number of trials may be an effective one (sequences, where pairs
/// share them). Without trials the interval is all of [0, 1].
#[must_use]
pub fn binomial_interval(share: f64, trials: f64, level: f64) -> Interval {
    let share = share.clamp(0.0, 1.0);
    let tail = ((1.0 - level) / 2.0).clamp(0.0, 0.5);
    let correct = share * trials;
    let wrong = trials - correct;
    let low = if correct > 0.0 { beta_quantile(correct, wrong + 1.0, tail).unwrap_or(0.0) } else { 0.0 };
    let high = if wrong > 0.0 { beta_quantile(correct + 1.0, wrong, 1.0 - tail).unwrap_or(1.0) } else { 1.0 };
    // NaN trials and rounding at the ends must not produce an interval without its value.
    Interval { value: share, low: low.min(share), high: high.max(share) }
}

/// Quantile of the beta distribution, by bisection: monotone, and as exact as its distribution function at any shape.
fn beta_quantile(a: f64, b: f64, probability: f64) -> Option<f64> {
    let beta = Beta::new(a, b).ok()?;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if beta.cdf(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_at_the_ends() {
        for n in [1.0, 10.0, 500.0] {
            let all = binomial_interval(1.0, n, 0.95);
            assert!((all.low - 0.025f64.powf(1.0 / n)).abs() < 1e-9, "{n}: {all:?}");
            assert_eq!(all.high, 1.0);
            let none = binomial_interval(0.0, n, 0.95);
            assert!((none.high - (1.0 - 0.025f64.powf(1.0 / n))).abs() < 1e-9);
            assert_eq!(none.low, 0.0);
        }
    }

    #[test]
    fn agrees_with_published_values() {
        // R: binom.test(8, 10)$conf.int = 0.4439045 0.9747893
        let interval = binomial_interval(0.8, 10.0, 0.95);
        assert!((interval.low - 0.443_904_5).abs() < 1e-6 && (interval.high - 0.974_789_3).abs() < 1e-6);
    }

    #[test]
    fn nothing_tried_is_nothing_known() {
        let interval = binomial_interval(0.5, 0.0, 0.95);
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }
}
