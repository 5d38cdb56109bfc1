//! Maps that are no rotations, their interchanges and gradients, against those recorded from the PyTorch implementation
//! of arXiv 2501.06164.

mod recording;

use burn::prelude::*;
use mas_core::{
    AlignmentFunction, Retain,
    alignment::{Evaluated, Linear, Orthogonal, PreStep, Relaxed, Revnet, Scaled},
    interchange,
};
use recording::{Recording, difference};

/// The recorded parameters of one network, tracked, by name.
struct Leaves<'a> {
    recorded: &'a mut Recording,
    network: usize,
    named: Vec<(String, Tensor<2>)>,
}

impl Leaves<'_> {
    fn take(&mut self, name: &str) -> Tensor<2> {
        let leaf = self.constant(name).autodiff().require_grad();
        self.named.push((name.to_owned(), leaf.clone()));
        leaf
    }

    fn constant(&mut self, name: &str) -> Tensor<2> {
        self.recorded.matrix(&format!("sd/rot_mtxs.{}.{name}", self.network))
    }

    /// The rotation and its tracked parameter.
    fn rotation(&mut self) -> (Orthogonal, Tensor<2>) {
        let base = self.constant("rot_module.parametrizations.weight.0.base");
        let leaf = self.take("rot_module.parametrizations.weight.original");
        (Orthogonal::from_parts(base, leaf.clone().inner()).unwrap(), leaf)
    }
}

/// Compares aligned coordinates, the way back, and block 0 of 4 coordinates, swapped in all four directions.
fn check(name: &str, evaluate: impl Fn(&mut Leaves) -> Evaluated) {
    let mut recorded = Recording::open(name);
    for case in 0..4 {
        let (source, target) = (case / 2, case % 2);
        let case = format!("s{source}_t{target}_v0");
        let mut named = Vec::new();
        let mut evaluated = Vec::new();
        for network in 0..2 {
            let mut leaves = Leaves { recorded: &mut recorded, network, named: Vec::new() };
            evaluated.push(evaluate(&mut leaves));
            named.push(leaves.named);
        }
        for (network, evaluated) in evaluated.iter().enumerate() {
            let mut of = |what: &str| Tensor::from_inner(recorded.matrix(&format!("{what}/{network}")));
            let (activity, aligned, back) = (of("rot_in"), of("rot_out"), of("rot_roundtrip"));
            let all = 0..aligned.dims()[1];
            is_close(
                evaluated.read(activity, all.clone()),
                aligned.clone(),
                1e-5,
                &format!("{name} rot_out/{network}"),
            );
            is_close(evaluated.replace(all, aligned), back, 1e-5, &format!("{name} rot_roundtrip/{network}"));
        }
        let mut input = |which: &str| Tensor::from_inner(recorded.matrix(&format!("{which}/{case}")));
        let (from, to, weights, expected) = (input("in_src"), input("in_trg"), input("G"), input("out"));
        let out = interchange(&evaluated[source], &evaluated[target], 0..4, Retain::Rest, from, to);
        is_close(out.clone(), expected, 1e-5, &format!("{name} {case}"));
        let gradients = (out * weights).sum().backward();
        for (network, named) in named.iter().enumerate() {
            for (parameter, leaf) in named {
                let key = format!("grad/{case}/rot_mtxs.{network}.{parameter}");
                // What has no gradient was recorded as zero, or not at all.
                let ours = leaf.grad(&gradients).unwrap_or_else(|| leaf.clone().inner().zeros_like());
                let theirs = recorded.find(&key).unwrap_or_else(|| ours.zeros_like());
                is_close(ours, theirs, 1e-4, &format!("{name} {key}"));
            }
        }
    }
}

/// Within `tolerance`, of the largest number where that is more than 1.
#[track_caller]
fn is_close(ours: Tensor<2>, theirs: Tensor<2>, tolerance: f32, what: &str) {
    let largest: f32 = theirs.clone().abs().max().into_scalar();
    let error = difference(ours, theirs);
    assert!(error < tolerance * largest.max(1.0), "{what}: {error} of {largest}");
}

#[test]
fn a_linear_map_swaps_its_block() {
    check("sd", |leaves| {
        let (core, signs) = (leaves.take("rot_module.core_mtx"), leaves.take("rot_module.signs"));
        let map = Linear::from_parts(core.clone().inner(), signs.clone().inner()).unwrap();
        let width = core.dims()[0];
        AlignmentFunction::new(map).evaluate_with(&[core, signs], width).unwrap()
    });
}

/// The symmetric stretch alone is the linear map with scales of 1.
#[test]
fn a_symmetric_positive_map_is_a_linear_one() {
    check("psd", |leaves| {
        let core = leaves.take("rot_module.core_mtx");
        let width = core.dims()[0];
        let signs = Tensor::<2>::full([1, width], Linear::unit_sign(), &Device::flex());
        let map = Linear::from_parts(core.clone().inner(), signs.clone()).unwrap();
        AlignmentFunction::new(map).evaluate_with(&[core, Tensor::from_inner(signs)], width).unwrap()
    });
}

/// The recorded parameter is the scale itself, ours its logarithm: the gradient goes through it.
#[test]
fn a_scaled_rotation_swaps_its_block() {
    check("scaled", |leaves| {
        let scale = leaves.take("scalar");
        let (rotation, parameter) = leaves.rotation();
        let (width, log_scale) = (rotation.width(), scale.log());
        let map = Scaled::from_parts(rotation, log_scale.clone().inner()).unwrap();
        AlignmentFunction::new(map).evaluate_with(&[parameter, log_scale], width).unwrap()
    });
}

/// All recorded entries are negative, where half were meant: a matter of where the fit begins, not of the map.
#[test]
fn a_relaxed_rotation_swaps_its_block() {
    check("relaxed", |leaves| {
        let diagonal = leaves.take("diag");
        let (rotation, parameter) = leaves.rotation();
        let width = rotation.width();
        let map = Relaxed::from_parts(rotation, diagonal.clone().inner()).unwrap();
        AlignmentFunction::new(map).evaluate_with(&[parameter, diagonal], width).unwrap()
    });
}

/// The rotation first and then the diagonal is no setting here; columns and rows that come from elsewhere will do.
#[test]
fn any_linear_map_with_its_inverse_will_do() {
    check("relaxed_rotfirst", |leaves| {
        let diagonal = leaves.take("diag");
        let (rotation, parameter) = leaves.rotation();
        let width = rotation.width();
        let rotation = AlignmentFunction::new(rotation).evaluate_with(&[parameter], width).unwrap();
        let frame = rotation.frame().unwrap().clone();
        let scale = diagonal.clone() + diagonal.sign() * 0.01;
        let write = (frame.clone() / scale.clone()).transpose();
        Evaluated::from_matrices(&PreStep::default(), frame * scale, write)
    });
}

/// In evaluation mode batch normalisation is a linear layer, which belongs to the one before it. Our weights are
/// `[in, out]`.
#[test]
fn coupling_blocks_swap_their_block() {
    for name in ["revresnet", "revresnet_bnstats"] {
        check(name, |leaves| {
            let mut parameters = Vec::new();
            for block in 0..3 {
                for function in ["F", "G"] {
                    for layer in [0, 3] {
                        let path = |place: usize, part: &str| {
                            format!("rot_module.rev_blocks.{block}.{function}.net.{place}.{part}")
                        };
                        let mut normalisation = |part: &str| leaves.constant(&path(layer + 1, part));
                        let (mean, variance) = (normalisation("running_mean"), normalisation("running_var"));
                        let deviation = Tensor::from_inner((variance + 1e-5).sqrt());
                        let mut leaf = |place: usize, part: &str| leaves.take(&path(place, part));
                        let (weight, bias) = (leaf(layer, "weight"), leaf(layer, "bias"));
                        let (scale, shift) = (leaf(layer + 1, "weight") / deviation, leaf(layer + 1, "bias"));
                        parameters.push(weight.transpose() * scale.clone());
                        parameters.push((bias - Tensor::from_inner(mean)) * scale + shift);
                    }
                }
            }
            let width = parameters[0].dims()[0] * 2;
            let map = Revnet::from_parts(width, parameters.iter().map(|tensor| tensor.clone().inner()).collect());
            AlignmentFunction::new(map.unwrap()).evaluate_with(&parameters, width).unwrap()
        });
    }
}
