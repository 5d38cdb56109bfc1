use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The tokens that a network knows, in the order of their ids, and which of them have a part to play.
///
/// ```
/// use mas_models::Vocabulary;
///
/// let tokens = ["P", "B", "E", "D", "R", "T"].map(String::from).to_vec();
/// let vocabulary = Vocabulary { begin: Some(1), end: Some(2), pad: Some(0), ..Vocabulary::new(tokens) };
/// assert!(vocabulary.check().is_ok());
/// assert_eq!(vocabulary.id("T"), Some(5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Vocabulary {
    /// The tokens; a token's place is its id.
    pub tokens: Vec<String>,
    /// The token that begins a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<u32>,
    /// The token that ends a sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u32>,
    /// The token that fills up shorter sequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<u32>,
    /// The token that stands for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<u32>,
}

impl Vocabulary {
    /// A vocabulary without special tokens.
    pub fn new(tokens: Vec<String>) -> Self {
        Self { tokens, ..Self::default() }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokens.iter().position(|known| known == token).map(|id| id as u32)
    }

    /// Whether tokens are distinct and special tokens among them.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the token.
    pub fn check(&self) -> Result<()> {
        let mut seen = HashSet::new();
        if let Some(twice) = self.tokens.iter().find(|token| !seen.insert(token.as_str())) {
            return Err(Error::invalid(format!("the token {twice:?} is twice in the vocabulary")));
        }
        for (key, id) in [("begin", self.begin), ("end", self.end), ("pad", self.pad), ("void", self.void)] {
            if let Some(id) = id.filter(|&id| id as usize >= self.len()) {
                return Err(Error::invalid(format!("{key} = {id}, but the vocabulary has {} tokens", self.len())));
            }
        }
        Ok(())
    }
}
