//! C5: one number in several tasks.

use super::every::{Extreme, every_direction, show};
use super::{Claim, Criterion, Evidence, HIGH, Measurement, Of, Part};
use crate::results::Control;
use crate::statistics::{Interval, network_interval, network_names};

/// C5. Its parts, of IIA across networks at `hidden` with individual interchanges, each over all values and over a
/// restricted range of them:
///
/// - the count of Multi-Object, Modulo and Rounding aligns between each two of them: high in every direction and in the
///   mean;
/// - the count of Multi-Object aligns less with the cumulative value of Arithmetic: the mean's upper end is below the
///   lower ends of the means of all three.
///
/// A study calls its alignments by the two tasks, `multi-object-modulo`, and those over the restricted range the same with
/// `-restricted` behind it.
pub(super) const CLAIM: Claim = Claim {
    id: "C5",
    statement: "Networks that count share the count, whatever they count for; the running result of arithmetic aligns less \
                with it, also over the same range of values",
    parts,
};

/// The tasks that count.
const COUNTING: [[&str; 2]; 3] = [["multi-object", "modulo"], ["multi-object", "rounding"], ["modulo", "rounding"]];

/// A task that counts, and one that reckons.
const RECKONING: [&str; 2] = ["multi-object", "arithmetic"];

fn parts(evidence: &Evidence<'_>) -> Vec<Part> {
    ["", "-restricted"].into_iter().flat_map(|range| parts_over(evidence, range)).collect()
}

/// The parts over all values, or over the range that alignments with this ending have.
fn parts_over(evidence: &Evidence<'_>, range: &str) -> Vec<Part> {
    let over = if range.is_empty() { "" } else { ", over a restricted range" };
    let across = |[a, b]: [&str; 2], variable| {
        let name = format!("{a}-{b}{range}");
        let of = Of { variable: Some(variable), ..Of::hidden("mas").called(&name) };
        let mut found = evidence.directions(of, Control::None);
        found.retain(|direction| !direction.is_within());
        (found, evidence.groups(of))
    };
    let counting = COUNTING.map(|tasks| across(tasks, "count"));
    let mut parts: Vec<Part> = (COUNTING.iter().zip(&counting))
        .map(|([a, b], (across, groups))| Part {
            id: format!("{a}-{b}{range}"),
            statement: format!("The count of {a} and that of {b} align{over}"),
            measured: every_direction(across, Extreme::Lowest, &evidence.bootstrap).map(|found| found.between(groups)),
            criterion: Some(Criterion::AtLeast(HIGH)),
            rule: "of every direction and of the mean, changed pairs".to_owned(),
        })
        .collect();
    let means: Option<Vec<Interval>> =
        counting.iter().map(|(across, _)| network_interval(across, &evidence.bootstrap)).collect();
    let lowest = means.and_then(|means| means.into_iter().min_by(|a, b| a.low.total_cmp(&b.low)));
    let fewest = parts.iter().filter_map(|part| part.measured.clone()).min_by_key(|measured| measured.networks);
    let (reckoning, groups) = across(RECKONING, "count:cumulative-value");
    let [a, b] = RECKONING;
    let less = Part {
        id: format!("{a}-{b}{range}"),
        statement: format!("The count of {a} and the cumulative value of {b} align less{over}"),
        measured: network_interval(&reckoning, &evidence.bootstrap).map(|interval| {
            let text = format!("mean over {} directions {}", reckoning.len(), show(interval));
            Measurement { interval, text, networks: network_names(&reckoning).len() }.between(&groups)
        }),
        criterion: lowest.map(Criterion::Below),
        rule: "of the mean, against the lowest lower bound of the counts' means, changed pairs".to_owned(),
    };
    parts.push(less.against(fewest.as_ref()));
    parts
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{MadeUp, verdict};
    use crate::claims::Verdict;
    use crate::results::OVERALL;

    /// Shares right between the counts of each two tasks, and between count and cumulative value.
    fn study(counts: [u64; 3], values: u64, restricted: u64) -> MadeUp {
        let mut study = MadeUp::default();
        let names = ["multi-object-modulo", "multi-object-rounding", "modulo-rounding"];
        for (range, values) in [("", values), ("-restricted", restricted)] {
            for (name, right) in names.iter().zip(counts) {
                study.named(&format!("{name}{range}")).variable("count");
                // Within a network it always works, and does not count.
                (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 100 } else { right }));
            }
            study.named(&format!("multi-object-arithmetic{range}")).variable("count:cumulative-value");
            (0..5).for_each(|i| study.joint(&[i, 5 + i], |s, t| if s == t { 100 } else { values }));
        }
        study
    }

    #[test]
    fn holds_when_all_of_it_does() {
        let rows = study([97, 98, 99], 60, 70).decide("C5");
        assert_eq!(verdict(&rows, OVERALL), Verdict::Holds, "{rows:#?}");
        assert_eq!(rows.len(), 9);
    }

    #[test]
    fn each_part_can_fail_it() {
        assert_eq!(verdict(&study([97, 60, 99], 30, 30).decide("C5"), "multi-object-rounding"), Verdict::Fails);
        let rows = study([95, 98, 99], 60, 99).decide("C5");
        assert_eq!(verdict(&rows, "multi-object-arithmetic"), Verdict::Holds);
        assert_eq!(verdict(&rows, "multi-object-arithmetic-restricted"), Verdict::Fails);
        assert!(MadeUp::default().decide("C5").iter().all(|row| row.verdict == Verdict::NotDecided));
    }
}
