use rayon::prelude::*;

/// Which values are larger than which: for each value its place among the *different* values, from 0.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    /// For each value, how many different values are smaller.
    pub dense: Vec<u32>,
    /// How many different values there are.
    pub groups: usize,
}

impl Ranking {
    /// - `values`: no more than `u32::MAX` of them, all finite.
    pub fn new(values: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        let value = |index: u32| values[index as usize];
        order.par_sort_unstable_by(|&left, &right| value(left).total_cmp(&value(right)).then(left.cmp(&right)));
        let mut dense = vec![0; values.len()];
        let mut group = 0;
        for (place, &index) in order.iter().enumerate() {
            if place > 0 && value(index) != value(order[place - 1]) {
                group += 1;
            }
            dense[index as usize] = group;
        }
        Self { dense, groups: if values.is_empty() { 0 } else { group as usize + 1 } }
    }

    /// The rank of each value, from 1; equal values share the mean of their ranks.
    pub fn mid_ranks(&self) -> Vec<f64> {
        self.rank_by(|_| 1.0)
    }

    /// The rank of each value in a sample that holds value i `weights[i]` times.
    pub fn weighted_mid_ranks(&self, weights: &[u32]) -> Vec<f64> {
        self.rank_by(|index| f64::from(weights[index]))
    }

    fn rank_by(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut totals = vec![0.0; self.groups];
        for (index, &group) in self.dense.iter().enumerate() {
            totals[group as usize] += weight(index);
        }
        let mut before = 0.0;
        for total in &mut totals {
            let own = *total;
            *total = before + (own + 1.0) / 2.0;
            before += own;
        }
        self.dense.iter().map(|&group| totals[group as usize]).collect()
    }
}
