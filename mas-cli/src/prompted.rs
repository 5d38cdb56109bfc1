//! Language models on prompts: what each answers, and interchanges after which one should answer as another did.

use mas_core::{Pairs, Trials};
use mas_models::{LanguageModel, Sampling};

use crate::Result;

/// Prompts that are answered at once.
const AT_ONCE: usize = 32;

/// What a model answers each prompt, greedily: up to `most` tokens, or to the first one of `ends`.
///
/// - `progress`: is told how many have been answered
///
/// # Errors
/// As [`LanguageModel::generate`].
pub fn answers(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    most: usize,
    ends: &[u32],
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<u32>>> {
    let mut answers = Vec::with_capacity(prompts.len());
    for prompts in prompts.chunks(AT_ONCE) {
        let said = model.generate(prompts, most, &Sampling::Greedy, ends, |_| true)?;
        answers.extend(said.into_iter().map(|said| said.tokens));
        progress(answers.len());
    }
    Ok(answers)
}

/// A prompt, and how the source and the target of an interchange answer it by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// The prompt's tokens.
    pub prompt: &'a [u32],
    /// The source's answer.
    pub source: &'a [u32],
    /// The target's answer.
    pub target: &'a [u32],
}

/// The interchanges at prompts: both read the prompt, activity is interchanged up to its last token, and the target
/// should go on as the source did.
///
/// # Errors
/// A prompt without tokens.
pub fn pairs(answered: &[Answered]) -> Result<Pairs> {
    let trials = |answer: fn(&Answered) -> Vec<u32>| -> Result<Trials> {
        let trial = |one: &Answered| {
            let tokens = [one.prompt, &answer(one)].concat();
            let response = (0..tokens.len()).map(|at| at >= one.prompt.len()).collect();
            (tokens, response)
        };
        let all: Vec<(Vec<u32>, Vec<bool>)> = answered.iter().map(trial).collect();
        Ok(Trials::new(all.iter().map(|(tokens, response)| (&tokens[..], &response[..])), 0)?)
    };
    if answered.iter().any(|one| one.prompt.is_empty()) {
        return Err(crate::Error::invalid("a prompt has no token"));
    }
    let (source, target) = (trials(|one| one.source.to_vec())?, trials(|one| one.target.to_vec())?);
    let last: Vec<usize> = answered.iter().map(|one| one.prompt.len() - 1).collect();
    Ok(Pairs {
        changed: answered.iter().map(|one| one.source != one.target).collect(),
        counterfactual: source.clone(),
        source,
        source_positions: last.clone(),
        target,
        target_positions: last,
        untrained_count: vec![false; answered.len()],
        natural: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_should_go_on_as_the_source_did() {
        let answered = [
            Answered { prompt: &[4, 5, 6], source: &[11, 12], target: &[14] },
            Answered { prompt: &[7, 8], source: &[13], target: &[13, 0] },
            Answered { prompt: &[1, 2], source: &[10], target: &[10] },
        ];
        let pairs = pairs(&answered).unwrap();
        pairs.check().unwrap();
        assert_eq!(pairs.changed, [true, true, false]);
        assert_eq!(pairs.counterfactual.tokens(0), [4, 5, 6, 11, 12]);
        assert_eq!(pairs.counterfactual.response(0), [false, false, false, true, true]);
        assert_eq!(pairs.target.tokens(0), [4, 5, 6, 14]);
        assert_eq!((pairs.source_positions, pairs.target_positions), (vec![2, 1, 1], vec![2, 1, 1]));
        let nothing = Answered { prompt: &[], source: &[1], target: &[1] };
        assert!(super::pairs(&[nothing]).is_err());
    }
}
