use rayon::prelude::*;

use crate::comparison::{Comparison, multiplicities};
use crate::dissimilarity::{Distance, of_side, pair};
use crate::error::Side;
use crate::samples::enough_rows;
use crate::{Error, Result, Samples};

/// Mutual nearest neighbours: for each sample the share of its `k` nearest others (by the angle between activity vectors)
/// that both activities agree on, averaged over samples.
///
/// Range 0 to 1, and about `k / (n − 1)` for independent activity; symmetric; kept by rotations about the origin and by
/// positive scaling of single vectors. Which of several samples at equal angles come first is left to chance, for each
/// activity by itself: activity in which many are does not reach 1 even with itself. Copies of rows are such samples: see
/// [`distinct_rows`](crate::distinct_rows). Huh, Cheung, Wang and Isola (2024), *The Platonic
/// representation hypothesis*, ICML.
///
/// # Errors
/// Different numbers of rows, no more than `k` + 1 of them, `k` = 0, or a row that is all zero (it is named).
pub fn mutual_knn(a: &Samples, b: &Samples, k: usize) -> Result<f64> {
    MutualKnn::new(a, b, k)?.value()
}

/// Up to so many rows all others are kept in order. Beyond, only the nearest [`KEPT`] times k: resamples, which hold
/// each row with probability 0.63, never get to their end.
const ALL_KEPT: usize = 4096;
const KEPT: usize = 32;

/// For each sample the others, nearest first, in both activities.
pub(crate) struct MutualKnn {
    k: usize,
    a: Vec<Vec<u32>>,
    b: Vec<Vec<u32>>,
}

impl MutualKnn {
    pub fn new(a: &Samples, b: &Samples, k: usize) -> Result<Self> {
        if k == 0 || k > u32::MAX as usize {
            return Err(Error::Parameter(format!("{k} nearest neighbours cannot be compared")));
        }
        enough_rows("mutual k-NN", a, b, k + 2)?;
        Ok(Self { k, a: neighbours(a, k, Side::A)?, b: neighbours(b, k, Side::B)? })
    }
}

impl Comparison for MutualKnn {
    fn value(&self) -> Result<f64> {
        let mut marks = vec![0; self.a.len()];
        let shared: usize = (0..self.a.len())
            .map(|row| {
                self.a[row][..self.k].iter().for_each(|&other| marks[other as usize] = row + 1);
                self.b[row][..self.k].iter().filter(|&&other| marks[other as usize] == row + 1).count()
            })
            .sum();
        Ok(shared as f64 / (self.k * self.a.len()) as f64)
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        let mut marks = vec![0; self.a.len()];
        let shared: usize = (0..self.a.len())
            .map(|row| {
                self.a[row][..self.k].iter().for_each(|&other| marks[order[other as usize]] = row + 1);
                self.b[order[row]][..self.k].iter().filter(|&&other| marks[other as usize] == row + 1).count()
            })
            .sum();
        Ok(shared as f64 / (self.k * self.a.len()) as f64)
    }

    /// Neighbours are looked for among the rows that were drawn, each once; a row counts as often as it was drawn.
    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let counts = multiplicities(rows, self.a.len());
        let drawn = counts.iter().filter(|count| **count > 0).count();
        if drawn <= self.k {
            return Err(Error::TooFew { what: "mutual k-NN", needed: self.k + 1, found: drawn });
        }
        let mut marks = vec![0; self.a.len()];
        let mut sum = 0;
        for (row, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let nearest = |order: &[u32]| -> Vec<u32> {
                order.iter().copied().filter(|&other| counts[other as usize] > 0).take(self.k).collect()
            };
            nearest(&self.a[row]).into_iter().for_each(|other| marks[other as usize] = row + 1);
            let shared = nearest(&self.b[row]).into_iter().filter(|&other| marks[other as usize] == row + 1).count();
            sum += shared * count as usize;
        }
        Ok(sum as f64 / (self.k * rows.len()) as f64)
    }
}

fn neighbours(samples: &Samples, k: usize, side: Side) -> Result<Vec<Vec<u32>>> {
    let table = of_side(samples, Distance::Cosine, side)?;
    let kept = if samples.rows() <= ALL_KEPT { usize::MAX } else { KEPT.saturating_mul(k) };
    let nearest_first = |row: usize| {
        let mut others: Vec<u32> = (0..samples.rows() as u32).filter(|&other| other as usize != row).collect();
        let distance = |other: u32| table[pair(row, other as usize)];
        // An order that both activities shared, that of the rows say, would pass for likeness.
        let chance = |other: u32| scrambled((row as u64) << 32 | u64::from(other), side);
        let nearer = |left: &u32, right: &u32| {
            let by_distance = distance(*left).total_cmp(&distance(*right));
            by_distance.then_with(|| chance(*left).cmp(&chance(*right)))
        };
        if kept < others.len() {
            others.select_nth_unstable_by(kept, nearer);
            others.truncate(kept);
            others.shrink_to_fit();
        }
        others.sort_unstable_by(nearer);
        others
    };
    Ok((0..samples.rows()).into_par_iter().map(nearest_first).collect())
}

/// A different number for each number, in no order that anyone would see (the finaliser of SplitMix64; Steele, Lea and
/// Flood 2014), and for each activity another.
fn scrambled(number: u64, side: Side) -> u64 {
    let start = match side {
        Side::A => 0x9e37_79b9_7f4a_7c15,
        Side::B => 0x3c6e_f372_fe94_f82a,
    };
    let mut mixed = number.wrapping_add(start);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
