//! Training of next-token predictors on numeric tasks, as in arXiv 2501.06164: free-running in the response,
//! Adam, early stop once every validation trial is right for a few validations running.
//!
//! A training is deterministic on the flex backend: everything random is drawn by ChaCha8 from the settings'
//! seed and the number of the epoch or step, so that a training resumed from its checkpoint ends with the same
//! bytes as one that was never interrupted.

mod adam;
mod checkpoint;
mod evaluate;
mod gradient;
mod log;
mod random;
mod run;
mod settings;

pub use evaluate::Evaluation;
pub use log::TrainingRecord;
pub use run::{Trained, Training, TrainingEvent};
pub use settings::{StopReason, TrainingSettings};

pub(crate) use adam::Moments;
pub(crate) use gradient::{clipped, cross_entropy, gradients_of};
pub(crate) use log::{read_log, write_log};
pub(crate) use random::shuffled;
