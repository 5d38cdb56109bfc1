//! What must hold for any activity: invariances, closed forms, behaviour on noise.

mod made_up;

use made_up::{assert_close, map, noise, rotation, times};
use mas_core::Activity;
use mas_metrics::{
    Components, Correlation, Distance, Error, Measure, Options, Rsa, Samples, cca_mean, cka_linear,
    cka_linear_debiased, cka_rbf, cka_rbf_debiased, compare, compare_each, dissimilarities, distinct_rows, draw_rows,
    mutual_knn, predictivity, procrustes, pwcca, svcca,
};
use proptest::prelude::*;

/// A view of the same latent variables: some signal, some noise of its own.
fn view(rows: usize, width: usize, seed: u64) -> Samples {
    let (latent, mixing) = (noise(rows, 3, 1), noise(3, width, seed));
    let own = noise(rows, width, seed + 1000);
    Samples::new(latent.as_mat() * mixing.as_mat() + own.as_mat() * 0.7).unwrap()
}

fn value(a: &Samples, b: &Samples, measure: Measure) -> f64 {
    compare(a, b, &[measure], &Options { permutations: 0, bootstraps: 0, seed: 3 }).unwrap()[0].value
}

/// Whether the measure is kept by rotations about the origin; all of them are kept by isotropic scaling.
fn keeps_rotations(measure: Measure) -> bool {
    match measure {
        Measure::Rsa(rsa) => !rsa.zscored && rsa.distance != Distance::Correlation,
        Measure::ReferenceRsa { zscored, .. } => !zscored,
        // PWCCA's weights are taken along the axes of a.
        Measure::ReferenceCka(_) | Measure::Pwcca => false,
        _ => true,
    }
}

/// Whether the measure is kept by translations.
fn keeps_translations(measure: Measure) -> bool {
    match measure {
        Measure::Rsa(rsa) => rsa.zscored || rsa.distance == Distance::Euclidean,
        Measure::ReferenceRsa { zscored, distance, .. } => {
            zscored || distance == mas_metrics::ReferenceDistance::Euclidean
        }
        Measure::MutualKnn => false,
        _ => true,
    }
}

#[test]
fn names_are_unique_and_parse() {
    let all = Measure::all();
    assert_eq!(all.len(), 3 + 18 + 9 + 10);
    for measure in &all {
        assert_eq!(measure.to_string().parse::<Measure>(), Ok(*measure));
    }
    let error = "cka".parse::<Measure>().unwrap_err().to_string();
    assert!(error.starts_with("there is no measure called \"cka\"; there are cka_linear, "), "{error}");
}

#[test]
fn an_activity_is_like_itself() {
    let a = view(60, 5, 2);
    for measure in Measure::all() {
        let expected = if measure.is_distance() { 0.0 } else { 1.0 };
        // A distance is the root of what rounding leaves.
        assert_close(measure, value(&a, &a, measure), expected, 1e-6);
    }
}

#[test]
fn scaling_both_changes_nothing() {
    let (a, b) = (view(60, 5, 2), view(60, 7, 3));
    let (large, small) = (map(&a, |value, _| value * 1e30), map(&b, |value, _| value * 1e-30));
    for measure in Measure::all() {
        assert_close(measure, value(&large, &small, measure), value(&a, &b, measure), 1e-9);
    }
}

#[test]
fn rotations_keep_what_they_should_and_nothing_else() {
    let (a, b) = (view(60, 5, 2), view(60, 7, 3));
    let (turned_a, turned_b) = (times(&a, &rotation(5, 4)), times(&b, &rotation(7, 5)));
    for measure in Measure::all() {
        let change = (value(&turned_a, &turned_b, measure) - value(&a, &b, measure)).abs();
        assert_eq!(change < 1e-9, keeps_rotations(measure), "{measure} changes by {change}");
    }
}

#[test]
fn translations_keep_what_they_should_and_nothing_else() {
    let (a, b) = (view(60, 5, 2), view(60, 7, 3));
    let (moved_a, moved_b) =
        (map(&a, |value, unit| value + unit as f64), map(&b, |value, unit| value - 2.0 * unit as f64));
    for measure in Measure::all() {
        let change = (value(&moved_a, &moved_b, measure) - value(&a, &b, measure)).abs();
        assert_eq!(change < 1e-9, keeps_translations(measure), "{measure} changes by {change}");
    }
}

#[test]
fn exchanging_changes_only_what_has_a_direction() {
    let (a, b) = (view(60, 5, 2), view(60, 7, 3));
    for measure in Measure::all() {
        let change = (value(&a, &b, measure) - value(&b, &a, measure)).abs();
        assert_eq!(change < 1e-9, measure.is_symmetric(), "{measure} changes by {change}");
    }
    let forth = value(&a, &b, Measure::PredictivityAToB);
    assert_close("the other direction", value(&b, &a, Measure::PredictivityBToA), forth, 1e-12);
}

#[test]
fn cca_is_kept_by_invertible_maps() {
    let (a, b) = (view(60, 5, 2), view(60, 7, 3));
    let (bent_a, bent_b) =
        (times(&a, &noise(5, 5, 8).as_mat().to_owned()), times(&b, &noise(7, 7, 9).as_mat().to_owned()));
    assert_close("mean", cca_mean(&bent_a, &bent_b).unwrap(), cca_mean(&a, &b).unwrap(), 1e-9);
    assert_close("weighted by a", pwcca(&a, &bent_b).unwrap(), pwcca(&a, &b).unwrap(), 1e-9);
    assert!(
        (svcca(&bent_a, &b, Components::Share(0.9)).unwrap() - svcca(&a, &b, Components::Share(0.9)).unwrap()).abs()
            > 1e-6
    );
}

#[test]
fn two_columns_have_closed_forms() {
    // With one unit each, everything linear is the correlation r of the two columns.
    let a = Samples::from_row_major(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 12.0], 1).unwrap();
    let b = Samples::from_row_major(&[2.0, 1.0, 4.0, 3.0, 7.0, 5.0, 6.0, 9.0, 8.0, 10.0], 1).unwrap();
    let column = |samples: &Samples| samples.as_mat().col(0).iter().copied().collect::<Vec<_>>();
    let r = Correlation::Pearson.of(&column(&a), &column(&b)).unwrap();
    assert_close("linear CKA", cka_linear(&a, &b).unwrap(), r * r, 1e-12);
    assert_close("CCA", cca_mean(&a, &b).unwrap(), r, 1e-12);
    assert_close("Procrustes", procrustes(&a, &b).unwrap(), r, 1e-12);
}

#[test]
fn correlations_of_short_lists() {
    // By hand: 4 concordant and 1 discordant pair of 6, one pair tied in y.
    let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 3.0]);
    assert_close("Kendall", Correlation::Kendall.of(&x, &y).unwrap(), 3.0 / 30_f64.sqrt(), 1e-15);
    // Ranks of y are 1, 3.5, 2, 3.5: covariance 3.0, variances 5.0 and 4.5 (all times n).
    assert_close("Spearman", Correlation::Spearman.of(&x, &y).unwrap(), 3.0 / 22.5_f64.sqrt(), 1e-15);
    assert_close("Pearson", Correlation::Pearson.of(&[1.0, 2.0, 4.0], &[0.0, 3.0, 1.0]).unwrap(), 1.0 / 7.0, 1e-12);
    assert!(matches!(Correlation::Spearman.of(&x, &[7.0; 4]), Err(Error::Undefined { .. })));
}

#[test]
fn dissimilarities_of_a_triangle() {
    let samples = Samples::from_row_major(&[3.0, 0.0, 0.0, 4.0, -1.0, 0.0], 2).unwrap();
    assert_eq!(dissimilarities(&samples, Distance::Euclidean).unwrap(), [5.0, 4.0, 17_f64.sqrt()]);
    let cosine = dissimilarities(&samples, Distance::Cosine).unwrap();
    for (found, expected) in cosine.into_iter().zip([1.0, 2.0, 1.0]) {
        assert_close("cosine", found, expected, 1e-15);
    }
}

#[test]
fn biased_cka_rises_with_width_and_debiased_does_not() {
    let mut sum = 0.0;
    for seed in 0..10 {
        let (a, b) = (noise(50, 200, 10 + seed), noise(50, 200, 110 + seed));
        assert!(cka_linear(&a, &b).unwrap() > 0.7);
        let debiased = cka_linear_debiased(&a, &b).unwrap();
        assert!(debiased.abs() < 0.15, "{debiased}");
        sum += debiased;
    }
    assert!((sum / 10.0).abs() < 0.05, "the mean of ten is {}", sum / 10.0);
}

#[test]
fn debiased_cka_may_be_negative() {
    assert!((0..10).any(|seed| cka_linear_debiased(&noise(20, 8, seed), &noise(20, 8, 50 + seed)).unwrap() < 0.0));
}

#[test]
fn predictivity_needs_a_linear_relation() {
    let a = noise(200, 6, 1);
    let b = times(&a, &noise(6, 4, 2).as_mat().to_owned());
    assert!(predictivity(&a, &b, 0).unwrap() > 0.999_999);
    let unrelated = predictivity(&a, &noise(200, 4, 3), 0).unwrap();
    assert!((-0.2..0.05).contains(&unrelated), "{unrelated}");
    // Four directions cannot tell of six.
    assert!(predictivity(&b, &a, 0).unwrap() < 0.9);
}

#[test]
fn neighbours_of_noise_agree_by_chance() {
    let shared = mutual_knn(&noise(400, 10, 1), &noise(400, 10, 2), 10).unwrap();
    assert_close("k / (n − 1)", shared, 10.0 / 399.0, 0.01);
}

#[test]
fn recordings_are_paired_without_their_padding() {
    let record = |lengths: Vec<usize>| Activity::new((0..12).map(|value| value as f32).collect(), [2, 3, 2], lengths);
    let (a, b) = (record(vec![3, 2]).unwrap(), record(vec![3, 1]).unwrap());
    let (left, right) = Samples::paired(&a, &a).unwrap();
    assert_eq!((left.rows(), right.width()), (5, 2));
    assert_eq!([left.as_mat()[(4, 0)], left.as_mat()[(4, 1)]], [8.0, 9.0]);
    let error = Samples::paired(&a, &b).unwrap_err();
    assert!(error.to_string().contains("trial 1 has length 2 in a and 1 in b"), "{error}");
}

#[test]
fn distinct_rows_are_distinct_as_pairs() {
    let a = Samples::from_row_major(&[0.0, 1.0, 0.0, -0.0, 1.0], 1).unwrap();
    let b = Samples::from_row_major(&[5.0, 6.0, 5.0, 5.0, 7.0], 1).unwrap();
    assert_eq!(distinct_rows(&a, &b).unwrap(), [0, 1, 4]);
}

#[test]
fn drawn_rows_are_different_and_repeatable() {
    let drawn = draw_rows(1000, 100, 5, 2);
    assert_eq!(drawn.len(), 100);
    assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]) && drawn[99] < 1000);
    assert_eq!(drawn, draw_rows(1000, 100, 5, 2));
    assert_ne!(drawn, draw_rows(1000, 100, 5, 3));
    assert_eq!(draw_rows(3, 100, 5, 0), [0, 1, 2]);
}

#[test]
fn errors_name_the_row() {
    let mut values = vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 1.0, 0.0];
    let good = Samples::from_row_major(&values, 2).unwrap();
    values[5] = f64::NAN;
    assert_eq!(Samples::from_row_major(&values, 2).unwrap_err(), Error::NotFinite { row: 2, column: 1 });
    let zero = Samples::from_row_major(&[1.0, 2.0, 0.0, 0.0, 5.0, 7.0, 1.0, 0.0], 2).unwrap();
    let cosine = Rsa { zscored: false, distance: Distance::Cosine, correlation: Correlation::Spearman };
    assert_eq!(cosine.compare(&good, &zero).unwrap_err().to_string(), "undefined: row 1 of b is zero: no angle");
    let correlation = Rsa { distance: Distance::Correlation, ..cosine };
    let flat = Samples::from_row_major(&[1.0, 2.0, 5.0, 7.0, 0.1, 0.1, 1.0, 0.0], 2).unwrap();
    assert!(correlation.compare(&flat, &good).unwrap_err().to_string().contains("row 2 of a"));
    assert_eq!(cka_linear(&good, &noise(5, 2, 1)).unwrap_err(), Error::Rows { a: 4, b: 5 });
}

#[test]
fn constant_activity_is_undefined() {
    let constant = map(&noise(20, 3, 1), |_, unit| 0.1 + unit as f64);
    let other = noise(20, 3, 2);
    for measure in Measure::all() {
        // Equal vectors still have an angle, and so nearest neighbours, if arbitrary ones.
        let fine = measure == Measure::MutualKnn || measure == Measure::PredictivityAToB;
        let result = compare(&constant, &other, &[measure], &Options::default());
        assert_eq!(result.is_err(), !fine, "{measure}: {result:?}");
    }
}

#[test]
fn too_few_rows_are_an_error_for_every_measure() {
    for rows in 1..3 {
        let results = compare_each(&noise(rows, 2, 1), &noise(rows, 2, 2), &Measure::all(), &Options::default());
        for (result, measure) in results.into_iter().zip(Measure::all()) {
            let small = matches!(result, Err(Error::TooFew { .. }));
            let of_two = matches!(measure.to_string().as_str(), "cka_linear" | "procrustes") || measure.is_distance();
            let pair = rows == 2 && of_two;
            assert_eq!(small, !pair, "{measure} with {rows} rows: {result:?}");
        }
    }
    assert!(cka_rbf(&noise(9, 2, 1), &noise(9, 2, 2), 0.0).is_err());
    assert!(mutual_knn(&noise(9, 2, 1), &noise(9, 2, 2), 8).is_err());
}

/// Against the same estimate as a product of kernels that are centred over pairs of different samples (Székely and Rizzo
/// 2014, Annals of Statistics 42).
#[test]
fn the_debiased_kernel_alignment_is_a_product_of_centred_kernels() {
    let centred = |samples: &Samples| {
        let distances = dissimilarities(samples, Distance::Euclidean).unwrap();
        let mut sorted: Vec<f64> = distances.iter().map(|distance| distance * distance).collect();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
        let rows = samples.rows();
        let kernel = |row: usize, other: usize| {
            let (high, low) = (row.max(other), row.min(other));
            if row == other { 0.0 } else { (-distances[high * (high - 1) / 2 + low].powi(2) / (2.0 * median)).exp() }
        };
        let sums: Vec<f64> = (0..rows).map(|row| (0..rows).map(|other| kernel(row, other)).sum()).collect();
        let (n, total) = (rows as f64, sums.iter().sum::<f64>());
        let entry = |row: usize, other: usize| {
            kernel(row, other) - (sums[row] + sums[other]) / (n - 2.0) + total / ((n - 1.0) * (n - 2.0))
        };
        let pairs = (0..rows).flat_map(|row| (0..row).map(move |other| (row, other)));
        pairs.map(|(row, other)| entry(row, other)).collect::<Vec<f64>>()
    };
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    for (a, b) in [(view(40, 5, 20), view(40, 7, 40)), (noise(9, 3, 1), noise(9, 20, 2))] {
        let (x, y) = (centred(&a), centred(&b));
        let expected = product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt();
        assert_close("debiased", cka_rbf_debiased(&a, &b, 1.0).unwrap(), expected, 1e-10);
    }
    // Of unrelated activity it is about 0, where the biased estimate is not.
    let (a, b) = (noise(60, 80, 1), noise(60, 80, 2));
    assert!(cka_rbf_debiased(&a, &b, 1.0).unwrap().abs() < 0.1 && cka_rbf(&a, &b, 1.0).unwrap() > 0.5);
    assert!(matches!(cka_rbf_debiased(&noise(3, 2, 1), &noise(3, 2, 2), 1.0), Err(Error::TooFew { .. })));
}

#[test]
fn neighbours_at_equal_angles_are_no_likeness() {
    // A single unit has two directions: all others on the same side are equally near.
    let positive = |seed: u64| map(&noise(200, 1, seed), |value, _| value.abs() + 1e-3);
    let (a, b) = (positive(1), positive(2));
    let outcome = &compare(&a, &b, &[Measure::MutualKnn], &Options::default()).unwrap()[0];
    assert!((outcome.value - 10.0 / 199.0).abs() < 0.02 && outcome.p.unwrap() > 0.05, "{outcome:?}");
}

#[test]
fn numbers_too_small_to_be_squared_are_refused() {
    let scaled = |scale: f64| Samples::new(noise(30, 3, 1).as_mat() * scale);
    assert!(matches!(scaled(1e-150), Err(Error::TooSmall { .. })));
    let (small, other) = (scaled(1e-99).unwrap(), noise(30, 3, 2));
    for measure in Measure::all() {
        assert_close(measure, value(&small, &other, measure), value(&noise(30, 3, 1), &other, measure), 1e-9);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Small activities full of ties: nothing panics, and whatever has a value is within its range.
    #[test]
    fn values_stay_in_range(
        rows in 1_usize..14, width_a in 1_usize..5, width_b in 1_usize..17,
        numbers in prop::collection::vec(-2_i8..3, 14 * 22),
    ) {
        let samples = |width: usize, from: usize| {
            let values: Vec<f64> = numbers[from..from + rows * width].iter().map(|&number| number.into()).collect();
            Samples::from_row_major(&values, width).unwrap()
        };
        let (a, b) = (samples(width_a, 0), samples(width_b, 14 * 5));
        let options = Options { permutations: 3, bootstraps: 3, seed: 0 };
        for outcome in compare_each(&a, &b, &Measure::all(), &options).into_iter().flatten() {
            let (least, largest) = outcome.measure.range();
            prop_assert!(least - 1e-9 <= outcome.value && outcome.value <= largest + 1e-9, "{outcome:?}");
            prop_assert!(outcome.p.is_none_or(|p| p > 0.0 && p <= 1.0));
            for end in [outcome.low, outcome.high].into_iter().flatten() {
                prop_assert!(least <= end && end <= largest, "{outcome:?}");
            }
        }
    }
}
