use std::{ops::ControlFlow, path::Path};

use mas_core::Trials;
use mas_models::{NetworkDescription, SavedNetwork, Trained, Training, TrainingEvent, TrainingSettings, Vocabulary};
use mas_tasks::{Sequence, Task, TaskConfig};

use crate::{Result, device::Compute, exchanges::Reader, seeds::derive, study::TrainConfiguration};

/// The folder of the trained network within a unit's results.
pub const NETWORK: &str = "network";

/// Trains a network on its task and returns it with its description; `checkpoint` is the folder in which the training is
/// put aside and from which it goes on.
///
/// # Errors
/// Settings out of range, a training that diverges, or a folder that cannot be written.
pub fn train(
    configuration: &TrainConfiguration,
    checkpoint: &Path,
    compute: &Compute,
    on_event: &mut dyn FnMut(&TrainingEvent, usize),
) -> Result<(SavedNetwork, Trained)> {
    let TrainConfiguration { task, architecture, width, layers, seed, training, .. } = configuration;
    let judged_on = TaskConfig::training(*task);
    let learned_from = judged_on.clone().with_void_probability(architecture.void_probability(*task)).build()?;
    let judged_on = judged_on.build()?;
    let task = &learned_from;
    // Networks of one seed that differ in anything have nothing else in common: neither weights nor data.
    let mut shape = vec![width.to_string(), layers.to_string()];
    shape.extend(configuration.heads.map(|heads| format!("{heads} heads")));
    shape.extend(configuration.layer_norm.then(|| "layer norm".to_owned()));
    let derived = |purpose| {
        let named = [purpose, task.kind().name(), architecture.name()];
        derive(*seed, &named.into_iter().chain(shape.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    // Both in the vocabulary that the network learns.
    let trials = |of: &Task, sequences: Vec<Sequence>| -> Result<Trials> {
        Reader::new(of, task.vocabulary())?.trials(&sequences)
    };
    let data = trials(task, task.sequences(training.samples, derived("training trials")))?;
    let held_out = judged_on.validation_sequences(training.validation_samples, derived("validation trials"));
    let validation = trials(&judged_on, held_out)?;
    let settings = TrainingSettings {
        seed: derived("training"),
        feedback: training.feedback.unwrap_or(architecture.feedback()),
        response_only: training.response_only,
        clip: training.clip,
        batch: training.batch,
        learning_rate: training.learning_rate,
        warm_up: training.warm_up as u64,
        cool_down: training.cool_down,
        max_epochs: training.max_epochs,
        max_steps: training.max_steps.map(|steps| steps as u64),
        validate_every: training.validate_every,
        ..TrainingSettings::default()
    };
    let known = task.vocabulary();
    let vocabulary = Vocabulary {
        begin: Some(known.begin()),
        end: Some(known.end()),
        pad: Some(known.pad()),
        void: known.void(),
        ..Vocabulary::new(known.tokens().to_vec())
    };
    let shape = configuration.shape(vocabulary.len())?;
    let network = shape.init(derived("weights"), &compute.device)?;
    let run = Training { training: &data, validation: &validation, settings: &settings, checkpoint: Some(checkpoint) };
    let trained = run.run(network, |event| {
        on_event(event, training.max_epochs);
        ControlFlow::Continue(())
    })?;
    let description = NetworkDescription {
        task: Some(task.kind().to_string()),
        ..NetworkDescription::initialised(shape, vocabulary, *seed)
    };
    let saved = SavedNetwork { network: trained.network.clone(), description: description.after(&trained) };
    Ok((saved, trained))
}
