//! The settings of a task.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::symbol::MAX_VALUE;
use crate::{Error, ProgramKind, Result, Task, TaskKind};

/// The counts that the paper holds out of the training of networks, and validates them on (arXiv 2501.06164).
pub const HELD_OUT_COUNTS: [u32; 4] = [4, 9, 14, 17];

/// The largest count that a task may have.
pub const MAX_COUNT: u32 = 100;

/// The largest allowed probability of a void token.
const MAX_VOID_PROBABILITY: f64 = 0.9;

/// The numbers of demonstrations that a task has, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountRange {
    /// The smallest.
    pub min: u32,
    /// The largest.
    pub max: u32,
}

impl Default for CountRange {
    fn default() -> Self {
        Self { min: 1, max: 20 }
    }
}

impl From<RangeInclusive<u32>> for CountRange {
    fn from(range: RangeInclusive<u32>) -> Self {
        Self { min: *range.start(), max: *range.end() }
    }
}

/// The settings of a task; [`build`](Self::build) checks them.
///
/// ```
/// use mas_tasks::{TaskConfig, TaskKind};
///
/// let task = TaskConfig::training(TaskKind::Square).build()?;
/// assert!(!task.counts().any(|count| count == 4));
/// # Ok::<(), mas_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TaskConfig {
    /// Which task.
    pub kind: TaskKind,
    /// Which of its causal programs; the task's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramKind>,
    /// The numbers of demonstrations. Not used by arithmetic.
    #[serde(default)]
    pub counts: CountRange,
    /// Counts that are never generated, though the program knows them. Not used by arithmetic.
    #[serde(default)]
    pub held_out: Vec<u32>,
    /// The probability that a void token `U` is emitted instead, at every step before the trigger. Above 0 the
    /// vocabulary has `U` as its last token. Not used by arithmetic, which has no trigger.
    #[serde(default)]
    pub void_probability: f64,
    /// The largest number of operations of arithmetic, 1 to 20. Not used by the other tasks.
    #[serde(default = "default_max_operations")]
    pub max_operations: u32,
}

fn default_max_operations() -> u32 {
    MAX_VALUE
}

impl TaskConfig {
    /// All counts from 1 to 20, no voids, the default program.
    pub fn new(kind: TaskKind) -> Self {
        Self {
            kind,
            program: None,
            counts: CountRange::default(),
            held_out: Vec::new(),
            void_probability: 0.0,
            max_operations: default_max_operations(),
        }
    }

    /// As [`new`](Self::new), with [`HELD_OUT_COUNTS`] held out where the task has counts: what networks are trained
    /// on.
    pub fn training(kind: TaskKind) -> Self {
        let held_out = if kind.counts_demonstrations() { HELD_OUT_COUNTS.to_vec() } else { Vec::new() };
        Self { held_out, ..Self::new(kind) }
    }

    /// With another causal program.
    pub fn with_program(mut self, program: ProgramKind) -> Self {
        self.program = Some(program);
        self
    }

    /// With other numbers of demonstrations.
    pub fn with_counts(mut self, counts: impl Into<CountRange>) -> Self {
        self.counts = counts.into();
        self
    }

    /// With other held-out counts.
    pub fn with_held_out(mut self, counts: impl IntoIterator<Item = u32>) -> Self {
        self.held_out = counts.into_iter().collect();
        self
    }

    /// With void tokens.
    pub fn with_void_probability(mut self, probability: f64) -> Self {
        self.void_probability = probability;
        self
    }

    /// With another largest number of operations.
    pub fn with_max_operations(mut self, operations: u32) -> Self {
        self.max_operations = operations;
        self
    }

    /// Checks the settings and makes the task.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`], naming the setting, if one is impossible or is of no use to this task.
    pub fn build(self) -> Result<Task> {
        self.check()?;
        Ok(Task::new(self))
    }

    fn check(&self) -> Result<()> {
        let kind = self.kind;
        if let Some(program) = self.program.filter(|program| !kind.programs().contains(program)) {
            let known: Vec<_> = kind.programs().iter().map(|program| program.name()).collect();
            return invalid("program", format!("'{program}' does not describe {kind}: take {}", known.join(", ")));
        }
        let CountRange { min, max } = self.counts;
        if min == 0 || min > max || max > MAX_COUNT {
            return invalid("counts", format!("{min} to {max}: must be within 1 to {MAX_COUNT}, the smaller first"));
        }
        if let Some(count) = self.held_out.iter().find(|count| !(min..=max).contains(count)) {
            return invalid("held-out", format!("{count} is not among the counts {min} to {max}"));
        }
        if (min..=max).all(|count| self.held_out.contains(&count)) {
            return invalid("held-out", format!("every count from {min} to {max} is held out, none is left"));
        }
        // Written so that NaN fails too.
        if !(0.0..=MAX_VOID_PROBABILITY).contains(&self.void_probability) {
            let given = self.void_probability;
            return invalid("void-probability", format!("{given} is not within 0 to {MAX_VOID_PROBABILITY}"));
        }
        if !(1..=MAX_VALUE).contains(&self.max_operations) {
            return invalid("max-operations", format!("{} is not within 1 to {MAX_VALUE}", self.max_operations));
        }
        if kind.counts_demonstrations() {
            if self.max_operations != default_max_operations() {
                return invalid("max-operations", format!("{kind} has no operations"));
            }
        } else if self.counts != CountRange::default() {
            return invalid("counts", format!("{kind} has no demonstrations: set max-operations"));
        } else if !self.held_out.is_empty() {
            return invalid("held-out", format!("{kind} has no demonstrations to hold counts out of"));
        } else if self.void_probability > 0.0 {
            return invalid("void-probability", format!("{kind} has no trigger for voids to come before"));
        }
        Ok(())
    }
}

fn invalid<T>(field: &'static str, reason: String) -> Result<T> {
    Err(Error::InvalidConfig { field, reason })
}
