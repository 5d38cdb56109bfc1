use rayon::prelude::*;

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
        let order = sorted(values);
        let mut dense = vec![0; values.len()];
        let mut starts = Vec::new();
        let mut last = None;
        for (place, &(key, index)) in order.iter().enumerate() {
            if last != Some(key) {
                starts.push(place as u32);
                last = Some(key);
            }
            dense[index as usize] = starts.len() as u32 - 1;
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

/// Values are first put into buckets of about this size.
const BUCKET: usize = 4;
/// Up to this size a bucket is put in order by insertion.
const SHORT: usize = 20;
const MOST_BUCKETS: usize = 1 << 16;
/// Up to so many values are sorted on one thread.
const ONE_THREAD: usize = 1 << 17;

/// The values' keys with their places, in order: a sort that looks values up would wait for memory at each comparison.
///
/// Dissimilarities lie together, so that equal steps of value make buckets of like size, and what is left is many short
/// sorts. Buckets only save time: whatever their size, the order is right.
fn sorted(values: &[f64]) -> Vec<(u64, u32)> {
    let (least, largest) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, largest), &value| (value.min(least), value.max(largest)));
    let count = (values.len() / BUCKET).clamp(1, MOST_BUCKETS);
    let scale = count as f64 / (largest - least);
    // Of values that are all equal, or too far apart to subtract, there is one bucket.
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let bucket = |value: f64| (((value - least) * scale) as usize).min(count - 1);
    let mut ends = vec![0_usize; count];
    values.iter().for_each(|&value| ends[bucket(value)] += 1);
    let mut start = 0;
    for end in &mut ends {
        start += std::mem::replace(end, start);
    }
    let mut order = vec![(0, 0); values.len()];
    for (index, &value) in values.iter().enumerate() {
        let end = &mut ends[bucket(value)];
        order[*end] = (sort_key(value), index as u32);
        *end += 1;
    }
    let mut buckets = Vec::with_capacity(count);
    let (mut rest, mut start) = (order.as_mut_slice(), 0);
    for end in ends {
        let (own, others) = rest.split_at_mut(end - start);
        buckets.push(own);
        (rest, start) = (others, end);
    }
    let sort = |bucket: &mut [(u64, u32)]| match bucket.len() <= SHORT {
        true => insert(bucket),
        false => bucket.sort_unstable_by_key(|(key, _)| *key),
    };
    match values.len() > ONE_THREAD {
        true => buckets.into_par_iter().for_each(sort),
        false => buckets.into_iter().for_each(sort),
    }
    order
}

fn insert(bucket: &mut [(u64, u32)]) {
    for next in 1..bucket.len() {
        let entry = bucket[next];
        let mut place = next;
        while place > 0 && bucket[place - 1].0 > entry.0 {
            bucket[place] = bucket[place - 1];
            place -= 1;
        }
        bucket[place] = entry;
    }
}

/// A key that is ordered as the numbers are, the two zeros being equal.
fn sort_key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::{Ranking, sorted};

    #[test]
    fn buckets_make_no_difference() {
        // Close together, with ties, and with values far away that leave most buckets empty.
        let near = |index: u64| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / 1024.0;
        for far in [0.0, 1e9, -1e300, f64::MAX] {
            let mut values: Vec<f64> = (0..200_000).map(near).collect();
            values[77] = far;
            values[99] = -far;
            let order: Vec<f64> = sorted(&values).into_iter().map(|(_, index)| values[index as usize]).collect();
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
