//! C5: one number in several tasks.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{number_of, paired};
use super::{Claim, Criterion, Evidence, Found, HIGH, Measurement, Of, Part};
use crate::results::{Control, EncodingRow};
use crate::statistics::{Score, Tie, Unit};

/// C5, of MAS IIA at `hidden` with individual interchanges. A study calls its alignments by the two tasks,
/// `multi-object-modulo`, those over the restricted range the same with `-restricted` behind it, and those with `linear`
/// functions with `-linear`.
///
/// Stated:
///
/// - the count of Multi-Object aligns less with the cumulative value of Arithmetic than with the count of Rounding, over all
///   values and over the same restricted range: the smaller direction, paired over the networks of Multi-Object;
/// - among Multi-Object, Modulo and Rounding the count goes into each of the others as well as within the target itself: the
///   direction's IIA less the target's own in the same fit, paired over pairs of networks, not below by more than 0.05. Each
///   of the six directions is decided by name.
///
/// Controls: the same with `linear` functions; what is within each network at all, the ceiling; and whether count mod 4 can
/// be read linearly from each task's states, with the share of the variance between counts that repeats with periods of 4
/// and 2.
pub(super) const CLAIM: Claim = Claim {
    id: "C5",
    statement: "Networks that count share the count, whatever they count for; the running result of arithmetic aligns less \
                with it, also over the same range of values",
    parts,
};

/// The tasks that count, in the order in which a study names two of them.
const COUNTING: [&str; 3] = ["multi-object", "modulo", "rounding"];

/// How much lower than within the target a direction may be.
const MARGIN: f64 = 0.05;

/// The period of the remainder that Modulo answers.
const PERIOD: u64 = 4;

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for range in ["", "-restricted"] {
        parts.push(less(evidence, range));
    }
    for (source, target) in directions() {
        parts.push(into(evidence, source, target, "orthogonal", ""));
    }
    let linear = directions().map(|(source, target)| into(evidence, source, target, "linear", "-linear"));
    parts.extend(linear);
    for (function, ending) in [("orthogonal", ""), ("linear", "-linear")] {
        parts.extend(COUNTING.map(|task| ceiling(evidence, task, function, ending)));
    }
    parts.extend(COUNTING.map(|task| decodable(evidence, task)));
    parts
}

/// Every task into every other.
fn directions() -> impl Iterator<Item = (&'static str, &'static str)> {
    COUNTING
        .into_iter()
        .flat_map(|source| COUNTING.into_iter().map(move |target| (source, target)))
        .filter(|(s, t)| s != t)
}

/// What a study calls its alignment of two counting tasks.
fn named(a: &str, b: &str, ending: &str) -> String {
    let place = |task| COUNTING.iter().position(|one| *one == task);
    if place(a) < place(b) { format!("{a}-{b}{ending}") } else { format!("{b}-{a}{ending}") }
}

fn mas<'a>(name: &'a str, variable: &'a str, function: &'a str) -> Of<'a> {
    Of { variable: Some(variable), function, ..Of::hidden("mas").called(name) }
}

/// That Arithmetic's cumulative value aligns less with the count of Multi-Object than Rounding's count does.
fn less(evidence: &Evidence<'_>, range: &str) -> Part {
    let above = Criterion::Above(0.0);
    let over = if range.is_empty() { "" } else { ", over a restricted range" };
    let measured = || -> Found {
        let (rounding, arithmetic) =
            (format!("multi-object-rounding{range}"), format!("multi-object-arithmetic{range}"));
        let (rounding, arithmetic) =
            (mas(&rounding, "count", "orthogonal"), mas(&arithmetic, "count:cumulative-value", "orthogonal"));
        let [counts, values] = [rounding, arithmetic].map(|of| by_first(evidence, of));
        let measured = Measurement::mean(&paired(counts?, number_of(&values?)), above)?;
        let others = [rounding, arithmetic].map(|of| evidence.groups(of)[1].len());
        Ok(Measurement { networks: measured.networks.min(others[0]).min(others[1]), ..measured })
    };
    Part::stated(
        format!("multi-object-arithmetic{range}"),
        format!(
            "The count of multi-object aligns less with arithmetic's cumulative value than with rounding's count{over}"
        ),
        above,
        measured(),
    )
    .of("of the count less the cumulative value, paired over the networks of multi-object, the smaller direction")
}

/// One number for each network that comes first in its fits: the mean over those of the smaller cross direction.
fn by_first(evidence: &Evidence<'_>, of: Of<'_>) -> Result<Vec<Unit>, String> {
    let firsts = evidence.groups(of)[0].clone();
    let mut found: BTreeMap<String, Vec<Score>> = BTreeMap::new();
    for unit in evidence.directions(of, Control::None)?.smaller() {
        if let Some(first) = unit.networks.iter().find(|name| firsts.contains(name.as_str())) {
            found.entry(first.clone()).or_default().push(unit.score);
        }
    }
    Ok(found.into_iter().map(|(name, scores)| Unit::new([name.clone(), name], Score::Mean(scores))).collect())
}

/// That the count goes from one task into another as well as within the other.
fn into(evidence: &Evidence<'_>, source: &str, target: &str, function: &str, ending: &str) -> Part {
    let criterion = Criterion::NotBelow(MARGIN);
    let measured = || -> Found {
        let name = named(source, target, ending);
        let of = mas(&name, "count", function);
        let groups = evidence.groups(of);
        // Fits name the tasks in a fixed order.
        let [sources, targets] =
            if name.starts_with(source) { &groups } else { &[groups[1].clone(), groups[0].clone()] };
        let mut units = Vec::new();
        for fit in evidence.by_fit(of, Control::None)? {
            let crossing = fit.across().filter(|d| sources.contains(&*d.source) && targets.contains(&*d.target));
            units.extend(crossing.filter_map(|direction| {
                let own = fit.get(&direction.target, &direction.target)?.clone();
                Some(Unit::new(direction.networks(), Score::Share(direction.clone())).against(Score::Share(own)))
            }));
        }
        Ok(Measurement::mean(&units, criterion)?.between(&groups))
    };
    let rule = "of the direction less the target's own in the same fit, paired over pairs of networks, changed pairs";
    let id = format!("{source}.to.{target}{ending}");
    let functions = if ending.is_empty() { "" } else { ", with linear functions" };
    let statement = format!("The count goes from {source} into {target} as well as within {target}{functions}");
    if ending.is_empty() {
        Part::stated(id, statement, criterion, measured()).of(rule)
    } else {
        let but = format!("with linear functions the count does not go from {source} into {target} either");
        Part::control(id, statement, criterion, measured(), but).of(rule)
    }
}

/// What is within the networks of a task at all, in the fits with the other counting tasks.
fn ceiling(evidence: &Evidence<'_>, task: &str, function: &str, ending: &str) -> Part {
    let high = Criterion::AtLeast(HIGH);
    let measured = || -> Found {
        let mut own: BTreeMap<String, Vec<Score>> = BTreeMap::new();
        for other in COUNTING.into_iter().filter(|other| *other != task) {
            let name = named(task, other, ending);
            let of = mas(&name, "count", function);
            let found = evidence.directions(of, Control::None)?;
            let members: &BTreeSet<&str> = &evidence.groups(of)[usize::from(!name.starts_with(task))];
            for direction in found.within().filter(|direction| members.contains(&*direction.source)) {
                own.entry(direction.source.clone()).or_default().push(Score::Share(direction.clone()));
            }
        }
        let units: Vec<Unit> =
            own.into_iter().map(|(name, scores)| Unit::new([name.clone(), name], Score::Mean(scores))).collect();
        Measurement::mean(&units, high)
    };
    let functions = if ending.is_empty() { "rotations" } else { "linear functions" };
    Part::control(
        format!("{task}.ceiling{ending}"),
        format!("IIA of the count within the networks of {task}, with {functions}, is high"),
        high,
        measured(),
        format!("with {functions} the count of {task} cannot be put back into its own networks"),
    )
    .of("of the mean over networks and fits, changed pairs")
}

/// Whether count mod 4 can be read linearly from the states of a task.
fn decodable(evidence: &Evidence<'_>, task: &str) -> Part {
    let high = Criterion::AtLeast(HIGH);
    let rows = |period: u64| -> Vec<&EncodingRow> {
        let here = |row: &&EncodingRow| row.task == task && row.variable == "count" && row.period == period;
        evidence.encodings.iter().filter(here).collect()
    };
    let mean = |rows: &[&EncodingRow], of: fn(&EncodingRow) -> f64| {
        rows.iter().map(|row| of(row)).sum::<f64>() / rows.len() as f64
    };
    let measured = || -> Found {
        let of_four = rows(PERIOD);
        if of_four.is_empty() {
            return Err(format!("the study has no encoding of count with period {PERIOD} in networks of {task}"));
        }
        let units: Vec<Unit> = of_four
            .iter()
            .map(|row| Unit::from(&Tie { a: row.network.clone(), b: row.network.clone(), value: row.decodability }))
            .collect();
        let measured = Measurement::mean(&units, high)?;
        let shares: Vec<String> = [PERIOD, 2]
            .into_iter()
            .map(|period| (period, rows(period)))
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(period, rows)| {
                let [share, line] =
                    [mean(&rows, |row| row.variance_share), mean(&rows, |row| row.variance_share_of_a_line)];
                format!("{share:.3} at period {period} ({line:.3} on a line)")
            })
            .collect();
        let chance = mean(&of_four, |row| row.chance);
        let text = format!(
            "{}; by chance {chance:.2}; of the variance between counts lie {}",
            measured.text,
            shares.join(" and ")
        );
        Ok(Measurement { text, ..measured })
    };
    Part::control(
        format!("{task}.decodable"),
        format!("Count mod {PERIOD} can be read linearly from the states of {task}"),
        high,
        measured(),
        format!("count mod {PERIOD} cannot be read linearly from the states of {task}"),
    )
    .of("of the share of states told right, counts that the read-out was not fitted to, the mean over networks")
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    /// Shares right from Multi-Object into Modulo, between the other counts, and between count and cumulative value.
    fn study(into_modulo: u64, counts: u64, values: u64, restricted: u64) -> MadeUp {
        let mut study = MadeUp::default();
        for (ending, function) in [("", "orthogonal"), ("-restricted", "orthogonal"), ("-linear", "linear")] {
            for name in ["multi-object-modulo", "multi-object-rounding", "modulo-rounding"] {
                let right = move |s, t| match (s, t) {
                    (0, 1) if name == "multi-object-modulo" => into_modulo,
                    _ => counts,
                };
                study.function(function).named(&format!("{name}{ending}")).variable("count");
                (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 97 } else { right(s, t) }));
            }
        }
        study.function("orthogonal").variable("count:cumulative-value");
        for (name, right) in [("multi-object-arithmetic", values), ("multi-object-arithmetic-restricted", restricted)] {
            study.named(name);
            (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 100 } else { right }));
        }
        for (task, right) in [("multi-object", 0.47), ("modulo", 1.0), ("rounding", 0.5)] {
            study.encoded(task, 4, right);
        }
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study(96, 97, 60, 70).decide("C5");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 1 + 2 + 6 + 6 + 6 + 3);
        assert_eq!(verdict(&rows, "multi-object.to.modulo"), Verdict::Holds);
        assert_eq!(verdict(&rows, "modulo.decodable"), Verdict::Holds);
        assert_eq!(verdict(&rows, "multi-object.decodable"), Verdict::Fails);
        assert_eq!(verdict(&rows, "modulo.ceiling-linear"), Verdict::Holds);
    }

    #[test]
    fn each_direction_is_told_by_name() {
        let rows = study(50, 97, 30, 30).decide("C5");
        assert_eq!(verdict(&rows, "multi-object.to.modulo"), Verdict::Fails);
        assert_eq!(verdict(&rows, "modulo.to.multi-object"), Verdict::Holds);
        assert_eq!(verdict(&rows, OVERALL), Verdict::Fails);
        assert!(rows[0].measured.contains("with linear functions the count does not go from multi-object into modulo"));
    }

    #[test]
    fn arithmetic_has_to_be_below() {
        let rows = study(96, 97, 60, 99).decide("C5");
        assert_eq!(verdict(&rows, "multi-object-arithmetic"), Verdict::Holds);
        assert_eq!(verdict(&rows, "multi-object-arithmetic-restricted"), Verdict::Fails);
    }
}
