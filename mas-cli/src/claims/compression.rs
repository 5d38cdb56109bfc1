//! C3: how few coordinates are enough.

use super::evidence::paired;
use super::stitching::first_and_last;
use super::{Claim, Criterion, Evidence, Found, HIGH, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::Unit;

/// C3, at `hidden` with individual interchanges of everything, on held-out pairs.
///
/// Stated:
///
/// - DAS and MAS are high at k = 4: the mean over networks, and over pairs of the smaller direction;
/// - MAS across networks equals DAS within them at every k ≥ 4 that was fitted, paired: the smaller cross direction less
///   the smaller of the two networks' own;
/// - low-rank stitching reaches 0.95 at rank 2 in the direction that it is trained in, from the first network into the last;
/// - unidirectional MAS at k = 2 is below it, paired in the same direction.
///
/// Controls: what low-rank stitching does in the way back; that MAS is above its matched start, at each k.
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
/// The margin within which MAS equals DAS.
const MARGIN: f64 = 0.05;

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let (das, mas) = (Of::hidden("das").full(), Of::hidden("mas").full());
    let [stitching, one_way] = ["low-rank-stitching", "unidirectional-mas"].map(|m| Of::hidden(m).full().with_k(RANK));
    let (high, reached, above) = (Criterion::AtLeast(HIGH), Criterion::AtLeast(REACHED), Criterion::Above(0.0));
    let within = || -> Found {
        let found = evidence.directions(das.with_k(ENOUGH), Control::None)?;
        Measurement::mean(&Unit::means(found.within().cloned()), high)
    };
    let forward = |of| evidence.between(of, Control::None, first_and_last);
    let reaches = || -> Found { Measurement::mean(&Unit::means(forward(stitching)?.iter().cloned()), reached) };
    let below = || -> Found { Measurement::mean(&forward(stitching)?.less(&forward(one_way)?), above) };
    let backward = || -> Found {
        let back = evidence.between(stitching, Control::None, |of| first_and_last(of).map(|(a, b)| (b, a)))?;
        Measurement::mean(&Unit::means(back.iter().cloned()), high)
    };
    let mut parts = vec![
        Part::stated(format!("das.k{ENOUGH}"), format!("DAS at k = {ENOUGH} is high"), high, within())
            .of("of the mean over networks, changed pairs"),
        Part::stated(
            format!("mas.k{ENOUGH}"),
            format!("MAS across networks at k = {ENOUGH} is high"),
            high,
            evidence.smaller(mas.with_k(ENOUGH), high),
        )
        .of("of the mean over pairs of networks, the smaller direction, changed pairs"),
        Part::stated(
            format!("low-rank-stitching.k{RANK}"),
            format!("Low-rank stitching reaches {REACHED} at rank {RANK} in the direction that it is trained in"),
            reached,
            reaches(),
        )
        .of("of the mean over pairs of networks, first → last, changed pairs"),
        Part::stated(
            format!("unidirectional-mas.k{RANK}"),
            format!("Unidirectional MAS at k = {RANK} is below low-rank stitching, in the same direction"),
            above,
            below(),
        )
        .of("of stitching less MAS, paired over pairs of networks"),
        Part::control(
            format!("low-rank-stitching-back.k{RANK}"),
            format!("Low-rank stitching at rank {RANK} is high the way back too, in which it is not trained"),
            high,
            backward(),
            "a stitch of two coordinates does not work the way back",
        )
        .of("of the mean over pairs of networks, last → first, changed pairs"),
    ];
    let mut sizes = evidence.sizes(mas);
    sizes.retain(|&k| k >= ENOUGH);
    sizes.insert(ENOUGH);
    for k in sizes {
        let equal = Criterion::Equal(MARGIN);
        let difference = || -> Found {
            let within = evidence.directions(das.with_k(k), Control::None)?;
            let across = evidence.directions(mas.with_k(k), Control::None)?;
            Measurement::mean(&paired(across.smaller(), |networks| within.smaller_within(networks)), equal)
        };
        let statement = format!("MAS across networks equals DAS within them at k = {k}");
        parts.push(
            Part::stated(format!("equal.k{k}"), statement, equal, difference())
                .of("of the smaller cross direction less the smaller of the two networks' own, paired"),
        );
        parts.push(
            Part::control(
                format!("matched.k{k}"),
                format!("MAS at k = {k} is above its matched start, before any step"),
                above,
                evidence.above_matched(mas.with_k(k)),
                format!("the matched start does as well at k = {k} without a step"),
            )
            .of("of the difference, paired over pairs of networks"),
        );
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::{Control, OVERALL};

    fn study(mas_at_4: u64, mas_at_8: u64, stitching: u64, one_way: u64) -> MadeUp {
        let mut study = MadeUp::default();
        // Of other alignment functions nothing is claimed.
        study.function("linear").within("das", 8, 10);
        study.function("orthogonal");
        study.within("das", 4, 99);
        study.within("das", 8, 99);
        study.controlled(Control::Matched, 60);
        study.ring("mas", 4, |_, _| mas_at_4);
        // Within networks MAS is DAS.
        study.ring("mas", 8, |s, t| if s == t { 50 } else { mas_at_8 });
        study.uncontrolled();
        let forward = |right: u64| move |s: usize, t: usize| if (s, t) == (0, 1) { right } else { 10 };
        study.ring("low-rank-stitching", 2, forward(stitching));
        study.ring("unidirectional-mas", 2, forward(one_way));
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study(99, 99, 98, 70).decide("C3");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 1 + 4 + 1 + 2 * 2);
        assert_eq!(verdict(&rows, "low-rank-stitching-back.k2"), Verdict::Fails);
        assert!(rows[0].measured.ends_with("but a stitch of two coordinates does not work the way back"), "{rows:#?}");
    }

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study(60, 99, 98, 70).decide("C3"), "mas.k4"), Verdict::Fails);
        assert_eq!(verdict(&study(99, 80, 98, 70).decide("C3"), "equal.k8"), Verdict::Fails);
        let rows = study(99, 99, 80, 90).decide("C3");
        assert_eq!(verdict(&rows, "low-rank-stitching.k2"), Verdict::Fails);
        assert_eq!(verdict(&rows, "unidirectional-mas.k2"), Verdict::Fails);
    }
}
