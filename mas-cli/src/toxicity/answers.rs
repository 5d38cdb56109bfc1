use mas_core::Recorded;
use mas_models::{FrozenDecoder, LanguageModel, Sampling, Tokenizer};
use serde::{Deserialize, Serialize};

use super::{Progress, Study, splits::Splits};
use crate::{Error, Result, results::write_file};

/// Tokens and their text.
pub type Text = (Vec<u32>, String);

/// What every model answers every prompt, greedily.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The tokens of each prompt, and their text.
    pub prompts: Vec<Text>,
    /// Each model with its answers, likewise.
    pub models: Vec<(String, Vec<Text>)>,
}

/// Prompts that are answered at once.
const AT_ONCE: usize = 32;

pub fn answers(
    study: &Study,
    models: &[FrozenDecoder<LanguageModel>],
    tokenizer: &Tokenizer,
    splits: &Splits,
    progress: &mut Progress,
) -> Result<Answers> {
    let path = study.folder.join("answers.json");
    if let Ok(known) = std::fs::read(&path) {
        return serde_json::from_slice(&known)
            .map_err(|error| Error::invalid(format!("{}: {error}; remove it", path.display())));
    }
    let texts = |all: Vec<Vec<u32>>| -> Result<Vec<Text>> {
        let text = |tokens: Vec<u32>| Ok((tokens.clone(), tokenizer.decode(&tokens)?));
        all.into_iter().map(text).collect()
    };
    let mut answers = Answers { prompts: texts(splits.prompts.clone())?, models: Vec::new() };
    for (index, model) in models.iter().enumerate() {
        let mut all = Vec::new();
        for chunk in splits.prompts.chunks(AT_ONCE) {
            let ends = &model.network().config().end_tokens;
            let said = model.network().generate(chunk, study.settings.answer, &Sampling::Greedy, ends, |_| true)?;
            all.extend(said.into_iter().map(|said| said.tokens));
            progress(&format!("answers of {}", model.name()), index * splits.prompts.len() + all.len(), {
                models.len() * splits.prompts.len()
            });
        }
        answers.models.push((model.name().to_owned(), texts(all)?));
    }
    let text = serde_json::to_vec(&answers).map_err(|error| Error::Internal(error.to_string()))?;
    write_file(&path, &text)?;
    Ok(answers)
}
