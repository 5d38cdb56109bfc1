use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Session, claims};
use crate::{
    Error, Result,
    device::Compute,
    report::{self, ReportData, StudyReport},
    results::{ClaimRow, write_file},
    runs::{Bars, EntryState, Executor, Key, Plan, Provenance, RunFolder, Selection, Shard, UnitRecord},
    studies,
    study::{Shipped, Study},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The study file
    study: PathBuf,
    /// Only this process's share of the study: 0/4 is the first of four
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Train networks that ship with the study, too
    #[arg(long)]
    retrain: bool,
    /// The run folder
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReportArguments {
    /// The run folder
    runs: PathBuf,
    /// Where to write the report [default: RUNS/report]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Runs {
    /// List the results
    List {
        /// The run folder
        #[arg(long, default_value = "runs", value_name = "DIR")]
        runs: PathBuf,
    },
    /// Remove results: by key, or all that are unfinished, or all that given studies do not use
    Remove {
        /// Keys, or the beginnings of keys that no other result has
        #[arg(value_name = "KEY")]
        keys: Vec<String>,
        /// All that is unfinished
        #[arg(long, conflicts_with_all = ["keys", "unused_by"])]
        partial: bool,
        /// All that these studies do not use
        #[arg(long, value_name = "STUDY", conflicts_with = "keys")]
        unused_by: Vec<PathBuf>,
        /// The run folder
        #[arg(long, default_value = "runs", value_name = "DIR")]
        runs: PathBuf,
    },
}

/// The list of studies that were run in a folder, in order: what its report shows.
const STUDIES: &str = "studies.json";

/// A study that was run in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    name: String,
    path: PathBuf,
    text: String,
    device: String,
    #[serde(default)]
    retrain: bool,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let study = Study::read_as(&arguments.study, shipped(arguments.retrain))?;
    if let Some(seed) = session.global.seed.filter(|seed| *seed != study.seed) {
        session
            .output
            .warn(format!("--seed {seed} is not used: a study's own seed counts, and this one says {}", study.seed));
    }
    let plan = study.plan(compute.kind);
    study.warnings().iter().for_each(|warning| session.output.warn(warning));
    let folder = RunFolder::open(&arguments.runs)?;
    let bars = Bars::new(session.output.is_quiet());
    let executor = Executor::new(&folder, Provenance::of_this_program(compute.kind))
        .threads(session.threads())
        .shard(arguments.shard)
        .progress(&bars);
    let summary = executor.run(&plan, |unit, context| studies::perform(unit, context, &compute))?;
    if !plan.is_finished(&folder) {
        let missing = plan.units().iter().filter(|unit| !folder.is_finished(unit.kind(), unit.key())).count();
        session.output.warn(format!("this share is done; {missing} results are left to other shards"));
        return session.output.result(&json!({ "done": summary.done.len(), "left": missing }), String::new);
    }
    studies::refuse_unaccepted(&plan, &folder)?;
    remember(&folder, &study, arguments, compute.kind)?;
    let (data, page) = write_report(&folder, &arguments.runs.join("report"), &compute, session)?;
    let claims: Vec<&ClaimRow> =
        data.studies.iter().filter(|report| report.name == study.name).flat_map(|report| &report.claims).collect();
    let document = json!({
        "study": study.name,
        "computed": summary.done.len(),
        "reused": summary.reused.len() + summary.elsewhere.len(),
        "claims": claims,
        "report": page,
    });
    session.output.result(&document, || {
        let count = summary.reused.len() + summary.elsewhere.len();
        format!(
            "{}{}: {} results computed, {count} reused\n{}",
            claims::table(claims.iter().copied()),
            study.name,
            summary.done.len(),
            page.display()
        )
    })
}

pub(super) fn report(session: &Session, arguments: &ReportArguments) -> Result<()> {
    let compute = session.compute()?;
    if !arguments.runs.is_dir() {
        return Err(Error::invalid(format!("{}: there is no such run folder", arguments.runs.display())));
    }
    let folder = RunFolder::open(&arguments.runs)?;
    let out = arguments.out.clone().unwrap_or_else(|| arguments.runs.join("report"));
    let (_, page) = write_report(&folder, &out, &compute, session)?;
    session.output.result(&json!({ "report": page }), || page.display().to_string())
}

fn shipped(retrain: bool) -> Shipped {
    if retrain { Shipped::Retrained } else { Shipped::Taken }
}

/// Takes note that `study` was run, in the place of an earlier one of its name.
fn remember(folder: &RunFolder, study: &Study, arguments: &Arguments, device: &str) -> Result<()> {
    let path = &arguments.study;
    let mut known = known(folder)?;
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
    let path = std::fs::canonicalize(path).map_err(|error| Error::io(path, error))?;
    let entry = Known { name: study.name.clone(), path, text, device: device.to_owned(), retrain: arguments.retrain };
    match known.iter_mut().find(|other| other.name == entry.name) {
        Some(other) => *other = entry,
        None => known.push(entry),
    }
    let text = serde_json::to_vec_pretty(&known).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(write_file(&folder.root().join(STUDIES), &text)?)
}

fn known(folder: &RunFolder) -> Result<Vec<Known>> {
    let path = folder.root().join(STUDIES);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Error::invalid(format!("{}: {error}; remove it and run the studies again", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// Writes the report of every finished study that was run in `folder`.
fn write_report(folder: &RunFolder, out: &Path, compute: &Compute, session: &Session) -> Result<(ReportData, PathBuf)> {
    let known = known(folder)?;
    if known.is_empty() {
        return Err(Error::invalid(format!(
            "{}: no study has been run to its end here; `mas run STUDY.toml --runs {}` runs one",
            folder.root().display(),
            folder.root().display()
        )));
    }
    let mut reports: Vec<StudyReport> = Vec::new();
    let mut provenance = report::Provenance::default();
    for entry in &known {
        let study = match Study::parse_as(&entry.text, &entry.path, shipped(entry.retrain)) {
            Ok(study) => study,
            // What it was made of may have changed or gone since. That must not cost the other studies their report.
            Err(error) => {
                session.output.warn(format!("study {} is left out: {}", entry.name, error.plain()));
                continue;
            }
        };
        let plan: Plan = study.plan(&entry.device);
        if !plan.is_finished(folder) {
            session.output.warn(format!("study {} is left out: some of its results are gone", entry.name));
            continue;
        }
        reports.push(studies::gather(&study, &plan, folder, compute)?);
        provenance.seeds.insert(study.seed);
        for unit in plan.units() {
            provenance.add(&UnitRecord::read(&folder.result(unit.kind(), unit.key()))?);
        }
    }
    let data = ReportData { title: "Model Alignment Search".into(), studies: reports, provenance };
    let page = report::write_report(&data, out)?;
    Ok((data, page))
}

pub(super) fn runs(session: &Session, command: &Runs) -> Result<()> {
    let open = |path: &PathBuf| match path.is_dir() {
        true => Ok(RunFolder::open(path)?),
        false => Err(Error::invalid(format!("{}: there is no such run folder", path.display()))),
    };
    let entries = match command {
        Runs::List { runs } => open(runs)?.list()?,
        Runs::Remove { keys, partial, unused_by, runs } => {
            let selection = match (keys.is_empty(), partial, unused_by.is_empty()) {
                (false, ..) => Selection::Prefixes(keys.clone()),
                (true, true, _) => Selection::Partial,
                (true, false, false) => Selection::UnusedBy(used_by(session, unused_by)?),
                (true, false, true) => {
                    return Err(Error::invalid("what should be removed? give keys, --partial or --unused-by STUDY"));
                }
            };
            open(runs)?.remove(&selection)?
        }
    };
    session.output.result(&entries, || {
        entries
            .iter()
            .map(|entry| {
                let state = match entry.state {
                    EntryState::Finished => "finished",
                    EntryState::Partial => "partial",
                };
                format!("{:<12} {} {:<9} {:>9}  {}\n", entry.kind, entry.key, state, size(entry.bytes), entry.name)
            })
            .collect()
    })
}

fn used_by(session: &Session, studies: &[PathBuf]) -> Result<BTreeSet<Key>> {
    let compute = session.compute()?;
    let mut used = BTreeSet::new();
    for path in studies {
        for shipped in [Shipped::Taken, Shipped::Retrained] {
            used.extend(Study::read_as(path, shipped)?.plan(compute.kind).keys());
        }
    }
    Ok(used)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
