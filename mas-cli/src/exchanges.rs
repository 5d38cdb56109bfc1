//! From counterfactual pairs of tasks to interchanges between networks: the one place where both vocabularies meet.

use mas_core::{Pairs, Trials};
use mas_tasks::{HELD_OUT_COUNTS, Pair, Sequence, Task, TaskKind, Vocabulary};

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
