use burn::tensor::Tensor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::LanguageModel;
use crate::decoder::{Reading, Row};
use crate::packing::indices;
use crate::{Error, Result};

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    /// The most likely one.
    Greedy,
    /// Drawn from the softmax of logits divided by `temperature`; the same seed draws the same tokens for the same
    /// prompt, in any company.
    Random {
        /// Above 0; the lower, the closer to greedy.
        temperature: f64,
        /// Of the draws.
        seed: u64,
    },
}

/// A continuation of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The tokens that follow the prompt, the one that ends it included.
    pub tokens: Vec<u32>,
    /// Whether it ended with one of the end tokens, and not because there were to be no more.
    pub ended: bool,
}

impl LanguageModel {
    /// Continues prompts, each as if it were alone.
    ///
    /// - `prompts`: of at least one token each
    /// - `most`: how many tokens are added at most
    /// - `ends`: tokens after which a continuation ends
    /// - `progress`: told after each step how many tokens have been added; generation stops when it says `false`
    ///
    /// # Errors
    /// An empty prompt, a token outside the vocabulary, more tokens than the context, or a temperature that is not above 0.
    pub fn generate(
        &self,
        prompts: &[Vec<u32>],
        most: usize,
        sampling: &Sampling,
        ends: &[u32],
        mut progress: impl FnMut(usize) -> bool,
    ) -> Result<Vec<Generated>> {
        self.check_prompts(prompts, most)?;
        if let Sampling::Random { temperature, .. } = sampling
            && !(temperature.is_finite() && *temperature > 0.0)
        {
            return Err(Error::invalid(format!("temperature = {temperature}, must be above 0")));
        }
        let mut generated = vec![Generated { tokens: Vec::new(), ended: false }; prompts.len()];
        if prompts.is_empty() || most == 0 {
            return Ok(generated);
        }
        let last_only = |prompt: &Vec<u32>| Row { heard: prompt.len() - 1, ..Row::given(prompt) };
        let mut reading = Reading::new(self, prompts.iter().map(last_only).collect(), None);
        let read = reading.given(self.config().layers + 1, None);
        // Where the vocabulary is small, logits of the whole prompts come back.
        let mut last = vec![0; prompts.len()];
        read.at.iter().enumerate().for_each(|(vector, at)| last[at.row] = vector as i32);
        let mut logits = read.streams[0].clone().select(0, indices(&last, &self.device()));
        // All rows are equally long beyond what is given, so that they are held in the order of the prompts.
        let mut draws: Vec<ChaCha8Rng> = match sampling {
            Sampling::Greedy => Vec::new(),
            Sampling::Random { seed, .. } => prompts.iter().map(|_| ChaCha8Rng::seed_from_u64(*seed)).collect(),
        };
        for step in 0..most {
            let chosen = choose(&logits, sampling, &mut draws)?;
            for (row, &token) in generated.iter_mut().zip(&chosen) {
                if !row.ended {
                    row.tokens.push(token);
                    row.ended = ends.contains(&token);
                }
            }
            if !progress(step + 1) || step + 1 == most || generated.iter().all(|row| row.ended) {
                break;
            }
            let at = prompts.iter().enumerate().map(|(row, prompt)| (row, prompt.len() + step)).collect();
            let chosen: Vec<i32> = chosen.into_iter().map(|token| token as i32).collect();
            logits = reading.advance(at, indices(&chosen, &self.device())).streams.swap_remove(0);
        }
        Ok(generated)
    }

    fn check_prompts(&self, prompts: &[Vec<u32>], most: usize) -> Result<()> {
        let (vocabulary, context) = (self.config().vocabulary, self.config().context);
        for (index, prompt) in prompts.iter().enumerate() {
            if prompt.is_empty() {
                return Err(Error::invalid(format!("prompt {index} has no tokens")));
            }
            if let Some(token) = prompt.iter().find(|&&token| token as usize >= vocabulary) {
                return Err(Error::invalid(format!(
                    "prompt {index} has token {token}, but the network's vocabulary has {vocabulary} tokens; is its \
                     tokenizer another network's?"
                )));
            }
            if prompt.len().saturating_add(most) > context {
                return Err(Error::invalid(format!(
                    "prompt {index} has {} tokens and {most} are to follow, but the network reads at most {context}",
                    prompt.len()
                )));
            }
        }
        Ok(())
    }
}

/// The next token of each row.
///
/// - `logits`: `[row, vocabulary]`
fn choose(logits: &Tensor<2>, sampling: &Sampling, draws: &mut [ChaCha8Rng]) -> Result<Vec<u32>> {
    let Sampling::Random { temperature, .. } = sampling else {
        let ids = logits.clone().inner().argmax(1).into_data();
        return Ok(ids.iter::<i64>().map(|id| id as u32).collect());
    };
    let vocabulary = logits.dims()[1];
    let read = |error| Error::invalid(format!("logits cannot be read back: {error}"));
    let logits = logits.clone().inner().try_into_vec_as::<f32>().map_err(read)?;
    let draw = |(logits, rng): (&[f32], &mut ChaCha8Rng)| {
        let largest = logits.iter().copied().fold(f32::MIN, f32::max);
        let weight = |logit: f32| (f64::from(logit - largest) / temperature).exp();
        let total: f64 = logits.iter().map(|&logit| weight(logit)).sum();
        let mut left = rng.random::<f64>() * total;
        let drawn = logits.iter().position(|&logit| {
            left -= weight(logit);
            left < 0.0
        });
        drawn.unwrap_or(vocabulary - 1) as u32
    };
    Ok(logits.chunks(vocabulary).zip(draws).map(draw).collect())
}
