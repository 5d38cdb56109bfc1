//! Token ids from a file: what a network is to read when no task says it.

use std::path::Path;

use mas_core::Trials;

use crate::{Error, Result};

/// Reads integer ids `[trial, time]` from `.npy`, `.npz` (key `tokens`) or `.json` (lists), right-padded with `pad`.
///
/// # Errors
/// Another kind of file, a damaged one, other ranks or types, a negative id, or a trial without tokens.
pub fn read(path: &Path, pad: Option<u32>) -> Result<Trials> {
    let rows = match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
            serde_json::from_str::<Vec<Vec<i64>>>(&text)
                .map_err(|error| Error::invalid(format!("{}: expected lists of token ids: {error}", path.display())))?
        }
        Some("npy" | "npz") => mas_core::activity::read_tokens(path)?,
        _ => {
            return Err(Error::invalid(format!(
                "{}: token ids are read from .npy, .npz or .json files",
                path.display()
            )));
        }
    };
    let mut trials = Vec::with_capacity(rows.len());
    for (trial, row) in rows.iter().enumerate() {
        let ids: Vec<u32> = row
            .iter()
            .map(|&id| {
                u32::try_from(id)
                    .map_err(|_| Error::invalid(format!("{}: trial {trial} has the token id {id}", path.display())))
            })
            .collect::<Result<_>>()?;
        // Padding stands at the end; the same id before another token is a token.
        let length = ids.iter().rposition(|&id| Some(id) != pad).map_or(0, |last| last + 1);
        if length == 0 {
            return Err(Error::invalid(format!("{}: trial {trial} has no tokens", path.display())));
        }
        trials.push((ids[..length].to_vec(), vec![false; length]));
    }
    Ok(Trials::new(trials.iter().map(|(tokens, mask)| (tokens.as_slice(), mask.as_slice())), pad.unwrap_or(0))?)
}
