//! Activity that is drawn.

use faer::Mat;
use mas_metrics::Samples;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers from a normal distribution (Box and Muller).
pub fn noise(rows: usize, width: usize, seed: u64) -> Samples {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Samples::new(Mat::from_fn(rows, width, |_, _| {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    }))
    .unwrap()
}

#[allow(dead_code, reason = "not every test changes numbers")]
pub fn map(samples: &Samples, change: impl Fn(f64, usize) -> f64) -> Samples {
    let matrix = samples.as_mat();
    Samples::new(Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| change(matrix[(row, column)], column)))
        .unwrap()
}

#[allow(dead_code, reason = "not every test maps")]
pub fn times(samples: &Samples, matrix: &Mat<f64>) -> Samples {
    Samples::new(samples.as_mat() * matrix).unwrap()
}

#[allow(dead_code, reason = "not every test turns")]
pub fn rotation(width: usize, seed: u64) -> Mat<f64> {
    noise(width, width, seed).as_mat().qr().compute_Q()
}

#[track_caller]
pub fn assert_close(what: impl std::fmt::Display, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
}

/// The largest difference between equal places.
#[allow(dead_code, reason = "not every test compares matrices")]
pub fn difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    (a - b).norm_max()
}

/// The same with every column's mean taken off.
#[allow(dead_code, reason = "not every test centres")]
pub fn centred(samples: &Samples) -> Samples {
    let rows = samples.rows() as f64;
    let means: Vec<f64> = samples.as_mat().col_iter().map(|column| column.iter().sum::<f64>() / rows).collect();
    map(samples, |value, unit| value - means[unit])
}
