use burn::{
    optim::{Adam, Optimizer},
    prelude::*,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{FitConfig, checkpoint::State, natural};
use crate::{Alignment, Error, Result, alignment::Evaluated, inflow::Inflow, latent::LatentExchange};

/// One step of Adam on all alignment functions; returns the loss of its batches. Nothing if that or a parameter is not finite:
/// then neither `alignment` nor `state` is to be gone on from.
pub(super) fn step(
    inflows: &[Inflow],
    latents: &[LatentExchange],
    latent_weight: f64,
    alignment: &mut Alignment,
    state: &mut State,
    optimiser: &Adam,
    config: &FitConfig,
) -> Result<Option<f64>> {
    let columns = alignment.subspaces().columns();
    let leaves: Vec<Vec<Tensor<2>>> = alignment
        .members()
        .iter()
        .map(|member| member.function.parameters().into_iter().map(|p| p.autodiff().require_grad()).collect())
        .collect();
    let evaluated: Vec<Evaluated> = alignment
        .members()
        .iter()
        .zip(&leaves)
        .map(|(member, leaves)| member.function.evaluate_with(leaves, columns))
        .collect::<Result<_>>()?;
    let first = inflows.iter().map(|inflow| inflow.parts.len()).sum();
    let (behaviour, objective) = behaviour_loss(inflows, &evaluated, state.step(), config)?;
    let latent = natural::loss(latents, &evaluated, first, state.step(), config).map(|loss| loss * latent_weight);
    let value = |loss: &Tensor<1>| f64::from(loss.clone().inner().into_scalar::<f32>());
    let loss = behaviour + latent.as_ref().map_or(0.0, value);
    let objective = objective.into_iter().chain(latent).reduce(|sum, term| sum + term);
    let objective = objective.ok_or_else(|| Error::invalid("a fit needs at least one direction"))?;
    drop(evaluated);
    let learning_rate = config.learning_rate_after(state.step());
    if !loss.is_finite() {
        return match state.step() {
            // Nothing was learned that could have gone astray.
            0 => Err(Error::NotFinite(format!("the loss of the first step is {loss}"))),
            _ => Ok(None),
        };
    }
    let mut gradients = objective.backward();
    for (member, (leaves, moments)) in
        alignment.members_mut().iter_mut().zip(leaves.into_iter().zip(state.moments_mut()))
    {
        let mut parameters = Vec::with_capacity(leaves.len());
        for (leaf, moment) in leaves.into_iter().zip(moments) {
            // A network that no direction touches has no gradient and stays as it is.
            let Some(gradient) = leaf.grad_remove(&mut gradients) else {
                parameters.push(leaf.inner());
                continue;
            };
            let (parameter, next) = optimiser.step(learning_rate, leaf.inner(), gradient, moment.take());
            *moment = next;
            // No checkpoint must ever hold what it cannot be read back with.
            let size: f32 = parameter.clone().abs().sum().into_scalar();
            if !size.is_finite() {
                return Ok(None);
            }
            parameters.push(parameter);
        }
        member.function.set_parameters(parameters)?;
    }
    state.stepped(alignment, loss);
    Ok(Some(loss))
}

/// The batches' mean behaviour loss, and a tracked `[1]` that has its gradient; none where no behaviour is trained.
fn behaviour_loss(
    inflows: &[Inflow],
    evaluated: &[Evaluated],
    step: usize,
    config: &FitConfig,
) -> Result<(f64, Option<Tensor<1>>)> {
    let terms: usize = inflows.iter().map(|inflow| inflow.parts.len()).sum();
    let batches: Vec<Batch> =
        inflows.iter().map(|inflow| Batch::draw(inflow, evaluated, terms, step, config)).collect::<Result<_>>()?;
    // Where the edited activity is known beforehand, the gradient with respect to the edited activity is found by the network, apart from the
    // graph of the alignment functions, so that independent targets can share the cores.
    let gradients: Vec<Option<(f64, Tensor<2>)>> = inflows
        .par_iter()
        .zip(&batches)
        .map(|(inflow, batch)| match &batch.edited {
            None => Ok(None),
            Some(edited) => {
                let resume = inflow.resume(&batch.rows, config.free_running);
                inflow.network.behaviour_gradient(&resume, edited.clone().inner(), &batch.weights).map(Some)
            }
        })
        .collect::<Result<_>>()?;
    let mut total = 0.0;
    let mut objective: Option<Tensor<1>> = None;
    for ((inflow, batch), gradient) in inflows.iter().zip(batches).zip(gradients) {
        let term = match (batch.edited, gradient) {
            (Some(edited), Some((loss, gradient))) => {
                total += loss;
                // Its gradient is that of the loss: the chain rule, one link at a time.
                (edited * Tensor::from_inner(gradient)).sum_dim(1).sum_dim(0).reshape([1])
            }
            _ => {
                let resume = inflow.resume(&batch.rows, config.free_running);
                let loss = inflow
                    .run(&evaluated[inflow.target], &resume, batch.values)?
                    .cross_entropy(&resume, &batch.weights)?;
                total += f64::from(loss.clone().inner().into_scalar::<f32>());
                loss
            }
        };
        objective = Some(match objective {
            Some(sum) => sum + term,
            None => term,
        });
    }
    Ok((total, objective))
}

/// One step's interchanges of an inflow.
struct Batch {
    rows: Vec<usize>,
    weights: Vec<f32>,
    values: Tensor<2>,
    edited: Option<Tensor<2>>,
}

impl Batch {
    /// Draws `config.batch` pairs of every part. Each part's loss is its mean over tokens, and the loss is the mean over
    /// the `terms` parts of all inflows.
    fn draw(inflow: &Inflow, evaluated: &[Evaluated], terms: usize, step: usize, config: &FitConfig) -> Result<Self> {
        let mut rows = Vec::new();
        let mut weights = Vec::new();
        let mut values = Vec::new();
        for part in &inflow.parts {
            // The batch depends on the seed, the step and the exchange only, so that a resumed fit goes on as it would have.
            let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
            rng.set_stream(((part.exchange as u64) << 40) | step as u64);
            let chosen: Vec<usize> =
                rand::seq::index::sample(&mut rng, part.rows.len(), config.batch.min(part.rows.len()))
                    .into_iter()
                    .map(|pair| part.rows.start + pair)
                    .collect();
            let resume = inflow.resume(&chosen, config.free_running);
            let tokens: usize = (0..chosen.len()).map(|row| resume.outputs(row)).sum();
            weights.extend(vec![1.0 / (tokens as f32 * terms as f32); chosen.len()]);
            let activity = inflow.source_activity(part, &resume)?;
            values.push(inflow.values(&evaluated[part.source], activity));
            rows.extend(chosen);
        }
        let values = Tensor::cat(values, 0);
        let resume = inflow.resume(&rows, config.free_running);
        let edited = inflow.edited(&evaluated[inflow.target], &resume, values.clone())?;
        Ok(Self { rows, weights, values, edited })
    }
}
