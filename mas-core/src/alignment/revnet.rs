use std::ops::Range;

use burn::{prelude::*, tensor::activation::relu};

use super::{
    decomposition::{condition_number, matrix},
    evaluated::Evaluation,
    part::{Named, Part},
};
use crate::{Error, Result};

/// Additive coupling blocks on the two halves of the activity (NICE: Dinh, Krueger & Bengio, arXiv 1410.8516):
/// `a ← a + F(b)`, `b ← b + G(a)`, block after block, with `F` and `G` of one hidden layer of rectified units.
///
/// Invertible whatever `F` and `G` are, and not linear: a map as expressive as this can align a network with almost
/// anything (Sutter et al., arXiv 2507.08802). Of an odd width the first half has one coordinate more.
#[derive(Debug, Clone)]
pub struct Revnet {
    width: usize,
    /// Eight a block, see [`TENSORS`].
    learned: Vec<Tensor<2>>,
}

/// What is learned in a block, in order: of `F` and of `G` the weights `[in, out]` and biases `[1, out]` of both layers.
const TENSORS: [&str; 8] =
    ["f.weight.1", "f.bias.1", "f.weight.2", "f.bias.2", "g.weight.1", "g.bias.1", "g.weight.2", "g.bias.2"];

impl Revnet {
    /// From the tensors of its blocks, in the order of [`parameters`](super::AlignmentFunction::parameters): `F` and then
    /// `G` of each, the weights `[in, out]` and the biases `[1, out]` of the first and the second layer. Hidden layers
    /// are as wide as the half that they add to.
    ///
    /// # Errors
    /// Fewer than two coordinates, no block, other shapes, or numbers that are not finite.
    pub fn from_parts(width: usize, learned: Vec<Tensor<2>>) -> Result<Self> {
        if width < 2 {
            return Err(Error::invalid("additive coupling needs at least two coordinates"));
        }
        if learned.is_empty() || !learned.len().is_multiple_of(TENSORS.len()) {
            return Err(Error::invalid(format!("a coupling block has 8 tensors, not {} in all", learned.len())));
        }
        let shapes = Self::shapes(width);
        for (index, tensor) in learned.iter().enumerate() {
            let (name, shape) = (TENSORS[index % 8], shapes[index % 8]);
            if tensor.dims() != shape {
                return Err(Error::invalid(format!(
                    "`{name}` of a block of {width} coordinates has the shape {:?}, expected {shape:?}",
                    tensor.dims()
                )));
            }
            let total: f32 = tensor.clone().abs().sum().into_scalar();
            if !total.is_finite() {
                return Err(Error::NotFinite(format!("`{name}` of a coupling block is not finite")));
            }
        }
        Ok(Self { width, learned })
    }

    /// What tensors of block `block` are called beside an alignment, and their shapes.
    pub(super) fn names(width: usize, block: usize) -> impl Iterator<Item = (String, [usize; 2])> {
        TENSORS.into_iter().zip(Self::shapes(width)).map(move |(name, shape)| (format!("block.{block}.{name}"), shape))
    }

    /// The shapes of the tensors of a block.
    pub(super) fn shapes(width: usize) -> [[usize; 2]; 8] {
        let (a, b) = (width.div_ceil(2), width / 2);
        let layers = |from, to| [[from, to], [1, to], [to, to], [1, to]];
        let ([f1, f2, f3, f4], [g1, g2, g3, g4]) = (layers(b, a), layers(a, b));
        [f1, f2, f3, f4, g1, g2, g3, g4]
    }
}

impl Part for Revnet {
    fn width(&self) -> usize {
        self.width
    }

    fn columns(&self) -> usize {
        self.width
    }

    fn learned(&self) -> Vec<Named<'_>> {
        let names = (0..self.learned.len() / 8).flat_map(|block| Self::names(self.width, block));
        names.map(|(name, _)| name).zip(&self.learned).collect()
    }

    fn fixed(&self) -> Vec<Named<'_>> {
        Vec::new()
    }

    fn learned_mut(&mut self) -> Vec<&mut Tensor<2>> {
        self.learned.iter_mut().collect()
    }

    fn evaluate(&self, learned: &[Tensor<2>], columns: usize) -> Result<Evaluation> {
        Ok(Evaluation::Coupling(Coupling { width: self.width, columns, learned: learned.to_vec() }))
    }

    fn parameter_count(&self) -> usize {
        self.learned.iter().map(|tensor| tensor.dims().iter().product::<usize>()).sum()
    }

    fn condition_number(&self) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// A [`Revnet`] at its present parameters.
#[derive(Debug, Clone)]
pub(super) struct Coupling {
    width: usize,
    pub columns: usize,
    learned: Vec<Tensor<2>>,
}

impl Coupling {
    fn blocks(&self) -> impl DoubleEndedIterator<Item = (&[Tensor<2>], &[Tensor<2>])> {
        self.learned.chunks_exact(8).map(|block| block.split_at(4))
    }

    fn halves(&self, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let (rows, middle) = (x.dims()[0], self.width.div_ceil(2));
        (x.clone().slice([0..rows, 0..middle]), x.slice([0..rows, middle..self.width]))
    }

    /// All aligned coordinates of `x`, both `[row, width]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (mut a, mut b) = self.halves(x);
        for (f, g) in self.blocks() {
            a = a + layers(f, b.clone());
            b = b + layers(g, a.clone());
        }
        Tensor::cat(vec![a, b], 1)
    }

    /// The inverse of [`forward`](Self::forward).
    pub fn inverse(&self, y: Tensor<2>) -> Tensor<2> {
        let (mut a, mut b) = self.halves(y);
        for (f, g) in self.blocks().rev() {
            b = b - layers(g, a.clone());
            a = a - layers(f, b.clone());
        }
        Tensor::cat(vec![a, b], 1)
    }

    /// `y`, `[row, width]`, with `values` in `block`.
    pub fn put(&self, y: Tensor<2>, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let rows = y.dims()[0];
        y.slice_assign([0..rows, block], values)
    }

    /// Nothing but `values` in `block`, `[row, width]`.
    pub fn only(&self, block: Range<usize>, values: Tensor<2>) -> Tensor<2> {
        let zeros = Tensor::zeros([values.dims()[0], self.width], &values.device());
        self.put(zeros, block, values)
    }

    /// Largest over smallest singular value of the Jacobian at each row of `x`, `[row, width]`.
    pub fn condition_numbers(&self, x: Tensor<2>) -> Result<Vec<f64>> {
        let width = self.width;
        (0..x.dims()[0])
            .map(|row| {
                let (mut a, mut b) = self.halves(x.clone().slice([row..row + 1, 0..width]));
                // Every direction at once, a row each.
                let (mut along_a, mut along_b) = self.halves(Tensor::eye(width, &x.device()));
                for (f, g) in self.blocks() {
                    along_a = along_a + along(f, &b, along_b.clone());
                    a = a + layers(f, b.clone());
                    along_b = along_b + along(g, &a, along_a.clone());
                    b = b + layers(g, a.clone());
                }
                condition_number(matrix(&Tensor::cat(vec![along_a, along_b], 1))?.as_ref())
            })
            .collect()
    }
}

/// One hidden layer of rectified units, `[row, in]` to `[row, out]`.
fn layers(tensors: &[Tensor<2>], x: Tensor<2>) -> Tensor<2> {
    let hidden = relu(x.matmul(tensors[0].clone()) + tensors[1].clone());
    hidden.matmul(tensors[2].clone()) + tensors[3].clone()
}

/// How [`layers`] change at `x`, `[1, in]`, along `directions`, `[direction, in]`.
fn along(tensors: &[Tensor<2>], x: &Tensor<2>, directions: Tensor<2>) -> Tensor<2> {
    let active = (x.clone().matmul(tensors[0].clone()) + tensors[1].clone()).greater_elem(0.0).float();
    (directions.matmul(tensors[0].clone()) * active).matmul(tensors[2].clone())
}
