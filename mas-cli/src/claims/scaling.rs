//! C4: many networks at once.

use super::evidence::common;
use super::{Claim, EQUAL, Evidence, Of, Part};
use crate::results::{Control, Population, UnitOutcomes};
use crate::statistics::{Direction, directions};

/// C4. Its parts, at `hidden` with individual interchanges: for each number n > 2 of networks that were fitted jointly
/// (3 and 5 whether they were or not), IIA across networks equals that of fits of two. Only directions that both kinds of
/// fit have are compared, and each variable and size of subspace with itself.
pub(super) const CLAIM: Claim = Claim {
    id: "C4",
    statement: "n networks need n alignment functions, fitted jointly, with no loss against fits of two",
    parts,
};

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let apart = evidence.apart(Of::hidden("mas"));
    apart.into_iter().flat_map(|(which, of)| parts_of(evidence, &which, of)).collect()
}

/// The parts of one variable and size; `which` is how their ids end.
fn parts_of(evidence: &Evidence<'_>, which: &str, of: Of<'_>) -> Vec<Part> {
    let of_size = |n: usize| evidence.units(of).filter(move |of| of.networks.len() == n);
    let mut sizes: Vec<usize> = evidence.units(of).map(|of| of.networks.len()).collect();
    sizes.extend([3, 5]);
    sizes.retain(|&n| n > 2);
    sizes.sort_unstable();
    sizes.dedup();
    let pairwise: Vec<Direction> = of_size(2).flat_map(across).collect();
    let part = |n: usize| {
        let joint: Vec<Direction> = of_size(n).flat_map(across).collect();
        let (joint, pairwise) = (common(&joint, &pairwise), common(&pairwise, &joint));
        let statement = format!("{n} networks fitted jointly: IIA across networks equals that of fits of two");
        Part::equal(format!("n{n}{which}"), statement, [&joint, &pairwise], EQUAL, &evidence.bootstrap)
    };
    sizes.into_iter().map(part).collect()
}

/// The directions between different networks.
fn across(of: &UnitOutcomes) -> Vec<Direction> {
    let mut found = directions(&of.rows, Control::None, Population::Changed);
    found.retain(|direction| !direction.is_within());
    found
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    fn study(three: u64, five: u64) -> MadeUp {
        let mut study = MadeUp::default();
        // A direction that only fits of two have must not count: its like is in no joint fit of three.
        study.joint(&[0, 1], |_, _| 99);
        study.joint(&[1, 2], |_, _| 99);
        study.joint(&[2, 3], |_, _| 99);
        study.joint(&[3, 4], |_, _| 99);
        study.joint(&[4, 0], |_, _| 99);
        study.joint(&[0, 1, 2], |s, t| if s == t { 10 } else { three });
        study.joint(&[2, 3, 4], |s, t| if s == t { 10 } else { three });
        study.joint(&[0, 1, 2, 3, 4], |_, _| five);
        study
    }

    #[test]
    fn holds_when_nothing_is_lost() {
        let rows = study(99, 98).decide("C4");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 3);
    }

    /// Fits of two with one size of subspace say nothing about joint ones with another.
    #[test]
    fn sizes_of_subspace_are_not_mixed() {
        let mut study = study(99, 98);
        study.ring("mas", 64, |_, _| 10);
        let rows = study.decide("C4");
        assert_eq!(verdict(&rows, "n5.full.k32"), Verdict::Holds);
        assert_eq!(verdict(&rows, "n5.full.k64"), Verdict::NotDecided);
    }

    #[test]
    fn a_loss_fails_it() {
        let rows = study(99, 85).decide("C4");
        assert_eq!((verdict(&rows, "n3"), verdict(&rows, "n5")), (Verdict::Holds, Verdict::Fails));
        assert!(MadeUp::default().decide("C4").iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
