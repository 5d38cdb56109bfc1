//! C2: networks of different architectures.

use std::collections::BTreeSet;

use super::every::show;
use super::{Claim, Criterion, Evidence, Found, HIGH, LOW, Measurement, Of, Part, RSA_MEASURE};
use crate::results::Control;
use crate::statistics::{Interval, Unit, mean_interval, networks_of};

/// C2, of alignments that a study calls `hidden-between`, `hidden-grus`, `hidden-transformers`,
/// `hidden-transformers-whole` (all with individual interchanges) and `embedding-between` (stepwise).
///
/// Stated: between a GRU's `hidden` and a transformer's `layer.0` IIA is low, the mean over pairs of networks of the
/// smaller direction, in spite of debiased CKA or RSA of at least 0.5 there; between the embeddings it is high.
///
/// Controls: between GRUs it is high; between transformers, within one, and with all of its coordinates swapped at once,
/// it is high too. Where the last fails, the site cannot carry what is to be moved, whatever the other network is.
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

/// The sites that are compared, the GRU's first.
const HIDDEN: &str = "hidden:layer.0";

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let (high, low) = (Criterion::AtLeast(HIGH), Criterion::AtMost(LOW));
    let hidden = Of::at(HIDDEN, "individual", "mas").full().called("hidden-between");
    let embedding = Of::at("embedding", "stepwise", "mas").full().called("embedding-between");
    let grus = Of::hidden("mas").full().called("hidden-grus");
    let transformers = Of::at("layer.0", "individual", "mas").full().called("hidden-transformers");
    let whole = Of { method: "das", ..transformers.called("hidden-transformers-whole") };
    let between = |of: Of<'_>, criterion| Ok(evidence.smaller(of, criterion)?.between(&evidence.groups(of)));
    let within = |of: Of<'_>| -> Found {
        let found = evidence.directions(of, Control::None)?;
        Measurement::mean(&Unit::means(found.within().cloned()), high)
    };
    let pairs = "of the mean over pairs of networks, the smaller direction, changed pairs";
    let single = "of the mean over networks, changed pairs";
    vec![
        Part::stated(
            "hidden.iia",
            "IIA between a GRU's hidden state and a transformer's first block (individual) is low",
            low,
            between(hidden, low),
        )
        .of(pairs),
        Part::stated(
            "hidden.similarity",
            "There, CKA or RSA is sizeable",
            Criterion::AtLeast(SIZEABLE),
            similarity(evidence, &evidence.groups(hidden)),
        )
        .of("of debiased CKA or of RSA, at 97.5 % each, over pairs of a GRU and a transformer"),
        Part::stated(
            "embedding.iia",
            "IIA between the embeddings of GRUs and transformers (stepwise) is high",
            high,
            between(embedding, high),
        )
        .of(pairs),
        Part::control(
            "hidden.grus",
            "IIA between GRUs at hidden (individual) is high",
            high,
            evidence.smaller(grus, high),
            "GRUs do not align with each other there either",
        )
        .of(pairs),
        Part::control(
            "hidden.transformers",
            "IIA between transformers at their first block (individual) is high",
            high,
            evidence.smaller(transformers, high),
            "transformers do not align with each other at that block either",
        )
        .of(pairs),
        Part::control(
            "hidden.transformers-within",
            "IIA within a transformer at its first block (individual) is high",
            high,
            within(transformers),
            "no transformer aligns with itself at that block",
        )
        .of(single),
        Part::control(
            "hidden.transformers-whole",
            "Swapping all coordinates of a transformer's first block at one position changes its answer",
            high,
            within(whole),
            "that block carries too little at one position, even with all coordinates swapped: a transformer reads the \
             earlier positions again",
        )
        .of(single),
    ]
}

/// That one or the other correlational measure is sizeable, between the networks that are aligned there: its lower end
/// is the higher one of the two, each at a level corrected for there being two (Bonferroni), since either of them may
/// show it; its upper end is the higher one, since both have to be low to contradict it, which one alone cannot.
fn similarity(evidence: &Evidence<'_>, groups: &[BTreeSet<&str>; 2]) -> Found {
    let level = |count: usize| 1.0 - 0.05 / count as f64;
    let mut found: Vec<Measurement> = Vec::new();
    let mut missing = Vec::new();
    for measure in SIMILARITIES {
        let mut ties: Vec<Unit> = Vec::new();
        for site in [HIDDEN, "layer.0:hidden"] {
            match evidence.ties(site, measure, false) {
                Ok(more) => ties.extend(more),
                Err(none) => missing.push(none),
            }
        }
        ties.retain(|tie| {
            let [a, b] = tie.networks.each_ref().map(String::as_str);
            let is = |a, b| groups[0].contains(a) && groups[1].contains(b);
            is(a, b) || is(b, a)
        });
        let (Some(own), Some(wide)) = (mean_interval(&ties, level(1)), mean_interval(&ties, level(SIMILARITIES.len())))
        else {
            continue;
        };
        let text = format!("{measure}, mean over {} pairs of networks {}", ties.len(), show(own));
        let interval = Interval { low: wide.low, ..own };
        let names = networks_of(&ties);
        let among = groups.each_ref().map(|group| group.intersection(&names).copied().collect());
        found.push(Measurement { interval, text, networks: names.len() }.between(&among));
    }
    let all = found.len() == SIMILARITIES.len();
    let either = found.into_iter().reduce(|a, b| {
        let (first, second) = (a.interval, b.interval);
        let interval = Interval {
            value: first.value.max(second.value),
            low: first.low.max(second.low),
            high: first.high.max(second.high),
        };
        Measurement { interval, text: format!("{}; {}", a.text, b.text), networks: a.networks.min(b.networks) }
    });
    let mut either = either.ok_or_else(|| match missing.first() {
        Some(none) => none.clone(),
        None => "no measure is between networks that `hidden-between` aligns".to_owned(),
    })?;
    if !all {
        either.interval.high = 1.0;
    }
    Ok(either)
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    /// Shares right between a GRU and a transformer at the hidden layers and at the embedding; RSA between the former;
    /// shares right between transformers.
    fn study(hidden: u64, embeddings: u64, rsa: f64, transformers: u64) -> MadeUp {
        let mut study = MadeUp::default();
        study.named("hidden-grus").ring("mas", 32, |_, _| 99);
        study.at("layer.0", "individual").named("hidden-transformers");
        (0..5).for_each(|i| study.joint(&[5 + i, 5 + (i + 1) % 5], |_, _| transformers));
        study.named("hidden-transformers-whole");
        (5..10).for_each(|i| study.fit("das", 128, &[i], |_, _| transformers));
        for (alignment, site, positions, right) in [
            ("hidden-between", "hidden:layer.0", "individual", hidden),
            ("embedding-between", "embedding", "stepwise", embeddings),
        ] {
            study.at(site, positions).named(alignment);
            // Within a network it works, and does not count.
            (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 100 } else { right }));
        }
        study.similar("hidden:layer.0", "rsa_euclidean_spearman", rsa);
        study.similar("hidden:layer.0", "cka_linear_debiased", 0.1);
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study(10, 98, 0.7, 99).decide("C2");
        assert!(rows.iter().all(|row| row.verdict == Verdict::Holds), "{rows:#?}");
        assert_eq!(rows.len(), 8);
    }

    #[test]
    fn each_stated_part_can_fail_it() {
        for (study, part) in [
            (study(80, 98, 0.7, 99), "hidden.iia"),
            (study(10, 60, 0.7, 99), "embedding.iia"),
            (study(10, 98, 0.3, 99), "hidden.similarity"),
        ] {
            let rows = study.decide("C2");
            assert_eq!((verdict(&rows, part), verdict(&rows, OVERALL)), (Verdict::Fails, Verdict::Fails));
        }
    }

    #[test]
    fn what_the_site_cannot_carry_is_said_beside_it() {
        let rows = study(10, 98, 0.7, 20).decide("C2");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds);
        assert_eq!(verdict(&rows, "hidden.transformers-whole"), Verdict::Fails);
        assert!(rows[0].measured.contains("no transformer aligns with itself"), "{:?}", rows[0]);
    }

    #[test]
    fn either_measure_is_enough_and_only_between_grus_and_transformers() {
        let mut study = study(10, 98, 0.3, 99);
        study.similar_to("lstm", "hidden:layer.0", "rsa_euclidean_spearman", 0.99);
        assert_eq!(verdict(&study.decide("C2"), "hidden.similarity"), Verdict::Fails);
        // What is said of the two sites in the other order counts too.
        study.forget_measure("cka_linear_debiased");
        study.similar("layer.0:hidden", "cka_linear_debiased", 0.7);
        let rows = study.decide("C2");
        assert_eq!(verdict(&rows, "hidden.similarity"), Verdict::Holds, "{rows:#?}");
    }

    #[test]
    fn one_measure_alone_can_show_it_and_not_contradict_it() {
        for (rsa, expected) in [(0.3, Verdict::NotDecided), (0.7, Verdict::Holds)] {
            let mut study = study(10, 98, rsa, 99);
            study.forget_measure("cka_linear_debiased");
            assert_eq!(verdict(&study.decide("C2"), "hidden.similarity"), expected);
        }
    }

    #[test]
    fn many_networks_of_one_architecture_do_not_stand_in_for_the_other() {
        let mut study = study(10, 98, 0.7, 99);
        study.forget("embedding-between");
        study.at("embedding", "stepwise").named("embedding-between");
        (0..5).for_each(|i| study.joint(&[0, 5 + i], |_, _| 98));
        let rows = study.decide("C2");
        assert_eq!(verdict(&rows, "embedding.iia"), Verdict::NotDecided, "{rows:#?}");
    }
}
