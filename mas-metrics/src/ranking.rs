/// Which values are larger than which: for each value its place among the *different* values, from 0.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    /// For each value, how many different values are smaller.
    pub dense: Vec<u32>,
    /// How many different values there are.
    pub groups: usize,
    /// For each different value, how many values are smaller; empty where no values are equal.
    starts: Vec<u32>,
}

impl Ranking {
    /// - `values`: no more than `u32::MAX` of them, all finite.
    pub fn new(values: &[f64]) -> Self {
        let mut dense = vec![0; values.len()];
        let mut starts = Vec::new();
        let mut last = None;
        for (place, &entry) in sorted(values).iter().enumerate() {
            // Only values whose keys are equal can be.
            let larger = |last: u64| key(last) != key(entry) || values[index(last)] != values[index(entry)];
            if last.is_none_or(larger) {
                starts.push(place as u32);
            }
            last = Some(entry);
            dense[index(entry)] = starts.len() as u32 - 1;
        }
        let groups = starts.len();
        if groups == values.len() {
            starts = Vec::new();
        }
        Self { dense, groups, starts }
    }

    /// Whether all values are different.
    pub fn is_untied(&self) -> bool {
        self.groups == self.dense.len()
    }

    /// The number of pairs of equal values.
    pub fn tied_pairs(&self) -> u64 {
        if self.is_untied() {
            return 0;
        }
        self.spans().map(|(start, end)| u64::from(end - start) * u64::from(end - start - 1) / 2).sum()
    }

    /// The rank of each value, from 1; equal values share the mean of their ranks.
    pub fn ranks(&self) -> Ranks<'_> {
        let mean = |(start, end): (u32, u32)| (f64::from(start) + f64::from(end) + 1.0) / 2.0;
        let by_group = (!self.is_untied()).then(|| self.spans().map(mean).collect());
        Ranks { dense: &self.dense, by_group }
    }

    /// The sum of the squared differences of all ranks from their mean.
    pub fn squares(&self) -> f64 {
        let cubed = |count: f64| count * count * count - count;
        let count = self.dense.len() as f64;
        let tied: f64 = match self.is_untied() {
            true => 0.0,
            false => self.spans().map(|(start, end)| cubed(f64::from(end - start))).sum(),
        };
        (cubed(count) - tied) / 12.0
    }

    /// For each different value, where some are equal, how many values are smaller, and how many are not larger.
    fn spans(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.dense.len() as u32]);
        self.starts.iter().copied().zip(ends)
    }

    /// The rank of each value in a sample that holds value i `weights[i]` times.
    pub fn weighted_ranks(&self, weights: &[u32]) -> Ranks<'_> {
        let mut totals = vec![0.0; self.groups];
        for (&group, &weight) in self.dense.iter().zip(weights) {
            totals[group as usize] += f64::from(weight);
        }
        let mut before = 0.0;
        for total in &mut totals {
            let own = *total;
            *total = before + (own + 1.0) / 2.0;
            before += own;
        }
        Ranks { dense: &self.dense, by_group: Some(totals) }
    }
}

/// Ranks of values, without a number for each of them.
#[derive(Debug)]
pub(crate) struct Ranks<'a> {
    dense: &'a [u32],
    /// The rank that a group of equal values shares; `None` where no values are equal.
    by_group: Option<Vec<f64>>,
}

impl Ranks<'_> {
    #[inline]
    pub fn of(&self, index: usize) -> f64 {
        let group = self.dense[index];
        match &self.by_group {
            Some(ranks) => ranks[group as usize],
            None => f64::from(group) + 1.0,
        }
    }
}

/// So many values hardly share keys of 24 bits.
const FEW: usize = 1 << 18;

/// The places of the values in ascending order of these, each behind its key of 32 bits: larger keys are larger values, and
/// of equal keys the values tell.
///
/// Dissimilarities lie together, so that equal steps of value make keys that hardly two different values share, and a radix
/// sort of half a word does nearly all of the work. Keys only save time: whatever they are, the order is right.
fn sorted(values: &[f64]) -> Vec<u64> {
    let (least, largest) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, largest), &value| (value.min(least), value.max(largest)));
    // Fewer different keys are fewer bytes to sort by.
    let keys = if values.len() <= FEW { 1 << 24 } else { u32::MAX };
    let scale = f64::from(keys - 1) / (largest - least);
    // Values that are all equal, or too far apart to subtract, share one key.
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let entry = |(index, &value): (usize, &f64)| u64::from(((value - least) * scale) as u32) << 32 | index as u64;
    let mut order: Vec<u64> = values.iter().enumerate().map(entry).collect();
    radsort::sort_by_key(&mut order, |&entry| key(entry));
    for run in order.chunk_by_mut(|left, right| key(*left) == key(*right)).filter(|run| run.len() > 1) {
        run.sort_unstable_by_key(|&entry| sort_key(values[index(entry)]));
    }
    order
}

fn key(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn index(entry: u64) -> usize {
    entry as u32 as usize
}

/// A key that is ordered as the numbers are, the two zeros being equal.
fn sort_key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Ranking, index, sorted};

    #[test]
    fn keys_make_no_difference() {
        // Close together, with ties, and with values far away that leave few keys to the others.
        let near = |index: u64| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / 1024.0;
        // With keys of 24 and of 32 bits.
        let counts = [FEW as u64 / 2, FEW as u64 * 2];
        for (count, far) in counts.into_iter().flat_map(|count| [0.0, 1e9, -1e300, f64::MAX].map(|far| (count, far))) {
            let mut values: Vec<f64> = (0..count).map(near).collect();
            values[77] = far;
            values[99] = -far;
            let order: Vec<f64> = sorted(&values).into_iter().map(|entry| values[index(entry)]).collect();
            values.sort_by(f64::total_cmp);
            assert!(order.iter().zip(&values).all(|(found, expected)| found == expected), "{far}");
        }
        assert!(sorted(&[]).is_empty());
    }

    #[test]
    fn numbers_are_ranked_by_size_and_zeros_are_equal() {
        let ranking = Ranking::new(&[0.0, -2.0, 5.0, -0.0, -1e-300, 5.0, f64::MIN]);
        assert_eq!(ranking.dense, [3, 1, 4, 3, 2, 4, 0]);
        assert_eq!((ranking.groups, ranking.tied_pairs()), (5, 2));
        let ranks = ranking.ranks();
        assert_eq!((0..7).map(|index| ranks.of(index)).collect::<Vec<_>>(), [4.5, 2.0, 6.5, 4.5, 3.0, 6.5, 1.0]);
    }
}
