use burn::tensor::{Device, Tensor, TensorData};

use super::memory::Slots;
use crate::packing::indices;

/// The base of rotary encoding's wavelengths.
const BASE: f64 = 10_000.0;

/// Where the vectors of a packed tensor stand, and what each of them may attend to: what its row has kept, itself, and
/// those of its row before it.
///
/// A *packed* tensor has one row for each vector, so that nothing but attention is computed on padding.
pub(super) struct Layout {
    rows: usize,
    queries: usize,
    /// The vector at each place of the padded tensor, and the place of each vector; none where the two are the same.
    places: Option<[Vec<i32>; 2]>,
    /// Zero where a query may attend to a slot, else −∞: `[row or 1, 1, query, slot]`.
    bias: Tensor<4>,
    /// Of the angles by which halves of heads are turned, `[vector, 1, head width / 2]`.
    cosines: Tensor<3>,
    sines: Tensor<3>,
    device: Device,
}

impl Layout {
    /// - `at`: row and position of each vector, row by row, positions ascending
    /// - `kept`: what the rows have kept of earlier positions
    pub fn new(at: &[(usize, usize)], kept: &Slots, head: usize, device: &Device) -> Self {
        let device = device.clone().inner();
        let rows = kept.rows();
        let mut counts = vec![0; rows];
        at.iter().for_each(|&(row, _)| counts[row] += 1);
        let queries = counts.iter().copied().max().unwrap_or(0);
        let places = (at.len() < rows * queries).then(|| {
            let (mut vectors, mut places) = (vec![0; rows * queries], Vec::with_capacity(at.len()));
            let mut filled = vec![0; rows];
            for (vector, &(row, _)) in at.iter().enumerate() {
                let place = row * queries + filled[row];
                filled[row] += 1;
                vectors[place] = vector as i32;
                places.push(place as i32);
            }
            [vectors, places]
        });
        // Padding comes after a row's vectors, so that what is before a vector is none.
        let causal = |query: usize, key: usize| if key <= query { 0.0 } else { f32::NEG_INFINITY };
        let (biased, slots) = if kept.slots() == 0 { (1, queries) } else { (rows, kept.slots() + queries) };
        let mut bias = Vec::with_capacity(biased * queries * slots);
        for row in 0..biased {
            for query in 0..queries {
                bias.extend(kept.of_row(row).iter().map(|&visible| if visible { 0.0 } else { f32::NEG_INFINITY }));
                bias.extend((0..queries).map(|key| causal(query, key)));
            }
        }
        let bias = Tensor::from_data(TensorData::new(bias, [biased, 1, queries, slots]), &device);

        let longest = at.iter().map(|&(_, position)| position + 1).max().unwrap_or(0);
        let half = head / 2;
        let angle = |position: usize, pair: usize| position as f64 * BASE.powf(-2.0 * pair as f64 / head as f64);
        let positions = indices(&at.iter().map(|&(_, position)| position as i32).collect::<Vec<_>>(), &device);
        let table = |wave: fn(f64) -> f64| {
            let of = |position| (0..half).map(move |pair| wave(angle(position, pair)) as f32);
            let values: Vec<f32> = (0..longest).flat_map(of).collect();
            let table = Tensor::<3>::from_data(TensorData::new(values, [longest, 1, half]), &device);
            table.select(0, positions.clone())
        };
        Self { rows, queries, places, bias, cosines: table(f64::cos), sines: table(f64::sin), device }
    }

    /// A packed tensor laid out by rows.
    ///
    /// - `packed`: `[vector, width]`
    /// - returns: `[row, query, width]`; after a row's vectors anything may stand
    pub fn pad(&self, packed: Tensor<2>) -> Tensor<3> {
        let width = packed.dims()[1];
        let padded = match &self.places {
            Some([vectors, _]) => packed.select(0, indices(vectors, &self.device)),
            None => packed,
        };
        padded.reshape([self.rows, self.queries, width])
    }

    /// The vectors of a tensor laid out by rows.
    ///
    /// - `padded`: `[row, query, width]`
    /// - returns: `[vector, width]`
    pub fn pack(&self, padded: Tensor<3>) -> Tensor<2> {
        let [rows, queries, width] = padded.dims();
        let padded = padded.reshape([rows * queries, width]);
        match &self.places {
            Some([_, places]) => padded.select(0, indices(places, &self.device)),
            None => padded,
        }
    }

    /// Rotary encoding over whole heads: the two halves of a head are turned together, pair by pair, by the position
    /// times 10,000^(−2 · pair / head width). Su et al. 2021 (arXiv 2104.09864).
    ///
    /// - `packed`: `[vector, heads · head width]`
    pub fn rotate(&self, packed: Tensor<2>, heads: usize) -> Tensor<2> {
        let [vectors, width] = packed.dims();
        let half = width / heads / 2;
        let packed = packed.reshape([vectors, heads, 2 * half]);
        let (first, second) = (packed.clone().narrow(2, 0, half), packed.narrow(2, half, half));
        let turned = [
            first.clone() * self.cosines.clone() - second.clone() * self.sines.clone(),
            second * self.cosines.clone() + first * self.sines.clone(),
        ];
        Tensor::cat(turned.into(), 2).reshape([vectors, width])
    }

    /// Softmax attention, scaled by 1/√(head width), with heads side by side.
    ///
    /// - `queries`: `[row, query, width]`
    /// - `keys`, `values`: `[row, slot, width]`
    /// - returns: `[row, query, width]`
    pub fn attend(&self, queries: Tensor<3>, keys: Tensor<3>, values: Tensor<3>, heads: usize) -> Tensor<3> {
        let [rows, count, width] = queries.dims();
        let by_head = |x: Tensor<3>| {
            let slots = x.dims()[1];
            x.reshape([rows, slots, heads, width / heads]).swap_dims(1, 2)
        };
        let scale = 1.0 / ((width / heads) as f64).sqrt();
        let scores = by_head(queries).mul_scalar(scale).matmul(by_head(keys).swap_dims(2, 3));
        let weights = burn::tensor::activation::softmax(scores + self.bias.clone(), 3);
        weights.matmul(by_head(values)).swap_dims(1, 2).reshape([rows, count, width])
    }

    /// For each row how many vectors it has, padded.
    pub fn queries(&self) -> usize {
        self.queries
    }
}
