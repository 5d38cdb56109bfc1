//! Closed-form stitchers: what they recover, what they are the best of, what they do not depend on.

mod made_up;

use faer::Mat;
use made_up::{assert_close, centred, difference, map, noise, rotation, times};
use mas_metrics::{Error, Samples, Stitcher, StitchingFit, least_squares_stitcher, orthogonal_stitcher, procrustes};
use proptest::prelude::*;

fn fit(stitcher: &Stitcher, source: &Samples, target: &Samples) -> StitchingFit {
    stitcher.fit(source, target).unwrap()
}

/// `‖Y − XM‖²`, column means taken off.
fn error(map: &Mat<f64>, source: &Samples, target: &Samples) -> f64 {
    (centred(target).as_mat() - centred(source).as_mat() * map).squared_norm_l2()
}

/// `‖X‖²`, column means taken off.
fn size(samples: &Samples) -> f64 {
    centred(samples).as_mat().squared_norm_l2()
}

#[test]
fn a_planted_affine_map_is_recovered() {
    for (from, to) in [(5, 5), (7, 4), (4, 7)] {
        let (source, planted) = (noise(60, from, 1), noise(from, to, 2));
        let target = map(&times(&source, &planted.as_mat().to_owned()), |value, unit| value + unit as f64 - 3.0);
        let stitcher = least_squares_stitcher(&source, &target, 0.0).unwrap();
        assert!(difference(&stitcher.map, &planted.as_mat().to_owned()) < 1e-10, "{from} to {to}");
        // On other rows of the same two networks, too.
        let fresh = noise(30, from, 3);
        let expected = map(&times(&fresh, &planted.as_mat().to_owned()), |value, unit| value + unit as f64 - 3.0);
        let StitchingFit { r_squared, relative_error } = fit(&stitcher, &fresh, &expected);
        assert_close("R²", r_squared, 1.0, 1e-12);
        assert_close("error", relative_error, 0.0, 1e-6);
    }
}

#[test]
fn a_planted_rotation_is_recovered() {
    let (source, planted) = (noise(60, 6, 1), rotation(6, 2));
    let target = map(&times(&source, &planted), |value, unit| value - unit as f64);
    let stitcher = orthogonal_stitcher(&source, &target).unwrap();
    assert!(difference(&stitcher.map, &planted) < 1e-10);
    assert_close("R²", fit(&stitcher, &source, &target).r_squared, 1.0, 1e-12);
}

#[test]
fn a_planted_frame_is_recovered_where_widths_differ() {
    let frame = rotation(7, 3).subcols(0, 4).to_owned();
    let narrow = noise(80, 4, 1);
    let wide = times(&narrow, &frame.transpose().to_owned());
    // Into the wider network the map has orthonormal rows, back again orthonormal columns.
    let out = orthogonal_stitcher(&narrow, &wide).unwrap();
    assert!(difference(&out.map, &frame.transpose().to_owned()) < 1e-10);
    let back = orthogonal_stitcher(&wide, &narrow).unwrap();
    assert!(difference(&back.map, &frame) < 1e-10);
    assert_close("out", fit(&out, &narrow, &wide).r_squared, 1.0, 1e-12);
    assert_close("back", fit(&back, &wide, &narrow).r_squared, 1.0, 1e-12);
}

#[test]
fn one_unit_each_has_a_closed_form() {
    let source = Samples::from_row_major(&[1.0, 2.0, 3.0, 4.0, 6.0], 1).unwrap();
    let target = Samples::from_row_major(&[2.0, 1.0, 5.0, 4.0, 8.0], 1).unwrap();
    // Means 3.2 and 4; sums of products: xx 14.8, xy 19, yy 30.
    let plain = least_squares_stitcher(&source, &target, 0.0).unwrap();
    assert_close("slope", plain.map[(0, 0)], 19.0 / 14.8, 1e-12);
    assert_eq!((plain.source_mean[0], plain.target_mean[0]), (3.2, 4.0));
    let StitchingFit { r_squared, relative_error } = fit(&plain, &source, &target);
    assert_close("R² is r²", r_squared, 19.0 * 19.0 / (14.8 * 30.0), 1e-12);
    let left: f64 = 30.0 - 19.0 * 19.0 / 14.8;
    assert_close("error", relative_error, (left / 110.0).sqrt(), 1e-12);
    // The ridge is a part of the largest eigenvalue, 14.8.
    let ridge = least_squares_stitcher(&source, &target, 0.5).unwrap();
    assert_close("with a ridge", ridge.map[(0, 0)], 19.0 / (1.5 * 14.8), 1e-12);
    assert_eq!(orthogonal_stitcher(&source, &target).unwrap().map[(0, 0)], 1.0);
}

#[test]
fn its_own_fit_is_that_of_procrustes() {
    // With both norms 1, ‖Y − XM‖² = 2 − 2 procrustes.
    let (source, target) = (noise(50, 5, 1), noise(50, 5, 2));
    let unit = |samples: &Samples| map(samples, |value, _| value / size(samples).sqrt());
    let (source, target) = (unit(&source), unit(&target));
    let stitcher = orthogonal_stitcher(&source, &target).unwrap();
    let expected = 2.0 - 2.0 * procrustes(&source, &target).unwrap();
    assert_close("error", error(&stitcher.map, &source, &target), expected, 1e-12);
}

#[test]
fn directions_without_variance_are_sent_to_zero() {
    // The third unit is the sum of the others: of all maps with these predictions, the smallest.
    let two = noise(40, 2, 1);
    let tied = |row: usize, unit: usize| match unit {
        2 => two.as_mat()[(row, 0)] + two.as_mat()[(row, 1)],
        _ => two.as_mat()[(row, unit)],
    };
    let source = Samples::new(Mat::from_fn(40, 3, tied)).unwrap();
    let target = times(&two, &noise(2, 2, 2).as_mat().to_owned());
    let stitcher = least_squares_stitcher(&source, &target, 0.0).unwrap();
    assert_close("R²", fit(&stitcher, &source, &target).r_squared, 1.0, 1e-12);
    for unit in 0..2 {
        let [first, second, sum] = [0, 1, 2].map(|row| stitcher.map[(row, unit)]);
        assert_close("no part along (1, 1, −1)", first + second - sum, 0.0, 1e-10);
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (a, b) = (noise(20, 3, 1), noise(20, 4, 2));
    assert_eq!(least_squares_stitcher(&a, &noise(19, 4, 2), 0.0).unwrap_err(), Error::Rows { a: 20, b: 19 });
    assert!(matches!(orthogonal_stitcher(&noise(1, 3, 1), &noise(1, 4, 1)), Err(Error::TooFew { .. })));
    for ridge in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(least_squares_stitcher(&a, &b, ridge), Err(Error::Parameter(_))), "{ridge}");
    }
    let constant = map(&a, |_, unit| unit as f64);
    assert!(matches!(least_squares_stitcher(&constant, &b, 0.0), Err(Error::Undefined { .. })));
    let stitcher = least_squares_stitcher(&a, &b, 0.0).unwrap();
    assert_eq!(stitcher.apply(&b).unwrap_err(), Error::Width { expected: 3, found: 4 });
    assert_eq!(stitcher.fit(&a, &a).unwrap_err(), Error::Width { expected: 4, found: 3 });
    assert!(matches!(stitcher.fit(&a, &map(&b, |_, _| 1.0)), Err(Error::Undefined { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// No other orthogonal map is nearer, whichever activity is the wider one (padded with zeros, where it is not).
    #[test]
    fn the_orthogonal_stitcher_is_orthonormal_and_the_best(from in 1_usize..6, to in 1_usize..6, seed in 0_u64..1000) {
        let (source, target) = (noise(20, from, seed), noise(20, to, seed + 1));
        let found = orthogonal_stitcher(&source, &target).unwrap().map;
        let width = from.max(to);
        let gram = if from >= to { found.transpose() * &found } else { &found * found.transpose() };
        prop_assert!(difference(&gram, &Mat::identity(from.min(to), from.min(to))) < 1e-10);
        let pad = |samples: &Samples| {
            let matrix = samples.as_mat();
            let value = |row, unit| if unit < matrix.ncols() { matrix[(row, unit)] } else { 0.0 };
            Samples::new(Mat::from_fn(matrix.nrows(), width, value)).unwrap()
        };
        // In the padded space the error of any orthogonal map R is ‖X‖² + ‖Y‖² − 2 tr(RᵀXᵀY).
        let (wide_source, wide_target) = (pad(&source), pad(&target));
        let shared = (found.transpose() * centred(&source).as_mat().transpose() * centred(&target).as_mat())
            .diagonal()
            .column_vector()
            .sum();
        let least = size(&source) + size(&target) - 2.0 * shared;
        for other in 0..8 {
            let rival = rotation(width, 7 * seed + other);
            let theirs = error(&rival, &wide_source, &wide_target);
            prop_assert!(least <= theirs + 1e-9, "{least} > {theirs}");
        }
    }

    /// No other linear map has less error, and with a ridge less error and size together.
    #[test]
    fn least_squares_are_least(from in 1_usize..5, to in 1_usize..5, ridge in 0.0_f64..2.0, seed in 0_u64..1000) {
        let (source, target) = (noise(20, from, seed), noise(20, to, seed + 1));
        let found = least_squares_stitcher(&source, &target, ridge).unwrap().map;
        let largest = centred(&source).as_mat().singular_values().unwrap()[0].powi(2);
        let cost = |map: &Mat<f64>| error(map, &source, &target) + ridge * largest * map.squared_norm_l2();
        for (other, size) in [(0, 1e-3), (1, 0.1), (2, 3.0)] {
            let rival = &found + noise(from, to, seed + 10 + other).as_mat() * size;
            prop_assert!(cost(&found) < cost(&rival));
        }
    }

    /// Predictions do not depend on the source's coordinates, and follow the target's.
    #[test]
    fn stitchers_go_along_with_both_activities(ridge in 0.0_f64..1.0, seed in 0_u64..1000) {
        let (source, target) = (noise(25, 4, seed), noise(25, 3, seed + 1));
        let (turn_source, turn_target) = (rotation(4, seed + 2), rotation(3, seed + 3));
        let moved_source = map(&times(&source, &turn_source), |value, unit| 5.0 * value + unit as f64);
        let moved_target = map(&times(&target, &turn_target), |value, unit| value - unit as f64);
        let least_squares = |x: &Samples, y: &Samples| least_squares_stitcher(x, y, ridge).unwrap();
        let orthogonal = |x: &Samples, y: &Samples| orthogonal_stitcher(x, y).unwrap();
        // A source five times as large needs a map a fifth as large, unless it is to be a rotation.
        type Stitch<'a> = &'a dyn Fn(&Samples, &Samples) -> Stitcher;
        let stitchers: [(Stitch, f64); 2] = [(&least_squares, 0.2), (&orthogonal, 1.0)];
        for (stitch, scale) in stitchers {
            let turned = turn_source.transpose() * stitch(&source, &target).map * &turn_target * faer::Scale(scale);
            prop_assert!(difference(&turned, &stitch(&moved_source, &moved_target).map) < 1e-9);
        }
        // Without a ridge, any invertible map of the source will do.
        let bent = times(&source, &noise(4, 4, seed + 4).as_mat().to_owned());
        let (before, after) =
            (least_squares_stitcher(&source, &target, 0.0).unwrap(), least_squares_stitcher(&bent, &target, 0.0).unwrap());
        let change = before.apply(&source).unwrap().as_mat() - after.apply(&bent).unwrap().as_mat();
        prop_assert!(change.norm_max() < 1e-7);
    }
}
