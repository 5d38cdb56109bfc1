//! What a subspace takes: closed forms.

mod made_up;

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use faer::Mat;
use made_up::{assert_close, centred, difference, map, noise, rotation, times};
use mas_metrics::{Error, RowSpace, Samples, principal_angles, variance_share};

#[test]
fn variance_share_is_the_trace_along_the_frame() {
    let activity =
        map(&times(&noise(50, 6, 1), &noise(6, 6, 2).as_mat().to_owned()), |value, unit| value + unit as f64);
    let basis = rotation(6, 3);
    let centred = centred(&activity);
    let covariance = centred.as_mat().transpose() * centred.as_mat();
    let trace = |matrix: &Mat<f64>| (0..matrix.nrows()).map(|unit| matrix[(unit, unit)]).sum::<f64>();
    let frame = basis.subcols(1, 2).to_owned();
    let expected = trace(&(frame.transpose() * &covariance * &frame)) / trace(&covariance);
    assert_close("two of six", variance_share(&times(&activity, &frame), &activity).unwrap(), expected, 1e-12);
    assert_close("all", variance_share(&times(&activity, &basis), &activity).unwrap(), 1.0, 1e-12);
    let still = map(&activity, |_, _| 1.0);
    assert_eq!(variance_share(&still, &activity).unwrap(), 0.0);
    assert!(matches!(variance_share(&still, &still), Err(Error::Undefined { .. })));
    assert!(matches!(variance_share(&noise(49, 2, 4), &activity), Err(Error::Parameter(_))));
}

#[test]
fn angles_of_planes_that_share_an_axis() {
    // The plane of the first two axes, and one that is turned about the first axis by 45°.
    let a = Mat::from_fn(4, 2, |row, column| f64::from(row == column));
    let half = FRAC_PI_4.cos();
    let b = Mat::from_fn(4, 2, |row, column| match (row, column) {
        (0, 0) => 1.0,
        (1 | 2, 1) => half,
        _ => 0.0,
    });
    let angles = principal_angles(a.as_ref(), b.as_ref()).unwrap();
    assert_close("shared", angles[0], 0.0, 1e-7);
    assert_close("turned", angles[1], FRAC_PI_4, 1e-12);
    // Neither the choice of basis nor the order matters.
    let turned = principal_angles((b.clone() * rotation(2, 1)).as_ref(), a.as_ref()).unwrap();
    assert_close("another basis", turned[1], FRAC_PI_4, 1e-12);
    // A subspace of one dimension, at right angles.
    let c = Mat::from_fn(4, 1, |row, _| f64::from(row == 3));
    assert_eq!(principal_angles(a.as_ref(), c.as_ref()).unwrap(), [FRAC_PI_2]);
}

#[test]
fn arbitrary_subspaces_overlap_by_chance() {
    let frame = |seed| rotation(40, seed).subcols(0, 10).to_owned();
    let overlap = (0..10).map(|seed| {
        let angles = principal_angles(frame(seed).as_ref(), frame(100 + seed).as_ref()).unwrap();
        angles.iter().map(|angle| angle.cos().powi(2)).sum::<f64>() / 10.0
    });
    assert_close("k/d", overlap.sum::<f64>() / 10.0, 0.25, 0.01);
}

#[test]
fn frames_that_are_none_are_refused() {
    let frame = rotation(4, 1).subcols(0, 2).to_owned();
    assert!(matches!(principal_angles(frame.as_ref(), rotation(5, 1).as_ref()), Err(Error::Width { .. })));
    for bad in [&frame * faer::Scale(1.01), Mat::zeros(4, 0), &frame * faer::Scale(f64::NAN)] {
        assert!(matches!(principal_angles(frame.as_ref(), bad.as_ref()), Err(Error::Parameter(_))));
    }
}

/// Outputs that depend on two of five directions, one ten times as strongly as the other, and faintly on a third.
fn jacobian(outputs: usize) -> (Samples, Mat<f64>) {
    let basis = rotation(5, 1);
    let strengths = [10.0, 1.0, 1e-4];
    let weights = noise(outputs, 3, 2).as_mat().qr().compute_thin_Q();
    let rows = Mat::from_fn(outputs, 5, |row, unit| {
        (0..3).map(|place| weights[(row, place)] * strengths[place] * basis[(unit, place)]).sum::<f64>()
    });
    (Samples::new(rows).unwrap(), basis)
}

#[test]
fn the_row_space_has_the_share_of_the_squared_norm_that_it_is_asked_for() {
    // With few outputs and with many: two ways to the same.
    for outputs in [4, 40] {
        let (jacobian, basis) = jacobian(outputs);
        // Squared norms 100, 1 and 1e-8: 100/101 = 0.9901.
        for (share, rank) in [(0.5, 1), (0.99, 1), (0.991, 2), (0.999_999, 2)] {
            assert_eq!(RowSpace::of(&jacobian, share).unwrap().rank(), rank, "{outputs} outputs, {share}");
        }
        let space = RowSpace::of(&jacobian, 0.999).unwrap();
        let projector = &space.basis * space.basis.transpose();
        let expected = basis.subcols(0, 2) * basis.subcols(0, 2).transpose();
        assert!(difference(&projector, &expected.to_owned()) < 1e-6, "{outputs} outputs");
    }
}

#[test]
fn unseen_shares_by_hand() {
    let (jacobian, basis) = jacobian(40);
    let space = RowSpace::of(&jacobian, 0.999).unwrap();
    let along = |weights: [f64; 5]| {
        Mat::from_fn(1, 5, |_, unit| (0..5).map(|place| weights[place] * basis[(unit, place)]).sum::<f64>())
    };
    let share = |changes: &[[f64; 5]]| {
        let rows: Vec<Mat<f64>> = changes.iter().map(|&weights| along(weights)).collect();
        let changes = Mat::from_fn(rows.len(), 5, |row, unit| rows[row][(0, unit)]);
        space.unseen_share(&Samples::new(changes).unwrap())
    };
    assert_close("seen", share(&[[3.0, -1.0, 0.0, 0.0, 0.0]]).unwrap(), 0.0, 1e-6);
    assert_close("unseen", share(&[[0.0, 0.0, 0.0, 2.0, 1.0]]).unwrap(), 1.0, 1e-6);
    assert_close("3, 4", share(&[[3.0, 0.0, 0.0, 4.0, 0.0]]).unwrap(), 16.0 / 25.0, 1e-6);
    // The mean over rows, whatever their size; rows of zeros have no say.
    let two = [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 100.0], [0.0; 5]];
    assert_close("mean", share(&two).unwrap(), 0.5, 1e-6);
    assert!(matches!(share(&[[0.0; 5]]), Err(Error::Undefined { .. })));
    assert!(matches!(space.unseen_share(&noise(2, 4, 1)), Err(Error::Width { .. })));
}

#[test]
fn jacobians_that_say_nothing_are_refused() {
    let zero = Samples::new(Mat::zeros(3, 4)).unwrap();
    assert!(matches!(RowSpace::of(&zero, 0.99), Err(Error::Undefined { .. })));
    for share in [0.0, 1.1, f64::NAN] {
        assert!(matches!(RowSpace::of(&noise(3, 4, 1), share), Err(Error::Parameter(_))), "{share}");
    }
    assert_eq!(RowSpace::of(&noise(3, 4, 1), 1.0).unwrap().rank(), 3);
}
