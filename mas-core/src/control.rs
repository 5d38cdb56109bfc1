//! Controls that need other pairs: the same fit with its sources shuffled.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Pairs, Positions, Result};

impl Pairs {
    /// The same pairs with sources permuted between trials by one fixed permutation, drawn with `seed`: what an
    /// alignment can do when the activity that goes over has nothing to do with what should follow.
    ///
    /// In stepwise interchanges a pair gets a source that is long enough for its position.
    ///
    /// # Errors
    /// As [`check`](Self::check); stepwise pairs whose two positions differ.
    pub fn shuffled(&self, positions: Positions, seed: u64) -> Result<Self> {
        self.check()?;
        if positions == Positions::Stepwise && self.source_positions != self.target_positions {
            return Err(Error::invalid("stepwise interchanges need the same position in source and target"));
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..self.len()).collect();
        let mut given: Vec<usize> = vec![0; self.len()];
        match positions {
            Positions::Individual => {
                rand::seq::SliceRandom::shuffle(order.as_mut_slice(), &mut rng);
                given = order;
            }
            Positions::Stepwise => {
                // From the last position to the first, each pair draws among the sources that are long enough and not
                // taken. There is always one: those already served all had their own, which was long enough too.
                order.sort_by_key(|&pair| std::cmp::Reverse(self.target_positions[pair]));
                let mut by_length: Vec<usize> = (0..self.len()).collect();
                by_length.sort_by_key(|&pair| std::cmp::Reverse(self.source.length(pair)));
                let mut next = by_length.into_iter().peekable();
                let mut free = Vec::new();
                for pair in order {
                    while let Some(source) =
                        next.next_if(|&source| self.source.length(source) > self.target_positions[pair])
                    {
                        free.push(source);
                    }
                    given[pair] = free.swap_remove(rng.random_range(0..free.len()));
                }
            }
        }
        let source_positions = match positions {
            Positions::Individual => given.iter().map(|&pair| self.source_positions[pair]).collect(),
            Positions::Stepwise => self.source_positions.clone(),
        };
        Ok(Self { source: self.source.select(&given), source_positions, ..self.clone() })
    }
}
