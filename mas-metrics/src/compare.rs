use crate::cca::{cca_mean, pwcca, rank, svcca};
use crate::cka_kernel::KernelCka;
use crate::cka_linear::LinearCka;
use crate::comparison::{Comparison, Recomputed};
use crate::correlation::Correlation;
use crate::error::Side;
use crate::neighbours::MutualKnn;
use crate::predictivity::{Direction, Predictivity};
use crate::procrustes::{procrustes, procrustes_angular, procrustes_euclidean};
use crate::resampling::{bootstrap, permutations};
use crate::rsa::{PreparedRsa, Rsa, Tables};
use crate::samples::same_rows;
use crate::{Error, Measure, Result, Samples, distinct_rows};

/// The share of variance that SVCCA keeps.
const SVCCA_SHARE: f64 = 0.99;
/// Neighbours of mutual k-NN.
const NEIGHBOURS: usize = 10;

/// How much is computed beside each measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Permutations for the null distribution; 0 for none.
    pub permutations: usize,
    /// Resamples for the interval; 0 for none.
    pub bootstraps: usize,
    /// Where all randomness comes from: equal seeds give equal bytes, at any number of threads.
    pub seed: u64,
}

/// 100 permutations, no bootstrap, seed 0.
impl Default for Options {
    fn default() -> Self {
        Self { permutations: 100, bootstraps: 0, seed: 0 }
    }
}

/// What one measure says of two activities.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The measure.
    pub measure: Measure,
    /// Its value.
    pub value: f64,
    /// The mean over random pairings of rows: what this measure gives for activities of these sizes that have nothing to
    /// do with each other. `None` without permutations.
    pub null_mean: Option<f64>,
    /// How probable it is that a random pairing looks at least as alike as the real one,
    /// `(1 + as alike) / (1 + permutations)`. Rows of one trial are not exchangeable: read it as a lower bound where
    /// samples are positions of trials. `None` without permutations. (Phipson and Smyth 2010.)
    pub p: Option<f64>,
    /// The lower end of the 95 % percentile bootstrap interval over samples; `None` without bootstraps.
    pub low: Option<f64>,
    /// The upper end of that interval.
    pub high: Option<f64>,
    /// What a reader should know before believing the value.
    pub warnings: Vec<String>,
}

/// Compares two activities by several measures, with null distributions and intervals.
///
/// - `a`, `b`: row i of both is the activity for the same input.
///
/// The null distribution puts the rows of b into random orders, the same for every measure. The interval draws rows with
/// replacement; copies of one row are never compared with each other where that would pass for likeness (RSA, debiased
/// CKA, mutual k-NN, predictivity). Measures that are biased upward are more so in resamples, which hold fewer different
/// rows: an interval that does not contain its value is reported as a warning. Z-scores and bandwidths are those of
/// all rows throughout.
///
/// # Errors
/// Different numbers of rows, or the first measure that fails, with its name; [`compare_each`] goes on past those.
pub fn compare(a: &Samples, b: &Samples, measures: &[Measure], options: &Options) -> Result<Vec<Outcome>> {
    same_rows(a, b)?;
    let outcomes = compare_each(a, b, measures, options).into_iter().zip(measures);
    outcomes
        .map(|(outcome, &measure)| outcome.map_err(|source| Error::Measure { measure, source: Box::new(source) }))
        .collect()
}

/// As [`compare`], with an answer for each measure in place of one for all.
pub fn compare_each(a: &Samples, b: &Samples, measures: &[Measure], options: &Options) -> Vec<Result<Outcome>> {
    let mut cache = None;
    measures.iter().map(|&measure| outcome(a, b, measure, options, &mut cache)).collect()
}

/// The tables of the last RSA: measures that stand together share them.
type Cache = Option<(bool, crate::Distance, Tables)>;

fn outcome(a: &Samples, b: &Samples, measure: Measure, options: &Options, cache: &mut Cache) -> Result<Outcome> {
    let comparison = prepare(a, b, measure, options.seed, cache)?;
    let value = comparison.value()?;
    let mut warnings = warnings(a, b, measure)?;
    let null = permutations(&*comparison, a.rows(), value, measure.is_distance(), options, &mut warnings);
    let interval = bootstrap(&*comparison, a.rows(), options, &mut warnings);
    if let Some((low, high)) = interval
        && !(low..=high).contains(&value)
    {
        warnings.push(
            "the value lies outside its interval: resamples hold fewer different rows, which biases this measure"
                .into(),
        );
    }
    Ok(Outcome {
        measure,
        value,
        null_mean: null.map(|(mean, _)| mean),
        p: null.map(|(_, p)| p),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        warnings,
    })
}

fn prepare<'a>(
    a: &'a Samples,
    b: &'a Samples,
    measure: Measure,
    seed: u64,
    cache: &mut Cache,
) -> Result<Box<dyn Comparison + 'a>> {
    let mut rsa = |rsa: Rsa, diagonal: bool| -> Result<Box<dyn Comparison + 'a>> {
        let key = (rsa.zscored, rsa.distance);
        let tables = match cache.take().filter(|(zscored, distance, _)| (*zscored, *distance) == key) {
            Some((.., tables)) => tables,
            None => rsa.tables(a, b)?,
        };
        let (.., tables) = cache.insert((rsa.zscored, rsa.distance, tables));
        Ok(Box::new(PreparedRsa::new(tables, rsa.correlation, diagonal)?))
    };
    Ok(match measure {
        Measure::CkaLinear => Box::new(LinearCka::new(a, b, false)?),
        Measure::CkaLinearDebiased => Box::new(LinearCka::new(a, b, true)?),
        Measure::CkaRbf => Box::new(KernelCka::rbf(a, b, 1.0)?),
        Measure::Rsa(parameters) => rsa(parameters, false)?,
        Measure::CcaMean => Box::new(Recomputed { a, b, measure: cca_mean }),
        Measure::Svcca => Box::new(Recomputed { a, b, measure: |a: &Samples, b: &Samples| svcca(a, b, SVCCA_SHARE) }),
        Measure::Pwcca => Box::new(Recomputed { a, b, measure: pwcca }),
        Measure::Procrustes => Box::new(Recomputed { a, b, measure: procrustes }),
        Measure::ProcrustesAngular => Box::new(Recomputed { a, b, measure: procrustes_angular }),
        Measure::ProcrustesEuclidean => Box::new(Recomputed { a, b, measure: procrustes_euclidean }),
        Measure::PredictivityAToB => Box::new(Predictivity::new(a, b, seed, Direction::AToB)?),
        Measure::PredictivityBToA => Box::new(Predictivity::new(a, b, seed, Direction::BToA)?),
        Measure::MutualKnn => Box::new(MutualKnn::new(a, b, NEIGHBOURS)?),
        Measure::ReferenceCka(distance) => Box::new(KernelCka::of_distances(a, b, distance.distance())?),
        Measure::ReferenceRsa { zscored, distance, ranks } => {
            let correlation = if ranks { Correlation::Spearman } else { Correlation::Pearson };
            rsa(Rsa { zscored, distance: distance.distance(), correlation }, true)?
        }
    })
}

/// What the data alone say against a measure.
fn warnings(a: &Samples, b: &Samples, measure: Measure) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    let rows = a.rows();
    let distinct = distinct_rows(a, b)?.len();
    if distinct < rows {
        warnings.push(format!("only {distinct} of {rows} pairs of rows are distinct: copies count as agreement"));
    }
    let zscored = match measure {
        Measure::Rsa(rsa) => rsa.zscored,
        Measure::ReferenceRsa { zscored, .. } => zscored,
        Measure::ReferenceCka(_) => true,
        _ => false,
    };
    for (name, samples) in [("a", a), ("b", b)].into_iter().filter(|_| zscored) {
        let constant = samples.constant_columns();
        if constant > 0 {
            warnings.push(format!("{constant} of {} units of {name} never change: z-scored to 0", samples.width()));
        }
    }
    match measure {
        Measure::CkaLinear | Measure::Procrustes | Measure::ProcrustesAngular | Measure::ProcrustesEuclidean
            if rows <= a.width().max(b.width()) =>
        {
            warnings.push(format!(
                "{rows} rows are no more than the units: unrelated activity looks alike too; compare with the null mean"
            ));
        }
        Measure::CcaMean | Measure::Pwcca => {
            let ranks = rank(a, Side::A)? + rank(b, Side::B)?;
            if ranks > rows - 1 {
                warnings.push(format!(
                    "{} canonical correlations are 1 whatever the activity: ranks add up to {ranks} with {rows} rows",
                    ranks + 1 - rows
                ));
            }
        }
        _ => {}
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests;
