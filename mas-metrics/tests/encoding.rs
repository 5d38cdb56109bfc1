//! The form in which activity holds a number, against closed forms.

use std::f64::consts::PI;

use mas_metrics::{Samples, linear_decodability, period_share};

fn samples(rows: usize, width: usize, value: impl Fn(usize, usize) -> f64) -> Samples {
    let values: Vec<f64> =
        (0..rows).flat_map(|row| (0..width).map(move |unit| (row, unit))).map(|(r, u)| value(r, u)).collect();
    Samples::from_row_major(&values, width).unwrap()
}

#[test]
fn what_takes_turns_has_all_of_its_variance_at_its_period() {
    let turns = samples(20, 3, |count, unit| {
        [[1.0, -2.0, 0.5], [0.0, 1.0, 4.0], [3.0, 3.0, 3.0], [-1.0, 0.0, 1.0]][count % 4][unit]
    });
    let (four, two) = (period_share(&turns, 4).unwrap(), period_share(&turns, 2).unwrap());
    assert!((four + two - 1.0).abs() < 1e-12 && four > 0.1 && two > 0.1, "{four} {two}");
    assert!(period_share(&turns, 5).unwrap() < 1e-12);
    let alternating = samples(20, 2, |count, unit| if count % 2 == 0 { 1.0 } else { -1.0 } * (unit as f64 + 1.0));
    assert!((period_share(&alternating, 2).unwrap() - 1.0).abs() < 1e-12);
}

#[test]
fn a_straight_line_has_what_the_closed_form_says() {
    let line = samples(20, 2, |count, unit| count as f64 * (unit as f64 - 3.0) + 7.0);
    for (period, times) in [(4, 2.0), (2, 1.0), (5, 2.0), (10, 2.0)] {
        let expected = times * (PI / period as f64).sin().powi(-2) / ((20.0 * 20.0 - 1.0) / 3.0);
        let found = period_share(&line, period).unwrap();
        assert!((found - expected).abs() < 1e-12, "{period}: {found} {expected}");
    }
}

/// Parseval: what lies at the frequencies of whole periods, and at the one that is left, is everything.
#[test]
fn all_frequencies_together_have_all_of_the_variance() {
    let value = |count: usize, unit: usize| ((count * 7 + unit * 3) % 11) as f64 + (count * count) as f64 * 0.1;
    let any = samples(12, 4, value);
    // Frequencies 1, 2, 3, 4 and 6 of 12; 5 is no period of whole values.
    let shares: f64 = [12, 6, 4, 3, 2].iter().map(|&period| period_share(&any, period).unwrap()).sum();
    let (mut left, mut total) = (0.0, 0.0);
    for unit in 0..4 {
        let mean = (0..12).map(|count| value(count, unit)).sum::<f64>() / 12.0;
        let along = |wave: fn(f64) -> f64| -> f64 {
            (0..12).map(|count| value(count, unit) * wave(2.0 * PI * 5.0 * count as f64 / 12.0)).sum()
        };
        left += 2.0 * (along(f64::cos).powi(2) + along(f64::sin).powi(2));
        total += 12.0 * (0..12).map(|count| (value(count, unit) - mean).powi(2)).sum::<f64>();
    }
    assert!((shares + left / total - 1.0).abs() < 1e-12, "{shares} {}", left / total);
}

#[test]
fn a_class_is_told_of_values_that_were_never_seen_only_where_it_is_there() {
    let count = |row: usize| row / 5;
    let classes: Vec<usize> = (0..100).map(|row| count(row) % 4).collect();
    // Four counts in a row are held out together.
    let folds: Vec<usize> = (0..100).map(|row| count(row) / 4).collect();
    let noise = |row: usize, unit: usize| 0.01 * (((row * 31 + unit * 17) % 13) as f64 - 6.0);
    let circle = samples(100, 3, |row, unit| {
        let angle = PI / 2.0 * count(row) as f64;
        noise(row, unit) + [angle.cos(), angle.sin(), 0.1 * count(row) as f64][unit]
    });
    assert_eq!(linear_decodability(&circle, &classes, &folds).unwrap(), 1.0);
    let line = samples(100, 3, |row, unit| noise(row, unit) + count(row) as f64 * [1.0, 0.5, 0.2][unit]);
    assert!(linear_decodability(&line, &classes, &folds).unwrap() < 0.5);
    // By heart: one unit a count tells everything that was seen, and nothing of what was not.
    let by_heart = samples(100, 20, |row, unit| f64::from(count(row) == unit));
    assert!(linear_decodability(&by_heart, &classes, &folds).unwrap() <= 0.25);
}

#[test]
fn what_has_no_value_is_refused() {
    let line = samples(20, 2, |count, _| count as f64);
    assert!(period_share(&line, 3).unwrap_err().to_string().contains("20 values are no multiple of a period of 3"));
    assert!(period_share(&line, 1).is_err());
    assert!(period_share(&samples(4, 2, |_, _| 1.0), 2).is_err());
    assert!(linear_decodability(&line, &[0; 19], &[0; 20]).is_err());
    assert!(linear_decodability(&line, &[0; 20], &[0; 20]).is_err());
    let folds: Vec<usize> = (0..20).map(|row| row % 2).collect();
    assert!(linear_decodability(&samples(20, 2, |_, _| 1.0), &folds, &folds).is_err());
}
