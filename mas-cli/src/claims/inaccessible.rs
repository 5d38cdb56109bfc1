//! C6: a network that can only be recorded.

use super::every::show;
use super::evidence::common;
use super::{Claim, Criterion, EQUAL, Evidence, Measurement, Of, Part};
use crate::results::{Control, UnitOutcomes};
use crate::statistics::{Direction, network_interval, network_names};

/// C6. Of the two networks of each fit by CLMAS one is accessible, the other is not. Its parts, at `hidden` with individual
/// interchanges, of the mean over fits, for each variable and size of CLMAS's subspace:
///
/// - into the network without access CLMAS is above latent stitching, which is trained from the first network of its fits
///   into the last: lower against upper bound;
/// - into the accessible network CLMAS equals MAS, which has access to both.
///
/// Only directions that both methods have are compared.
pub(super) const CLAIM: Claim = Claim {
    id: "C6",
    statement: "With a network that can only be recorded, CLMAS is best into that network and as good as MAS out of it",
    parts,
};

/// The name in a study of MAS with access to both networks.
pub const WITH_ACCESS: &str = "with-access";

/// The name in a study of CLMAS proper: with no weight on the latent loss the method is MAS without access.
pub const CLMAS: &str = "clmas";

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let apart = evidence.apart(Of::hidden("clmas").called(CLMAS));
    apart.into_iter().flat_map(|(which, clmas)| parts_of(evidence, &which, clmas)).collect()
}

/// The parts of one variable and size; `which` is how their ids end.
fn parts_of(evidence: &Evidence<'_>, which: &str, clmas: Of<'_>) -> Vec<Part> {
    // Latent stitching takes everything, whatever the size.
    let latent_stitching = Of { variable: clmas.variable, ..Of::hidden("latent-stitching") };
    let with_access = Of { method: "mas", alignment: Some(WITH_ACCESS), ..clmas };
    let into = evidence.between(clmas, accessible_and_not);
    let out_of = evidence.between(clmas, |of| accessible_and_not(of).map(|(accessible, not)| (not, accessible)));
    let stitched = evidence.between(latent_stitching, |of| Some((of.networks.first()?, of.networks.last()?)));
    let with_access = evidence.directions(with_access, Control::None);
    let (into, stitched) = (common(&into, &stitched), common(&stitched, &into));
    let (out_of, with_access) = (common(&out_of, &with_access), common(&with_access, &out_of));
    let mean = |directions: &[Direction]| {
        network_interval(directions, &evidence.bootstrap).map(|interval| Measurement {
            interval,
            text: format!("mean over {} fits {}", directions.len(), show(interval)),
            networks: network_names(directions).len(),
        })
    };
    let best = mean(&into);
    vec![
        Part {
            id: format!("no-access{which}"),
            statement: "Into the inaccessible network latent stitching is below CLMAS".to_owned(),
            measured: mean(&stitched),
            criterion: best.as_ref().map(|best| Criterion::Below(best.interval)),
            rule: "of latent stitching, against the lower bound of CLMAS, changed pairs".to_owned(),
        }
        .against(best.as_ref()),
        Part::equal(
            format!("accessible{which}"),
            "Out of the inaccessible network, into the accessible one, CLMAS equals MAS".to_owned(),
            [&out_of, &with_access],
            EQUAL,
            &evidence.bootstrap,
        ),
    ]
}

/// The two networks of a fit: the one that it runs, and the one that it only reads.
fn accessible_and_not(of: &UnitOutcomes) -> Option<(&String, &String)> {
    let ([a, b], [inaccessible]) = (&of.networks[..], &of.inaccessible[..]) else { return None };
    if b == inaccessible { Some((a, b)) } else { Some((b, a)) }
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use super::{CLMAS, WITH_ACCESS};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    /// Shares into and out of the last network.
    fn study(clmas: [u64; 2], latent: u64, mas: u64) -> MadeUp {
        let mut study = MadeUp::default();
        let between = |[into, out_of]: [u64; 2]| move |s: usize, t: usize| if (s, t) == (0, 1) { into } else { out_of };
        study.named(CLMAS).ring("clmas", 32, between(clmas));
        // Without a weight on the latent loss it is another thing.
        study.named("without-access").ring("clmas", 32, between([1, 1]));
        study.named("latent-stitching").ring("latent-stitching", 128, between([latent, 0]));
        study.named(WITH_ACCESS).ring("mas", 32, between([5, mas]));
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study([90, 99], 70, 99).decide("C6");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 3);
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
        assert!(MadeUp::default().decide("C6").iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
