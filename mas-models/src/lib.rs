//! Networks for Model Alignment Search (arXiv 2501.06164): define, train, load, save, import.

#![warn(missing_docs)]

mod architecture;
mod checks;
mod decoder;
mod description;
mod error;
mod folder;
mod host;
pub mod import;
mod language;
mod layer_norm;
mod model;
mod nonlinearity;
mod packing;
mod parameters;
mod recurrent;
mod run;
mod stored;
mod training;
mod transformer;
mod vocabulary;

pub use architecture::Architecture;
pub use decoder::{FrozenDecoder, Rotary};
pub use description::{FORMAT, FineTuningSummary, NetworkDescription, Origin, Provenance, TrainingSummary};
pub use error::{Error, Result};
pub use folder::SavedNetwork;
pub use language::{
    Activation, Family, FineTuned, FineTuning, FineTuningEvent, FineTuningRecord, FineTuningSettings, Generated,
    ImportedLanguageModel, LanguageConfig, LanguageModel, Precision, Sampling, Schedule, Tokenizer, Tuned, import_gguf,
    import_hugging_face, pieces,
};
pub use layer_norm::LayerNorm;
pub use model::Model;
pub use recurrent::{Cell, CellKind, Frozen, Gru, Lstm, ReadOut, Recurrent, RecurrentConfig, RecurrentState, Rnn};
pub use run::{Feedback, Run};
pub use training::{Evaluation, StopReason, Trained, Training, TrainingEvent, TrainingRecord, TrainingSettings};
pub use transformer::{FrozenTransformer, NormPlacement, Transformer, TransformerConfig};
pub use vocabulary::Vocabulary;
