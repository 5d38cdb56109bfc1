//! How far a mean over pairs of networks may lie from the truth: components of variance.

use std::collections::BTreeMap;

use faer::Mat;

/// The variance of a mean, with the degrees of freedom of its estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub variance: f64,
    pub freedom: f64,
}

impl Spread {
    /// The sum of two variances, with Satterthwaite's (1946) degrees of freedom.
    pub fn and(self, other: Self) -> Self {
        let variance = self.variance + other.variance;
        let each = [self, other].map(|one| one.variance * one.variance / one.freedom);
        let freedom = if variance > 0.0 { variance * variance / (each[0] + each[1]) } else { self.freedom };
        Self { variance, freedom }
    }
}

/// The variance of the mean of numbers that are each about one network, or about two.
///
/// Numbers that share a network are not independent. The model is additive: the number of networks *a* and *b* is
/// `μ + e_a + e_b + p`, with an effect of variance s₁ for each network (once in a number that is about one network alone)
/// and one of variance s₂ for each number. The two variances are found from two sums of squares, one of the numbers about
/// their mean, one of the networks' own means, by setting them equal to what the model expects of them (Henderson 1953,
/// method 1). A negative one is set to zero and the other found anew from the first sum. Where networks and numbers cannot
/// be told apart, as in pairs that share no network, the numbers count as independent.
///
/// The degrees of freedom are Satterthwaite's (1946) for the quadratic form in which the numbers enter the estimate, and at
/// least 2: with few numbers in a ring the form has negative parts, and what is found for it can be near nothing.
/// Simulated coverage stays where it should be, and intervals do not become three times as wide by chance. `None` with
/// fewer than two numbers.
pub(super) fn variance_of_mean(numbers: &[([&str; 2], f64)]) -> Option<Spread> {
    let m = numbers.len();
    if m < 2 {
        return None;
    }
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for name in numbers.iter().flat_map(|(networks, _)| networks) {
        let next = places.len();
        places.entry(name).or_insert(next);
    }
    let mut incidence = Mat::<f64>::zeros(m, places.len());
    for (row, ([a, b], _)) in numbers.iter().enumerate() {
        incidence[(row, places[a])] = 1.0;
        incidence[(row, places[b])] = 1.0;
    }
    let mut averaged = incidence.clone();
    for column in 0..places.len() {
        let sum: f64 = (0..m).map(|row| incidence[(row, column)]).sum();
        (0..m).for_each(|row| averaged[(row, column)] /= sum);
    }
    let centre = Mat::from_fn(m, m, |i, j| f64::from(i == j) - 1.0 / m as f64);
    let centred = &centre * &averaged;
    let between = &centred * centred.transpose();
    let shared = &incidence * incidence.transpose();
    let numbers = Mat::from_fn(m, 1, |row, _| numbers[row].1);
    let square = |form: &Mat<f64>| (numbers.transpose() * (form * &numbers))[(0, 0)];
    // What each sum of squares is expected to be, for a unit of each component.
    let (centre_shared, between_shared) = (trace_of(&centre, &shared), trace_of(&between, &shared));
    let (centre_own, between_own) = ((m - 1) as f64, trace(&between));
    let (q1, q2) = (square(&centre), square(&between));
    // What a unit of each adds to the variance of the mean.
    let g1 = sum(&shared) / (m * m) as f64;
    let g2 = 1.0 / m as f64;
    let alone = Spread { variance: g2 * q1 / centre_own, freedom: centre_own };
    let determinant = centre_shared * between_own - between_shared * centre_own;
    if determinant.abs() <= 1e-9 * (centre_shared * between_own).abs().max(between_shared * centre_own) {
        return Some(alone);
    }
    let s1 = (q1 * between_own - q2 * centre_own) / determinant;
    let s2 = (centre_shared * q2 - between_shared * q1) / determinant;
    if s1 <= 0.0 {
        return Some(alone);
    }
    let (form, covariance, variance) = if s2 <= 0.0 {
        let s1 = q1 / centre_shared;
        (scaled(&centre, g1 / centre_shared), scaled(&shared, s1), g1 * s1)
    } else {
        let alpha = (g1 * between_own - g2 * between_shared) / determinant;
        let beta = (g2 * centre_shared - g1 * centre_own) / determinant;
        let identity = Mat::<f64>::identity(m, m);
        let form = scaled(&centre, alpha) + scaled(&between, beta);
        (form, scaled(&shared, s1) + scaled(&identity, s2), g1 * s1 + g2 * s2)
    };
    let product = &form * &covariance;
    let squared = trace_of(&product, &product);
    let freedom = if squared > 0.0 { trace(&product).powi(2) / squared } else { 1.0 };
    Some(Spread { variance, freedom: freedom.max(FEWEST) })
}

/// The fewest degrees of freedom of an estimate that is made of both components.
const FEWEST: f64 = 2.0;

fn trace(matrix: &Mat<f64>) -> f64 {
    (0..matrix.nrows()).map(|i| matrix[(i, i)]).sum()
}

/// The trace of a product of two square matrices.
fn trace_of(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let n = a.nrows();
    (0..n).map(|i| (0..n).map(|j| a[(i, j)] * b[(j, i)]).sum::<f64>()).sum()
}

fn sum(matrix: &Mat<f64>) -> f64 {
    (0..matrix.ncols()).map(|j| (0..matrix.nrows()).map(|i| matrix[(i, j)]).sum::<f64>()).sum()
}

fn scaled(matrix: &Mat<f64>, by: f64) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| by * matrix[(i, j)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_about_single_networks_are_a_plain_sample() {
        let found = variance_of_mean(&[(["a", "a"], 1.0), (["b", "b"], 2.0), (["c", "c"], 4.0)]).unwrap();
        // Variance 7/3 by hand, of a mean of three.
        assert!((found.variance - 7.0 / 9.0).abs() < 1e-12 && (found.freedom - 2.0).abs() < 1e-12, "{found:?}");
        assert_eq!(variance_of_mean(&[(["a", "a"], 1.0)]), None);
    }

    #[test]
    fn pairs_that_share_nothing_are_a_plain_sample() {
        let found = variance_of_mean(&[(["a", "b"], 1.0), (["c", "d"], 2.0), (["e", "f"], 4.0)]).unwrap();
        assert!((found.variance - 7.0 / 9.0).abs() < 1e-12 && (found.freedom - 2.0).abs() < 1e-12, "{found:?}");
    }

    /// All pairs of four networks whose effects are −3, −1, 1, 3, nothing else: their variance is 20/3, the mean's that of
    /// twice a mean of four, and it is known as well as from four numbers.
    #[test]
    fn effects_of_networks_are_told_from_those_of_pairs() {
        let names = ["a", "b", "c", "d"];
        let effect = |i: usize| 2.0 * i as f64 - 3.0;
        let all: Vec<_> = (0..4)
            .flat_map(|i| (i + 1..4).map(move |j| (i, j)))
            .map(|(i, j)| ([names[i], names[j]], effect(i) + effect(j)))
            .collect();
        let found = variance_of_mean(&all).unwrap();
        assert!((found.variance - 4.0 * (20.0 / 3.0) / 4.0).abs() < 1e-9, "{found:?}");
        assert!((found.freedom - 3.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn nothing_varies_where_all_are_alike() {
        let found = variance_of_mean(&[(["a", "b"], 1.0), (["b", "c"], 1.0), (["c", "a"], 1.0)]).unwrap();
        assert!(found.variance.abs() < 1e-15, "{found:?}");
    }
}
