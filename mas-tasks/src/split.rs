//! Which sequences an alignment is fitted to, and which it is judged on.

use crate::named::named_enum;
use crate::symbol::Symbol;
use crate::{Task, TaskKind};

named_enum! {
    /// One side of the fixed division of a task's sequences into those to fit with and those to judge with.
    pub enum Split: "split" {
        /// Two thirds of the sequences, to fit with.
        Training = "training",
        /// The other third, to judge with.
        HeldOut = "held-out",
    }
}

impl Task {
    /// Whether the task's sequences can be divided: with one type of demonstration there is one sequence for every count.
    pub fn is_split(&self) -> bool {
        self.vocabulary().demonstrations().len() != 1
    }

    /// On which side a sequence stands; `None` if the task [is not split](Self::is_split).
    ///
    /// The side does not depend on any seed, so that pairs drawn today and tomorrow keep apart. It depends on what the
    /// task leaves to chance (the types of the demonstrations, from 0; in arithmetic the start value and the operands): a
    /// sequence is held out where their sum is a multiple of 3. No single token says anything about the side, and with
    /// three types of demonstration exactly a third of the sequences of *every* count is held out.
    ///
    /// - `tokens`: from `B` on; tokens that are not the task's count for nothing
    pub fn split_of(&self, tokens: &[u32]) -> Option<Split> {
        if !self.is_split() {
            return None;
        }
        let sum: u64 = self.choices(tokens).sum();
        Some(if sum.is_multiple_of(3) { Split::HeldOut } else { Split::Training })
    }

    /// What was left to chance.
    fn choices<'a>(&'a self, tokens: &'a [u32]) -> Box<dyn Iterator<Item = u64> + 'a> {
        let symbol = |id: &u32| self.lexicon().symbol(*id);
        if self.kind() == TaskKind::Arithmetic {
            // B, the number of operations, the start value, then an operand after each operator.
            let operand =
                move |position: usize| matches!(symbol(&tokens[position - 1]), Some(Symbol::Plus | Symbol::Minus));
            let chosen = (2..tokens.len()).filter(move |&position| position == 2 || operand(position));
            return Box::new(chosen.filter_map(move |position| match symbol(&tokens[position]) {
                Some(Symbol::Number(value)) => Some(u64::from(value)),
                _ => None,
            }));
        }
        let types = self.vocabulary().demonstrations();
        Box::new(
            tokens
                .iter()
                .take_while(move |id| symbol(id) != Some(Symbol::Trigger))
                .filter_map(move |id| types.iter().position(|known| known == id))
                .map(|kind| kind as u64),
        )
    }
}
