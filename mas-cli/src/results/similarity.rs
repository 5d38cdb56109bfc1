//! Correlational measures between two networks.

use serde::{Deserialize, Serialize};

use super::{Tidy, flag};

/// One measure between two networks at one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimilarityRow {
    /// The study's name.
    pub study: String,
    /// The comparison's name within the study.
    pub similarity: String,
    /// One network.
    pub a: String,
    /// The other. Measures that are not symmetric predict `b` from `a`.
    pub b: String,
    /// Where both are read.
    pub site: String,
    /// The measure's name.
    pub measure: String,
    /// Whether each distinct pair of vectors was taken once.
    #[serde(with = "flag")]
    pub distinct: bool,
    /// Seed of the draws.
    pub seed: u64,
    /// The measure: the mean over draws.
    pub value: f64,
    /// Lower end of the 95 % interval around it, where one was asked for: the first draw's, moved to the mean.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Mean under permutation of the first draw's samples, where permutations were asked for.
    pub null_mean: Option<f64>,
    /// Permutation p-value of the first draw.
    pub p: Option<f64>,
    /// Vectors a draw.
    pub samples: u64,
    /// Draws averaged over.
    pub draws: u64,
}

impl Tidy for SimilarityRow {
    const COLUMNS: &'static [&'static str] = &[
        "study",
        "similarity",
        "a",
        "b",
        "site",
        "measure",
        "distinct",
        "seed",
        "value",
        "low",
        "high",
        "null_mean",
        "p",
        "samples",
        "draws",
    ];

    fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
    }
}

impl SimilarityRow {
    fn key(&self) -> impl Ord {
        (&self.study, &self.similarity, &self.site, &self.measure, self.distinct, self.seed, &self.a, &self.b)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{from_csv, to_csv};

    pub(in crate::results) fn row() -> SimilarityRow {
        SimilarityRow {
            study: "seeds".into(),
            similarity: "all".into(),
            a: "gru-0".into(),
            b: "gru-1".into(),
            site: "embedding".into(),
            measure: "rsa_euclidean_spearman".into(),
            distinct: true,
            seed: 0,
            value: 0.71,
            low: None,
            high: None,
            null_mean: Some(0.01),
            p: Some(0.001),
            samples: 7,
            draws: 10,
        }
    }

    #[test]
    fn what_was_not_asked_for_is_an_empty_field() {
        let text = to_csv(&[row()]).unwrap();
        assert!(text.ends_with("0.71,,,0.01,0.001,7,10\n"), "{text}");
        assert_eq!(from_csv::<SimilarityRow>(&text).unwrap(), [row()]);
    }
}
