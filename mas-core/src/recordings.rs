use std::collections::HashMap;

use burn::prelude::*;

use crate::{Activity, Error, Recorded, Result, Site, Trials};

/// A network of which there is nothing but a recording: activity at one site, and what was read there.
///
/// A fit can draw on it as on any network that is only [recorded](crate::Participant::recorded), as far as the trials
/// that were recorded go: those are looked up by their tokens. Of a trial that was recorded twice, the first recording
/// counts.
#[derive(Debug)]
pub struct Recordings {
    name: String,
    site: Site,
    trials: Vec<Vec<u32>>,
    /// For the tokens of every trial, where its vectors begin.
    first: HashMap<Vec<u32>, usize>,
    /// All vectors, `[vector, width]`, trial by trial.
    vectors: Tensor<2>,
}

impl Recordings {
    /// The recording `activity` of the network called `name` at the site called `site`, on `device`.
    ///
    /// # Errors
    /// Activity whose tokens are not known, or are negative.
    pub fn new(name: impl Into<String>, site: impl Into<String>, activity: &Activity, device: &Device) -> Result<Self> {
        let name = name.into();
        let Some(tokens) = activity.tokens() else {
            return Err(Error::invalid(format!(
                "the recording `{name}` does not say what was read: it needs `tokens` [trial, time]"
            )));
        };
        let (time, width) = (activity.time(), activity.width());
        let mut trials = Vec::new();
        let mut first = HashMap::new();
        let mut vectors = Vec::new();
        for (trial, &length) in activity.lengths().iter().enumerate() {
            let tokens: Vec<u32> = tokens[trial * time..][..length]
                .iter()
                .map(|&token| {
                    u32::try_from(token).map_err(|_| {
                        Error::invalid(format!(
                            "the recording `{name}` has token {token} in trial {trial}; ids start at 0"
                        ))
                    })
                })
                .collect::<Result<_>>()?;
            if !first.contains_key(&tokens) {
                first.insert(tokens.clone(), vectors.len() / width);
                vectors.extend_from_slice(activity.trial(trial));
                trials.push(tokens);
            }
        }
        let rows = vectors.len() / width;
        let vectors = Tensor::from_data(TensorData::new(vectors, [rows, width]), device);
        Ok(Self { name, site: Site::new(site, width), trials, first, vectors })
    }

    /// The tokens of every trial that it holds, each once, in the order of the recording.
    pub fn trials(&self) -> &[Vec<u32>] {
        &self.trials
    }
}

impl Recorded for Recordings {
    fn name(&self) -> &str {
        &self.name
    }

    fn sites(&self) -> Vec<Site> {
        vec![self.site.clone()]
    }

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> Result<Tensor<2>> {
        if *site != self.site {
            return Err(Error::invalid(format!(
                "the recording `{}` is of `{}` (width {}), not of `{}` (width {})",
                self.name, self.site.name, self.site.width, site.name, site.width
            )));
        }
        let row = |&(trial, position): &(usize, usize)| {
            if trial >= trials.len() || position >= trials.length(trial) {
                return Err(Error::invalid(format!("there is no position {position} in trial {trial}")));
            }
            let tokens = trials.tokens(trial);
            match self.first.get(tokens) {
                Some(first) => Ok((first + position) as i32),
                None => Err(Error::invalid(format!(
                    "the recording `{}` holds no trial with the tokens {tokens:?} (trial {trial} of those asked for)",
                    self.name
                ))),
            }
        };
        let rows: Vec<i32> = at.iter().map(row).collect::<Result<_>>()?;
        let n = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [n]), &self.vectors.device());
        Ok(self.vectors.clone().select(0, rows))
    }
}
