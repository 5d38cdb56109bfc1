use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use mas_models::{
    FineTuning, FineTuningEvent, FineTuningSettings, FineTuningSummary, FrozenDecoder, LanguageModel,
    NetworkDescription, Origin, Provenance, SavedNetwork, Schedule, Tokenizer, Tuned,
};

use super::{Progress, Study, splits::Splits};
use crate::{Error, Result, device::Compute, networks::hash_of, seeds::derive};

/// The model that all others begin as.
pub struct Base {
    pub network: LanguageModel,
    pub description: NetworkDescription,
    pub tokenizer: Tokenizer,
    /// What tells its weights from others.
    pub identity: String,
}

impl Base {
    pub fn open(folder: &Path, compute: &Compute) -> Result<Self> {
        let (network, description) = language(folder, compute)?;
        let tokenizer = Tokenizer::load(folder)?
            .ok_or_else(|| Error::invalid(format!("{} has no tokenizer.json", folder.display())))?;
        tokenizer.check(network.config().vocabulary)?;
        let identity = match &description.provenance.weights_blake3 {
            Some(hash) => hash.clone(),
            None => hash_of(&folder.join("weights.safetensors"))?,
        };
        Ok(Self { network, description, tokenizer, identity })
    }
}

fn language(folder: &Path, compute: &Compute) -> Result<(LanguageModel, NetworkDescription)> {
    let SavedNetwork { network, description } = SavedNetwork::load(folder, &compute.device)?;
    let network = network.language().cloned();
    let network = network.ok_or_else(|| Error::invalid(format!("{} is no language model", folder.display())))?;
    Ok((network, description))
}

/// Fine-tunes what has not been, and returns the names of all fine-tunes.
pub fn fine_tune(study: &Study, base: &Base, splits: &Splits, progress: &mut Progress) -> Result<Vec<String>> {
    let settings = &study.settings;
    for (name, pieces) in &splits.learned {
        let folder = study.folder.join("models").join(name);
        let checkpoint = study.folder.join("models").join(format!("{name}.partial"));
        if folder.join("network.toml").is_file() {
            // A kill may have come between a fine-tune and the end of what it was put aside in.
            remove(&checkpoint)?;
            continue;
        }
        let tuning_settings = FineTuningSettings {
            tuned: Tuned::All,
            seed: derive(settings.seed, &["fine-tuning", name]),
            steps: settings.steps,
            batch: settings.batch,
            accumulate: settings.accumulate,
            learning_rate: settings.learning_rate,
            warm_up: settings.steps / 10,
            schedule: Schedule::Linear,
            clip: Some(1.0),
            // Of the adaptive optimizer's state and the weights, three times the model: seldom, then.
            checkpoint_every: settings.steps.div_ceil(4).max(15),
        };
        let tuning = FineTuning { pieces, settings: &tuning_settings, checkpoint: Some(&checkpoint) };
        let (begun, mut seen) = (Instant::now(), 0);
        let tuned = tuning.run(&base.network, |event| {
            if let FineTuningEvent::Step(record) = event {
                seen += record.tokens;
                let speed = seen as f64 / begun.elapsed().as_secs_f64();
                let what = format!("fine-tuning {name}, loss {:.2}, {speed:.0} tokens/s", record.loss);
                progress(&what, record.step as usize, settings.steps as usize);
            }
            ControlFlow::Continue(())
        })?;
        let description = NetworkDescription {
            fine_tuning: Some(FineTuningSummary {
                base_blake3: base.description.provenance.weights_blake3.clone(),
                text: vec![name.clone()],
                pieces: pieces.len(),
                length: settings.length,
                steps: tuned.history.len() as u64,
                loss: tuned.history.last().map_or(f64::NAN, |record| record.loss),
                settings: tuning_settings,
            }),
            provenance: Provenance { origin: Origin::Trained, ..base.description.provenance.clone() },
            ..base.description.clone()
        };
        let saved = SavedNetwork { network: tuned.network.into(), description };
        saved.save_with(&folder, &[], |folder| base.tokenizer.save(folder))?;
        remove(&checkpoint)?;
    }
    Ok(splits.learned.iter().map(|(name, _)| name.clone()).collect())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() { std::fs::remove_dir_all(folder).map_err(|error| Error::io(folder, error)) } else { Ok(()) }
}

/// All fine-tunes, frozen.
pub fn open(study: &Study, names: &[String], compute: &Compute) -> Result<Vec<FrozenDecoder<LanguageModel>>> {
    let open = |name: &String| {
        let (network, _) = language(&study.folder.join("models").join(name), compute)?;
        Ok(FrozenDecoder::new(name.clone(), network))
    };
    names.iter().map(open).collect()
}
