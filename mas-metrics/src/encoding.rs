//! In what form activity holds a number: whether it repeats with a period, and whether a linear read-out tells its class.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use faer::Mat;

use crate::algebra::{Svd, cross, product, regularised_inverse, row_norms, squared_norm, thin_svd};
use crate::predictivity::best_penalty;
use crate::samples::{column_means, less, select_rows};
use crate::{Error, Result, Samples};

/// The share of the variance between values that repeats with a period: of the discrete Fourier transform of mean activity
/// along the values, the power at that period over the power at all but the constant.
///
/// It lies in [0, 1]. Activity that takes turns through `period` values and does nothing else has all of it at that period
/// and at those that divide it. A straight line through n values has `1 / sin²(π/period)` over `(n² − 1)/3` there, twice that
/// for a period longer than 2: of 20 values 0.03 at period 4, and 0.0075 at period 2. Kept by orthogonal maps, translations
/// and isotropic scaling.
///
/// - `means`: `[value, unit]`, the mean activity at each value, in the order of the values, which are evenly spaced
///
/// # Errors
/// A period below 2, values whose number is no multiple of it, or means that are all equal.
pub fn period_share(means: &Samples, period: usize) -> Result<f64> {
    let values = means.rows();
    if period < 2 || values % period != 0 {
        return Err(Error::Parameter(format!("{values} values are no multiple of a period of {period}")));
    }
    let centred = less(means.as_mat(), &column_means(means.as_mat()));
    let total = squared_norm(centred.as_ref()) * values as f64;
    if total == 0.0 {
        return Err(Error::undefined("the activity is the same at every value"));
    }
    // At the frequency 1/period, and at its mirror image where that is another one.
    let times = if period == 2 { 1.0 } else { 2.0 };
    let power: f64 = centred
        .col_iter()
        .map(|unit| {
            let (mut real, mut imaginary) = (0.0, 0.0);
            for (place, value) in unit.iter().enumerate() {
                // The remainder first, so that the angles are exact.
                let (sine, cosine) = (TAU * (place % period) as f64 / period as f64).sin_cos();
                real += value * cosine;
                imaginary -= value * sine;
            }
            real * real + imaginary * imaginary
        })
        .sum();
    Ok((times * power / total).min(1.0))
}

/// The share of samples whose class a linear read-out tells that has never seen their group: least squares on the classes'
/// indicators with a ridge (the penalty by generalised cross-validation, as [`predictivity`](crate::predictivity())), the largest
/// one wins, cross-validated over groups.
///
/// A read-out that has seen every value of a number can tell its class by heart. One that has to tell the class of values
/// that it has never seen must find the class itself in the activity. Chance is the share of the largest class.
///
/// - `samples`: `[sample, unit]`
/// - `classes`: of each sample, from 0
/// - `folds`: of each sample the fold in which it is held out; samples of one group share it
///
/// # Errors
/// Other numbers of samples, fewer than two classes or folds, or activity that never changes.
pub fn linear_decodability(samples: &Samples, classes: &[usize], folds: &[usize]) -> Result<f64> {
    let rows = samples.rows();
    if classes.len() != rows || folds.len() != rows {
        return Err(Error::Parameter(format!(
            "{} classes and {} folds for {rows} samples",
            classes.len(),
            folds.len()
        )));
    }
    let count = classes.iter().max().map_or(0, |largest| largest + 1);
    let distinct: BTreeSet<usize> = folds.iter().copied().collect();
    if count < 2 || distinct.len() < 2 {
        return Err(Error::Parameter("a read-out is tested with at least two classes and two folds".into()));
    }
    let (mut right, mut tested) = (0, 0);
    for fold in distinct {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..rows).partition(|&row| folds[row] == fold);
        let means = column_means(select_rows(samples.as_mat(), &train).as_ref());
        let seen = less(select_rows(samples.as_mat(), &train).as_ref(), &means);
        if squared_norm(seen.as_ref()) == 0.0 {
            return Err(Error::undefined("the activity never changes"));
        }
        let indicators = Mat::from_fn(train.len(), count, |row, class| f64::from(classes[train[row]] == class));
        let shares = column_means(indicators.as_ref());
        let indicators = less(indicators.as_ref(), &shares);
        let Svd { left, values, right: axes } = thin_svd(seen.as_ref())?;
        let mut coefficients = cross(left.as_ref(), indicators.as_ref());
        let explained = row_norms(coefficients.as_ref());
        let penalty = best_penalty(&values, &explained, squared_norm(indicators.as_ref()), train.len());
        for (index, value) in values.iter().enumerate() {
            let factor = regularised_inverse(*value, penalty);
            (0..count).for_each(|class| coefficients[(index, class)] *= factor);
        }
        let unseen = less(select_rows(samples.as_mat(), &test).as_ref(), &means);
        let scores = product(product(unseen.as_ref(), axes.as_ref()).as_ref(), coefficients.as_ref());
        for (row, &sample) in test.iter().enumerate() {
            let score = |class: usize| scores[(row, class)] + shares[class];
            // The first of equal ones, which rounding does not choose between.
            let told = (0..count).rev().max_by(|&a, &b| score(a).total_cmp(&score(b)));
            right += usize::from(told == Some(classes[sample]));
            tested += 1;
        }
    }
    Ok(right as f64 / tested as f64)
}
