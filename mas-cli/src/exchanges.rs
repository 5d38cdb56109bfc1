//! From counterfactual pairs of tasks to interchanges between networks: the one place where both vocabularies meet.

use std::collections::HashMap;

use mas_core::{Latents, Pairs, Trials};
use mas_tasks::{HELD_OUT_COUNTS, NaturalPlace, NaturalStates, Pair, Sequence, Task, TaskKind, Vocabulary};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// Turns `pairs` into plain data in the networks' own vocabularies.
///
/// # Errors
/// A token of the task that a network does not know.
pub fn pairs(pairs: &[Pair], source: &Reader, target: &Reader) -> Result<Pairs> {
    let is_untrained =
        |pair: &Pair| source.untrained.contains(&pair.source_count) || target.untrained.contains(&pair.target_count);
    Ok(Pairs {
        source: source.trials(pairs.iter().map(|pair| &pair.source))?,
        source_positions: pairs.iter().map(|pair| pair.source_position).collect(),
        target: target.trials(pairs.iter().map(|pair| &pair.target))?,
        target_positions: pairs.iter().map(|pair| pair.target_position).collect(),
        counterfactual: target.trials(pairs.iter().map(|pair| &pair.counterfactual))?,
        changed: pairs.iter().map(|pair| pair.changed).collect(),
        untrained_count: pairs.iter().map(is_untrained).collect(),
        natural: None,
    })
}

/// For each of `pairs` a place, drawn with `seed` from `natural`, at which the target has the counterfactual values of
/// itself, in another trial than the pair's.
///
/// # Errors
/// A token of the task that the target does not know.
pub fn latents(pairs: &[Pair], natural: &NaturalStates, target: &Reader, seed: u64) -> Result<Latents> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Only trials with a place that is drawn are read.
    let (mut used, mut trials) = (HashMap::new(), Vec::new());
    let mut at = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let place = natural.place(&pair.target_variables_after, &pair.target, &mut rng);
        at.push(place.map(|NaturalPlace { sequence, position }| {
            let trial = *used.entry(sequence).or_insert_with(|| {
                trials.push(natural.sequences()[sequence]);
                trials.len() - 1
            });
            (trial, position)
        }));
    }
    Ok(Latents { trials: target.trials(trials)?, at })
}

/// The counts of a task that networks are never trained on; none where a task's counts are not of demonstrations.
pub fn untrained_counts(task: TaskKind) -> &'static [u32] {
    if task.counts_demonstrations() { &HELD_OUT_COUNTS } else { &[] }
}

/// How a network reads a task's sequences.
pub struct Reader {
    /// For every id of the task's vocabulary that of the network's.
    ids: Vec<u32>,
    pad: u32,
    /// See [`untrained_counts`].
    untrained: &'static [u32],
}

impl Reader {
    /// A network with `vocabulary` that reads sequences of `task`.
    ///
    /// # Errors
    /// A token of the task that the network does not know.
    pub fn new(task: &Task, vocabulary: &Vocabulary) -> Result<Self> {
        Ok(Self {
            ids: task.vocabulary().translation(vocabulary)?,
            pad: vocabulary.pad(),
            untrained: untrained_counts(task.kind()),
        })
    }

    /// Sequences as trials in the network's vocabulary.
    ///
    /// # Errors
    /// A sequence without tokens.
    pub fn trials<'a>(&self, sequences: impl IntoIterator<Item = &'a Sequence>) -> Result<Trials> {
        let translated: Vec<(Vec<u32>, &[bool])> = sequences
            .into_iter()
            .map(|sequence| {
                (sequence.tokens.iter().map(|&id| self.ids[id as usize]).collect(), sequence.response.as_slice())
            })
            .collect();
        Ok(Trials::new(translated.iter().map(|(tokens, response)| (tokens.as_slice(), *response)), self.pad)?)
    }
}

#[cfg(test)]
mod tests {
    use mas_tasks::{PairConfig, TaskConfig, Variable};

    use super::*;

    #[test]
    fn natural_activity_is_where_the_target_has_the_counterfactual_values() {
        let task = TaskConfig::new(TaskKind::Modulo).build().unwrap();
        let drawn = PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(60).pairs().unwrap().pairs;
        let natural = NaturalStates::of(&task, drawn.iter().map(|pair| &pair.target)).unwrap();
        // A network with other ids: what it reads must be the same words.
        let mut tokens = task.vocabulary().tokens().to_vec();
        tokens[1..].reverse();
        let other = Vocabulary::from_tokens(tokens).unwrap();
        let reader = Reader::new(&task, &other).unwrap();
        let back = other.translation(task.vocabulary()).unwrap();
        let latents = latents(&drawn, &natural, &reader, 3).unwrap();
        assert_eq!(latents.at.len(), drawn.len());
        assert!(latents.missing() < drawn.len() / 4);
        for (pair, at) in drawn.iter().zip(&latents.at) {
            let Some((trial, position)) = *at else { continue };
            let tokens: Vec<u32> = latents.trials.tokens(trial).iter().map(|&id| back[id as usize]).collect();
            assert_ne!(tokens, pair.target.tokens);
            assert_eq!(task.states(&tokens).unwrap()[position].key(), pair.target_variables_after.key());
        }
        assert_eq!(latents, super::latents(&drawn, &natural, &reader, 3).unwrap());
    }

    #[test]
    fn only_counts_of_demonstrations_are_held_out_of_training() {
        for (kind, held_out) in [(TaskKind::MultiObject, true), (TaskKind::Arithmetic, false)] {
            let task = TaskConfig::new(kind).build().unwrap();
            let drawn =
                PairConfig::new(task.clone(), task.clone(), Variable::Full).with_count(100).pairs().unwrap().pairs;
            let reader = Reader::new(&task, task.vocabulary()).unwrap();
            let flags = pairs(&drawn, &reader, &reader).unwrap().untrained_count;
            assert_eq!(flags.contains(&true), held_out, "{kind}");
            let by_count =
                |pair: &Pair| [pair.source_count, pair.target_count].iter().any(|n| [4, 9, 14, 17].contains(n));
            let expected: Vec<bool> = drawn.iter().map(|pair| held_out && by_count(pair)).collect();
            assert_eq!(flags, expected, "{kind}");
        }
    }
}
