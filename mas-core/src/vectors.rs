//! What interchanges make of activity.

use burn::prelude::*;
use rayon::prelude::*;

use crate::{
    Alignment, Direction, Error, Exchange, Participant, Positions, Result, Setting, Trials, alignment::Evaluated,
    evaluate::check_members, inflow::Inflow, interchange::insert,
};

/// The target's activity at every position of an exchange at which it is edited, before and after.
#[derive(Debug, Clone)]
pub struct InterchangedVectors {
    /// The pair and the position of each vector: pair by pair, one position each in individual interchanges, all from the
    /// first to the last in stepwise ones.
    pub at: Vec<(usize, usize)>,
    /// What the target has there by itself, reading what it reads in the interchange, `[vector, width]`.
    pub natural: Tensor<2>,
    /// What it is given, `[vector, width]`. In stepwise interchanges at a site that carries state, each vector follows
    /// from the edits before it.
    pub interchanged: Tensor<2>,
}

/// Rows that are edited together.
const ROWS: usize = 256;

/// Makes every interchange of `exchanges` under `alignment`, and keeps what becomes of the target's activity. An individual
/// interchange takes no running of the target, so that it may be one that is only recorded.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()), but for individual interchanges into a network that is only recorded.
pub fn interchanged_vectors(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    exchanges: &[Exchange],
) -> Result<Vec<InterchangedVectors>> {
    check_members(participants, alignment)?;
    let evaluated = alignment.evaluate()?;
    let only_recorded = |exchange: &Exchange| {
        let target = participants.get(exchange.direction.target);
        setting.positions == Positions::Individual && target.is_some_and(|target| target.network().is_err())
    };
    let (recorded, run): (Vec<usize>, Vec<usize>) =
        (0..exchanges.len()).partition(|&exchange| only_recorded(&exchanges[exchange]));
    let mut found: Vec<(usize, InterchangedVectors)> = Vec::with_capacity(exchanges.len());
    for exchange in recorded {
        let vectors = into_a_recording(participants, alignment, &evaluated, setting, &exchanges[exchange])?;
        found.push((exchange, vectors));
    }
    let into_networks: Vec<Exchange> = run.iter().map(|&exchange| exchanges[exchange]).collect();
    let inflows = Inflow::record(participants, alignment.subspaces(), setting, &into_networks)?;
    found.extend(run.into_iter().zip(of_inflows(&inflows, &evaluated)?));
    found.sort_by_key(|(exchange, _)| *exchange);
    Ok(found.into_iter().map(|(_, vectors)| vectors).collect())
}

/// The vectors of every exchange that `inflows` were recorded from, in their order.
pub(crate) fn of_inflows(inflows: &[Inflow], evaluated: &[Evaluated]) -> Result<Vec<InterchangedVectors>> {
    let mut found: Vec<(usize, InterchangedVectors)> = Vec::new();
    for (inflow, part) in inflows.iter().flat_map(|inflow| inflow.parts.iter().map(move |part| (inflow, part))) {
        let (source, target) = (&evaluated[part.source], &evaluated[inflow.target]);
        let rows: Vec<usize> = part.rows.clone().collect();
        let chunks: Vec<_> = rows
            .par_chunks(ROWS)
            .map(|rows| {
                let resume = inflow.resume(rows, false);
                let values = inflow.values(source, inflow.source_activity(part, &resume)?);
                let at: Vec<_> =
                    resume.exchanged().iter().map(|at| (rows[at.row] - part.rows.start, at.position)).collect();
                Ok((at, inflow.untouched(&resume)?, inflow.interchanged(target, &resume, values)?))
            })
            .collect::<Result<_>>()?;
        let (mut at, mut natural, mut interchanged) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in chunks {
            at.extend(chunk.0);
            natural.push(chunk.1);
            interchanged.push(chunk.2);
        }
        let (natural, interchanged) = (Tensor::cat(natural, 0), Tensor::cat(interchanged, 0));
        found.push((part.exchange, InterchangedVectors { at, natural, interchanged }));
    }
    found.sort_by_key(|(exchange, _)| *exchange);
    Ok(found.into_iter().map(|(_, vectors)| vectors).collect())
}

/// Individual interchanges into a network that is only recorded. Up to the exchanged position it reads its own sequence, of
/// which there is a recording; of the counterfactual one there need be none.
fn into_a_recording(
    participants: &[Participant],
    alignment: &Alignment,
    evaluated: &[Evaluated],
    setting: Setting,
    exchange: &Exchange,
) -> Result<InterchangedVectors> {
    let Exchange { direction: Direction { source, target }, subspace, pairs } = *exchange;
    pairs.check()?;
    let read = |network: usize, trials: &Trials, positions: &[usize]| {
        let unknown = || Error::invalid(format!("a direction names network {network}, which was not given"));
        let participant = participants.get(network).ok_or_else(unknown)?;
        let at: Vec<_> = positions.iter().copied().enumerate().collect();
        participant.reader().read(participant.site(), trials, &at)
    };
    let block = alignment.subspaces().range(subspace)?;
    let sent = read(source, &pairs.source, &pairs.source_positions)?;
    let natural = read(target, &pairs.target, &pairs.target_positions)?;
    let values = evaluated[source].read(sent, block.clone());
    let interchanged = insert(&evaluated[target], block, setting.retain, values, natural.clone());
    let at = pairs.target_positions.iter().copied().enumerate().collect();
    Ok(InterchangedVectors { at, natural, interchanged })
}
