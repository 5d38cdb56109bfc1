//! What interchanges make of activity.

use burn::prelude::*;
use rayon::prelude::*;

use crate::{Alignment, Exchange, Participant, Result, Setting, evaluate::check_members, inflow::Inflow};

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

/// Makes every interchange of `exchanges` under `alignment`, and keeps what becomes of the target's activity.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()).
pub fn interchanged_vectors(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    exchanges: &[Exchange],
) -> Result<Vec<InterchangedVectors>> {
    check_members(participants, alignment)?;
    let evaluated = alignment.evaluate()?;
    let inflows = Inflow::record(participants, alignment.subspaces(), setting, exchanges)?;
    let mut found: Vec<(usize, InterchangedVectors)> = Vec::with_capacity(exchanges.len());
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
