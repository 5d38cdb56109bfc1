//! C2: networks of different architectures.

use super::every::{Extreme, every_direction, show};
use super::{Claim, Criterion, ENOUGH_NETWORKS, Evidence, HIGH, LOW, Measurement, Of, Part, RSA_MEASURE};
use crate::results::Control;
use crate::statistics::{Direction, tie_interval};

/// C2. Its parts, with stepwise interchanges throughout:
///
/// - between a GRU's `hidden` and a transformer's `layer.0` IIA is low, in every direction and in the mean;
/// - there, CKA or RSA is sizeable all the same: the larger of their means over pairs of networks;
/// - between the embeddings IIA is high, in every direction and in the mean.
///
/// What is said of two architectures at a site says something about *them* only if networks of one architecture can be
/// aligned there: where IIA between GRUs or between transformers is not shown to be high, the site's parts are not
/// decided. The last block of a transformer, which has nothing left to do but to answer, is left out.
///
/// A study calls its alignments as [`name`] does.
pub(super) const CLAIM: Claim = Claim {
    id: "C2",
    statement: "GRUs and transformers do one task differently: IIA between their hidden layers is low in spite of \
                sizeable RSA or CKA, and high between their embeddings",
    parts,
};

/// What counts as a sizeable correlation.
const SIZEABLE: f64 = 0.5;

/// The correlational measures of which one has to be sizeable.
const SIMILARITIES: [&str; 2] = ["cka_linear_debiased", RSA_MEASURE];

/// A place that both architectures have.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    gru: &'static str,
    transformer: &'static str,
}

const HIDDEN: Place = Place { name: "hidden", gru: "hidden", transformer: "layer.0" };
const EMBEDDING: Place = Place { name: "embedding", gru: "embedding", transformer: "embedding" };

/// Which networks are aligned.
#[derive(Clone, Copy)]
enum Between {
    Grus,
    Transformers,
    Both,
}

impl Place {
    /// The site as results name it, GRUs first.
    fn site(self, between: Between) -> String {
        match between {
            Between::Grus => self.gru.to_owned(),
            Between::Transformers => self.transformer.to_owned(),
            Between::Both if self.gru == self.transformer => self.gru.to_owned(),
            Between::Both => format!("{}:{}", self.gru, self.transformer),
        }
    }

    /// What a study calls its alignment there: `hidden-grus`, `hidden-transformers`, `hidden-between`, `embedding-…`.
    fn alignment(self, between: Between) -> String {
        let between = match between {
            Between::Grus => "grus",
            Between::Transformers => "transformers",
            Between::Both => "between",
        };
        format!("{}-{between}", self.name)
    }

    /// IIA from one network into another.
    fn across(self, evidence: &Evidence<'_>, between: Between) -> Vec<Direction> {
        let (site, alignment) = (self.site(between), self.alignment(between));
        let mut found = evidence.directions(Of::at(&site, "stepwise", "mas").full().called(&alignment), Control::None);
        found.retain(|direction| !direction.is_within());
        found
    }

    /// Whether networks of one architecture can be aligned there, both architectures.
    fn has_a_reference(self, evidence: &Evidence<'_>) -> bool {
        [Between::Grus, Between::Transformers].into_iter().all(|between| {
            let iia = every_direction(&self.across(evidence, between), Extreme::Lowest, &evidence.bootstrap);
            iia.is_some_and(|iia| iia.interval.low >= HIGH && iia.networks >= ENOUGH_NETWORKS)
        })
    }
}

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let iia =
        |place: Place, extreme| every_direction(&place.across(evidence, Between::Both), extreme, &evidence.bootstrap);
    let part = |place: Place, what: &str, statement: &str, measured, criterion, rule: &str| {
        let decided = place.has_a_reference(evidence);
        let unless = "; decided only where IIA between GRUs and between transformers is high";
        Part {
            id: format!("{}.{what}", place.name),
            statement: statement.to_owned(),
            measured,
            criterion: decided.then_some(criterion),
            rule: format!("{rule}{}", if decided { "" } else { unless }),
        }
    };
    let every = "of every direction and of the mean, changed pairs";
    vec![
        part(
            HIDDEN,
            "iia",
            "IIA between a GRU's hidden state and a transformer's first block (stepwise) is low",
            iia(HIDDEN, Extreme::Highest),
            Criterion::AtMost(LOW),
            every,
        ),
        part(
            HIDDEN,
            "similarity",
            "There, CKA or RSA is sizeable",
            similarity(evidence, &HIDDEN.site(Between::Both)),
            Criterion::AtLeast(SIZEABLE),
            "of the larger of debiased CKA and RSA, over pairs of networks",
        ),
        part(
            EMBEDDING,
            "iia",
            "IIA between the embeddings of GRUs and transformers (stepwise) is high",
            iia(EMBEDDING, Extreme::Lowest),
            Criterion::AtLeast(HIGH),
            every,
        ),
    ]
}

/// The larger of the correlational measures.
fn similarity(evidence: &Evidence<'_>, site: &str) -> Option<Measurement> {
    let of = |measure: &str| {
        let ties = evidence.ties(site, measure, false);
        let interval = tie_interval(&ties, &evidence.bootstrap)?;
        let names: std::collections::BTreeSet<&str> = ties.iter().flat_map(|tie| [&*tie.a, &*tie.b]).collect();
        let text = format!("{measure}, mean over {} pairs of networks {}", ties.len(), show(interval));
        Some(Measurement { interval, text, networks: names.len() })
    };
    SIMILARITIES.into_iter().filter_map(of).max_by(|a, b| a.interval.value.total_cmp(&b.interval.value))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    /// Shares right between GRUs, between transformers and between both, in the hidden layers; between the embeddings of
    /// both; RSA between the hidden layers.
    fn study([grus, transformers, both]: [u64; 3], embeddings: u64, rsa: f64) -> MadeUp {
        let mut study = MadeUp::default();
        for (place, sites, shares) in [
            ("hidden", ["hidden", "layer.0", "hidden:layer.0"], [grus, transformers, both]),
            ("embedding", ["embedding"; 3], [99, 99, embeddings]),
        ] {
            let [of_grus, of_transformers, of_both] = sites;
            study.at(of_grus, "stepwise").named(&format!("{place}-grus")).ring("mas", 32, |_, _| shares[0]);
            study.at(of_transformers, "stepwise").named(&format!("{place}-transformers"));
            (0..5).for_each(|i| study.joint(&[5 + i, 5 + (i + 1) % 5], |_, _| shares[1]));
            study.at(of_both, "stepwise").named(&format!("{place}-between"));
            // Within a network it works, and does not count.
            (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 70 } else { shares[2] }));
        }
        study.similar("hidden:layer.0", "rsa_euclidean_spearman", rsa);
        study.similar("hidden:layer.0", "cka_linear_debiased", 0.1);
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study([99, 99, 10], 98, 0.7).decide("C2");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study([99, 99, 80], 98, 0.7).decide("C2"), "hidden.iia"), Verdict::Fails);
        assert_eq!(verdict(&study([99, 99, 10], 60, 0.7).decide("C2"), "embedding.iia"), Verdict::Fails);
        assert_eq!(verdict(&study([99, 99, 10], 98, 0.3).decide("C2"), "hidden.similarity"), Verdict::Fails);
    }

    #[test]
    fn nothing_is_decided_where_one_architecture_cannot_be_aligned_with_itself() {
        for shares in [[70, 99, 10], [99, 70, 10]] {
            let rows = study(shares, 98, 0.7).decide("C2");
            assert_eq!(verdict(&rows, "hidden.iia"), Verdict::NotDecided);
            assert_eq!(verdict(&rows, "hidden.similarity"), Verdict::NotDecided);
            assert_eq!(verdict(&rows, "embedding.iia"), Verdict::Holds);
        }
        assert!(MadeUp::default().decide("C2").iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
