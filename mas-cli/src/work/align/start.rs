use burn::tensor::{Device, Tensor};
use mas_core::{
    Alignment, Exchange, FunctionConfig, FunctionKind, MatchedActivity, Member, Pairs, Participant, Positions, Start,
    Subspaces, Trials,
};

use super::{answers::Answers, matched, positions};
use crate::{Error, Result, given::Given, seeds::derive, study::AlignConfiguration};

/// What a start is made from.
pub(super) struct Beginning<'a> {
    pub configuration: &'a AlignConfiguration,
    pub networks: &'a [Given],
    pub participants: &'a [Participant<'a>],
    /// What is standardised, and what principal axes are of, are the vectors that these interchanges send from a network,
    /// or, of one that sends none, overwrite in it.
    pub training: &'a [Exchange<'a>],
    /// The prompts, where language models are aligned on such.
    pub answers: Option<&'a Answers>,
    pub device: &'a Device,
}

impl Beginning<'_> {
    /// Where the fit begins, whatever the networks are called, with what has to be said of it.
    ///
    /// # Errors
    /// Settings, or activity, that the start cannot be made from.
    pub fn start(&self) -> Result<(Alignment, Vec<String>)> {
        self.at(&self.configuration.alignment_function())
    }

    /// The matched start: the same alignment where the fit begins there, and otherwise one whose function is of the same
    /// kind if that can begin there, or else a rotation.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn matched(&self) -> Result<Alignment> {
        let own = self.configuration.alignment_function();
        let function = match own.kind.rotates() {
            true => FunctionConfig { start: Start::Matched, ..own },
            false => FunctionConfig::new(FunctionKind::Orthogonal, Start::Matched),
        };
        self.at(&function).map(|(alignment, _)| alignment)
    }

    fn at(&self, function: &FunctionConfig) -> Result<(Alignment, Vec<String>)> {
        let Self { configuration, networks, participants, .. } = self;
        let subspaces = self.subspaces()?;
        let activity = |(index, participant)| match function.needs_activity() || function.prestep.squash.is_some() {
            true => activity(index, participant, self.training, positions(configuration)).map(Some),
            false => Ok(None),
        };
        let activity = participants.iter().enumerate().map(activity).collect::<Result<Vec<_>>>()?;
        let seed =
            |index: usize| derive(configuration.seed, &["rotation", &index.to_string(), networks[index].identity()]);
        // Too many columns are complained of where the alignment is put together.
        let narrowest = participants.iter().map(|participant| participant.site().width).min().unwrap_or(0);
        let functions = match function.start {
            Start::Matched => {
                let rows = matched::rows(configuration, networks, participants, self.answers, self.device)?;
                let networks: Vec<_> = (rows.iter().zip(&activity).enumerate())
                    .map(|(index, (rows, activity))| MatchedActivity {
                        rows,
                        activity: activity.as_ref(),
                        seed: seed(index),
                    })
                    .collect();
                function.init_matched(subspaces.columns().min(narrowest), &networks, self.device)?
            }
            _ => {
                let of = |(index, participant): (usize, &Participant)| {
                    let width = participant.site().width;
                    let columns = subspaces.columns().min(width);
                    function.init(width, columns, seed(index), activity[index].as_ref(), self.device)
                };
                participants.iter().enumerate().map(of).collect::<mas_core::Result<_>>()?
            }
        };
        let (mut members, mut warnings) = (Vec::new(), Vec::new());
        for ((participant, function), activity) in participants.iter().zip(functions).zip(&activity) {
            let (name, site) = (participant.name().to_owned(), participant.site().clone());
            let clamped = match activity {
                Some(activity) => function.prestep().clamped_share(activity)?,
                None => 0.0,
            };
            if clamped > 0.0 {
                warnings.push(format!(
                    "{:.2} % of the activity of `{name}` lies at the edge of what its squashing function gives, or beyond, \
                     and is clamped",
                    100.0 * clamped
                ));
            }
            members.push(Member { network: name, site, function });
        }
        Ok((Alignment::new(members, subspaces)?, warnings))
    }

    fn subspaces(&self) -> Result<Subspaces> {
        let (configuration, method) = (self.configuration, self.configuration.method);
        if !method.takes_everything() && configuration.k.is_none() && configuration.sizes.is_empty() {
            return Err(Error::invalid(format!("method `{method}` needs k, the size of the subspace")));
        }
        let narrowest = self.participants.iter().map(|participant| participant.site().width).min().unwrap_or(0);
        let sized = configuration.variables.iter().enumerate().map(|(index, variable)| {
            let size = if method.takes_everything() { narrowest } else { configuration.size(index) };
            (variable.to_string(), size)
        });
        Ok(Subspaces::new(sized)?)
    }
}

/// The most interchanges of an exchange whose activity is recorded.
const RECORDED: usize = 1000;

/// The vectors of network `index` that interchanges send, `[vector, width]`, or else overwrite.
fn activity(index: usize, participant: &Participant, training: &[Exchange], positions: Positions) -> Result<Tensor<2>> {
    let mut vectors = Vec::new();
    for sends in [true, false] {
        for Exchange { direction, pairs, .. } in training {
            let network = if sends { direction.source } else { direction.target };
            if network == index {
                let rows: Vec<usize> = (0..pairs.len().min(RECORDED)).collect();
                let pairs = pairs.select(&rows);
                let (trials, last) = match sends {
                    true => (&pairs.source, &pairs.source_positions),
                    false => (overwritten(&pairs, positions), &pairs.target_positions),
                };
                let at: Vec<_> = match positions {
                    Positions::Individual => last.iter().copied().enumerate().collect(),
                    Positions::Stepwise => {
                        let to = |(row, &last): (usize, &usize)| (0..=last).map(move |position| (row, position));
                        last.iter().enumerate().flat_map(to).collect()
                    }
                };
                vectors.push(participant.reader().read(participant.site(), trials, &at)?);
            }
        }
        if !vectors.is_empty() {
            return Ok(Tensor::cat(vectors, 0));
        }
    }
    Err(Error::invalid(format!(
        "network `{}` has no part in the fit, so that none of its activity is recorded",
        participant.name()
    )))
}

/// The trials in which the target is overwritten. A stepwise one that would have ended before is continued, which only its
/// counterfactual says; a recording, of which there are individual interchanges alone, holds only its own trials.
fn overwritten(pairs: &Pairs, positions: Positions) -> &Trials {
    match positions {
        Positions::Individual => &pairs.target,
        Positions::Stepwise => &pairs.counterfactual,
    }
}
