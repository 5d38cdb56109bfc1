//! How far edited vectors leave natural ones: closed forms and invariances.

mod made_up;

use faer::Mat;
use made_up::{assert_close, map, noise, rotation, times};
use mas_metrics::{Divergence, Error, Samples, divergence, divergences};

fn of(natural: &Samples, vectors: &Samples) -> Divergence {
    divergence(natural, vectors).unwrap()
}

fn one_unit(values: &[f64]) -> Samples {
    Samples::from_row_major(values, 1).unwrap()
}

#[test]
fn short_lists_by_hand() {
    // Natural 0, 2, 4: mean 2, variance 4; regularised 4.04.
    let natural = one_unit(&[4.0, 0.0, 2.0]);
    let same = of(&natural, &one_unit(&[0.0, 2.0, 4.0]));
    assert_eq!((same.earth_movers_distance, same.largest_excess), (0.0, 0.0));
    assert_close("itself", same.mahalanobis, (2.0 + 0.0 + 2.0) / 3.0 / 4.04_f64.sqrt(), 1e-12);
    // Each of three values one up; 5 is one beyond 4, half a standard deviation.
    let up = of(&natural, &one_unit(&[1.0, 3.0, 5.0]));
    assert_close("moved", up.earth_movers_distance, 1.0, 1e-12);
    assert_close("beyond", up.largest_excess, 0.5, 1e-12);
    assert_close("far", up.mahalanobis, (1.0 + 1.0 + 3.0) / 3.0 / 4.04_f64.sqrt(), 1e-12);
    // All to one point, of two vectors only: a third of the mass goes 3 down, a third 1 down, a third 1 up.
    let point = of(&natural, &one_unit(&[1.0, 1.0]));
    assert_close("to a point", point.earth_movers_distance, (1.0 + 1.0 + 3.0) / 3.0, 1e-12);
    assert_eq!(point.largest_excess, 0.0);
    // Below the range.
    assert_close("below", of(&natural, &one_unit(&[-3.0, 1.0])).largest_excess, 1.5, 1e-12);
}

#[test]
fn unequal_numbers_of_values_share_the_mass() {
    // 0, 1 against 0, 0, 1, 1, 1: a tenth of the mass goes from 0 to 1.
    let found = of(&one_unit(&[0.0, 1.0]), &one_unit(&[0.0, 0.0, 1.0, 1.0, 1.0]));
    assert_close("a tenth", found.earth_movers_distance, 0.1, 1e-12);
}

#[test]
fn coordinates_are_averaged_and_the_worst_one_is_named() {
    let natural = Samples::from_row_major(&[0.0, 10.0, 2.0, 10.0, 4.0, 10.0], 2).unwrap();
    let edited = Samples::from_row_major(&[1.0, 10.0, 3.0, 11.0, 5.0, 10.0], 2).unwrap();
    let found = of(&natural, &edited);
    assert_close("mean of 1 and 1/3", found.earth_movers_distance, 2.0 / 3.0, 1e-12);
    // The second coordinate never changes by itself: √(4/2) stands in.
    assert_close("the constant one", found.largest_excess, 1.0 / 2.0_f64.sqrt(), 1e-12);
}

#[test]
fn mahalanobis_is_that_of_the_regularised_covariance() {
    // Correlated units, worked out by a general inverse.
    let natural = times(&noise(40, 3, 1), &noise(3, 3, 2).as_mat().to_owned());
    let edited = noise(5, 3, 3);
    let matrix = natural.as_mat();
    let mean: Vec<f64> = matrix.col_iter().map(|column| column.iter().sum::<f64>() / 40.0).collect();
    let centred = map(&natural, |value, unit| value - mean[unit]);
    let mut covariance = centred.as_mat().transpose() * centred.as_mat() * faer::Scale(1.0 / 39.0);
    let trace: f64 = (0..3).map(|unit| covariance[(unit, unit)]).sum();
    (0..3).for_each(|unit| covariance[(unit, unit)] += 0.01 * trace / 3.0);
    use faer::linalg::solvers::DenseSolveCore;
    let inverse = covariance.partial_piv_lu().inverse();
    let away = map(&edited, |value, unit| value - mean[unit]);
    let squared = away.as_mat() * inverse * away.as_mat().transpose();
    let expected = (0..5).map(|row| squared[(row, row)].sqrt()).sum::<f64>() / 5.0;
    assert_close("Mahalanobis", of(&natural, &edited).mahalanobis, expected, 1e-9);
}

#[test]
fn fewer_vectors_than_coordinates_have_a_distance_too() {
    let found = of(&noise(4, 12, 1), &noise(6, 12, 2));
    assert!(found.mahalanobis.is_finite() && found.mahalanobis > 0.0, "{found:?}");
}

#[test]
fn what_moves_both_moves_nothing() {
    let (natural, edited) = (noise(30, 4, 1), noise(20, 4, 2));
    let before = of(&natural, &edited);
    let moved = |samples: &Samples| map(samples, |value, unit| 3.0 * value + unit as f64);
    let after = of(&moved(&natural), &moved(&edited));
    assert_close("distance", after.earth_movers_distance, 3.0 * before.earth_movers_distance, 1e-12);
    assert_close("excess", after.largest_excess, before.largest_excess, 1e-9);
    assert_close("Mahalanobis", after.mahalanobis, before.mahalanobis, 1e-9);
    let turn = rotation(4, 3);
    let turned = of(&times(&natural, &turn), &times(&edited, &turn));
    assert_close("Mahalanobis, turned", turned.mahalanobis, before.mahalanobis, 1e-9);
}

#[test]
fn nothing_edited_is_no_farther_than_natural() {
    let natural = noise(60, 5, 1);
    let groups: Vec<u64> = (0..60).map(|row| row / 2).collect();
    let found = divergences(&natural, &natural, &groups, 7).unwrap();
    assert_eq!(found.edited, found.natural);
    // Two halves of one sample are apart all the same: that is what the second column is for.
    assert!(found.natural.earth_movers_distance > 0.05);
    assert_eq!(found, divergences(&natural, &natural, &groups, 7).unwrap());
    assert_ne!(found, divergences(&natural, &natural, &groups, 8).unwrap());
    let far = map(&natural, |value, _| value + 10.0);
    let found = divergences(&natural, &far, &groups, 7).unwrap();
    assert_close("ten apart", found.edited.earth_movers_distance, 10.0, 1.0);
    assert!(found.edited.largest_excess > 5.0 && found.edited.mahalanobis > 5.0 * found.natural.mahalanobis);
}

#[test]
fn rows_of_a_group_stay_together() {
    // Each group is one value, many times over. With all its copies on one side, the sides have nothing in common.
    let groups: Vec<u64> = (0..40).map(|row| row % 4).collect();
    let natural = Samples::new(Mat::from_fn(40, 1, |row, _| (1 << (row % 4)) as f64)).unwrap();
    for seed in 0..10 {
        let found = divergences(&natural, &natural, &groups, seed).unwrap();
        // 1, 2, 4, 8 in two pairs: at least (1 + 4)/2 from … to …, whichever they are: never zero.
        assert!(found.natural.earth_movers_distance >= 1.5, "{found:?}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let natural = noise(10, 3, 1);
    assert_eq!(divergence(&natural, &noise(10, 2, 1)).unwrap_err(), Error::Width { expected: 3, found: 2 });
    assert!(matches!(divergence(&noise(1, 3, 1), &natural), Err(Error::TooFew { .. })));
    assert!(matches!(divergence(&map(&natural, |_, unit| unit as f64), &natural), Err(Error::Undefined { .. })));
    assert!(matches!(divergences(&natural, &natural, &[0; 10], 1), Err(Error::TooFew { .. })));
    assert!(matches!(divergences(&natural, &natural, &[0; 9], 1), Err(Error::Parameter(_))));
    assert_eq!(divergences(&natural, &noise(9, 3, 1), &[0; 10], 1).unwrap_err(), Error::Rows { a: 10, b: 9 });
}
