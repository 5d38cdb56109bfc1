use burn::tensor::{Device, Tensor, TensorData};

use super::Rotary;
use super::memory::Slots;
use crate::packing::indices;

/// Where the vectors of a packed tensor stand, and what each of them may attend to: what its row has kept, itself, and
/// those of its row before it.
///
/// A *packed* tensor has one row for each vector, so that nothing but attention is computed on padding.
pub struct Layout {
    rows: usize,
    queries: usize,
    /// The vector at each place of the padded tensor, and the place of each vector; none where the two are the same.
    places: Option<[Vec<i32>; 2]>,
    /// Zero where a query may attend to a slot, else −∞: `[row or 1, 1, query, slot]`.
    bias: Tensor<4>,
    /// How heads are turned, if they are, with the cosines and sines of the angles.
    rotary: Option<(Rotary, [Tensor<3>; 2])>,
    device: Device,
}

impl Layout {
    /// - `at`: row and position of each vector, row by row, positions ascending
    /// - `kept`: what the rows have kept of earlier positions
    /// - `rotary`: how queries and keys are turned by their position, if they are
    pub(super) fn new(at: &[(usize, usize)], kept: &Slots, rotary: Option<Rotary>, device: &Device) -> Self {
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

        let positions: Vec<usize> = at.iter().map(|&(_, position)| position).collect();
        let rotary = rotary.map(|rotary| (rotary, rotary.waves(&positions, &device)));
        Self { rows, queries, places, bias, rotary, device }
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

    /// Queries or keys turned by their position, where the network does so; see [`Rotary`].
    ///
    /// - `packed`: `[vector, heads · head width]`
    pub fn rotate(&self, packed: Tensor<2>, heads: usize) -> Tensor<2> {
        match &self.rotary {
            Some((rotary, waves)) => rotary.turn(packed, heads, waves.clone()),
            None => packed,
        }
    }

    /// Softmax attention, scaled by 1/√(head width), with heads side by side. Several query heads in a row may share
    /// one head of keys and values (Ainslie et al. 2023, arXiv 2305.13245).
    ///
    /// - `queries`: `[row, query, heads · head width]`
    /// - `keys`, `values`: `[row, slot, shared · head width]`
    /// - `heads`: those of the queries, and how many there are of keys and of values
    /// - returns: `[row, query, heads · head width]`
    pub fn attend(
        &self,
        queries: Tensor<3>,
        keys: Tensor<3>,
        values: Tensor<3>,
        [heads, shared]: [usize; 2],
    ) -> Tensor<3> {
        let [rows, count, width] = queries.dims();
        let (head, group) = (width / heads, heads / shared);
        let by_head = |x: Tensor<3>, heads: usize| {
            let slots = x.dims()[1];
            x.reshape([rows, slots, heads, head]).swap_dims(1, 2)
        };
        // The queries that share a head of keys stand one after the other, so that there is one product for all.
        let grouped = |x: Tensor<4>| {
            let last = x.dims()[3];
            if group == 1 { x } else { x.reshape([rows, shared, group * count, last]) }
        };
        let single = |x: Tensor<4>| {
            let last = x.dims()[3];
            if group == 1 { x } else { x.reshape([rows, heads, count, last]) }
        };
        let scale = 1.0 / (head as f64).sqrt();
        let queries = grouped(by_head(queries, heads).mul_scalar(scale));
        let scores = single(queries.matmul(by_head(keys, shared).swap_dims(2, 3)));
        let weights = burn::tensor::activation::softmax(scores + self.bias.clone(), 3);
        let attended = single(grouped(weights).matmul(by_head(values, shared)));
        attended.swap_dims(1, 2).reshape([rows, count, width])
    }

    /// For each row how many vectors it has, padded.
    pub fn queries(&self) -> usize {
        self.queries
    }
}
