use std::{io::Write, path::Path};

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::{AlignmentFunction, Evaluated, Orthogonal, PreStep, Squash, Subspaces};
use crate::{Error, Result, Site, storage};

/// One alignment function per network, and the named subspaces that they share.
#[derive(Debug, Clone)]
pub struct Alignment {
    members: Vec<Member>,
    subspaces: Subspaces,
}

/// A network's part in an [`Alignment`].
#[derive(Debug, Clone)]
pub struct Member {
    /// The network's name.
    pub network: String,
    /// Where its activity is read and written.
    pub site: Site,
    /// Its alignment function, as wide as the site.
    pub function: AlignmentFunction,
}

impl Alignment {
    /// Joins `members` under `subspaces`.
    ///
    /// # Errors
    /// No member, a name twice, a function that is not as wide as its site, or subspaces wider than a site.
    pub fn new(members: Vec<Member>, subspaces: Subspaces) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::invalid("an alignment needs at least one network"));
        }
        for (index, member) in members.iter().enumerate() {
            let (name, width) = (&member.network, member.site.width);
            if members[..index].iter().any(|other| &other.network == name) {
                return Err(Error::invalid(format!("network `{name}` is given twice: the second needs another name")));
            }
            if member.function.width() != width {
                return Err(Error::invalid(format!(
                    "the alignment function of `{name}` takes {} coordinates, but its site `{}` has {width}",
                    member.function.width(),
                    member.site.name
                )));
            }
            if subspaces.columns() > width {
                return Err(Error::invalid(format!(
                    "the subspaces take {} coordinates, but `{}` of network `{name}` has only {width}: choose a smaller k",
                    subspaces.columns(),
                    member.site.name
                )));
            }
        }
        Ok(Self { members, subspaces })
    }

    /// The networks' parts, in order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The parts again, to be changed by a fit.
    pub(crate) fn members_mut(&mut self) -> &mut [Member] {
        &mut self.members
    }

    /// The subspaces.
    pub fn subspaces(&self) -> &Subspaces {
        &self.subspaces
    }

    /// All functions at their present parameters, ready for interchanges.
    ///
    /// # Errors
    /// See [`AlignmentFunction::evaluate`].
    pub fn evaluate(&self) -> Result<Vec<Evaluated<'_>>> {
        self.members.iter().map(|member| member.function.evaluate(self.subspaces.columns())).collect()
    }

    /// Writes `alignment.toml` and `alignment.safetensors` into `folder`, which must exist.
    ///
    /// Beside what is needed to load it again (`base.NAME`, `parameters.NAME`, `mean.NAME` …), the tensors hold the
    /// explicit orthonormal frame `frame.NAME`, `[width, k]`: aligned coordinates are `x @ frame`. `settings` is kept
    /// as it is, under the key of the same name.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, folder: &Path, settings: &toml::Table) -> Result<()> {
        let frames: Vec<Tensor<2>> = self.evaluate()?.iter().map(|evaluated| evaluated.frame().clone()).collect();
        let mut tensors = Vec::new();
        for (member, frame) in self.members.iter().zip(&frames) {
            let name = |part: &str| format!("{part}.{}", member.network);
            let (map, prestep) = (member.function.map(), member.function.prestep());
            tensors.push((name("frame"), frame));
            tensors.push((name("base"), map.base()));
            tensors.push((name("parameters"), map.parameters()));
            tensors.extend(prestep.tensors().map(|(part, tensor)| (name(part), tensor)));
        }
        storage::write_tensors(&folder.join(TENSORS), tensors, None)?;
        let networks = self.members.iter().map(|member| MemberEntry {
            name: member.network.clone(),
            site: member.site.name.clone(),
            width: member.site.width,
            map: MapKind::Orthogonal,
            squash: member.function.prestep().squash(),
        });
        let description =
            Description { subspaces: self.subspaces.clone(), networks: networks.collect(), settings: settings.clone() };
        let path = folder.join(DESCRIPTION);
        let text = toml::to_string(&description).map_err(|error| Error::format(&path, error))?;
        storage::write_whole(&path, |file| file.write_all(text.as_bytes())).map_err(|error| Error::io(&path, error))
    }

    /// Reads what [`save`](Self::save) wrote: the alignment, and the settings kept beside it.
    ///
    /// # Errors
    /// A missing, damaged or contradictory file; the message names it and the key or tensor.
    pub fn load(folder: &Path, device: &Device) -> Result<(Self, toml::Table)> {
        let path = folder.join(DESCRIPTION);
        let text = std::fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        let description: Description = toml::from_str(&text).map_err(|error| Error::format(&path, error))?;
        description.subspaces.check().map_err(|error| Error::format(&path, error))?;
        let path = folder.join(TENSORS);
        let (mut tensors, _) = storage::read_tensors(&path, device)?;
        let columns = description.subspaces.columns();
        let (mut members, mut frames) = (Vec::new(), Vec::new());
        for entry in description.networks {
            let mut take = |part: &str, shape: [usize; 2]| match tensors.remove(&format!("{part}.{}", entry.name)) {
                Some(tensor) if tensor.dims() == shape => Ok(Some(tensor)),
                Some(tensor) => Err(Error::format(
                    &path,
                    format!("`{part}.{}` has the shape {:?}, expected {shape:?}", entry.name, tensor.dims()),
                )),
                None => Ok(None),
            };
            let missing = |part: &str| Error::format(&path, format!("`{part}.{}` is missing", entry.name));
            let unfit = |parts: [&str; 2], error: Error| {
                Error::format(&path, format!("`{}.{}`, `{}.{1}`: {error}", parts[0], entry.name, parts[1]))
            };
            let (square, row) = ([entry.width, entry.width], [1, entry.width]);
            let MapKind::Orthogonal = entry.map;
            let base = take("base", square)?.ok_or_else(|| missing("base"))?;
            let parameters = take("parameters", square)?.ok_or_else(|| missing("parameters"))?;
            let map = Orthogonal::from_parts(base, parameters).map_err(|error| unfit(["base", "parameters"], error))?;
            frames.push(take("frame", [entry.width, columns])?);
            let mut prestep = PreStep::default();
            if let Some(squash) = entry.squash {
                prestep = prestep.with_squash(squash);
            }
            match (take("mean", row)?, take("scale", row)?) {
                (Some(mean), Some(scale)) => {
                    prestep =
                        prestep.with_standardisation(mean, scale).map_err(|error| unfit(["mean", "scale"], error))?;
                }
                (None, None) => {}
                (mean, _) => return Err(missing(if mean.is_some() { "scale" } else { "mean" })),
            }
            if let Some(bias) = take("bias", row)? {
                prestep = prestep.with_bias(bias);
            }
            members.push(Member {
                network: entry.name,
                site: Site::new(entry.site, entry.width),
                function: AlignmentFunction::new(map).with_prestep(prestep),
            });
        }
        if !tensors.is_empty() {
            let names: Vec<_> = tensors.keys().map(|name| format!("`{name}`")).collect();
            return Err(Error::format(&path, format!("no network has a place for {}", names.join(", "))));
        }
        let alignment = Self::new(members, description.subspaces).map_err(|error| Error::format(folder, error))?;
        alignment.check_frames(&frames).map_err(|error| Error::format(&path, error))?;
        Ok((alignment, description.settings))
    }

    /// Whether stored frames are those of the functions: a file must not say two things.
    fn check_frames(&self, frames: &[Option<Tensor<2>>]) -> Result<()> {
        for ((member, evaluated), frame) in self.members.iter().zip(self.evaluate()?).zip(frames) {
            let Some(frame) = frame else { continue };
            let error: f32 = (frame.clone() - evaluated.frame().clone()).abs().max().into_scalar();
            if error.is_nan() || error > 1e-3 {
                return Err(Error::invalid(format!(
                    "`frame.{0}` is not what `base.{0}` and `parameters.{0}` give, but off by {error}",
                    member.network
                )));
            }
        }
        Ok(())
    }
}

const DESCRIPTION: &str = "alignment.toml";
const TENSORS: &str = "alignment.safetensors";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    subspaces: Subspaces,
    networks: Vec<MemberEntry>,
    #[serde(default)]
    settings: toml::Table,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberEntry {
    name: String,
    site: String,
    width: usize,
    map: MapKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    squash: Option<Squash>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MapKind {
    Orthogonal,
}
