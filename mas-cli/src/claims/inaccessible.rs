//! C6: a network that can only be recorded.

use std::collections::BTreeSet;

use super::stitching::first_and_last;
use super::{Claim, Criterion, Directions, EQUAL, Evidence, Found, Measurement, Of, Part};
use crate::results::{Control, UnitOutcomes};

/// C6. Of the two networks of each fit by CLMAS one is accessible, the other is not. At `hidden` with individual
/// interchanges, each variable and size of subspace apart, and only directions that both methods have.
///
/// Stated: into the network without access CLMAS (the alignment that a study calls `clmas`) is above latent stitching,
/// which is trained from the first network of its fits into the last, paired over pairs of networks; into the accessible
/// network CLMAS equals MAS that has access to both (`with-access`), paired.
///
/// Controls: the first with other weights of the latent loss (`clmas-…`); into the network without access CLMAS is above
/// its matched start, and above the same method without the latent loss (`without-access`).
pub(super) const CLAIM: Claim = Claim {
    id: "C6",
    statement: "With a network that can only be recorded, CLMAS is best into that network and as good as MAS out of it",
    parts,
};

/// The name in a study of MAS with access to both networks.
pub const WITH_ACCESS: &str = "with-access";

/// The name in a study of CLMAS proper: with no weight on the latent loss the method is MAS without access.
pub const CLMAS: &str = "clmas";

/// The name in a study of CLMAS without a weight on the latent loss.
const WITHOUT_ACCESS: &str = "without-access";

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let apart = evidence.apart(Of::hidden("clmas").called(CLMAS));
    apart.into_iter().flat_map(|(which, clmas)| parts_of(evidence, &which, clmas)).collect()
}

/// The parts of one variable and size; `which` is how their ids end.
fn parts_of(evidence: &Evidence<'_>, which: &str, clmas: Of<'_>) -> Vec<Part> {
    // Latent stitching takes everything, whatever the size.
    let latent_stitching = Of { variable: clmas.variable, ..Of::hidden("latent-stitching") };
    let with_access = Of { method: "mas", alignment: Some(WITH_ACCESS), ..clmas };
    let (above, equal) = (Criterion::Above(0.0), Criterion::Equal(EQUAL));
    let into = |of: Of<'_>, control| evidence.between(of, control, accessible_and_not);
    let beats = |of: Of<'_>, other: Result<Directions, String>| -> Found {
        Measurement::mean(&into(of, Control::None)?.less(&other?), above)
    };
    let stitched = || evidence.between(latent_stitching, Control::None, first_and_last);
    let as_good = || -> Found {
        let out_of = evidence.between(clmas, Control::None, |of| accessible_and_not(of).map(|(a, b)| (b, a)))?;
        Measurement::mean(&out_of.less(&evidence.directions(with_access, Control::None)?), equal)
    };
    let rule = "of the difference, paired over pairs of networks, changed pairs";
    let mut parts = vec![
        Part::stated(
            format!("no-access{which}"),
            "Into the inaccessible network CLMAS is above latent stitching",
            above,
            beats(clmas, stitched()),
        ),
        Part::stated(
            format!("accessible{which}"),
            "Out of the inaccessible network, into the accessible one, CLMAS equals MAS",
            equal,
            as_good(),
        ),
        Part::control(
            format!("matched{which}"),
            "Into the inaccessible network CLMAS is above its matched start, before any step",
            above,
            beats(clmas, into(clmas, Control::Matched)),
            "the matched start does as well into the inaccessible network without a step",
        ),
        Part::control(
            format!("{WITHOUT_ACCESS}{which}"),
            "Into the inaccessible network CLMAS is above the same without the latent loss",
            above,
            beats(clmas, into(clmas.called(WITHOUT_ACCESS), Control::None)),
            "the same without the latent loss does as well into the inaccessible network",
        ),
    ];
    let named = |of: &'_ UnitOutcomes| of.unit.method == "clmas" && of.unit.alignment.starts_with("clmas-");
    let others: BTreeSet<&str> =
        evidence.outcomes.iter().filter(|of| named(of)).map(|of| of.unit.alignment.as_str()).collect();
    parts.extend(others.into_iter().map(|name| {
        Part::control(
            format!("{name}{which}"),
            format!("With another weight of the latent loss (`{name}`) CLMAS is above latent stitching too"),
            above,
            beats(clmas.called(name), stitched()),
            format!("with another weight of the latent loss (`{name}`) it is not"),
        )
    }));
    parts.into_iter().map(|part| part.of(rule)).collect()
}

/// The two networks of a fit: the one that it runs, and the one that it only reads.
fn accessible_and_not(of: &UnitOutcomes) -> Option<(&String, &String)> {
    let ([a, b], [inaccessible]) = (&of.networks[..], &of.inaccessible[..]) else { return None };
    if b == inaccessible { Some((a, b)) } else { Some((b, a)) }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use super::{CLMAS, WITH_ACCESS, WITHOUT_ACCESS};
    use crate::claims::Verdict;
    use crate::results::{Control, OVERALL};

    /// Shares into and out of the last network.
    fn study(clmas: [u64; 2], latent: u64, mas: u64) -> MadeUp {
        let mut study = MadeUp::default();
        let between = |[into, out_of]: [u64; 2]| move |s: usize, t: usize| if (s, t) == (0, 1) { into } else { out_of };
        study.controlled(Control::Matched, 50).named(CLMAS).ring("clmas", 32, between(clmas));
        study.uncontrolled();
        study.named("clmas-13").ring("clmas", 32, between([30, 99]));
        study.named(WITHOUT_ACCESS).ring("clmas", 32, between([1, 1]));
        study.named("latent-stitching").ring("latent-stitching", 128, between([latent, 0]));
        study.named(WITH_ACCESS).ring("mas", 32, between([5, mas]));
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study([90, 99], 70, 99).decide("C6");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 6);
        assert_eq!(verdict(&rows, "clmas-13"), Verdict::Fails);
        assert_eq!(verdict(&rows, "matched"), Verdict::Holds);
        assert_eq!(verdict(&rows, "without-access"), Verdict::Holds);
    }

    /// Each size is compared with MAS of its own size.
    #[test]
    fn sizes_of_subspace_are_not_mixed() {
        let mut study = study([90, 99], 70, 99);
        study.named(CLMAS).ring("clmas", 4, |_, _| 10);
        let rows = study.decide("C6");
        assert_eq!(verdict(&rows, "no-access.full.k32"), Verdict::Holds);
        assert_eq!(verdict(&rows, "accessible.full.k32"), Verdict::Holds);
        assert_eq!(verdict(&rows, "no-access.full.k4"), Verdict::Fails);
        assert_eq!(verdict(&rows, "accessible.full.k4"), Verdict::NotDecided);
    }

    #[test]
    fn what_is_compared_rests_on_enough_networks_on_both_sides() {
        let mut study = MadeUp::default();
        study.named(CLMAS).joint_by("clmas", &[0, 1], |_, _| 99);
        study.named("latent-stitching").ring("latent-stitching", 128, |_, _| 50);
        assert_eq!(verdict(&study.decide("C6"), "no-access"), Verdict::NotDecided);
    }

    /// Which network cannot be run is for the fit to say, not for its place.
    #[test]
    fn the_inaccessible_network_may_come_first() {
        let mut study = MadeUp::default();
        let between = |into: u64, out_of: u64| move |s: usize, t: usize| if (s, t) == (1, 0) { into } else { out_of };
        study.inaccessible(0).named(CLMAS).ring("clmas", 32, between(70, 99));
        // Stitched from the accessible network, which is the first here, into the other.
        study.named("latent-stitching").backward_ring("latent-stitching", 128, |_, _| 80);
        study.named(WITH_ACCESS).ring("mas", 32, between(5, 99));
        let rows = study.decide("C6");
        assert_eq!(verdict(&rows, "no-access"), Verdict::Fails, "{rows:#?}");
        assert_eq!(verdict(&rows, "accessible"), Verdict::Holds);
    }

    #[test]
    fn directions_of_other_networks_are_not_compared() {
        let mut study = MadeUp::default();
        study.named(CLMAS).ring("clmas", 32, |_, _| 99);
        study.named("latent-stitching").backward_ring("latent-stitching", 128, |_, _| 50);
        assert_eq!(verdict(&study.decide("C6"), "no-access"), Verdict::NotDecided);
    }

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study([60, 99], 90, 99).decide("C6"), "no-access"), Verdict::Fails);
        assert_eq!(verdict(&study([80, 99], 80, 99).decide("C6"), "no-access"), Verdict::NotDecided);
        assert_eq!(verdict(&study([90, 80], 70, 99).decide("C6"), "accessible"), Verdict::Fails);
    }
}
