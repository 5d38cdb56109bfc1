use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::precision::{times, widened};
use crate::Result;
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// `x Wᵀ (+ b)`, with `W` of shape `[out, in]`, as the files of language models have it; while an adapter is learned,
/// `+ s (x a) b`.
#[derive(Module, Debug)]
pub(super) struct Linear {
    w: Param<Tensor<2>>,
    b: Option<Param<Tensor<2>>>,
    adapter: Option<Adapter>,
}

/// A change of low rank, which is never multiplied out while it is learned: Hu et al. 2021 (arXiv 2106.09685).
#[derive(Module, Debug)]
struct Adapter {
    a: Param<Tensor<2>>,
    b: Param<Tensor<2>>,
    #[module(skip)]
    scale: f64,
}

impl Linear {
    /// - `x`: `[vector, in]`
    /// - returns: `[vector, out]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let b = self.b.as_ref().map(|b| widened(b.val(), &x));
        let product = times(x.clone(), self.w.val());
        let product = match &self.adapter {
            Some(Adapter { a, b, scale }) => product + x.matmul(a.val()).matmul(b.val()) * *scale,
            None => product,
        };
        match b {
            Some(b) => product + b,
            None => product,
        }
    }

    /// The same with an adapter.
    ///
    /// - `a`: `[in, rank]`
    /// - `b`: `[rank, out]`
    pub fn with_adapter(self, [a, b]: [Tensor<2>; 2], scale: f64) -> Self {
        let adapter = Adapter { a: Param::from_tensor(a), b: Param::from_tensor(b), scale };
        Self { adapter: Some(adapter), ..self }
    }

    /// The parameters in the order of [`specs`](Self::specs).
    pub fn parameters(&self) -> impl Iterator<Item = &Param<Tensor<2>>> {
        std::iter::once(&self.w).chain(&self.b)
    }

    pub fn from_parameters(parameters: &mut Parameters, bias: bool) -> Result<Self> {
        Ok(Self { w: parameters.next()?, b: bias.then(|| parameters.next()).transpose()?, adapter: None })
    }

    /// What it is made of.
    ///
    /// - `deviation`: of its first weights
    pub fn specs(
        name: &str,
        [inputs, outputs]: [usize; 2],
        bias: bool,
        deviation: f32,
    ) -> impl Iterator<Item = ParameterSpec> {
        let w = ParameterSpec::matrix(format!("{name}.w"), [outputs, inputs], Initial::Spread { deviation });
        let b = bias.then(|| ParameterSpec::vector(format!("{name}.b"), outputs, Initial::Zeros));
        std::iter::once(w).chain(b)
    }
}
