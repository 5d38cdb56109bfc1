//! C1: networks from different seeds.

use super::every::every_direction;
use super::evidence::{number_of, paired};
use super::{Claim, Criterion, Evidence, Found, HIGH, LOW, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{Direction, Unit};

/// C1. At each of two sites, `hidden` with individual interchanges and `embedding` with stepwise ones, over changed pairs.
///
/// Stated: IIA across networks is high, the mean over pairs of networks of the smaller direction; at `embedding` it is
/// above RSA over distinct vectors, paired over pairs of networks.
///
/// Controls: from an untrained twin into a trained network, and with sources shuffled between trials, IIA is low, the
/// mean over pairs of networks; every single direction is high, within networks too; the fit is above its matched start;
/// and at `embedding` IIA is above the reference's own variant of RSA.
///
/// Alignments of several variables or sizes are not mixed: each has all of these parts.
pub(super) const CLAIM: Claim = Claim {
    id: "C1",
    statement: "GRUs from different seeds on one task: MAS IIA is high at hidden (individual) and at embedding (stepwise), \
                while RSA at embedding is below it",
    parts,
};

/// The measure that C1 compares with: RSA, Spearman's correlation of Euclidean distances; at an embedding over the
/// distinct vectors.
pub const RSA_MEASURE: &str = "rsa_euclidean_spearman";

/// The reference's own variant: of raw vectors as they come, with the zero diagonal.
const REFERENCE_RSA: &str = "reference_rsa_raw_l2_spr";

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (site, positions) in [("hidden", "individual"), ("embedding", "stepwise")] {
        let apart = evidence.apart(Of::at(site, positions, "mas"));
        parts.extend(apart.into_iter().flat_map(|(which, of)| parts_of(evidence, &format!("{site}{which}"), of)));
    }
    parts
}

/// The parts of one site and one thing that is swapped there; `place` is how their ids begin.
fn parts_of(evidence: &Evidence<'_>, place: &str, of: Of<'_>) -> Vec<Part> {
    let Of { site, positions, .. } = of;
    let detail = match evidence.swapped(of).as_slice() {
        [(variable, k)] => format!("{site} ({positions}, {variable}, k = {k})"),
        _ => format!("{site} ({positions})"),
    };
    let (high, low) = (Criterion::AtLeast(HIGH), Criterion::AtMost(LOW));
    let pairs = "of the mean over pairs of networks, the smaller direction, changed pairs";
    let mut parts = vec![
        Part::stated(
            format!("{place}.iia"),
            format!("Networks align at {detail}: IIA is high"),
            high,
            evidence.smaller(of, high),
        )
        .of(pairs),
    ];
    if site == "embedding" {
        let above = Criterion::Above(0.0);
        let paired = "of IIA less RSA, paired over pairs of networks";
        let rsa = |measure, distinct| above_measure(evidence, of, measure, distinct);
        parts.push(
            Part::stated(
                format!("{place}.rsa"),
                format!("RSA at {site} (Spearman, Euclidean, distinct vectors) is below IIA"),
                above,
                rsa(RSA_MEASURE, true),
            )
            .of(paired),
        );
        parts.push(
            Part::control(
                format!("{place}.rsa-reference"),
                format!("The reference's variant of RSA at {site} (zero diagonal, vectors as they come) is below IIA"),
                above,
                rsa(REFERENCE_RSA, false),
                "RSA as the reference computes it is as high as IIA at the embedding",
            )
            .of(paired),
        );
    }
    let control = |control: Control| -> Found {
        let found = evidence.directions(of, control)?;
        Measurement::mean(&Unit::means(found.across().cloned()), low)
    };
    let single = || -> Found {
        let found = evidence.directions(of, Control::None)?;
        every_direction(&found.iter().cloned().collect::<Vec<Direction>>())
    };
    let means = "of the mean over pairs of networks, changed pairs";
    parts.extend([
        Part::control(
            format!("{place}.random-network"),
            format!("IIA at {detail} from untrained networks into trained ones is low"),
            low,
            control(Control::RandomNetwork),
            format!("an untrained network does as well at {place}"),
        )
        .of(means),
        Part::control(
            format!("{place}.shuffled"),
            format!("IIA at {detail} with sources shuffled between trials is low"),
            low,
            control(Control::Shuffled),
            format!("sources of other trials do as well at {place}"),
        )
        .of(means),
        Part::control(
            format!("{place}.every-direction"),
            format!("IIA at {detail} is high in every single direction"),
            high,
            single(),
            format!("not every direction is high at {place}"),
        )
        .of("of every direction, changed pairs"),
        Part::control(
            format!("{place}.matched"),
            format!("IIA at {detail} is above that of the matched start, before any step"),
            Criterion::Above(0.0),
            evidence.above_matched(of),
            format!("the matched start does as well at {place} without a step"),
        )
        .of("of the difference, paired over pairs of networks"),
    ]);
    parts
}

fn above_measure(evidence: &Evidence<'_>, of: Of<'_>, measure: &str, distinct: bool) -> Found {
    let iia = evidence.directions(of, Control::None)?.smaller();
    let ties = evidence.ties(of.site, measure, distinct)?;
    Measurement::mean(&paired(iia, number_of(&ties)), Criterion::Above(0.0))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use super::{REFERENCE_RSA, RSA_MEASURE};
    use crate::claims::{PartKind, Verdict};
    use crate::results::{ClaimRow, Control, OVERALL};

    /// What a made-up study measures, as shares right in a hundred.
    #[derive(Clone, Copy)]
    struct Study {
        across: u64,
        /// One direction of the first pair.
        one_direction: u64,
        random: u64,
        shuffled: u64,
        matched: u64,
        rsa: f64,
    }

    const GOOD: Study = Study { across: 99, one_direction: 99, random: 8, shuffled: 12, matched: 60, rsa: 0.6 };

    fn study(of: Study) -> MadeUp {
        let mut study = MadeUp::default();
        for (site, positions) in [("hidden", "individual"), ("embedding", "stepwise")] {
            study.at(site, positions).controlled(Control::Matched, of.matched);
            study.controlled(Control::RandomNetwork, of.random).controlled(Control::Shuffled, of.shuffled);
            let mut first = true;
            let across = |one: bool| {
                move |s, t| match (s, t) {
                    _ if s == t => 100,
                    (1, 0) if one => of.one_direction,
                    _ => of.across,
                }
            };
            for networks in MadeUp::RING {
                study.fit("mas", 32, &networks, across(std::mem::take(&mut first)));
            }
            study.uncontrolled();
        }
        study.similar_around_the_ring("embedding", RSA_MEASURE, true, of.rsa);
        study.similar_around_the_ring("embedding", REFERENCE_RSA, false, 0.5);
        study
    }

    fn decide(of: Study) -> Vec<ClaimRow> {
        study(of).decide("C1")
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = decide(GOOD);
        assert!(rows.iter().all(|row| row.verdict == Verdict::Holds), "{rows:#?}");
        assert_eq!(rows.len(), 1 + 3 + 4 + 5);
        assert!(rows[..4].iter().all(|row| row.kind == PartKind::Stated));
    }

    #[test]
    fn one_low_direction_is_said_and_does_not_turn_the_claim() {
        let rows = decide(Study { one_direction: 80, ..GOOD });
        assert_eq!(verdict(&rows, "hidden.every-direction"), Verdict::Fails);
        assert!(rows[0].measured.contains("not every direction is high at hidden"), "{:?}", rows[0]);
        // 0.99 in four pairs and 0.8 in one: nothing is decided about the mean.
        assert_eq!(verdict(&rows, OVERALL), Verdict::NotDecided, "{rows:#?}");
    }

    #[test]
    fn low_pairs_fail_it() {
        assert_eq!(verdict(&decide(Study { across: 60, one_direction: 60, ..GOOD }), OVERALL), Verdict::Fails);
    }

    #[test]
    fn controls_that_are_high_are_said_beside_it() {
        let rows = decide(Study { random: 80, matched: 99, ..GOOD });
        assert_eq!(verdict(&rows, "embedding.random-network"), Verdict::Fails);
        assert_eq!(verdict(&rows, "embedding.matched"), Verdict::NotDecided);
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds);
        assert!(rows[0].measured.contains("but an untrained network does as well at hidden"), "{:?}", rows[0]);
        assert_eq!(verdict(&decide(Study { shuffled: 50, ..GOOD }), "hidden.shuffled"), Verdict::NotDecided);
    }

    #[test]
    fn sizes_are_not_mixed() {
        let mut study = study(GOOD);
        study.at("hidden", "individual").ring("mas", 2, |_, _| 50);
        let rows = study.decide("C1");
        assert_eq!(verdict(&rows, "hidden.full.k2.iia"), Verdict::Fails);
        assert_eq!(verdict(&rows, "hidden.full.k32.iia"), Verdict::Holds);
        let missing = rows.iter().find(|row| row.part == "hidden.full.k2.matched").unwrap();
        assert!(missing.measured.contains("k = 2 has no control matched"), "{missing:?}");
    }

    #[test]
    fn rsa_is_compared_with_iia_pair_by_pair() {
        assert_eq!(verdict(&decide(Study { rsa: 0.988, ..GOOD }), "embedding.rsa"), Verdict::NotDecided);
        assert_eq!(verdict(&decide(Study { rsa: 1.1, ..GOOD }), "embedding.rsa"), Verdict::Fails);
    }
}
