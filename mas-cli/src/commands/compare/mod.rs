//! `mas compare`: similarity measures between recorded activities, or between networks at a site.

mod matrix;
mod text;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use mas_core::ActivityFile;
use mas_metrics::{Limits, Measure, Options, Outcome, Samples, compare_each, compare_files};
use serde_json::{Map, Value, json};

use super::Session;
use crate::{
    Error, Result,
    networks::{Loaded, distinct_names, folder_name},
    results::{SimilarityRow, write_rows},
    seeds::derive,
    study::defaults,
};
use matrix::Matrices;

/// Permutations and resamples where none are asked for: so many up to so many samples, and fewer beyond.
const RESAMPLES: usize = 100;
const MANY_SAMPLES: usize = 2000;
const FEWER_RESAMPLES: usize = 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Recorded activities (.npy, .npz, .safetensors, .csv), or network folders with --site
    #[arg(required = true, num_args = 2.., value_name = "ACTIVITY")]
    activities: Vec<PathBuf>,
    /// Where to read networks
    #[arg(long)]
    site: Option<String>,
    /// The measures: all, or names separated by commas
    #[arg(long, value_delimiter = ',', default_value = "all", value_name = "NAME")]
    measures: Vec<String>,
    /// Permutations behind the null distribution; 0 leaves it out [default: 100, of more than 2000 samples 20]
    #[arg(long, value_name = "N", value_parser = super::count)]
    permutations: Option<usize>,
    /// Resamples behind the interval; 0 leaves it out [default: 100, of more than 2000 samples 20]
    #[arg(long, value_name = "N", value_parser = super::count)]
    bootstraps: Option<usize>,
    /// The most samples that are compared all with all; of more, so many are drawn
    #[arg(long, default_value_t = Limits::default().rows, value_name = "N", value_parser = samples)]
    samples: usize,
    /// A folder for similarity.csv and, of more than two activities, matrix.csv and the heat map similarity.svg
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What is compared.
enum Input {
    File(ActivityFile),
    Samples(Samples),
}

impl Input {
    fn rows(&self) -> usize {
        match self {
            Self::File(file) => file.rows(),
            Self::Samples(samples) => samples.rows(),
        }
    }
}

/// How all pairs are compared.
struct Setting {
    measures: Vec<Measure>,
    options: Options,
    limits: Limits,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let mut measures = Vec::new();
    for name in &arguments.measures {
        match name.as_str() {
            "all" => measures.extend(Measure::all()),
            name => measures.push(name.parse::<Measure>()?),
        }
    }
    let mut seen = HashSet::new();
    measures.retain(|measure| seen.insert(*measure));
    let (names, inputs) = match &arguments.site {
        Some(site) => of_networks(session, &arguments.activities, site)?,
        None => of_files(&arguments.activities)?,
    };
    check_pairing(&names, &inputs)?;
    if let Some(out) = &arguments.out {
        // Before an hour of work, not after it.
        std::fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
    }
    let rows = inputs[0].rows();
    let resamples = if rows > MANY_SAMPLES { FEWER_RESAMPLES } else { RESAMPLES };
    let setting = Setting {
        measures,
        options: Options {
            permutations: arguments.permutations.unwrap_or(resamples),
            bootstraps: arguments.bootstraps.unwrap_or(resamples),
            seed: derive(session.seed(), &["compare"]),
        },
        limits: Limits { rows: arguments.samples, ..Limits::default() },
    };
    let mut pairs: Vec<Pair> = Vec::new();
    for right in 0..inputs.len() {
        for left in 0..right {
            let outcomes = setting.outcomes(&inputs[left], &inputs[right], &setting.measures, &setting.options)?;
            let pair = Pair { left, right, outcomes };
            let warnings = pair.warnings(&setting.measures);
            // One that fails alone is no mistake when several were asked for; when nothing else was, it is.
            if inputs.len() == 2 && pair.defined().next().is_none() {
                return Err(Error::invalid(format!("{} and {}: {}", names[left], names[right], warnings.join("; "))));
            }
            let line = |warning| format!("{} and {}: {warning}", names[left], names[right]);
            warnings.into_iter().for_each(|warning| session.output.warn(line(warning)));
            pairs.push(pair);
        }
    }
    if pairs.iter().all(|pair| pair.defined().next().is_none()) {
        return Err(Error::invalid("no measure could be computed of any two activities"));
    }
    let row = |left: usize, right: usize, outcome: &Outcome| SimilarityRow {
        study: String::new(),
        similarity: String::new(),
        a: names[left].clone(),
        b: names[right].clone(),
        site: arguments.site.clone().unwrap_or_default(),
        measure: outcome.measure.to_string(),
        distinct: false,
        seed: session.seed(),
        value: outcome.value,
        low: outcome.low,
        high: outcome.high,
        null_mean: outcome.null_mean,
        p: outcome.p,
        samples: rows as u64,
        draws: 1,
    };
    let table: Vec<SimilarityRow> =
        pairs.iter().flat_map(|pair| pair.defined().map(|outcome| row(pair.left, pair.right, outcome))).collect();
    // Two activities, the usual case, are one table and one object of measures.
    let matrices = match pairs.as_slice() {
        [_] => None,
        _ => Some(Matrices::new(&names, &inputs, &setting, &pairs)),
    };
    if let Some(out) = &arguments.out {
        write_rows(&out.join("similarity.csv"), &table)?;
        if let Some(matrices) = &matrices {
            matrices.write(out)?;
        }
    }
    let document = match &matrices {
        None => pairs.first().map_or(Value::Null, |pair| pair.document(&setting.measures)),
        Some(matrices) => {
            let of = |pair: &Pair| json!({ "a": names[pair.left], "b": names[pair.right], "measures": pair.document(&setting.measures) });
            let pairs: Vec<Value> = pairs.iter().map(of).collect();
            json!({ "names": names, "pairs": pairs, "matrices": matrices.document() })
        }
    };
    session.output.result(&document, || match &matrices {
        None => text::table(&table),
        Some(matrices) => matrices.text(),
    })
}

/// What came of two activities, by their places.
struct Pair {
    left: usize,
    right: usize,
    /// Of each measure.
    outcomes: Vec<mas_metrics::Result<Outcome>>,
}

impl Pair {
    /// The measures that the activities allow.
    fn defined(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().flatten()
    }

    /// What is to be said about each measure.
    fn remarks(&self) -> impl Iterator<Item = Vec<String>> + '_ {
        self.outcomes.iter().map(|outcome| match outcome {
            Ok(outcome) => outcome.warnings.clone(),
            Err(error) => vec![format!("left out: {error}")],
        })
    }

    /// The same, where several measures share it once.
    fn warnings(&self, measures: &[Measure]) -> Vec<String> {
        let mut warnings = text::Warnings::default();
        for (remarks, &measure) in self.remarks().zip(measures) {
            remarks.into_iter().for_each(|remark| warnings.add(measure, remark));
        }
        warnings.lines()
    }

    /// Measures by name. One that was left out has no numbers.
    fn document(&self, measures: &[Measure]) -> Value {
        let of = |((outcome, warnings), measure): ((&mas_metrics::Result<Outcome>, Vec<String>), &Measure)| {
            let outcome = outcome.as_ref().ok();
            let document = json!({
                "value": outcome.map(|outcome| outcome.value),
                "null_mean": outcome.and_then(|outcome| outcome.null_mean),
                "p": outcome.and_then(|outcome| outcome.p),
                "low": outcome.and_then(|outcome| outcome.low),
                "high": outcome.and_then(|outcome| outcome.high),
                "warnings": warnings,
            });
            (measure.to_string(), document)
        };
        Value::Object(self.outcomes.iter().zip(self.remarks()).zip(measures).map(of).collect::<Map<_, _>>())
    }
}

impl Setting {
    fn outcomes(
        &self,
        a: &Input,
        b: &Input,
        measures: &[Measure],
        options: &Options,
    ) -> Result<Vec<mas_metrics::Result<Outcome>>> {
        Ok(match (a, b) {
            (Input::File(a), Input::File(b)) => compare_files(a, b, measures, options, &self.limits)?,
            (Input::Samples(a), Input::Samples(b)) => compare_each(a, b, measures, options),
            _ => return Err(Error::Internal("files and networks are not mixed".into())),
        })
    }
}

fn check_pairing(names: &[String], inputs: &[Input]) -> Result<()> {
    let first = inputs[0].rows();
    for (name, input) in names.iter().zip(inputs) {
        if input.rows() != first {
            return Err(Error::invalid(format!(
                "{} has {first} samples and {name} has {}; rows are paired, so the numbers must be equal",
                names[0],
                input.rows()
            )));
        }
        if let (Input::File(file), Input::File(other)) = (&inputs[0], input)
            && let (Some(lengths), Some(others)) = (file.lengths(), other.lengths())
            && lengths != others
        {
            return Err(Error::invalid(format!(
                "{} and {} hold trials of other lengths; rows are paired, so they must be equal",
                file.path().display(),
                other.path().display()
            )));
        }
    }
    if first < 2 {
        return Err(Error::invalid(format!(
            "{} has one sample; similarity is over at least two, better hundreds",
            names[0]
        )));
    }
    Ok(())
}

fn of_files(paths: &[PathBuf]) -> Result<(Vec<String>, Vec<Input>)> {
    let name = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names = distinct_names(paths.iter().map(name).collect());
    let open = |path: &PathBuf| -> Result<Input> {
        if path.is_dir() {
            return Err(Error::invalid(format!("{}: a network folder needs --site", path.display())));
        }
        Ok(Input::File(ActivityFile::open(path as &Path)?))
    };
    Ok((names, paths.iter().map(open).collect::<Result<_>>()?))
}

/// At least as many as the nearest neighbours need.
fn samples(text: &str) -> std::result::Result<usize, String> {
    match super::count(text)? {
        few if few < 20 => Err("at least 20".into()),
        many => Ok(many),
    }
}

/// The networks' activity on the same sequences of the first one's task.
fn of_networks(session: &Session, paths: &[PathBuf], site: &str) -> Result<(Vec<String>, Vec<Input>)> {
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
        samples.push(Input::Samples(Samples::from_row_major(&values, site.width)?));
    }
    Ok((names, samples))
}
