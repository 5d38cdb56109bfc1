//! Activity of several networks in rows that belong together: what a matched start is made from.

use std::collections::{HashMap, HashSet};

use burn::tensor::{Device, Tensor, TensorData};
use mas_core::{Participant, Trials};
use mas_tasks::{Sequence, Split, State, Task};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{answers::Answers, data::task_of};
use crate::{
    Error, Result,
    given::Given,
    seeds::derive,
    study::{AlignConfiguration, FitControl},
};

/// Sequences of each count that networks are recorded on.
const SEQUENCES_PER_COUNT: usize = 25;
/// The most rows that are taken: more say nothing new, and the products that a start is found from take their time.
const ROWS: usize = 8192;

/// For each network its activity `[row, width]`; row i of all networks belongs together.
///
/// Networks of one task (or language models on one set of prompts) are read at the same trials and positions. Between tasks
/// a row is the mean over positions at which the shared variables have the same values: all variables where the causal
/// programs are the same, otherwise those that are interchanged. Only sequences to fit with are read.
///
/// Under the shuffled control, rows are permuted, for each network in its own way.
///
/// # Errors
/// Networks without a task; [`mas_core::Error::NotMatched`] where they share no trials and no states.
pub(super) fn rows(
    configuration: &AlignConfiguration,
    networks: &[Given],
    participants: &[Participant],
    answers: Option<&Answers>,
    device: &Device,
) -> Result<Vec<Tensor<2>>> {
    let rows = match answers {
        Some(answers) => at_prompts(configuration, participants, answers)?,
        None => {
            let tasks: Vec<Task> =
                networks.iter().map(|network| task_of(network, configuration)).collect::<Result<_>>()?;
            let same = |task: &Task| (task.kind(), task.program()) == (tasks[0].kind(), tasks[0].program());
            match tasks.iter().all(same) {
                true => at_trials(configuration, networks, participants, &tasks[0])?,
                false => at_states(configuration, networks, participants, &tasks, device)?,
            }
        }
    };
    if configuration.control != FitControl::Shuffled {
        return Ok(rows);
    }
    let permuted = |(index, rows): (usize, Tensor<2>)| {
        let mut order: Vec<i32> = (0..rows.dims()[0] as i32).collect();
        let seed = derive(configuration.seed, &["shuffle", "matched", &index.to_string()]);
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let count = order.len();
        rows.select(0, Tensor::from_data(TensorData::new(order, [count]), device))
    };
    Ok(rows.into_iter().enumerate().map(permuted).collect())
}

/// All networks on the same sequences of one task.
fn at_trials(
    configuration: &AlignConfiguration,
    networks: &[Given],
    participants: &[Participant],
    task: &Task,
) -> Result<Vec<Tensor<2>>> {
    let sequences = thinned(common(configuration, networks, task)?, |sequence| {
        task.exchanged_positions(sequence, configuration.positions).len()
    });
    if sequences.is_empty() {
        return Err(not_matched("no trial to fit with was recorded of all of them"));
    }
    let at = places(&sequences, |sequence| task.exchanged_positions(sequence, configuration.positions));
    let read = |(network, participant): (&Given, &Participant)| {
        let trials = network.reader(task)?.trials(&sequences)?;
        Ok(participant.reader().read(participant.site(), &trials, &at)?)
    };
    networks.iter().zip(participants).map(read).collect()
}

/// Sequences that every network can be read on.
fn common(configuration: &AlignConfiguration, networks: &[Given], task: &Task) -> Result<Vec<Sequence>> {
    let mut recorded = networks.iter().filter(|network| network.is_recorded()).map(Given::sequences);
    let Some(first) = recorded.next() else { return Ok(drawn(configuration, task)) };
    let mut shared: Vec<Sequence> = first.iter().filter(|sequence| is_to_fit_with(task, sequence)).cloned().collect();
    for other in recorded {
        let known: HashSet<&[u32]> = other.iter().map(|sequence| &*sequence.tokens).collect();
        shared.retain(|sequence| known.contains(&*sequence.tokens));
    }
    Ok(shared)
}

fn drawn(configuration: &AlignConfiguration, task: &Task) -> Vec<Sequence> {
    let mut drawn = task.sequences_per_count(SEQUENCES_PER_COUNT, derive(configuration.seed, &["matched"]));
    drawn.retain(|sequence| is_to_fit_with(task, sequence));
    drawn
}

fn is_to_fit_with(task: &Task, sequence: &Sequence) -> bool {
    task.split_of(&sequence.tokens) != Some(Split::HeldOut)
}

/// Every so many of `sequences`, so that there are no more than [`ROWS`] rows.
fn thinned(mut sequences: Vec<Sequence>, rows: impl Fn(&Sequence) -> usize) -> Vec<Sequence> {
    let all: usize = sequences.iter().map(rows).sum();
    let every = all.div_ceil(ROWS).max(1);
    let mut index = 0;
    sequences.retain(|_| {
        index += 1;
        (index - 1) % every == 0
    });
    sequences
}

fn places(sequences: &[Sequence], positions: impl Fn(&Sequence) -> Vec<usize>) -> Vec<(usize, usize)> {
    let of = |(trial, sequence)| positions(sequence).into_iter().map(move |position| (trial, position));
    sequences.iter().enumerate().flat_map(of).collect()
}

/// Each network on its own task: means over positions whose states belong together.
fn at_states(
    configuration: &AlignConfiguration,
    networks: &[Given],
    participants: &[Participant],
    tasks: &[Task],
    device: &Device,
) -> Result<Vec<Tensor<2>>> {
    let one_program = tasks.iter().all(|task| task.program() == tasks[0].program());
    // Values are compared to six decimals.
    let value = |state: &State, variable| state.get(variable).map(|value| (value * 1e6).round() as i64);
    let key = |network: usize, state: &State| -> Option<Vec<Option<i64>>> {
        if one_program {
            return Some(tasks[network].variables().iter().map(|&variable| value(state, variable)).collect());
        }
        let written = configuration.variables.iter();
        let written = written.map(|pair| value(state, if network == 0 { pair.source } else { pair.target }).map(Some));
        written.collect()
    };
    let mut means: Vec<Means> = Vec::new();
    for (index, (network, participant)) in networks.iter().zip(participants).enumerate() {
        let task = &tasks[index];
        let sequences = match network.is_recorded() {
            true => network.sequences().iter().filter(|sequence| is_to_fit_with(task, sequence)).cloned().collect(),
            false => drawn(configuration, task),
        };
        let positions = |sequence: &Sequence| task.exchanged_positions(sequence, configuration.positions);
        let sequences = thinned(sequences, |sequence| positions(sequence).len());
        let (mut at, mut keys) = (Vec::new(), Vec::new());
        for (trial, sequence) in sequences.iter().enumerate() {
            let states = task.states(&sequence.tokens)?;
            for position in positions(sequence) {
                if let Some(key) = key(index, &states[position]) {
                    at.push((trial, position));
                    keys.push(key);
                }
            }
        }
        if at.is_empty() {
            return Err(not_matched(&format!("no state of `{}` has the variables that are shared", network.name())));
        }
        let trials = network.reader(task)?.trials(&sequences)?;
        means.push(Means::of(&participant.reader().read(participant.site(), &trials, &at)?, keys)?);
    }
    let shared: Vec<&Vec<Option<i64>>> =
        means[0].order.iter().filter(|key| means[1..].iter().all(|other| other.sums.contains_key(*key))).collect();
    if shared.is_empty() {
        return Err(not_matched("no values of the shared variables occur in all of their tasks"));
    }
    Ok(means.iter().map(|means| means.rows(&shared, device)).collect())
}

/// Sums of vectors by key.
struct Means {
    width: usize,
    /// The keys as they first came.
    order: Vec<Vec<Option<i64>>>,
    sums: HashMap<Vec<Option<i64>>, (Vec<f64>, f64)>,
}

impl Means {
    fn of(vectors: &Tensor<2>, keys: Vec<Vec<Option<i64>>>) -> Result<Self> {
        let width = vectors.dims()[1];
        let values =
            vectors.clone().try_into_vec_as::<f32>().map_err(|error| mas_core::Error::Device(error.to_string()))?;
        let (mut order, mut sums) = (Vec::new(), HashMap::new());
        for (vector, key) in values.chunks_exact(width).zip(keys) {
            let (sum, count) = sums.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                (vec![0.0; width], 0.0)
            });
            sum.iter_mut().zip(vector).for_each(|(sum, &value)| *sum += f64::from(value));
            *count += 1.0;
        }
        Ok(Self { width, order, sums })
    }

    fn rows(&self, keys: &[&Vec<Option<i64>>], device: &Device) -> Tensor<2> {
        let means: Vec<f32> = keys
            .iter()
            .filter_map(|&key| self.sums.get(key))
            .flat_map(|(sum, count)| sum.iter().map(move |sum| (sum / count) as f32))
            .collect();
        Tensor::from_data(TensorData::new(means, [keys.len(), self.width]), device)
    }
}

/// Language models at the tokens of the prompts to fit with.
fn at_prompts(
    configuration: &AlignConfiguration,
    participants: &[Participant],
    answers: &Answers,
) -> Result<Vec<Tensor<2>>> {
    let to_fit_with = configuration.training_pairs.min(answers.prompts.len());
    let longest = answers.prompts.iter().map(Vec::len).max().unwrap_or(0);
    let prompts = &answers.prompts[..to_fit_with.min(ROWS / longest.max(1)).max(1)];
    let unmasked: Vec<Vec<bool>> = prompts.iter().map(|prompt| vec![false; prompt.len()]).collect();
    let trials = Trials::new(prompts.iter().zip(&unmasked).map(|(tokens, mask)| (&tokens[..], &mask[..])), 0)?;
    let at: Vec<(usize, usize)> =
        prompts.iter().enumerate().flat_map(|(trial, prompt)| (0..prompt.len()).map(move |at| (trial, at))).collect();
    let read = |participant: &Participant| Ok(participant.reader().read(participant.site(), &trials, &at)?);
    participants.iter().map(read).collect()
}

fn not_matched(reason: &str) -> Error {
    mas_core::Error::NotMatched(reason.to_owned()).into()
}
