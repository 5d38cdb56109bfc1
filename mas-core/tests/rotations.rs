//! Interchanges and their gradients against those recorded from the PyTorch implementation of arXiv 2501.06164.

mod recording;

use std::ops::Range;

use burn::prelude::*;
use mas_core::{
    AlignmentFunction, Retain,
    alignment::{Evaluated, Orthogonal, Parametrisation as Ours, PreStep, Squash},
    interchange,
};
use recording::{Recording, difference};

/// How PyTorch's `torch.nn.utils.parametrizations.orthogonal` makes an orthogonal matrix of a square parameter.
#[derive(Clone, Copy)]
enum Parametrisation {
    Exponential,
    Cayley,
    Householder,
}

impl Parametrisation {
    /// The orthogonal matrix, `base` times a function of the lower triangle of `parameter`.
    fn orthogonal(self, base: Tensor<2>, parameter: Tensor<2>) -> Tensor<2> {
        let n = base.dims()[0];
        let identity = Tensor::<2>::eye(n, &parameter.device());
        let lower = parameter.clone().tril(-1);
        let orthogonal = match self {
            Self::Exponential | Self::Cayley => {
                let ours = if let Self::Cayley = self { Ours::Cayley } else { Ours::Exponential };
                let map = Orthogonal::from_parts_as(ours, base, parameter.clone().inner()).unwrap();
                let evaluated = AlignmentFunction::new(map).evaluate_with(&[parameter], n).unwrap();
                return evaluated.frame().unwrap().clone();
            }
            // H₁ H₂ …, reflections at the columns of the unit lower triangle, times the signs of the diagonal.
            Self::Householder => {
                let product = (0..n).fold(identity.clone(), |product, column| {
                    let below = lower.clone().narrow(1, column, 1);
                    let reflected = below.clone() + identity.clone().narrow(1, column, 1);
                    let tau = ((below.clone() * below).sum_dim(0) + 1.0).recip() * 2.0;
                    let along = product.clone().matmul(reflected.clone());
                    product - along.matmul(reflected.transpose()) * tau
                });
                let signs = (parameter.inner() * identity.inner()).sum_dim(0).int().float();
                product * Tensor::from_inner(signs)
            }
        };
        Tensor::from_inner(base).matmul(orthogonal)
    }
}

/// A recorded kind of alignment function.
struct Kind {
    name: &'static str,
    parametrisation: Parametrisation,
    retain: Retain,
    /// (source, target, block), for the cases `sS_tT_vV` of block V.
    cases: Vec<(usize, usize, usize, Range<usize>)>,
}

impl Kind {
    /// Block 0, of `size` coordinates, in all four directions.
    fn new(name: &'static str, size: usize) -> Self {
        let cases = (0..4).map(|case| (case / 2, case % 2, 0, 0..size)).collect();
        Self { name, parametrisation: Parametrisation::Exponential, retain: Retain::Rest, cases }
    }

    /// Compares every case's output and gradients.
    fn check(&self) {
        let mut recorded = Recording::open(self.name);
        for &(source, target, variable, ref block) in &self.cases {
            let case = format!("s{source}_t{target}_v{variable}");
            let leaves: Vec<Leaves> = (0..2).map(|network| self.leaves(&mut recorded, network)).collect();
            let evaluated: Vec<Evaluated> = leaves
                .iter()
                .enumerate()
                .map(|(network, leaves)| {
                    let weight = self.parametrisation.orthogonal(leaves.base.clone(), leaves.parameter.clone());
                    let used = recorded.matrix(&format!("weight/{network}"));
                    let frame = weight.narrow(1, 0, used.dims()[1]);
                    let error = difference(frame.clone(), used);
                    assert!(error < 1e-5, "{} weight/{network}: {error}", self.name);
                    Evaluated::from_frame(&leaves.prestep, frame)
                })
                .collect();
            let mut input = |which: &str| recorded.matrix(&format!("{which}/{case}"));
            let (from, to, weights, expected) = (input("in_src"), input("in_trg"), input("G"), input("out"));
            let (from, to) = (Tensor::from_inner(from), Tensor::from_inner(to));
            let (source, target) = (&evaluated[source], &evaluated[target]);
            let out = match self.parametrisation {
                // The recorded matrix is not orthogonal (see the test): `Q (E Qᵀh_s + (1 − E) Qᵀh_t)` in full.
                Parametrisation::Householder => {
                    let rest = block.end..target.columns();
                    let kept = target.replace(rest.clone(), target.read(to, rest));
                    target.replace(block.clone(), source.read(from, block.clone())) + kept
                }
                _ => interchange(source, target, block.clone(), self.retain, from, to),
            };
            let error = difference(out.clone(), expected);
            assert!(error < 1e-5, "{} {case}: {error}", self.name);
            let gradients = (out * Tensor::from_inner(weights)).sum().backward();
            for (network, leaves) in leaves.iter().enumerate() {
                let mut compare = |name: &str, leaf: &Tensor<2>| {
                    let key = format!("grad/{case}/rot_mtxs.{network}.{name}");
                    let error = match (leaf.grad(&gradients), recorded.find(&key)) {
                        (Some(ours), Some(theirs)) => difference(ours, theirs),
                        (Some(ours), None) => ours.abs().max().into_scalar(),
                        (None, Some(theirs)) => theirs.abs().max().into_scalar(),
                        (None, None) => 0.0,
                    };
                    assert!(error < 1e-4, "{} {key}: {error}", self.name);
                };
                compare("rot_module.parametrizations.weight.original", &leaves.parameter);
                if let Some(bias) = &leaves.bias {
                    compare("bias", bias);
                }
            }
        }
    }

    fn leaves(&self, recorded: &mut Recording, network: usize) -> Leaves {
        let mut raw = |name: &str| recorded.find(&format!("sd/rot_mtxs.{network}.{name}"));
        let mut prestep = PreStep::default();
        if self.name == "rotation_tanh" {
            prestep = prestep.with_squash(Squash::Tanh);
        }
        if let (Some(mean), Some(scale)) = (raw("mu"), raw("sigma")) {
            prestep = prestep.with_standardisation(Tensor::from_inner(mean), Tensor::from_inner(scale)).unwrap();
        }
        let bias = raw("bias").map(|bias| bias.autodiff().require_grad());
        if let Some(bias) = &bias {
            prestep = prestep.with_bias(bias.clone());
        }
        let parameter = raw("rot_module.parametrizations.weight.original").unwrap().autodiff().require_grad();
        Leaves { base: raw("rot_module.parametrizations.weight.0.base").unwrap(), parameter, bias, prestep }
    }
}

/// One network's tracked parameters.
struct Leaves {
    base: Tensor<2>,
    parameter: Tensor<2>,
    bias: Option<Tensor<2>>,
    prestep: PreStep,
}

#[test]
fn a_rotation_swaps_its_block() {
    Kind::new("rotation", 4).check();
    Kind::new("rotation_samesize", 6).check();
}

/// Asked for more coordinates than there are, the reference takes all of the smaller network's.
#[test]
fn a_block_may_be_as_wide_as_the_smaller_network() {
    Kind::new("rotation_nunits_gt_size", 8).check();
}

/// Blocks of 3 and 2, and the extraneous rest (5..12 and 5..8). The rest is compared where it has one size: within a
/// network, and from the wider to the narrower, where the reference drops what does not fit. Left out is its swap from
/// the narrower to the wider network (`s1_t0_v2`), in which the reference also zeroes coordinates 8..12 of the target:
/// blocks of unequal size are no interchange here.
#[test]
fn each_of_several_blocks_is_swapped_by_itself() {
    let mut kind = Kind::new("rotation_3sub", 3);
    for (variable, narrow, wide) in [(1, 3..5, 3..5), (2, 5..8, 5..12)] {
        kind.cases.extend([(0, 0, variable, wide), (0, 1, variable, narrow.clone()), (1, 1, variable, narrow.clone())]);
        if variable == 1 {
            kind.cases.push((1, 0, variable, narrow));
        }
    }
    assert_eq!(kind.cases.len(), 11);
    kind.check();
}

#[test]
fn standardised_activity_is_swapped_in_its_own_scale() {
    Kind::new("rotation_zscore", 4).check();
}

#[test]
fn squashed_activity_is_swapped_unsquashed() {
    Kind::new("rotation_tanh", 4).check();
}

#[test]
fn a_bias_takes_part_and_has_a_gradient() {
    Kind::new("rotation_bias", 4).check();
}

#[test]
fn any_orthogonal_frame_will_do() {
    Kind { parametrisation: Parametrisation::Cayley, ..Kind::new("rotation_cayley", 4) }.check();
}

/// The fixture's raw parameter is a random matrix, and PyTorch truncates its diagonal to whole numbers for signs: some
/// of them are 0, and the matrix is not orthogonal. There is no interchange to compare with, but reading and replacing.
#[test]
fn reading_and_replacing_need_no_orthogonal_frame() {
    Kind { parametrisation: Parametrisation::Householder, ..Kind::new("rotation_householder", 4) }.check();
}

#[test]
fn stitching_keeps_nothing_of_the_target() {
    for (name, size) in [("rank_rotation", 4), ("zeromask", 4), ("zeromask_stitch", 8), ("zeromask_fsr_rank", 4)] {
        Kind { retain: Retain::Nothing, ..Kind::new(name, size) }.check();
    }
}

/// The exponential itself, with parameters and as it begins, where only a diagonal that does not count is not zero.
#[test]
fn exponentials_are_those_recorded() {
    for name in ["orth_forward", "orth_init"] {
        let mut recorded = Recording::open(name);
        let map = Orthogonal::from_parts(recorded.matrix("base"), recorded.matrix("original")).unwrap();
        let evaluated = AlignmentFunction::new(map).evaluate(7).unwrap();
        let error = difference(evaluated.frame().unwrap().clone(), recorded.matrix("weight"));
        assert!(error < 1e-6, "{name}: {error}");
    }
}
