//! In what form the networks of a study hold a variable.

use mas_tasks::{Task, TaskConfig, Variable};
use toml::Spanned;

use super::EncodingConfiguration;
use super::defaults;
use super::error::StudyError;
use super::file::EncodingTable;
use super::networks::Network;
use super::pairing::Pairing;
use super::source::Source;

/// What one `[[encodings]]` table asks for, network by network.
#[derive(Debug, Clone)]
pub(super) struct Encodings {
    /// Its name.
    pub name: String,
    /// For each network, as a place in the study's, what is asked of it.
    pub of: Vec<(usize, EncodingConfiguration)>,
}

/// Checks all encodings.
pub(super) fn check(
    source: &Source,
    tables: &[EncodingTable],
    networks: &[Network],
    seed: u64,
) -> Result<Vec<Encodings>, StudyError> {
    source.distinct("an encoding called", tables.iter().map(|table| &table.name))?;
    tables.iter().map(|table| one(source, table, networks, seed)).collect()
}

fn one(source: &Source, table: &EncodingTable, networks: &[Network], seed: u64) -> Result<Encodings, StudyError> {
    source.name("an encoding", &table.name)?;
    let pairing = Pairing { source, networks, place: table.name.span() };
    let members = pairing.members(table.networks.as_ref())?;
    let variable = match &table.variable {
        Some(name) => name
            .get_ref()
            .parse::<Variable>()
            .map_err(|error| source.error(name.span(), error.to_string(), "name a variable of the networks' tasks"))?,
        None => Variable::Count,
    };
    let span = |given: Option<std::ops::Range<usize>>| given.unwrap_or(table.name.span());
    let (from, to) = match &table.values {
        None => defaults::ENCODED_VALUES,
        Some(given) => match *given.get_ref().as_slice() {
            [from, to] if from < to && to - from < defaults::LARGEST as i64 => (from, to),
            _ => {
                let help = "two whole numbers, the smaller first: [1, 20]";
                return Err(source.error(given.span(), "values are a range of at least two", help));
            }
        },
    };
    let count = (to - from + 1) as usize;
    let periods = table.periods.as_ref().map_or_else(|| defaults::PERIODS.to_vec(), |given| given.get_ref().clone());
    // A read-out has to be tested on values that it was not fitted to.
    if let Some(period) = periods.iter().find(|&&period| period < 2 || count % period != 0 || count / period < 2) {
        let message = format!("the {count} values {from} to {to} cannot be divided into turns of {period}");
        let help = "periods are at least 2 and divide the number of values, at least twice";
        return Err(source.error(span(table.periods.as_ref().map(Spanned::span)), message, help));
    }
    let sequences_per_count =
        source.positive("sequences-per-count", table.sequences_per_count.as_ref(), defaults::SEQUENCES_PER_COUNT)?;
    let mut of = Vec::new();
    for member in members {
        let network = &networks[member];
        let has = |task: &Task| task.variables().contains(&variable);
        let task = network.task.and_then(|kind| TaskConfig::new(kind).build().ok());
        if let Some(task) = task.filter(|task| !has(task)) {
            let message = format!("`{}` does {}, whose program has no {variable}", network.name, task.kind());
            let place = span(table.networks.as_ref().map(Spanned::span));
            return Err(source.error(place, message, "name networks whose tasks have it"));
        }
        let sites = pairing.sites(table.site.as_ref(), &[member])?;
        let site = sites.into_iter().next().unwrap_or_else(|| defaults::SITE.to_owned());
        let configuration =
            EncodingConfiguration { site, variable, from, to, periods: periods.clone(), sequences_per_count, seed };
        of.push((member, configuration));
    }
    Ok(Encodings { name: table.name.get_ref().clone(), of })
}
