use serde::{Deserialize, Serialize};

use crate::{Error, Result, interchange::Retain};

/// Which network sends activity to which; indices into the participants of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Direction {
    /// The network whose activity is sent.
    pub source: usize,
    /// The network that receives it and whose behaviour follows.
    pub target: usize,
}

impl Direction {
    /// From `source` to `target`.
    pub fn new(source: usize, target: usize) -> Self {
        Self { source, target }
    }
}

/// All n² directions among `networks` networks, source by source.
pub fn all_directions(networks: usize) -> Vec<Direction> {
    (0..networks).flat_map(|source| (0..networks).map(move |target| Direction { source, target })).collect()
}

/// What a fit learns from: directions with their loss, and what the target keeps.
///
/// Every method is a value of this (Grant, arXiv 2501.06164); see [`Method::objective`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// Directions whose target's behaviour after the interchange is trained.
    pub behaviour: Vec<Direction>,
    /// What the target keeps of its own activity.
    pub retain: Retain,
}

impl Objective {
    /// Checks the objective against the number of networks.
    ///
    /// # Errors
    /// No direction at all, or a direction that names no network.
    pub fn check(&self, networks: usize) -> Result<()> {
        if self.behaviour.is_empty() {
            return Err(Error::invalid("nothing to learn from: the objective has no direction"));
        }
        match self.behaviour.iter().find(|d| d.source >= networks || d.target >= networks) {
            Some(direction) => Err(Error::invalid(format!(
                "direction {} → {} names a network that is not among the {networks} given",
                direction.source, direction.target
            ))),
            None => Ok(()),
        }
    }
}

/// The named methods, each a setting of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// Distributed Alignment Search: one network, interchanges within it.
    Das,
    /// Model Alignment Search: interchanges in all n² directions.
    Mas,
    /// MAS trained into the last network only.
    UnidirectionalMas,
    /// Model stitching: first into last network, everything goes over and nothing of the target is kept.
    Stitching,
    /// Model stitching through k coordinates.
    LowRankStitching,
}

impl Method {
    /// All methods, in the order of the documentation.
    pub const ALL: [Self; 5] = [Self::Das, Self::Mas, Self::UnidirectionalMas, Self::Stitching, Self::LowRankStitching];

    /// The id on the command line and in study files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Das => "das",
            Self::Mas => "mas",
            Self::UnidirectionalMas => "unidirectional-mas",
            Self::Stitching => "stitching",
            Self::LowRankStitching => "low-rank-stitching",
        }
    }

    /// Whether the method takes all coordinates, whatever k is asked for.
    pub fn takes_everything(self) -> bool {
        matches!(self, Self::Stitching)
    }

    /// Whether it stitches: the target keeps nothing of its own.
    pub fn stitches(self) -> bool {
        matches!(self, Self::Stitching | Self::LowRankStitching)
    }

    /// Whether it makes a difference which of two networks comes first.
    pub fn is_directed(self) -> bool {
        !matches!(self, Self::Das | Self::Mas)
    }

    /// The method's objective among `networks` networks.
    ///
    /// # Errors
    /// A number of networks that the method is not made for.
    pub fn objective(self, networks: usize) -> Result<Objective> {
        let needs = |what: &str, right: bool| match right {
            true => Ok(()),
            false => Err(Error::invalid(format!("method `{}` takes {what}, not {networks} networks", self.id()))),
        };
        let last = networks.saturating_sub(1);
        let (behaviour, retain) = match self {
            Self::Das => {
                needs("one network", networks == 1)?;
                (vec![Direction::new(0, 0)], Retain::Rest)
            }
            Self::Mas => {
                needs("at least one network", networks >= 1)?;
                (all_directions(networks), Retain::Rest)
            }
            Self::UnidirectionalMas => {
                needs("two networks", networks == 2)?;
                (vec![Direction::new(0, last), Direction::new(last, last)], Retain::Rest)
            }
            Self::Stitching | Self::LowRankStitching => {
                needs("two networks", networks == 2)?;
                (vec![Direction::new(0, last)], Retain::Nothing)
            }
        };
        Ok(Objective { behaviour, retain })
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

impl std::str::FromStr for Method {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.id() == id).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|method| method.id()).collect();
            Error::invalid(format!("there is no method `{id}`; there are {}", known.join(", ")))
        })
    }
}
