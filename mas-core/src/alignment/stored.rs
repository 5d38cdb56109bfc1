use std::{collections::BTreeMap, path::Path};

use burn::prelude::*;

use super::{FunctionKind, Linear, Map, Orthogonal, Parametrisation, PreStep, Relaxed, Revnet, Scaled, Squash};
use crate::{Error, Result};

/// What is stored of one network's alignment function, as it is read back.
pub(super) struct Stored<'a> {
    pub path: &'a Path,
    pub network: &'a str,
    pub width: usize,
    /// Of all networks; what is read is taken out.
    pub tensors: &'a mut BTreeMap<String, Tensor<2>>,
}

impl Stored<'_> {
    /// The tensor `part`, if it is there.
    ///
    /// # Errors
    /// Another shape.
    pub fn take(&mut self, part: &str, shape: [usize; 2]) -> Result<Option<Tensor<2>>> {
        match self.tensors.remove(&self.name(part)) {
            Some(tensor) if tensor.dims() == shape => Ok(Some(tensor)),
            Some(tensor) => {
                Err(self.error(format!("`{}` has the shape {:?}, expected {shape:?}", self.name(part), tensor.dims())))
            }
            None => Ok(None),
        }
    }

    /// The tensor `part`, which must be there.
    fn need(&mut self, part: &str, shape: [usize; 2]) -> Result<Tensor<2>> {
        self.take(part, shape)?.ok_or_else(|| self.missing(part))
    }

    /// The map.
    ///
    /// # Errors
    /// Missing tensors, and those that are no such map.
    pub fn map(&mut self, kind: FunctionKind, parametrisation: Parametrisation) -> Result<Map> {
        let width = self.width;
        Ok(match kind {
            FunctionKind::Orthogonal => self.rotation(parametrisation)?.into(),
            FunctionKind::Scaled => {
                let (rotation, scale) = (self.rotation(parametrisation)?, self.need("log-scale", [1, 1])?);
                Scaled::from_parts(rotation, scale).map_err(|error| self.unfit(&["log-scale"], error))?.into()
            }
            FunctionKind::Relaxed => {
                let (rotation, diagonal) = (self.rotation(parametrisation)?, self.need("diagonal", [1, width])?);
                Relaxed::from_parts(rotation, diagonal).map_err(|error| self.unfit(&["diagonal"], error))?.into()
            }
            FunctionKind::Linear => {
                let (core, signs) = (self.need("core", [width, width])?, self.need("signs", [1, width])?);
                Linear::from_parts(core, signs).map_err(|error| self.unfit(&["core", "signs"], error))?.into()
            }
            FunctionKind::Revnet => {
                let mut learned = Vec::new();
                // There is at least one block, and as many as there are first tensors of.
                for block in 0.. {
                    let first = Revnet::names(width, block).next().map(|(name, _)| self.name(&name));
                    if block > 0 && first.is_none_or(|first| !self.tensors.contains_key(&first)) {
                        break;
                    }
                    for (name, shape) in Revnet::names(width, block) {
                        learned.push(self.need(&name, shape)?);
                    }
                }
                Revnet::from_parts(width, learned).map_err(|error| self.unfit(&["block"], error))?.into()
            }
        })
    }

    fn rotation(&mut self, parametrisation: Parametrisation) -> Result<Orthogonal> {
        let width = self.width;
        let (base, parameters) = match parametrisation {
            Parametrisation::Householder => {
                // As many columns as there are.
                let columns = self.tensors.get(&self.name("base")).map_or(1, |base| base.dims()[1]);
                ([1, columns], [width, columns])
            }
            _ => ([width, width], [width, width]),
        };
        let (base, parameters) = (self.need("base", base)?, self.need("parameters", parameters)?);
        Orthogonal::from_parts_as(parametrisation, base, parameters)
            .map_err(|error| self.unfit(&["base", "parameters"], error))
    }

    /// The pre-step.
    ///
    /// # Errors
    /// Half of a standardisation, or one that cannot be.
    pub fn prestep(&mut self, squash: Option<Squash>) -> Result<PreStep> {
        let row = [1, self.width];
        let mut prestep = PreStep::default();
        if let Some(squash) = squash {
            prestep = prestep.with_squash(squash);
        }
        match (self.take("mean", row)?, self.take("scale", row)?) {
            (Some(mean), Some(scale)) => {
                let standardised = prestep.with_standardisation(mean, scale);
                prestep = standardised.map_err(|error| self.unfit(&["mean", "scale"], error))?;
            }
            (None, None) => {}
            (mean, _) => return Err(self.missing(if mean.is_some() { "scale" } else { "mean" })),
        }
        if let Some(bias) = self.take("bias", row)? {
            prestep = prestep.with_bias(bias);
        }
        Ok(prestep)
    }

    fn name(&self, part: &str) -> String {
        format!("{part}.{}", self.network)
    }

    fn missing(&self, part: &str) -> Error {
        self.error(format!("`{}` is missing", self.name(part)))
    }

    fn unfit(&self, parts: &[&str], error: Error) -> Error {
        let names: Vec<_> = parts.iter().map(|part| format!("`{}`", self.name(part))).collect();
        self.error(format!("{}: {error}", names.join(", ")))
    }

    fn error(&self, reason: String) -> Error {
        Error::format(self.path, reason)
    }
}
