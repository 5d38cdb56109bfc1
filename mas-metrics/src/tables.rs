use std::sync::OnceLock;

use crate::dissimilarity::{Distance, of_side, pair};
use crate::error::Side;
use crate::ranking::Ranking;
use crate::samples::enough_rows;
use crate::{Result, Samples};

/// A number for every pair of samples in both activities, computed once for every correlation, permutation and resample,
/// and their order once it is asked for.
#[derive(Debug)]
pub(crate) struct Tables {
    /// How many samples there are.
    pub rows: usize,
    /// The strict lower triangle of `a` and that of `b`, by rows.
    pub pairs: [Vec<f64>; 2],
    rankings: OnceLock<[Ranking; 2]>,
}

impl Tables {
    /// The dissimilarities of all pairs of rows, for RSA.
    ///
    /// - `zscored`: whether every unit is first scaled to mean 0 and standard deviation 1
    pub fn of(a: &Samples, b: &Samples, zscored: bool, distance: Distance) -> Result<Self> {
        enough_rows("RSA", a, b, 3)?;
        let table = |samples: &Samples, side| match zscored {
            true => of_side(&samples.zscored(), distance, side),
            false => of_side(samples, distance, side),
        };
        let (of_a, of_b) = rayon::join(|| table(a, Side::A), || table(b, Side::B));
        Ok(Self::new(a.rows(), [of_a?, of_b?]))
    }

    pub fn new(rows: usize, pairs: [Vec<f64>; 2]) -> Self {
        Self { rows, pairs, rankings: OnceLock::new() }
    }

    /// Memory, with the rankings if they were asked for.
    pub fn bytes(&self) -> usize {
        let ranks = if self.rankings.get().is_some() { size_of::<u32>() } else { 0 };
        self.count() * 2 * (size_of::<f64>() + ranks)
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.pairs[0].len()
    }

    /// Ranks of a permuted table are permuted ranks: the order is found once.
    pub fn rankings(&self) -> &[Ranking; 2] {
        self.rankings.get_or_init(|| {
            let [a, b] = &self.pairs;
            rayon::join(|| Ranking::new(a), || Ranking::new(b)).into()
        })
    }

    /// Calls `visit` with each pair's place in `a` and, its rows taken through `order`, in `b`.
    pub fn for_each_pair(&self, order: &[usize], mut visit: impl FnMut(usize, usize)) {
        let mut place = 0;
        for row in 1..self.rows {
            let target = order[row];
            for &other in &order[..row] {
                visit(place, pair(target, other));
                place += 1;
            }
        }
    }
}
