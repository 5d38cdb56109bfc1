//! Which interchanges are wanted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::{Error, Result, Sequence, Split, Task, Variable, VariablePair};

named_enum! {
    /// At which positions an interchange is made.
    pub enum Positions: "kind of positions" {
        /// One position of the source gives, one of the target receives, drawn independently.
        Individual = "individual",
        /// Every position up to some index, the same index in both.
        Stepwise = "stepwise",
    }
}

/// A range of values, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueRange {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl ValueRange {
    pub(crate) fn contains(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

/// Which pairs to draw. [`pairs`](Self::pairs) draws them.
///
/// Sequences have every count that their task knows, held out or not, and no voids, whatever the tasks' settings say:
/// an alignment is fitted and judged on all of them (arXiv 2501.06164).
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// The task of the source.
    pub source: Task,
    /// The task of the target.
    pub target: Task,
    /// The variables read in the source and those overwritten in the target, at once where there are several.
    /// [`Variable::Full`] alone, only together with itself, and only between tasks with the same program.
    pub variables: Vec<VariablePair>,
    /// Individual or stepwise.
    pub positions: Positions,
    /// The number of pairs.
    pub count: usize,
    /// The same seed gives the same pairs on every platform; a larger `count` does not change the first ones.
    pub seed: u64,
    /// If given, both the value written and the value overwritten lie in this range. Of one variable that has a value.
    pub range: Option<ValueRange>,
    /// If given, sources and targets are of this side of [`Task::split_of`], in tasks that are split: pairs of the two
    /// sides share no sequence, whatever their seeds.
    pub split: Option<Split>,
    /// If not empty, sources are drawn from these alone, uniformly, and not made anew: all that was ever recorded of a
    /// network, say.
    pub source_sequences: Arc<[Sequence]>,
    /// The same of targets.
    pub target_sequences: Arc<[Sequence]>,
}

impl PairConfig {
    /// 10,000 individual pairs, seed 0, unrestricted.
    pub fn new(source: Task, target: Task, variable: impl Into<VariablePair>) -> Self {
        Self {
            source,
            target,
            variables: vec![variable.into()],
            positions: Positions::Individual,
            count: 10_000,
            seed: 0,
            range: None,
            split: None,
            source_sequences: Arc::default(),
            target_sequences: Arc::default(),
        }
    }

    /// With sources and targets from given sequences, where there are any; see
    /// [`source_sequences`](Self::source_sequences).
    pub fn with_sequences(mut self, source: Arc<[Sequence]>, target: Arc<[Sequence]>) -> Self {
        (self.source_sequences, self.target_sequences) = (source, target);
        self
    }

    /// With a further variable, which is overwritten at the same time.
    pub fn and(mut self, variable: impl Into<VariablePair>) -> Self {
        self.variables.push(variable.into());
        self
    }

    /// With other positions.
    pub fn with_positions(mut self, positions: Positions) -> Self {
        self.positions = positions;
        self
    }

    /// With another number of pairs.
    pub fn with_count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// With another seed.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Of one side of the split.
    pub fn with_split(mut self, split: Split) -> Self {
        self.split = Some(split);
        self
    }

    /// Restricted to values from `min` to `max`.
    pub fn with_range(mut self, min: f64, max: f64) -> Self {
        self.range = Some(ValueRange { min, max });
        self
    }

    /// The variables' names, joined by `+`.
    pub(crate) fn variables_name(&self) -> String {
        self.variables.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
    }

    /// Checks that the variables exist and go together.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchVariable`] for a variable that the task's program does not have, [`Error::InvalidConfig`] for none,
    /// for one that is overwritten twice, for `full` with another variable, between different programs or with a range,
    /// for a range of several variables, and for an impossible range.
    pub fn check(&self) -> Result<()> {
        let invalid = |field, reason: String| Err(Error::InvalidConfig { field, reason });
        if self.variables.is_empty() {
            return invalid("variables", "there is none".to_owned());
        }
        for (index, pair) in self.variables.iter().enumerate() {
            let VariablePair { source, target } = *pair;
            if self.variables[..index].iter().any(|other| other.target == target) {
                return invalid("variables", format!("{target} is overwritten twice"));
            }
            if source != Variable::Full && target != Variable::Full {
                has_variable(&self.source, source)?;
                has_variable(&self.target, target)?;
                continue;
            }
            let (from, to) = (self.source.program(), self.target.program());
            if source != target || self.variables.len() > 1 {
                return invalid("variables", format!("{}: full goes with full only", self.variables_name()));
            }
            if from != to {
                return invalid("variables", format!("full needs one program on both sides, not {from} and {to}"));
            }
            if self.range.is_some() {
                return invalid("range", "full has no value to restrict: name a variable".to_owned());
            }
        }
        if self.range.is_some() && self.variables.len() > 1 {
            let reason = format!("{}: which of them is to be restricted is not said", self.variables_name());
            return invalid("range", reason);
        }
        match self.range {
            // Written so that NaN fails too.
            Some(ValueRange { min, max }) if !matches!(min.partial_cmp(&max), Some(order) if order.is_le()) => {
                invalid("range", format!("{min} to {max}: the smaller value first"))
            }
            _ => Ok(()),
        }
    }
}

fn has_variable(task: &Task, variable: Variable) -> Result<()> {
    if task.variables().contains(&variable) {
        return Ok(());
    }
    let known: Vec<_> = task.variables().iter().map(|variable| variable.name()).collect();
    Err(Error::NoSuchVariable { variable, program: task.program().name(), known: known.join(", ") })
}
