use mas_core::Recorded;
use mas_models::{FrozenDecoder, LanguageModel, Tokenizer};
use serde::{Deserialize, Serialize};

use super::{Progress, Study, splits::Splits};
use crate::{Error, Result, prompted, results::write_file};

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

pub fn answers(
    study: &Study,
    models: &[FrozenDecoder<LanguageModel>],
    tokenizer: &Tokenizer,
    splits: &Splits,
    progress: &mut Progress,
) -> Result<Answers> {
    let path = study.folder.join("answers.json");
    let texts = |all: Vec<Vec<u32>>| -> Result<Vec<Text>> {
        let text = |tokens: Vec<u32>| Ok((tokens.clone(), tokenizer.decode(&tokens)?));
        all.into_iter().map(text).collect()
    };
    // Of those models that have answered already.
    let mut answers = match std::fs::read(&path) {
        Ok(known) => serde_json::from_slice(&known)
            .map_err(|error| Error::invalid(format!("{}: {error}; remove it", path.display())))?,
        Err(_) => Answers { prompts: texts(splits.prompts.clone())?, models: Vec::new() },
    };
    for (index, model) in models.iter().enumerate().skip(answers.models.len()) {
        let (what, each) = (format!("answers of {}", model.name()), splits.prompts.len());
        let (network, most) = (model.network(), study.settings.answer);
        let all = prompted::answers(network, &splits.prompts, most, &network.config().end_tokens, &mut |done| {
            progress(&what, index * each + done, models.len() * each);
        })?;
        answers.models.push((model.name().to_owned(), texts(all)?));
        let text = serde_json::to_vec(&answers).map_err(|error| Error::Internal(error.to_string()))?;
        write_file(&path, &text)?;
    }
    Ok(answers)
}
