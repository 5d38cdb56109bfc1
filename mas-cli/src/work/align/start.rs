use burn::tensor::{Device, Tensor};
use mas_core::{Alignment, Exchange, Member, Participant, Subspaces};

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
    let k = match configuration.k {
        _ if method.takes_everything() => narrowest,
        Some(k) => k,
        None => return Err(Error::invalid(format!("method `{method}` needs k, the size of the subspace"))),
    };
    let subspaces = Subspaces::new(configuration.variables.iter().map(|variable| (variable.to_string(), k)))?;
    let function = configuration.alignment_function();
    let (mut members, mut warnings) = (Vec::new(), Vec::new());
    for (index, (network, participant)) in networks.iter().zip(participants).enumerate() {
        let (name, site) = (participant.name().to_owned(), participant.site().clone());
        let activity = match function.needs_activity() || function.prestep.squash.is_some() {
            true => Some(activity(index, participant, training)?),
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
fn activity(index: usize, participant: &Participant, training: &[Exchange]) -> Result<Tensor<2>> {
    let mut vectors = Vec::new();
    for sends in [true, false] {
        for Exchange { direction, pairs, .. } in training {
            let (network, trials, positions) = match sends {
                true => (direction.source, &pairs.source, &pairs.source_positions),
                false => (direction.target, &pairs.target, &pairs.target_positions),
            };
            if network == index {
                let at: Vec<_> = positions.iter().copied().enumerate().take(RECORDED).collect();
                let rows: Vec<usize> = (0..at.len()).collect();
                vectors.push(participant.reader().read(participant.site(), &trials.select(&rows), &at)?);
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
