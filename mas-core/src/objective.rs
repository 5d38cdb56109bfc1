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

/// ε, the weight of the counterfactual-latent loss beside a behaviour loss of weight 1, where nothing else is said: one of
/// the two that the last scripts of Grant, arXiv 2501.06164, use (8 and 13).
pub const LATENT_WEIGHT: f64 = 8.0;

/// What a fit learns from: directions with their loss, and what the target keeps.
///
/// Every method is a value of this (Grant, arXiv 2501.06164); see [`Method::objective`]. The loss is
/// `behaviour + ε · counterfactual latent`: the one is the mean over `behaviour` directions and their variables (the
/// [null](crate::Pairs::null) variable among them, where there is one), the other the mean over `latent` directions and
/// their variables. A part without directions is zero.
///
/// The methods between two networks, of which [`Clmas`](Method::Clmas) and [`LatentStitching`](Method::LatentStitching)
/// cannot run the last:
///
/// ```
/// use mas_core::{Direction, Method, Objective, Retain, all_directions};
///
/// let [within, over, back, within_last] = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(s, t)| Direction::new(s, t));
/// let das = Objective { behaviour: vec![within], ..Objective::default() };
/// let mas = Objective { behaviour: all_directions(2), ..Objective::default() };
/// let unidirectional_mas = Objective { behaviour: vec![over, within_last], ..Objective::default() };
/// let stitching = Objective { behaviour: vec![over], retain: Retain::Nothing, ..Objective::default() };
/// // What tells it from stitching is the size of the block.
/// let low_rank_stitching = stitching.clone();
/// let latent_stitching = Objective { latent: vec![over], retain: Retain::Nothing, ..Objective::default() };
/// let clmas =
///     Objective { behaviour: vec![within, back], latent: vec![over, within_last], latent_weight: 8.0, ..Objective::default() };
///
/// assert_eq!(Method::Das.objective(1)?, das);
/// assert_eq!(Method::Mas.objective(2)?, mas);
/// assert_eq!(Method::UnidirectionalMas.objective(2)?, unidirectional_mas);
/// assert_eq!(Method::Stitching.objective(2)?, stitching);
/// assert_eq!(Method::LowRankStitching.objective(2)?, low_rank_stitching);
/// assert_eq!(Method::LatentStitching.objective(2)?, latent_stitching);
/// assert_eq!(Method::Clmas.objective(2)?, clmas);
/// # Ok::<(), mas_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objective {
    /// Directions whose target's behaviour after the interchange is trained.
    pub behaviour: Vec<Direction>,
    /// Directions whose interchanged activity is drawn to what the target has naturally when its variables have the
    /// counterfactual values, see [`latent`](crate::latent). Their targets need not be live.
    pub latent: Vec<Direction>,
    /// ε, the weight of the latter; with zero there is no such loss, and its directions are as if they were not there.
    pub latent_weight: f64,
    /// What the target keeps of its own activity.
    pub retain: Retain,
}

impl Default for Objective {
    /// Nothing to learn from yet.
    fn default() -> Self {
        Self { behaviour: Vec::new(), latent: Vec::new(), latent_weight: LATENT_WEIGHT, retain: Retain::Rest }
    }
}

impl Objective {
    /// The directions that have a counterfactual-latent loss: none with a weight of zero.
    pub fn latent(&self) -> &[Direction] {
        if self.latent_weight == 0.0 { &[] } else { &self.latent }
    }

    /// All directions that are trained in one way or another.
    pub fn trained(&self) -> impl Iterator<Item = Direction> {
        self.behaviour.iter().chain(self.latent()).copied()
    }

    /// Checks the objective against the number of networks.
    ///
    /// # Errors
    /// No direction at all, a direction that names no network, or a weight below zero or not finite.
    pub fn check(&self, networks: usize) -> Result<()> {
        if self.behaviour.is_empty() && self.latent().is_empty() {
            return Err(Error::invalid("nothing to learn from: the objective has no direction"));
        }
        if let Some(&direction) =
            self.behaviour.iter().chain(&self.latent).find(|d| d.source >= networks || d.target >= networks)
        {
            return Err(Error::invalid(format!(
                "direction {} → {} names a network that is not among the {networks} given",
                direction.source, direction.target
            )));
        }
        let weight = self.latent_weight;
        if !weight.is_finite() || weight < 0.0 {
            return Err(Error::invalid(format!(
                "the weight of the counterfactual-latent loss is a number of at least zero, not {weight}"
            )));
        }
        Ok(())
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
    /// Model stitching by the counterfactual-latent loss alone: nothing is run.
    LatentStitching,
    /// MAS with some networks inaccessible: their activity is read, their behaviour never asked for. Interchanges into
    /// them are trained by the counterfactual-latent loss.
    Clmas,
}

impl Method {
    /// All methods, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Das,
        Self::Mas,
        Self::UnidirectionalMas,
        Self::Stitching,
        Self::LowRankStitching,
        Self::LatentStitching,
        Self::Clmas,
    ];

    /// The id on the command line and in study files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Das => "das",
            Self::Mas => "mas",
            Self::UnidirectionalMas => "unidirectional-mas",
            Self::Stitching => "stitching",
            Self::LowRankStitching => "low-rank-stitching",
            Self::LatentStitching => "latent-stitching",
            Self::Clmas => "clmas",
        }
    }

    /// Whether the method takes all coordinates, whatever k is asked for.
    pub fn takes_everything(self) -> bool {
        matches!(self, Self::Stitching | Self::LatentStitching)
    }

    /// Whether it stitches: the target keeps nothing of its own.
    pub fn stitches(self) -> bool {
        matches!(self, Self::Stitching | Self::LowRankStitching | Self::LatentStitching)
    }

    /// Whether it has networks that are read and not run.
    pub fn has_inaccessible(self) -> bool {
        matches!(self, Self::LatentStitching | Self::Clmas)
    }

    /// Whether the counterfactual-latent loss stands beside another, so that its weight matters.
    pub fn weighs_latent(self) -> bool {
        matches!(self, Self::Clmas)
    }

    /// The most networks that it takes in one fit.
    pub fn most_networks(self) -> Option<usize> {
        match self {
            Self::Das => Some(1),
            Self::Mas | Self::Clmas => None,
            _ => Some(2),
        }
    }

    /// Whether it makes a difference which of two networks comes first.
    pub fn is_directed(self) -> bool {
        !matches!(self, Self::Das | Self::Mas)
    }

    /// The method's objective among `networks` networks, the last of them inaccessible where the method has such.
    ///
    /// # Errors
    /// A number of networks that the method is not made for.
    pub fn objective(self, networks: usize) -> Result<Objective> {
        let last = networks.saturating_sub(1);
        self.objective_without(networks, if self.has_inaccessible() { std::slice::from_ref(&last) } else { &[] })
    }

    /// The method's objective among `networks` networks of which the `inaccessible` ones may be read and not run.
    ///
    /// # Errors
    /// A number of networks that the method is not made for, or networks that it cannot do without.
    pub fn objective_without(self, networks: usize, inaccessible: &[usize]) -> Result<Objective> {
        let refuse = |what: &str| Err(Error::invalid(format!("method `{}` {what}", self.id())));
        let (enough, what) = match self {
            Self::Das => (networks == 1, "one network"),
            Self::Mas => (networks >= 1, "at least one network"),
            Self::Clmas => (networks >= 2, "at least two networks"),
            _ => (networks == 2, "two networks"),
        };
        if !enough {
            return refuse(&format!("takes {what}, not {networks} networks"));
        }
        let last = networks - 1;
        match self {
            Self::Clmas if inaccessible.is_empty() => return refuse("needs a network that is inaccessible"),
            Self::Clmas if (0..networks).all(|network| inaccessible.contains(&network)) => {
                return refuse("needs a network that is accessible");
            }
            Self::LatentStitching if inaccessible != [last] => {
                return refuse("stitches into the last network, which is the inaccessible one");
            }
            _ if !self.has_inaccessible() && !inaccessible.is_empty() => {
                return refuse(
                    "trains on the behaviour of every network that it stitches into; with an inaccessible one take `clmas`",
                );
            }
            _ => {}
        }
        if let Some(network) = inaccessible.iter().find(|&&network| network >= networks) {
            return refuse(&format!("is asked to do without network {network} of {networks}"));
        }
        let all = all_directions(networks);
        let one = vec![Direction::new(0, last)];
        let (behaviour, latent) = match self {
            Self::Das | Self::Mas => (all, Vec::new()),
            Self::UnidirectionalMas => (vec![Direction::new(0, last), Direction::new(last, last)], Vec::new()),
            Self::Stitching | Self::LowRankStitching => (one, Vec::new()),
            Self::LatentStitching => (Vec::new(), one),
            Self::Clmas => all.into_iter().partition(|direction| !inaccessible.contains(&direction.target)),
        };
        let retain = if self.stitches() { Retain::Nothing } else { Retain::Rest };
        Ok(Objective { behaviour, latent, retain, ..Objective::default() })
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
