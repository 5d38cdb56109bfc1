//! Trials of different lengths without padding, step after step.

use burn::tensor::{Device, Int, Tensor, TensorData};
use mas_core::Trials;

/// Trials laid out by step and, within a step, by length, the longest first: a trial that has ended drops
/// out, and no work is done on padding. A *packed* tensor has one row for each trial and step, `[Σ active, …]`.
#[derive(Debug, Clone)]
pub(crate) struct Packing {
    /// For each row of the first step the trial that it holds; later steps hold the first of these.
    order: Vec<usize>,
    /// Number of rows of each step.
    active: Vec<usize>,
    /// Packed row at which each step begins, and the total.
    offsets: Vec<usize>,
}

impl Packing {
    /// - `lengths`: number of steps of each trial, at least 1
    pub fn new(lengths: &[usize]) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&trial| std::cmp::Reverse(lengths[trial]));
        let time = order.first().map_or(0, |&trial| lengths[trial]);
        let mut active = Vec::with_capacity(time);
        let mut offsets = vec![0];
        for step in 0..time {
            let rows = order.partition_point(|&trial| lengths[trial] > step);
            active.push(rows);
            offsets.push(offsets[step] + rows);
        }
        Self { order, active, offsets }
    }

    /// The trials, the longest first: the rows of a step are the first of these.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Number of steps of the longest trial.
    pub fn time(&self) -> usize {
        self.active.len()
    }

    /// Number of packed rows.
    pub fn rows(&self) -> usize {
        self.offsets[self.time()]
    }

    /// Number of rows of `step`.
    pub fn active(&self, step: usize) -> usize {
        self.active[step]
    }

    /// The packed row at which `step` begins.
    pub fn offset(&self, step: usize) -> usize {
        self.offsets[step]
    }

    /// For every packed row its trial and its step.
    pub fn positions(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.active
            .iter()
            .enumerate()
            .flat_map(|(step, &rows)| self.order[..rows].iter().map(move |&trial| (trial, step)))
    }

    /// The packed row of every trial and step, and whether there is one; after its end a trial points at its
    /// last row.
    ///
    /// - `time`: number of steps to lay out, at least [`time`](Self::time)
    /// - returns: two of `[trial, time]`
    fn padded(&self, time: usize) -> (Vec<i32>, Vec<bool>) {
        let trials = self.order.len();
        let (mut rows, mut inside) = (vec![0; trials * time], vec![false; trials * time]);
        for (row, (trial, step)) in self.positions().enumerate() {
            rows[trial * time + step..(trial + 1) * time].fill(row as i32);
            inside[trial * time + step] = true;
        }
        (rows, inside)
    }

    /// What a packed tensor has at the step before each of its rows; zero at the first step.
    ///
    /// - `packed`: `[Σ active, width]`
    /// - returns: `[Σ active, width]`
    pub fn earlier(&self, packed: Tensor<2>) -> Tensor<2> {
        let width = packed.dims()[1];
        let mut steps = vec![Tensor::zeros([self.active[0], width], &packed.device())];
        steps.extend((1..self.time()).map(|step| packed.clone().narrow(0, self.offsets[step - 1], self.active[step])));
        Tensor::cat(steps, 0)
    }

    /// A packed tensor with padding put in.
    ///
    /// - `packed`: `[Σ active, width]`
    /// - `time`: at least [`time`](Self::time)
    /// - returns: `[trial, time, width]`; after its end a trial repeats its last row, or is zero
    pub fn unpack(&self, packed: Tensor<2>, time: usize, padding: Padding) -> Tensor<3> {
        let device = packed.device();
        let ([_, width], trials) = (packed.dims(), self.order.len());
        let (rows, inside) = self.padded(time);
        let padded = packed.select(0, indices(&rows, &device)).reshape([trials, time, width]);
        match padding {
            Padding::RepeatLast => padded,
            Padding::Zero => {
                let inside: Vec<f32> = inside.into_iter().map(|inside| f32::from(u8::from(inside))).collect();
                padded * Tensor::from_data(TensorData::new(inside, [trials, time, 1]), &device)
            }
        }
    }
}

/// What stands in a padded tensor after a trial's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    RepeatLast,
    Zero,
}

/// Packed tokens of some trials, with what free running and the loss need.
#[derive(Debug, Clone)]
pub(crate) struct PackedTrials {
    pub packing: Packing,
    /// The token at each packed row.
    pub tokens: Vec<i32>,
    /// Whether that token is one of the response.
    pub response: Vec<bool>,
    /// The token that follows, and whether it is one of the response; empty unless the last token was left out.
    pub targets: Vec<i32>,
    pub scored: Vec<bool>,
}

impl PackedTrials {
    /// Every token of the trials at `rows`.
    pub fn all(trials: &Trials, rows: &[usize]) -> Self {
        Self::pack(trials, rows, |row| trials.length(row))
    }

    /// All but the last token of the trials at `rows`, each with the token that follows. Trials of one token
    /// have none and must not be among them.
    pub fn with_targets(trials: &Trials, rows: &[usize]) -> Self {
        let mut packed = Self::pack(trials, rows, |row| trials.length(row) - 1);
        for (trial, step) in packed.packing.positions() {
            packed.targets.push(trials.tokens(rows[trial])[step + 1] as i32);
            packed.scored.push(trials.response(rows[trial])[step + 1]);
        }
        packed
    }

    /// The first `length` tokens of each of the trials at `rows`.
    pub fn pack(trials: &Trials, rows: &[usize], length: impl Fn(usize) -> usize) -> Self {
        let packing = Packing::new(&rows.iter().map(|&row| length(row)).collect::<Vec<_>>());
        let at = |(trial, step): (usize, usize)| {
            (trials.tokens(rows[trial])[step] as i32, trials.response(rows[trial])[step])
        };
        let (tokens, response) = packing.positions().map(at).unzip();
        Self { packing, tokens, response, targets: Vec::new(), scored: Vec::new() }
    }
}

/// Host indices as a tensor.
///
/// - returns: `[index]`
pub(crate) fn indices(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &device.clone().inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_drops_out_when_it_has_ended() {
        let packing = Packing::new(&[2, 4, 1, 4]);
        assert_eq!((0..4).map(|step| packing.active(step)).collect::<Vec<_>>(), [4, 3, 2, 2]);
        assert_eq!(packing.rows(), 11);
        let positions: Vec<_> = packing.positions().collect();
        assert_eq!(positions[..4], [(1, 0), (3, 0), (0, 0), (2, 0)]);
        assert_eq!(positions[7..], [(1, 2), (3, 2), (1, 3), (3, 3)]);
    }

    #[test]
    fn unpacking_repeats_or_zeroes_after_the_end() {
        let packing = Packing::new(&[1, 3]);
        let device = Device::flex();
        let packed = Tensor::<2>::from_data([[10.0], [20.0], [11.0], [12.0]], &device);
        let repeated = packing.unpack(packed.clone(), 4, Padding::RepeatLast).try_into_vec_as::<f32>().unwrap();
        assert_eq!(repeated, [20.0, 20.0, 20.0, 20.0, 10.0, 11.0, 12.0, 12.0]);
        let zeroed = packing.unpack(packed, 4, Padding::Zero).try_into_vec_as::<f32>().unwrap();
        assert_eq!(zeroed, [20.0, 0.0, 0.0, 0.0, 10.0, 11.0, 12.0, 0.0]);
    }
}
