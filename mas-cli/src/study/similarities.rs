//! The comparisons of a study by correlational measures.

use mas_metrics::Measure;

use super::configuration::SimilarityConfiguration;
use super::defaults;
use super::error::StudyError;
use super::file::SimilarityTable;
use super::networks::Network;
use super::pairing::{Names, Pairing, Wanted};
use super::source::Source;

/// The comparisons of one `[[similarities]]` table.
#[derive(Debug, Clone)]
pub(super) struct SimilarityPairs {
    /// Its name.
    pub name: String,
    /// Its comparisons.
    pub pairs: Vec<Comparison>,
}

/// One comparison.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    /// What it is called in lists and beside progress bars.
    pub name: String,
    /// Its two networks, as places in the study's.
    pub networks: Vec<usize>,
    /// Everything else.
    pub configuration: SimilarityConfiguration,
}

/// Checks all comparisons.
pub(super) fn check(
    source: &Source,
    tables: &[SimilarityTable],
    networks: &[Network],
    seed: u64,
) -> Result<Vec<SimilarityPairs>, StudyError> {
    source.distinct("a similarity called", tables.iter().map(|table| &table.name))?;
    tables.iter().map(|table| comparisons(source, table, networks, seed)).collect()
}

fn comparisons(
    source: &Source,
    table: &SimilarityTable,
    networks: &[Network],
    seed: u64,
) -> Result<SimilarityPairs, StudyError> {
    source.name("a similarity", &table.name)?;
    let common = SimilarityConfiguration {
        sites: Vec::new(),
        measures: measures(source, table.measures.as_ref())?,
        // The debiased measures divide by n − 3.
        samples: source.at_least(4, "samples", table.samples.as_ref(), defaults::SAMPLES)?,
        draws: source.positive("draws", table.draws.as_ref(), defaults::DRAWS)?,
        sequences_per_count: source.positive(
            "sequences-per-count",
            table.sequences_per_count.as_ref(),
            defaults::SEQUENCES_PER_COUNT,
        )?,
        distinct: table.distinct.unwrap_or(false),
        permutations: source.at_least(0, "permutations", table.permutations.as_ref(), defaults::PERMUTATIONS)?,
        bootstraps: source.at_least(0, "bootstraps", table.bootstraps.as_ref(), defaults::BOOTSTRAPS)?,
        seed,
    };
    let wanted = Wanted { what: "a similarity", most: Some(2), directed: false };
    let pairing = Pairing { source, networks, place: table.name.span() };
    let mut pairs = Vec::new();
    for members in pairing.groups(table.pairs.as_ref(), table.networks.as_ref(), &wanted)? {
        let sites = pairing.sites(table.site.as_ref(), &members)?;
        let names: Vec<_> = members.iter().map(|&member| networks[member].name.as_str()).collect();
        let name = format!("{}: {}", table.name.get_ref(), names.join(" "));
        pairs.push(Comparison {
            name,
            networks: members,
            configuration: SimilarityConfiguration { sites, ..common.clone() },
        });
    }
    Ok(SimilarityPairs { name: table.name.get_ref().clone(), pairs })
}

/// The measures in alphabetical order: in which order a study names them changes no number, so it changes no key.
fn measures(source: &Source, given: Option<&Names>) -> Result<Vec<String>, StudyError> {
    let known: Vec<String> = Measure::all().iter().map(ToString::to_string).collect();
    let mut measures: Vec<String> = match given {
        None => defaults::MEASURES.map(str::to_string).to_vec(),
        Some(names) => {
            if names.get_ref().is_empty() {
                return Err(source.error(names.span(), "there are no measures", "leave it out for the usual ones"));
            }
            source.distinct("the measure", names.get_ref())?;
            let measure = |name| source.choice("measure", name, known.iter().cloned(), |measure| measure);
            names.get_ref().iter().map(measure).collect::<Result<_, _>>()?
        }
    };
    measures.sort();
    Ok(measures)
}
