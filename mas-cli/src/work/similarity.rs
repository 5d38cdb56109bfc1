use mas_core::{Recorded, Trials};
use mas_metrics::{Measure, Options, Samples, compare_each, distinct_rows, draw_rows};
use mas_tasks::Task;

use crate::{Error, Result, networks::Loaded, results::SimilarityRow, seeds::derive, study::SimilarityConfiguration};

/// Compares the activity of two networks that do the same task, draw by draw.
///
/// Each network reads the same sequences; its activity after every token but the last (which no network reads) is a
/// sample. A row's value is the mean over draws of `samples` vectors, and so are its interval and its null mean; its p is
/// the largest of the draws'.
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
    let share = |total: usize| total.div_ceil(draws.len());
    let mut found: Vec<Vec<mas_metrics::Outcome>> = vec![Vec::new(); measures.len()];
    for (index, draw) in draws.iter().enumerate() {
        let options = Options {
            permutations: share(configuration.permutations),
            bootstraps: share(configuration.bootstraps),
            seed: derive(configuration.seed, &["resampling", &index.to_string()]),
        };
        let outcomes = compare_each(&left.select(draw)?, &right.select(draw)?, &measures, &options);
        for (found, outcome) in found.iter_mut().zip(outcomes) {
            found.push(outcome?);
        }
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let mean_of = |outcomes: &[mas_metrics::Outcome], of: fn(&mas_metrics::Outcome) -> Option<f64>| {
        outcomes.iter().map(of).collect::<Option<Vec<f64>>>().map(mean)
    };
    Ok(found
        .into_iter()
        .zip(&measures)
        .map(|(outcomes, measure)| SimilarityRow {
            study: String::new(),
            similarity: String::new(),
            a: a.name().to_owned(),
            b: b.name().to_owned(),
            site: configuration.site_label(),
            measure: measure.to_string(),
            seed: configuration.seed,
            value: mean(outcomes.iter().map(|outcome| outcome.value).collect()),
            low: mean_of(&outcomes, |outcome| outcome.low),
            high: mean_of(&outcomes, |outcome| outcome.high),
            null_mean: mean_of(&outcomes, |outcome| outcome.null_mean),
            p: outcomes.iter().filter_map(|outcome| outcome.p).reduce(f64::max),
            samples: draws[0].len() as u64,
            draws: draws.len() as u64,
        })
        .collect())
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
