//! C6: a network that can only be recorded.

use super::every::show;
use super::{Claim, Criterion, EQUAL, Evidence, Measurement, Of, Part};
use crate::statistics::{Direction, network_interval, network_names};

/// C6. The first network of each fit is accessible, the last is not. Its parts, at `hidden` with individual interchanges,
/// of the mean over fits, for each variable and size of CLMAS's subspace:
///
/// - into the network without access CLMAS is above latent stitching: lower against upper bound;
/// - into the accessible network CLMAS equals MAS, which has access to both.
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
    let into = |of| evidence.between(of, |networks| Some((networks.first()?, networks.last()?)));
    let out_of = |of| evidence.between(of, |networks| Some((networks.last()?, networks.first()?)));
    // Latent stitching takes everything, whatever the size.
    let latent_stitching = Of { variable: clmas.variable, ..Of::hidden("latent-stitching") };
    let with_access = Of { method: "mas", alignment: Some(WITH_ACCESS), ..clmas };
    let mean = |directions: &[Direction]| {
        network_interval(directions, &evidence.bootstrap).map(|interval| Measurement {
            interval,
            text: format!("mean over {} fits {}", directions.len(), show(interval)),
            networks: network_names(directions).len(),
        })
    };
    let best = mean(&into(clmas));
    vec![
        Part {
            id: format!("no-access{which}"),
            statement: "Into the inaccessible network latent stitching is below CLMAS".to_owned(),
            measured: mean(&into(latent_stitching)),
            criterion: best.as_ref().map(|best| Criterion::Below(best.interval)),
            rule: "of latent stitching, against the lower bound of CLMAS, changed pairs".to_owned(),
        }
        .against(best.as_ref()),
        Part::equal(
            format!("accessible{which}"),
            "Out of the inaccessible network, into the accessible one, CLMAS equals MAS".to_owned(),
            [&out_of(clmas), &out_of(with_access)],
            EQUAL,
            &evidence.bootstrap,
        ),
    ]
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

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study([60, 99], 90, 99).decide("C6"), "no-access"), Verdict::Fails);
        assert_eq!(verdict(&study([80, 99], 80, 99).decide("C6"), "no-access"), Verdict::NotDecided);
        assert_eq!(verdict(&study([90, 80], 70, 99).decide("C6"), "accessible"), Verdict::Fails);
        assert!(MadeUp::default().decide("C6").iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
