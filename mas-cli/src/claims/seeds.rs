//! C1: networks from different seeds.

use std::collections::BTreeSet;

use super::every::{Extreme, every_direction, show};
use super::{Claim, Criterion, Evidence, HIGH, LOW, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{Direction, tie_interval};

/// C1. Its parts, for each of the two sites (`hidden` with individual interchanges, `embedding` with stepwise ones) over
/// changed pairs:
///
/// - IIA is high within networks, and high across networks: every direction and the mean over directions
///   ([`every_direction`]);
/// - RSA at `embedding` over distinct vectors, the mean over pairs of networks, is below what IIA across networks is at least, in its lowest
///   direction;
/// - the random-network control is low in every direction that it is about: from an untrained twin into a trained network;
/// - the shuffled control is low in every direction, within networks too.
///
/// Alignments of several variables or sizes are not mixed: each has all of these parts, and the claim holds with all.
pub(super) const CLAIM: Claim = Claim {
    id: "C1",
    statement: "GRUs from different seeds on one task: MAS IIA is high in every direction at hidden (individual) and \
                embedding (stepwise), while RSA at embedding is not",
    parts,
};

/// The measure that C1 compares with: RSA, Spearman's correlation of Euclidean distances; at an embedding over the
/// distinct vectors.
pub const RSA_MEASURE: &str = "rsa_euclidean_spearman";

const METHOD: &str = "mas";
const EVERY: &str = "of every direction and of the mean, changed pairs";

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (site, positions) in [("hidden", "individual"), ("embedding", "stepwise")] {
        let apart = evidence.apart(Of::at(site, positions, METHOD));
        parts.extend(apart.into_iter().flat_map(|(which, of)| parts_of(evidence, &format!("{site}{which}"), of)));
    }
    parts
}

/// The parts of one site and one thing that is swapped there; `place` is how their ids begin.
fn parts_of(evidence: &Evidence<'_>, place: &str, of: Of<'_>) -> Vec<Part> {
    let Of { site, positions, .. } = of;
    let directions = |control| evidence.directions(of, control);
    let detail = match evidence.swapped(of).as_slice() {
        [(variable, k)] => format!("{positions}, {variable}, k = {k}"),
        _ => positions.to_owned(),
    };
    let (within, across): (Vec<_>, Vec<_>) = directions(Control::None).into_iter().partition(Direction::is_within);
    let across = every_direction(&across, Extreme::Lowest, &evidence.bootstrap);
    let rsa = (site == "embedding").then(|| rsa_part(evidence, place, site, across.as_ref()));
    let high = |id: &str, which: &str, measured| Part {
        id: format!("{place}.{id}"),
        statement: format!("IIA at {site} ({detail}) is high in every direction {which}"),
        measured,
        criterion: Some(Criterion::AtLeast(HIGH)),
        rule: EVERY.to_owned(),
    };
    let low = |control: Control, what: &str| Part {
        id: format!("{place}.{control}"),
        statement: format!("IIA at {site} ({detail}) {what}"),
        measured: every_direction(&directions(control), Extreme::Highest, &evidence.bootstrap),
        criterion: Some(Criterion::AtMost(LOW)),
        rule: EVERY.to_owned(),
    };
    let mut parts = vec![
        high("within", "within networks", every_direction(&within, Extreme::Lowest, &evidence.bootstrap)),
        high("across", "across networks", across),
    ];
    parts.extend(rsa);
    parts.push(low(Control::RandomNetwork, "from untrained networks into trained ones is low"));
    parts.push(low(Control::Shuffled, "with sources shuffled between trials is low"));
    parts
}

fn rsa_part(evidence: &Evidence<'_>, place: &str, site: &str, iia: Option<&Measurement>) -> Part {
    let ties = evidence.ties(site, RSA_MEASURE, true);
    let networks: BTreeSet<&str> = ties.iter().flat_map(|tie| [tie.a.as_str(), tie.b.as_str()]).collect();
    let measured = tie_interval(&ties, &evidence.bootstrap).map(|interval| Measurement {
        interval,
        text: format!("mean over {} pairs of networks {}", ties.len(), show(interval)),
        networks: networks.len(),
    });
    Part {
        id: format!("{place}.rsa"),
        statement: format!("RSA at {site} (Spearman, Euclidean, distinct vectors) is below IIA across networks"),
        measured,
        criterion: iia.map(|iia| Criterion::Below(iia.interval)),
        rule: "of RSA over pairs of networks, against the lower bound of IIA across networks".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{Verdict, claim};
    use crate::results::{AlignmentUnit, ClaimRow, OVERALL, OutcomeRow, SimilarityRow, UnitOutcomes, untrained_twin};
    use crate::statistics::Bootstrap;

    /// What a made-up study measures, as shares of 100 sequences that are right.
    #[derive(Clone, Copy)]
    struct Study {
        networks: usize,
        across: u64,
        one_direction: u64,
        random: u64,
        shuffled: u64,
        rsa: f64,
    }

    const GOOD: Study = Study { networks: 5, across: 99, one_direction: 99, random: 5, shuffled: 8, rsa: 0.7 };

    fn outcomes(source: String, target: String, control: Control, right: u64) -> impl Iterator<Item = OutcomeRow> {
        (0..100).map(move |i| OutcomeRow {
            source: source.clone(),
            target: target.clone(),
            variable: "count".into(),
            control,
            pair: i,
            source_sequence: i,
            target_sequence: i,
            changed: true,
            held_out_count: false,
            correct: i < right,
            tokens_correct: u64::from(i < right),
            tokens: 1,
        })
    }

    fn decide(study: Study) -> Vec<ClaimRow> {
        decide_with(study, &|_| {})
    }

    /// The same, with something done to the outcomes first.
    fn decide_with(study: Study, change: &dyn Fn(&mut Vec<UnitOutcomes>)) -> Vec<ClaimRow> {
        let name = |i: usize| format!("gru-{i}");
        let unit = |site: &str, positions: &str| {
            let mut rows = Vec::new();
            for s in 0..study.networks {
                for t in 0..study.networks {
                    let right = if (s, t) == (1, 0) { study.one_direction } else { study.across };
                    rows.extend(outcomes(name(s), name(t), Control::None, if s == t { 100 } else { right }));
                    rows.extend(outcomes(name(s), name(t), Control::Shuffled, study.shuffled));
                    if s != t {
                        let twin = untrained_twin(&name(s));
                        rows.extend(outcomes(twin, name(t), Control::RandomNetwork, study.random));
                    }
                }
            }
            UnitOutcomes {
                networks: (0..study.networks).map(name).collect(),
                inaccessible: Vec::new(),
                unit: AlignmentUnit {
                    study: "seeds".into(),
                    alignment: site.into(),
                    method: "mas".into(),
                    function: "orthogonal".into(),
                    positions: positions.into(),
                    site: site.into(),
                    variable: "count".into(),
                    k: 32,
                    seed: 0,
                },
                rows,
            }
        };
        let mut similarity = Vec::new();
        for a in 0..study.networks {
            for b in 0..a {
                // Over vectors as they come, RSA is something else: it must not count.
                for (distinct, rsa) in [(true, study.rsa), (false, 1.0)] {
                    similarity.push(SimilarityRow {
                        study: "seeds".into(),
                        similarity: "all".into(),
                        a: name(a),
                        b: name(b),
                        site: "embedding".into(),
                        measure: RSA_MEASURE.into(),
                        distinct,
                        seed: 0,
                        value: rsa + 0.01 * (a + b) as f64,
                        low: None,
                        high: None,
                        null_mean: None,
                        p: None,
                        samples: 7,
                        draws: 1,
                    });
                }
            }
        }
        let mut outcomes = vec![unit("hidden", "individual"), unit("embedding", "stepwise")];
        change(&mut outcomes);
        let bootstrap = Bootstrap { draws: 200, ..Bootstrap::default() };
        let evidence = Evidence { outcomes: &outcomes, fits: &[], similarity: &similarity, bootstrap };
        claim("c1").unwrap().decide(&evidence)
    }

    fn verdict(rows: &[ClaimRow], part: &str) -> Verdict {
        rows.iter().find(|row| row.part == part).unwrap().verdict
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = decide(GOOD);
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 10);
    }

    #[test]
    fn one_low_direction_fails_it() {
        let rows = decide(Study { one_direction: 60, ..GOOD });
        assert_eq!(verdict(&rows, "hidden.across"), Verdict::Fails);
        assert_eq!(verdict(&rows, "hidden.within"), Verdict::Holds);
        assert_eq!(verdict(&rows, OVERALL), Verdict::Fails);
    }

    #[test]
    fn near_the_threshold_nothing_is_decided() {
        let rows = decide(Study { across: 92, one_direction: 92, ..GOOD });
        assert_eq!(verdict(&rows, "hidden.across"), Verdict::NotDecided);
        assert_eq!(verdict(&rows, OVERALL), Verdict::NotDecided);
    }

    #[test]
    fn four_networks_decide_nothing_not_even_a_failure() {
        for one_direction in [99, 10] {
            let rows = decide(Study { networks: 4, one_direction, ..GOOD });
            assert!(rows.iter().all(|row| row.verdict == Verdict::NotDecided));
        }
    }

    #[test]
    fn controls_that_are_high_fail_it() {
        let rows = decide(Study { random: 80, ..GOOD });
        assert_eq!(verdict(&rows, "embedding.random-network"), Verdict::Fails);
        let rows = decide(Study { shuffled: 70, ..GOOD });
        assert_eq!(verdict(&rows, "hidden.shuffled"), Verdict::Fails);
        let rows = decide(Study { shuffled: 50, ..GOOD });
        assert_eq!(verdict(&rows, "hidden.shuffled"), Verdict::NotDecided);
    }

    #[test]
    fn sizes_and_variables_are_not_mixed() {
        let rows = decide_with(GOOD, &|outcomes| {
            let mut small = outcomes[0].clone();
            small.unit.k = 2;
            small
                .rows
                .iter_mut()
                .filter(|row| row.control == Control::None)
                .for_each(|row| row.correct = row.pair < 50);
            outcomes.push(small);
            let mut phase = outcomes[1].clone();
            phase.unit.variable = "phase".into();
            phase.rows.iter_mut().for_each(|row| row.variable = "phase".into());
            outcomes.push(phase);
        });
        assert_eq!(rows.len(), 1 + 4 * 2 + 5 * 2);
        assert_eq!(verdict(&rows, "hidden.count.k2.across"), Verdict::Fails);
        for part in [
            "hidden.count.k2.shuffled",
            "hidden.count.k32.across",
            "embedding.count.k32.rsa",
            "embedding.phase.k32.rsa",
        ] {
            assert_eq!(verdict(&rows, part), Verdict::Holds, "{part}");
        }
        // The other size neither adds directions to this one nor takes them away.
        let whole = decide(GOOD);
        let measured =
            |rows: &[ClaimRow], part: &str| rows.iter().find(|row| row.part == part).unwrap().measured.clone();
        assert_eq!(measured(&rows, "hidden.count.k32.across"), measured(&whole, "hidden.across"));
        assert_eq!(verdict(&rows, OVERALL), Verdict::Fails);
    }

    #[test]
    fn rsa_is_compared_with_iia() {
        assert_eq!(verdict(&decide(GOOD), "embedding.rsa"), Verdict::Holds);
        assert_eq!(verdict(&decide(Study { rsa: 0.9, ..GOOD }), "embedding.rsa"), Verdict::NotDecided);
        let low = Study { across: 60, one_direction: 60, rsa: 0.9, ..GOOD };
        assert_eq!(verdict(&decide(low), "embedding.rsa"), Verdict::Fails);
    }

    #[test]
    fn an_empty_study_decides_nothing() {
        let evidence = Evidence { outcomes: &[], fits: &[], similarity: &[], bootstrap: Bootstrap::default() };
        let rows = CLAIM.decide(&evidence);
        assert!(rows.iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
