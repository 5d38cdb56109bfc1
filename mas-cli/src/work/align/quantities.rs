//! What stands beside the IIA of an alignment: divergence and capacity.

use std::collections::HashMap;

use burn::prelude::*;
use mas_core::{
    Alignment, Exchange, FunctionKind, InterchangedVectors, Pairs, Participant, Setting, response_jacobians,
};
use mas_metrics::{RowSpace, Samples, divergences, variance_share};

use crate::{
    Error, Result,
    results::{Quantity, QuantityRow},
    seeds::derive,
    study::AlignConfiguration,
};

use super::measure::Names;

/// Held-out pairs of a direction by which the target's response is probed.
const PROBED_PAIRS: usize = 16;
/// Rows of the Jacobian for each of them, at most.
const PROBES: usize = 64;
/// Vectors at which a map that is not linear is differentiated.
const CONDITIONED: usize = 16;
/// The share of the Jacobian's squared norm that what the response sees must have.
const SEEN: f64 = 0.99;

/// The rows of the two tables.
pub(super) struct Quantities {
    pub divergence: Vec<QuantityRow>,
    pub capacity: Vec<QuantityRow>,
}

/// Measures divergence and capacity of an alignment on its held-out pairs. What is not defined (the divergence of one
/// pair, the null space where edits follow from one another or nothing answers, the share of variance in coordinates that
/// are not a rotation's) has no row.
///
/// - `vectors`: for each of the `held_out` interchanges what becomes of the target's activity
///
/// # Errors
/// As [`response_jacobians`].
pub(super) fn quantities(
    configuration: &AlignConfiguration,
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
    vectors: &[InterchangedVectors],
) -> Result<Quantities> {
    let seen = seen(configuration, participants, alignment, setting, held_out)?;
    let evaluated = alignment.evaluate()?;
    let (names, swapped) = (Names::of(alignment), configuration.swapped());
    let (mut divergence, mut capacity) = (Vec::new(), Vec::new());
    for (exchange, vectors) in held_out.iter().zip(vectors) {
        let (source, target) = names.direction(exchange.direction);
        let found = swapped.iter().find(|swapped| swapped.subspace == exchange.subspace);
        let swapped = found.ok_or_else(|| Error::Internal("an interchange that was not asked for".to_owned()))?;
        let unit = configuration.unit("", "", swapped);
        let row = |(quantity, value)| QuantityRow::new(&unit, &source, &target, quantity, value);
        let (natural, interchanged) = (samples(&vectors.natural)?, samples(&vectors.interchanged)?);
        let groups = sequences(exchange.pairs, vectors);
        let seed = derive(configuration.seed, &["divergence"]);
        if let Some(found) = defined(divergences(&natural, &interchanged, &groups, seed))? {
            let (edited, natural) = (found.edited, found.natural);
            let numbers = [
                (Quantity::EarthMoversDistance, edited.earth_movers_distance),
                (Quantity::NaturalEarthMoversDistance, natural.earth_movers_distance),
                (Quantity::LargestExcess, edited.largest_excess),
                (Quantity::NaturalLargestExcess, natural.largest_excess),
                (Quantity::Mahalanobis, edited.mahalanobis),
                (Quantity::NaturalMahalanobis, natural.mahalanobis),
            ];
            divergence.extend(numbers.map(row));
        }
        let block = alignment.subspaces().range(exchange.subspace)?;
        let function = &alignment.members()[exchange.direction.target].function;
        let width = function.width();
        capacity.push(row((Quantity::KOverD, block.len() as f64 / width as f64)));
        capacity.push(row((Quantity::Parameters, parameters(alignment, exchange) as f64)));
        capacity.extend(
            mean(&function.condition_numbers(&first_rows(&vectors.natural, CONDITIONED))?)
                .map(|condition| row((Quantity::ConditionNumber, condition))),
        );
        // Only a rotation's coordinates share out the variance of the activity.
        if function.map().kind() == FunctionKind::Orthogonal {
            let target = &evaluated[exchange.direction.target];
            let coordinates = samples(&target.read(vectors.natural.clone(), block))?;
            // What the rotation turns: coordinates after a pre-step are no share of the variance before it.
            let turned = samples(&target.before_map(vectors.natural.clone()))?;
            capacity.extend(
                defined(variance_share(&coordinates, &turned))?.map(|share| row((Quantity::VarianceShare, share))),
            );
        }
        if let Some((_, seen)) = seen.iter().find(|(target, _)| *target == exchange.direction.target)
            && let Some(share) = defined(seen.unseen_share(&changes(&natural, &interchanged)?))?
        {
            capacity.push(row((Quantity::NullSpaceShare, share)));
            capacity.push(row((Quantity::RandomNullSpaceShare, 1.0 - seen.rank() as f64 / width as f64)));
        }
    }
    Ok(Quantities { divergence, capacity })
}

/// For each network that can be run and is interchanged into, which directions of its activity its response depends on: of
/// the [`PROBED_PAIRS`] of the first interchanges into it, in which it reads its own trials up to the edit, whatever is sent.
fn seen(
    configuration: &AlignConfiguration,
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
) -> Result<Vec<(usize, RowSpace)>> {
    let mut into: Vec<&Exchange> = Vec::new();
    for exchange in held_out {
        let target = exchange.direction.target;
        let answers = participants[target].network().is_ok();
        // Of the vocabulary of a language model each probe is a run through it.
        if answers && configuration.prompts.is_none() && into.iter().all(|one| one.direction.target != target) {
            into.push(exchange);
        }
    }
    let pairs: Vec<Pairs> = into.iter().map(|exchange| first(exchange.pairs, PROBED_PAIRS)).collect();
    let probed: Vec<Exchange> =
        into.iter().zip(&pairs).map(|(exchange, pairs)| Exchange { pairs, ..**exchange }).collect();
    let seed = derive(configuration.seed, &["probes"]);
    let jacobians = response_jacobians(participants, alignment.subspaces(), setting, &probed, PROBES, seed)?;
    let mut seen = Vec::new();
    for (exchange, jacobian) in into.iter().zip(jacobians) {
        if let Some(jacobian) = jacobian
            && let Some(space) = defined(RowSpace::of(&samples(&jacobian)?, SEEN))?
        {
            seen.push((exchange.direction.target, space));
        }
    }
    Ok(seen)
}

fn first(pairs: &Pairs, count: usize) -> Pairs {
    pairs.select(&(0..pairs.len().min(count)).collect::<Vec<_>>())
}

/// The first rows of `vectors`, `[row, width]`, at most `count`.
fn first_rows(vectors: &Tensor<2>, count: usize) -> Tensor<2> {
    let [rows, width] = vectors.dims();
    vectors.clone().slice([0..rows.min(count), 0..width])
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Learned numbers that the functions of a direction's networks depend on.
fn parameters(alignment: &Alignment, exchange: &Exchange) -> usize {
    let of = |member: usize| alignment.members()[member].function.parameter_count();
    let direction = exchange.direction;
    if direction.source == direction.target {
        of(direction.target)
    } else {
        of(direction.source) + of(direction.target)
    }
}

/// For each vector a number for the sequence that the target reads: the same sequence, the same number.
fn sequences(pairs: &Pairs, vectors: &InterchangedVectors) -> Vec<u64> {
    let mut numbers: HashMap<&[u32], u64> = HashMap::new();
    let of_pair: Vec<u64> = (0..pairs.len())
        .map(|pair| {
            let next = numbers.len() as u64;
            *numbers.entry(pairs.target.tokens(pair)).or_insert(next)
        })
        .collect();
    vectors.at.iter().map(|&(pair, _)| of_pair[pair]).collect()
}

fn samples(vectors: &Tensor<2>) -> Result<Samples> {
    let [_, width] = vectors.dims();
    let values = vectors.clone().try_into_vec_as::<f32>().map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Samples::from_row_major(&values, width)?)
}

fn changes(before: &Samples, after: &Samples) -> Result<Samples> {
    Ok(Samples::new(after.as_mat() - before.as_mat())?)
}

/// A number, unless these vectors have none.
fn defined<T>(found: mas_metrics::Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(mas_metrics::Error::Undefined { .. } | mas_metrics::Error::TooFew { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
