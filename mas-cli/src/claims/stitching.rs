//! C8: stitching as a special case.

use super::{Claim, Criterion, Evidence, Found, Measurement, Of, Part};
use crate::results::{Control, UnitOutcomes};

/// C8. Its one part, at `hidden` with individual interchanges of everything: from the first network of each fit into the
/// last, stitching as a setting of MAS (two orthogonal maps, one of them inverted) equals a stitcher with one orthogonal
/// map of its own on the same data, within ± 0.02, paired over pairs of networks.
///
/// No study fits the second: it is written apart, so that it shares nothing with what it is compared with, and brings its
/// outcomes to this claim under the method [`SEPARATE`].
pub(super) const CLAIM: Claim =
    Claim { id: "C8", statement: "Model stitching is a special case of Model Alignment Search", parts };

/// The method's id in the outcomes of a stitcher that was written apart.
pub const SEPARATE: &str = "separate-stitcher";

/// The margin of equality.
const MARGIN: f64 = 0.02;

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let equal = Criterion::Equal(MARGIN);
    let of = |method| evidence.between(Of::hidden(method).full(), Control::None, first_and_last);
    let difference = || -> Found { Measurement::mean(&of("stitching")?.less(&of(SEPARATE)?), equal) };
    let statement = "MAS with stitching's settings equals a stitcher that was written apart";
    vec![Part::stated("equal", statement, equal, difference()).of("of the difference, paired over pairs of networks")]
}

/// The networks of a fit in the direction that stitching is trained in.
pub(super) fn first_and_last(of: &UnitOutcomes) -> Option<(&String, &String)> {
    Some((of.networks.first()?, of.networks.last()?))
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use super::SEPARATE;
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    #[test]
    fn equal_within_the_margin_and_not_beyond() {
        let study = |apart: u64| {
            let mut study = MadeUp::default();
            // Only the direction that stitching is trained in counts.
            study.ring("stitching", 128, |s, t| if (s, t) == (0, 1) { 99 } else { 10 });
            study.ring(SEPARATE, 128, |s, t| if (s, t) == (0, 1) { apart } else { 90 });
            study.decide("C8")
        };
        assert_eq!(verdict(&study(99), OVERALL), Verdict::Holds);
        assert_eq!(verdict(&study(90), OVERALL), Verdict::Fails);
    }
}
