//! Frames that lay the activity of several networks on each other, by its geometry alone.
//!
//! Rows of activity that belong together (the same trial and position, or states with equal values of shared variables) are
//! brought to agree by orthogonal Procrustes (Schönemann, *Psychometrika* 31, 1966): for two networks with activity `H₁`,
//! `H₂` the singular value decomposition `H₁ᵀH₂ = U Σ Vᵀ` gives the frames `U` and `V`. For more it is generalised Procrustes
//! (Gower, *Psychometrika* 40, 1975): each network in turn is turned towards the mean of all that are turned, and the
//! principal axes of that mean come first. One network alone has the principal axes of its own activity.
//!
//! Activity is not centred: an interchange moves means, too.

use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::svd::{ComputeSvdVectors, svd, svd_scratch},
};

use super::decomposition::{descending_eigenvectors, finite, product};
use crate::{Error, Result};

/// Below this share of the largest, a singular value is rounding.
const RANK: f64 = 1e-10;
/// Rounds of generalised Procrustes at most.
const ROUNDS: usize = 100;
/// Generalised Procrustes has settled when a round adds less than this share to the agreement.
const SETTLED: f64 = 1e-10;

/// For each network a frame, `[width, columns of it]`, whose first columns lay the networks' activity on each other, those
/// that carry most of it first. Where the activity has no more to say, a frame goes on with the principal axes of what is
/// left of the network's own, and then with any directions that are at right angles to these.
///
/// - `activity`: of each network `[row, width]`; row i of all networks belongs together
/// - `columns`: the coordinates that are to be laid on each other, at most the smallest width
/// - `all`: whether the frames are square, and not of `columns` columns
///
/// # Errors
/// Networks with different numbers of rows, fewer rows than columns, activity that is the same in every row or not finite.
pub(super) fn matched_frames(activity: &[Mat<f64>], columns: usize, all: bool) -> Result<Vec<Mat<f64>>> {
    check(activity, columns)?;
    let common = match activity {
        [one] => vec![Mat::zeros(one.ncols(), 0)],
        [a, b] => of_two(a.as_ref(), b.as_ref())?,
        several => of_several(several)?,
    };
    let mut frames = Vec::with_capacity(activity.len());
    for (activity, common) in activity.iter().zip(common) {
        let columns = if all { activity.ncols() } else { columns };
        frames.push(completed(activity.as_ref(), common.as_ref(), columns)?);
    }
    one_sign(&mut frames, columns);
    Ok(frames)
}

fn check(activity: &[Mat<f64>], columns: usize) -> Result<()> {
    let rows = activity.first().map_or(0, Mat::nrows);
    if activity.iter().any(|one| one.nrows() != rows) {
        let rows: Vec<String> = activity.iter().map(|one| one.nrows().to_string()).collect();
        return Err(Error::NotMatched(format!("the networks have different numbers of vectors, {}", rows.join(", "))));
    }
    if rows < columns {
        return Err(Error::NotMatched(format!(
            "there are {rows} vectors in common, fewer than the {columns} coordinates"
        )));
    }
    for (index, one) in activity.iter().enumerate() {
        finite(one.as_ref(), "activity to be matched")?;
        let constant = one.col_iter().all(|column| column.iter().all(|value| *value == column[0]));
        if constant {
            return Err(Error::NotMatched(format!("the activity of network {} is the same everywhere", index + 1)));
        }
    }
    Ok(())
}

/// The singular vectors of `aᵀb`, as far as there are any.
fn of_two(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Vec<Mat<f64>>> {
    let (left, values, right) = singular(product(a.transpose(), b, 1.0).as_ref())?;
    let rank = rank(&values);
    Ok(vec![left.subcols(0, rank).to_owned(), right.subcols(0, rank).to_owned()])
}

/// Generalised Procrustes on the products `HᵢᵀHⱼ`, in as many coordinates as the narrowest network has.
fn of_several(activity: &[Mat<f64>]) -> Result<Vec<Mat<f64>>> {
    let n = activity.len();
    let products: Vec<Vec<Mat<f64>>> =
        activity.iter().map(|a| activity.iter().map(|b| product(a.transpose(), b.as_ref(), 1.0)).collect()).collect();
    let narrowest = (0..n).min_by_key(|&network| activity[network].ncols()).unwrap_or(0);
    let width = activity[narrowest].ncols();
    // All are turned towards the narrowest at first.
    let mut turns: Vec<Mat<f64>> =
        (0..n).map(|network| polar(products[network][narrowest].as_ref())).collect::<Result<_>>()?;
    let mut before = 0.0;
    for _ in 0..ROUNDS {
        let mut agreement = 0.0;
        for network in 0..n {
            let mut towards = Mat::<f64>::zeros(activity[network].ncols(), width);
            for (other, turn) in turns.iter().enumerate() {
                towards += product(products[network][other].as_ref(), turn.as_ref(), 1.0 / n as f64);
            }
            let (left, values, right) = singular(towards.as_ref())?;
            turns[network] = product(left.as_ref(), right.transpose(), 1.0);
            agreement += values.iter().sum::<f64>();
        }
        if agreement - before <= SETTLED * agreement {
            break;
        }
        before = agreement;
    }
    let mut gram = Mat::<f64>::zeros(width, width);
    for (a, turn) in turns.iter().enumerate() {
        for (b, other) in turns.iter().enumerate() {
            let turned = product(products[a][b].as_ref(), other.as_ref(), 1.0 / (n * n) as f64);
            gram += product(turn.transpose(), turned.as_ref(), 1.0);
        }
    }
    let (values, axes) = descending_eigenvectors(gram.as_ref())?;
    let axes = axes.subcols(0, rank(&values));
    Ok(turns.iter().map(|turn| product(turn.as_ref(), axes, 1.0)).collect())
}

/// `columns` orthonormal columns of which the first are those of `frame`, and the next the principal axes of what `activity`
/// has at right angles to these.
fn completed(activity: MatRef<'_, f64>, frame: MatRef<'_, f64>, columns: usize) -> Result<Mat<f64>> {
    let width = activity.ncols();
    let found = frame.ncols().min(columns);
    let frame = frame.subcols(0, found);
    if found == columns {
        return Ok(frame.to_owned());
    }
    let gram = product(activity.transpose(), activity, 1.0);
    let away = Mat::<f64>::identity(width, width) - product(frame, frame.transpose(), 1.0);
    let left = product(product(away.as_ref(), gram.as_ref(), 1.0).as_ref(), away.as_ref(), 1.0);
    // The frame's own directions, along which nothing is left, come last.
    let trace: f64 = (0..width).map(|place| gram[(place, place)]).sum();
    let symmetric = Mat::from_fn(width, width, |row, column| 0.5 * (left[(row, column)] + left[(column, row)]));
    let (_, axes) = descending_eigenvectors((symmetric - product(frame, frame.transpose(), 1.0 + trace)).as_ref())?;
    let all =
        Mat::from_fn(
            width,
            columns,
            |row, column| {
                if column < found { frame[(row, column)] } else { axes[(row, column - found)] }
            },
        );
    // Rounding leaves them not quite at right angles.
    let qr = all.qr();
    let (q, r) = (qr.compute_thin_Q(), qr.thin_R());
    Ok(Mat::from_fn(width, columns, |row, column| q[(row, column)] * r[(column, column)].signum()))
}

/// Singular vectors come with any sign: that of a column is chosen, in all frames at once, so that the largest entry of the
/// first frame is positive. Columns beyond `shared` are each network's own.
fn one_sign(frames: &mut [Mat<f64>], shared: usize) {
    let Some(first) = frames.first() else { return };
    let signs: Vec<f64> = (0..shared.min(first.ncols()))
        .map(|column| {
            let entries = first.col(column).iter();
            entries.fold(0.0_f64, |most, &entry| if entry.abs() > most.abs() { entry } else { most }).signum()
        })
        .collect();
    for frame in frames {
        for (column, sign) in signs.iter().enumerate() {
            frame.col_mut(column).iter_mut().for_each(|entry| *entry *= sign);
        }
    }
}

/// The orthonormal columns nearest to `matrix`, which has no more columns than rows.
fn polar(matrix: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let (left, _, right) = singular(matrix)?;
    Ok(product(left.as_ref(), right.transpose(), 1.0))
}

/// How many of `values`, the largest first, are more than rounding.
fn rank(values: &[f64]) -> usize {
    values.iter().take_while(|&&value| value > RANK * values[0]).count()
}

/// `matrix = left · diag(values) · rightᵀ`, thin, the largest value first.
fn singular(matrix: MatRef<'_, f64>) -> Result<(Mat<f64>, Vec<f64>, Mat<f64>)> {
    let (rows, columns) = matrix.shape();
    let least = rows.min(columns);
    let (mut left, mut values, mut right) = (Mat::zeros(rows, least), Diag::zeros(least), Mat::zeros(columns, least));
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd_scratch::<f64>(rows, columns, thin, thin, Par::Seq, Default::default());
    let of = (values.as_mut(), Some(left.as_mut()), Some(right.as_mut()));
    let stack = &mut MemBuffer::new(scratch);
    svd(matrix, of.0, of.1, of.2, Par::Seq, MemStack::new(stack), Default::default())
        .map_err(|_| Error::NotFinite("activity that is to be matched has no singular vectors".into()))?;
    let values = values.column_vector().iter().copied().collect();
    Ok((left, values, right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::start::random_frame;

    /// Rows whose coordinates have standard deviations that fall by half from one to the next, about a mean.
    fn activity(rows: usize, width: usize, seed: u64) -> Mat<f64> {
        let noise = random_frame(rows.max(width), width, seed);
        Mat::from_fn(rows, width, |row, column| 0.2 + noise[(row, column)] * 0.5_f64.powi(column as i32))
    }

    fn difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
        a.col_iter()
            .zip(b.col_iter())
            .flat_map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()).collect::<Vec<_>>())
            .fold(0.0, f64::max)
    }

    fn is_orthonormal(frame: &Mat<f64>) {
        let gram = product(frame.transpose(), frame.as_ref(), 1.0);
        assert!(difference(&gram, &Mat::identity(frame.ncols(), frame.ncols())) < 1e-9);
    }

    /// Activity and the same turned, of each of `networks`.
    fn turned(networks: usize) -> Vec<Mat<f64>> {
        let own = activity(60, 8, 1);
        let turn = |network: usize| random_frame(8, 8, 10 + network as u64);
        (0..networks).map(|network| product(own.as_ref(), turn(network).as_ref(), 1.0)).collect()
    }

    #[test]
    fn turned_activity_is_laid_on_itself() {
        for networks in [2, 3, 5] {
            let activity = turned(networks);
            let frames = matched_frames(&activity, 8, true).unwrap();
            let laid: Vec<Mat<f64>> =
                activity.iter().zip(&frames).map(|(h, q)| product(h.as_ref(), q.as_ref(), 1.0)).collect();
            frames.iter().for_each(is_orthonormal);
            for other in &laid[1..] {
                assert!(difference(&laid[0], other) < 1e-7, "{networks}: {}", difference(&laid[0], other));
            }
            // What carries most comes first.
            let sizes: Vec<f64> = laid[0].col_iter().map(|column| column.squared_norm_l2()).collect();
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        }
    }

    #[test]
    fn one_network_has_the_principal_axes_of_what_is_not_centred() {
        let own = activity(60, 8, 3);
        let frame = matched_frames(&[own.clone()], 8, true).unwrap().remove(0);
        let gram = product(own.transpose(), own.as_ref(), 1.0);
        let turned = product(product(frame.transpose(), gram.as_ref(), 1.0).as_ref(), frame.as_ref(), 1.0);
        let (values, _) = descending_eigenvectors(gram.as_ref()).unwrap();
        let expected = Mat::from_fn(8, 8, |row, column| if row == column { values[row] } else { 0.0 });
        assert!(difference(&turned, &expected) < 1e-9);
    }

    #[test]
    fn two_networks_are_as_near_as_any_rotation_brings_them() {
        let (a, b) = (activity(60, 8, 4), activity(60, 8, 5));
        let apart = |frames: &[Mat<f64>]| {
            let (a, b) = (product(a.as_ref(), frames[0].as_ref(), 1.0), product(b.as_ref(), frames[1].as_ref(), 1.0));
            (a - b).squared_norm_l2()
        };
        let best = apart(&matched_frames(&[a.clone(), b.clone()], 8, true).unwrap());
        for seed in 0..20 {
            assert!(best <= apart(&[Mat::identity(8, 8), random_frame(8, 8, seed)]));
        }
    }

    #[test]
    fn narrow_networks_and_few_distinct_rows_have_whole_frames() {
        // Three distinct rows, often: rank 3.
        let of = |width: usize, seed| {
            let distinct = activity(3, width, seed);
            Mat::from_fn(40, width, |row, column| distinct[(row % 3, column)])
        };
        for networks in [vec![of(8, 1), of(5, 2)], vec![of(8, 1), of(5, 2), of(6, 3)]] {
            let frames = matched_frames(&networks, 5, true).unwrap();
            for (network, frame) in networks.iter().zip(&frames) {
                assert_eq!(frame.shape(), (network.ncols(), network.ncols()));
                is_orthonormal(frame);
                // All of the activity is in the first three columns.
                let laid = product(network.as_ref(), frame.subcols(3, frame.ncols() - 3), 1.0);
                assert!(laid.squared_norm_l2() < 1e-16 * network.squared_norm_l2());
            }
            let few = matched_frames(&networks, 4, false).unwrap();
            assert!(few.iter().all(|frame| frame.ncols() == 4));
            assert!(difference(&few[0], &frames[0].subcols(0, 4).to_owned()) < 1e-6);
        }
    }

    #[test]
    fn what_cannot_be_matched_is_refused() {
        let refused = |activity: &[Mat<f64>], columns| matched_frames(activity, columns, true).unwrap_err().to_string();
        let own = activity(10, 4, 1);
        assert!(refused(&[own.clone(), activity(9, 4, 2)], 2).contains("different numbers of vectors, 10, 9"));
        assert!(refused(&[activity(3, 4, 1), activity(3, 4, 2)], 4).contains("3 vectors in common, fewer than the 4"));
        let constant = Mat::from_fn(10, 4, |_, column| column as f64);
        assert!(refused(&[own.clone(), constant], 2).contains("network 2 is the same everywhere"));
        let broken = Mat::from_fn(10, 4, |row, _| if row == 3 { f64::NAN } else { row as f64 });
        assert!(refused(&[own, broken], 2).contains("not finite"));
    }
}
