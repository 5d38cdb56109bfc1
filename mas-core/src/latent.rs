//! The counterfactual-latent loss (Grant, arXiv 2501.06164): an interchanged vector should be one that the target has
//! naturally when its variables have the counterfactual values.
//!
//! It is made of activity alone, read before the first step: the source's, the target's own, and the target's in other
//! trials. So it can be asked of a target that cannot be run.

use std::ops::Range;

use burn::prelude::*;

use crate::{
    Direction, Error, Exchange, Pairs, Participant, Positions, Result, Retain, Setting, Subspaces, Trials,
    alignment::Evaluated, inflow::take, interchange::interchange,
};

/// The smallest squared length that a vector is divided by.
const SHORTEST: f64 = 1e-16;

/// `½(‖ĥ − h‖²/d + 1 − cos(ĥ, h))` of each row, `[row, 1]`.
///
/// - `interchanged`: ĥ, `[row, width]`
/// - `natural`: h, `[row, width]`
pub fn counterfactual_latent_loss(interchanged: Tensor<2>, natural: Tensor<2>) -> Tensor<2> {
    (mean_square_difference(interchanged.clone(), natural.clone()) + cosine_distance(interchanged, natural)) * 0.5
}

/// `‖x − y‖²/d` of each row, `[row, 1]`, of two `[row, d]`.
pub fn mean_square_difference(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    (x - y).square().mean_dim(1)
}

/// `1 − cos(x, y)` of each row, `[row, 1]`, of two `[row, d]`; 1 where a vector is zero.
pub fn cosine_distance(x: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
    let length = |of: &Tensor<2>| of.clone().square().sum_dim(1).clamp_min(SHORTEST).sqrt();
    let (of_x, of_y) = (length(&x), length(&y));
    let cosine = (x * y).sum_dim(1) / (of_x * of_y);
    cosine.neg() + 1.0
}

/// Natural activity of the target of some pairs at positions, in other trials, at which its variables have the
/// counterfactual values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latents {
    /// What the target reads there, in its own vocabulary.
    pub trials: Trials,
    /// For every vector that is interchanged, pair by pair (one a pair; in stepwise pairs one for each position from 0
    /// to the pair's), the trial and position of a natural one; none where no trial has such a position.
    pub at: Vec<Option<(usize, usize)>>,
}

impl Latents {
    /// Interchanged vectors for which there is no natural one.
    pub fn missing(&self) -> usize {
        self.at.iter().filter(|at| at.is_none()).count()
    }

    /// Checks that there is an entry for every vector that `pairs` interchange and that every position exists.
    pub(crate) fn check(&self, pairs: &Pairs, positions: Positions) -> Result<()> {
        let wanted: usize = (0..pairs.len()).map(|pair| of_pair(pairs, positions, pair).len()).sum();
        if self.at.len() != wanted {
            let given = self.at.len();
            return Err(Error::invalid(format!(
                "{wanted} interchanged vectors but {given} natural ones to hold against"
            )));
        }
        let missing =
            |&&(trial, position): &&(usize, usize)| trial >= self.trials.len() || position >= self.trials.length(trial);
        match self.at.iter().flatten().find(missing) {
            Some((trial, position)) => Err(Error::invalid(format!(
                "natural activity is to be read at position {position} of trial {trial}, which is not there"
            ))),
            None => Ok(()),
        }
    }
}

/// The positions of `pair` that are interchanged.
fn of_pair(pairs: &Pairs, positions: Positions, pair: usize) -> Range<usize> {
    let last = pairs.target_positions[pair];
    match positions {
        Positions::Individual => last..last + 1,
        Positions::Stepwise => 0..last + 1,
    }
}

/// An exchange to which the counterfactual-latent loss is applied, with all activity that it needs.
pub(crate) struct LatentExchange {
    pub direction: Direction,
    pub subspace: usize,
    block: Range<usize>,
    retain: Retain,
    /// Each `[vector, width]`: what is sent, what it is put into, and what it should come to.
    sources: Tensor<2>,
    targets: Tensor<2>,
    natural: Tensor<2>,
    vectors: usize,
}

impl LatentExchange {
    /// Reads the activity of `exchange`. Nothing is run.
    pub fn record(
        participants: &[Participant],
        subspaces: &Subspaces,
        setting: Setting,
        exchange: &Exchange,
    ) -> Result<Self> {
        let Exchange { direction, subspace, pairs } = *exchange;
        let said =
            |what: &str| Error::invalid(format!("direction {} → {}: {what}", direction.source, direction.target));
        pairs.check()?;
        let (Some(source), Some(target)) = (participants.get(direction.source), participants.get(direction.target))
        else {
            return Err(said("a network of it was not given"));
        };
        let Some(latents) = &pairs.natural else {
            return Err(said(
                "the counterfactual-latent loss needs natural activity of the target, and its pairs have none",
            ));
        };
        let (reader, site) = (target.reader(), target.site());
        if setting.positions == Positions::Stepwise && reader.carries_state(site) {
            return Err(said(&format!(
                "no recording tells what stepwise interchanges make of `{}` at `{}`, which carries state; \
                 the counterfactual-latent loss takes individual interchanges there",
                target.name(),
                site.name
            )));
        }
        latents.check(pairs, setting.positions)?;
        let (mut from, mut to, mut natural) = (Vec::new(), Vec::new(), Vec::new());
        let mut given = latents.at.iter();
        for pair in 0..pairs.len() {
            for position in of_pair(pairs, setting.positions, pair) {
                let Some(&Some(at)) = given.next() else { continue };
                if position >= pairs.target.length(pair) {
                    return Err(said(&format!("pair {pair}: the target has no position {position} of its own")));
                }
                from.push((
                    pair,
                    if setting.positions == Positions::Individual { pairs.source_positions[pair] } else { position },
                ));
                to.push((pair, position));
                natural.push(at);
            }
        }
        if natural.is_empty() {
            return Err(said("no pair has natural activity of the target with the counterfactual values"));
        }
        Ok(Self {
            direction,
            subspace,
            block: subspaces.range(subspace)?,
            retain: setting.retain,
            sources: source.reader().read(source.site(), &pairs.source, &from)?,
            targets: reader.read(site, &pairs.target, &to)?,
            natural: reader.read(site, &latents.trials, &natural)?,
            vectors: natural.len(),
        })
    }

    /// Number of interchanged vectors for which there is a natural one.
    pub fn vectors(&self) -> usize {
        self.vectors
    }

    /// The mean loss over the vectors at `rows`, a `[1]` that is tracked if `evaluated` is.
    pub fn loss(&self, evaluated: &[Evaluated], rows: &[usize]) -> Tensor<1> {
        let Direction { source, target } = self.direction;
        let of = |tensor: &Tensor<2>| take(tensor, rows);
        let interchanged = interchange(
            &evaluated[source],
            &evaluated[target],
            self.block.clone(),
            self.retain,
            of(&self.sources),
            of(&self.targets),
        );
        counterfactual_latent_loss(interchanged, of(&self.natural)).mean_dim(0).reshape([1])
    }
}
