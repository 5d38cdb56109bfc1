//! The shortcuts under permutations and resampling, against the long way round.

use faer::Mat;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::dissimilarity::pair;
use crate::{Correlation, Rsa, cka_linear, dissimilarities};

fn uniform(rows: usize, width: usize, seed: u64) -> Samples {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Samples::new(Mat::from_fn(rows, width, |_, _| rng.random_range(-1.0..1.0))).unwrap()
}

/// Related activity, b 30 units wide: more than there are rows, so that it must be narrowed on the way.
fn two() -> (Samples, Samples) {
    with_width(30)
}

fn with_width(width: usize) -> (Samples, Samples) {
    let a = uniform(24, 4, 1);
    let b = Samples::new(a.as_mat() * uniform(4, width, 2).as_mat() + uniform(24, width, 3).as_mat()).unwrap();
    (a, b)
}

fn prepared<'a>(a: &'a Samples, b: &'a Samples, measure: Measure) -> Box<dyn Comparison + 'a> {
    prepare(a, b, measure, 0, &mut Cache::default()).unwrap()
}

#[track_caller]
fn assert_close(what: impl std::fmt::Display, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found} is not {expected}");
}

/// With copies, and some rows missing.
const DRAWN: [usize; 24] = [0, 0, 0, 1, 2, 3, 5, 5, 7, 8, 9, 10, 11, 11, 13, 14, 15, 15, 15, 18, 19, 20, 21, 23];

#[test]
fn permuted_is_the_measure_of_permuted_rows() {
    let order: Vec<usize> = (0..24).map(|row| (row * 7 + 3) % 24).collect();
    // The folds of `predictivity_b_to_a` stay with the rows of b.
    let measures = Measure::all().into_iter().filter(|measure| *measure != Measure::PredictivityBToA);
    for (measure, width) in measures.flat_map(|measure| [(measure, 5), (measure, 30)]) {
        let (a, b) = with_width(width);
        let permuted = b.select(&order).unwrap();
        let found = prepared(&a, &b, measure).permuted(&order).unwrap();
        assert_close(measure, found, prepared(&a, &permuted, measure).value().unwrap());
        let same: Vec<usize> = (0..24).collect();
        let value = prepared(&a, &b, measure).value().unwrap();
        assert_close(measure, prepared(&a, &b, measure).permuted(&same).unwrap(), value);
        // With 30 units every canonical correlation is 1, whatever the order.
        assert!(width == 30 || (found - value).abs() > 1e-3, "{measure} does not see the order");
    }
}

#[test]
fn predictivity_permutes_the_same_pairs_either_way() {
    let (a, b) = two();
    let order: Vec<usize> = (0..24).map(|row| (row * 5 + 1) % 24).collect();
    // Row i of a goes with row order[i] of b: seen from b, row j with the row of a that order sends there.
    let mut pairs: Vec<usize> = vec![0; 24];
    order.iter().enumerate().for_each(|(row, &target)| pairs[target] = row);
    let found = prepared(&a, &b, Measure::PredictivityBToA).permuted(&order).unwrap();
    let expected = prepared(&b, &a.select(&pairs).unwrap(), Measure::PredictivityAToB).value().unwrap();
    assert_close("b to a", found, expected);
}

#[test]
fn drawing_every_row_once_changes_nothing() {
    let (a, b) = two();
    let once: Vec<usize> = (0..24).collect();
    for measure in Measure::all() {
        let comparison = prepared(&a, &b, measure);
        assert_close(measure, comparison.resampled(&once).unwrap(), comparison.value().unwrap());
    }
}

#[test]
fn resampled_rsa_is_the_correlation_over_pairs_of_different_rows() {
    let (a, b) = two();
    for distance in Distance::ALL {
        let (table_a, table_b) = (dissimilarities(&a, distance).unwrap(), dissimilarities(&b, distance).unwrap());
        let places: Vec<usize> = (0..24)
            .flat_map(|left| (0..left).map(move |right| (DRAWN[left], DRAWN[right])))
            .filter(|(left, right)| left != right)
            .map(|(left, right)| pair(left, right))
            .collect();
        let take = |table: &[f64]| places.iter().map(|&place| table[place]).collect::<Vec<_>>();
        for correlation in Correlation::ALL {
            let expected = correlation.of(&take(&table_a), &take(&table_b)).unwrap();
            let measure = Measure::Rsa(Rsa { zscored: false, distance, correlation });
            assert_close(measure, prepared(&a, &b, measure).resampled(&DRAWN).unwrap(), expected);
        }
    }
}

#[test]
fn resampled_linear_cka_is_that_of_the_drawn_rows() {
    let (a, b) = two();
    let expected = cka_linear(&a.select(&DRAWN).unwrap(), &b.select(&DRAWN).unwrap()).unwrap();
    assert_close("linear", prepared(&a, &b, Measure::CkaLinear).resampled(&DRAWN).unwrap(), expected);
}

#[test]
fn resampled_kernel_cka_is_that_of_the_drawn_kernels() {
    let (a, b) = two();
    let rows = DRAWN.len();
    // Centred Gaussian kernels of the drawn rows, by the formula; the bandwidth is that of all rows.
    let kernel = |samples: &Samples| -> Vec<f64> {
        let mut distances = dissimilarities(samples, Distance::Euclidean).unwrap();
        let squared = |left: usize, right: usize| {
            let difference = samples.as_mat().row(left) - samples.as_mat().row(right);
            difference.iter().map(|value| value * value).sum::<f64>()
        };
        distances.sort_by(f64::total_cmp);
        let middle = distances.len() / 2;
        let median = (distances[middle - 1].powi(2) + distances[middle].powi(2)) / 2.0;
        let value = |left: usize, right: usize| (-squared(DRAWN[left], DRAWN[right]) / (2.0 * median)).exp();
        let mean = |row: usize| (0..rows).map(|other| value(row, other)).sum::<f64>() / rows as f64;
        let means: Vec<f64> = (0..rows).map(mean).collect();
        let all = means.iter().sum::<f64>() / rows as f64;
        let centred = |place: usize| {
            let (left, right) = (place / rows, place % rows);
            value(left, right) - means[left] - means[right] + all
        };
        (0..rows * rows).map(centred).collect()
    };
    let (a_kernel, b_kernel) = (kernel(&a), kernel(&b));
    let inner = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
    let expected =
        inner(&a_kernel, &b_kernel) / (inner(&a_kernel, &a_kernel).sqrt() * inner(&b_kernel, &b_kernel).sqrt());
    assert_close("RBF", prepared(&a, &b, Measure::CkaRbf).resampled(&DRAWN).unwrap(), expected);
}

/// The weighted estimate, summed over all quadruples of different rows as its definition says.
#[test]
fn resampled_debiased_cka_is_the_mean_over_different_rows() {
    let (a, b) = (uniform(8, 3, 5), uniform(8, 5, 6));
    let drawn = [0, 0, 1, 2, 3, 3, 3, 6];
    let counts = [2.0, 1.0, 1.0, 3.0, 0.0, 0.0, 1.0, 0.0];
    let centred = |samples: &Samples| {
        let mean = |column: usize| drawn.iter().map(|&row| samples.as_mat()[(row, column)]).sum::<f64>() / 8.0;
        Mat::from_fn(8, samples.width(), |row, column| samples.as_mat()[(row, column)] - mean(column))
    };
    let gram = |samples: &Samples| &centred(samples) * centred(samples).transpose();
    let estimate = |k: &Mat<f64>, l: &Mat<f64>| {
        let [mut pairs, mut triples, mut quadruples] = [(0.0, 0.0); 3];
        let add = |sum: &mut (f64, f64), weight: f64, value: f64| {
            sum.0 += weight * value;
            sum.1 += weight;
        };
        for i in 0..8 {
            for j in (0..8).filter(|j| *j != i) {
                let weight = counts[i] * counts[j];
                add(&mut pairs, weight, k[(i, j)] * l[(i, j)]);
                for q in (0..8).filter(|q| ![i, j].contains(q)) {
                    add(&mut triples, weight * counts[q], k[(i, j)] * l[(i, q)]);
                    for r in (0..8).filter(|r| ![i, j, q].contains(r)) {
                        add(&mut quadruples, weight * counts[q] * counts[r], k[(i, j)] * l[(q, r)]);
                    }
                }
            }
        }
        pairs.0 / pairs.1 + quadruples.0 / quadruples.1 - 2.0 * triples.0 / triples.1
    };
    let (k, l) = (gram(&a), gram(&b));
    let expected = estimate(&k, &l) / (estimate(&k, &k).sqrt() * estimate(&l, &l).sqrt());
    assert_close("debiased", prepared(&a, &b, Measure::CkaLinearDebiased).resampled(&drawn).unwrap(), expected);
}
