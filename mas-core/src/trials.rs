use crate::{Error, Result};

/// Token sequences of many trials, right-padded to one length.
///
/// This is what a network is run on. Ids are the *network's* own vocabulary. `response` marks, in the same layout, the
/// tokens that the task determines (the response mask of Grant, arXiv 2501.06164): accuracy is computed there only, and
/// in free running the network's own predictions are fed back there only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trials {
    tokens: Vec<u32>,
    response: Vec<bool>,
    lengths: Vec<usize>,
    time: usize,
}

impl Trials {
    /// Pads `sequences` with `pad` to the longest one.
    ///
    /// - `sequences`: for each trial its tokens and its response mask, of equal length, at least one token.
    ///
    /// # Errors
    /// A trial without tokens, or whose mask has another length than its tokens.
    pub fn new<'a>(sequences: impl IntoIterator<Item = (&'a [u32], &'a [bool])>, pad: u32) -> Result<Self> {
        let sequences: Vec<_> = sequences.into_iter().collect();
        let time = sequences.iter().map(|(tokens, _)| tokens.len()).max().unwrap_or(0);
        let mut trials = Self {
            tokens: Vec::with_capacity(sequences.len() * time),
            response: Vec::with_capacity(sequences.len() * time),
            lengths: Vec::with_capacity(sequences.len()),
            time,
        };
        for (index, (tokens, response)) in sequences.into_iter().enumerate() {
            if tokens.is_empty() {
                return Err(Error::invalid(format!("trial {index} has no tokens")));
            }
            if tokens.len() != response.len() {
                return Err(Error::invalid(format!(
                    "trial {index} has {} tokens but a response mask of {}",
                    tokens.len(),
                    response.len()
                )));
            }
            trials.lengths.push(tokens.len());
            trials.tokens.extend_from_slice(tokens);
            trials.tokens.resize(trials.lengths.len() * time, pad);
            trials.response.extend_from_slice(response);
            trials.response.resize(trials.lengths.len() * time, false);
        }
        Ok(trials)
    }

    /// The trials of all `parts`, one after the other.
    ///
    /// # Errors
    /// None for trials that exist; see [`new`](Self::new).
    pub fn concatenate(parts: &[&Self]) -> Result<Self> {
        let all = parts.iter().flat_map(|part| (0..part.len()).map(|trial| (part.tokens(trial), part.response(trial))));
        Self::new(all, 0)
    }

    /// Number of trials.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no trial.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The padded length, of the longest trial.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Number of tokens of `trial`, padding left out.
    pub fn length(&self, trial: usize) -> usize {
        self.lengths[trial]
    }

    /// Lengths of all trials.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The tokens of `trial`, padding left out.
    pub fn tokens(&self, trial: usize) -> &[u32] {
        &self.tokens[trial * self.time..][..self.lengths[trial]]
    }

    /// The response mask of `trial`, padding left out.
    pub fn response(&self, trial: usize) -> &[bool] {
        &self.response[trial * self.time..][..self.lengths[trial]]
    }

    /// All tokens with padding, `[trial, time]` in row-major order.
    pub fn padded_tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The largest token id, padding included; `None` when there is no trial.
    pub fn largest_token(&self) -> Option<u32> {
        self.tokens.iter().copied().max()
    }

    /// The trials at `rows`, in that order (a row may be taken twice).
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected =
            Self { time: rows.iter().map(|&row| self.lengths[row]).max().unwrap_or(0), ..Self::default() };
        for &row in rows {
            let start = row * self.time;
            selected.lengths.push(self.lengths[row]);
            selected.tokens.extend_from_slice(&self.tokens[start..start + selected.time]);
            selected.response.extend_from_slice(&self.response[start..start + selected.time]);
        }
        selected
    }
}
