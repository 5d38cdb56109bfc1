use serde::{Deserialize, Serialize};

use super::{Settings, interchanges::AtSite};
use crate::{
    claims::{ENOUGH_NETWORKS, EQUAL, Verdict},
    results::{Control, OutcomeRow, Population},
    statistics::{
        Bootstrap, Direction, Equivalence, Interval, directions, equivalence, network_difference, network_interval,
    },
};

/// Which models a direction is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// One model, into itself.
    Within,
    /// Two models of toxic text.
    ToxicToxic,
    /// One of either, in both directions.
    ToxicNontoxic,
    /// Two models of other text.
    NontoxicNontoxic,
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Within, Self::ToxicToxic, Self::ToxicNontoxic, Self::NontoxicNontoxic];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::ToxicToxic => "toxic–toxic",
            Self::ToxicNontoxic => "toxic–non-toxic",
            Self::NontoxicNontoxic => "non-toxic–non-toxic",
        }
    }

    /// The group of a direction between two models.
    pub fn of(source: &str, target: &str) -> Self {
        let toxic = |name: &str| name.starts_with("toxic");
        match (toxic(source), toxic(target)) {
            _ if source == target => Self::Within,
            (true, true) => Self::ToxicToxic,
            (false, false) => Self::NontoxicNontoxic,
            _ => Self::ToxicNontoxic,
        }
    }

    /// What it is judged on: a model's answer is never another than its own, so that within it no pair is changed.
    fn population(self) -> Population {
        if self == Self::Within { Population::All } else { Population::Changed }
    }
}

/// IIA over the directions of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRow {
    /// The site.
    pub site: String,
    /// The group.
    pub group: Group,
    /// What was swapped.
    pub control: Control,
    /// Directions with pairs.
    pub directions: usize,
    /// Pairs, changed ones but within models.
    pub pairs: u64,
    /// Share of pairs after which the target says all of the source's answer; the mean over directions.
    pub iia: f64,
    /// Lower end of its interval, over models and prompts.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the answers' tokens that are right.
    pub token_accuracy: f64,
}

/// What becomes of the claim at a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// The site.
    pub site: String,
    /// Toxic–toxic less toxic–non-toxic IIA, with the ends of its interval.
    pub toxic_difference: Option<[f64; 3]>,
    /// Whether the one is above the other.
    pub toxic_above: Verdict,
    /// Non-toxic–non-toxic less within-model IIA, with the ends of its interval at 90 %.
    pub nontoxic_difference: Option<[f64; 3]>,
    /// Whether they are the same, to 0.03.
    pub nontoxic_equal: Verdict,
}

pub fn judge(settings: &Settings, found: &[AtSite]) -> (Vec<GroupRow>, Vec<Verdicts>) {
    let bootstrap = Bootstrap { seed: settings.seed, ..Bootstrap::default() };
    // Models are the sample: a few of them decide nothing about fine-tunes in general.
    let enough = 2 * settings.splits >= ENOUGH_NETWORKS;
    let (mut rows, mut verdicts) = (Vec::new(), Vec::new());
    for AtSite { site, rows: outcomes, .. } in found {
        for control in [Control::None, Control::NoSwap, Control::Shuffled, Control::RandomNetwork] {
            rows.extend(Group::ALL.into_iter().filter_map(|group| row(site, group, control, outcomes, &bootstrap)));
        }
        let of = |group| in_group(outcomes, group, Control::None);
        let ends = |interval: Interval| [interval.value, interval.low, interval.high];
        let toxic = network_difference(&of(Group::ToxicToxic), &of(Group::ToxicNontoxic), &bootstrap);
        let nontoxic = network_difference(&of(Group::NontoxicNontoxic), &of(Group::Within), &bootstrap.at_level(0.9));
        verdicts.push(Verdicts {
            site: site.clone(),
            toxic_difference: toxic.map(ends),
            toxic_above: match toxic {
                Some(difference) if enough && difference.low > 0.0 => Verdict::Holds,
                Some(difference) if enough && difference.high < 0.0 => Verdict::Fails,
                _ => Verdict::NotDecided,
            },
            nontoxic_difference: nontoxic.map(ends),
            nontoxic_equal: match nontoxic.map(|difference| equivalence(difference, EQUAL)) {
                Some(Equivalence::Equal) if enough => Verdict::Holds,
                Some(Equivalence::Different) if enough => Verdict::Fails,
                _ => Verdict::NotDecided,
            },
        });
    }
    (rows, verdicts)
}

fn in_group(outcomes: &[OutcomeRow], group: Group, control: Control) -> Vec<Direction> {
    let found = directions(outcomes, control, group.population());
    found.into_iter().filter(|direction| Group::of(&direction.source, &direction.target) == group).collect()
}

fn row(site: &str, group: Group, control: Control, outcomes: &[OutcomeRow], bootstrap: &Bootstrap) -> Option<GroupRow> {
    let directions = in_group(outcomes, group, control);
    let interval = network_interval(&directions, bootstrap)?;
    let of_group = outcomes.iter().filter(|row| {
        row.control == control && Group::of(&row.source, &row.target) == group && group.population().contains(row)
    });
    let (mut pairs, mut right, mut tokens) = (0, 0, 0);
    for row in of_group {
        pairs += 1;
        right += row.tokens_correct;
        tokens += row.tokens;
    }
    Some(GroupRow {
        site: site.to_owned(),
        group,
        control,
        directions: directions.len(),
        pairs,
        iia: interval.value,
        low: interval.low,
        high: interval.high,
        token_accuracy: right as f64 / tokens as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directions among two toxic and two other models, in each group with its own share of right pairs in a hundred.
    fn found(within: u64, toxic: u64, mixed: u64, nontoxic: u64) -> Vec<AtSite> {
        let names: Vec<String> = (0..5).flat_map(|n| [format!("toxic-{n}"), format!("nontoxic-{n}")]).collect();
        let mut rows = Vec::new();
        for source in &names {
            for target in &names {
                let right = match Group::of(source, target) {
                    Group::Within => within,
                    Group::ToxicToxic => toxic,
                    Group::ToxicNontoxic => mixed,
                    Group::NontoxicNontoxic => nontoxic,
                };
                rows.extend((0..100).map(|pair| OutcomeRow {
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
                    tokens_correct: if (pair * 37) % 100 < right { 4 } else { 1 },
                    tokens: 4,
                }));
            }
        }
        vec![AtSite { site: "embedding".into(), rows, shown: Vec::new() }]
    }

    #[test]
    fn verdicts_are_those_of_the_differences() {
        let settings = Settings { splits: 5, ..Settings::quick(1) };
        let judged = |settings: &Settings, found: &[AtSite]| {
            let (rows, verdicts) = judge(settings, found);
            assert_eq!(rows.len(), 4);
            (verdicts[0].toxic_above, verdicts[0].nontoxic_equal)
        };
        use Verdict::{Fails, Holds, NotDecided};
        assert_eq!(judged(&settings, &found(100, 80, 40, 100)), (Holds, Holds));
        assert_eq!(judged(&settings, &found(100, 40, 80, 50)), (Fails, Fails));
        let few = Settings { splits: 2, ..settings.clone() };
        assert_eq!(judged(&few, &found(100, 80, 40, 50)), (NotDecided, NotDecided), "of four models");
        let (rows, _) = judge(&settings, &found(100, 80, 40, 99));
        assert!((rows[1].iia - 0.8).abs() < 1e-9 && rows[1].low < 0.8 && rows[1].high > 0.8);
        assert!((rows[1].token_accuracy - 0.85).abs() < 1e-9);
        assert_eq!((rows[0].directions, rows[2].directions), (10, 50));
    }
}
