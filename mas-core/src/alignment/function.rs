use burn::prelude::*;

use super::{
    Evaluated, FunctionKind, Linear, Orthogonal, PreStep, Relaxed, Revnet, Scaled,
    part::{Named, Part},
};
use crate::{Error, Result};

/// The invertible alignment function of one network at one site: a [`PreStep`] and then one of the family of maps.
#[derive(Debug, Clone)]
pub struct AlignmentFunction {
    prestep: PreStep,
    map: Map,
}

/// The family of maps, `[row, width]` to `[row, width]`.
#[derive(Debug, Clone)]
pub enum Map {
    /// A rotation.
    Orthogonal(Orthogonal),
    /// A symmetric stretch and signed scales.
    Linear(Linear),
    /// A positive scale and a rotation.
    Scaled(Scaled),
    /// A scale of every coordinate and a rotation.
    Relaxed(Relaxed),
    /// Additive coupling: not linear.
    Revnet(Revnet),
}

impl Map {
    fn part(&self) -> &dyn Part {
        match self {
            Self::Orthogonal(map) => map,
            Self::Linear(map) => map,
            Self::Scaled(map) => map,
            Self::Relaxed(map) => map,
            Self::Revnet(map) => map,
        }
    }

    fn part_mut(&mut self) -> &mut dyn Part {
        match self {
            Self::Orthogonal(map) => map,
            Self::Linear(map) => map,
            Self::Scaled(map) => map,
            Self::Relaxed(map) => map,
            Self::Revnet(map) => map,
        }
    }

    /// Which of the family it is.
    pub fn kind(&self) -> FunctionKind {
        match self {
            Self::Orthogonal(_) => FunctionKind::Orthogonal,
            Self::Linear(_) => FunctionKind::Linear,
            Self::Scaled(_) => FunctionKind::Scaled,
            Self::Relaxed(_) => FunctionKind::Relaxed,
            Self::Revnet(_) => FunctionKind::Revnet,
        }
    }

    /// The rotation in it, if there is one.
    pub fn rotation(&self) -> Option<&Orthogonal> {
        match self {
            Self::Orthogonal(rotation) => Some(rotation),
            Self::Scaled(scaled) => Some(scaled.rotation()),
            Self::Relaxed(relaxed) => Some(relaxed.rotation()),
            Self::Linear(_) | Self::Revnet(_) => None,
        }
    }

    /// All of its tensors by name, as they are stored beside an alignment.
    pub(crate) fn tensors(&self) -> Vec<Named<'_>> {
        [self.part().fixed(), self.part().learned()].concat()
    }
}

macro_rules! into_map {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Map {
            fn from(map: $kind) -> Self {
                Self::$kind(map)
            }
        }
    )*};
}
into_map!(Orthogonal, Linear, Scaled, Relaxed, Revnet);

impl AlignmentFunction {
    /// `map` alone.
    pub fn new(map: impl Into<Map>) -> Self {
        Self { prestep: PreStep::default(), map: map.into() }
    }

    /// Puts `prestep` before the map.
    pub fn with_prestep(mut self, prestep: PreStep) -> Self {
        self.prestep = prestep;
        self
    }

    /// Number of coordinates of the activity that it takes.
    pub fn width(&self) -> usize {
        self.map.part().width()
    }

    /// Number of aligned coordinates that it can give: the width, or fewer where a rotation has only its first columns.
    pub fn columns(&self) -> usize {
        self.map.part().columns()
    }

    /// The map.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// What comes before the map.
    pub fn prestep(&self) -> &PreStep {
        &self.prestep
    }

    /// Everything that a fit learns: the map's parameters, and the pre-step's bias if it has one.
    pub fn parameters(&self) -> Vec<Tensor<2>> {
        let learned = self.map.part().learned().into_iter().map(|(_, tensor)| tensor);
        learned.chain(self.prestep.bias()).cloned().collect()
    }

    /// How many learned numbers the function depends on. (Of a rotation's square parameters, for instance, only the
    /// strictly lower triangle.)
    pub fn parameter_count(&self) -> usize {
        self.map.part().parameter_count() + self.prestep.bias().map_or(0, |_| self.width())
    }

    /// Largest over smallest singular value of the map's Jacobian, the pre-step apart: how unevenly it stretches. 1 for
    /// a rotation, with or without one scale. One number where the map is linear, and one for each row of `activity`,
    /// `[row, width]`, where it is not.
    ///
    /// # Errors
    /// A map that is not finite.
    pub fn condition_numbers(&self, activity: &Tensor<2>) -> Result<Vec<f64>> {
        match self.map.part().condition_number()? {
            Some(number) => Ok(vec![number]),
            None => self.evaluate(1)?.coupling_conditions(activity.clone()).unwrap_or(Ok(Vec::new())),
        }
    }

    /// Replaces what a fit learns; the order is that of [`parameters`](Self::parameters).
    ///
    /// # Errors
    /// Another number of tensors, or other shapes.
    pub fn set_parameters(&mut self, parameters: Vec<Tensor<2>>) -> Result<()> {
        self.check_shapes(&parameters)?;
        let learned = self.map.part_mut().learned_mut().into_iter();
        learned.chain(self.prestep.bias_mut()).zip(parameters).for_each(|(old, new)| *old = new);
        Ok(())
    }

    fn check_shapes(&self, parameters: &[Tensor<2>]) -> Result<()> {
        let shapes = |tensors: &[Tensor<2>]| tensors.iter().map(|t| t.dims()).collect::<Vec<_>>();
        let (new, old) = (shapes(parameters), shapes(&self.parameters()));
        match new == old {
            true => Ok(()),
            false => Err(Error::invalid(format!("alignment parameters have the shapes {new:?}, expected {old:?}"))),
        }
    }

    /// The function with the first `columns` aligned coordinates ready for use: what an interchange needs,
    /// computed once and used for any number of directions.
    ///
    /// # Errors
    /// More columns than there are, or a map that has no inverse.
    pub fn evaluate(&self, columns: usize) -> Result<Evaluated> {
        self.evaluate_with(&self.parameters(), columns)
    }

    /// As [`evaluate`](Self::evaluate), with `parameters` in place of the stored ones, in the order of
    /// [`parameters`](Self::parameters). If they are tracked, gradients flow back to them through every use.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); parameters of other shapes.
    pub fn evaluate_with(&self, parameters: &[Tensor<2>], columns: usize) -> Result<Evaluated> {
        if columns > self.columns() {
            return Err(Error::invalid(format!(
                "the subspaces need {columns} aligned coordinates, but the function has only {} (of activity with {})",
                self.columns(),
                self.width()
            )));
        }
        self.check_shapes(parameters)?;
        let (learned, bias) = parameters.split_at(self.map.part().learned().len());
        let mut prestep = self.prestep.clone();
        if let Some(bias) = bias.first() {
            prestep = prestep.with_bias(bias.clone());
        }
        Ok(Evaluated::new(prestep, self.map.part().evaluate(learned, columns)?))
    }
}
