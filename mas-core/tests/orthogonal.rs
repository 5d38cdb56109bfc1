//! Random rotations: orthogonal, reproducible, and uniform over the orthogonal group.

use burn::prelude::*;
use mas_core::{AlignmentFunction, Error, alignment::Orthogonal};

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.clone().try_into_vec_as::<f32>().unwrap()
}

fn base(width: usize, seed: u64) -> Vec<f32> {
    values(Orthogonal::random(width, seed, &Device::flex()).base())
}

#[test]
fn a_random_rotation_is_orthogonal() {
    for width in [1, 2, 3, 8, 65, 128] {
        let q = Orthogonal::random(width, 5, &Device::flex());
        assert_eq!(q.width(), width);
        let gram = q.base().clone().transpose().matmul(q.base().clone());
        let error: f32 = (gram - Tensor::eye(width, &Device::flex())).abs().max().into_scalar();
        assert!(error < 1e-5, "width {width}: {error}");
        assert!(values(q.parameters()).iter().all(|&value| value == 0.0));
    }
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(base(16, 7), base(16, 7));
    assert_ne!(base(16, 7), base(16, 8));
}

/// Under the uniform distribution every entry has mean 0 and mean square 1/width, the trace has mean 0 and mean square
/// 1, and half of all matrices are reflections. QR without its signs undone has a trace far from 0 and one determinant.
#[test]
fn random_rotations_are_uniform() {
    const WIDTH: usize = 3;
    const DRAWS: u64 = 1500;
    let (mut mean, mut square) = ([0.0; WIDTH * WIDTH], [0.0; WIDTH * WIDTH]);
    let (mut trace, mut trace_square, mut turning) = (0.0, 0.0, 0);
    for seed in 0..DRAWS {
        let q: Vec<f64> = base(WIDTH, seed).into_iter().map(f64::from).collect();
        for (entry, value) in q.iter().enumerate() {
            mean[entry] += value / DRAWS as f64;
            square[entry] += value * value / DRAWS as f64;
        }
        let sum = q[0] + q[4] + q[8];
        trace += sum / DRAWS as f64;
        trace_square += sum * sum / DRAWS as f64;
        let determinant = q[0] * (q[4] * q[8] - q[5] * q[7]) - q[1] * (q[3] * q[8] - q[5] * q[6])
            + q[2] * (q[3] * q[7] - q[4] * q[6]);
        turning += i32::from(determinant > 0.0);
    }
    // Five standard errors.
    assert!(mean.iter().all(|value| value.abs() < 0.075), "{mean:?}");
    assert!(square.iter().all(|value| (value - 1.0 / 3.0).abs() < 0.04), "{square:?}");
    assert!(trace.abs() < 0.13, "{trace}");
    assert!((trace_square - 1.0).abs() < 0.19, "{trace_square}");
    assert!((turning - 750).abs() < 97, "{turning}");
}

#[test]
fn the_frame_is_orthonormal_and_its_columns_do_not_depend_on_how_many_there_are() {
    let device = Device::flex();
    let parameters: Vec<f32> = (0..36).map(|index| (index as f32 * 0.7).sin() * 2.0).collect();
    let parameters = Tensor::from_data(TensorData::new(parameters, [6, 6]), &device);
    let q = Orthogonal::from_parts(Orthogonal::random(6, 1, &device).base().clone(), parameters).unwrap();
    let function = AlignmentFunction::new(q);
    let all = function.evaluate(6).unwrap().frame().unwrap().clone();
    for columns in 1..=6 {
        let frame = function.evaluate(columns).unwrap().frame().unwrap().clone();
        assert_eq!(frame.dims(), [6, columns]);
        let gram = frame.clone().transpose().matmul(frame.clone());
        let error: f32 = (gram - Tensor::eye(columns, &device)).abs().max().into_scalar();
        assert!(error < 1e-5, "{columns}: {error}");
        let error: f32 = (frame - all.clone().narrow(1, 0, columns)).abs().max().into_scalar();
        assert!(error < 1e-6, "{columns}: {error}");
    }
    assert!(matches!(function.evaluate(7), Err(Error::Invalid(message)) if message.contains('7')));
}

/// Only the strictly lower triangle counts.
#[test]
fn the_upper_triangle_of_the_parameters_is_ignored() {
    let device = Device::flex();
    let base = Orthogonal::random(4, 1, &device).base().clone();
    let parameters = Tensor::<2>::from_data(
        [[0.0, 0.0, 0.0, 0.0], [0.3, 0.0, 0.0, 0.0], [-0.8, 1.2, 0.0, 0.0], [0.1, 0.5, -0.4, 0.0]],
        &device,
    );
    let upper = Tensor::<2>::ones([4, 4], &device).triu(0) * 9.0;
    let frame = |parameters: Tensor<2>| {
        let function = AlignmentFunction::new(Orthogonal::from_parts(base.clone(), parameters).unwrap());
        values(function.evaluate(4).unwrap().frame().unwrap())
    };
    assert_eq!(frame(parameters.clone()), frame(parameters.clone() + upper));
    assert_ne!(frame(parameters.clone()), frame(parameters * 2.0));
}

#[test]
fn parts_that_are_no_rotation_are_refused() {
    let device = Device::flex();
    let (square, zeros) = (Orthogonal::random(4, 1, &device).base().clone(), Tensor::<2>::zeros([4, 4], &device));
    let refused = |base: &Tensor<2>, parameters: &Tensor<2>| {
        Orthogonal::from_parts(base.clone(), parameters.clone()).unwrap_err().to_string()
    };
    assert!(refused(&square, &Tensor::zeros([4, 3], &device)).contains("[4, 3]"));
    assert!(refused(&Tensor::zeros([4, 3], &device), &zeros).contains("4×3"));
    refused(&(square.clone() * 1.01), &zeros);
    refused(&(square.clone() * f32::NAN), &zeros);
    refused(&square, &(zeros.clone() + f32::NAN));
    refused(&square, &(zeros + f32::INFINITY));
}
