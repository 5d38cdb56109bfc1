//! C3: how few coordinates are enough.

use super::every::{Extreme, every_direction, show};
use super::{Claim, Criterion, EQUAL, Evidence, HIGH, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{Tie, share_interval};

/// C3. Its parts, at `hidden` with individual interchanges of everything:
///
/// - DAS and MAS are high at k = 4, in every direction and in the mean;
/// - MAS across networks equals DAS within them at every k ≥ 4 that was fitted: the mean over directions;
/// - low-rank stitching reaches 0.95 at rank 2: validation IIA, the mean of the last five evaluations of each fit;
/// - unidirectional MAS at k = 2 is below that, by the same measure in the same direction.
pub(super) const CLAIM: Claim = Claim {
    id: "C3",
    statement: "Behaviour fits few dimensions: DAS and MAS are high at k = 4 and equal from there on; stitching needs \
                even fewer, since it does not ask that the target's own path stays intact",
    parts,
};

/// The size from which on behaviour fits.
const ENOUGH: u64 = 4;
/// The rank at which stitching is claimed to succeed and MAS to fail.
const RANK: u64 = 2;
/// What low-rank stitching is to reach.
const REACHED: f64 = 0.95;
/// The evaluations that are averaged.
const EVALUATIONS: usize = 5;

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let (das, mas) = (Of::hidden("das").full(), Of::hidden("mas").full());
    let high = |of: Of<'_>, name: &str| Part {
        id: format!("{}.k{ENOUGH}", of.method),
        statement: format!("{name} at k = {ENOUGH} is high in every direction"),
        measured: every_direction(
            &evidence.directions(of.with_k(ENOUGH), Control::None),
            Extreme::Lowest,
            &evidence.bootstrap,
        ),
        criterion: Some(Criterion::AtLeast(HIGH)),
        rule: "of every direction and of the mean, changed pairs".to_owned(),
    };
    let mut parts = vec![high(das, "DAS"), high(mas, "MAS")];
    let mut sizes = evidence.sizes(mas);
    sizes.retain(|&k| k > ENOUGH);
    for k in std::iter::once(ENOUGH).chain(sizes) {
        let of = |of: Of<'_>| evidence.directions(of.with_k(k), Control::None);
        let across: Vec<_> = of(mas).into_iter().filter(|direction| !direction.is_within()).collect();
        let (id, statement) = (format!("equal.k{k}"), format!("MAS across networks equals DAS at k = {k}"));
        parts.push(Part::equal(id, statement, [&across, &of(das)], EQUAL, &evidence.bootstrap));
    }
    let [stitching, mas] = ["low-rank-stitching", "unidirectional-mas"].map(|m| Of::hidden(m).full().with_k(RANK));
    let last = |of| evidence.last_evaluations(of, EVALUATIONS);
    let measured = |of, ties: &[Tie]| {
        share_interval(ties, evidence.validation_pairs(of), &evidence.bootstrap).map(|interval| Measurement {
            interval,
            text: format!("mean of the last evaluations of {} fits {}", ties.len(), show(interval)),
            networks: networks(ties),
        })
    };
    let (by_stitching, by_mas) = (last(stitching), last(mas));
    // Compared are fits of the same networks.
    let compared = measured(stitching, &common(&by_stitching, &by_mas));
    parts.push(Part {
        id: format!("low-rank-stitching.k{RANK}"),
        statement: format!("Low-rank stitching reaches {REACHED} at rank {RANK}"),
        measured: measured(stitching, &by_stitching),
        criterion: Some(Criterion::AtLeast(REACHED)),
        rule: "of validation IIA over pairs of networks".to_owned(),
    });
    let below = Part {
        id: format!("unidirectional-mas.k{RANK}"),
        statement: format!("Unidirectional MAS at k = {RANK} is below low-rank stitching, in the same direction"),
        measured: measured(mas, &common(&by_mas, &by_stitching)),
        criterion: compared.as_ref().map(|stitching| Criterion::Below(stitching.interval)),
        rule: "of validation IIA over pairs of networks".to_owned(),
    };
    parts.push(below.against(compared.as_ref()));
    parts
}

/// Those of `these` fits whose networks `others` has too.
fn common(these: &[Tie], others: &[Tie]) -> Vec<Tie> {
    let same = |a: &Tie, b: &Tie| a.a == b.a && a.b == b.b;
    these.iter().filter(|one| others.iter().any(|other| same(one, other))).cloned().collect()
}

fn networks(ties: &[Tie]) -> usize {
    let names: std::collections::BTreeSet<&str> = ties.iter().flat_map(|tie| [&*tie.a, &*tie.b]).collect();
    names.len()
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    fn study(mas_at_4: u64, mas_at_8: u64, stitching: f64, mas_at_2: f64) -> MadeUp {
        let mut study = MadeUp::default();
        // Of other alignment functions nothing is claimed.
        study.function("linear").within("das", 8, 10);
        study.function("linear").course("low-rank-stitching", 2, &[0.1]);
        study.function("orthogonal");
        study.within("das", 4, 99);
        study.within("das", 8, 99);
        study.ring("mas", 4, |_, _| mas_at_4);
        // Within networks MAS is DAS.
        study.ring("mas", 8, |s, t| if s == t { 99 } else { mas_at_8 });
        study.course("low-rank-stitching", 2, &[0.1, stitching, stitching, stitching, stitching, stitching]);
        study.course("unidirectional-mas", 2, &[1.0, mas_at_2, mas_at_2, mas_at_2, mas_at_2, mas_at_2]);
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study(99, 99, 0.97, 0.7).decide("C3");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 1 + 2 + 2 + 2);
    }

    /// Before its first step a fit is what it began as.
    #[test]
    fn a_short_fit_is_judged_by_what_it_came_to() {
        let mut study = MadeUp::default();
        study.course("low-rank-stitching", 2, &[0.1, 0.97, 0.97, 0.97]);
        assert_eq!(verdict(&study.decide("C3"), "low-rank-stitching.k2"), Verdict::Holds);
    }

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study(60, 99, 0.97, 0.7).decide("C3"), "mas.k4"), Verdict::Fails);
        assert_eq!(verdict(&study(99, 80, 0.97, 0.7).decide("C3"), "equal.k8"), Verdict::Fails);
        let rows = study(99, 99, 0.80, 0.9).decide("C3");
        assert_eq!(verdict(&rows, "low-rank-stitching.k2"), Verdict::Fails);
        assert_eq!(verdict(&rows, "unidirectional-mas.k2"), Verdict::Fails);
    }

    #[test]
    fn what_was_not_measured_is_not_decided() {
        let rows = MadeUp::default().decide("C3");
        assert!(rows.iter().all(|row| row.verdict == Verdict::NotDecided));
        assert_eq!(rows.len(), 1 + 2 + 1 + 2);
    }
}
