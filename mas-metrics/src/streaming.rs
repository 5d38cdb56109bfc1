//! Comparisons of activity files that are too large for memory.

use mas_core::ActivityFile;

use crate::cca::Kind;
use crate::compare::SVCCA;
use crate::samples::draw_rows;
use crate::sums::{Sums, is_linear, moment_measure};
use crate::warnings::{CARRIED, carried, is_outlying, too_few, trivial};
use crate::{Error, Measure, Options, Outcome, Result, Samples, compare_each};

/// How much of activity files is taken into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Up to so many numbers, those of both activities together, are held in memory; beyond, whatever can do with sums
    /// over rows goes through the files block by block.
    pub numbers: usize,
    /// Up to so many rows are compared with each other, all with all. Of more, so many are drawn: for the measures over
    /// pairs of rows, and for the null distributions and intervals of measures that go through the files.
    pub rows: usize,
}

/// 16,777,216 numbers (128 MiB) and 10,000 rows.
impl Default for Limits {
    fn default() -> Self {
        Self { numbers: 1 << 24, rows: 10_000 }
    }
}

/// As [`compare_each`], on activity files of any size.
///
/// Row i of both files is the activity for the same input. Files within the `limits` are compared as [`compare_each`]
/// does. Beyond them,
///
/// * CKA (linear, debiased), CCA, Procrustes and predictivity are computed over all rows from sums of products of units
///   (units × units matrices, about the means, in 64 bits), for which the files are read twice, block by block. They
///   agree with the values in memory to about 1e-9; directions with less than 3e-6 of the largest direction's norm count
///   as zero. Null distributions and intervals are those of drawn rows, whose value the outcome's warnings give, the
///   interval moved to the value of all;
/// * measures over pairs of rows (RSA, RBF CKA, mutual k-NN, the reference implementation's) are those of drawn rows.
///
/// Each outcome says so in its warnings.
///
/// # Errors
/// Different numbers of rows, a file that cannot be read. Measures that are undefined have errors of their own.
pub fn compare_files(
    a: &ActivityFile,
    b: &ActivityFile,
    measures: &[Measure],
    options: &Options,
    limits: &Limits,
) -> Result<Vec<Result<Outcome>>> {
    let rows = a.rows();
    if rows != b.rows() {
        return Err(Error::Rows { a: rows, b: b.rows() });
    }
    let streams = rows.saturating_mul(a.width() + b.width()) > limits.numbers && rows > a.width().max(b.width());
    let draws = rows > limits.rows;
    let whole = |measure: &Measure| if is_linear(*measure) { !streams } else { !draws };
    let mut found: Vec<Option<Result<Outcome>>> = vec![None; measures.len()];
    let mut put = |which: &dyn Fn(&Measure) -> bool, outcomes: Vec<Result<Outcome>>| {
        let places = found.iter_mut().zip(measures).filter(|(_, measure)| which(measure));
        places.zip(outcomes).for_each(|((place, _), outcome)| *place = Some(outcome));
    };
    let of = |which: &dyn Fn(&Measure) -> bool| measures.iter().copied().filter(|measure| which(measure)).collect();

    let in_memory: Vec<Measure> = of(&whole);
    if !in_memory.is_empty() {
        put(&whole, compare_each(&Samples::of_file(a)?, &Samples::of_file(b)?, &in_memory, options));
    }
    let drawn = |measure: &Measure| !whole(measure) && !is_linear(*measure);
    let streamed = |measure: &Measure| !whole(measure) && is_linear(*measure);
    let (of_drawn, of_streamed): (Vec<Measure>, Vec<Measure>) = (of(&drawn), of(&streamed));
    if !of_drawn.is_empty() || !of_streamed.is_empty() {
        let kept = draw_rows(rows, limits.rows, options.seed, 0);
        let (a, b) = (Samples::of_rows(a, &kept)?, Samples::of_rows(b, &kept)?);
        let mut outcomes = compare_each(&a, &b, &of_drawn, options);
        for outcome in outcomes.iter_mut().flatten() {
            outcome.warnings.insert(0, format!("of {} rows drawn from {rows}", kept.len()));
        }
        put(&drawn, outcomes);
        put(&streamed, compare_each(&a, &b, &of_streamed, options));
    }
    if !of_streamed.is_empty() {
        let sums = Sums::of(a, b, &of_streamed, options.seed)?;
        let places = found.iter_mut().zip(measures).filter(|(_, measure)| streamed(measure));
        for (place, &measure) in places {
            let value = sums.value(measure);
            *place = Some(value.map(|value| outcome(&sums, measure, value, place.take().and_then(Result::ok), limits)));
        }
    }
    // Every measure is in one of the three groups.
    Ok(found.into_iter().flatten().collect())
}

/// - `drawn`: the same measure over drawn rows.
fn outcome(sums: &Sums, measure: Measure, value: f64, drawn: Option<Outcome>, limits: &Limits) -> Outcome {
    let rows = sums.rows;
    let mut warnings: Vec<String> = too_few(measure, rows, sums.widths).into_iter().collect();
    let kind = match measure {
        Measure::CcaMean | Measure::Pwcca => Some(Kind::Mean),
        Measure::Svcca => Some(Kind::Components(SVCCA)),
        _ => None,
    };
    let meeting = kind.and_then(|kind| sums.trivial(kind).ok());
    warnings.extend(trivial(meeting.unwrap_or(0), rows));
    for (row, share, vectors) in sums.largest.iter().filter(|(_, share, _)| is_outlying(*share, rows)) {
        warnings.extend(match moment_measure(measure) {
            Some(of) => carried(*row, rows, value, of(&sums.without(vectors)).ok()),
            None if *share <= CARRIED => None,
            None => Some(format!("row {row} of {rows} alone is {:.0} % of an activity's variance", share * 100.0)),
        });
    }
    // How far the drawn rows are from all: their interval moves along.
    let shift = drawn.as_ref().map_or(0.0, |drawn| value - drawn.value);
    if let Some(drawn) = &drawn {
        let count = limits.rows.min(rows);
        let of_them = drawn.warnings.iter().map(|warning| format!("of {count} rows drawn from {rows}: {warning}"));
        warnings.extend(of_them);
        if drawn.p.is_some() || drawn.low.is_some() {
            warnings.push(format!(
                "null distribution and interval are of {count} rows drawn from {rows}, whose value is {:.4}",
                drawn.value
            ));
        }
    }
    let (least, largest) = measure.range();
    let of = |get: fn(&Outcome) -> Option<f64>| drawn.as_ref().and_then(get);
    Outcome {
        measure,
        value,
        null_mean: of(|drawn| drawn.null_mean),
        p: of(|drawn| drawn.p),
        low: of(|drawn| drawn.low).map(|low| (low + shift).clamp(least, largest)),
        high: of(|drawn| drawn.high).map(|high| (high + shift).clamp(least, largest)),
        warnings,
    }
}
