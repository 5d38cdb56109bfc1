use std::path::PathBuf;

use mas_models::{Feedback, TrainingEvent};
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
    /// Attention heads of a transformer [default: 1]
    #[arg(long, value_parser = super::count)]
    heads: Option<usize>,
    /// Layer norms in a recurrent network
    #[arg(long)]
    layer_norm: bool,
    /// The share that is dropped in training [default: a half]
    #[arg(long)]
    dropout: Option<f64>,
    /// Trials to train on
    #[arg(long, default_value_t = defaults::TRAINING_SAMPLES, value_parser = super::count)]
    samples: usize,
    /// Trials in a step
    #[arg(long, default_value_t = defaults::TRAINING_BATCH, value_parser = super::count)]
    batch: usize,
    /// The learning rate after the warm-up
    #[arg(long, default_value_t = defaults::TRAINING_LEARNING_RATE)]
    learning_rate: f64,
    /// Steps of warm-up
    #[arg(long, default_value_t = defaults::WARM_UP)]
    warm_up: usize,
    /// Of the last epochs, how many bring the rate down to zero [default: none]
    #[arg(long, value_name = "EPOCHS", value_parser = super::count)]
    cool_down: Option<usize>,
    /// What it reads in the response: teacher-forced or free-running [default: free-running, a transformer teacher-forced]
    #[arg(long)]
    feedback: Option<Feedback>,
    /// Whether the loss is over the response alone, and not over all tokens
    #[arg(long)]
    response_only: bool,
    /// The norm that gradients are brought down to [default: none]
    #[arg(long, value_name = "NORM")]
    clip: Option<f64>,
    /// Epochs from one validation to the next
    #[arg(long, default_value_t = defaults::VALIDATE_EVERY, value_parser = super::count)]
    validate_every: usize,
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
        heads: arguments.heads,
        layer_norm: arguments.layer_norm,
        dropout: arguments.dropout,
        seed: session.seed(),
        training: TrainingSettings {
            max_epochs: arguments.max_epochs,
            max_steps: arguments.max_steps,
            learning_rate: arguments.learning_rate,
            warm_up: arguments.warm_up,
            cool_down: arguments.cool_down,
            feedback: arguments.feedback,
            response_only: arguments.response_only,
            clip: arguments.clip,
            batch: arguments.batch,
            samples: arguments.samples,
            validation_samples: defaults::VALIDATION_SAMPLES,
            validate_every: arguments.validate_every,
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
    saved.save_with(&arguments.out, &trained.history, |folder| configuration.save(folder))?;
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
