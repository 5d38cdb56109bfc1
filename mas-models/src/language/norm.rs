use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::precision::widened;
use crate::Result;
use crate::parameters::{Initial, ParameterSpec, Parameters};

/// Root-mean-square norm, `x / √(mean x² + ε) ⊙ scale` (Zhang & Sennrich 2019, arXiv 1910.07467), or, where there is a
/// shift, layer norm, `(x − mean) / √(variance + ε) ⊙ scale + shift` (Ba, Kiros & Hinton 2016, arXiv 1607.06450).
#[derive(Module, Debug)]
pub(super) struct Norm {
    scale: Param<Tensor<2>>,
    shift: Option<Param<Tensor<2>>>,
}

impl Norm {
    /// - `x`: `[vector, width]`
    /// - returns: `[vector, width]`
    pub fn forward(&self, x: Tensor<2>, epsilon: f64) -> Tensor<2> {
        let scale = widened(self.scale.val(), &x);
        let shift = self.shift.as_ref().map(|shift| widened(shift.val(), &x));
        let centred = if shift.is_some() { x.clone() - x.mean_dim(1) } else { x };
        let deviation = centred.clone().square().mean_dim(1).add_scalar(epsilon).sqrt();
        let normed = centred / deviation * scale;
        match shift {
            Some(shift) => normed + shift,
            None => normed,
        }
    }

    /// The parameters in the order of [`specs`](Self::specs).
    pub fn parameters(&self) -> impl Iterator<Item = &Param<Tensor<2>>> {
        std::iter::once(&self.scale).chain(&self.shift)
    }

    pub fn from_parameters(parameters: &mut Parameters, shifted: bool) -> Result<Self> {
        Ok(Self { scale: parameters.next()?, shift: shifted.then(|| parameters.next()).transpose()? })
    }

    /// What it is made of.
    pub fn specs(name: &str, width: usize, shifted: bool) -> impl Iterator<Item = ParameterSpec> {
        let scale = ParameterSpec::vector(format!("{name}.scale"), width, Initial::Ones);
        let shift = shifted.then(|| ParameterSpec::vector(format!("{name}.shift"), width, Initial::Zeros));
        std::iter::once(scale).chain(shift)
    }
}
