//! Causal language models of the families Qwen2, Llama, GPT-2 and GPT-NeoX, in one shape.
//!
//! ```text
//! token → embedding (+ position, GPT-2) → block 0 → … → block L−1 → norm → logits of the next token
//!         site `embedding`                site `layer.0` … `layer.L−1`
//! ```
//!
//! A folder of Hugging Face becomes a [`LanguageModel`] by [`import_hugging_face`], a GGUF file by [`import_gguf`]; what the families call differently
//! has one name here.

mod block;
mod config;
mod generation;
mod gguf;
mod hugging_face;
mod hugging_face_config;
mod linear;
mod loading;
mod names;
mod network;
mod norm;
mod precision;
mod saving;
mod tensor_files;
mod tokenizer;
mod tuning;

pub use config::{Activation, Family, LanguageConfig};
pub use generation::{Generated, Sampling};
pub use gguf::import_gguf;
pub use hugging_face::{ImportedLanguageModel, import_hugging_face};
pub use network::LanguageModel;
pub use precision::Precision;
pub use tokenizer::Tokenizer;
pub use tuning::{
    FineTuned, FineTuning, FineTuningEvent, FineTuningRecord, FineTuningSettings, Schedule, Tuned, pieces,
};

pub(crate) use saving::{load, save};
