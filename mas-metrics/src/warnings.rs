//! What a reader should know before believing a value.

use crate::comparison::Comparison;
use crate::samples::{centred, first_of_each, same_rows};
use crate::{Measure, Result, Samples};

/// A row is looked at alone when its share of an activity's variance is so many times that of the average row.
const OUTLYING: f64 = 10.0;
/// With fewer rows every one of them matters.
const FEWEST_ROWS: usize = 20;
/// By so much a value changes without a row that carries it, or of so much of the variance a row is suspected to.
pub(crate) const CARRIED: f64 = 0.1;

/// What is the same for all measures.
pub(crate) struct Facts {
    rows: usize,
    sides: [SideFacts; 2],
    /// Different pairs of rows.
    distinct: usize,
    /// Rows that may carry a value.
    outlying: Vec<usize>,
}

struct SideFacts {
    name: &'static str,
    width: usize,
    constant: usize,
    distinct: usize,
}

impl Facts {
    pub fn of(a: &Samples, b: &Samples) -> Result<Self> {
        same_rows(a, b)?;
        let side = |name, samples: &Samples| SideFacts {
            name,
            width: samples.width(),
            constant: samples.constant_columns(),
            distinct: first_of_each(&[samples.as_mat()]).len(),
        };
        let mut outlying: Vec<usize> = [a, b].into_iter().filter_map(outlying).collect();
        outlying.dedup();
        let (rows, sides) = (a.rows(), [side("a", a), side("b", b)]);
        // Rows that differ on one side are different pairs.
        let distinct = match sides.iter().any(|side| side.distinct == rows) {
            true => rows,
            false => first_of_each(&[a.as_mat(), b.as_mat()]).len(),
        };
        Ok(Self { rows, sides, distinct, outlying })
    }

    /// What the data say against a measure.
    pub fn warnings(&self, measure: Measure, comparison: &dyn Comparison, value: f64) -> Vec<String> {
        let mut warnings = self.copies();
        let rows = self.rows;
        if rows < FEWEST_ROWS {
            warnings.push(format!("{rows} rows are few: every one of them matters"));
        }
        let constant = self.sides.iter().filter(|side| side.constant == side.width);
        warnings
            .extend(constant.map(|side| format!("{} never changes: there is nothing in it to be alike", side.name)));
        if is_zscored(measure) {
            for SideFacts { name, width, constant, .. } in self.sides.iter().filter(|side| side.constant > 0) {
                warnings.push(format!("{constant} of {width} units of {name} never change: z-scored to 0"));
            }
        }
        warnings.extend(too_few(measure, self.rows, self.sides.each_ref().map(|side| side.width)));
        warnings.extend(trivial(comparison.trivial(self.rows), self.rows));
        for &row in &self.outlying {
            let others: Vec<usize> = (0..self.rows).filter(|&other| other != row).collect();
            // Where nothing is left without it, there is a value with it alone.
            warnings.extend(carried(row, self.rows, value, comparison.resampled(&others).ok()));
        }
        warnings
    }

    fn copies(&self) -> Vec<String> {
        let rows = self.rows;
        if self.distinct < rows {
            let distinct = self.distinct;
            return vec![format!("only {distinct} of {rows} pairs of rows are distinct: copies count as agreement")];
        }
        let repeated = self.sides.iter().filter(|side| side.distinct < rows);
        repeated
            .map(|SideFacts { name, distinct, .. }| format!("only {distinct} of {rows} rows of {name} are distinct"))
            .collect()
    }
}

fn is_zscored(measure: Measure) -> bool {
    match measure {
        Measure::Rsa(rsa) => rsa.zscored,
        Measure::ReferenceRsa { zscored, .. } => zscored,
        Measure::ReferenceCka(_) => true,
        _ => false,
    }
}

/// Measures that so few rows push up, or leave to chance.
pub(crate) fn too_few(measure: Measure, rows: usize, [a, b]: [usize; 2]) -> Option<String> {
    match measure {
        Measure::CkaLinear
        | Measure::CkaRbf
        | Measure::Procrustes
        | Measure::ProcrustesAngular
        | Measure::ProcrustesEuclidean
            if rows <= a.max(b) =>
        {
            Some(format!(
                "{rows} rows are no more than the units: unrelated activity looks alike too; compare with the null mean"
            ))
        }
        Measure::PredictivityAToB | Measure::PredictivityBToA => {
            let width = if measure == Measure::PredictivityAToB { a } else { b };
            (rows * 4 / 5 <= width).then(|| {
                format!("{rows} rows are few for {width} units to predict from: more rows would predict better")
            })
        }
        _ => None,
    }
}

/// - `trivial`: canonical correlations that are 1 whatever the activity.
pub(crate) fn trivial(trivial: usize, rows: usize) -> Option<String> {
    (trivial > 0).then(|| {
        format!(
            "{trivial} canonical correlations are 1 whatever the activity: ranks add up to {} with {rows} rows",
            trivial + rows - 1
        )
    })
}

/// - `without`: the value without the row, where there is one.
pub(crate) fn carried(row: usize, rows: usize, value: f64, without: Option<f64>) -> Option<String> {
    let changed = match without {
        Some(without) if (without - value).abs() <= CARRIED => return None,
        Some(without) => format!("without it the value is {without:.4}, not {value:.4}"),
        None => "without it there is no value".to_owned(),
    };
    Some(format!("row {row} of {rows} alone carries the value: {changed}"))
}

/// The row with the largest share of the variance, where that is far above the average.
fn outlying(samples: &Samples) -> Option<usize> {
    let rows = samples.rows();
    if rows < FEWEST_ROWS {
        return None;
    }
    let centred = centred(samples.as_mat());
    // So that squares are neither infinite nor zero.
    let largest =
        centred.col_iter().flat_map(|column| column.iter()).fold(0.0_f64, |size, value| size.max(value.abs()));
    let mut shares = vec![0.0; rows];
    for column in centred.col_iter() {
        shares.iter_mut().zip(column.iter()).for_each(|(share, value)| *share += (value / largest).powi(2));
    }
    let total: f64 = shares.iter().sum();
    let (row, share) = shares.iter().enumerate().max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    is_outlying(share / total, rows).then_some(row)
}

/// - `share`: of an activity's variance.
pub(crate) fn is_outlying(share: f64, rows: usize) -> bool {
    rows >= FEWEST_ROWS && share > OUTLYING / rows as f64
}
