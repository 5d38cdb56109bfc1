//! The counterfactual-latent part of a step and of a validation.

use burn::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{DirectionLatent, FitConfig};
use crate::{Error, Result, alignment::Evaluated, latent::LatentExchange};

/// Vectors whose loss is computed together in a validation.
const ROWS: usize = 1024;

/// The mean loss of one batch of each of `exchanges`, a tracked `[1]`, and its value; nothing where there is none.
///
/// `first` numbers the exchanges apart from others of the fit, so that their batches have nothing in common.
pub(super) fn loss(
    exchanges: &[LatentExchange],
    evaluated: &[Evaluated],
    first: usize,
    step: usize,
    config: &FitConfig,
) -> Option<Tensor<1>> {
    let each = exchanges.iter().enumerate().map(|(index, exchange)| {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream((((first + index) as u64) << 40) | step as u64);
        let vectors = exchange.vectors();
        let chosen = rand::seq::index::sample(&mut rng, vectors, config.batch.min(vectors)).into_vec();
        exchange.loss(evaluated, &chosen)
    });
    each.reduce(|sum, loss| sum + loss).map(|sum| sum / exchanges.len() as f32)
}

/// The mean loss over all vectors of each of `exchanges`.
pub(super) fn validate(exchanges: &[LatentExchange], evaluated: &[Evaluated]) -> Result<Vec<DirectionLatent>> {
    let of = |exchange: &LatentExchange| {
        let vectors = exchange.vectors();
        let rows: Vec<usize> = (0..vectors).collect();
        let sum = |rows: &[usize]| {
            let mean: f32 = exchange.loss(evaluated, rows).inner().into_scalar();
            f64::from(mean) * rows.len() as f64
        };
        let loss = rows.chunks(ROWS).map(sum).sum::<f64>() / vectors as f64;
        if !loss.is_finite() {
            let (source, target) = (exchange.direction.source, exchange.direction.target);
            return Err(Error::NotFinite(format!("the counterfactual-latent loss of {source} → {target} is {loss}")));
        }
        Ok(DirectionLatent { direction: exchange.direction, subspace: exchange.subspace, loss })
    };
    exchanges.iter().map(of).collect()
}
