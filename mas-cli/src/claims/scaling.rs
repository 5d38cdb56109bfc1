//! C4: many networks at once.

use std::collections::BTreeSet;

use super::{Claim, Criterion, EQUAL, Evidence, Found, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::Interval;

/// C4, at `hidden` with individual interchanges.
///
/// Stated: for each number n > 2 of networks that were fitted jointly (3 and 5 whether they were or not), IIA across
/// networks equals that of fits of two, paired: the difference of each direction that both kinds of fit have, the mean over
/// a pair's two directions. Each variable and size of subspace is compared with itself.
///
/// Controls: the functions that are learned, n against the n(n − 1) of fits of two.
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
    let mut sizes: BTreeSet<usize> = evidence.units(of).map(|of| of.networks.len()).collect();
    sizes.extend([3, 5]);
    sizes.retain(|&n| n > 2);
    let equal = Criterion::Equal(EQUAL);
    let difference = |n: usize| -> Found {
        let joint = evidence.directions(of.of_size(n), Control::None)?;
        let two = evidence.directions(of.of_size(2), Control::None)?;
        Measurement::mean(&joint.less(&two), equal)
    };
    let functions = |n: usize| -> Found {
        evidence.directions(of.of_size(n), Control::None)?;
        let share = 1.0 / (n - 1) as f64;
        let text = format!("{n} functions for {n} networks; fits of two learn {}", n * (n - 1));
        let networks = evidence.units(of.of_size(n)).flat_map(|of| &of.networks).collect::<BTreeSet<_>>().len();
        Ok(Measurement { interval: Interval { value: share, low: share, high: share }, text, networks })
    };
    let both = |n: usize| {
        [
            Part::stated(
                format!("n{n}{which}"),
                format!("{n} networks fitted jointly: IIA across networks equals that of fits of two"),
                equal,
                difference(n),
            )
            .of("of the difference, paired over directions, the mean over pairs of networks, changed pairs"),
            Part::control(
                format!("functions.n{n}{which}"),
                format!("{n} networks fitted jointly take fewer functions than fits of two"),
                Criterion::AtMost(1.0 / (n - 1) as f64),
                functions(n),
                "a joint fit learns as many functions as fits of two",
            )
            .of("of the functions learned, as a share of those of fits of two"),
        ]
    };
    sizes.into_iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    fn study(three: u64, five: u64) -> MadeUp {
        let mut study = MadeUp::default();
        study.ring("mas", 32, |_, _| 99);
        study.joint(&[0, 1, 2], |s, t| if s == t { 10 } else { three });
        study.joint(&[2, 3, 4], |s, t| if s == t { 10 } else { three });
        study.joint(&[0, 1, 2, 3, 4], |_, _| five);
        study
    }

    #[test]
    fn holds_when_nothing_is_lost() {
        let rows = study(99, 98).decide("C4");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 1 + 2 * 2);
        assert_eq!(verdict(&rows, "functions.n5"), Verdict::Holds);
    }

    /// Fits of two with one size of subspace say nothing about joint ones with another.
    #[test]
    fn sizes_of_subspace_are_not_mixed() {
        let mut study = study(99, 98);
        study.ring("mas", 64, |_, _| 10);
        let rows = study.decide("C4");
        assert_eq!(verdict(&rows, "n5.full.k32"), Verdict::Holds);
        assert_eq!(verdict(&rows, "n5.full.k64"), Verdict::NotDecided);
        let missing = rows.iter().find(|row| row.part == "n5.full.k64").unwrap();
        assert!(missing.measured.contains("k = 64, 5 networks together"), "{missing:?}");
    }

    #[test]
    fn a_loss_fails_it() {
        let rows = study(99, 85).decide("C4");
        assert_eq!((verdict(&rows, "n3"), verdict(&rows, "n5")), (Verdict::Holds, Verdict::Fails));
    }
}
