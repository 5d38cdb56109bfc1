//! The parametrisations of a rotation: all of its columns, or the first few.

use burn::{
    optim::{AdamConfig, Optimizer},
    prelude::*,
};
use mas_core::{
    AlignmentFunction, FunctionConfig, FunctionKind, Start,
    alignment::{Orthogonal, Parametrisation, matrix_exponential},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const ALL: [Parametrisation; 3] = [Parametrisation::Exponential, Parametrisation::Cayley, Parametrisation::Householder];

fn rotation(parametrisation: Parametrisation, start: Start, width: usize, columns: usize) -> AlignmentFunction {
    let config = FunctionConfig {
        parametrisation: Some(parametrisation),
        ..FunctionConfig::new(FunctionKind::Orthogonal, start)
    };
    config.init(width, columns, 7, None, &Device::flex()).unwrap()
}

fn normal(rows: usize, columns: usize, seed: u64) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..rows * columns).map(|_| rng.sample(StandardNormal)).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

fn largest(tensor: Tensor<2>) -> f32 {
    tensor.abs().max().into_scalar()
}

fn frame(function: &AlignmentFunction, columns: usize) -> Tensor<2> {
    function.evaluate(columns).unwrap().frame().unwrap().clone()
}

fn error_of_orthogonality(frame: &Tensor<2>) -> f32 {
    let gram = frame.clone().transpose().matmul(frame.clone());
    largest(gram - Tensor::eye(frame.dims()[1], &frame.device()))
}

#[test]
fn the_start_is_what_was_asked_for() {
    for parametrisation in ALL {
        let identity = frame(&rotation(parametrisation, Start::Identity, 9, 4), 4);
        let expected = Tensor::eye(9, &Device::flex()).slice([0..9, 0..4]);
        assert!(largest(identity - expected) < 1e-6, "{parametrisation:?}");
    }
    // Drawn from the same numbers, all begin at the same frame if they have the same columns.
    let [exponential, cayley, reflections] =
        ALL.map(|parametrisation| frame(&rotation(parametrisation, Start::Random, 6, 6), 6));
    assert!(largest(exponential.clone() - cayley) < 1e-6);
    assert!(largest(exponential - reflections) < 1e-6);
}

#[test]
fn a_frame_stays_orthonormal_wherever_its_parameters_are() {
    for parametrisation in ALL {
        for size in [0.1, 1.0, 30.0] {
            let mut function = rotation(parametrisation, Start::Random, 40, 12);
            let [rows, columns] = function.parameters()[0].dims();
            function.set_parameters(vec![normal(rows, columns, 3) * size]).unwrap();
            let frame = frame(&function, 12);
            assert_eq!(frame.dims(), [40, 12]);
            assert!(error_of_orthogonality(&frame) < 1e-5, "{parametrisation:?} {size}");
        }
    }
}

#[test]
fn reflections_have_only_the_columns_in_use() {
    let function = rotation(Parametrisation::Householder, Start::Random, 300, 5);
    assert_eq!((function.width(), function.columns()), (300, 5));
    assert_eq!(function.parameters()[0].dims(), [300, 5]);
    assert_eq!(function.parameter_count(), 300 * 5 - 10);
    let all = frame(&function, 5);
    for columns in 1..5 {
        let first = frame(&function, columns);
        assert!(largest(first - all.clone().slice([0..300, 0..columns])) < 1e-6, "{columns}");
    }
    assert!(function.evaluate(6).unwrap_err().to_string().contains('6'));
}

#[test]
fn the_parametrisation_follows_from_the_sizes_unless_given() {
    let chosen = |width, columns| {
        let function = FunctionConfig::default().init(width, columns, 1, None, &Device::flex()).unwrap();
        function.map().rotation().unwrap().parametrisation()
    };
    assert_eq!(chosen(128, 4), Parametrisation::Exponential);
    assert_eq!(chosen(256, 64), Parametrisation::Householder);
    assert_eq!(chosen(256, 129), Parametrisation::Exponential);
    let forced = rotation(Parametrisation::Householder, Start::Random, 8, 8);
    assert_eq!(forced.map().rotation().unwrap().parametrisation(), Parametrisation::Householder);
}

/// The Cayley transform and the exponential agree at zero, and so do their gradients.
#[test]
fn cayley_and_exponential_agree_to_first_order() {
    let weights = normal(7, 7, 2);
    let base = Orthogonal::random(7, 1, &Device::flex()).base().clone();
    let [exponential, cayley] = [Parametrisation::Exponential, Parametrisation::Cayley].map(|parametrisation| {
        let map = Orthogonal::from_parts_as(parametrisation, base.clone(), base.zeros_like()).unwrap();
        let leaf = base.zeros_like().autodiff().require_grad();
        let evaluated = AlignmentFunction::new(map).evaluate_with(std::slice::from_ref(&leaf), 7).unwrap();
        let frame = evaluated.frame().unwrap().clone();
        let gradients = (frame.clone() * Tensor::from_inner(weights.clone())).sum().backward();
        (frame.inner(), leaf.grad(&gradients).unwrap())
    });
    assert!(largest(exponential.0 - cayley.0) < 1e-6);
    assert!(largest(exponential.1.clone() - cayley.1) < 1e-5);
    assert!(largest(exponential.1) > 0.1);
}

/// 20,000 steps of Adam, the length of the longest fit.
fn is_orthonormal_after_twenty_thousand_steps(parametrisation: Parametrisation, width: usize, columns: usize) {
    is_orthonormal_after(20_000, rotation(parametrisation, Start::Random, width, columns), columns);
}

/// Steps of Adam in 32 bits towards targets that keep moving.
#[track_caller]
fn is_orthonormal_after(steps: usize, mut function: AlignmentFunction, columns: usize) {
    let width = function.width();
    let start = frame(&function, columns);
    let optimiser = AdamConfig::new().with_epsilon(1e-8).build();
    let mut state = None;
    let targets: Vec<Tensor<2>> = (0..8).map(|seed| normal(width, columns, seed)).collect();
    for step in 0..steps {
        let leaf = function.parameters()[0].clone().autodiff().require_grad();
        let evaluated = function.evaluate_with(std::slice::from_ref(&leaf), columns).unwrap();
        let target = Tensor::from_inner(targets[step / 7 % 8].clone());
        let loss = (evaluated.frame().unwrap().clone() * target).sum();
        let gradient = leaf.grad(&loss.backward()).unwrap();
        let (next, moments) = optimiser.step(1e-2, leaf.inner(), gradient, state);
        state = moments;
        function.set_parameters(vec![next]).unwrap();
    }
    let end = frame(&function, columns);
    assert!(largest(end.clone() - start) > 0.1, "it did not move");
    assert!(error_of_orthogonality(&end) < 1e-5, "{}", error_of_orthogonality(&end));
}

#[test]
fn an_exponential_is_orthonormal_after_twenty_thousand_steps() {
    is_orthonormal_after_twenty_thousand_steps(Parametrisation::Exponential, 6, 6);
}

#[test]
fn a_cayley_transform_is_orthonormal_after_twenty_thousand_steps() {
    is_orthonormal_after_twenty_thousand_steps(Parametrisation::Cayley, 6, 6);
}

#[test]
fn a_few_columns_are_orthonormal_after_twenty_thousand_steps() {
    is_orthonormal_after_twenty_thousand_steps(Parametrisation::Householder, 12, 4);
}

#[test]
fn an_exponential_of_some_width_is_orthonormal_after_twenty_thousand_steps() {
    is_orthonormal_after_twenty_thousand_steps(Parametrisation::Exponential, 32, 8);
}

/// Of the size of the case studies, from where a long fit might have come to, and from where rounding is no longer small:
/// every squaring doubles it.
#[test]
fn an_exponential_that_is_squared_often_stays_orthonormal() {
    for size in [0.3, 3.0, 100.0] {
        let mut function = rotation(Parametrisation::Exponential, Start::Random, 128, 32);
        let parameters = normal(128, 128, 3) * size;
        function.set_parameters(vec![parameters.clone()]).unwrap();
        let lower = parameters.tril(-1);
        let alone = error_of_orthogonality(&matrix_exponential(lower.clone() - lower.transpose()));
        assert_eq!(alone > 1e-5, size > 10.0, "{size}: {alone}");
        is_orthonormal_after(20, function, 32);
    }
}

#[test]
fn a_wide_frame_stays_orthonormal() {
    is_orthonormal_after(20, FunctionConfig::default().init(1536, 64, 7, None, &Device::flex()).unwrap(), 64);
}

/// Principal axes of fewer vectors than coordinates, some of them along which nothing varies.
#[test]
fn a_wide_frame_begins_at_principal_axes() {
    let (width, columns, varied) = (1536, 64, 40);
    let axes = frame(&rotation(Parametrisation::Householder, Start::Random, width, varied), varied);
    let activity = normal(100, varied, 5).matmul(axes.clone().transpose());
    let config = FunctionConfig::new(FunctionKind::Orthogonal, Start::Principal);
    let found = frame(&config.init(width, columns, 1, Some(&activity), &Device::flex()).unwrap(), columns);
    assert!(error_of_orthogonality(&found) < 1e-5, "{}", error_of_orthogonality(&found));
    // All that varies lies in them.
    let coordinates = axes.transpose().matmul(found);
    let lengths = (coordinates.clone() * coordinates).sum_dim(1);
    assert!(largest(lengths - 1.0) < 1e-4);
}

/// Of the size that a language model has.
#[test]
fn a_wide_frame_is_orthonormal_and_that_of_its_seed_at_any_number_of_threads() {
    let made = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| frame(&FunctionConfig::default().init(1536, 64, 7, None, &Device::flex()).unwrap(), 64))
    };
    let (one, two) = (made(1), made(2));
    assert!(error_of_orthogonality(&one) < 1e-5, "{}", error_of_orthogonality(&one));
    let values = |tensor: Tensor<2>| tensor.try_into_vec_as::<f32>().unwrap();
    assert_eq!(values(one), values(two));
}

#[test]
fn reflections_that_are_none_are_refused() {
    let device = Device::flex();
    let (signs, vectors) = (Tensor::<2>::ones([1, 3], &device), normal(5, 3, 1));
    let refused = |base: &Tensor<2>, parameters: Tensor<2>| {
        Orthogonal::from_parts_as(Parametrisation::Householder, base.clone(), parameters).unwrap_err().to_string()
    };
    refused(&Tensor::ones([3, 3], &device), vectors.clone());
    refused(&Tensor::ones([1, 2], &device), vectors.clone());
    refused(&Tensor::ones([1, 6], &device), normal(5, 6, 1));
    assert!(refused(&(signs.clone() * 0.5), vectors.clone()).contains("0.5"));
    assert!(refused(&signs, vectors.clone() * f32::NAN).contains("NaN"));
    let flat = vectors.clone().slice_assign([0..5, 1..2], Tensor::zeros([5, 1], &device));
    assert!(refused(&signs, flat).contains("direction"));
    assert!(Orthogonal::from_parts_as(Parametrisation::Householder, signs, vectors).is_ok());
}
