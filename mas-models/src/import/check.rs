//! Whether an imported network does what the original did.

use burn::tensor::{Tensor, TensorData};
use mas_core::{Activity, Trials};

use crate::run::Feedback;
use crate::{Error, Model, Result};

/// The largest absolute difference between a network's logits and those that the original gave, teacher-forced, for the
/// same tokens.
///
/// - `recorded`: the original's logits, `[trial, time, vocabulary]`, with the tokens that it read
///
/// # Errors
/// A recording that does not say what was read, of another width than the vocabulary, with a negative token or one outside
/// the vocabulary; logits that are not finite.
pub fn logit_difference(network: &Model, recorded: &Activity) -> Result<f32> {
    let tokens = recorded
        .tokens()
        .ok_or_else(|| Error::invalid("the check does not say what was read: it needs `tokens` [trial, time]"))?;
    let vocabulary = network.architecture().vocabulary();
    if recorded.width() != vocabulary {
        return Err(Error::invalid(format!(
            "the check holds {} logits a token, the network has {vocabulary}",
            recorded.width()
        )));
    }
    let trials = trials(recorded, tokens)?;
    let ours = network.run(&trials, Feedback::TeacherForced)?.logits;
    let [count, time, width] = ours.dims();
    // A recording may be padded further than its longest trial.
    let theirs: Vec<f32> = (0..count)
        .flat_map(|trial| {
            let real = recorded.trial(trial);
            real.iter().copied().chain(std::iter::repeat(0.0)).take(time * width)
        })
        .collect();
    let theirs = Tensor::<3>::from_data(TensorData::new(theirs, [count, time, width]), &network.device());
    // After a trial's end both are zero.
    let differences =
        (ours - theirs).abs().try_into_vec_as::<f32>().map_err(|error| Error::invalid(error.to_string()))?;
    // Looked at one by one: a maximum may pass over what is not a number.
    match differences.iter().all(|difference| difference.is_finite()) {
        true => Ok(differences.into_iter().fold(0.0, f32::max)),
        false => Err(Error::invalid("the network's logits for the tokens of the check are not finite")),
    }
}

fn trials(recorded: &Activity, tokens: &[i64]) -> Result<Trials> {
    let mut rows = Vec::with_capacity(recorded.trials());
    for (trial, &length) in recorded.lengths().iter().enumerate() {
        let row = &tokens[trial * recorded.time()..][..length];
        let row: Vec<u32> = row
            .iter()
            .map(|&token| {
                u32::try_from(token).map_err(|_| {
                    Error::invalid(format!("the check has token {token} in trial {trial}, which can be no id"))
                })
            })
            .collect::<Result<_>>()?;
        rows.push((row, vec![false; length]));
    }
    Ok(Trials::new(rows.iter().map(|(tokens, response)| (tokens.as_slice(), response.as_slice())), 0)?)
}
