//! What a frozen network checks before it runs.

use burn::tensor::Tensor;
use mas_core::{Error, Result, Resume, Site, Trials};

use crate::run::{check_context, check_tokens};

/// Whether a site is as wide as it is thought to be.
pub(crate) fn width(name: &str, known: &Site, site: &Site) -> Result<()> {
    if known.width == site.width {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "site `{}` of network `{name}` has width {}, not {}",
        site.name, known.width, site.width
    )))
}

/// Whether the network can read `trials`.
pub(crate) fn tokens(name: &str, trials: &Trials, vocabulary: usize) -> Result<()> {
    check_tokens(trials, vocabulary).map_err(|error| Error::invalid(format!("network `{name}`: {error}")))
}

/// Whether the network can read trials as long as these.
pub(crate) fn context(name: &str, trials: &Trials, context: usize) -> Result<()> {
    check_context(trials, context).map_err(|error| Error::invalid(format!("network `{name}`: {error}")))
}

/// Whether there are these positions in these trials.
pub(crate) fn positions(trials: &Trials, at: &[(usize, usize)]) -> Result<()> {
    let missing = |&&(trial, position): &&(usize, usize)| trial >= trials.len() || position >= trials.length(trial);
    match at.iter().find(missing) {
        Some((trial, position)) => Err(Error::invalid(format!("there is no position {position} in trial {trial}"))),
        None => Ok(()),
    }
}

/// Whether there is one position within each trial.
pub(crate) fn one_position_each(trials: &Trials, positions: &[usize]) -> Result<()> {
    let exists = |(trial, &position): (usize, &usize)| position < trials.length(trial);
    if positions.len() == trials.len() && positions.iter().enumerate().all(exists) {
        return Ok(());
    }
    Err(Error::invalid(format!("{} positions are not one within each of {} trials", positions.len(), trials.len())))
}

/// Whether activity that was read is finite.
pub(crate) fn finite(name: &str, site: &Site, activity: &Tensor<2>) -> Result<()> {
    let largest: f32 = activity.clone().abs().max().into_scalar();
    if largest.is_finite() {
        return Ok(());
    }
    Err(Error::NotFinite(format!("the activity of network `{name}` at `{}` is not finite", site.name)))
}

/// What a resumed run relies on: trials and positions, and tokens of the vocabulary.
pub(crate) fn resumed(name: &str, vocabulary: usize, resume: &Resume) -> Result<()> {
    resume.check()?;
    if resume.rows.is_empty() {
        return Err(Error::invalid("there are no trials to resume"));
    }
    let mut tokens = (0..resume.rows.len()).flat_map(|row| resume.tokens(row));
    match tokens.find(|&&token| token as usize >= vocabulary) {
        Some(token) => Err(Error::invalid(format!(
            "token {token} is not in the vocabulary of network `{name}`, which has {vocabulary} tokens"
        ))),
        None => Ok(()),
    }
}

/// Whether edited activity is one vector for each of `count` exchanged positions.
///
/// - `sequential`: whether each edit has to wait for the ones before it, so that none is known beforehand
pub(crate) fn edited(activity: &Tensor<2>, count: usize, site: &Site, sequential: bool) -> Result<()> {
    if !sequential && activity.dims() == [count, site.width] {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the edited activity is {:?}, but {count} vectors of width {} are exchanged{}",
        activity.dims(),
        site.width,
        if sequential { " one after the other, each following from the last" } else { "" }
    )))
}
