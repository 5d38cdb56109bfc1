use std::path::Path;

use crate::{Error, Result};

const FILE: &str = "tokenizer.json";

/// What turns text into a language model's tokens, and back: a `tokenizer.json` as Hugging Face's tokenizers have it,
/// in the network's folder.
#[derive(Debug, Clone)]
pub struct Tokenizer(tokenizers::Tokenizer);

impl Tokenizer {
    /// A tokenizer of the text of its file.
    ///
    /// # Errors
    /// Text that is no `tokenizer.json`.
    pub fn from_json(text: &str) -> Result<Self> {
        let read = tokenizers::Tokenizer::from_bytes(text);
        let mut tokenizer = read.map_err(|error| Error::invalid(format!("not a tokenizer: {error}")))?;
        // What a file says about cutting and padding is for other uses.
        tokenizer.with_padding(None);
        let uncut = tokenizer.with_truncation(None).map(|_| ());
        uncut.map_err(|error| Error::invalid(format!("not a tokenizer: {error}")))?;
        Ok(Self(tokenizer))
    }

    /// The tokenizer in a folder, if it has one.
    ///
    /// # Errors
    /// A file that cannot be read or is none.
    pub fn load(folder: impl AsRef<Path>) -> Result<Option<Self>> {
        let path = folder.as_ref().join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path, error)),
        };
        let text = String::from_utf8(bytes).map_err(|_| Error::format(&path, "is not UTF-8 text"))?;
        Self::from_json(&text).map(Some).map_err(|error| Error::format(&path, error))
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// What the operating system refuses.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let path = folder.as_ref().join(FILE);
        let text = self.0.to_string(false).map_err(|error| Error::format(&path, error))?;
        std::fs::write(&path, text).map_err(|error| Error::io(&path, error))
    }

    /// Whether its tokens are all within a network's vocabulary.
    ///
    /// # Errors
    /// A token that is not: the tokenizer is another network's.
    pub fn check(&self, vocabulary: usize) -> Result<()> {
        let largest = self.0.get_vocab(true).into_iter().max_by_key(|&(_, id)| id);
        match largest.filter(|&(_, id)| id as usize >= vocabulary) {
            Some((token, id)) => Err(Error::invalid(format!(
                "the tokenizer has {token:?} as token {id}, but the network has {vocabulary} tokens: it is another \
                 network's"
            ))),
            None => Ok(()),
        }
    }

    /// The tokens of a text. One that stands for an end or a turn, as `<|im_start|>`, is one token.
    ///
    /// # Errors
    /// A text that its tokens cannot express.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoded = self.0.encode(text, true);
        let encoded = encoded.map_err(|error| Error::invalid(format!("the text cannot be encoded: {error}")))?;
        Ok(encoded.get_ids().to_vec())
    }

    /// The text of tokens, without those that stand for no text.
    ///
    /// # Errors
    /// None for tokens of its vocabulary.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        self.0.decode(tokens, true).map_err(|error| Error::invalid(format!("the tokens cannot be decoded: {error}")))
    }
}
