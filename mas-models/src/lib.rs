//! Networks for Model Alignment Search (arXiv 2501.06164): define, train, load, save, import.

#![warn(missing_docs)]

mod description;
mod error;
mod folder;
mod gelu;
pub mod import;
mod recurrent;
mod stored;
mod training;
mod vocabulary;

pub use description::{Architecture, FORMAT, NetworkDescription, Origin, Provenance, TrainingSummary};
pub use error::{Error, Result};
pub use folder::SavedNetwork;
pub use recurrent::{Cell, CellKind, Feedback, Frozen, Gru, ReadOut, Recurrent, RecurrentConfig, RecurrentState, Run};
pub use training::{Evaluation, StopReason, Trained, Training, TrainingEvent, TrainingRecord, TrainingSettings};
pub use vocabulary::Vocabulary;
