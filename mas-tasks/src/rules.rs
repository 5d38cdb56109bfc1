//! What a causal program has to know of its task.

use crate::{CountRange, TaskConfig, TaskKind};

/// The parameters of a task's program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) kind: TaskKind,
    pub(crate) counts: CountRange,
    pub(crate) max_operations: u32,
    /// The largest number of responses.
    pub(crate) max_responses: u32,
}

impl Rules {
    pub(crate) fn of(config: &TaskConfig) -> Self {
        let kind = config.kind;
        let CountRange { min, max } = config.counts;
        Self {
            kind,
            counts: config.counts,
            max_operations: config.max_operations,
            max_responses: (min..=max).filter_map(|count| kind.responses(count)).max().unwrap_or(0),
        }
    }

    /// The task's function f. Arithmetic, which has none, never asks.
    pub(crate) fn responses(&self, count: u32) -> u32 {
        self.kind.responses(count).unwrap_or(0)
    }
}
