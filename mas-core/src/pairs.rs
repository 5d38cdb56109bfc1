use crate::{Error, Latents, Result, Trials};

/// Interchanges of one direction, as plain data: what the source reads, what the target reads, where activity is
/// sent from and to, and what the target should then say.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// What each source reads, in the source network's vocabulary.
    pub source: Trials,
    /// The position whose activity (after reading the token there) is sent.
    pub source_positions: Vec<usize>,
    /// What each target reads and says without an interchange, in the target network's vocabulary.
    pub target: Trials,
    /// The position whose activity (after reading the token there) is overwritten. In stepwise interchanges it
    /// equals that of the source.
    pub target_positions: Vec<usize>,
    /// What the target should say after the interchange: its own tokens up to the position, then the
    /// counterfactual continuation.
    pub counterfactual: Trials,
    /// Whether the counterfactual response differs from what the target would have said.
    pub changed: Vec<bool>,
    /// Whether the source's or the target's count (of demonstrations) is one that no network was trained on.
    pub untrained_count: Vec<bool>,
    /// Natural activity of the target with the counterfactual values, for the counterfactual-latent loss.
    pub natural: Option<Latents>,
}

impl Pairs {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.source.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pairs at `rows`, in that order, without their natural activity.
    pub fn select(&self, rows: &[usize]) -> Self {
        let at = |positions: &[usize]| rows.iter().map(|&row| positions[row]).collect();
        let flags = |flags: &[bool]| rows.iter().map(|&row| flags[row]).collect();
        Self {
            source: self.source.select(rows),
            source_positions: at(&self.source_positions),
            target: self.target.select(rows),
            target_positions: at(&self.target_positions),
            counterfactual: self.counterfactual.select(rows),
            changed: flags(&self.changed),
            untrained_count: flags(&self.untrained_count),
            natural: None,
        }
    }

    /// Pairs for the null variable (Grant, arXiv 2501.06164): within one network the
    /// [extraneous](crate::Subspaces::EXTRANEOUS) block is swapped, and the target should go on as it would have, since
    /// what is left over must not matter. To a fit it is one more variable.
    ///
    /// Each counterfactual is the target's own sequence. Pairs whose target has no response after its position are left
    /// out.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn null(&self) -> Result<Self> {
        self.check()?;
        let goes_on = |&pair: &usize| {
            let responses = self.target.response(pair).get(self.target_positions[pair] + 1..);
            responses.is_some_and(|responses| responses.contains(&true))
        };
        let rows: Vec<usize> = (0..self.len()).filter(goes_on).collect();
        let chosen = self.select(&rows);
        Ok(Self { counterfactual: chosen.target.clone(), changed: vec![false; rows.len()], ..chosen })
    }

    /// Checks that all parts speak of the same number of pairs and every position exists and has a response after it.
    ///
    /// # Errors
    /// Says which pair does not hold.
    pub fn check(&self) -> Result<()> {
        let n = self.len();
        let lengths = [
            ("source positions", self.source_positions.len()),
            ("targets", self.target.len()),
            ("target positions", self.target_positions.len()),
            ("counterfactuals", self.counterfactual.len()),
            ("`changed` flags", self.changed.len()),
            ("`untrained_count` flags", self.untrained_count.len()),
        ];
        if let Some((what, length)) = lengths.into_iter().find(|&(_, length)| length != n) {
            return Err(Error::invalid(format!("{n} sources but {length} {what}")));
        }
        for pair in 0..n {
            let (from, to) = (self.source_positions[pair], self.target_positions[pair]);
            if from >= self.source.length(pair) {
                return Err(Error::invalid(format!("pair {pair}: the source has no position {from}")));
            }
            if to + 1 >= self.counterfactual.length(pair) {
                return Err(Error::invalid(format!(
                    "pair {pair}: nothing follows position {to} of the counterfactual"
                )));
            }
            // A stepwise target that has ended before is continued, so that its own tokens say nothing about it.
            let reaches = to + 1 < self.target.length(pair);
            if reaches && self.target.tokens(pair)[..=to] != self.counterfactual.tokens(pair)[..=to] {
                return Err(Error::invalid(format!(
                    "pair {pair}: the counterfactual does not begin with the target's tokens up to position {to}"
                )));
            }
            if !self.counterfactual.response(pair)[to + 1..].contains(&true) {
                return Err(Error::invalid(format!("pair {pair}: no response token follows position {to}")));
            }
        }
        Ok(())
    }
}
