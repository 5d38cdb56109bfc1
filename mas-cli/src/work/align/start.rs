use burn::tensor::{Device, Tensor};
use mas_core::{Alignment, Exchange, Member, Pairs, Participant, Positions, Subspaces, Trials};

use super::positions;
use crate::{Error, Result, given::Given, seeds::derive, study::AlignConfiguration};

/// Where the fit begins, whatever the networks are called, with what has to be said of it. What is standardised, and what
/// principal axes are of, are the vectors that `training` interchanges send from a network, or, of one that sends none,
/// overwrite in it.
pub(super) fn start(
    configuration: &AlignConfiguration,
    networks: &[Given],
    participants: &[Participant],
    training: &[Exchange],
    device: &Device,
) -> Result<(Alignment, Vec<String>)> {
    let method = configuration.method;
    let narrowest = participants.iter().map(|participant| participant.site().width).min().unwrap_or(0);
    if !method.takes_everything() && configuration.k.is_none() && configuration.sizes.is_empty() {
        return Err(Error::invalid(format!("method `{method}` needs k, the size of the subspace")));
    }
    let sized = configuration.variables.iter().enumerate().map(|(index, variable)| {
        let size = if method.takes_everything() { narrowest } else { configuration.size(index) };
        (variable.to_string(), size)
    });
    let subspaces = Subspaces::new(sized)?;
    let function = configuration.alignment_function();
    let (mut members, mut warnings) = (Vec::new(), Vec::new());
    for (index, (network, participant)) in networks.iter().zip(participants).enumerate() {
        let (name, site) = (participant.name().to_owned(), participant.site().clone());
        let activity = match function.needs_activity() || function.prestep.squash.is_some() {
            true => Some(activity(index, participant, training, positions(configuration))?),
            false => None,
        };
        let seed = derive(configuration.seed, &["rotation", &index.to_string(), network.identity()]);
        // Too many columns are complained of where the alignment is put together.
        let columns = subspaces.columns().min(site.width);
        let function = function.init(site.width, columns, seed, activity.as_ref(), device)?;
        if let Some(activity) = &activity {
            let clamped = function.prestep().clamped_share(activity)?;
            if clamped > 0.0 {
                warnings.push(format!(
                    "{:.2} % of the activity of `{name}` lies at the edge of what its squashing function gives, or beyond, \
                     and is clamped",
                    100.0 * clamped
                ));
            }
        }
        members.push(Member { network: name, site, function });
    }
    Ok((Alignment::new(members, subspaces)?, warnings))
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
