/// Which values are larger than which: for each value its place among the *different* values, from 0.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    /// For each value, how many different values are smaller.
    pub dense: Vec<u32>,
    /// How many different values there are.
    pub groups: usize,
    /// For each different value, how many values are smaller; empty where no values are equal and none is zero.
    starts: Vec<u32>,
    /// Whether the least value is zero.
    from_zero: bool,
}

impl Ranking {
    /// - `values`: no more than `u32::MAX` of them, all finite.
    pub fn new(values: &[f64]) -> Self {
        let sorted = sorted(values);
        // Only values whose keys are equal can be.
        let equal = |left: u64, right: u64| key(left) == key(right) && values[index(left)] == values[index(right)];
        let from_zero = sorted.first().is_some_and(|&entry| values[index(entry)] == 0.0);
        let mut dense = vec![0; values.len()];
        let mut starts = Vec::new();
        if from_zero || sorted.windows(2).any(|pair| equal(pair[0], pair[1])) {
            for (place, &entry) in sorted.iter().enumerate() {
                if place == 0 || !equal(sorted[place - 1], entry) {
                    starts.push(place as u32);
                }
                dense[index(entry)] = starts.len() as u32 - 1;
            }
        } else {
            sorted.iter().zip(0..).for_each(|(&entry, place)| dense[index(entry)] = place);
        }
        let groups = if starts.is_empty() { values.len() } else { starts.len() };
        Self { dense, groups, starts, from_zero }
    }

    /// Whether all values are different.
    pub fn is_untied(&self) -> bool {
        self.groups == self.dense.len()
    }

    /// The number of pairs of equal values.
    pub fn tied_pairs(&self) -> u64 {
        self.sizes().map(|size| u64::from(size) * u64::from(size - 1) / 2).sum()
    }

    /// The rank of each value, from 1; equal values share the mean of their ranks.
    ///
    /// - `zeros`: so many zeros come on top of the values, of which none is negative. They join the zeros that there are,
    ///   or lie below all.
    pub fn ranks(&self, zeros: usize) -> Ranks<'_> {
        let zeros = zeros as f64;
        let mut before = if self.from_zero { 0.0 } else { zeros };
        let mean = |(group, size)| {
            let size = f64::from(size) + if group == 0 && self.from_zero { zeros } else { 0.0 };
            before += size;
            before - (size - 1.0) / 2.0
        };
        let by_group: Vec<f64> = self.sizes().enumerate().map(mean).collect();
        let of_zeros = if self.from_zero { by_group[0] } else { (zeros + 1.0) / 2.0 };
        Ranks { dense: &self.dense, by_group, first: zeros + 1.0, of_zeros }
    }

    /// The sum of the squared differences of all ranks from their mean.
    ///
    /// - `zeros`: as for [`Ranking::ranks`].
    pub fn squares(&self, zeros: usize) -> f64 {
        let cubed = |count: f64| count * count * count - count;
        let zeros = zeros as f64;
        let mut added = zeros;
        let mut tied = if self.from_zero { 0.0 } else { cubed(std::mem::take(&mut added)) };
        tied += self.sizes().map(|size| cubed(f64::from(size) + std::mem::take(&mut added))).sum::<f64>();
        (cubed(self.dense.len() as f64 + zeros) - tied) / 12.0
    }

    /// How many values are equal to each different one, where some are equal or the least is zero.
    fn sizes(&self) -> impl Iterator<Item = u32> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain([self.dense.len() as u32]);
        self.starts.iter().zip(ends).map(|(start, end)| end - start)
    }

    /// The rank of each value in a sample that holds value i `weights[i]` times, and zero `zeros` times more.
    pub fn weighted_ranks(&self, weights: &[u32], zeros: f64) -> Ranks<'_> {
        let mut totals = vec![0.0; self.groups];
        for (&group, &weight) in self.dense.iter().zip(weights) {
            totals[group as usize] += f64::from(weight);
        }
        let mut before = zeros;
        if self.from_zero {
            totals[0] += std::mem::take(&mut before);
        }
        let below = (before + 1.0) / 2.0;
        for total in &mut totals {
            let own = *total;
            *total = before + (own + 1.0) / 2.0;
            before += own;
        }
        let of_zeros = if self.from_zero { totals[0] } else { below };
        Ranks { dense: &self.dense, by_group: totals, first: 1.0, of_zeros }
    }
}

/// Ranks of values, without a number for each of them.
#[derive(Debug)]
pub(crate) struct Ranks<'a> {
    dense: &'a [u32],
    /// The rank that a group of equal values shares; empty where the values have all ranks from `first`.
    by_group: Vec<f64>,
    first: f64,
    /// The rank of the zeros that came on top of the values.
    pub of_zeros: f64,
}

impl Ranks<'_> {
    #[inline]
    pub fn of(&self, index: usize) -> f64 {
        let group = self.dense[index];
        if self.by_group.is_empty() { f64::from(group) + self.first } else { self.by_group[group as usize] }
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
    let (least, largest) = range(values);
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

/// The least and the largest value: +∞ and −∞ if there are none.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    // Side by side, so that none waits for the one before.
    const PARTS: usize = 4;
    let (chunks, rest) = values.as_chunks::<PARTS>();
    let (mut least, mut largest) = ([f64::INFINITY; PARTS], [f64::NEG_INFINITY; PARTS]);
    for chunk in chunks {
        for part in 0..PARTS {
            least[part] = if chunk[part] < least[part] { chunk[part] } else { least[part] };
            largest[part] = if chunk[part] > largest[part] { chunk[part] } else { largest[part] };
        }
    }
    let least = least.iter().chain(rest).copied().fold(f64::INFINITY, f64::min);
    let largest = largest.iter().chain(rest).copied().fold(f64::NEG_INFINITY, f64::max);
    (least, largest)
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
        let ranks = ranking.ranks(0);
        assert_eq!((0..7).map(|index| ranks.of(index)).collect::<Vec<_>>(), [4.5, 2.0, 6.5, 4.5, 3.0, 6.5, 1.0]);
    }

    #[test]
    fn zeros_on_top_are_as_if_they_had_been_there() {
        for values in [vec![3.0, 1.0, 2.0, 5.0], vec![3.0, 1.0, 3.0], vec![0.0, 4.0, 2.0], vec![4.0, 0.0, 1.0, 0.0]] {
            for zeros in 0..4 {
                let all = [values.clone(), vec![0.0; zeros]].concat();
                let (part, whole) = (Ranking::new(&values), Ranking::new(&all));
                let weights: Vec<u32> = (2..).take(all.len()).collect();
                let drawn = weights[values.len()..].iter().sum::<u32>().into();
                let of_part = [part.ranks(zeros), part.weighted_ranks(&weights[..values.len()], drawn)];
                for (part, whole) in of_part.into_iter().zip([whole.ranks(0), whole.weighted_ranks(&weights, 0.0)]) {
                    (0..values.len()).for_each(|index| assert_eq!(part.of(index), whole.of(index), "{all:?}"));
                    (values.len()..all.len()).for_each(|index| assert_eq!(part.of_zeros, whole.of(index), "{all:?}"));
                }
                assert_eq!(part.squares(zeros), whole.squares(0), "{all:?}");
            }
        }
    }
}
