//! C7: fine-tunes of a language model on toxic and on other text.

use std::collections::BTreeMap;

use super::every::show;
use super::{Claim, Criterion, EQUAL, Evidence, Found, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{
    Direction, Interval, MOST_PERMUTED, Score, Unit, mean_interval, network_names, networks_of, permutation_p,
};
use crate::toxicity::Group;

/// C7. Stated, at every site at which fine-tunes were aligned by stepwise MAS:
///
/// - IIA between two toxic fine-tunes is above that between a toxic one and one that is not: the difference of the means
///   over directions, against what it is with the models' labels exchanged in every possible way;
/// - IIA between two that are not toxic equals that within them, paired: the mean of a pair's two directions less the mean
///   of the two models' own.
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
    let of = |group: Group| -> Result<Vec<Direction>, String> {
        let units = evidence.units(Of::at(site, "stepwise", "mas"));
        let found: Vec<Direction> = units.flat_map(|unit| group.directions(unit, Control::None)).collect();
        if found.is_empty() {
            return Err(format!("the study has no {} directions at {site}", group.name()));
        }
        Ok(found)
    };
    let permuted = || -> Result<(Measurement, [f64; 2]), String> {
        above(&of(Group::ToxicToxic)?, &of(Group::ToxicNontoxic)?, &of(Group::NontoxicNontoxic).unwrap_or_default())
    };
    let (measured, p) = permuted().map_or_else(|none| (Err(none), [1.0; 2]), |(measured, p)| (Ok(measured), p));
    let equal = Criterion::Equal(EQUAL);
    let as_within = || -> Found {
        let own = of(Group::Within)?;
        let within = |name: &str| own.iter().find(|direction| direction.source == name).cloned().map(Score::Share);
        let less = |unit: Unit| {
            let [a, b] = &unit.networks;
            let other = Score::Mean(vec![within(a)?, within(b)?]);
            Some(unit.against(other))
        };
        let units: Vec<Unit> = Unit::means(of(Group::NontoxicNontoxic)?).into_iter().filter_map(less).collect();
        Measurement::mean(&units, equal)
    };
    [
        Part::stated(
            format!("{site}.toxic"),
            format!("Toxic–toxic IIA is above toxic–non-toxic at {site}"),
            Criterion::Permuted(p),
            measured,
        )
        .of("exact permutation of the models' labels, changed pairs"),
        Part::stated(
            format!("{site}.nontoxic"),
            format!("Non-toxic–non-toxic IIA equals that within a model at {site}"),
            equal,
            as_within(),
        )
        .of("of the difference, paired over pairs of models, changed pairs and within a model all"),
    ]
}

/// How far toxic–toxic lies above toxic–non-toxic, and how often exchanged labels give as much, or as little.
fn above(toxic: &[Direction], mixed: &[Direction], others: &[Direction]) -> Result<(Measurement, [f64; 2]), String> {
    let all: Vec<Direction> = [toxic, mixed, others].concat();
    let names = network_names(&all);
    let labels: Vec<bool> = names.iter().map(|name| Group::is_toxic(name)).collect();
    let place: BTreeMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let shares: Vec<(usize, usize, f64)> = all
        .iter()
        .filter_map(|direction| {
            let value = Score::Share(direction.clone()).value()?;
            Some((place[&*direction.source], place[&*direction.target], value))
        })
        .collect();
    let difference = |labels: &[bool]| {
        let mean = |both: bool| {
            let of = |(s, t)| if both { labels[s] && labels[t] } else { labels[s] != labels[t] };
            let (sum, count) = shares
                .iter()
                .filter(|(s, t, _)| of((*s, *t)))
                .fold((0.0, 0.0), |(sum, count), (.., value)| (sum + value, count + 1.0));
            (count > 0.0).then(|| sum / count)
        };
        Some(mean(true)? - mean(false)?)
    };
    let p = permutation_p(&labels, difference).ok_or_else(|| {
        format!("labels can be exchanged among 2 to {MOST_PERMUTED} models of both kinds, all aligned with each other")
    })?;
    let [one, other] = [toxic, mixed].map(|directions| Unit::means(directions.iter().cloned()));
    let means = mean_interval(&one, 0.95).zip(mean_interval(&other, 0.95));
    let (a, b) = means.ok_or("no direction between models has changed pairs")?;
    let interval = Interval::difference(a, b);
    let text = format!(
        "{} between {} pairs of toxic models, {} between {} of a toxic one and another: difference {}, p = {:.3} (as low: \
         {:.3})",
        show(a),
        one.len(),
        show(b),
        other.len(),
        show(interval),
        p[0],
        p[1]
    );
    Ok((Measurement { interval, text, networks: networks_of(&other).len() }, p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{Verdict, claim};
    use crate::results::{AlignmentUnit, ClaimRow, OVERALL, OutcomeRow, UnitOutcomes};

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
        claim("C7").unwrap().decide(&Evidence { outcomes: &outcomes, ..Evidence::default() })
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

    /// Three and three: the labels as they are and one more are the extreme ones among 20, since exchanged labels differ.
    #[test]
    fn three_models_of_a_kind_are_enough_for_labels_and_not_for_equality() {
        let rows = decided(3, [100, 80, 40, 50]);
        assert_eq!(verdicts(&rows), [Verdict::NotDecided, Verdict::Holds, Verdict::NotDecided]);
        assert!(rows[1].measured.contains("p = 0.050"), "{rows:?}");
        assert!(rows[2].measured.contains("3 networks"), "{rows:?}");
    }
}
