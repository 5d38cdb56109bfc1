//! The family of maps: gradients, both ways, starts, counts and what is refused.

use burn::prelude::*;
use mas_core::{
    AlignmentFunction, Error, FunctionConfig, FunctionKind, Retain, Start,
    alignment::{Linear, Orthogonal, Parametrisation, PreStep, PreStepParts, Relaxed, Revnet, Scaled, Squash},
    interchange,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn device() -> Device {
    Device::flex()
}

fn normal(rows: usize, columns: usize, seed: u64) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.sample(StandardNormal)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.clone().try_into_vec_as::<f32>().unwrap()
}

fn largest(tensor: Tensor<2>) -> f32 {
    tensor.abs().max().into_scalar()
}

/// Every kind, and every parametrisation of a rotation.
fn configurations(start: Start) -> Vec<FunctionConfig> {
    let of = |kind, parametrisation| FunctionConfig { parametrisation, ..FunctionConfig::new(kind, start) };
    let mut all: Vec<_> = FunctionKind::ALL.into_iter().map(|kind| of(kind, None)).collect();
    all.push(of(FunctionKind::Orthogonal, Some(Parametrisation::Cayley)));
    for kind in [FunctionKind::Orthogonal, FunctionKind::Scaled, FunctionKind::Relaxed] {
        all.push(of(kind, Some(Parametrisation::Householder)));
    }
    all
}

/// A function with its parameters moved away from where it begins.
fn moved(config: &FunctionConfig, width: usize, columns: usize, seed: u64, size: f32) -> AlignmentFunction {
    let mut function = config.init(width, columns, seed, None, &device()).unwrap();
    let parameters = function.parameters().into_iter().zip(seed..).map(|(parameter, seed)| {
        let [rows, columns] = parameter.dims();
        parameter + normal(rows, columns, seed) * size
    });
    function.set_parameters(parameters.collect()).unwrap();
    function
}

/// The gradient of an interchange with respect to both functions' parameters and both activities, against differences.
#[test]
fn gradients_are_those_of_finite_differences() {
    let (width, columns) = (5, 3);
    for config in configurations(Start::Random) {
        let functions = [1, 2].map(|seed| moved(&config, width, columns, seed, 0.2));
        check_gradients(&functions, columns, [normal(4, width, 5), normal(4, width, 6)], &format!("{config:?}"));
    }
}

/// The same through each squashing function, with a z-score and a bias behind it.
#[test]
fn gradients_through_a_prestep_are_those_of_finite_differences() {
    let (width, columns) = (5, 3);
    let squashes: [fn(Tensor<2>) -> Tensor<2>; 2] = [Tensor::tanh, burn::tensor::activation::sigmoid];
    for (parts, squash) in ["tanh+standardise+bias", "sigmoid+standardise+bias"].into_iter().zip(squashes) {
        let config = FunctionConfig { prestep: parts.parse().unwrap(), ..FunctionConfig::default() };
        let recorded = squash(normal(50, width, 9));
        let functions = [1, 2].map(|seed| config.init(width, columns, seed, Some(&recorded), &device()).unwrap());
        check_gradients(&functions, columns, [squash(normal(4, width, 5)), squash(normal(4, width, 6))], parts);
    }
}

/// logit(0.8) = ln 4, and the logistic function of 0 is a half.
#[test]
fn the_sigmoid_is_undone_and_done_again() {
    let config = FunctionConfig {
        prestep: "sigmoid".parse().unwrap(),
        ..FunctionConfig::new(FunctionKind::Orthogonal, Start::Identity)
    };
    let function = config.init(2, 2, 1, None, &device()).unwrap().evaluate(2).unwrap();
    let activity = Tensor::<2>::from_data([[0.8, 0.5]], &device());
    let read = values(&function.read(activity.clone(), 0..2));
    assert!((read[0] - 4.0_f32.ln()).abs() < 1e-6 && read[1].abs() < 1e-6, "{read:?}");
    let sent = Tensor::<2>::from_data([[0.5, 0.8]], &device());
    let replaced = values(&interchange(&function, &function, 0..1, Retain::Rest, sent, activity));
    assert!((replaced[0] - 0.5).abs() < 1e-6 && (replaced[1] - 0.5).abs() < 1e-6, "{replaced:?}");
}

#[track_caller]
fn check_gradients(functions: &[AlignmentFunction; 2], columns: usize, activity: [Tensor<2>; 2], what: &str) {
    let width = functions[0].width();
    let mut inputs: Vec<Tensor<2>> = functions.iter().flat_map(AlignmentFunction::parameters).collect();
    inputs.extend(activity);
    let weights = normal(4, width, 7);
    for retain in [Retain::Rest, Retain::Nothing] {
        let out = |inputs: &[Tensor<2>]| {
            let count = functions[0].parameters().len();
            let [source, target] =
                [0, 1].map(|index| functions[index].evaluate_with(&inputs[index * count..][..count], columns).unwrap());
            let [.., from, to] = inputs else { unreachable!() };
            interchange(&source, &target, 1..columns, retain, from.clone(), to.clone())
        };
        let leaves: Vec<Tensor<2>> = inputs.iter().map(|input| input.clone().autodiff().require_grad()).collect();
        let gradients = (out(&leaves) * Tensor::from_inner(weights.clone())).sum().backward();
        for (index, leaf) in leaves.iter().enumerate() {
            let ours = leaf.grad(&gradients).unwrap_or_else(|| inputs[index].zeros_like());
            let shape = inputs[index].dims();
            let direction = normal(shape[0], shape[1], 11 + index as u64);
            let at = |step: f32| {
                let mut inputs = inputs.clone();
                inputs[index] = inputs[index].clone() + direction.clone() * step;
                // In 64 bits, so that the difference is not of roundings.
                let products = values(&(out(&inputs) * weights.clone()));
                products.into_iter().map(f64::from).sum::<f64>()
            };
            let step = 2e-3;
            let expected = (at(step) - at(-step)) / (2.0 * f64::from(step));
            let along: f64 = values(&(ours * direction.clone())).into_iter().map(f64::from).sum();
            let error = (along - expected).abs();
            assert!(error < 1e-2 * expected.abs().max(1.0), "{what} {retain:?} {index}: {along}, not {expected}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the map, an interchange changes the block in aligned coordinates and nothing else.
    #[test]
    fn nothing_outside_the_block_changes(seed in 0_u64..1000, width in 2_usize..12, at in 0_usize..100, size in 0.0_f32..0.5) {
        let (start, end) = (at % width, (at % width) + 1 + (at / 7) % (width - at % width));
        for config in configurations(Start::Random) {
            let [source, target] = [seed, seed + 1].map(|seed| moved(&config, width, width, seed, size));
            let (source, target) = (source.evaluate(width).unwrap(), target.evaluate(width).unwrap());
            let (from, to) = (normal(3, width, seed), normal(3, width, seed + 9));
            let swapped = interchange(&source, &target, start..end, Retain::Rest, from.clone(), to.clone());
            let expected = target.read(to, 0..width).slice_assign([0..3, start..end], source.read(from, start..end));
            let read = target.read(swapped, 0..width);
            prop_assert!(largest(read - expected.clone()) < 2e-4 * (1.0 + largest(expected)), "{config:?}");
        }
    }

    /// All aligned coordinates, mapped back, are the activity.
    #[test]
    fn a_function_and_its_inverse_undo_each_other(seed in 0_u64..1000, width in 2_usize..12, size in 0.0_f32..0.5) {
        for config in configurations(Start::Random) {
            let function = moved(&config, width, width, seed, size).evaluate(width).unwrap();
            let activity = normal(3, width, seed);
            let aligned = function.read(activity.clone(), 0..width);
            let back = function.replace(0..width, aligned.clone());
            prop_assert!(largest(back - activity) < 2e-4, "{config:?}");
            let again = function.read(function.replace(0..width, aligned.clone()), 0..width);
            prop_assert!(largest(again - aligned.clone()) < 2e-4 * (1.0 + largest(aligned)), "{config:?}");
        }
    }
}

#[test]
fn the_identity_changes_nothing_and_is_learned_from() {
    for config in configurations(Start::Identity) {
        let function = config.init(7, 4, 3, None, &device()).unwrap();
        let activity = normal(5, 7, 1);
        let read = function.evaluate(4).unwrap().read(activity.clone(), 0..4);
        assert!(largest(read - activity.clone().slice([0..5, 0..4])) < 1e-6, "{config:?}");
        let leaves: Vec<Tensor<2>> =
            function.parameters().into_iter().map(|parameter| parameter.autodiff().require_grad()).collect();
        let read = function.evaluate_with(&leaves, 4).unwrap().read(Tensor::from_inner(activity), 0..4);
        let gradients = (read * Tensor::from_inner(normal(5, 4, 2))).sum().backward();
        let sum: f32 = leaves.iter().filter_map(|leaf| leaf.grad(&gradients)).map(largest).sum();
        assert!(sum > 0.1, "{config:?} cannot leave its start");
    }
}

#[test]
fn a_random_start_is_that_of_its_seed() {
    for config in configurations(Start::Random) {
        let of = |seed| {
            let function = config.init(6, 3, seed, None, &device()).unwrap();
            values(&function.evaluate(3).unwrap().read(normal(4, 6, 1), 0..3))
        };
        assert_eq!(of(3), of(3), "{config:?}");
        assert_ne!(of(3), of(4), "{config:?}");
    }
    let relaxed = FunctionConfig::new(FunctionKind::Relaxed, Start::Random).init(10, 2, 1, None, &device()).unwrap();
    let diagonal = values(&relaxed.parameters()[1]);
    assert_eq!(diagonal.iter().filter(|&&entry| entry < 0.0).count(), 5);
    assert_ne!(diagonal[..5].iter().filter(|&&entry| entry < 0.0).count(), 5);
}

/// Activity that varies along three known axes, most along the second.
#[test]
fn principal_axes_are_found_most_variance_first() {
    let axes = Orthogonal::random(6, 4, &device()).base().clone().slice([0..6, 0..3]);
    let spread = Tensor::<2>::from_data([[1.0, 5.0, 0.2]], &device());
    let activity = (normal(400, 3, 1) * spread).matmul(axes.clone().transpose()) + 3.0;
    for config in configurations(Start::Principal).iter().filter(|config| config.kind.rotates()) {
        let function = config.init(6, 3, 1, Some(&activity), &device()).unwrap();
        let frame = function.evaluate(3).unwrap().frame().unwrap().clone();
        let alike = values(&frame.clone().transpose().matmul(axes.clone()).abs());
        for (axis, expected) in [1, 0, 2].into_iter().enumerate() {
            assert!(alike[axis * 3 + expected] > 0.99, "{config:?}: {alike:?}");
        }
        // Which way an axis points does not depend on chance.
        for axis in 0..3 {
            let column = values(&frame.clone().slice([0..6, axis..axis + 1]));
            assert!(column.iter().copied().fold(0.0, |most: f32, x| if x.abs() > most.abs() { x } else { most }) > 0.0);
        }
    }
}

/// Principal axes are those of what the map gets: after a z-score every coordinate that varies has deviation 1, so that one
/// that varies a hundred times as much as the others is no axis any more.
#[test]
fn a_prestep_is_made_from_recorded_activity_and_comes_before_the_axes() {
    let (width, rows) = (5, 400);
    let scale = Tensor::<2>::from_data([[100.0_f32, 1.0, 1.0, 1.0, 0.0]], &device());
    let activity = normal(rows, width, 3) * scale + 7.0;
    let config = |parts: &str| FunctionConfig {
        prestep: parts.parse().unwrap(),
        ..FunctionConfig::new(FunctionKind::Orthogonal, Start::Principal)
    };
    let init = |parts: &str| config(parts).init(width, width, 1, Some(&activity), &device()).unwrap();
    let aligned =
        |parts: &str| values(&init(parts).evaluate(width).unwrap().read(activity.clone(), 0..width).var_bias(0));
    assert!(aligned("none")[0] > 5000.0);
    let standardised = aligned("standardise+bias");
    // All the same, but for the coordinate that never changes.
    let total: f32 = standardised.iter().sum();
    assert!((total - 4.0).abs() < 1e-3 && standardised[0] < 1.5, "{standardised:?}");
    let function = init("standardise+bias").evaluate(width).unwrap();
    let back = function.replace(0..width, function.read(activity.clone(), 0..width));
    assert!(largest(back - activity.clone()) < 1e-3);
    assert!(
        config("standardise").needs_activity() && config("standardise").init(width, 2, 1, None, &device()).is_err()
    );
    assert_eq!("tanh+standardise".parse::<PreStepParts>().unwrap().to_string(), "tanh+standardise");
    for refused in ["tanh+sigmoid", "bias+bias", "", "relu", "none+bias"] {
        assert!(refused.parse::<PreStepParts>().is_err(), "{refused}");
    }
}

#[test]
fn starts_that_cannot_be_are_refused() {
    let refused = |kind, width, columns, activity: Option<&Tensor<2>>| {
        let config = FunctionConfig::new(kind, Start::Principal);
        config.init(width, columns, 1, activity, &device()).unwrap_err().to_string()
    };
    let activity = normal(9, 4, 1);
    for kind in [FunctionKind::Linear, FunctionKind::Revnet] {
        assert!(refused(kind, 4, 2, Some(&activity)).contains(kind.id()));
    }
    assert!(refused(FunctionKind::Orthogonal, 4, 2, None).contains("activity"));
    assert!(refused(FunctionKind::Orthogonal, 5, 2, Some(&activity)).contains('5'));
    assert!(refused(FunctionKind::Orthogonal, 4, 2, Some(&normal(1, 4, 1))).contains('1'));
    refused(FunctionKind::Orthogonal, 4, 2, Some(&(activity.clone() * f32::NAN)));
    for (width, columns) in [(0, 0), (4, 0), (4, 5)] {
        for config in configurations(Start::Random) {
            assert!(config.init(width, columns, 1, None, &device()).is_err(), "{config:?} {width} {columns}");
        }
    }
    assert!(FunctionConfig::new(FunctionKind::Revnet, Start::Random).init(1, 1, 1, None, &device()).is_err());
    let without = FunctionConfig { blocks: 0, ..FunctionConfig::new(FunctionKind::Revnet, Start::Random) };
    assert!(without.init(4, 1, 1, None, &device()).is_err());
}

#[test]
fn parameters_are_counted_once() {
    let count = |kind, width| {
        FunctionConfig::new(kind, Start::Random).init(width, 2, 1, None, &device()).unwrap().parameter_count()
    };
    assert_eq!(count(FunctionKind::Orthogonal, 6), 15);
    assert_eq!(count(FunctionKind::Scaled, 6), 16);
    assert_eq!(count(FunctionKind::Relaxed, 6), 21);
    assert_eq!(count(FunctionKind::Linear, 6), 36 + 6 + 6);
    // Three blocks of twice two layers, 3 → 3 → 3.
    assert_eq!(count(FunctionKind::Revnet, 6), 3 * 2 * (9 + 3 + 9 + 3));
    // Halves of 4 and 3: 3 → 4 → 4 and 4 → 3 → 3.
    assert_eq!(count(FunctionKind::Revnet, 7), 3 * (12 + 4 + 16 + 4 + 12 + 3 + 9 + 3));
}

/// Of two coordinates the singular values follow from the Jacobian's squared norm and its determinant.
#[test]
fn condition_numbers_are_those_of_the_jacobian() {
    for config in configurations(Start::Random) {
        let function = moved(&config, 2, 2, 3, 0.3);
        let evaluated = function.evaluate(2).unwrap();
        let at = normal(3, 2, 5);
        let numbers = function.condition_numbers(&at).unwrap();
        assert_eq!(numbers.len(), if config.kind.is_linear() { 1 } else { 3 });
        if matches!(config.kind, FunctionKind::Orthogonal | FunctionKind::Scaled) {
            assert_eq!(numbers, [1.0]);
        }
        for (row, number) in numbers.into_iter().enumerate() {
            let point = at.clone().slice([row..row + 1, 0..2]);
            let step = Tensor::eye(2, &device()) * 1e-3;
            let there = |step: Tensor<2>| evaluated.read(point.clone() + step, 0..2);
            let jacobian = values(&((there(step.clone()) - there(-step)) / 2e-3));
            let [a, b, c, d] = jacobian.into_iter().map(f64::from).collect::<Vec<_>>()[..] else { unreachable!() };
            let (norm, determinant) = (a * a + b * b + c * c + d * d, (a * d - b * c).abs());
            let expected =
                (norm + (norm * norm - 4.0 * determinant * determinant).max(0.0).sqrt()) / (2.0 * determinant);
            assert!((number - expected).abs() < 0.05 * expected, "{config:?}: {number}, not {expected}");
        }
    }
}

#[test]
fn a_linear_map_that_has_no_inverse_is_an_error() {
    let function =
        |core: Tensor<2>| AlignmentFunction::new(Linear::from_parts(core, Tensor::ones([1, 3], &device())).unwrap());
    // CCᵀ + 0.1 I has an inverse whatever C is, as long as its numbers can be told apart.
    assert!(function(Tensor::zeros([3, 3], &device())).evaluate(2).is_ok());
    let message = function(Tensor::ones([3, 3], &device()) * 1e4).evaluate(2).unwrap_err().to_string();
    assert!(message.contains("no inverse"), "{message}");
    assert!(matches!(function(Tensor::ones([3, 3], &device()) * 1e30).evaluate(2), Err(Error::NotFinite(_))));
    for config in configurations(Start::Random).iter().filter(|config| config.kind == FunctionKind::Linear) {
        let function = config.init(3, 2, 1, None, &device()).unwrap();
        let broken = function.parameters().into_iter().map(|parameter| parameter * f32::NAN).collect::<Vec<_>>();
        assert!(matches!(function.evaluate_with(&broken, 2), Err(Error::NotFinite(_))));
    }
}

#[test]
fn parts_that_are_no_map_are_refused() {
    let rotation = || Orthogonal::random(4, 1, &device());
    let nan = |rows, columns| Tensor::<2>::full([rows, columns], f32::NAN, &device());
    assert!(Linear::from_parts(normal(4, 3, 1), normal(1, 4, 1)).is_err());
    assert!(Linear::from_parts(normal(4, 4, 1), normal(1, 3, 1)).is_err());
    assert!(Linear::from_parts(nan(4, 4), normal(1, 4, 1)).is_err());
    assert!(Scaled::from_parts(rotation(), normal(1, 4, 1)).is_err());
    assert!(Scaled::from_parts(rotation(), nan(1, 1)).is_err());
    assert!(
        Scaled::from_parts(rotation(), Tensor::full([1, 1], 200.0, &device())).unwrap_err().to_string().contains("200")
    );
    assert!(Relaxed::from_parts(rotation(), normal(1, 3, 1)).is_err());
    assert!(Relaxed::from_parts(rotation(), nan(1, 4)).is_err());
    let config = FunctionConfig::new(FunctionKind::Revnet, Start::Random);
    let parts = config.init(5, 1, 1, None, &device()).unwrap().parameters();
    assert!(Revnet::from_parts(5, parts.clone()).is_ok());
    assert!(Revnet::from_parts(4, parts.clone()).unwrap_err().to_string().contains("f.weight.1"));
    assert!(Revnet::from_parts(5, parts[..7].to_vec()).is_err());
    assert!(Revnet::from_parts(5, Vec::new()).is_err());
    assert!(Revnet::from_parts(5, parts.into_iter().map(|tensor| tensor * f32::NAN).collect()).is_err());
}

#[test]
fn names_are_read_and_written() {
    for kind in FunctionKind::ALL {
        assert_eq!(kind.id().parse::<FunctionKind>().unwrap(), kind);
        assert_eq!(kind.to_string(), kind.id());
        assert_eq!(toml::Value::try_from(kind).unwrap(), kind.id().into());
        assert_eq!(kind.is_linear(), kind.warning().is_none());
    }
    for start in Start::ALL {
        assert_eq!(start.id().parse::<Start>().unwrap(), start);
        assert_eq!(toml::Value::try_from(start).unwrap(), start.to_string().into());
    }
    assert!("rotation".parse::<FunctionKind>().unwrap_err().to_string().contains("orthogonal"));
    assert!("zero".parse::<Start>().unwrap_err().to_string().contains("principal"));
}

#[test]
fn the_clamped_share_is_told() {
    let activity = Tensor::<2>::from_data([[0.5, 1.0, -1.0, 0.99999], [0.0, 1.5, 0.3, f32::NAN]], &device());
    let share = |prestep: PreStep| prestep.clamped_share(&activity).unwrap();
    assert_eq!(share(PreStep::default()), 0.0);
    assert_eq!(share(PreStep::default().with_squash(Squash::Tanh)), 4.0 / 8.0);
    assert_eq!(share(PreStep::default().with_squash(Squash::Sigmoid)), 5.0 / 8.0);
}
