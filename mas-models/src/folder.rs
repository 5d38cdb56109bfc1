//! A network on disk: `network.toml`, `weights.safetensors`, `training.csv`.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::description::NetworkDescription;
use crate::training::{TrainingRecord, read_log, write_log};
use crate::{Architecture, Error, Model, Result, language, stored};

const DESCRIPTION: &str = "network.toml";
const WEIGHTS: &str = "weights.safetensors";
const LOG: &str = "training.csv";

/// A network with its description, as a folder keeps them.
///
/// ```
/// use burn::tensor::Device;
/// use mas_models::{CellKind, NetworkDescription, RecurrentConfig, SavedNetwork, Vocabulary};
///
/// let config = RecurrentConfig::new(CellKind::Gru, 8, 3);
/// let vocabulary = Vocabulary::new(["P", "B", "E"].map(String::from).to_vec());
/// let saved = SavedNetwork {
///     network: config.init(1, &Device::flex())?.into(),
///     description: NetworkDescription::initialised(&config, vocabulary, 1),
/// };
/// let folder = tempfile::tempdir().unwrap();
/// saved.save(folder.path().join("network"), &[])?;
/// let loaded = SavedNetwork::load(folder.path().join("network"), &Device::flex())?;
/// assert_eq!(loaded.network.architecture(), config.into());
/// # Ok::<(), mas_models::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SavedNetwork {
    /// The network.
    pub network: Model,
    /// Everything about it but its weights.
    pub description: NetworkDescription,
}

impl SavedNetwork {
    /// Writes the folder, all of it or nothing: it is written beside and renamed into place. A network folder
    /// that is there already is replaced.
    ///
    /// - `history`: the validations of its training, if it was trained
    ///
    /// # Errors
    /// A description that does not fit the network, weights that are not finite, a folder that exists and is
    /// no network folder, or what the operating system refuses.
    pub fn save(&self, folder: impl AsRef<Path>, history: &[TrainingRecord]) -> Result<()> {
        self.save_with(folder, history, |_| Ok(()))
    }

    /// As [`save`](Self::save), with more files: `more` writes them into the folder before it gets into its place.
    ///
    /// # Errors
    /// As for [`save`](Self::save), and what `more` says.
    pub fn save_with<E: From<Error>>(
        &self,
        folder: impl AsRef<Path>,
        history: &[TrainingRecord],
        more: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let folder = folder.as_ref();
        let mut description = self.description.clone();
        description.check()?;
        if description.architecture != self.network.architecture() {
            return Err(Error::invalid("the description is of another architecture than the network").into());
        }
        let parent = match folder.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
        let beside = tempfile::Builder::new().prefix(".network-").tempdir_in(parent);
        let beside = beside.map_err(|error| Error::io(parent, error))?;
        let inside = beside.path().join("network");
        std::fs::create_dir(&inside).map_err(|error| Error::io(&inside, error))?;
        description.provenance.weights_blake3 = Some(write_weights(&self.network, &inside.join(WEIGHTS))?);
        let description = toml::to_string(&description)
            .map_err(|error| Error::invalid(format!("the description cannot be written: {error}")))?;
        if !history.is_empty() {
            write(inside.join(LOG), &write_log(history)?)?;
        }
        write(inside.join(DESCRIPTION), description.as_bytes())?;
        more(&inside)?;
        let replaced = beside.path().join("replaced");
        if folder.exists() {
            make_room(folder, &replaced)?;
        }
        if let Err(error) = std::fs::rename(&inside, folder) {
            // What was there before goes back, or at least is not deleted.
            if replaced.exists() && std::fs::rename(&replaced, folder).is_err() {
                let kept = beside.keep().join("replaced");
                let reason = format!("cannot be put there ({error}); what was there is {} now", kept.display());
                return Err(Error::format(folder, reason).into());
            }
            return Err(Error::io(folder, error).into());
        }
        Ok(())
    }

    /// Reads what the folder says about its network, and not the network.
    ///
    /// # Errors
    /// A missing file, an unknown or missing key, with its line.
    pub fn describe(folder: impl AsRef<Path>) -> Result<NetworkDescription> {
        let path = folder.as_ref().join(DESCRIPTION);
        let text = String::from_utf8(read(&path)?).map_err(|_| Error::format(&path, "is not UTF-8 text"))?;
        let description: NetworkDescription = toml::from_str(&text).map_err(|error| Error::format(&path, error))?;
        description.check().map_err(|error| Error::format(&path, error))?;
        Ok(description)
    }

    /// Reads the folder.
    ///
    /// # Errors
    /// A missing or truncated file, an unknown or missing key (with its line), a missing or extra tensor, a
    /// tensor of another shape, a weight that is not finite, weights that are not those that were saved.
    pub fn load(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let description = Self::describe(folder)?;
        let path = folder.join(WEIGHTS);
        let (network, hash) = read_weights(&description.architecture, &path, device)?;
        if description.provenance.weights_blake3.as_ref().is_some_and(|saved| *saved != hash) {
            let reason = format!(
                "not the weights that were saved with {DESCRIPTION}; to load them all the same, remove weights-blake3 there"
            );
            return Err(Error::format(&path, reason));
        }
        Ok(Self { network, description })
    }

    /// The validations of a saved network's training; none if it was not trained here.
    ///
    /// # Errors
    /// A row that cannot be read, with its line.
    pub fn load_history(folder: impl AsRef<Path>) -> Result<Vec<TrainingRecord>> {
        let path = folder.as_ref().join(LOG);
        if !path.exists() {
            return Ok(Vec::new());
        }
        read_log(&read(&path)?, &path)
    }
}

/// Writes a network's weights, and returns their hash.
fn write_weights(network: &Model, path: &Path) -> Result<String> {
    if let Model::Language(network) = network {
        return language::save(network, path);
    }
    let tensors = stored::of_network(network)?;
    for (name, tensor) in &tensors {
        if tensor.values.iter().flatten().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite(format!("the network's weights {name} are not finite; it is not saved")));
        }
    }
    let weights = stored::to_bytes(&tensors, None)?;
    write(path.to_path_buf(), &weights)?;
    Ok(blake3::hash(&weights).to_hex().to_string())
}

/// Reads a network's weights, and returns their hash with it.
fn read_weights(architecture: &Architecture, path: &Path, device: &Device) -> Result<(Model, String)> {
    if let Architecture::Language(config) = architecture {
        let (network, hash) = language::load(config, path, device)?;
        return Ok((network.into(), hash));
    }
    let bytes = read(path)?;
    let tensors = stored::from_bytes(&bytes, path)?;
    let network = stored::into_network(tensors, architecture, path, device)?;
    Ok((network, blake3::hash(&bytes).to_hex().to_string()))
}

/// Moves what is at `folder` to `away`, if it is a network folder or empty.
fn make_room(folder: &Path, away: &Path) -> Result<()> {
    let failed = |error| Error::io(folder, error);
    let empty = folder.is_dir() && std::fs::read_dir(folder).map_err(failed)?.next().is_none();
    if !empty && !folder.join(DESCRIPTION).is_file() {
        let reason = format!("exists and is no network folder (it has no {DESCRIPTION}); choose another name");
        return Err(Error::format(folder, reason));
    }
    std::fs::rename(folder, away).map_err(failed)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::io(path, error))
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<()> {
    std::fs::write(&path, bytes).map_err(|error| Error::io(path, error))
}
