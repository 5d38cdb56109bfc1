use std::{ops::ControlFlow, path::PathBuf, time::Instant};

use mas_models::{
    FineTuning, FineTuningEvent, FineTuningSettings, FineTuningSummary, NetworkDescription, Origin, Provenance,
    SavedNetwork, Schedule, Tuned, pieces,
};
use serde_json::json;

use super::{
    Session,
    generate::tokenizer_of,
    unfinished::{Held, beside, refuse_others},
};
use crate::{Error, Result, results::write_file, texts};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The language model's folder
    network: PathBuf,
    /// What is learned: .jsonl with a document a line, or any other file as one document; may be given several times
    #[arg(long = "text", value_name = "FILE", required = true)]
    texts: Vec<PathBuf>,
    /// The key of the text in objects of a .jsonl file
    #[arg(long, default_value = "text")]
    field: String,
    /// Learn only from this block on, and what comes after the last one
    #[arg(long, value_name = "LAYER", conflicts_with = "lora")]
    from_layer: Option<usize>,
    /// Learn adapters of this rank at queries and values, which are added to the weights in the end
    #[arg(long, value_name = "RANK")]
    lora: Option<usize>,
    /// The factor of the adapters
    #[arg(long, default_value_t = 2.0, requires = "lora")]
    lora_scale: f64,
    /// Steps of the optimiser
    #[arg(long, default_value_t = FineTuningSettings::default().steps)]
    steps: u64,
    /// Pieces of text whose gradient is computed at once
    #[arg(long, default_value_t = FineTuningSettings::default().batch, value_parser = super::count)]
    batch: usize,
    /// How many such gradients make a step
    #[arg(long, default_value_t = FineTuningSettings::default().accumulate, value_parser = super::count)]
    accumulate: usize,
    /// Tokens that a piece has at most
    #[arg(long, default_value_t = 64, value_parser = super::count)]
    length: usize,
    /// The learning rate after the warm-up
    #[arg(long, default_value_t = FineTuningSettings::default().learning_rate)]
    learning_rate: f64,
    /// Steps of warm-up
    #[arg(long, default_value_t = FineTuningSettings::default().warm_up)]
    warm_up: u64,
    /// What the learning rate does then: constant, linear or cosine
    #[arg(long, default_value = "linear")]
    schedule: Schedule,
    /// The norm that gradients are brought down to
    #[arg(long, default_value_t = 1.0, value_name = "NORM")]
    clip: f64,
    /// Steps from one checkpoint to the next; the same command goes on from the last one
    #[arg(long, default_value_t = FineTuningSettings::default().checkpoint_every)]
    checkpoint_every: u64,
    /// The network folder to write
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    refuse_others(&arguments.out, "network.toml", "network")?;
    let SavedNetwork { network, description } = SavedNetwork::load(&arguments.network, &compute.device)?;
    let network = network
        .language()
        .ok_or_else(|| Error::invalid(format!("{} is no language model", arguments.network.display())))?;
    let tokenizer = tokenizer_of(&arguments.network)?;
    tokenizer.check(network.config().vocabulary)?;
    let mut documents = Vec::new();
    for path in &arguments.texts {
        for document in texts::documents(path, &arguments.field)? {
            documents.push(tokenizer.encode(&document)?);
        }
    }
    let end = network.config().end_tokens.first().copied();
    let pieces = pieces(&documents, arguments.length, end)?;
    let settings = FineTuningSettings {
        tuned: match (arguments.from_layer, arguments.lora) {
            (Some(layer), _) => Tuned::From { layer },
            (None, Some(rank)) => Tuned::Lora { rank, scale: arguments.lora_scale },
            (None, None) => Tuned::All,
        },
        seed: session.seed(),
        steps: arguments.steps,
        batch: arguments.batch,
        accumulate: arguments.accumulate,
        learning_rate: arguments.learning_rate,
        warm_up: arguments.warm_up,
        schedule: arguments.schedule,
        clip: Some(arguments.clip),
        checkpoint_every: arguments.checkpoint_every,
    };

    let _held = Held::take(&arguments.out)?;
    let checkpoint = beside(&arguments.out);
    let tuning = FineTuning { pieces: &pieces, settings: &settings, checkpoint: Some(&checkpoint) };
    let bar = session.output.bar("fine-tuning", arguments.steps as usize);
    let begun = Instant::now();
    let mut seen = 0;
    let tuned = tuning.run(network, |event| {
        match event {
            FineTuningEvent::Resumed { step } => {
                session.output.warn(format!("going on after step {step}, from {}", checkpoint.display()));
            }
            FineTuningEvent::Step(record) => {
                seen += record.tokens;
                bar.set_position(record.step);
                let speed = seen as f64 / begun.elapsed().as_secs_f64();
                bar.set_message(format!("loss {:.3}, {speed:.0} tokens/s", record.loss));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    let speed = seen as f64 / begun.elapsed().as_secs_f64();
    bar.finish_and_clear();

    let (first, last) = match tuned.history[..] {
        [first, .., last] => (first.loss, last.loss),
        [only] => (only.loss, only.loss),
        [] => return Err(Error::Internal("a fine-tuning made no step".into())),
    };
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let description = NetworkDescription {
        fine_tuning: Some(FineTuningSummary {
            base_blake3: description.provenance.weights_blake3.clone(),
            text: arguments.texts.iter().map(name).collect(),
            pieces: pieces.len(),
            length: arguments.length,
            steps: tuned.history.len() as u64,
            loss: last,
            settings,
        }),
        provenance: Provenance { origin: Origin::Trained, ..description.provenance.clone() },
        ..description
    };
    let mut rows = csv::Writer::from_writer(Vec::new());
    for record in &tuned.history {
        rows.serialize(record).map_err(|error| Error::Internal(error.to_string()))?;
    }
    let rows = rows.into_inner().map_err(|error| Error::Internal(error.to_string()))?;
    SavedNetwork { network: tuned.network.into(), description }.save_with(&arguments.out, &[], |folder| {
        tokenizer.save(folder)?;
        Ok::<_, Error>(write_file(&folder.join("fine-tuning.csv"), &rows)?)
    })?;
    if checkpoint.exists() {
        std::fs::remove_dir_all(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
    }
    let document = json!({
        "network": arguments.out,
        "steps": tuned.history.len(),
        "pieces": pieces.len(),
        "first-loss": first,
        "last-loss": last,
        "tokens-per-second": speed,
    });
    session.output.result(&document, || {
        format!(
            "{}: {} steps over {} pieces of text, loss {first:.3} to {last:.3}, {speed:.0} tokens/s",
            arguments.out.display(),
            tuned.history.len(),
            pieces.len()
        )
    })
}
