use std::fmt;
use std::str::FromStr;

use crate::correlation::Correlation;
use crate::dissimilarity::Distance;
use crate::error::{Error, Result};
use crate::rsa::Rsa;

/// A measure of how alike two activities are, by name.
///
/// The name ([`Display`](fmt::Display), [`FromStr`]) is given with each one; parameters are those that its paper uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// `cka_linear`: [`cka_linear`](crate::cka_linear).
    CkaLinear,
    /// `cka_linear_debiased`: [`cka_linear_debiased`](crate::cka_linear_debiased).
    CkaLinearDebiased,
    /// `cka_rbf`: [`cka_rbf`](crate::cka_rbf) with the median distance itself as bandwidth.
    CkaRbf,
    /// `rsa_{euclidean,cosine,correlation}_{spearman,pearson,kendall}`, with units z-scored first
    /// `rsa_zscored_…`: [`Rsa`].
    Rsa(Rsa),
    /// `cca_mean`: [`cca_mean`](crate::cca_mean).
    CcaMean,
    /// `svcca`: [`svcca`](crate::svcca) with 99 % of the variance.
    Svcca,
    /// `pwcca`: [`pwcca`](crate::pwcca), weighted by a.
    Pwcca,
    /// `procrustes`: [`procrustes`](crate::procrustes).
    Procrustes,
    /// `procrustes_angular`: [`procrustes_angular`](crate::procrustes_angular), a distance.
    ProcrustesAngular,
    /// `procrustes_euclidean`: [`procrustes_euclidean`](crate::procrustes_euclidean), a distance.
    ProcrustesEuclidean,
    /// `predictivity_a_to_b`: [`predictivity`](crate::predictivity) of b from a.
    PredictivityAToB,
    /// `predictivity_b_to_a`: [`predictivity`](crate::predictivity) of a from b.
    PredictivityBToA,
    /// `mutual_knn`: [`mutual_knn`](crate::mutual_knn) with 10 neighbours.
    MutualKnn,
    /// `reference_cka_{cos,l2}`: what the reference implementation of Model Alignment Search (Grant, arXiv 2501.06164)
    /// reports as CKA: z-scored activity, and the biased alignment of centred *distance* matrices in place of kernels. With
    /// Euclidean distances (`l2`) that is a squared distance correlation (Székely, Rizzo and Bakirov 2007). Not for new
    /// results.
    ReferenceCka(ReferenceDistance),
    /// `reference_rsa_{raw,nrm}_{cos,l2}_{spr,prs}`: what the same implementation reports as RSA: the triangle *with* its
    /// zero diagonal, which raises the result; `nrm` is z-scored. Not for new results.
    ReferenceRsa {
        /// Whether units are z-scored first (`nrm`, not `raw`).
        zscored: bool,
        /// The distance.
        distance: ReferenceDistance,
        /// Whether ranks are correlated (`spr`, not `prs`).
        ranks: bool,
    },
}

/// The distances of the reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceDistance {
    /// `cos`: [`Distance::Cosine`].
    Cosine,
    /// `l2`: [`Distance::Euclidean`].
    Euclidean,
}

impl ReferenceDistance {
    pub(crate) fn distance(self) -> Distance {
        match self {
            Self::Cosine => Distance::Cosine,
            Self::Euclidean => Distance::Euclidean,
        }
    }
}

impl Measure {
    /// Every measure in its usual form: all but the reference implementation's own.
    pub fn standard() -> Vec<Self> {
        let mut measures = vec![Self::CkaLinear, Self::CkaLinearDebiased, Self::CkaRbf];
        for zscored in [false, true] {
            for distance in Distance::ALL {
                measures.extend(Correlation::ALL.map(|correlation| Self::Rsa(Rsa { zscored, distance, correlation })));
            }
        }
        measures.extend([
            Self::CcaMean,
            Self::Svcca,
            Self::Pwcca,
            Self::Procrustes,
            Self::ProcrustesAngular,
            Self::ProcrustesEuclidean,
            Self::PredictivityAToB,
            Self::PredictivityBToA,
            Self::MutualKnn,
        ]);
        measures
    }

    /// The measures of the reference implementation of Model Alignment Search.
    pub fn reference() -> Vec<Self> {
        let distances = [ReferenceDistance::Cosine, ReferenceDistance::Euclidean];
        let mut measures = distances.map(Self::ReferenceCka).to_vec();
        for zscored in [false, true] {
            for distance in distances {
                measures.extend([true, false].map(|ranks| Self::ReferenceRsa { zscored, distance, ranks }));
            }
        }
        measures
    }

    /// Every measure there is.
    pub fn all() -> Vec<Self> {
        let mut measures = Self::standard();
        measures.extend(Self::reference());
        measures
    }

    /// Whether the measure is a distance: smaller means more alike.
    pub fn is_distance(self) -> bool {
        matches!(self, Self::ProcrustesAngular | Self::ProcrustesEuclidean)
    }

    /// The least and the largest value that there can be.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::CkaLinearDebiased | Self::Rsa(_) | Self::ReferenceCka(_) | Self::ReferenceRsa { .. } => (-1.0, 1.0),
            Self::PredictivityAToB | Self::PredictivityBToA => (f64::NEG_INFINITY, 1.0),
            Self::ProcrustesAngular => (0.0, std::f64::consts::FRAC_PI_2),
            Self::ProcrustesEuclidean => (0.0, std::f64::consts::SQRT_2),
            Self::CkaLinear
            | Self::CkaRbf
            | Self::CcaMean
            | Self::Svcca
            | Self::Pwcca
            | Self::Procrustes
            | Self::MutualKnn => (0.0, 1.0),
        }
    }

    /// Whether exchanging the activities changes nothing.
    pub fn is_symmetric(self) -> bool {
        !matches!(self, Self::Pwcca | Self::PredictivityAToB | Self::PredictivityBToA)
    }
}

impl fmt::Display for ReferenceDistance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cosine => "cos",
            Self::Euclidean => "l2",
        })
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CkaLinear => "cka_linear",
            Self::CkaLinearDebiased => "cka_linear_debiased",
            Self::CkaRbf => "cka_rbf",
            Self::Rsa(rsa) => return rsa.fmt(formatter),
            Self::CcaMean => "cca_mean",
            Self::Svcca => "svcca",
            Self::Pwcca => "pwcca",
            Self::Procrustes => "procrustes",
            Self::ProcrustesAngular => "procrustes_angular",
            Self::ProcrustesEuclidean => "procrustes_euclidean",
            Self::PredictivityAToB => "predictivity_a_to_b",
            Self::PredictivityBToA => "predictivity_b_to_a",
            Self::MutualKnn => "mutual_knn",
            Self::ReferenceCka(distance) => return write!(formatter, "reference_cka_{distance}"),
            Self::ReferenceRsa { zscored, distance, ranks } => {
                let scale = if *zscored { "nrm" } else { "raw" };
                let correlation = if *ranks { "spr" } else { "prs" };
                return write!(formatter, "reference_rsa_{scale}_{distance}_{correlation}");
            }
        })
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::all()
            .into_iter()
            .find(|measure| measure.to_string() == name)
            .ok_or_else(|| Error::UnknownMeasure { name: name.into() })
    }
}

/// The names of all measures, for a message.
pub(crate) fn names() -> String {
    Measure::all().iter().map(Measure::to_string).collect::<Vec<_>>().join(", ")
}
