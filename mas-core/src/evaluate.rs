//! What interchanges do to behaviour: IIA, token accuracy, and the runs that they are held against.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    Alignment, Error, Exchange, InterchangedVectors, Pairs, Participant, Result, Resume, Setting, Subspaces,
    alignment::Evaluated, inflow::Inflow, vectors,
};

/// What is put into the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Swap {
    /// The source's aligned values.
    Interchange,
    /// Nothing: the target goes on from its own activity. What is right then was right without any alignment.
    NoSwap,
    /// The aligned values of the source's mean vector: a swap that carries no trial's information.
    MeanSwap,
}

/// What the target said after one interchange, on the response tokens from the edited position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Response tokens that it said right, free-running.
    pub right: u32,
    /// Response tokens that there were.
    pub tokens: u32,
}

impl Outcome {
    /// Whether *every* response token is right: what IIA counts.
    pub fn is_right(&self) -> bool {
        self.right == self.tokens
    }
}

/// Which pairs a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Population {
    /// Every held-out pair.
    All,
    /// Those whose counterfactual response differs from what the target would have said. Claims use these.
    Changed,
    /// The changed ones whose source's or target's count is one that no network was trained on.
    UntrainedCounts,
}

impl Population {
    /// Whether pair `index` of `pairs` belongs to it.
    pub fn contains(self, pairs: &Pairs, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Changed => pairs.changed[index],
            Self::UntrainedCounts => pairs.changed[index] && pairs.untrained_count[index],
        }
    }
}

/// Counts over a population of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accuracy {
    /// Pairs.
    pub pairs: usize,
    /// Pairs with every response token right.
    pub right: usize,
    /// Response tokens.
    pub tokens: usize,
    /// Response tokens that are right.
    pub tokens_right: usize,
}

impl Accuracy {
    /// Interchange intervention accuracy: the share of pairs with every response token right; NaN without pairs.
    pub fn iia(&self) -> f64 {
        self.right as f64 / self.pairs as f64
    }

    /// The share of response tokens that are right; NaN without pairs.
    pub fn token_accuracy(&self) -> f64 {
        self.tokens_right as f64 / self.tokens as f64
    }
}

/// Counts the `outcomes` of those `pairs` that belong to `population`.
pub fn accuracy(outcomes: &[Outcome], pairs: &Pairs, population: Population) -> Accuracy {
    let members = outcomes.iter().enumerate().filter(|&(index, _)| population.contains(pairs, index));
    members.fold(Accuracy::default(), |sum, (_, outcome)| Accuracy {
        pairs: sum.pairs + 1,
        right: sum.right + usize::from(outcome.is_right()),
        tokens: sum.tokens + outcome.tokens as usize,
        tokens_right: sum.tokens_right + outcome.right as usize,
    })
}

/// Interchanges that are ready to be made: everything before them is computed once, whatever alignments and swaps are then
/// tried.
pub struct Interchanges<'a> {
    participants: Vec<Participant<'a>>,
    subspaces: Subspaces,
    inflows: Vec<Inflow<'a>>,
}

impl<'a> Interchanges<'a> {
    /// Runs the networks up to every interchange of `exchanges`.
    ///
    /// # Errors
    /// Pairs that do not fit the networks or the subspaces, a target that is only recorded.
    pub fn record(
        participants: &[Participant<'a>],
        subspaces: &Subspaces,
        setting: Setting,
        exchanges: &[Exchange],
    ) -> Result<Self> {
        let inflows = Inflow::record(participants, subspaces, setting, exchanges)?;
        Ok(Self { participants: participants.to_vec(), subspaces: subspaces.clone(), inflows })
    }

    /// Makes every interchange under `alignment`, free-running, and says what came of each: for every exchange the outcome of
    /// every pair.
    ///
    /// # Errors
    /// Networks or subspaces that are not those of the alignment.
    pub fn outcomes(&self, alignment: &Alignment, swap: Swap) -> Result<Vec<Vec<Outcome>>> {
        outcomes(&self.inflows, &self.evaluated(alignment)?, swap)
    }

    /// Makes every interchange under `alignment` and keeps what becomes of the target's activity, exchange by exchange.
    ///
    /// # Errors
    /// As [`outcomes`](Self::outcomes).
    pub fn vectors(&self, alignment: &Alignment) -> Result<Vec<InterchangedVectors>> {
        vectors::of_inflows(&self.inflows, &self.evaluated(alignment)?)
    }

    fn evaluated(&self, alignment: &Alignment) -> Result<Vec<Evaluated>> {
        check_members(&self.participants, alignment)?;
        if *alignment.subspaces() != self.subspaces {
            return Err(Error::invalid("the alignment has other subspaces than those that the interchanges are of"));
        }
        alignment.evaluate()
    }
}

/// Makes every interchange of `exchanges` under `alignment`, free-running, and says what came of each: for every
/// exchange the outcome of every pair. Several alignments or swaps share their work as [`Interchanges`].
///
/// # Errors
/// Networks that are not those of the alignment, pairs that do not fit them, a target that is only recorded.
pub fn evaluate(
    participants: &[Participant],
    alignment: &Alignment,
    setting: Setting,
    exchanges: &[Exchange],
    swap: Swap,
) -> Result<Vec<Vec<Outcome>>> {
    check_members(participants, alignment)?;
    Interchanges::record(participants, alignment.subspaces(), setting, exchanges)?.outcomes(alignment, swap)
}

/// What the targets of `exchanges` say on their own sequences, without any interchange: the ceiling of any IIA.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_unintervened(
    participants: &[Participant],
    alignment: &Alignment,
    exchanges: &[Exchange],
) -> Result<Vec<Vec<Outcome>>> {
    // An untouched run is one that goes on, unedited, from its first token.
    let own = |pairs: &Pairs| Pairs {
        counterfactual: pairs.target.clone(),
        target_positions: vec![0; pairs.len()],
        ..pairs.clone()
    };
    let own: Vec<Pairs> = exchanges.iter().map(|exchange| own(exchange.pairs)).collect();
    let exchanges: Vec<Exchange> =
        exchanges.iter().zip(&own).map(|(exchange, pairs)| Exchange { pairs, ..*exchange }).collect();
    evaluate(participants, alignment, Setting::default(), &exchanges, Swap::NoSwap)
}

/// Rows that are resumed together: enough to keep the cores busy, few enough for the caches.
const ROWS: usize = 256;

/// The outcomes of every exchange that `inflows` were recorded from, in their order.
pub(crate) fn outcomes(inflows: &[Inflow], evaluated: &[Evaluated], swap: Swap) -> Result<Vec<Vec<Outcome>>> {
    let exchanges: usize = inflows.iter().map(|inflow| inflow.parts.len()).sum();
    let mut outcomes = vec![Vec::new(); exchanges];
    for inflow in inflows {
        let target = &evaluated[inflow.target];
        for part in &inflow.parts {
            let rows: Vec<usize> = part.rows.clone().collect();
            let source = &evaluated[part.source];
            let mean = match swap {
                Swap::MeanSwap => {
                    let activity = inflow.source_activity(part, &inflow.resume(&rows, true))?;
                    Some(inflow.values(source, activity.mean_dim(0)))
                }
                _ => None,
            };
            let chunks: Vec<Vec<Outcome>> = rows
                .par_chunks(ROWS)
                .map(|rows| {
                    let resume = inflow.resume(rows, true);
                    let continuation = match (swap, &mean) {
                        (Swap::NoSwap, _) => inflow.run_untouched(&resume)?,
                        (_, Some(mean)) => {
                            let vectors = resume.exchanged().len();
                            inflow.run(target, &resume, mean.clone().repeat_dim(0, vectors))?
                        }
                        (_, None) => {
                            let values = inflow.values(source, inflow.source_activity(part, &resume)?);
                            inflow.run(target, &resume, values)?
                        }
                    };
                    score(&resume, &continuation.at, &continuation.predictions()?)
                })
                .collect::<Result<_>>()?;
            outcomes[part.exchange] = chunks.concat();
        }
    }
    Ok(outcomes)
}

/// Compares predictions at outputs with the response tokens that follow.
fn score(resume: &Resume, at: &[crate::At], predictions: &[u32]) -> Result<Vec<Outcome>> {
    let mut outcomes = vec![Outcome { right: 0, tokens: 0 }; resume.rows.len()];
    for (at, &prediction) in at.iter().zip(predictions) {
        if resume.response(at.row)[at.position + 1] {
            outcomes[at.row].tokens += 1;
            outcomes[at.row].right += u32::from(prediction == resume.tokens(at.row)[at.position + 1]);
        }
    }
    Ok(outcomes)
}

/// Checks that `participants` are the networks of `alignment`, in order, at its sites.
pub(crate) fn check_members(participants: &[Participant], alignment: &Alignment) -> Result<()> {
    let members = alignment.members();
    if members.len() != participants.len() {
        return Err(Error::invalid(format!(
            "the alignment is of {} networks, but {} were given",
            members.len(),
            participants.len()
        )));
    }
    for (member, participant) in members.iter().zip(participants) {
        if &member.site != participant.site() {
            return Err(Error::invalid(format!(
                "the alignment has network `{}` at `{}` (width {}), but `{}` was given at `{}` (width {})",
                member.network,
                member.site.name,
                member.site.width,
                participant.name(),
                participant.site().name,
                participant.site().width
            )));
        }
    }
    Ok(())
}
