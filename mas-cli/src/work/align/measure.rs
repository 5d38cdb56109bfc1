use mas_core::{
    Alignment, Direction, Exchange, Fitted, InterchangedVectors, Interchanges, Outcome, Participant, Setting,
    Subspaces, Swap, evaluate_unintervened, fit, interchanged_vectors,
};

use crate::{
    Result,
    results::{Control, FitRow, NULL, OutcomeRow},
};

/// Held-out interchanges that alignments are measured on.
pub(super) struct Measured<'a> {
    participants: &'a [Participant<'a>],
    held_out: &'a [Exchange<'a>],
    interchanges: Interchanges<'a>,
}

impl<'a> Measured<'a> {
    /// Runs the networks up to every interchange.
    ///
    /// # Errors
    /// As [`Interchanges::record`].
    pub fn record(
        participants: &'a [Participant<'a>],
        subspaces: &Subspaces,
        setting: Setting,
        held_out: &'a [Exchange<'a>],
    ) -> Result<Self> {
        let interchanges = Interchanges::record(participants, subspaces, setting, held_out)?;
        Ok(Self { participants, held_out, interchanges })
    }

    /// Measures an alignment: the interchanges themselves, the floor (nothing swapped, the source's mean swapped), the
    /// ceiling (the untouched target), and what its `matched` start does without any step. Of an alignment that is a
    /// `control` only its interchanges, as that.
    ///
    /// # Errors
    /// As [`Interchanges::outcomes`].
    pub fn all(&self, control: Control, alignment: &Alignment, matched: Option<&Alignment>) -> Result<Vec<OutcomeRow>> {
        let all = [Control::None, Control::NoSwap, Control::MeanSwap, Control::Ceiling];
        let mut rows = Vec::new();
        for control in if control == Control::None { all.to_vec() } else { vec![control] } {
            rows.extend(self.one(alignment, control)?);
        }
        if let Some(matched) = matched {
            rows.extend(self.one(matched, Control::Matched)?);
        }
        Ok(rows)
    }

    fn one(&self, alignment: &Alignment, control: Control) -> Result<Vec<OutcomeRow>> {
        let outcomes = match control {
            Control::Ceiling => evaluate_unintervened(self.participants, alignment, self.held_out)?,
            Control::NoSwap => self.interchanges.outcomes(alignment, Swap::NoSwap)?,
            Control::MeanSwap => self.interchanges.outcomes(alignment, Swap::MeanSwap)?,
            _ => self.interchanges.outcomes(alignment, Swap::Interchange)?,
        };
        Ok(outcome_rows(alignment, self.held_out, &outcomes, control))
    }

    /// What becomes of the target's activity in each of `exchanges`, which are among those that are measured or go into a
    /// network that is only recorded.
    ///
    /// # Errors
    /// As [`interchanged_vectors`].
    pub fn vectors(
        &self,
        alignment: &Alignment,
        setting: Setting,
        exchanges: &[Exchange],
    ) -> Result<Vec<InterchangedVectors>> {
        let mut measured = self.interchanges.vectors(alignment)?.into_iter().map(Some).collect::<Vec<_>>();
        let of = |exchange: &Exchange| {
            let same = |one: &Exchange| (one.direction, one.subspace) == (exchange.direction, exchange.subspace);
            let place = self.held_out.iter().position(same);
            match place.and_then(|place| measured[place].take()) {
                Some(vectors) => Ok(vectors),
                None => {
                    let alone = std::slice::from_ref(exchange);
                    Ok(interchanged_vectors(self.participants, alignment, setting, alone)?.swap_remove(0))
                }
            }
        };
        exchanges.iter().map(of).collect()
    }
}

fn outcome_rows(
    alignment: &Alignment,
    exchanges: &[Exchange],
    outcomes: &[Vec<Outcome>],
    control: Control,
) -> Vec<OutcomeRow> {
    let names = Names::of(alignment);
    let mut rows = Vec::new();
    for (exchange, outcomes) in exchanges.iter().zip(outcomes) {
        let Exchange { direction, subspace, pairs } = exchange;
        for (pair, outcome) in outcomes.iter().enumerate() {
            let target_sequence = sequence_id(pairs.target.tokens(pair));
            let (source, target) = names.direction(*direction);
            rows.push(OutcomeRow {
                source,
                target,
                variable: names.variable(*subspace),
                control,
                pair: pair as u64,
                source_sequence: match control {
                    Control::Ceiling => target_sequence,
                    _ => sequence_id(pairs.source.tokens(pair)),
                },
                target_sequence,
                changed: pairs.changed[pair],
                held_out_count: pairs.untrained_count[pair],
                correct: outcome.is_right(),
                tokens_correct: outcome.right.into(),
                tokens: outcome.tokens.into(),
            });
        }
    }
    rows
}

/// One number for a sequence of tokens, the same in every fit, whoever reads it in whatever role: a hash, so that what was
/// right on a sequence in one fit can be held against what was right on it in another.
fn sequence_id(tokens: &[u32]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    tokens.iter().for_each(|token| {
        hasher.update(&token.to_le_bytes());
    });
    let bytes = *hasher.finalize().as_bytes();
    // 53 bits, which every format carries.
    u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]) >> 11
}

/// The course of a fit.
pub(super) fn fit_rows(fitted: &Fitted) -> Vec<FitRow> {
    let names = Names::of(&fitted.alignment);
    let rows = |validation: &fit::Validation| {
        let row = |direction: Direction, subspace| {
            let (source, target) = names.direction(direction);
            let (step, variable) = (validation.step as u64, names.variable(subspace));
            let (iia, token_accuracy, cl_loss) = (None, None, None);
            FitRow { step, loss: validation.loss, source, target, variable, iia, token_accuracy, cl_loss }
        };
        let behaviour = validation.accuracy.iter().map(|of| FitRow {
            iia: Some(of.iia),
            token_accuracy: Some(of.token_accuracy),
            ..row(of.direction, of.subspace)
        });
        let latent =
            (validation.latent.iter()).map(|of| FitRow { cl_loss: Some(of.loss), ..row(of.direction, of.subspace) });
        behaviour.chain(latent).collect::<Vec<_>>()
    };
    fitted.history.iter().flat_map(rows).collect()
}

/// What an alignment calls its networks and variables.
pub(super) struct Names<'a>(&'a Alignment);

impl<'a> Names<'a> {
    pub fn of(alignment: &'a Alignment) -> Self {
        Self(alignment)
    }

    pub fn direction(&self, direction: Direction) -> (String, String) {
        let name = |index: usize| self.0.members()[index].network.clone();
        (name(direction.source), name(direction.target))
    }

    pub fn variable(&self, subspace: usize) -> String {
        let mut names = self.0.subspaces().iter().map(|block| block.name.as_str());
        match subspace {
            Subspaces::EXTRANEOUS => NULL.to_owned(),
            Subspaces::ALL => names.collect::<Vec<_>>().join("+"),
            one => names.nth(one).unwrap_or_default().to_owned(),
        }
    }
}
