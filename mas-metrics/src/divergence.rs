//! How far edited activity leaves what a network has by itself.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, Par};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::algebra::{cross, row_norms};
use crate::samples::{column_means, less, same_rows, select_rows};
use crate::{Error, Result, Samples};

/// Part of the mean variance that is added to every variance of a covariance before it is inverted, see
/// [`Divergence::mahalanobis`].
const REGULARISATION: f64 = 0.01;

/// How far vectors lie from a network's natural ones at the same site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergence {
    /// Earth mover's distance (Wasserstein-1) between the values of a coordinate and its natural values,
    /// `∫ |F(t) − G(t)| dt` of their distribution functions; the mean over coordinates, in units of activity. 0 for the
    /// same values. Rubner, Tomasi and Guibas (2000), *The earth mover's distance*, IJCV 40.
    pub earth_movers_distance: f64,
    /// The farthest that any coordinate of any vector lies outside the range of its natural values, in that
    /// coordinate's natural standard deviations. 0 where every value stays within the range.
    pub largest_excess: f64,
    /// `√((x − μ)ᵀ C⁻¹ (x − μ))`, the mean over vectors, μ and Σ the mean and covariance of the natural vectors and
    /// `C = Σ + 0.01 · (tr Σ / d) · I`: without the last term, directions in which natural vectors do not vary would
    /// count without bound, and fewer vectors than coordinates would have no distance at all. Mahalanobis (1936).
    pub mahalanobis: f64,
}

/// The divergence of `vectors` from `natural` ones; see [`Divergence`] for each of its numbers.
///
/// All three are kept when both are permuted or translated together; the earth mover's distance scales with them, the
/// others are kept by isotropic scaling; the Mahalanobis distance is kept by rotations too. A natural coordinate that
/// never changes has no standard deviation; the root mean square one stands in.
///
/// - `natural`: `[natural vector, unit]`
/// - `vectors`: `[vector, unit]`; the numbers of vectors may differ
///
/// # Errors
/// Other widths, fewer than 2 natural vectors, natural vectors that are all equal.
pub fn divergence(natural: &Samples, vectors: &Samples) -> Result<Divergence> {
    if natural.width() != vectors.width() {
        return Err(Error::Width { expected: natural.width(), found: vectors.width() });
    }
    if natural.rows() < 2 {
        return Err(Error::TooFew { what: "divergence", needed: 2, found: natural.rows() });
    }
    let (width, mean) = (natural.width(), column_means(natural.as_mat()));
    let centred = less(natural.as_mat(), &mean);
    let mut covariance = cross(centred.as_ref(), centred.as_ref());
    covariance *= 1.0 / (natural.rows() - 1) as f64;
    let mean_variance = (0..width).map(|unit| covariance[(unit, unit)]).sum::<f64>() / width as f64;
    if mean_variance == 0.0 {
        return Err(Error::undefined("all natural vectors are equal"));
    }
    let (mut moved, mut excess) = (0.0, 0.0_f64);
    for unit in 0..width {
        let sorted = |samples: &Samples| {
            let mut values: Vec<f64> = samples.as_mat().col(unit).iter().copied().collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (own, other) = (sorted(natural), sorted(vectors));
        moved += wasserstein(&own, &other);
        let beyond = (own[0] - other[0]).max(other[other.len() - 1] - own[own.len() - 1]).max(0.0);
        let variance = covariance[(unit, unit)];
        excess = excess.max(beyond / if variance > 0.0 { variance } else { mean_variance }.sqrt());
    }
    for unit in 0..width {
        covariance[(unit, unit)] += REGULARISATION * mean_variance;
    }
    let distances = whitened_norms(covariance, less(vectors.as_mat(), &mean))?;
    Ok(Divergence {
        earth_movers_distance: moved / width as f64,
        largest_excess: excess,
        mahalanobis: distances.iter().sum::<f64>() / distances.len() as f64,
    })
}

/// Edited vectors and natural ones, both held against the same natural vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Divergences {
    /// Of the edited vectors.
    pub edited: Divergence,
    /// Of natural vectors from natural ones: what the numbers are when nothing is edited.
    pub natural: Divergence,
}

/// The divergence of `edited` vectors beside that of natural ones.
///
/// Distances between samples are above zero even where nothing differs, and depend on how many samples there are. So
/// groups of rows are dealt at random to two halves: the natural rows of the first are the reference, and the second
/// half's edited rows and natural rows are each held against it. Rows of one group, such as those of one trial, stay
/// together, since half of a group would be a copy of the other half.
///
/// - `natural`, `edited`: `[vector, unit]`; row i of both is the same place, before and after
/// - `groups`: for each row its group
///
/// # Errors
/// Other shapes, fewer than 2 groups, or as [`divergence`].
pub fn divergences(natural: &Samples, edited: &Samples, groups: &[u64], seed: u64) -> Result<Divergences> {
    same_rows(natural, edited)?;
    if groups.len() != natural.rows() {
        return Err(Error::Parameter(format!("{} groups for {} rows", groups.len(), natural.rows())));
    }
    let mut distinct = groups.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 2 {
        return Err(Error::TooFew { what: "divergence between halves", needed: 2, found: distinct.len() });
    }
    distinct.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    distinct.truncate(distinct.len().div_ceil(2));
    distinct.sort_unstable();
    let (first, second): (Vec<usize>, Vec<usize>) =
        (0..groups.len()).partition(|&row| distinct.binary_search(&groups[row]).is_ok());
    let take = |samples: &Samples, rows: &[usize]| Samples::new(select_rows(samples.as_mat(), rows));
    let reference = take(natural, &first)?;
    Ok(Divergences {
        edited: divergence(&reference, &take(edited, &second)?)?,
        natural: divergence(&reference, &take(natural, &second)?)?,
    })
}

/// Wasserstein-1 distance between two samples of one number, each in ascending order: the integral of the difference of
/// their empirical distribution functions.
fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut total) = (0, 0, 0.0);
    let mut last = a[0].min(b[0]);
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(&x), Some(&y)) => x.min(y),
            (Some(&x), None) | (None, Some(&x)) => x,
            (None, None) => break,
        };
        total += (i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs() * (next - last);
        last = next;
        i += a[i..].iter().take_while(|&&value| value == next).count();
        j += b[j..].iter().take_while(|&&value| value == next).count();
    }
    total
}

/// `√(xᵀ C⁻¹ x)` of every row x.
fn whitened_norms(mut covariance: Mat<f64>, rows: Mat<f64>) -> Result<Vec<f64>> {
    let size = covariance.nrows();
    let scratch = cholesky_in_place_scratch::<f64>(size, Par::Seq, Default::default());
    cholesky_in_place(
        covariance.as_mut(),
        Default::default(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::undefined("the covariance of the natural vectors cannot be inverted"))?;
    let mut whitened = rows.transpose().to_owned();
    solve_lower_triangular_in_place(covariance.as_ref(), whitened.as_mut(), Par::Seq);
    Ok(row_norms(whitened.transpose()).into_iter().map(f64::sqrt).collect())
}
