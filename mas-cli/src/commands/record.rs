use std::path::PathBuf;

use mas_core::{Outline, Recorded, Site, Trials};
use mas_tasks::TaskKind;
use serde_json::json;

use super::Session;
use crate::{Error, Result, networks::Loaded, seeds::derive};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The network folder
    network: PathBuf,
    /// Where to read: embedding, hidden, hidden.LAYER, layer.BLOCK
    #[arg(long)]
    site: String,
    /// Record on sequences of this task, with their variables
    #[arg(long, conflicts_with = "tokens", required_unless_present = "tokens")]
    task: Option<TaskKind>,
    /// How many sequences of the task
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = super::count)]
    trials: usize,
    /// Record on these integer ids [trial, time]: .npy, .npz (key `tokens`) or .json lists
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// The file to write: .safetensors, .npz or .npy
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let loaded = session.open(&arguments.network, None, &compute)?;
    let site = loaded.network.site(&arguments.site)?;
    let (trials, variables) = match (&arguments.task, &arguments.tokens) {
        (Some(kind), _) => of_task(session, &loaded, *kind, arguments.trials)?,
        (None, Some(path)) => {
            let pad = loaded.description.vocabulary.pad;
            (crate::tokens::read(path, pad)?, Vec::new())
        }
        (None, None) => return Err(Error::invalid("what should the network read? give --task or --tokens")),
    };
    if trials.is_empty() {
        return Err(Error::invalid("there is nothing to record: no trials"));
    }
    let (time, width) = (trials.time(), site.width);
    let tokens = trials.padded_tokens().iter().map(|&token| i64::from(token)).collect();
    let mut outline = Outline::new([trials.len(), time, width], trials.lengths().to_vec())?.with_tokens(tokens)?;
    let names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
    for (name, values) in variables {
        outline = outline.with_variable(name, values)?;
    }
    outline.write(&arguments.out, in_parts(&*loaded.network, &site, &trials, AT_ONCE))?;
    let document = json!({
        "out": arguments.out,
        "network": loaded.name(),
        "site": site.name,
        "trials": trials.len(),
        "time": time,
        "width": width,
        "variables": names,
    });
    session.output.result(&document, || {
        format!("{}: {} trials × {time} positions × {width}", arguments.out.display(), trials.len())
    })
}

/// Numbers that are read at once, which bounds memory: what was read is on disk before more is.
const AT_ONCE: usize = 1 << 24;

/// The activity of each trial in order, `[length, width]`, read in parts of about so many numbers.
fn in_parts<'a>(
    network: &'a dyn Recorded,
    site: &'a Site,
    trials: &'a Trials,
    numbers: usize,
) -> impl Iterator<Item = mas_core::Result<Vec<f32>>> + 'a {
    let each = (numbers / (trials.time() * site.width).max(1)).max(1);
    (0..trials.len()).step_by(each).flat_map(move |first| {
        let rows: Vec<usize> = (first..trials.len().min(first + each)).collect();
        match of_trials(network, site, &trials.select(&rows)) {
            Ok(trials) => trials.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        }
    })
}

fn of_trials(network: &dyn Recorded, site: &Site, trials: &Trials) -> mas_core::Result<Vec<Vec<f32>>> {
    let at: Vec<(usize, usize)> =
        (0..trials.len()).flat_map(|trial| (0..trials.length(trial)).map(move |position| (trial, position))).collect();
    let vectors = network.read(site, trials, &at)?;
    let values = vectors.try_into_vec_as::<f32>().map_err(|error| mas_core::Error::Device(error.to_string()))?;
    let mut left = &values[..];
    let mut next = |&length: &usize| -> Vec<f32> {
        let (of_trial, rest) = left.split_at(length * site.width);
        left = rest;
        of_trial.to_vec()
    };
    Ok(trials.lengths().iter().map(&mut next).collect())
}

type Variables = Vec<(String, Vec<f32>)>;

/// Sequences of a task as the network reads them, and the task's variables after every token, NaN where undefined.
fn of_task(session: &Session, loaded: &Loaded, kind: TaskKind, count: usize) -> Result<(Trials, Variables)> {
    let task = mas_tasks::TaskConfig::new(kind).build()?;
    let sequences = task.sequences(count, derive(session.seed(), &["recording"]));
    let trials = loaded.reader(&task)?.trials(&sequences)?;
    let mut variables: Variables = task
        .variables()
        .iter()
        .map(|variable| (variable.to_string(), vec![f32::NAN; trials.len() * trials.time()]))
        .collect();
    for (trial, sequence) in sequences.iter().enumerate() {
        for (position, state) in task.states(&sequence.tokens)?.into_iter().enumerate() {
            for (variable, (_, values)) in task.variables().iter().zip(&mut variables) {
                values[trial * trials.time() + position] = state.get(*variable).map_or(f32::NAN, |value| value as f32);
            }
        }
    }
    Ok((trials, variables))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use mas_models::{CellKind, Frozen, RecurrentConfig};

    use super::*;

    #[test]
    fn parts_make_the_same_whole() {
        let network = RecurrentConfig::new(CellKind::Gru, 6, 9).init(1, &Device::flex()).unwrap();
        let network = Frozen::new("gru", network);
        let rows: [&[u32]; 4] = [&[1, 2, 3, 4, 5], &[1, 8], &[7], &[2, 2, 6]];
        let silent = [false; 5];
        let trials = Trials::new(rows.iter().map(|row| (*row, &silent[..row.len()])), 0).unwrap();
        let site = network.site("hidden").unwrap();
        let read = |numbers: usize| -> Vec<Vec<f32>> {
            in_parts(&network, &site, &trials, numbers).collect::<mas_core::Result<_>>().unwrap()
        };
        let whole = read(1 << 20);
        assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [5, 2, 1, 3].map(|length| 6 * length));
        // One trial, and two, at a time: 5 positions of 6 units each.
        for numbers in [1, 60] {
            for (part, trial) in read(numbers).iter().flatten().zip(whole.iter().flatten()) {
                assert!((part - trial).abs() < 1e-6);
            }
        }
    }
}
