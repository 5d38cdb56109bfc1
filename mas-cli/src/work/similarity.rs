use mas_core::Trials;
use mas_metrics::{Measure, Options, Outcome, Samples, compare_each, distinct_rows, draw_rows};
use mas_tasks::Task;

use crate::{Error, Result, networks::Loaded, results::SimilarityRow, seeds::derive, study::SimilarityConfiguration};

/// Compares the activity of two networks that do the same task, draw by draw.
///
/// Each network reads the same sequences; its activity after every token but the last (which no network reads) is a
/// sample. A row's value is the mean over draws of `samples` vectors. Permutations and bootstraps are all done on the
/// first draw: p and the null mean are its own, and its interval is moved along with the value, from the first draw's to
/// the mean.
///
/// # Errors
/// Networks of different tasks, an unknown site or measure, a measure that the samples do not allow.
pub fn similarity(configuration: &SimilarityConfiguration, a: &Loaded, b: &Loaded) -> Result<Vec<SimilarityRow>> {
    let task = a.task()?;
    let other = b.task()?;
    if task.vocabulary().tokens() != other.vocabulary().tokens() {
        return Err(Error::invalid(format!(
            "`{}` does {} and `{}` does {}: their tokens differ, so no sequence is read by both",
            a.name(),
            task.kind(),
            b.name(),
            other.kind()
        )));
    }
    let measures: Vec<Measure> =
        configuration.measures.iter().map(|id| Ok(id.parse::<Measure>()?)).collect::<Result<_>>()?;
    let sites = &configuration.sites;
    let site = |index: usize| sites.get(index).or(sites.first()).ok_or_else(|| Error::invalid("no site was given"));
    let seed = derive(configuration.seed, &["sequences"]);
    let (left, right) = (
        activity(a, &task, site(0)?, configuration.sequences_per_count, seed)?,
        activity(b, &task, site(1)?, configuration.sequences_per_count, seed)?,
    );
    let rows = left.rows();
    let draws: Vec<Vec<usize>> = if configuration.distinct {
        vec![distinct_rows(&left, &right)?]
    } else {
        let wanted = configuration.samples.min(rows);
        (0..configuration.draws.max(1))
            .map(|draw| draw_rows(rows, wanted, derive(configuration.seed, &["draws"]), draw as u64))
            .collect()
    };
    let mut found: Vec<Vec<Outcome>> = vec![Vec::new(); measures.len()];
    for (index, draw) in draws.iter().enumerate() {
        let on_first = |number: usize| if index == 0 { number } else { 0 };
        let options = Options {
            permutations: on_first(configuration.permutations),
            bootstraps: on_first(configuration.bootstraps),
            seed: derive(configuration.seed, &["resampling", &index.to_string()]),
        };
        let outcomes = compare_each(&left.select(draw)?, &right.select(draw)?, &measures, &options);
        for (found, outcome) in found.iter_mut().zip(outcomes) {
            found.push(outcome?);
        }
    }
    let row = |outcomes: &Vec<Outcome>, measure: &Measure| {
        let first = outcomes.first()?;
        let value = outcomes.iter().map(|outcome| outcome.value).sum::<f64>() / outcomes.len() as f64;
        let moved = |end: f64| end + (value - first.value);
        Some(SimilarityRow {
            study: String::new(),
            similarity: String::new(),
            a: a.name().to_owned(),
            b: b.name().to_owned(),
            site: configuration.site_label(),
            measure: measure.to_string(),
            distinct: configuration.distinct,
            seed: configuration.seed,
            value,
            low: first.low.map(moved),
            high: first.high.map(moved),
            null_mean: first.null_mean,
            p: first.p,
            samples: draws[0].len() as u64,
            draws: draws.len() as u64,
        })
    };
    Ok(found.iter().zip(&measures).filter_map(|(outcomes, measure)| row(outcomes, measure)).collect())
}

/// A network's activity at `site` after every token but the last of `sequences` sequences a count.
fn activity(network: &Loaded, task: &Task, site: &str, sequences: usize, seed: u64) -> Result<Samples> {
    let trials: Trials = network.reader(task)?.trials(&task.sequences_per_count(sequences, seed))?;
    let at: Vec<(usize, usize)> = (0..trials.len())
        .flat_map(|trial| (0..trials.length(trial) - 1).map(move |position| (trial, position)))
        .collect();
    let site = network.network.site(site)?;
    let vectors = network.network.read(&site, &trials, &at)?;
    let values = vectors.try_into_vec_as::<f32>().map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Samples::from_row_major(&values, site.width)?)
}
