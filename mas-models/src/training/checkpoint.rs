//! A training put aside after a validation, so that it can go on with the same bytes.

use std::io::Write;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mas_core::{Trials, storage::write_whole};
use serde::{Deserialize, Serialize};

use super::adam::Moments;
use super::{TrainingRecord, TrainingSettings, read_log, write_log};
use crate::parameters::ParameterSpec;
use crate::stored::{self, StoredTensors};
use crate::{Architecture, Error, Model, Result};

/// Where a training stands after an epoch's validation.
pub(super) struct Position {
    pub network: Model,
    pub moments: Moments,
    pub epoch: usize,
    pub step: u64,
    /// Validations running that met the mark.
    pub met: usize,
    pub history: Vec<TrainingRecord>,
}

/// What a checkpoint says beside its tensors. The history is CSV, which keeps every digit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    training: String,
    epoch: usize,
    step: u64,
    met: usize,
    history: String,
}

/// The key of the note in the file's metadata.
const NOTE: &str = "position";

/// The file of one training's checkpoint.
pub(super) struct Checkpoint {
    path: PathBuf,
    /// Which training it is.
    training: String,
}

impl Checkpoint {
    /// - `training`: from [`fingerprint`]
    pub fn new(folder: &Path, training: String) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        Ok(Self { path: folder.join("checkpoint.safetensors"), training })
    }

    /// Puts the training aside; a kill at any moment leaves this checkpoint or the one before.
    pub fn save(&self, position: &Position) -> Result<()> {
        let Position { network, moments, epoch, step, met, history } = position;
        let specs = network.architecture().parameters();
        let mut tensors = stored::of_network(network)?;
        moments.store(&specs, &mut tensors)?;
        let history = String::from_utf8_lossy(&write_log(history)?).into_owned();
        let note = Note { training: self.training.clone(), epoch: *epoch, step: *step, met: *met, history };
        let note = serde_json::to_string(&note).map_err(|error| Error::format(&self.path, error))?;
        let bytes = stored::to_bytes(&tensors, Some((NOTE, note)))?;
        write_whole(&self.path, |file| file.write_all(&bytes)).map_err(|error| Error::io(&self.path, error))
    }

    /// The training as it was put aside, if it was.
    pub fn load(&self, architecture: &Architecture, device: &Device) -> Result<Option<Position>> {
        let path = &self.path;
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(path, error)),
        };
        let mut tensors = stored::from_bytes(&bytes, path)?;
        let note = stored::note(&bytes, NOTE, path)?;
        let note: Note = serde_json::from_str(&note).map_err(|error| Error::format(path, error))?;
        if note.training != self.training {
            return Err(Error::format(
                path,
                "belongs to another training (other settings, trials or initial weights); remove it to begin anew",
            ));
        }
        let specs: Vec<ParameterSpec> = architecture.parameters();
        let moments = Moments::restore(&specs, note.step, &mut tensors, path, device)?;
        let network = stored::into_network(tensors, architecture, path, device)?;
        let history = read_log(note.history.as_bytes(), path)?;
        Ok(Some(Position { network, moments, epoch: note.epoch, step: note.step, met: note.met, history }))
    }
}

/// A hash of everything that decides the bytes of a training, but not of how long it may last, unless the rate cools down
/// towards that end.
pub(super) fn fingerprint(
    settings: &TrainingSettings,
    network: &StoredTensors,
    architecture: &Architecture,
    trials: [&Trials; 2],
) -> Result<String> {
    let lasting = match settings.cool_down {
        None => TrainingSettings { max_epochs: 0, max_steps: None, ..settings.clone() },
        Some(_) => settings.clone(),
    };
    let failed = |error| Error::invalid(format!("the settings cannot be written: {error}"));
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&(lasting, architecture)).map_err(failed)?);
    hasher.update(&stored::to_bytes(network, None)?);
    for trials in trials {
        for trial in 0..trials.len() {
            hasher.update(&trials.length(trial).to_le_bytes());
            trials.tokens(trial).iter().for_each(|token| {
                hasher.update(&token.to_le_bytes());
            });
            trials.response(trial).iter().for_each(|&set| {
                hasher.update(&[u8::from(set)]);
            });
        }
        hasher.update(&[0xff; 8]);
    }
    Ok(hasher.finalize().to_hex().to_string())
}
