//! A value with its interval.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_by_hand() {
        let (a, b) = (Interval { value: 0.8, low: 0.5, high: 0.9 }, Interval { value: 0.6, low: 0.48, high: 1.0 });
        let found = Interval::difference(a, b);
        let expected = (0.2, 0.2 - 0.5, 0.2 + 0.1_f64.hypot(0.12));
        assert!((found.value - expected.0).abs() < 1e-12 && (found.low - expected.1).abs() < 1e-12);
        assert!((found.high - expected.2).abs() < 1e-12);
    }
}
