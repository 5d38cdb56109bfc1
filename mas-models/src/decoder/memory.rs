use burn::tensor::Tensor;

/// Keys and values that a block has kept of the positions it has read, `[row, slot, width]` each; nothing before the
/// first. Keys are kept turned, so that slots may come in any order.
#[derive(Debug, Clone, Default)]
pub struct Memory(Option<[Tensor<3>; 2]>);

impl Memory {
    /// - `keys`, `values`: `[row, slot, width]`
    pub(super) fn new(keys: Tensor<3>, values: Tensor<3>) -> Self {
        Self(Some([keys, values]))
    }

    /// Keeps more, and returns all keys and values.
    pub fn extend(&mut self, keys: Tensor<3>, values: Tensor<3>) -> [Tensor<3>; 2] {
        let all = match self.0.take() {
            None => [keys, values],
            Some([before, values_before]) => {
                [Tensor::cat(vec![before, keys], 1), Tensor::cat(vec![values_before, values], 1)]
            }
        };
        self.0.insert(all).clone()
    }

    /// Keeps only the first rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        if let Some(kept) = self.0.take() {
            let first = |kept: Tensor<3>| if kept.dims()[0] == rows { kept } else { kept.narrow(0, 0, rows) };
            self.0 = Some(kept.map(first));
        }
    }

    /// The keys and the values.
    pub(super) fn into_parts(self) -> Option<[Tensor<3>; 2]> {
        self.0
    }
}

/// Which slots of a [`Memory`] each row may attend to; the others are padding.
#[derive(Debug, Clone)]
pub(super) struct Slots(Vec<Vec<bool>>);

impl Slots {
    /// Of rows that have kept `counts` positions each, padded to `slots`.
    pub fn new(counts: &[usize], slots: usize) -> Self {
        Self(counts.iter().map(|&count| (0..slots).map(|slot| slot < count).collect()).collect())
    }

    /// Adds slots, of which each row has filled the first ones.
    ///
    /// - `at`: row and position of each vector that is kept
    pub fn extend(&mut self, at: &[(usize, usize)], slots: usize) {
        let mut counts = vec![0; self.0.len()];
        at.iter().for_each(|&(row, _)| counts[row] += 1);
        for (row, count) in self.0.iter_mut().zip(counts) {
            row.extend((0..slots).map(|slot| slot < count));
        }
    }

    /// Keeps only the first rows.
    pub fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    pub fn rows(&self) -> usize {
        self.0.len()
    }

    pub fn slots(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    pub fn of_row(&self, row: usize) -> &[bool] {
        &self.0[row]
    }
}
