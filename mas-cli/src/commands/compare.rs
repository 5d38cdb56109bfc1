use std::path::{Path, PathBuf};

use mas_core::Activity;
use mas_metrics::{Measure, Options, Outcome, Samples, compare_each};
use serde_json::json;

use super::Session;
use crate::{
    Error, Result,
    networks::{Loaded, distinct_names, folder_name},
    results::{SimilarityRow, write_rows},
    seeds::derive,
    study::defaults,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Recorded activities (.npy, .npz, .safetensors), or network folders with --site
    #[arg(required = true, num_args = 2.., value_name = "ACTIVITY")]
    activities: Vec<PathBuf>,
    /// Where to read networks
    #[arg(long)]
    site: Option<String>,
    /// The measures: all, or names separated by commas
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "NAME")]
    measures: Vec<String>,
    /// Permutations behind the null distribution; 0 leaves it out
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = super::count)]
    permutations: usize,
    /// Resamples behind the interval; 0 leaves it out
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = super::count)]
    bootstraps: usize,
    /// A folder for similarity.csv
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let measures: Vec<Measure> = match arguments.measures.as_slice() {
        [all] if all == "all" => Measure::all(),
        ids => ids.iter().map(|id| Ok(id.parse::<Measure>()?)).collect::<Result<_>>()?,
    };
    let (names, samples) = match &arguments.site {
        Some(site) => of_networks(session, &arguments.activities, site)?,
        None => of_files(&arguments.activities)?,
    };
    let options = Options {
        permutations: arguments.permutations,
        bootstraps: arguments.bootstraps,
        seed: derive(session.seed(), &["compare"]),
    };
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (right, b) in samples.iter().enumerate() {
        for (left, a) in samples[..right].iter().enumerate() {
            let (of, warnings) = compare(a, b, &measures, &options)?;
            let (name, other) = (&names[left], &names[right]);
            warnings.iter().for_each(|warning| session.output.warn(format!("{name} and {other}: {warning}")));
            let values: serde_json::Map<String, serde_json::Value> = of
                .iter()
                .map(|outcome| {
                    let Outcome { value, null_mean, p, low, high, .. } = outcome;
                    let document = json!({ "value": value, "null_mean": null_mean, "p": p, "low": low, "high": high });
                    (outcome.measure.to_string(), document)
                })
                .collect();
            documents.push((name.clone(), other.clone(), values));
            rows.extend(of.iter().map(|outcome| SimilarityRow {
                study: String::new(),
                similarity: String::new(),
                a: name.clone(),
                b: other.clone(),
                site: arguments.site.clone().unwrap_or_default(),
                measure: outcome.measure.to_string(),
                distinct: false,
                seed: session.seed(),
                value: outcome.value,
                low: outcome.low,
                high: outcome.high,
                null_mean: outcome.null_mean,
                p: outcome.p,
                samples: a.rows() as u64,
                draws: 1,
            }));
        }
    }
    if let Some(out) = &arguments.out {
        std::fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
        write_rows(&out.join("similarity.csv"), &rows)?;
    }
    // Two activities, the usual case, are one object of measures.
    let document = match documents.as_slice() {
        [(_, _, values)] => json!(values),
        all => {
            json!(all.iter().map(|(a, b, values)| json!({ "a": a, "b": b, "measures": values })).collect::<Vec<_>>())
        }
    };
    session.output.result(&document, || table(&rows))
}

/// The measures that the activities allow, and why others are missing. One that fails alone is no mistake when all were
/// asked for; when it was the only one, it is.
fn compare(a: &Samples, b: &Samples, measures: &[Measure], options: &Options) -> Result<(Vec<Outcome>, Vec<String>)> {
    if a.rows() != b.rows() {
        return Err(Error::invalid(format!(
            "the activities have {} and {} samples; rows are paired, so the numbers must be equal",
            a.rows(),
            b.rows()
        )));
    }
    let (mut outcomes, mut warnings) = (Vec::new(), Vec::new());
    for (outcome, measure) in compare_each(a, b, measures, options).into_iter().zip(measures) {
        match outcome {
            Ok(outcome) => {
                warnings.extend(outcome.warnings.iter().map(|warning| format!("{measure}: {warning}")));
                outcomes.push(outcome);
            }
            Err(error) if measures.len() == 1 => return Err(error.into()),
            Err(error) => warnings.push(format!("{measure} is left out: {error}")),
        }
    }
    if outcomes.is_empty() {
        return Err(Error::invalid(format!("no measure could be computed: {}", warnings.join("; "))));
    }
    Ok((outcomes, warnings))
}

fn of_files(paths: &[PathBuf]) -> Result<(Vec<String>, Vec<Samples>)> {
    let name = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names = distinct_names(paths.iter().map(name).collect());
    let samples = paths
        .iter()
        .map(|path| {
            if path.is_dir() {
                return Err(Error::invalid(format!("{}: a network folder needs --site", path.display())));
            }
            samples_of(path)
        })
        .collect::<Result<_>>()?;
    Ok((names, samples))
}

fn samples_of(path: &Path) -> Result<Samples> {
    let activity = Activity::read(path)?;
    let values: Vec<f32> = activity.rows().flat_map(|row| row.vector.iter().copied()).collect();
    Samples::from_row_major(&values, activity.width())
        .map_err(|error| Error::invalid(format!("{}: {error}", path.display())))
}

/// The networks' activity on the same sequences of the first one's task.
fn of_networks(session: &Session, paths: &[PathBuf], site: &str) -> Result<(Vec<String>, Vec<Samples>)> {
    let compute = session.compute()?;
    let names = distinct_names(paths.iter().map(|path| folder_name(path)).collect::<Result<_>>()?);
    let networks: Vec<Loaded> =
        paths.iter().zip(&names).map(|(path, name)| session.open(path, Some(name), &compute)).collect::<Result<_>>()?;
    let task = networks[0].task()?;
    let sequences = task.sequences_per_count(defaults::SEQUENCES_PER_COUNT, derive(session.seed(), &["sequences"]));
    let mut samples = Vec::new();
    for network in &networks {
        let trials = network.reader(&task)?.trials(&sequences)?;
        let at: Vec<(usize, usize)> = (0..trials.len())
            .flat_map(|trial| (0..trials.length(trial) - 1).map(move |position| (trial, position)))
            .collect();
        let rows = mas_metrics::draw_rows(at.len(), defaults::SAMPLES.min(at.len()), session.seed(), 0);
        let at: Vec<_> = rows.into_iter().map(|row| at[row]).collect();
        let site = network.network.site(site)?;
        let vectors = network.network.read(&site, &trials, &at)?;
        let values = vectors.try_into_vec_as::<f32>().map_err(|error| Error::Internal(error.to_string()))?;
        samples.push(Samples::from_row_major(&values, site.width)?);
    }
    Ok((names, samples))
}

fn table(rows: &[SimilarityRow]) -> String {
    let mut text = String::new();
    let mut of = None;
    let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
    for row in rows {
        if of != Some((&row.a, &row.b)) {
            text.push_str(&format!(
                "{} and {}, {} samples\n{:<34} {:>9} {:>9} {:>9} {:>10} {:>8}\n",
                row.a, row.b, row.samples, "measure", "value", "low", "high", "null mean", "p"
            ));
            of = Some((&row.a, &row.b));
        }
        text.push_str(&format!(
            "{:<34} {:>9.4} {:>9} {:>9} {:>10} {:>8}\n",
            row.measure,
            row.value,
            number(row.low),
            number(row.high),
            number(row.null_mean),
            number(row.p)
        ));
    }
    text
}
