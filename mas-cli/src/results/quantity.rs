//! What stands beside IIA: one number a row.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AlignmentUnit, Tidy};

/// What a number is.
///
/// The first six are of `divergence.csv`, the others of `capacity.csv`. Those named `natural-…` are what the number is
/// when nothing is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Mean earth mover's distance per coordinate between interchanged vectors and natural ones.
    EarthMoversDistance,
    /// The same between natural vectors and natural ones.
    NaturalEarthMoversDistance,
    /// The farthest that a coordinate of an interchanged vector lies outside its natural range, in standard deviations.
    LargestExcess,
    /// The same of natural vectors.
    NaturalLargestExcess,
    /// Mean Mahalanobis distance of interchanged vectors from natural ones.
    Mahalanobis,
    /// The same of natural vectors.
    NaturalMahalanobis,
    /// The size of the swapped block as a share of the target's width.
    KOverD,
    /// Numbers that the fit learned for source and target.
    Parameters,
    /// Largest over smallest singular value of the Jacobian of the target's map; the mean over activity of one that is not
    /// linear.
    ConditionNumber,
    /// The swapped block's share of the variance of the target's activity, after the pre-step where there is one.
    VarianceShare,
    /// The share of the swap that the target's response does not see.
    NullSpaceShare,
    /// The same of a swap in a random direction: the null space's share of all dimensions.
    RandomNullSpaceShare,
    /// Mean squared cosine of the principal angles between a network's blocks in different fits.
    SubspaceOverlap,
    /// The same of random subspaces: k/d.
    RandomSubspaceOverlap,
    /// The mean principal angle between a network's blocks in different fits, in degrees.
    MeanPrincipalAngle,
    /// The largest of these angles, in degrees.
    LargestPrincipalAngle,
}

impl Quantity {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 16] = [
        Self::EarthMoversDistance,
        Self::NaturalEarthMoversDistance,
        Self::LargestExcess,
        Self::NaturalLargestExcess,
        Self::Mahalanobis,
        Self::NaturalMahalanobis,
        Self::KOverD,
        Self::Parameters,
        Self::ConditionNumber,
        Self::VarianceShare,
        Self::NullSpaceShare,
        Self::RandomNullSpaceShare,
        Self::SubspaceOverlap,
        Self::RandomSubspaceOverlap,
        Self::MeanPrincipalAngle,
        Self::LargestPrincipalAngle,
    ];

    /// The name in files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::EarthMoversDistance => "earth-movers-distance",
            Self::NaturalEarthMoversDistance => "natural-earth-movers-distance",
            Self::LargestExcess => "largest-excess",
            Self::NaturalLargestExcess => "natural-largest-excess",
            Self::Mahalanobis => "mahalanobis",
            Self::NaturalMahalanobis => "natural-mahalanobis",
            Self::KOverD => "k-over-d",
            Self::Parameters => "parameters",
            Self::ConditionNumber => "condition-number",
            Self::VarianceShare => "variance-share",
            Self::NullSpaceShare => "null-space-share",
            Self::RandomNullSpaceShare => "random-null-space-share",
            Self::SubspaceOverlap => "subspace-overlap",
            Self::RandomSubspaceOverlap => "random-subspace-overlap",
            Self::MeanPrincipalAngle => "mean-principal-angle",
            Self::LargestPrincipalAngle => "largest-principal-angle",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// One number about one direction of one alignment, beside its IIA.
///
/// A number that is not defined there has no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantityRow {
    /// The study's name.
    pub study: String,
    /// The alignment's name within the study.
    pub alignment: String,
    /// `das`, `mas`, `stitching`, …
    pub method: String,
    /// `individual` or `stepwise`.
    pub positions: String,
    /// The network whose activity is sent; the network itself where the number is about one.
    pub source: String,
    /// The network that receives it.
    pub target: String,
    /// Where both are read and written.
    pub site: String,
    /// The causal variable.
    pub variable: String,
    /// Size of the subspace.
    pub k: u64,
    /// Seed of the fit.
    pub seed: u64,
    /// What the number is.
    pub quantity: Quantity,
    /// The number.
    pub value: f64,
}

impl QuantityRow {
    /// A number about the direction from `source` to `target` of a variable of an alignment.
    #[must_use]
    pub fn new(unit: &AlignmentUnit, source: &str, target: &str, quantity: Quantity, value: f64) -> Self {
        let unit = unit.clone();
        Self {
            study: unit.study,
            alignment: unit.alignment,
            method: unit.method,
            positions: unit.positions,
            source: source.to_owned(),
            target: target.to_owned(),
            site: unit.site,
            variable: unit.variable,
            k: unit.k,
            seed: unit.seed,
            quantity,
            value,
        }
    }

    fn key(&self) -> impl Ord {
        let place = (&self.study, &self.alignment, &self.method, &self.positions, &self.site, &self.variable);
        (place, self.k, self.seed, self.quantity, &self.source, &self.target)
    }
}

impl Tidy for QuantityRow {
    const COLUMNS: &'static [&'static str] = &[
        "study",
        "alignment",
        "method",
        "positions",
        "source",
        "target",
        "site",
        "variable",
        "k",
        "seed",
        "quantity",
        "value",
    ];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{from_csv, to_csv};

    pub(in crate::results) fn row(quantity: Quantity) -> QuantityRow {
        let unit = AlignmentUnit {
            study: "seeds".into(),
            alignment: "hidden".into(),
            method: "mas".into(),
            function: "orthogonal".into(),
            positions: "individual".into(),
            site: "hidden".into(),
            variable: "full".into(),
            k: 32,
            seed: 1,
        };
        QuantityRow::new(&unit, "gru-1", "gru-2", quantity, 0.25)
    }

    #[test]
    fn ids_are_those_in_files() {
        for quantity in Quantity::ALL {
            assert_eq!(serde_json::to_value(quantity).unwrap(), quantity.id());
        }
        let mut sorted = Quantity::ALL;
        sorted.sort();
        assert_eq!(sorted, Quantity::ALL, "rows are in the order in which quantities are shown");
    }

    #[test]
    fn rows_come_back_in_their_order() {
        let rows = [row(Quantity::NaturalMahalanobis), row(Quantity::EarthMoversDistance)];
        let text = to_csv(&rows).unwrap();
        assert!(text.ends_with("gru-1,gru-2,hidden,full,32,1,natural-mahalanobis,0.25\n"), "{text}");
        assert_eq!(from_csv::<QuantityRow>(&text).unwrap(), [rows[1].clone(), rows[0].clone()]);
    }
}
