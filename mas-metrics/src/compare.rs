use std::sync::Arc;

use crate::cca::{Canonical, Components, Kind};
use crate::cka_kernel::KernelCka;
use crate::cka_linear::LinearCka;
use crate::comparison::Comparison;
use crate::neighbours::MutualKnn;
use crate::predictivity::{Direction, Predictivity};
use crate::procrustes::{Procrustes, Scale};
use crate::resampling::{bootstrap, permutations};
use crate::rsa::PreparedRsa;
use crate::samples::{enough_rows, same_rows};
use crate::tables::Tables;
use crate::warnings::Facts;
use crate::{Distance, Error, Measure, Result, Samples};

/// What SVCCA keeps.
pub(crate) const SVCCA: Components = Components::Share(0.99);
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
    /// The lower end of the 95 % bootstrap interval over samples, as [`compare`] says; `None` without bootstraps.
    pub low: Option<f64>,
    /// The upper end of that interval.
    pub high: Option<f64>,
    /// What a reader should know before believing the value.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// How far the value is above the mean of its null distribution (below, where it is negative); `None` without
    /// permutations.
    pub fn excess(&self) -> Option<f64> {
        self.null_mean.map(|mean| self.value - mean)
    }
}

/// Compares two activities by several measures, with null distributions and intervals.
///
/// - `a`, `b`: row i of both is the activity for the same input.
///
/// The null distribution puts the rows of b into random orders, the same for every measure. The interval draws rows with
/// replacement; copies of one row are never compared with each other where that would pass for likeness (RSA, debiased
/// CKA, mutual k-NN, predictivity). Measures that are biased upward are more so in resamples, which hold fewer different
/// rows: the interval is that of the resamples, moved as far as brings their mean to the value, and cut to the measure's
/// range. Z-scores and bandwidths are those of all rows throughout.
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
    let facts = match Facts::of(a, b) {
        Ok(facts) => facts,
        Err(error) => return measures.iter().map(|_| Err(error.clone())).collect(),
    };
    let mut cache = Cache::default();
    measures.iter().map(|&measure| outcome(a, b, measure, options, &facts, &mut cache)).collect()
}

/// Up to so many bytes, tables are kept for later measures.
const SHARED: usize = 1 << 28;

/// The tables of the last RSA, and of others as long as all are small: measures share them.
#[derive(Default)]
struct Cache(Vec<(bool, Distance, Arc<Tables>)>);

impl Cache {
    fn tables(&mut self, a: &Samples, b: &Samples, zscored: bool, distance: Distance) -> Result<Arc<Tables>> {
        if let Some((.., tables)) = self.0.iter().find(|of| (of.0, of.1) == (zscored, distance)) {
            return Ok(Arc::clone(tables));
        }
        self.make_room();
        let tables = Arc::new(Tables::of(a, b, zscored, distance)?);
        self.0.push((zscored, distance, Arc::clone(&tables)));
        Ok(tables)
    }

    /// Large tables make room for what follows.
    fn make_room(&mut self) {
        if self.0.iter().map(|(.., tables)| tables.bytes()).sum::<usize>() > SHARED {
            self.0.clear();
        }
    }
}

fn outcome(
    a: &Samples,
    b: &Samples,
    measure: Measure,
    options: &Options,
    facts: &Facts,
    cache: &mut Cache,
) -> Result<Outcome> {
    let comparison = prepare(a, b, measure, options.seed, cache)?;
    let value = comparison.value()?;
    let mut warnings = facts.warnings(measure, &*comparison, value);
    let null = permutations(&*comparison, a.rows(), value, measure.is_distance(), options, &mut warnings);
    let interval = bootstrap(&*comparison, a.rows(), value, measure.range(), options, &mut warnings);
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
    if !matches!(measure, Measure::Rsa(_) | Measure::ReferenceRsa { .. } | Measure::ReferenceCka(_)) {
        cache.make_room();
    }
    let canonical = |kind| -> Result<Box<dyn Comparison + 'a>> { Ok(Box::new(Canonical::new(a, b, kind)?)) };
    let procrustes = |scale| -> Result<Box<dyn Comparison + 'a>> { Ok(Box::new(Procrustes::new(a, b, scale)?)) };
    Ok(match measure {
        Measure::CkaLinear => Box::new(LinearCka::new(a, b, false)?),
        Measure::CkaLinearDebiased => Box::new(LinearCka::new(a, b, true)?),
        Measure::CkaRbf => Box::new(KernelCka::rbf(a, b, 1.0)?),
        Measure::Rsa(rsa) => {
            Box::new(PreparedRsa::new(&cache.tables(a, b, rsa.zscored, rsa.distance)?, rsa.correlation)?)
        }
        Measure::CcaMean => canonical(Kind::Mean)?,
        Measure::Svcca => canonical(Kind::Components(SVCCA))?,
        Measure::Pwcca => canonical(Kind::Weighted)?,
        Measure::Procrustes => procrustes(Scale::Similarity)?,
        Measure::ProcrustesAngular => procrustes(Scale::Angle)?,
        Measure::ProcrustesEuclidean => procrustes(Scale::Distance)?,
        Measure::PredictivityAToB => Box::new(Predictivity::new(a, b, seed, Direction::AToB)?),
        Measure::PredictivityBToA => Box::new(Predictivity::new(a, b, seed, Direction::BToA)?),
        Measure::MutualKnn => Box::new(MutualKnn::new(a, b, NEIGHBOURS)?),
        Measure::ReferenceCka(distance) => {
            enough_rows("CKA", a, b, 3)?;
            Box::new(KernelCka::of_distances(cache.tables(a, b, true, distance.distance())?)?)
        }
        Measure::ReferenceRsa { zscored, distance, ranks } => {
            Box::new(PreparedRsa::with_diagonal(&cache.tables(a, b, zscored, distance.distance())?, ranks)?)
        }
    })
}

#[cfg(test)]
mod tests;
