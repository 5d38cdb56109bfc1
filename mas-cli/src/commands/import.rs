use std::path::{Path, PathBuf};

use clap::Subcommand;
use mas_core::Activity;
use mas_models::{
    ImportedLanguageModel, NetworkDescription, Precision, SavedNetwork,
    import::{ImportOptions, StateMap, import, import_mapped, logit_difference},
    import_gguf, import_hugging_face,
};
use mas_tasks::{TaskConfig, TaskKind, Vocabulary};
use serde_json::json;

use super::{Session, unfinished::refuse_others};
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
    /// A language model (Llama, Qwen2, GPT-2, GPT-NeoX) from a folder as Hugging Face has it
    #[command(name = "huggingface")]
    HuggingFace {
        /// The folder with config.json and the weights
        folder: PathBuf,
        /// The type in which weights are kept: f32, f16 or bf16; activity is of 32 bits always
        #[arg(long, default_value = "f32")]
        precision: Precision,
        /// The network folder to write
        #[arg(long)]
        out: PathBuf,
    },
    /// A language model (Llama, Qwen2, GPT-2, GPT-NeoX) from a GGUF file; packed weights are unpacked
    Gguf {
        /// The file
        file: PathBuf,
        /// The type in which weights are kept: f32, f16 or bf16; activity is of 32 bits always
        #[arg(long, default_value = "f32")]
        precision: Precision,
        /// The network folder to write
        #[arg(long)]
        out: PathBuf,
    },
}

pub(super) fn run(session: &Session, command: &Command) -> Result<()> {
    let (Command::Pytorch { out, .. } | Command::HuggingFace { out, .. } | Command::Gguf { out, .. }) = command;
    refuse_others(out, "network.toml", "network")?;
    match command {
        Command::Pytorch { file, map, task, check, out } => {
            pytorch(session, file, map.as_deref(), *task, check.as_deref(), out)
        }
        Command::HuggingFace { folder, precision, out } => {
            language(session, import_hugging_face(folder, *precision, &session.compute()?.device)?, out)
        }
        Command::Gguf { file, precision, out } => {
            language(session, import_gguf(file, *precision, &session.compute()?.device)?, out)
        }
    }
}

fn language(session: &Session, imported: ImportedLanguageModel, out: &Path) -> Result<()> {
    let parameters = imported.network.config().parameter_count();
    let saved = SavedNetwork { network: imported.network.into(), description: imported.description };
    saved
        .save_with(out, &[], |folder| imported.tokenizer.as_ref().map_or(Ok(()), |tokenizer| tokenizer.save(folder)))?;
    let document = json!({
        "network": out,
        "architecture": saved.description.architecture,
        "parameters": parameters,
        "left-over": imported.left_over,
        "tokenizer": imported.tokenizer.is_some(),
        "notes": imported.notes,
    });
    session.output.result(&document, || {
        let mut text = String::new();
        for name in &imported.left_over {
            text.push_str(&format!("{name:<48}   left over\n"));
        }
        for note in &imported.notes {
            text.push_str(&format!("{note}\n"));
        }
        text.push_str(&format!("{}: {}, {parameters} parameters", out.display(), saved.description.architecture));
        text
    })
}

fn pytorch(
    session: &Session,
    file: &Path,
    map: Option<&Path>,
    task: Option<TaskKind>,
    check: Option<&Path>,
    out: &Path,
) -> Result<()> {
    let compute = session.compute()?;
    let options = ImportOptions { task: task.map(|task| task.to_string()), vocabulary: None };
    let imported = match map {
        Some(map) => import_mapped(file, &StateMap::read(map)?, &options, &compute.device)?,
        None => import(file, &options, &compute.device)?,
    };
    does_the_task(&imported.description, &imported.told_by)?;
    let difference = match check.map(Path::to_path_buf).or_else(|| beside(file)) {
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
    if let Some(difference) = difference.filter(|difference| *difference > SAME_LOGITS) {
        session.output.warn(format!(
            "logits differ by {difference:.1e} from the check's: this is not the network that was saved (an nn.RNN with \
             `relu`, say, has the same tensors as one with `tanh`)"
        ));
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

/// Whether there is such a task and the network knows the task's tokens: what would otherwise come out when it is used.
///
/// - `told_by`: the file that says what the network is
fn does_the_task(network: &NetworkDescription, told_by: &Path) -> Result<()> {
    let Some(task) = &network.task else { return Ok(()) };
    let told = |key: &str, error: &dyn std::fmt::Display| {
        Error::invalid(format!("{}: its {key} cannot be that of a network for `{task}`: {error}", told_by.display()))
    };
    let kind: TaskKind = task.parse().map_err(|error| told("task", &error))?;
    let task = TaskConfig::new(kind).build()?;
    let own = Vocabulary::from_tokens(network.vocabulary.tokens.clone()).map_err(|error| told("vocabulary", &error))?;
    let ids = task.vocabulary().translation(&own).map_err(|error| told("vocabulary", &error))?;
    let (theirs, words) = (&network.vocabulary, task.vocabulary());
    for (role, given, token) in
        [("begin", theirs.begin, words.begin()), ("end", theirs.end, words.end()), ("pad", theirs.pad, words.pad())]
    {
        if given.is_some_and(|given| given != ids[token as usize]) {
            let text = words.token(token).unwrap_or_default();
            return Err(told("vocabulary", &format!("the task's {role} token is {text}")));
        }
    }
    Ok(())
}

/// What rounding in 32 bits, in another order, stays well below.
const SAME_LOGITS: f32 = 1e-3;

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
