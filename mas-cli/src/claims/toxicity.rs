//! C7: fine-tunes of a language model on toxic and on other text.

use super::every::show;
use super::{Claim, Criterion, EQUAL, Evidence, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{Direction, network_difference, network_names};
use crate::toxicity::Group;

/// C7. Its parts, at every site at which fine-tunes were aligned by stepwise MAS:
///
/// - IIA between two toxic fine-tunes is above that between a toxic one and one that is not: their difference is above 0;
/// - IIA between two that are not toxic equals that within a model, where every answer is right.
pub(super) const CLAIM: Claim = Claim {
    id: "C7",
    statement: "Fine-tunes on toxic text align with each other more than with others, and others align with each other \
                as with themselves",
    parts,
};

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    // In the order in which the study has them.
    let mut sites: Vec<&str> = Vec::new();
    for unit in evidence.outcomes.iter().map(|of| &of.unit).filter(|unit| unit.positions == "stepwise") {
        if !sites.contains(&unit.site.as_str()) {
            sites.push(&unit.site);
        }
    }
    if sites.is_empty() {
        sites.push("embedding");
    }
    sites.into_iter().flat_map(|site| at(evidence, site)).collect()
}

fn at(evidence: &Evidence<'_>, site: &str) -> [Part; 2] {
    let of = |group: Group| -> Vec<Direction> {
        let units = evidence.units(Of::at(site, "stepwise", "mas"));
        units.flat_map(|unit| group.directions(unit, Control::None)).collect()
    };
    let (toxic, mixed) = (of(Group::ToxicToxic), of(Group::ToxicNontoxic));
    let measured = network_difference(&toxic, &mixed, &evidence.bootstrap).map(|interval| Measurement {
        interval,
        text: format!("difference of the means over {} and {} directions {}", toxic.len(), mixed.len(), show(interval)),
        networks: kinds(&toxic).min(kinds(&mixed)),
    });
    let above = Part {
        id: format!("{site}.toxic"),
        statement: format!("Toxic–toxic IIA is above toxic–non-toxic at {site}"),
        measured,
        criterion: Some(Criterion::AtLeast(0.0)),
        rule: "of the difference, changed pairs".to_owned(),
    };
    let sides = [&*of(Group::NontoxicNontoxic), &*of(Group::Within)];
    let mut equal = Part::equal(
        format!("{site}.nontoxic"),
        format!("Non-toxic–non-toxic IIA equals that within a model at {site}"),
        sides,
        EQUAL,
        &evidence.bootstrap,
    );
    "of the difference, changed pairs and within a model all".clone_into(&mut equal.rule);
    [above, equal]
}

/// How many models directions are between, of the kind that they have fewer of.
fn kinds(directions: &[Direction]) -> usize {
    let names = network_names(directions);
    let toxic = names.iter().filter(|name| Group::is_toxic(name)).count();
    match names.len() - toxic {
        0 => toxic,
        others => toxic.min(others),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{Verdict, claim};
    use crate::results::{AlignmentUnit, ClaimRow, OVERALL, OutcomeRow, UnitOutcomes};
    use crate::statistics::Bootstrap;

    /// What becomes of the claim among so many toxic and as many other models, in each group with its own share of right
    /// pairs in a hundred: within, toxic–toxic, toxic–non-toxic, non-toxic–non-toxic.
    fn decided(models: usize, right: [u64; 4]) -> Vec<ClaimRow> {
        let names: Vec<String> = (0..models).flat_map(|n| [format!("toxic-{n}"), format!("nontoxic-{n}")]).collect();
        let mut rows = Vec::new();
        for (source, target) in names.iter().flat_map(|source| names.iter().map(move |target| (source, target))) {
            let group = Group::of(source, target);
            let right = right[Group::ALL.iter().position(|one| *one == group).unwrap()];
            rows.extend((0..200).map(|pair| OutcomeRow {
                source: source.clone(),
                target: target.clone(),
                variable: "full".into(),
                control: Control::None,
                pair,
                source_sequence: pair,
                target_sequence: pair,
                changed: source != target,
                held_out_count: false,
                correct: (pair * 37) % 100 < right,
                tokens_correct: u64::from((pair * 37) % 100 < right),
                tokens: 1,
            }));
        }
        let unit = AlignmentUnit {
            study: "toxicity".into(),
            alignment: "layer.3".into(),
            method: "mas".into(),
            function: "orthogonal".into(),
            positions: "stepwise".into(),
            site: "layer.3".into(),
            variable: "full".into(),
            k: 4,
            seed: 0,
        };
        let outcomes = [UnitOutcomes { unit, networks: names, inaccessible: Vec::new(), rows }];
        let bootstrap = Bootstrap { draws: 300, ..Bootstrap::default() };
        claim("C7").unwrap().decide(&Evidence { outcomes: &outcomes, fits: &[], similarity: &[], bootstrap })
    }

    fn verdicts(rows: &[ClaimRow]) -> [Verdict; 3] {
        [OVERALL, "layer.3.toxic", "layer.3.nontoxic"]
            .map(|part| rows.iter().find(|row| row.part == part).unwrap().verdict)
    }

    #[test]
    fn differences_between_groups_decide() {
        use Verdict::{Fails, Holds, NotDecided};
        assert_eq!(verdicts(&decided(5, [100, 80, 40, 100])), [Holds, Holds, Holds]);
        assert_eq!(verdicts(&decided(5, [100, 40, 80, 50])), [Fails, Fails, Fails]);
        assert_eq!(verdicts(&decided(5, [100, 80, 80, 100])), [NotDecided, NotDecided, Holds]);
    }

    #[test]
    fn three_models_of_a_kind_decide_nothing() {
        let rows = decided(3, [100, 80, 40, 50]);
        assert_eq!(verdicts(&rows), [Verdict::NotDecided; 3]);
        assert!(rows[1].measured.contains("3 networks") && rows[2].measured.contains("3 networks"), "{rows:?}");
    }
}
