use std::path::{Path, PathBuf};

use mas_core::fit;
use mas_tasks::{Positions, VariablePair};
use serde_json::json;

use super::{Session, train::beside};
use crate::{
    Error, Result,
    device::Compute,
    networks::{Loaded, distinct_names, folder_name},
    results::{AlignmentUnit, Control, IiaRow, OutcomeRow, Population, read_rows, write_rows},
    statistics::{Bootstrap, iia_rows},
    studies::lowest,
    study::{AlignConfiguration, FitControl, Method, defaults},
    work,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The network folders, in order
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<PathBuf>,
    /// Where to read and write: one site for all networks, or one for each
    #[arg(long, value_delimiter = ',', default_value = defaults::SITE)]
    site: Vec<String>,
    /// das, mas, unidirectional-mas, stitching or low-rank-stitching
    #[arg(long, default_value = "mas")]
    method: String,
    /// The variables, a subspace each; SOURCE:TARGET where the first network's differs from the others'
    #[arg(long, value_delimiter = ',', default_value = defaults::VARIABLE)]
    variable: Vec<VariablePair>,
    /// Coordinates of each variable's subspace
    #[arg(long, default_value_t = defaults::K)]
    k: usize,
    /// individual or stepwise
    #[arg(long, default_value = "individual")]
    positions: Positions,
    /// Interchanges to fit to, of each direction
    #[arg(long, default_value_t = defaults::TRAINING_PAIRS)]
    training_pairs: usize,
    /// Interchanges to judge by, of each direction
    #[arg(long, default_value_t = defaults::HELD_OUT_PAIRS)]
    held_out_pairs: usize,
    /// Interchanges in a step, of each direction
    #[arg(long, default_value_t = defaults::BATCH)]
    batch: usize,
    /// Adam's learning rate
    #[arg(long, default_value_t = defaults::LEARNING_RATE)]
    learning_rate: f64,
    /// Steps at most [default: 20000, stitching 2500]
    #[arg(long)]
    max_steps: Option<usize>,
    /// The target hears its own predictions in the response during the fit, too
    #[arg(long)]
    free_running: bool,
    /// Fit the controls as well: an untrained twin of the first network, and shuffled sources
    #[arg(long)]
    controls: bool,
    /// Use networks that did not reach the acceptance mark in training
    #[arg(long)]
    allow_unaccepted: bool,
    /// The alignment folder to write
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(session: &Session, arguments: &Arguments) -> Result<()> {
    let compute = session.compute()?;
    let method = Method::ALL.into_iter().find(|method| method.name() == arguments.method).ok_or_else(|| {
        let known: Vec<_> = mas_core::Method::ALL.iter().map(|method| method.id()).collect();
        Error::invalid(format!(
            "--method {}: there is no such method; there are {}",
            arguments.method,
            known.join(", ")
        ))
    })?;
    if method.takes_everything() && arguments.k != defaults::K {
        session.output.warn(format!("--k {} is ignored: {} takes everything", arguments.k, method.name()));
    }
    let sites = arguments.site.len();
    if sites != 1 && sites != arguments.networks.len() {
        return Err(Error::invalid(format!("--site names {sites} sites for {} networks", arguments.networks.len())));
    }
    let max_steps = arguments.max_steps.unwrap_or(match method.stitches() {
        true => defaults::MAX_STEPS_STITCHING,
        false => defaults::MAX_STEPS,
    });
    let plain = AlignConfiguration {
        method,
        sites: match sites {
            1 => vec![arguments.site[0].clone(); arguments.networks.len()],
            _ => arguments.site.clone(),
        },
        positions: arguments.positions,
        variables: arguments.variable.clone(),
        program: None,
        range: None,
        k: (!method.takes_everything()).then_some(arguments.k),
        training_pairs: arguments.training_pairs,
        held_out_pairs: arguments.held_out_pairs,
        batch: arguments.batch,
        learning_rate: arguments.learning_rate,
        max_steps,
        evaluate_every: defaults::EVALUATE_EVERY.min(max_steps.max(1)),
        cl_weight: None,
        free_running: arguments.free_running,
        control: FitControl::None,
        seed: session.global.seed,
    };
    let names = distinct_names(arguments.networks.iter().map(|path| folder_name(path)).collect::<Result<_>>()?);
    let open = |compute: &Compute| -> Result<Vec<Loaded>> {
        let networks = arguments.networks.iter().zip(&names);
        networks.map(|(path, name)| Loaded::open(path, Some(name), arguments.allow_unaccepted, compute)).collect()
    };
    let controls = match arguments.controls {
        true => &FitControl::ALL[..],
        false => &FitControl::ALL[..1],
    };
    let partial = beside(&arguments.out);
    let mut outcomes: Vec<OutcomeRow> = Vec::new();
    let mut ending = None;
    for &control in controls {
        let configuration = AlignConfiguration { control, ..plain.clone() };
        let folder = match control {
            FitControl::None => partial.clone(),
            other => partial.join("controls").join(other.name()),
        };
        let done = folder.join("outcomes.csv");
        // What an earlier, interrupted command has finished is not done again, if it was the same command.
        let finished = done.is_file() && same(&folder, &configuration, &compute);
        if !finished {
            restart_if_other(&folder, &configuration)?;
            let bar = session.output.bar(control_name(control), max_steps);
            let aligned = work::align(&configuration, open(&compute)?, &compute, &folder, &mut |event| {
                match event {
                    fit::Event::Step { step, .. } => bar.set_position(*step as u64),
                    fit::Event::Validated(validation) => bar.set_message(lowest(validation)),
                    _ => {}
                }
                Ok(())
            })?;
            bar.finish_and_clear();
            if control == FitControl::None {
                ending = Some(aligned.fitted.ending);
            }
        }
        outcomes.extend(read_rows::<OutcomeRow>(&done)?);
    }
    let unit = AlignmentUnit {
        study: String::new(),
        alignment: folder_name(&partial)?.trim_end_matches(".partial").to_owned(),
        method: method.name().into(),
        positions: arguments.positions.to_string(),
        site: plain.site_label(),
        variable: plain.variables.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"),
        k: plain.k.unwrap_or(0) as u64,
        seed: plain.seed,
    };
    let rows = iia_rows(&unit, &outcomes, &Bootstrap { seed: plain.seed, ..Bootstrap::default() });
    write_rows(&partial.join("outcomes.csv"), &outcomes)?;
    write_rows(&partial.join("iia.csv"), &rows)?;
    into_place(&partial, &arguments.out)?;
    let converged = ending.is_none_or(|ending| ending == fit::Ending::Converged);
    if !converged {
        session.output.warn("the fit did not reach the mark in every direction; the alignment says converged = false");
    }
    let document = json!({ "alignment": arguments.out, "converged": converged, "iia": rows });
    session.output.result(&document, || table(&rows))
}

fn control_name(control: FitControl) -> &'static str {
    match control {
        FitControl::None => "aligning",
        other => other.name(),
    }
}

const COMMAND: &str = "command.json";

/// Whether `folder` holds work of this very configuration.
fn same(folder: &Path, configuration: &AlignConfiguration, _: &Compute) -> bool {
    let known = std::fs::read(folder.join(COMMAND)).ok();
    known.and_then(|bytes| serde_json::from_slice::<AlignConfiguration>(&bytes).ok()).as_ref() == Some(configuration)
}

/// Makes `folder` ready to work in, emptied of what another command has left.
fn restart_if_other(folder: &Path, configuration: &AlignConfiguration) -> Result<()> {
    let io = |error| Error::io(folder, error);
    if folder.exists() && !folder.join(COMMAND).is_file() {
        return Err(Error::invalid(format!(
            "{} exists and is no unfinished alignment; remove it or choose another --out",
            folder.display()
        )));
    }
    if folder.exists() {
        let known = std::fs::read(folder.join(COMMAND)).map_err(io)?;
        if serde_json::from_slice::<AlignConfiguration>(&known).ok().as_ref() != Some(configuration) {
            std::fs::remove_dir_all(folder).map_err(io)?;
        }
    }
    std::fs::create_dir_all(folder).map_err(io)?;
    let text = serde_json::to_vec(configuration).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(crate::results::write_file(&folder.join(COMMAND), &text)?)
}

/// Moves a finished folder to where it was asked for; an alignment that is there already is replaced.
fn into_place(partial: &Path, out: &Path) -> Result<()> {
    if out.exists() {
        let empty = out.is_dir() && std::fs::read_dir(out).map_err(|e| Error::io(out, e))?.next().is_none();
        if !empty && !out.join("alignment.toml").is_file() {
            return Err(Error::invalid(format!(
                "{} exists and is no alignment; the result is in {}",
                out.display(),
                partial.display()
            )));
        }
        std::fs::remove_dir_all(out).map_err(|error| Error::io(out, error))?;
    }
    std::fs::rename(partial, out).map_err(|error| Error::io(out, error))
}

/// IIA by direction and control, over changed pairs.
pub(super) fn table(rows: &[IiaRow]) -> String {
    let mut text = format!("{:<34} {:<16} {:>6}  {:<15} {:>6}\n", "direction", "control", "IIA", "95 %", "pairs");
    for row in rows {
        let shown = match row.control {
            Control::Ceiling => row.population == Population::All,
            _ => row.population == Population::Changed,
        };
        if shown {
            text.push_str(&format!(
                "{:<34} {:<16} {:>6.3}  {:.3} – {:.3}   {:>6}\n",
                format!("{} → {}", row.source, row.target),
                row.control.id(),
                row.value,
                row.low,
                row.high,
                row.pairs
            ));
        }
    }
    text
}
