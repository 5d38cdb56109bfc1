use crate::{Result, Samples};

/// Two activities ready to be compared: whatever does not change with the order of the rows is done.
pub(crate) trait Comparison: Sync {
    /// The measure itself.
    fn value(&self) -> Result<f64>;

    /// The measure after the rows of b are put into another order: row i of a goes with row `order[i]` of b.
    fn permuted(&self, order: &[usize]) -> Result<f64>;

    /// The measure over `rows` of both, drawn with replacement.
    fn resampled(&self, rows: &[usize]) -> Result<f64>;
}

/// How often each of `count` rows was drawn.
pub(crate) fn multiplicities(rows: &[usize], count: usize) -> Vec<u32> {
    let mut counts = vec![0; count];
    rows.iter().for_each(|&row| counts[row] += 1);
    counts
}

/// A measure of which nothing can be kept between orders: it is computed anew each time.
pub(crate) struct Recomputed<'a, F> {
    pub a: &'a Samples,
    pub b: &'a Samples,
    pub measure: F,
}

impl<F: Fn(&Samples, &Samples) -> Result<f64> + Sync> Comparison for Recomputed<'_, F> {
    fn value(&self) -> Result<f64> {
        (self.measure)(self.a, self.b)
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        (self.measure)(self.a, &self.b.select(order)?)
    }

    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        (self.measure)(&self.a.select(rows)?, &self.b.select(rows)?)
    }
}
