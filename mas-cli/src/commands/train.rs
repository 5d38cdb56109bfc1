use std::path::PathBuf;

use mas_models::TrainingEvent;
use mas_tasks::TaskKind;
use serde_json::json;

use super::{
    Session,
    unfinished::{Held, beside, refuse_others},
};
use crate::{
    Error, Result,
    study::{Architecture, TrainConfiguration, TrainingSettings, defaults},
    work,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The task's id, see `mas tasks list`
    #[arg(long)]
    task: TaskKind,
    /// The architecture: gru, lstm, rnn or transformer
    #[arg(long, value_name = "ARCHITECTURE")]
    network: Architecture,
    /// Width of its state
    #[arg(long, default_value_t = defaults::WIDTH, value_parser = super::count)]
    width: usize,
    /// Its layers [default: 1, of a transformer 2]
    #[arg(long, value_parser = super::count)]
    layers: Option<usize>,
    /// Passes through the training trials at most
    #[arg(long, default_value_t = defaults::MAX_EPOCHS, value_parser = super::count)]
    max_epochs: usize,
    /// Steps at most
    #[arg(long, value_parser = super::count)]
    max_steps: Option<usize>,
    /// The network folder to write
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    refuse_others(&arguments.out, "network.toml", "network")?;
    let configuration = TrainConfiguration {
        task: arguments.task,
        architecture: arguments.network,
        width: arguments.width,
        layers: arguments.layers.unwrap_or(arguments.network.default_layers()),
        seed: session.seed(),
        training: TrainingSettings {
            max_epochs: arguments.max_epochs,
            max_steps: arguments.max_steps,
            learning_rate: defaults::TRAINING_LEARNING_RATE,
            warm_up: defaults::WARM_UP,
            batch: defaults::TRAINING_BATCH,
            samples: defaults::TRAINING_SAMPLES,
            validation_samples: defaults::VALIDATION_SAMPLES,
            validate_every: defaults::VALIDATE_EVERY,
        },
    };
    let _held = Held::take(&arguments.out)?;
    // Put aside beside the result, so that a killed training goes on when the command is given again.
    let checkpoint = beside(&arguments.out);
    let bar = session.output.bar("training", arguments.max_epochs);
    let (saved, trained) = work::train(&configuration, &checkpoint, &compute, &mut |event, _| {
        if let TrainingEvent::Validated(record) = event {
            bar.set_position(record.epoch as u64);
            bar.set_message(format!("{:.1} % of trials right", 100.0 * record.trial_accuracy));
        }
    })?;
    bar.finish_and_clear();
    saved.save(&arguments.out, &trained.history)?;
    if checkpoint.exists() {
        std::fs::remove_dir_all(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
    }
    if !trained.accepted {
        session.output.warn(format!(
            "the network did not reach the acceptance mark: {:.1} % of validation trials right; it is saved, and marked so",
            100.0 * trained.summary.validation_accuracy
        ));
    }
    let summary = &trained.summary;
    let document = json!({
        "network": arguments.out,
        "accepted": trained.accepted,
        "epochs": summary.epochs,
        "steps": summary.steps,
        "validation-accuracy": summary.validation_accuracy,
    });
    session.output.result(&document, || {
        format!(
            "{}: {} after {} epochs, {:.1} % of validation trials right",
            arguments.out.display(),
            if trained.accepted { "accepted" } else { "not accepted" },
            summary.epochs,
            100.0 * summary.validation_accuracy
        )
    })
}
