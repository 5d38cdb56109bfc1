use burn::prelude::*;
use mas_core::{Positions, Setting, Subspaces, response_jacobians};

use super::fit::Study;

fn jacobians(study: &Study, pairs: &[mas_core::Pairs], most: usize, seed: u64) -> Vec<Option<Tensor<2>>> {
    let setting = Setting { positions: study.positions, ..Setting::default() };
    let subspaces = Subspaces::new([("count", 1)]).unwrap();
    let exchanges = study.exchanges(pairs);
    response_jacobians(&study.participants(), &subspaces, setting, &exchanges, most, seed).unwrap()
}

fn first(study: &Study, count: usize) -> Vec<mas_core::Pairs> {
    study.validation.iter().map(|pairs| pairs.select(&(0..count).collect::<Vec<_>>())).collect()
}

/// The read-out is linear: the response depends on the state by its columns, at both outputs of every pair.
#[test]
fn the_jacobian_of_a_linear_network_is_its_read_out() {
    let study = Study::new("state", Positions::Individual);
    // More rows than are resumed together.
    for (index, jacobian) in jacobians(&study, &first(&study, 20), 1000, 0).into_iter().enumerate() {
        let read_out = study.networks[index % 2].read_out().transpose();
        let expected = read_out.repeat_dim(0, 2 * 20);
        let jacobian = jacobian.unwrap();
        assert_eq!(jacobian.dims(), expected.dims());
        let error: f32 = (jacobian - expected).abs().max().into_scalar();
        assert!(error < 1e-5, "{error}");
    }
}

/// Every input is added to the state: the response depends on each alike.
#[test]
fn stepwise_there_is_a_row_for_every_position() {
    let study = Study::new("input", Positions::Stepwise);
    let pairs = first(&study, 3);
    let found = jacobians(&study, &pairs, 1000, 0)[0].clone().unwrap();
    let read_out = study.networks[0].read_out().transpose();
    let logits = 2 * read_out.dims()[0];
    let mut next = 0;
    for pair in 0..3 {
        let positions = pairs[0].target_positions[pair] + 1;
        let rows = found.clone().narrow(0, next, logits * positions).reshape([logits, positions, read_out.dims()[1]]);
        for position in 0..positions {
            let error = rows.clone().narrow(1, position, 1).squeeze_dim::<2>(1) - read_out.clone().repeat_dim(0, 2);
            let error: f32 = error.abs().max().into_scalar();
            assert!(error < 1e-5, "pair {pair}, position {position}: {error}");
        }
        next += logits * positions;
    }
    assert_eq!(found.dims()[0], next);
}

#[test]
fn edits_that_follow_from_one_another_have_no_jacobian() {
    let study = Study::new("state", Positions::Stepwise);
    assert!(jacobians(&study, &first(&study, 3), 1000, 0).iter().all(Option::is_none));
}

/// With fewer rows than logits, `JᵀJ` is right in the mean.
#[test]
fn random_signs_stand_in_for_many_logits() {
    let study = Study::new("state", Positions::Individual);
    let pairs = first(&study, 60);
    let squared = |most: usize, seed: u64| {
        let jacobian = jacobians(&study, &pairs, most, seed)[0].clone().unwrap();
        assert_eq!(jacobian.dims()[0], 60 * most.min(24), "two outputs of twelve logits");
        jacobian.clone().transpose().matmul(jacobian)
    };
    let (exact, sketch) = (squared(24, 0), squared(8, 0));
    let size = |tensor: Tensor<2>| tensor.powi_scalar(2).sum().into_scalar::<f32>().sqrt();
    let error = size(sketch.clone() - exact.clone()) / size(exact);
    // 480 probes, each off by about √2.
    assert!(error < 0.2, "{error}");
    assert_eq!(squared(8, 0).to_data(), sketch.to_data());
    assert_ne!(squared(8, 1).to_data(), sketch.to_data());
}

#[test]
fn a_jacobian_without_rows_is_refused() {
    let study = Study::new("state", Positions::Individual);
    let subspaces = Subspaces::new([("count", 1)]).unwrap();
    let exchanges = study.exchanges(&study.validation);
    let error = response_jacobians(&study.participants(), &subspaces, Setting::default(), &exchanges, 0, 0);
    assert!(error.unwrap_err().to_string().contains("at least one row"));
}
