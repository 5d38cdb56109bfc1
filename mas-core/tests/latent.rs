//! The counterfactual-latent loss against recordings of the author's PyTorch implementation of arXiv 2501.06164.

mod recording;

use burn::prelude::*;
use mas_core::latent::{cosine_distance, counterfactual_latent_loss, mean_square_difference};
use recording::{Recording, difference};

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

fn close(left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len());
    let far = left.iter().zip(right).any(|(left, right)| (left - right).abs() > 1e-6);
    assert!(!far, "{left:?} is not {right:?}");
}

#[test]
fn every_vector_has_the_recorded_distances() {
    let mut recording = Recording::open("counterfactual_latent");
    let (x, y) = (recording.matrix("interchanged"), recording.matrix("natural"));
    let (cosine, square) = (values(recording.matrix("cosine")), values(recording.matrix("mean_square")));
    assert!(difference(cosine_distance(x.clone(), y.clone()).transpose(), recording.matrix("cosine")) < 1e-6);
    assert!(
        difference(mean_square_difference(x.clone(), y.clone()).transpose(), recording.matrix("mean_square")) < 1e-6
    );
    let half: Vec<f32> = cosine.iter().zip(&square).map(|(cosine, square)| 0.5 * (cosine + square)).collect();
    close(&values(counterfactual_latent_loss(x, y)), &half);
}

/// The means over all six vectors, and over those that have a natural one.
#[test]
fn means_are_the_recorded_ones() {
    let mut recording = Recording::open("counterfactual_latent");
    let (x, y) = (recording.matrix("interchanged"), recording.matrix("natural"));
    let excluded = values(recording.matrix("excluded"));
    let kept: Vec<i32> = (0..6).filter(|&row| excluded[row as usize] == 0.0).collect();
    assert_eq!(kept.len(), 5);
    let kept = Tensor::<1, Int>::from_data(TensorData::new(kept, [5]), &Device::flex());
    let (few_x, few_y) = (x.clone().select(0, kept.clone()), y.clone().select(0, kept));
    let mean = |of: Tensor<2>| values(of.mean_dim(0))[0];
    for (x, y, cosine, square, both) in
        [(x, y, 0.398_732_8, 0.571_068_1, 0.484_900_47), (few_x, few_y, 0.418_63, 0.558_510_5, 0.488_570_27)]
    {
        close(&[mean(cosine_distance(x.clone(), y.clone()))], &[cosine]);
        close(&[mean(mean_square_difference(x.clone(), y.clone()))], &[square]);
        close(&[mean(counterfactual_latent_loss(x, y))], &[both]);
    }
}

#[test]
fn a_vector_is_at_no_distance_from_itself_and_scale_is_in_the_square_alone() {
    let mut recording = Recording::open("counterfactual_latent");
    let x = recording.matrix("interchanged");
    close(&values(counterfactual_latent_loss(x.clone(), x.clone())), &[0.0; 6]);
    close(&values(cosine_distance(x.clone() * 3.0, x.clone())), &[0.0; 6]);
    close(&values(cosine_distance(x.clone().neg(), x.clone())), &[2.0; 6]);
    assert!(values(mean_square_difference(x.clone() * 3.0, x)).iter().all(|&square| square > 1.0));
}

/// By finite differences; also at a zero vector, which has no direction.
#[test]
fn its_gradient_is_that_of_finite_differences() {
    let mut recording = Recording::open("counterfactual_latent");
    let (x, y) = (recording.matrix("interchanged"), recording.matrix("natural"));
    let leaf = x.clone().autodiff().require_grad();
    let gradients = counterfactual_latent_loss(leaf.clone(), y.clone()).sum().backward();
    let gradient = values(leaf.grad(&gradients).unwrap());
    let at = |entry: usize, by: f32| {
        let mut moved = values(x.clone());
        moved[entry] += by;
        let moved = Tensor::<2>::from_data(TensorData::new(moved, [6, 16]), &Device::flex());
        let loss: f32 = counterfactual_latent_loss(moved, y.clone()).sum().into_scalar();
        f64::from(loss)
    };
    for entry in [0, 17, 40, 63, 95] {
        let slope = (at(entry, 1e-2) - at(entry, -1e-2)) / 2e-2;
        assert!((slope - f64::from(gradient[entry])).abs() < 1e-3, "{entry}: {slope} is not {}", gradient[entry]);
    }

    let zero = Tensor::<2>::zeros([6, 16], &Device::flex()).autodiff().require_grad();
    let loss = counterfactual_latent_loss(zero.clone(), y.clone()).sum();
    let expected = values(y.square().mean_dim(1)).iter().map(|square| 0.5 * (square + 1.0)).sum::<f32>();
    let gradients = loss.clone().backward();
    close(&[loss.inner().into_scalar::<f32>()], &[expected]);
    assert!(values(zero.grad(&gradients).unwrap()).iter().all(|value| value.is_finite()));
}
