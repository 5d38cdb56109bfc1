use crate::Result;

/// Two activities ready to be compared: whatever does not change with the order of the rows is done.
pub(crate) trait Comparison: Sync {
    /// The measure itself.
    fn value(&self) -> Result<f64>;

    /// The measure after the rows of b are put into another order: row i of a goes with row `order[i]` of b.
    fn permuted(&self, order: &[usize]) -> Result<f64>;

    /// The measure over `rows` of both, drawn with replacement.
    fn resampled(&self, rows: &[usize]) -> Result<f64>;

    /// For how many canonical correlations `rows` samples leave no choice but 1.
    fn trivial(&self, rows: usize) -> usize {
        let _ = rows;
        0
    }

    /// About how many bytes a permutation or a resample takes while it is computed, where that is much.
    fn scratch(&self) -> usize {
        0
    }
}

/// How often each of `count` rows was drawn.
pub(crate) fn multiplicities(rows: &[usize], count: usize) -> Vec<u32> {
    let mut counts = vec![0; count];
    rows.iter().for_each(|&row| counts[row] += 1);
    counts
}
