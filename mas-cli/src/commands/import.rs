use std::path::{Path, PathBuf};

use clap::Subcommand;
use mas_core::Activity;
use mas_models::{
    SavedNetwork,
    import::{ImportOptions, StateMap, import, import_mapped, logit_difference},
};
use mas_tasks::TaskKind;
use serde_json::json;

use super::Session;
use crate::{Error, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A PyTorch checkpoint (.pt, .pth, .safetensors) of the reference implementation, or, with --map, of a plain
    /// recurrent network; nothing in it is executed
    Pytorch {
        /// The checkpoint
        file: PathBuf,
        /// A file that names the parts of a plain network's state dictionary
        #[arg(long, value_name = "MAP.toml")]
        map: Option<PathBuf>,
        /// The task that it does, where the file does not say
        #[arg(long)]
        task: Option<TaskKind>,
        /// The original's logits [trial, time, vocabulary] with the `tokens` that it read, an activity file; the largest
        /// difference is printed [default: a check.npz or check.safetensors beside the checkpoint]
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
        /// The network folder to write
        #[arg(long)]
        out: PathBuf,
    },
}

pub(super) fn run(session: &Session, command: &Command) -> Result<()> {
    let Command::Pytorch { file, map, task, check, out } = command;
    let compute = session.compute()?;
    let options = ImportOptions { task: task.map(|task| task.to_string()), vocabulary: None };
    let imported = match map {
        Some(map) => import_mapped(file, &StateMap::read(map)?, &options, &compute.device)?,
        None => import(file, &options, &compute.device)?,
    };
    let difference = match check.clone().or_else(|| beside(file)) {
        Some(path) => {
            Some(logit_difference(&imported.network, &Activity::read(&path)?).map_err(|error| at(&path, error))?)
        }
        None => None,
    };
    let saved = SavedNetwork { network: imported.network, description: imported.description };
    saved.save(out, &[])?;
    if saved.description.task.is_none() {
        session.output.warn("the file does not say which task the network does; --task says it");
    }
    let document = json!({
        "network": out,
        "task": saved.description.task,
        "architecture": saved.description.architecture,
        "vocabulary": saved.description.vocabulary.tokens,
        "mapped": imported.mapped.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect::<Vec<_>>(),
        "left-over": imported.left_over,
        "largest-logit-difference": difference,
    });
    session.output.result(&document, || {
        let mut text = String::new();
        for (from, to) in &imported.mapped {
            text.push_str(&format!("{from:<32} → {to}\n"));
        }
        for name in &imported.left_over {
            text.push_str(&format!("{name:<32}   left over\n"));
        }
        if let Some(difference) = difference {
            text.push_str(&format!("largest difference from the logits of the check: {difference:.1e}\n"));
        }
        text.push_str(&format!("{}\n", out.display()));
        text
    })
}

/// The check that lies beside a checkpoint.
fn beside(checkpoint: &Path) -> Option<PathBuf> {
    ["check.npz", "check.safetensors"]
        .map(|name| checkpoint.with_file_name(name))
        .into_iter()
        .find(|path| path.is_file())
}

fn at(path: &Path, error: mas_models::Error) -> Error {
    Error::invalid(format!("{}: {error}", path.display()))
}
