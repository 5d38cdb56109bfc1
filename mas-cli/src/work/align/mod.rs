//! One alignment: fitted, measured on held-out pairs, kept in its folder.

mod data;
mod measure;
mod settings;

use std::path::Path;

use burn::tensor::Device;
use mas_core::{
    Alignment, AlignmentFunction, Fit, FitConfig, Fitted, Member, Participant, Positions, Setting, Subspaces,
    alignment::Orthogonal, fit,
};

use crate::{
    Error, Result,
    device::Compute,
    networks::Loaded,
    results::{OutcomeRow, write_rows},
    seeds::derive,
    study::{AlignConfiguration, FitControl},
};
use data::Data;
use measure::{fit_rows, measure};

pub use settings::{AlignmentSettings, NetworkPlace, PairCounts};

/// The table of every held-out interchange, in the folder of an alignment.
pub const OUTCOMES: &str = "outcomes.csv";

/// The table of a fit's course, in the folder of an alignment.
pub const FIT: &str = "fit.csv";

/// What a fit is put aside in until its results are whole.
const CHECKPOINT: &str = "checkpoint.safetensors";

/// An alignment that was fitted and measured.
pub struct Aligned {
    /// What the fit left behind.
    pub fitted: Fitted,
    /// Every held-out interchange, under every control that needs no other fit.
    pub outcomes: Vec<OutcomeRow>,
}

/// Fits one alignment between `networks` and measures it on held-out pairs. Writes `alignment.toml`,
/// `alignment.safetensors`, [`FIT`] and [`OUTCOMES`] into `folder`, where a checkpoint is kept meanwhile.
///
/// # Errors
/// Networks, sites, variables or settings that do not fit together, a fit that diverges, a folder that cannot be written.
pub fn align(
    configuration: &AlignConfiguration,
    networks: Vec<Loaded>,
    compute: &Compute,
    folder: &Path,
    on_event: &mut dyn FnMut(&fit::Event) -> Result<()>,
) -> Result<Aligned> {
    let places = networks.iter().map(Loaded::place).collect();
    let networks = under_control(configuration, networks, compute)?;
    let method = configuration.method;
    let objective = method.objective(networks.len())?;
    let participants = participants(configuration, &networks)?;
    let start = start(configuration, &networks, &participants, &compute.device)?;
    let trained = &objective.behaviour;
    let data = Data::draw(configuration, &networks, trained)?;
    let setting = Setting { positions: positions(configuration), retain: objective.retain };
    let fit = Fit {
        participants: participants.clone(),
        setting,
        training: data.training(),
        validation: data.validation(),
        objective,
        config: FitConfig {
            batch: configuration.batch,
            learning_rate: configuration.learning_rate,
            max_steps: configuration.max_steps,
            evaluate_every: configuration.evaluate_every,
            free_running: configuration.free_running,
            seed: derive(configuration.seed, &["batches"]),
            ..FitConfig::default()
        },
    };
    let checkpoint = folder.join(CHECKPOINT);
    let mut refused = None;
    let fitted = fit.run(start, Some(&checkpoint), &mut |event| {
        on_event(&event).map_err(|error| {
            let message = error.to_string();
            refused = Some(error);
            mas_core::Error::invalid(message)
        })
    });
    let fitted = match (refused, fitted) {
        (Some(error), _) => return Err(error),
        (None, fitted) => fitted?,
    };
    let settings = AlignmentSettings {
        best_step: fitted.best_step,
        ending: fitted.ending,
        converged: fitted.ending == fit::Ending::Converged,
        configuration: configuration.clone(),
        networks: places,
        pairs: data.counts(),
    };
    fitted.alignment.save(folder, &settings.to_table()?)?;
    write_rows(&folder.join(FIT), &fit_rows(&fitted))?;
    let held_out = data.held_out();
    let outcomes = measure(configuration.control.into(), &participants, &fitted.alignment, setting, &held_out)?;
    write_rows(&folder.join(OUTCOMES), &outcomes)?;
    // The result is whole: what it was put aside in is of no more use.
    std::fs::remove_file(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
    Ok(Aligned { fitted, outcomes })
}

/// Whether [`align`] has done all of its work in `folder`.
pub fn is_aligned(folder: &Path) -> bool {
    // The table of outcomes is written last, and then the checkpoint deleted.
    folder.join(OUTCOMES).is_file() && !folder.join(CHECKPOINT).exists()
}

/// The networks that a control puts in the place of the given ones.
fn under_control(
    configuration: &AlignConfiguration,
    mut networks: Vec<Loaded>,
    compute: &Compute,
) -> Result<Vec<Loaded>> {
    if configuration.control == FitControl::RandomNetwork
        && let Some(source) = networks.first_mut()
    {
        *source = source.twin(configuration.seed, compute)?;
    }
    Ok(networks)
}

fn positions(configuration: &AlignConfiguration) -> Positions {
    match configuration.positions {
        mas_tasks::Positions::Individual => Positions::Individual,
        mas_tasks::Positions::Stepwise => Positions::Stepwise,
    }
}

fn participants<'a>(configuration: &AlignConfiguration, networks: &'a [Loaded]) -> Result<Vec<Participant<'a>>> {
    let sites = &configuration.sites;
    networks
        .iter()
        .enumerate()
        .map(|(index, network)| {
            let site = sites.get(index).or(sites.first()).ok_or_else(|| Error::invalid("no site was given"))?;
            Ok(Participant::live(&*network.network, site)?)
        })
        .collect()
}

/// Where the fit begins: a random rotation of every network, whatever it is called.
fn start(
    configuration: &AlignConfiguration,
    networks: &[Loaded],
    participants: &[Participant],
    device: &Device,
) -> Result<Alignment> {
    let method = configuration.method;
    let narrowest = participants.iter().map(|participant| participant.site().width).min().unwrap_or(0);
    let k = match configuration.k {
        _ if method.takes_everything() => narrowest,
        Some(k) => k,
        None => return Err(Error::invalid(format!("method `{method}` needs k, the size of the subspace"))),
    };
    let subspaces = Subspaces::new(configuration.variables.iter().map(|variable| (variable.to_string(), k)))?;
    let members = networks.iter().zip(participants).enumerate().map(|(index, (network, participant))| {
        let seed = derive(configuration.seed, &["rotation", &index.to_string(), &network.identity]);
        Member {
            network: participant.name().to_owned(),
            site: participant.site().clone(),
            function: AlignmentFunction::new(Orthogonal::random(participant.site().width, seed, device)),
        }
    });
    Ok(Alignment::new(members.collect(), subspaces)?)
}

/// Measures a saved alignment again, on `pairs` held-out pairs of every direction that are drawn with `seed`.
///
/// # Errors
/// As [`align`].
pub fn remeasure(
    configuration: &AlignConfiguration,
    alignment: &Alignment,
    networks: Vec<Loaded>,
    compute: &Compute,
    pairs: usize,
    seed: u64,
) -> Result<Vec<OutcomeRow>> {
    let networks = under_control(configuration, networks, compute)?;
    let fresh = AlignConfiguration { seed, held_out_pairs: pairs, ..configuration.clone() };
    let participants = participants(&fresh, &networks)?;
    let objective = fresh.method.objective(networks.len())?;
    let data = Data::draw(&fresh, &networks, &[])?;
    let setting = Setting { positions: positions(&fresh), retain: objective.retain };
    measure(fresh.control.into(), &participants, alignment, setting, &data.held_out())
}
