//! The matrix exponential against closed forms and against a plain series in f64.

use burn::prelude::*;
use faer::Mat;
use mas_core::alignment::matrix_exponential;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn tensor(matrix: &Mat<f64>) -> Tensor<2> {
    let (rows, columns) = matrix.shape();
    let values: Vec<f32> = (0..rows).flat_map(|r| (0..columns).map(move |c| matrix[(r, c)] as f32)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// The largest difference between `ours` and `expected`.
fn error(ours: Tensor<2>, expected: &Mat<f64>) -> f64 {
    let (rows, columns) = expected.shape();
    assert_eq!(ours.dims(), [rows, columns]);
    let ours = ours.inner().try_into_vec_as::<f32>().unwrap();
    let entries = (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c)));
    entries.map(|(r, c)| (f64::from(ours[r * columns + c]) - expected[(r, c)]).abs()).fold(0.0, f64::max)
}

fn random(n: usize, norm: f64, seed: u64) -> Mat<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Rounded to f32, so that both sides of a comparison are given the same matrix.
    let matrix = Mat::<f64>::from_fn(n, n, |_, _| rng.random_range(-1.0..1.0));
    let factor = norm / matrix.norm_l2();
    Mat::from_fn(n, n, |r, c| f64::from((matrix[(r, c)] * factor) as f32))
}

/// A random skew-symmetric matrix of this Frobenius norm.
fn skew(n: usize, norm: f64, seed: u64) -> Mat<f64> {
    let matrix = random(n, 1.0, seed);
    let skew = Mat::from_fn(n, n, |r, c| matrix[(r, c)] - matrix[(c, r)]);
    let factor = norm / skew.norm_l2();
    Mat::from_fn(n, n, |r, c| f64::from((skew[(r, c)] * factor) as f32))
}

/// The series, after the matrix was made tiny, squared back.
fn series(matrix: &Mat<f64>) -> Mat<f64> {
    let n = matrix.nrows();
    let small = matrix * faer::Scale(0.5_f64.powi(12));
    let (mut sum, mut term) = (Mat::<f64>::identity(n, n), Mat::<f64>::identity(n, n));
    for k in 1..20 {
        term = &term * &small * faer::Scale(1.0 / f64::from(k));
        sum += &term;
    }
    (0..12).fold(sum, |power, _| &power * &power)
}

#[test]
fn the_exponential_of_zero_is_the_identity() {
    let exponential = matrix_exponential(Tensor::zeros([5, 5], &Device::flex()));
    assert_eq!(error(exponential, &Mat::identity(5, 5)), 0.0);
}

#[test]
fn a_plane_turns_by_its_angle() {
    for angle in [1e-4_f32, 0.3, -1.0, 2.0, 3.1, -7.5, 30.0] {
        let a = Tensor::<2>::from_data([[0.0, -angle], [angle, 0.0]], &Device::flex());
        let (sin, cos) = f64::from(angle).sin_cos();
        let expected = faer::mat![[cos, -sin], [sin, cos]];
        let error = error(matrix_exponential(a), &expected);
        assert!(error < 1e-5, "angle {angle}: {error}");
    }
}

#[test]
fn a_nilpotent_matrix_has_a_finite_series() {
    for size in [0.1_f32, 1.0, 4.0] {
        let n = Tensor::<2>::from_data(
            [[0.0, size, 0.0, 0.0], [0.0, 0.0, size, 0.0], [0.0, 0.0, 0.0, size], [0.0; 4]],
            &Device::flex(),
        );
        let power = |k: i32| f64::from(size).powi(k) / f64::from((1..=k).product::<i32>());
        let expected = Mat::from_fn(4, 4, |r, c| if c >= r { power((c - r) as i32) } else { 0.0 });
        let error = error(matrix_exponential(n), &expected);
        assert!(error < 1e-5 * power(3).max(1.0), "size {size}: {error}");
    }
}

#[test]
fn a_symmetric_matrix_keeps_its_eigenvectors() {
    let matrix = random(7, 3.0, 1);
    let symmetric = Mat::from_fn(7, 7, |r, c| f64::from(((matrix[(r, c)] + matrix[(c, r)]) / 2.0) as f32));
    let eigen = symmetric.self_adjoint_eigen(faer::Side::Lower).unwrap();
    let (u, s) = (eigen.U(), eigen.S());
    let grown = Mat::from_fn(7, 7, |r, c| u[(r, c)] * s[c].exp());
    let expected = &grown * u.transpose();
    let error = error(matrix_exponential(tensor(&symmetric)), &expected);
    assert!(error < 1e-5 * expected.norm_max(), "{error}");
}

#[test]
fn random_matrices_of_any_size_and_norm_agree_with_the_series() {
    for (n, norm) in [(1, 0.4), (2, 1.0), (3, 0.01), (6, 2.0), (17, 5.0), (40, 0.5)] {
        let matrix = random(n, norm, n as u64);
        let expected = series(&matrix);
        let error = error(matrix_exponential(tensor(&matrix)), &expected);
        assert!(error < 1e-5 * expected.norm_max().max(1.0), "{n} {norm}: {error}");
    }
}

#[test]
fn large_parameters_still_give_an_orthogonal_matrix() {
    for (n, norm) in [(2, 30.0), (8, 30.0), (64, 30.0), (128, 30.0), (128, 3.0)] {
        let a = skew(n, norm, n as u64);
        let q = matrix_exponential(tensor(&a));
        let from_orthogonal = error(q.clone().transpose().matmul(q.clone()), &Mat::identity(n, n));
        assert!(from_orthogonal < 1e-5, "{n} {norm}: orthogonal to {from_orthogonal}");
        let error = error(q, &series(&a));
        assert!(error < 3e-5, "{n} {norm}: {error}");
    }
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    for (n, norm) in [(2, 0.2), (4, 1.0), (5, 6.0)] {
        let a = skew(n, norm, 3);
        let weights = random(n, 1.0, 4);
        let leaf = tensor(&a).autodiff().require_grad();
        let loss = (matrix_exponential(leaf.clone()) * Tensor::from_inner(tensor(&weights))).sum();
        let gradient = leaf.grad(&loss.backward()).unwrap();
        let value = |a: &Mat<f64>| {
            let exponential = series(a);
            (0..n).flat_map(|r| (0..n).map(move |c| (r, c))).map(|at| exponential[at] * weights[at]).sum::<f64>()
        };
        let moved = |at: (usize, usize), by: f64| {
            let mut a = a.clone();
            a[at] += by;
            value(&a)
        };
        let expected = Mat::from_fn(n, n, |r, c| (moved((r, c), 1e-6) - moved((r, c), -1e-6)) / 2e-6);
        let error = error(gradient, &expected);
        assert!(error < 1e-5 * expected.norm_max().max(0.1), "{n} {norm}: {error}");
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    for value in [f32::NAN, f32::INFINITY] {
        let a = Tensor::<2>::from_data([[0.0, value], [1.0, 0.0]], &Device::flex());
        let sum: f32 = matrix_exponential(a).sum().into_scalar();
        assert!(!sum.is_finite());
    }
}
