use std::collections::HashMap;

use mas_core::{
    Alignment, Direction, Exchange, Fitted, Outcome, Participant, Setting, Subspaces, Swap, evaluate,
    evaluate_unintervened, fit,
};

use crate::{
    Result,
    results::{Control, FitRow, NULL, OutcomeRow},
};

/// Measures an alignment on held-out pairs: the interchanges themselves, the floor (nothing swapped, the source's mean
/// swapped) and the ceiling (the untouched target). Of an alignment that is a `control` only its interchanges, as that.
///
/// # Errors
/// As [`mas_core::evaluate`].
pub(super) fn measure(
    control: Control,
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
) -> Result<Vec<OutcomeRow>> {
    let all = [Control::None, Control::NoSwap, Control::MeanSwap, Control::Ceiling];
    let mut rows = Vec::new();
    for control in if control == Control::None { all.to_vec() } else { vec![control] } {
        rows.extend(measure_one(participants, alignment, setting, held_out, control)?);
    }
    Ok(rows)
}

/// As [`measure`], of one control.
///
/// # Errors
/// As [`mas_core::evaluate`].
fn measure_one(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    held_out: &[Exchange],
    control: Control,
) -> Result<Vec<OutcomeRow>> {
    let swap = match control {
        Control::NoSwap => Swap::NoSwap,
        Control::MeanSwap => Swap::MeanSwap,
        _ => Swap::Interchange,
    };
    let outcomes = match control {
        Control::Ceiling => evaluate_unintervened(participants, alignment, held_out)?,
        _ => evaluate(participants, alignment, setting, held_out, swap)?,
    };
    Ok(outcome_rows(alignment, held_out, &outcomes, control))
}

fn outcome_rows(
    alignment: &Alignment,
    exchanges: &[Exchange],
    outcomes: &[Vec<Outcome>],
    control: Control,
) -> Vec<OutcomeRow> {
    // One number for every sequence, whoever reads it in whatever role.
    let mut ids: HashMap<Vec<u32>, u64> = HashMap::new();
    let mut id = |tokens: &[u32]| {
        let next = ids.len() as u64;
        *ids.entry(tokens.to_vec()).or_insert(next)
    };
    let names = Names::of(alignment);
    let mut rows = Vec::new();
    for (exchange, outcomes) in exchanges.iter().zip(outcomes) {
        let Exchange { direction, subspace, pairs } = exchange;
        for (pair, outcome) in outcomes.iter().enumerate() {
            let target_sequence = id(pairs.target.tokens(pair));
            let (source, target) = names.direction(*direction);
            rows.push(OutcomeRow {
                source,
                target,
                variable: names.variable(*subspace),
                control,
                pair: pair as u64,
                source_sequence: match control {
                    Control::Ceiling => target_sequence,
                    _ => id(pairs.source.tokens(pair)),
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
