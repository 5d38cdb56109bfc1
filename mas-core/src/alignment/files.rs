use std::{io::Write, path::Path};

use burn::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    AlignmentFunction, Evaluated, FunctionKind, Orthogonal, Parametrisation, Squash, Subspaces, stored::Stored,
};
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
            if let Some(other) = member.function.prestep().widths().find(|&other| other != width) {
                return Err(Error::invalid(format!(
                    "the pre-step of `{name}` is of {other} coordinates, but its site `{}` has {width}",
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
            if subspaces.columns() > member.function.columns() {
                return Err(Error::invalid(format!(
                    "the subspaces take {} coordinates, but the alignment function of `{name}` was made for {}",
                    subspaces.columns(),
                    member.function.columns()
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
    pub fn evaluate(&self) -> Result<Vec<Evaluated>> {
        self.members.iter().map(|member| member.function.evaluate(self.subspaces.columns())).collect()
    }

    /// Writes `alignment.toml` and `alignment.safetensors` into `folder`, which must exist.
    ///
    /// Beside what is needed to load it again (`base.NAME`, `parameters.NAME`, `mean.NAME` …), the tensors hold the
    /// explicit columns of a linear map, `frame.NAME` `[width, k]`: aligned coordinates are `x @ frame`. Of a map that is
    /// no rotation, `inverse.NAME`, `[k, width]`, turns a change of aligned coordinates into one of `x`; of a rotation
    /// that is the transposed frame. `settings` is kept as it is, under the key of the same name.
    ///
    /// # Errors
    /// The folder cannot be written, or a map has no inverse.
    pub fn save(&self, folder: &Path, settings: &toml::Table) -> Result<()> {
        let evaluated = self.evaluate()?;
        let mut tensors = Vec::new();
        for (member, evaluated) in self.members.iter().zip(&evaluated) {
            let name = |part: &str| format!("{part}.{}", member.network);
            let function = &member.function;
            tensors.extend(explicit(function, evaluated).map(|(part, tensor)| (name(part), tensor)));
            tensors.extend(function.map().tensors().into_iter().map(|(part, tensor)| (name(&part), tensor)));
            tensors.extend(function.prestep().tensors().map(|(part, tensor)| (name(part), tensor)));
        }
        storage::write_tensors(&folder.join(TENSORS), tensors, None)?;
        let networks = self.members.iter().map(|member| MemberEntry {
            name: member.network.clone(),
            site: member.site.name.clone(),
            width: member.site.width,
            map: member.function.map().kind(),
            parametrisation: member.function.map().rotation().map(Orthogonal::parametrisation).unwrap_or_default(),
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
    /// A missing, damaged or contradictory file, or a map that has no inverse; the message names it and the key or tensor.
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
            let (path, network, width) = (path.as_path(), entry.name.as_str(), entry.width);
            let mut stored = Stored { path, network, width, tensors: &mut tensors };
            let map = stored.map(entry.map, entry.parametrisation)?;
            let mut explicit = Vec::new();
            if entry.map.is_linear() {
                explicit.extend(stored.take(FRAME, [width, columns])?.map(|tensor| (FRAME, tensor)));
            }
            if entry.map.is_linear() && entry.map != FunctionKind::Orthogonal {
                explicit.extend(stored.take(INVERSE, [columns, width])?.map(|tensor| (INVERSE, tensor)));
            }
            frames.push(explicit);
            let function = AlignmentFunction::new(map).with_prestep(stored.prestep(entry.squash)?);
            members.push(Member { site: Site::new(entry.site, width), network: entry.name, function });
        }
        if !tensors.is_empty() {
            let names: Vec<_> = tensors.keys().map(|name| format!("`{name}`")).collect();
            return Err(Error::format(&path, format!("no network has a place for {}", names.join(", "))));
        }
        let alignment = Self::new(members, description.subspaces).map_err(|error| Error::format(folder, error))?;
        alignment.check_explicit(&frames).map_err(|error| Error::format(&path, error))?;
        Ok((alignment, description.settings))
    }

    /// Whether stored columns are those of the functions: a file must not say two things.
    fn check_explicit(&self, stored: &[Vec<(&str, Tensor<2>)>]) -> Result<()> {
        for (member, stored) in self.members.iter().zip(stored) {
            let (function, network) = (&member.function, &member.network);
            let evaluated = function
                .evaluate(self.subspaces.columns())
                .map_err(|error| Error::invalid(format!("the function of `{network}`: {error}")))?;
            let computed: Vec<_> = explicit(function, &evaluated).collect();
            for (part, tensor) in stored {
                let Some((_, expected)) = computed.iter().find(|(name, _)| name == part) else { continue };
                let largest: f32 = (*expected).clone().abs().max().into_scalar();
                let error: f32 = (tensor.clone() - (*expected).clone()).abs().max().into_scalar();
                if error.is_nan() || error > 1e-3 * largest.max(1.0) {
                    return Err(Error::invalid(format!(
                        "`{part}.{network}` is not what the other tensors of `{network}` give, but off by {error}"
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The explicit columns and rows of a map, as they are stored for others to read.
fn explicit<'a>(
    function: &AlignmentFunction,
    evaluated: &'a Evaluated,
) -> impl Iterator<Item = (&'static str, &'a Tensor<2>)> {
    let inverse = evaluated.inverse_frame().filter(|_| function.map().kind() != FunctionKind::Orthogonal);
    evaluated.frame().map(|frame| (FRAME, frame)).into_iter().chain(inverse.map(|inverse| (INVERSE, inverse)))
}

const FRAME: &str = "frame";
const INVERSE: &str = "inverse";

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
    map: FunctionKind,
    #[serde(default, skip_serializing_if = "is_default")]
    parametrisation: Parametrisation,
    #[serde(skip_serializing_if = "Option::is_none")]
    squash: Option<Squash>,
}

fn is_default(parametrisation: &Parametrisation) -> bool {
    *parametrisation == Parametrisation::default()
}
