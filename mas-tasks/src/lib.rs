//! The numeric tasks of *Model Alignment Search* (Satchel Grant, arXiv 2501.06164): vocabularies, causal programs,
//! sequences, and counterfactual pairs for interchange interventions. No tensors: everything is token ids, positions
//! and masks.
//!
//! A [`Task`] is built from a [`TaskConfig`]. It draws [`Sequence`]s, and tells with its causal program what the
//! variables are after each token. A [`PairConfig`] names two tasks and a variable, and draws [`Pair`]s: a source, a
//! target, and the *counterfactual* sequence that the target should go on with if its variable had the source's value.
//!
//! ```
//! use mas_tasks::{PairConfig, TaskConfig, TaskKind, Variable};
//!
//! let task = TaskConfig::new(TaskKind::MultiObject).build()?;
//!
//! // The variables of a sequence: B D D T R …
//! let tokens = task.vocabulary().encode("B D0 D2 T R")?;
//! let states = task.states(&tokens)?;
//! assert_eq!(states[2].get(Variable::Count), Some(2.0));
//! assert_eq!(states[4].get(Variable::Phase), Some(1.0));
//! assert_eq!(states[4].get(Variable::Count), Some(1.0));
//!
//! // Pairs in which `count` is sent from the source to the target.
//! let set = PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(100).with_seed(1).pairs()?;
//! let pair = &set.pairs[0];
//! assert_eq!(
//!     pair.target_variables_after.get(Variable::Count),
//!     pair.source_variables.get(Variable::Count),
//! );
//! assert_eq!(pair.counterfactual.tokens[..=pair.target_position], pair.target.tokens[..=pair.target_position]);
//! # Ok::<(), mas_tasks::Error>(())
//! ```
//!
//! Everything drawn depends on a seed alone, by ChaCha8 and not by the platform, and each item has a stream of random
//! numbers of its own: asking for more never changes what came before.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod config;
mod course;
mod draw;
mod dropped;
mod error;
mod interchange;
mod kind;
mod named;
mod natural;
mod pair;
mod pair_config;
mod program;
mod rules;
mod sequence;
mod split;
mod state;
mod stream;
mod symbol;
mod task;
mod variable;
mod vocabulary;

pub use config::{CountRange, HELD_OUT_COUNTS, MAX_COUNT, TaskConfig};
pub use dropped::{DropReason, Dropped};
pub use error::{Error, Result};
pub use kind::{ProgramKind, TaskKind};
pub use natural::{NaturalPlace, NaturalStates};
pub use pair::{Pair, PairSet};
pub use pair_config::{PairConfig, Positions, ValueRange};
pub use sequence::Sequence;
pub use split::Split;
pub use state::{State, StateKey};
pub use task::Task;
pub use variable::{Variable, VariablePair};
pub use vocabulary::Vocabulary;
