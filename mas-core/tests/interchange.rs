//! What reading, writing and replacing aligned coordinates must and must not change.

use std::ops::Range;

use burn::prelude::*;
use mas_core::{
    AlignmentFunction, FunctionConfig, FunctionKind, Retain, Start, Subspaces,
    alignment::{Orthogonal, Parametrisation, PreStep, Squash},
    interchange,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WIDTH: usize = 6;

/// Every map, with parameters away from its start, behind every kind of pre-step.
fn functions() -> Vec<AlignmentFunction> {
    let device = Device::flex();
    let row = |values: [f32; WIDTH]| Tensor::<2>::from_data([values], &device);
    let mean = row([0.2, -0.1, 0.0, 0.3, -0.3, 0.1]);
    let scale = row([0.5, 2.0, 1.0, 0.1, 3.0, 0.7]);
    let bias = row([-1.0, 0.4, 0.0, 0.2, 0.1, 2.0]);
    let presteps = [
        PreStep::default(),
        PreStep::default().with_bias(bias.clone()),
        PreStep::default().with_standardisation(mean.clone(), scale).unwrap(),
        PreStep::default().with_squash(Squash::Tanh),
        PreStep::default().with_squash(Squash::Sigmoid),
        // Scales that leave room before the edge of the range.
        PreStep::default()
            .with_standardisation(mean, row([0.6, 0.9, 0.8, 0.7, 1.0, 0.5]))
            .unwrap()
            .with_squash(Squash::Tanh)
            .with_bias(bias),
    ];
    let mut functions = Vec::new();
    for (seed, prestep) in presteps.into_iter().enumerate() {
        for map in maps(seed as u64, prestep.squash().is_some()) {
            functions.push(map.with_prestep(prestep.clone()));
        }
    }
    functions
}

/// One of each kind of map and each parametrisation of a rotation. `gentle` ones stretch so little that values stay where a
/// squashing function can be undone to the precision of the tests.
fn maps(seed: u64, gentle: bool) -> Vec<AlignmentFunction> {
    let (start, amplitude) = if gentle { (Start::Identity, 0.05) } else { (Start::Random, 0.3) };
    let rotations = [Parametrisation::Exponential, Parametrisation::Cayley, Parametrisation::Householder];
    let rotations = rotations.map(|parametrisation| (FunctionKind::Orthogonal, Some(parametrisation)));
    let others = FunctionKind::ALL[1..].iter().map(|&kind| (kind, None));
    let made = rotations.into_iter().chain(others).map(|(kind, parametrisation)| {
        let config = FunctionConfig { parametrisation, ..FunctionConfig::new(kind, start) };
        let mut function = config.init(WIDTH, WIDTH, seed, None, &Device::flex()).unwrap();
        let moved = function.parameters().into_iter().enumerate().map(|(index, parameters)| {
            let [rows, columns] = parameters.dims();
            let waves =
                (0..rows * columns).map(|entry| amplitude * ((entry + index) as f32 + seed as f32).sin()).collect();
            parameters + Tensor::from_data(TensorData::new::<f32, _>(waves, [rows, columns]), &Device::flex())
        });
        function.set_parameters(moved.collect()).unwrap();
        // What is left is the map alone: a linear one would bring its bias.
        function.with_prestep(PreStep::default())
    });
    made.collect()
}

fn rotation(seed: u64) -> AlignmentFunction {
    let device = Device::flex();
    let parameters: Vec<f32> = (0..WIDTH * WIDTH).map(|index| (index as f32 + seed as f32).sin()).collect();
    let parameters = Tensor::from_data(TensorData::new(parameters, [WIDTH, WIDTH]), &device);
    let base = Orthogonal::random(WIDTH, seed, &device).base().clone();
    AlignmentFunction::new(Orthogonal::from_parts(base, parameters).unwrap())
}

/// Activity in the range that every squashing function has.
fn activity(seed: u64) -> Tensor<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..9 * WIDTH).map(|_| rng.random_range(0.1..0.9)).collect();
    Tensor::from_data(TensorData::new(values, [9, WIDTH]), &Device::flex())
}

fn difference(left: &Tensor<2>, right: &Tensor<2>) -> f32 {
    (left.clone() - right.clone()).abs().max().into_scalar()
}

fn is_close(left: &Tensor<2>, right: &Tensor<2>) -> bool {
    difference(left, right) < 2e-5 * (1.0 + right.clone().abs().max().into_scalar::<f32>())
}

#[test]
fn writing_what_was_read_changes_nothing() {
    for function in functions() {
        let evaluated = function.evaluate(WIDTH).unwrap();
        let h = activity(1);
        for block in [0..1, 0..3, 2..5, 5..6, 0..WIDTH] {
            let same = evaluated.write(h.clone(), block.clone(), evaluated.read(h.clone(), block));
            assert!(is_close(&same, &h), "{:?}: {}", function.prestep(), difference(&same, &h));
        }
    }
}

#[test]
fn what_was_written_is_read_back_and_the_rest_is_as_before() {
    for function in functions() {
        let evaluated = function.evaluate(WIDTH).unwrap();
        let h = activity(2);
        // Values that activity has, so that none leaves the range of a squashing function.
        let values = evaluated.read(activity(3), 2..4);
        let written = evaluated.write(h.clone(), 2..4, values.clone());
        assert!(difference(&written, &h) > 0.01);
        assert!(is_close(&evaluated.read(written.clone(), 2..4), &values), "{:?}", function.prestep());
        for rest in [0..2, 4..WIDTH] {
            let (before, after) = (evaluated.read(h.clone(), rest.clone()), evaluated.read(written.clone(), rest));
            assert!(is_close(&after, &before), "{:?}", function.prestep());
        }
    }
}

#[test]
fn replacing_leaves_nothing_of_the_target() {
    for function in functions() {
        let evaluated = function.evaluate(WIDTH).unwrap();
        let values = evaluated.read(activity(3), 1..4);
        let replaced = evaluated.replace(1..4, values.clone());
        assert!(is_close(&evaluated.read(replaced.clone(), 1..4), &values), "{:?}", function.prestep());
        for rest in [0..1, 4..WIDTH] {
            let left = evaluated.read(replaced.clone(), rest);
            assert!(is_close(&left, &left.zeros_like()), "{:?}", function.prestep());
        }
        let all = evaluated.replace(0..WIDTH, evaluated.read(activity(4), 0..WIDTH));
        assert!(is_close(&all, &activity(4)), "{:?}", function.prestep());
    }
}

/// `h + σ ⊙ Q(Qᵀx_s − Qᵀx_t)` of the docs, with `x = (h − μ)/σ + b`, by hand.
#[test]
fn an_interchange_is_the_formula() {
    let functions = functions();
    let prestep = functions.iter().map(AlignmentFunction::prestep).find(|prestep| prestep.tensors().count() == 2);
    let [source, target] = &[1, 2].map(|seed| rotation(seed).with_prestep(prestep.unwrap().clone()));
    let part = |name: &str| source.prestep().tensors().find(|(part, _)| *part == name).unwrap().1.clone();
    let (h_s, h_t) = (activity(5), activity(6));
    let x = |h: &Tensor<2>| (h.clone() - part("mean")) / part("scale");
    let frame = |function: &AlignmentFunction| function.evaluate(3).unwrap().frame().unwrap().clone();
    let (q_s, q_t) = (frame(source), frame(target));
    let change = (x(&h_s).matmul(q_s) - x(&h_t).matmul(q_t.clone())).matmul(q_t.transpose());
    let expected = h_t.clone() + change * part("scale");
    let ours = swap(source, target, 0..3, Retain::Rest, &h_s, &h_t);
    assert!(is_close(&ours, &expected));
}

#[test]
fn swapping_everything_within_a_network_gives_the_source() {
    for function in functions() {
        let (source, target) = (activity(7), activity(8));
        for retain in [Retain::Rest, Retain::Nothing] {
            let swapped = swap(&function, &function, 0..WIDTH, retain, &source, &target);
            assert!(is_close(&swapped, &source), "{:?}", function.prestep());
        }
    }
}

#[test]
fn activity_that_is_swapped_with_itself_stays() {
    for function in functions() {
        let same = swap(&function, &function, 1..4, Retain::Rest, &activity(7), &activity(7));
        assert!(is_close(&same, &activity(7)), "{:?}", function.prestep());
    }
}

#[test]
fn blocks_are_swapped_one_by_one_or_together() {
    let functions = functions();
    // All maps behind one pre-step, so that values stay in the range of its squashing function.
    let maps = functions.iter().filter(|function| function.prestep().tensors().count() == 0).count() / 3;
    for (source, target) in functions.chunks(maps).flat_map(|maps| maps.iter().zip(maps.iter().rev())) {
        let (h_s, h_t) = (activity(9), activity(10));
        let one = |block, h: &Tensor<2>| swap(source, target, block, Retain::Rest, &h_s, h);
        let together = one(0..5, &h_t);
        let (forwards, backwards) = (one(2..5, &one(0..2, &h_t)), one(0..2, &one(2..5, &h_t)));
        assert!(is_close(&forwards, &together) && is_close(&backwards, &together));
    }
}

#[test]
fn a_swap_there_and_back_restores_the_block() {
    let functions = functions();
    let (h_s, h_t) = (activity(11), activity(12));
    let there = swap(&functions[0], &functions[2], 0..4, Retain::Rest, &h_s, &h_t);
    let back = swap(&functions[2], &functions[0], 0..4, Retain::Rest, &there, &h_s);
    assert!(is_close(&back, &h_s));
}

#[test]
fn activity_at_the_edge_of_a_squashing_function_stays_finite() {
    for (squash, edge) in [(Squash::Tanh, 1.0), (Squash::Tanh, -1.0), (Squash::Sigmoid, 0.0), (Squash::Sigmoid, 1.0)] {
        let function = rotation(1).with_prestep(PreStep::default().with_squash(squash));
        let h = Tensor::<2>::full([2, WIDTH], edge, &Device::flex());
        let swapped = swap(&function, &function, 0..3, Retain::Rest, &activity(1).narrow(0, 0, 2), &h);
        assert!(swapped.clone().sum().into_scalar::<f32>().is_finite());
        let same = swap(&function, &function, 0..3, Retain::Rest, &h, &h);
        assert!(difference(&same, &h) < 1e-5, "{squash:?} {edge}: {}", difference(&same, &h));
    }
}

#[test]
fn a_scale_that_cannot_be_divided_by_is_refused() {
    let device = Device::flex();
    let row = |last: f32| Tensor::<2>::from_data([[1.0, 1.0, last]], &device);
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(PreStep::default().with_standardisation(row(0.0), row(scale)).is_err(), "scale {scale}");
    }
    for mean in [f32::NAN, f32::INFINITY] {
        assert!(PreStep::default().with_standardisation(row(mean), row(1.0)).is_err(), "mean {mean}");
    }
    assert!(PreStep::default().with_standardisation(row(0.0), row(1e-3)).is_ok());
}

fn swap(
    source: &AlignmentFunction,
    target: &AlignmentFunction,
    block: Range<usize>,
    retain: Retain,
    source_activity: &Tensor<2>,
    target_activity: &Tensor<2>,
) -> Tensor<2> {
    let (source, target) = (source.evaluate(WIDTH).unwrap(), target.evaluate(WIDTH).unwrap());
    interchange(&source, &target, block, retain, source_activity.clone(), target_activity.clone())
}

#[test]
fn subspaces_lie_side_by_side() {
    let subspaces = Subspaces::new([("count", 3), ("phase", 1), ("rest", 2)]).unwrap();
    assert_eq!((subspaces.len(), subspaces.columns(), subspaces.is_empty()), (3, 6, false));
    let ranges: Vec<_> = (0..3).map(|index| subspaces.range(index).unwrap()).collect();
    assert_eq!(ranges, [0..3, 3..4, 4..6]);
    assert_eq!(subspaces.iter().map(|block| block.name.as_str()).collect::<Vec<_>>(), ["count", "phase", "rest"]);
    assert!(subspaces.range(3).unwrap_err().to_string().contains('3'));
}

#[test]
fn subspaces_that_cannot_be_are_refused() {
    assert!(Subspaces::new(Vec::<(String, usize)>::new()).is_err());
    assert!(Subspaces::new([("count", 0)]).unwrap_err().to_string().contains("count"));
    assert!(Subspaces::new([("count", 1), ("count", 2)]).unwrap_err().to_string().contains("count"));
    // Sizes that overflow must not wrap around to something small.
    assert_eq!(Subspaces::new([("a", usize::MAX), ("b", 2)]).unwrap().columns(), usize::MAX);
}
