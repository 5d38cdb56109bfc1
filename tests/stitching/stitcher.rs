//! Model stitching by itself (Lenc and Vedaldi 2015; Bansal et al. 2021): one orthogonal map from the source's state to
//! the target's, trained on what the target then says.
//!
//! On purpose it uses nothing of the project's alignments, interchanges and fits: plain arrays, Adam in the tangent space
//! of the rotations, a polar retraction, an evaluation of its own. Only the networks are the same.

use burn::{prelude::*, tensor::Device};
use mas_core::{Edit, Network, Outcome, Pairs, Positions, Prefix, Recorded, Resume, Site};
use mas_models::Frozen;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A square matrix, row by row.
#[derive(Clone)]
pub struct Matrix {
    n: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn new(n: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        Self { n, values: (0..n * n).map(|i| value(i / n, i % n)).collect() }
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.n + column]
    }

    fn times(&self, other: &Self) -> Self {
        Self::new(self.n, |row, column| (0..self.n).map(|i| self.at(row, i) * other.at(i, column)).sum())
    }

    fn transposed(&self) -> Self {
        Self::new(self.n, |row, column| self.at(column, row))
    }

    /// The nearest rotation, by Newton and Schulz's iteration; `self` is close to one.
    fn polar(mut self) -> Self {
        for _ in 0..3 {
            let gram = self.transposed().times(&self);
            let half = Self::new(self.n, |row, column| 1.5 * f32::from(row == column) - 0.5 * gram.at(row, column));
            self = self.times(&half);
        }
        self
    }

    /// Each row of `vectors`, mapped.
    fn map(&self, vectors: &[f32]) -> Vec<f32> {
        let mapped = |vector: &[f32]| -> Vec<f32> {
            (0..self.n).map(|row| (0..self.n).map(|i| self.at(row, i) * vector[i]).sum()).collect()
        };
        vectors.chunks(self.n).flat_map(mapped).collect()
    }
}

/// The source's states and what the target goes on from.
struct Data<'a> {
    target: &'a Frozen,
    site: Site,
    pairs: &'a Pairs,
    states: Vec<f32>,
    prefix: Prefix,
}

impl<'a> Data<'a> {
    fn record([source, target]: [&'a Frozen; 2], pairs: &'a Pairs) -> Self {
        let site = target.site("hidden").unwrap();
        let at: Vec<_> = pairs.source_positions.iter().copied().enumerate().collect();
        let states = source.read(&source.site("hidden").unwrap(), &pairs.source, &at).unwrap();
        let prefix = target.prepare(&site, &pairs.counterfactual, &pairs.target_positions).unwrap();
        Self { target, site, pairs, states: states.try_into_vec_as().unwrap(), prefix }
    }

    fn resume<'b>(&'b self, rows: &'b [usize], free_running: bool) -> Resume<'b> {
        Resume {
            site: &self.site,
            interchange: Positions::Individual,
            prefix: Some(&self.prefix),
            trials: &self.pairs.counterfactual,
            positions: &self.pairs.target_positions,
            rows,
            free_running,
            natural: None,
        }
    }

    fn states(&self, rows: &[usize]) -> Vec<f32> {
        let width = self.site.width;
        rows.iter().flat_map(|row| &self.states[row * width..][..width]).copied().collect()
    }

    fn tensor(&self, vectors: Vec<f32>) -> Tensor<2> {
        let rows = vectors.len() / self.site.width;
        Tensor::from_data(TensorData::new(vectors, [rows, self.site.width]), &Device::flex())
    }
}

/// How a stitcher is fitted.
pub struct Settings {
    pub steps: usize,
    pub batch: usize,
    pub learning_rate: f32,
    /// Steps from one validation to the next.
    pub validate_every: usize,
}

/// The map from the first network's state to the second one's: the one at the validation with the most pairs right.
pub fn fit(networks: [&Frozen; 2], pairs: &Pairs, validation: &Pairs, settings: &Settings) -> Matrix {
    let &Settings { steps, batch, learning_rate, validate_every } = settings;
    let data = Data::record(networks, pairs);
    let mut best: Option<(usize, Matrix)> = None;
    let n = data.site.width;
    let mut map = Matrix::new(n, |row, column| f32::from(row == column));
    let (mut first, mut second) = (Matrix::new(n, |_, _| 0.0), Matrix::new(n, |_, _| 0.0));
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for step in 1..=steps as i32 {
        let rows: Vec<usize> = (0..batch).map(|_| random.random_range(0..pairs.len())).collect();
        let states = data.states(&rows);
        let resume = data.resume(&rows, false);
        let tokens: usize = (0..batch).map(|row| resume.outputs(row)).sum();
        let weights = vec![1.0 / tokens as f32; batch];
        let edited = data.tensor(map.map(&states));
        let (_, gradient) = data.target.behaviour_gradient(&resume, edited, &weights).unwrap();
        let gradient: Vec<f32> = gradient.try_into_vec_as().unwrap();
        let by_map = Matrix::new(n, |i, j| (0..batch).map(|row| gradient[row * n + i] * states[row * n + j]).sum());
        // The part of it that turns: skew, and so is Adam's step, which treats an entry and its mirror image alike.
        let product = by_map.times(&map.transposed());
        let turn = Matrix::new(n, |i, j| product.at(i, j) - product.at(j, i));
        first = Matrix::new(n, |i, j| 0.9 * first.at(i, j) + 0.1 * turn.at(i, j));
        second = Matrix::new(n, |i, j| 0.999 * second.at(i, j) + 0.001 * turn.at(i, j).powi(2));
        let (unbiased, scale) = (1.0 - 0.9_f32.powi(step), 1.0 - 0.999_f32.powi(step));
        let adam = |i, j| first.at(i, j) / unbiased / ((second.at(i, j) / scale).sqrt() + 1e-8);
        let change = Matrix::new(n, |i, j| f32::from(i == j) - learning_rate * adam(i, j));
        map = change.times(&map).polar();
        if (step as usize).is_multiple_of(validate_every) || step as usize == steps {
            let right = outcomes(networks, &map, validation).iter().filter(|outcome| outcome.is_right()).count();
            if best.as_ref().is_none_or(|(most, _)| right > *most) {
                best = Some((right, map.clone()));
            }
        }
    }
    best.expect("a validation after the last step").1
}

/// What the target says after each pair, free-running.
pub fn outcomes(networks: [&Frozen; 2], map: &Matrix, pairs: &Pairs) -> Vec<Outcome> {
    let data = Data::record(networks, pairs);
    let rows: Vec<usize> = (0..pairs.len()).collect();
    let edited = data.tensor(map.map(&data.states(&rows)));
    let said = data.target.resume(&data.resume(&rows, true), Edit::Known(edited)).unwrap();
    let mut outcomes = vec![Outcome { right: 0, tokens: 0 }; pairs.len()];
    for (at, token) in said.at.iter().zip(said.predictions().unwrap()) {
        let (trial, next) = (at.row, at.position + 1);
        if pairs.counterfactual.response(trial)[next] {
            outcomes[trial].tokens += 1;
            outcomes[trial].right += u32::from(pairs.counterfactual.tokens(trial)[next] == token);
        }
    }
    outcomes
}
