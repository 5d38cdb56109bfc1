use std::{path::PathBuf, time::Instant};

use mas_models::{Generated, Sampling, SavedNetwork, Tokenizer};
use serde_json::json;

use super::Session;
use crate::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model's folder
    network: PathBuf,
    /// What is continued; may be given several times
    #[arg(long = "prompt", value_name = "TEXT", required = true)]
    prompts: Vec<String>,
    /// Tokens to add at most
    #[arg(long, default_value_t = 32, value_parser = super::count)]
    max_tokens: usize,
    /// Draw tokens, the likelier the lower this is, with --seed [default: always the most likely one]
    #[arg(long)]
    temperature: Option<f64>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let SavedNetwork { network, .. } = SavedNetwork::load(&arguments.network, &compute.device)?;
    let network = network
        .language()
        .ok_or_else(|| Error::invalid(format!("{} is no language model", arguments.network.display())))?;
    let tokenizer = tokenizer_of(&arguments.network)?;
    tokenizer.check(network.config().vocabulary)?;
    let prompts: Vec<Vec<u32>> =
        arguments.prompts.iter().map(|prompt| tokenizer.encode(prompt)).collect::<mas_models::Result<_>>()?;
    let sampling = match arguments.temperature {
        None => Sampling::Greedy,
        Some(temperature) => Sampling::Random { temperature, seed: session.seed() },
    };
    let bar = session.output.bar("tokens", arguments.max_tokens);
    let begun = Instant::now();
    let ends = &network.config().end_tokens;
    let continued = network.generate(&prompts, arguments.max_tokens, &sampling, ends, |added| {
        bar.set_position(added as u64);
        true
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let text = |(prompt, continued): (&Vec<u32>, &Generated)| after(&tokenizer, prompt, &continued.tokens);
    let texts: Vec<String> = prompts.iter().zip(&continued).map(text).collect::<mas_models::Result<_>>()?;
    let added: usize = continued.iter().map(|continued| continued.tokens.len()).sum();
    let document = json!({
        "continuations": arguments.prompts.iter().zip(&texts).zip(&continued).map(|((prompt, text), continued)| json!({
            "prompt": prompt,
            "continuation": text,
            "tokens": continued.tokens,
            "ended": continued.ended,
        })).collect::<Vec<_>>(),
        "tokens-per-second": added as f64 / seconds,
    });
    session.output.result(&document, || {
        let lines = arguments.prompts.iter().zip(&texts).map(|(prompt, text)| format!("{prompt}{text}\n"));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// The text of tokens that follow others: some tokenizers leave out a space where a text begins.
fn after(tokenizer: &Tokenizer, before: &[u32], tokens: &[u32]) -> mas_models::Result<String> {
    let (whole, before) = (tokenizer.decode(&[before, tokens].concat())?, tokenizer.decode(before)?);
    match whole.strip_prefix(&before) {
        Some(text) => Ok(text.to_owned()),
        None => tokenizer.decode(tokens),
    }
}

/// The tokenizer in a network's folder.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) fn tokenizer_of(folder: &std::path::Path) -> Result<Tokenizer> {
    Tokenizer::load(folder)?
        .ok_or_else(|| Error::invalid(format!("{} has no tokenizer.json; put the network's there", folder.display())))
}
