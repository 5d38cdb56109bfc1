//! Tokens and their ids.

use std::collections::HashMap;

use crate::symbol::{MAX_VALUE, Symbol};
use crate::{Error, Result, TaskKind};

/// The tokens of a task or of a network, in order of their ids, with the tokens that play a part in the tasks.
///
/// ```
/// use mas_tasks::{TaskKind, Vocabulary};
///
/// let vocabulary = Vocabulary::of_task(TaskKind::MultiObject, false);
/// assert_eq!(vocabulary.tokens(), ["P", "B", "E", "D0", "D1", "D2", "R", "T"]);
/// assert_eq!(vocabulary.trigger(), Some(7));
///
/// // A network that orders its tokens otherwise:
/// let own = ["T", "R", "D2", "D1", "D0", "E", "B", "P"].map(String::from);
/// let network = Vocabulary::from_tokens(own.to_vec())?;
/// assert_eq!(vocabulary.translation(&network)?, [7, 6, 5, 4, 3, 2, 1, 0]);
/// # Ok::<(), mas_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    pad: u32,
    begin: u32,
    end: u32,
    demonstrations: Vec<u32>,
    responses: Vec<u32>,
}

impl Vocabulary {
    /// The vocabulary of a task. The void token `U` comes last, and only if `voids`.
    pub fn of_task(kind: TaskKind, voids: bool) -> Self {
        let mut tokens: Vec<String> = ["P", "B", "E"].map(String::from).to_vec();
        let rest: &[&str] = match kind {
            TaskKind::MultiObject | TaskKind::Modulo | TaskKind::Rounding | TaskKind::Square => {
                &["D0", "D1", "D2", "R", "T"]
            }
            TaskKind::SingleObject => &["D", "R", "T"],
            TaskKind::SameObject => &["D", "T"],
            TaskKind::Arithmetic => &["+", ",", "-", "="],
        };
        tokens.extend(rest.iter().map(ToString::to_string));
        if kind == TaskKind::Arithmetic {
            tokens.extend((0..=MAX_VALUE).map(|value| value.to_string()));
        }
        // Lists above are sorted as text already; only the numbers have to find their places ("10" before "2").
        tokens[3..].sort();
        if voids {
            tokens.push("U".to_owned());
        }
        Self::index(tokens).unwrap_or_else(|_| unreachable!("the tasks' tokens are distinct and have P, B and E"))
    }

    /// A vocabulary with tokens in the order given; tokens that no task knows are allowed.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateToken`] if a token occurs twice; [`Error::MissingToken`] if `P`, `B` or `E` is not there.
    pub fn from_tokens(tokens: Vec<String>) -> Result<Self> {
        Self::index(tokens)
    }

    fn index(tokens: Vec<String>) -> Result<Self> {
        let mut ids = HashMap::with_capacity(tokens.len());
        let (mut demonstrations, mut responses) = (Vec::new(), Vec::new());
        let has_response = tokens.iter().any(|token| token == "R");
        for (id, token) in (0u32..).zip(&tokens) {
            if let Some(first) = ids.insert(token.clone(), id) {
                return Err(Error::DuplicateToken { token: token.clone(), first, second: id });
            }
            match Symbol::of(token) {
                Some(Symbol::Demonstration) => {
                    demonstrations.push(id);
                    // Same-Object: the demonstration is the response.
                    if token == "D" && !has_response {
                        responses.push(id);
                    }
                }
                Some(Symbol::Response | Symbol::Number(_) | Symbol::Equals | Symbol::Comma) => responses.push(id),
                _ => {}
            }
        }
        let special = |token: &str| {
            ids.get(token)
                .copied()
                .ok_or_else(|| Error::MissingToken { token: token.to_owned(), known: tokens.join(" ") })
        };
        let (pad, begin, end) = (special("P")?, special("B")?, special("E")?);
        Ok(Self { tokens, ids, pad, begin, end, demonstrations, responses })
    }

    /// The tokens, in order of their ids.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are no tokens: never, as `P`, `B` and `E` are always there.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The id of a token, `None` if it is not in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The token with an id, `None` beyond the vocabulary.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    /// The padding token `P`.
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The first token of a sequence, `B`.
    pub fn begin(&self) -> u32 {
        self.begin
    }

    /// The last token of a sequence, `E`.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The trigger `T`; arithmetic has none.
    pub fn trigger(&self) -> Option<u32> {
        self.id("T")
    }

    /// The void token `U`, where there is one.
    pub fn void(&self) -> Option<u32> {
        self.id("U")
    }

    /// The demonstration tokens, in order of their ids; none in arithmetic.
    pub fn demonstrations(&self) -> &[u32] {
        &self.demonstrations
    }

    /// The tokens, apart from `E`, that a task may determine: `R`; `D` in Same-Object; the numbers, `=` and `,` in
    /// arithmetic. In order of their ids.
    pub fn responses(&self) -> &[u32] {
        &self.responses
    }

    /// The ids of a text of tokens separated by spaces.
    ///
    /// # Errors
    ///
    /// [`Error::MissingToken`] for a token that is not in the vocabulary.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        text.split_whitespace().map(|token| self.id(token).ok_or_else(|| self.missing(token))).collect()
    }

    /// The tokens with these ids, separated by spaces.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`] for an id beyond the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let mut text = String::with_capacity(3 * ids.len());
        for (position, &id) in ids.iter().enumerate() {
            let token = self.token(id).ok_or(Error::UnknownId { position, id, size: self.len() })?;
            if position > 0 {
                text.push(' ');
            }
            text.push_str(token);
        }
        Ok(text)
    }

    /// For each id of this vocabulary, the id of the same token in `other`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingToken`] if `other` lacks a token of this vocabulary.
    pub fn translation(&self, other: &Self) -> Result<Vec<u32>> {
        self.tokens.iter().map(|token| other.id(token).ok_or_else(|| other.missing(token))).collect()
    }

    fn missing(&self, token: &str) -> Error {
        Error::MissingToken { token: token.to_owned(), known: self.tokens.join(" ") }
    }
}

/// As the list of its tokens.
impl serde::Serialize for Vocabulary {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tokens.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Vocabulary {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_tokens(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
