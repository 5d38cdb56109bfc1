//! A fine-tuning put aside, so that it can go on with the same bytes.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::{FineTuningRecord, FineTuningSettings};
use crate::language::LanguageModel;
use crate::language::loading::{bytes_of, read_parameter};
use crate::language::saving::write_noted;
use crate::language::tensor_files::TensorFiles;
use crate::parameters::ParameterSpec;
use crate::training::Moments;
use crate::{Error, Result};

/// Where a fine-tuning stands after a step.
pub(super) struct Position {
    pub values: Vec<Tensor<2>>,
    pub moments: Moments,
    pub step: u64,
    pub history: Vec<FineTuningRecord>,
}

/// What a checkpoint says beside its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    fine_tuning: String,
    step: u64,
    history: Vec<FineTuningRecord>,
}

const NOTE: &str = "position";

/// The file of one fine-tuning's checkpoint.
pub(super) struct Checkpoint {
    path: PathBuf,
    /// Which fine-tuning it is, from [`fingerprint`].
    identity: String,
    specs: Vec<ParameterSpec>,
}

impl Checkpoint {
    pub fn new(folder: &Path, identity: String, specs: Vec<ParameterSpec>) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        Ok(Self { path: folder.join("checkpoint.safetensors"), identity, specs })
    }

    /// Puts the fine-tuning aside; a kill or a full disk at any moment leaves this checkpoint or the one before.
    pub fn save(&self, position: &Position) -> Result<()> {
        let Position { values, moments, step, history } = position;
        let values = self.specs.iter().zip(values);
        let values = values.map(|(spec, value)| (spec.name.clone(), spec.stored_shape(), value.clone()));
        let note = Note { fine_tuning: self.identity.clone(), step: *step, history: history.clone() };
        let note = serde_json::to_string(&note).map_err(|error| Error::format(&self.path, error))?;
        write_noted(values.chain(moments.named(&self.specs)), (NOTE, note), &self.path)
    }

    /// The fine-tuning as it was put aside, if it was.
    pub fn load(&self, device: &Device) -> Result<Option<Position>> {
        let path = &self.path;
        // One that cannot be looked at is not taken for none.
        if !path.try_exists().map_err(|error| Error::io(path, error))? {
            return Ok(None);
        }
        let mut files = TensorFiles::open(std::slice::from_ref(path))?;
        let note = files.note(NOTE).ok_or_else(|| Error::format(path, format!("its metadata have no {NOTE:?}")))?;
        let note: Note = serde_json::from_str(note).map_err(|error| Error::format(path, error))?;
        if note.fine_tuning != self.identity {
            return Err(Error::format(
                path,
                "belongs to another fine-tuning (other settings, text or network); remove it to begin anew",
            ));
        }
        // One at a time: what it is put aside in is three times the network.
        let mut all = |specs: &[ParameterSpec]| -> Result<Vec<Tensor<2>>> {
            specs.iter().map(|spec| read_parameter(&mut files, spec, device)).collect()
        };
        let of =
            |order: &str| -> Vec<ParameterSpec> { self.specs.iter().map(|spec| spec.clone().within(order)).collect() };
        let moments = Moments::after(note.step, all(&of("first"))?, all(&of("second"))?);
        let values = all(&self.specs)?;
        let expected = 3 * self.specs.len();
        if files.names().count() != expected {
            let count = files.names().count();
            return Err(Error::format(path, format!("has {count} tensors, must have {expected}")));
        }
        Ok(Some(Position { values, moments, step: note.step, history: note.history }))
    }
}

/// A hash of everything that decides the bytes of a fine-tuning.
pub(super) fn fingerprint(
    settings: &FineTuningSettings,
    network: &LanguageModel,
    pieces: &[Vec<u32>],
) -> Result<String> {
    let failed = |error| Error::invalid(format!("the settings cannot be written: {error}"));
    let settings = FineTuningSettings { checkpoint_every: 1, ..settings.clone() };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&(settings, network.config())).map_err(failed)?);
    for parameter in network.parameters() {
        hasher.update(&bytes_of(parameter.inner()));
    }
    for piece in pieces {
        hasher.update(&piece.len().to_le_bytes());
        piece.iter().for_each(|token| {
            hasher.update(&token.to_le_bytes());
        });
    }
    Ok(hasher.finalize().to_hex().to_string())
}
