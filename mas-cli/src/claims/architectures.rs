//! C2: networks of different architectures.

use std::collections::BTreeSet;

use super::every::{Extreme, every_direction, show};
use super::{Claim, Criterion, ENOUGH_NETWORKS, Evidence, HIGH, LOW, Measurement, Of, Part, RSA_MEASURE};
use crate::results::Control;
use crate::statistics::{Direction, Interval, Tie, tie_interval};

/// C2. Its parts, with stepwise interchanges throughout:
///
/// - between a GRU's `hidden` and a transformer's `layer.0` IIA is low, in every direction and in the mean;
/// - there, CKA or RSA is sizeable all the same: the mean over pairs of a GRU and a transformer of one of the two;
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

    /// IIA from one network into another, and the networks that come first and last in the fits.
    fn across<'a>(self, evidence: &Evidence<'a>, between: Between) -> (Vec<Direction>, [BTreeSet<&'a str>; 2]) {
        let (site, alignment) = (self.site(between), self.alignment(between));
        let of = Of::at(&site, "stepwise", "mas").full().called(&alignment);
        let mut found = evidence.directions(of, Control::None);
        found.retain(|direction| !direction.is_within());
        (found, evidence.groups(of))
    }

    /// IIA of every direction between the architectures.
    fn iia(self, evidence: &Evidence<'_>, extreme: Extreme) -> Option<Measurement> {
        let (directions, groups) = self.across(evidence, Between::Both);
        Some(every_direction(&directions, extreme, &evidence.bootstrap)?.between(&groups))
    }

    /// Whether networks of one architecture can be aligned there, both architectures.
    fn has_a_reference(self, evidence: &Evidence<'_>) -> bool {
        [Between::Grus, Between::Transformers].into_iter().all(|between| {
            let (directions, _) = self.across(evidence, between);
            let iia = every_direction(&directions, Extreme::Lowest, &evidence.bootstrap);
            iia.is_some_and(|iia| iia.interval.low >= HIGH && iia.networks >= ENOUGH_NETWORKS)
        })
    }

    /// That one or the other correlational measure is sizeable, between the networks that are aligned there: its lower end
    /// is the higher one of the two, each at a level corrected for there being two (Bonferroni), since either of them may
    /// show it; its upper end is the higher one, since both have to be low to contradict it, which one alone cannot.
    fn similarity(self, evidence: &Evidence<'_>) -> Option<Measurement> {
        let (_, [grus, transformers]) = self.across(evidence, Between::Both);
        let sites = [format!("{}:{}", self.gru, self.transformer), format!("{}:{}", self.transformer, self.gru)];
        let bootstrap = &evidence.bootstrap;
        let corrected = bootstrap.at_level(1.0 - (1.0 - bootstrap.level) / SIMILARITIES.len() as f64);
        let mut found: Vec<Measurement> = Vec::new();
        for measure in SIMILARITIES {
            let mut ties: Vec<Tie> = sites.iter().flat_map(|site| evidence.ties(site, measure, false)).collect();
            ties.retain(|tie| {
                let is = |group: &BTreeSet<&str>, name: &str| group.contains(name);
                (is(&grus, &tie.a) && is(&transformers, &tie.b)) || (is(&grus, &tie.b) && is(&transformers, &tie.a))
            });
            let (Some(own), Some(wide)) = (tie_interval(&ties, bootstrap), tie_interval(&ties, &corrected)) else {
                continue;
            };
            let names: BTreeSet<&str> = ties.iter().flat_map(|tie| [&*tie.a, &*tie.b]).collect();
            let having = |group: &BTreeSet<&str>| group.intersection(&names).count();
            let networks = having(&grus).min(having(&transformers));
            let text = format!("{measure}, mean over {} pairs of networks {}", ties.len(), show(own));
            found.push(Measurement { interval: Interval { low: wide.low, ..own }, text, networks });
        }
        let all = found.len() == SIMILARITIES.len();
        let mut either = found.into_iter().reduce(Measurement::or)?;
        if !all {
            either.interval.high = 1.0;
        }
        Some(either)
    }
}

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
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
            HIDDEN.iia(evidence, Extreme::Highest),
            Criterion::AtMost(LOW),
            every,
        ),
        part(
            HIDDEN,
            "similarity",
            "There, CKA or RSA is sizeable",
            HIDDEN.similarity(evidence),
            Criterion::AtLeast(SIZEABLE),
            "of debiased CKA or of RSA, at 97.5 % each, over pairs of a GRU and a transformer",
        ),
        part(
            EMBEDDING,
            "iia",
            "IIA between the embeddings of GRUs and transformers (stepwise) is high",
            EMBEDDING.iia(evidence, Extreme::Lowest),
            Criterion::AtLeast(HIGH),
            every,
        ),
    ]
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
    fn either_measure_is_enough_and_only_between_grus_and_transformers() {
        let mut study = study([99, 99, 10], 98, 0.3);
        study.similar_to("lstm", "hidden:layer.0", "rsa_euclidean_spearman", 0.99);
        let rows = study.decide("C2");
        assert_eq!(verdict(&rows, "hidden.similarity"), Verdict::Fails, "{rows:#?}");
        // What is said of the two sites in the other order counts too: the mean of 0.1 and 0.97 is sizeable.
        study.similar("layer.0:hidden", "cka_linear_debiased", 0.97);
        let rows = study.decide("C2");
        assert_eq!(verdict(&rows, "hidden.similarity"), Verdict::Holds, "{rows:#?}");
    }

    #[test]
    fn one_measure_alone_can_show_it_and_not_contradict_it() {
        for (rsa, expected) in [(0.3, Verdict::NotDecided), (0.7, Verdict::Holds)] {
            let mut study = study([99, 99, 10], 98, rsa);
            study.forget_measure("cka_linear_debiased");
            assert_eq!(verdict(&study.decide("C2"), "hidden.similarity"), expected);
        }
    }

    #[test]
    fn many_networks_of_one_architecture_do_not_stand_in_for_the_other() {
        let mut study = study([99, 99, 10], 98, 0.7);
        assert_eq!(verdict(&study.decide("C2"), "embedding.iia"), Verdict::Holds);
        study.forget("embedding-between");
        study.at("embedding", "stepwise").named("embedding-between");
        (0..5).for_each(|i| study.joint(&[0, 5 + i], |_, _| 98));
        let rows = study.decide("C2");
        assert_eq!(verdict(&rows, "embedding.iia"), Verdict::NotDecided, "{rows:#?}");
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
