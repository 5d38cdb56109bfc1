use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One validation in a training: a row of `training.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Epochs done, the last one perhaps in part.
    pub epoch: usize,
    /// Steps done.
    pub step: u64,
    /// Mean cross-entropy over the last epoch's tokens, with dropout.
    pub train_loss: f64,
    /// Mean cross-entropy over the validation trials' tokens.
    pub validation_loss: f64,
    /// Share of response tokens of the validation trials that are right.
    pub token_accuracy: f64,
    /// Share of validation trials that are fully right.
    pub trial_accuracy: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
}

/// `training.csv`. Numbers are written with as many digits as bring them back exactly.
pub(crate) fn write_log(records: &[TrainingRecord]) -> Result<Vec<u8>> {
    let failed = |error: String| Error::invalid(format!("the training's log cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(record).map_err(|error| failed(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| failed(error.to_string()))
}

/// The rows of a `training.csv`.
///
/// - `path`: of the file that `text` is from
pub(crate) fn read_log(text: &[u8], path: &Path) -> Result<Vec<TrainingRecord>> {
    csv::Reader::from_reader(text).deserialize().map(|row| row.map_err(|error| Error::format(path, error))).collect()
}
