use std::collections::BTreeMap;

use mas_core::Trials;
use mas_metrics::{Samples, linear_decodability, period_share};
use mas_tasks::{Positions, Task, Variable};

use crate::{Error, Result, networks::Loaded, results::EncodingRow, seeds::derive, study::EncodingConfiguration};

/// Tells in what form a network holds a variable: for each period the share of the variance between values that repeats with
/// it, and whether a linear read-out tells the value's remainder by it.
///
/// The network reads sequences of its task, and its activity is taken where an interchange could be made and the variable has
/// one of the values `from` to `to`; where the program has a phase, in the demonstration alone, in which a count is built up
/// and not yet answered. The read-out is tested on values that it was not fitted to, `period` of them in a row at a time.
///
/// # Errors
/// A network without a task or without that variable, or one that does not take all of these values.
pub fn encoding(configuration: &EncodingConfiguration, network: &Loaded) -> Result<Vec<EncodingRow>> {
    let task = network.task()?;
    let EncodingConfiguration { from, to, .. } = *configuration;
    let (samples, values) = activity(configuration, network, &task)?;
    let taken: BTreeMap<i64, Vec<usize>> =
        values.iter().enumerate().fold(BTreeMap::new(), |mut taken, (row, value)| {
            taken.entry(*value).or_insert_with(Vec::new).push(row);
            taken
        });
    if let Some(missing) = (from..=to).find(|value| !taken.contains_key(value)) {
        return Err(Error::invalid(format!(
            "`{}` never has {} = {missing}, of the values {from} to {to}; choose `values` that its task takes",
            network.name(),
            configuration.variable
        )));
    }
    let means: Vec<Samples> = taken.values().map(|rows| mean(&samples, rows)).collect::<Result<_>>()?;
    let width = samples.width();
    let means: Vec<f64> =
        means.iter().flat_map(|mean| (0..width).map(|unit| mean.as_mat()[(0, unit)]).collect::<Vec<_>>()).collect();
    let means = Samples::from_row_major(&means, width)?;
    let count = (to - from + 1) as usize;
    let row = |&period: &usize| -> Result<EncodingRow> {
        let classes: Vec<usize> = values.iter().map(|value| value.rem_euclid(period as i64) as usize).collect();
        let folds: Vec<usize> = values.iter().map(|value| (value - from) as usize / period).collect();
        let of_class = |class: usize| classes.iter().filter(|&&one| one == class).count();
        let largest = (0..period).map(of_class).max().unwrap_or(0);
        let line: Vec<f64> = (0..count).map(|place| place as f64).collect();
        Ok(EncodingRow {
            study: String::new(),
            encoding: String::new(),
            network: network.name().to_owned(),
            task: task.kind().to_string(),
            site: configuration.site.clone(),
            variable: configuration.variable.to_string(),
            period: period as u64,
            seed: configuration.seed,
            variance_share: period_share(&means, period)?,
            variance_share_of_a_line: period_share(&Samples::from_row_major(&line, 1)?, period)?,
            decodability: linear_decodability(&samples, &classes, &folds)?,
            chance: largest as f64 / classes.len() as f64,
            samples: samples.rows() as u64,
        })
    };
    configuration.periods.iter().map(row).collect()
}

/// The network's activity, `[sample, unit]`, and the variable's value at each.
fn activity(configuration: &EncodingConfiguration, network: &Loaded, task: &Task) -> Result<(Samples, Vec<i64>)> {
    let EncodingConfiguration { variable, from, to, .. } = *configuration;
    if !task.variables().contains(&variable) {
        let known: Vec<_> = task.variables().iter().map(|variable| variable.name()).collect();
        return Err(Error::invalid(format!(
            "`{}` does {}, whose program has no {variable}; it has {}",
            network.name(),
            task.kind(),
            known.join(", ")
        )));
    }
    let seed = derive(configuration.seed, &["sequences"]);
    let sequences = task.sequences_per_count(configuration.sequences_per_count, seed);
    let (mut at, mut values) = (Vec::new(), Vec::new());
    for (trial, sequence) in sequences.iter().enumerate() {
        let states = task.states(&sequence.tokens)?;
        for position in task.exchanged_positions(sequence, Positions::Individual) {
            let state = &states[position];
            let value = state.get(variable).filter(|value| value.fract() == 0.0).map(|value| value as i64);
            let demonstrated = state.get(Variable::Phase).is_none_or(|phase| phase < 0.0);
            if let Some(value) = value.filter(|value| demonstrated && (from..=to).contains(value)) {
                at.push((trial, position));
                values.push(value);
            }
        }
    }
    if at.is_empty() {
        return Err(Error::invalid(format!("`{}` never has a {variable} from {from} to {to}", network.name())));
    }
    let trials: Trials = network.reader(task)?.trials(&sequences)?;
    let site = network.network.site(&configuration.site)?;
    let vectors = network.network.read(&site, &trials, &at)?;
    let numbers = vectors.try_into_vec_as::<f32>().map_err(|error| mas_core::Error::Device(error.to_string()))?;
    Ok((Samples::from_row_major(&numbers, site.width)?, values))
}

/// The mean of some rows, `[1, unit]`.
fn mean(samples: &Samples, rows: &[usize]) -> Result<Samples> {
    let matrix = samples.as_mat();
    let of = |unit: usize| rows.iter().map(|&row| matrix[(row, unit)]).sum::<f64>() / rows.len() as f64;
    Ok(Samples::from_row_major(&(0..samples.width()).map(of).collect::<Vec<_>>(), samples.width())?)
}
