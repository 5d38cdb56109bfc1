use faer::{Mat, MatRef};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::algebra::{Svd, cross, product, regularised_inverse, row_norms, squared_norm, thin_svd};
use crate::comparison::Comparison;
use crate::samples::{column_means, enough_rows, less, select_rows};
use crate::{Error, Result, Samples};

/// Parts of the cross-validation.
pub(crate) const FOLDS: usize = 5;
/// Penalties that are tried, as parts of the largest eigenvalue of `XᵀX`.
const PENALTIES: [f64; 10] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0];
/// The stream of the seed that deals rows to folds; permutations and resamples count up from 0.
const FOLD_STREAM: u64 = u64::MAX;

/// How well an affine map predicts `target` from `source`: the cross-validated share of variance
/// `R² = 1 − Σ ‖y − ŷ‖² / Σ ‖y − ȳ‖²`, over all units together.
///
/// Five folds, dealt at random from `seed`; in each, ridge regression on the other four, ȳ their mean, the penalty out of
/// ten (1e-8 to 10 times the largest eigenvalue of `XᵀX`) that has the least generalised cross-validation error there.
///
/// At most 1; 0 is as good as the mean, below 0 worse. **Not symmetric.** Kept by orthogonal maps, translations and isotropic
/// scaling of either activity. Rows of one trial are not independent of each other, so folds over them flatter; and
/// copies of a row can be on both sides of a split: see [`distinct_rows`](crate::distinct_rows). Schrimpf et al. (2018),
/// *Brain-Score*, bioRxiv 407007; penalty: Golub, Heath and Wahba (1979), Technometrics 21.
///
/// # Errors
/// Different numbers of rows, fewer than 10 of them, or a target that never changes.
pub fn predictivity(source: &Samples, target: &Samples, seed: u64) -> Result<f64> {
    Predictivity::new(source, target, seed, Direction::AToB)?.value()
}

/// Which activity predicts which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    AToB,
    BToA,
}

/// The folds, with the source's side of each regression done.
pub(crate) struct Predictivity<'a> {
    source: &'a Samples,
    target: &'a Samples,
    direction: Direction,
    /// For each row its fold.
    folds: Vec<usize>,
    fits: Vec<Fold>,
}

/// One split: a decomposition of the centred training rows, and the test rows in its terms.
struct Fold {
    train: Vec<usize>,
    test: Vec<usize>,
    decomposition: Svd,
    test_scores: Mat<f64>,
}

impl<'a> Predictivity<'a> {
    pub fn new(a: &'a Samples, b: &'a Samples, seed: u64, direction: Direction) -> Result<Self> {
        enough_rows("predictivity", a, b, 2 * FOLDS)?;
        let (source, target) = match direction {
            Direction::AToB => (a, b),
            Direction::BToA => (b, a),
        };
        let folds = deal(a.rows(), seed);
        let fits = split(source.as_mat(), &folds)?;
        Ok(Self { source, target, direction, folds, fits })
    }
}

impl Comparison for Predictivity<'_> {
    fn value(&self) -> Result<f64> {
        score(&self.fits, self.target.as_mat())
    }

    fn permuted(&self, order: &[usize]) -> Result<f64> {
        // The rows of the source stay where they are, for its decompositions' sake; so where b is the source, the
        // target goes the other way.
        let rows = match self.direction {
            Direction::AToB => order.to_vec(),
            Direction::BToA => inverse(order),
        };
        score(&self.fits, select_rows(self.target.as_mat(), &rows).as_ref())
    }

    /// Copies of a row stay in that row's fold: none is predicted from itself.
    fn resampled(&self, rows: &[usize]) -> Result<f64> {
        let folds: Vec<usize> = rows.iter().map(|&row| self.folds[row]).collect();
        let source = select_rows(self.source.as_mat(), rows);
        let target = select_rows(self.target.as_mat(), rows);
        score(&split(source.as_ref(), &folds)?, target.as_ref())
    }
}

/// For each row its fold: as many rows in each, at random.
pub(crate) fn deal(rows: usize, seed: u64) -> Vec<usize> {
    let mut folds: Vec<usize> = (0..rows).map(|row| row % FOLDS).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(FOLD_STREAM);
    folds.shuffle(&mut rng);
    folds
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &row)| inverse[row] = place);
    inverse
}

fn split(source: MatRef<'_, f64>, folds: &[usize]) -> Result<Vec<Fold>> {
    let mut fits = Vec::with_capacity(FOLDS);
    for fold in 0..FOLDS {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..folds.len()).partition(|&row| folds[row] == fold);
        // A resample can miss a whole fold.
        if test.is_empty() || train.len() < 2 {
            continue;
        }
        let means = column_means(select_rows(source, &train).as_ref());
        let centred = |rows: &[usize]| less(select_rows(source, rows).as_ref(), &means);
        let decomposition = thin_svd(centred(&train).as_ref())?;
        let test_scores = product(centred(&test).as_ref(), decomposition.right.as_ref());
        fits.push(Fold { train, test, decomposition, test_scores });
    }
    Ok(fits)
}

fn score(fits: &[Fold], target: MatRef<'_, f64>) -> Result<f64> {
    let [mut residual, mut total] = [0.0; 2];
    for fold in fits {
        let means = column_means(select_rows(target, &fold.train).as_ref());
        let centred = |rows: &[usize]| less(select_rows(target, rows).as_ref(), &means);
        let (train, mut test) = (centred(&fold.train), centred(&fold.test));
        total += squared_norm(test.as_ref());
        let Svd { left, values, .. } = &fold.decomposition;
        let mut coefficients = cross(left.as_ref(), train.as_ref());
        let penalty =
            best_penalty(values, &row_norms(coefficients.as_ref()), squared_norm(train.as_ref()), train.nrows());
        for (index, value) in values.iter().enumerate() {
            let factor = regularised_inverse(*value, penalty);
            (0..coefficients.ncols()).for_each(|column| coefficients[(index, column)] *= factor);
        }
        test -= product(fold.test_scores.as_ref(), coefficients.as_ref());
        residual += squared_norm(test.as_ref());
    }
    if total > 0.0 {
        Ok(1.0 - residual / total)
    } else {
        Err(Error::undefined("all rows of the predicted activity are equal"))
    }
}

/// The penalty with the least `residual / (1 − degrees of freedom / n)²`.
///
/// - `explained`: for each singular vector how much of the target's sum of squares lies along it.
pub(crate) fn best_penalty(values: &[f64], explained: &[f64], total: f64, rows: usize) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0).powi(2);
    let error = |penalty: f64| {
        let shrinkages = values.iter().map(|value| value * regularised_inverse(*value, penalty));
        let freedom: f64 = shrinkages.clone().sum::<f64>() + 1.0;
        let fitted: f64 = shrinkages.zip(explained).map(|(shrinkage, part)| (2.0 - shrinkage) * shrinkage * part).sum();
        let room = 1.0 - freedom / rows as f64;
        if room > 0.0 { (total - fitted).max(0.0) / (room * room) } else { f64::INFINITY }
    };
    let errors = PENALTIES.map(|part| (part * largest, error(part * largest)));
    // The largest penalty wins ties, and where no error is finite.
    let best = errors.into_iter().rev().min_by(|(_, left), (_, right)| left.total_cmp(right));
    best.map_or(0.0, |(penalty, _)| penalty)
}
