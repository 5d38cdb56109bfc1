//! What a target's response depends on.

use burn::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::{Edit, Error, Exchange, Participant, Result, Resume, Setting, Subspaces, inflow::Inflow};

/// The Jacobian of the target's response logits with respect to its activity where it is edited, for every exchange: at
/// its natural activity, all pairs' below one another, `[row, width]`.
///
/// The target reads the counterfactual sequence, teacher-forced. Of every pair, there is a row for each logit at each
/// output from the edited position on that a response token follows; in stepwise interchanges a row for each of them and
/// each edited position. Where a pair has more than `most` logits, there are `most` rows with other content instead: the
/// gradients of the logits' sums with random signs, divided by `√most`. The rows' squared length and, in expectation,
/// their `JᵀJ` stay the same (Hutchinson 1990, *A stochastic estimator of the trace*).
///
/// `None` where edits see what earlier edits did (stepwise interchanges at a site that carries state): there is no one
/// vector that the response depends on.
///
/// - `most`: rows of a pair (and position) at most
/// - `seed`: of the signs
///
/// # Errors
/// As [`evaluate`](crate::evaluate()); a `most` of 0.
pub fn response_jacobians(
    participants: &[Participant],
    subspaces: &Subspaces,
    setting: Setting,
    exchanges: &[Exchange],
    most: usize,
    seed: u64,
) -> Result<Vec<Option<Tensor<2>>>> {
    if most == 0 {
        return Err(Error::invalid("a Jacobian needs at least one row"));
    }
    let inflows = Inflow::record(participants, subspaces, setting, exchanges)?;
    let mut found = vec![None; exchanges.len()];
    for (inflow, part) in inflows.iter().flat_map(|inflow| inflow.parts.iter().map(move |part| (inflow, part))) {
        let first = [part.rows.start];
        let resume = inflow.resume(&first, false);
        if inflow.natural(&resume)?.is_none() {
            continue;
        }
        let [_, vocabulary] = inflow.run_untouched(&resume)?.logits.dims();
        let mut probes = Vec::new();
        let mut widest = 1;
        for row in part.rows.clone() {
            let rows = [row];
            let logits = responses(&inflow.resume(&rows, false)) * vocabulary;
            widest = widest.max(logits);
            let pair = row - part.rows.start;
            match logits <= most {
                true => probes.extend((0..logits).map(|logit| Probe { row, kind: Kind::Logit(logit) })),
                false => {
                    let stream = |number: usize| (pair * most + number) as u64;
                    let kind = |number| Kind::Signs { stream: stream(number), size: 1.0 / (most as f32).sqrt() };
                    probes.extend((0..most).map(|number| Probe { row, kind: kind(number) }));
                }
            }
        }
        let together = (CELLS / widest).clamp(1, ROWS);
        let chunks: Vec<Tensor<2>> =
            probes.par_chunks(together).map(|probes| gradients(inflow, probes, seed)).collect::<Result<_>>()?;
        found[part.exchange] = Some(Tensor::cat(chunks, 0));
    }
    Ok(found)
}

/// Rows that are resumed together.
const ROWS: usize = 256;
/// Weights of logits that are held at once.
const CELLS: usize = 1 << 22;

/// A number that a row of the Jacobian is the gradient of.
struct Probe {
    /// The row of the inflow.
    row: usize,
    kind: Kind,
}

/// Which of a row's response logits, counted output by output.
#[derive(Clone, Copy)]
enum Kind {
    /// One of them.
    Logit(usize),
    /// All of them, with random signs.
    Signs { stream: u64, size: f32 },
}

/// The number of outputs from the edited position on that a response token follows, of the one row of `resume`.
fn responses(resume: &Resume) -> usize {
    resume.response(0)[resume.position(0) + 1..].iter().filter(|&&response| response).count()
}

/// The gradient of every probe with respect to the edited activity: each has a row of the batch of its own, so that one
/// pass backwards gives all of them.
fn gradients(inflow: &Inflow, probes: &[Probe], seed: u64) -> Result<Tensor<2>> {
    let rows: Vec<usize> = probes.iter().map(|probe| probe.row).collect();
    let resume = inflow.resume(&rows, false);
    let Some(natural) = inflow.natural(&resume)? else {
        return Err(Error::invalid("edits that follow from one another have no Jacobian"));
    };
    let activity = natural.inner().autodiff().require_grad();
    let continuation = inflow.network.resume(&resume, Edit::Known(activity.clone()))?;
    let [outputs, vocabulary] = continuation.logits.dims();
    // Outputs come in any order; a row's own are counted by position.
    let mut by_row: Vec<Vec<(usize, usize)>> = vec![Vec::new(); probes.len()];
    for (output, at) in continuation.at.iter().enumerate() {
        if resume.response(at.row)[at.position + 1] {
            by_row[at.row].push((at.position, output));
        }
    }
    let mut weights = vec![0.0_f32; outputs * vocabulary];
    for (probe, mut of) in probes.iter().zip(by_row) {
        of.sort_unstable();
        match probe.kind {
            Kind::Logit(logit) => weights[of[logit / vocabulary].1 * vocabulary + logit % vocabulary] = 1.0,
            Kind::Signs { stream, size } => {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(stream);
                for (_, output) in of {
                    let weights = &mut weights[output * vocabulary..][..vocabulary];
                    weights.iter_mut().for_each(|weight| *weight = if rng.random() { size } else { -size });
                }
            }
        }
    }
    let device = continuation.logits.device().inner();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [outputs, vocabulary]), &device);
    let gradients = (continuation.logits * Tensor::from_inner(weights)).sum_dim(1).sum_dim(0).backward();
    Ok(activity.grad(&gradients).unwrap_or_else(|| activity.clone().inner().zeros_like()))
}
