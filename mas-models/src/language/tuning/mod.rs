//! Fine-tuning: a language model learns the next token of given text, all of it, its upper blocks, or low-rank
//! adapters.
//!
//! As trainings on tasks, a fine-tuning is deterministic on the flex backend, and one that is resumed from its checkpoint
//! ends with the same bytes as one that was never interrupted.

mod checkpoint;
mod run;
mod settings;
mod texts;
mod tuned;

pub use run::{FineTuned, FineTuning, FineTuningEvent, FineTuningRecord};
pub use settings::{FineTuningSettings, Schedule, Tuned};
pub use texts::pieces;
