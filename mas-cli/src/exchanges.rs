//! From counterfactual pairs of tasks to interchanges between networks: the one place where both vocabularies meet.

use mas_core::{Pairs, Trials};
use mas_tasks::{HELD_OUT_COUNTS, Pair, Sequence, Vocabulary};

use crate::Result;

/// Turns `pairs` into plain data in the networks' own vocabularies.
///
/// # Errors
/// A token of the task that a network does not know.
pub fn pairs(pairs: &[Pair], source: &Reader, target: &Reader) -> Result<Pairs> {
    let has_untrained = |count: u32| HELD_OUT_COUNTS.contains(&count);
    Ok(Pairs {
        source: source.trials(pairs.iter().map(|pair| &pair.source))?,
        source_positions: pairs.iter().map(|pair| pair.source_position).collect(),
        target: target.trials(pairs.iter().map(|pair| &pair.target))?,
        target_positions: pairs.iter().map(|pair| pair.target_position).collect(),
        counterfactual: target.trials(pairs.iter().map(|pair| &pair.counterfactual))?,
        changed: pairs.iter().map(|pair| pair.changed).collect(),
        untrained_count: pairs
            .iter()
            .map(|pair| has_untrained(pair.source_count) || has_untrained(pair.target_count))
            .collect(),
    })
}

/// How a network reads a task's sequences.
pub struct Reader {
    /// For every id of the task's vocabulary that of the network's.
    ids: Vec<u32>,
    pad: u32,
}

impl Reader {
    /// A network with `vocabulary` that reads a task with `task` as its vocabulary.
    ///
    /// # Errors
    /// A token of the task that the network does not know.
    pub fn new(task: &Vocabulary, vocabulary: &Vocabulary) -> Result<Self> {
        Ok(Self { ids: task.translation(vocabulary)?, pad: vocabulary.pad() })
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
