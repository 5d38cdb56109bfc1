//! One alignment: fitted, measured on held-out pairs, kept in its folder.

mod answers;
mod data;
mod matched;
mod measure;
mod quantities;
mod settings;
mod start;

use std::{borrow::Cow, path::Path};

use mas_core::{Alignment, Direction, Fit, FitConfig, Fitted, Objective, Participant, Positions, Setting, Start, fit};

use crate::{
    Error, Result,
    device::Compute,
    given::Given,
    results::{Control, OutcomeRow, write_rows},
    seeds::derive,
    study::{AlignConfiguration, FitControl},
};
use answers::Answers;
use data::Data;
use measure::{Measured, fit_rows};
use quantities::quantities;
use start::Beginning;

pub use settings::{AlignmentSettings, NetworkPlace, PairCounts};

/// The table of every held-out interchange, in the folder of an alignment.
pub const OUTCOMES: &str = "outcomes.csv";

/// The table of how far interchanged vectors leave natural ones, in the folder of an alignment.
pub const DIVERGENCE: &str = "divergence.csv";

/// The table of what the subspaces of an alignment take, in its folder.
pub const CAPACITY: &str = "capacity.csv";

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
/// `alignment.safetensors`, [`FIT`], [`OUTCOMES`] and, of an alignment that is no control, [`DIVERGENCE`] and [`CAPACITY`]
/// into `folder`, where a checkpoint is kept meanwhile.
///
/// # Errors
/// Networks, sites, variables or settings that do not fit together, a folder that cannot be written.
pub fn align(
    configuration: &AlignConfiguration,
    networks: Vec<Given>,
    compute: &Compute,
    folder: &Path,
    on_event: &mut dyn FnMut(&fit::Event) -> Result<()>,
) -> Result<Aligned> {
    let places = networks.iter().map(Given::place).collect();
    let asked = configuration;
    // Answers take a while: what does not fit together is said before.
    let width = participants(asked, &networks)?.iter().map(|network| network.site().width).min().unwrap_or(0);
    if asked.prompts.is_some() && asked.size(0) > width {
        return Err(Error::invalid(format!("k = {}, but the narrowest site has a width of {width}", asked.size(0))));
    }
    // They are of the networks themselves, also where an untrained twin is to take the place of one.
    let answers = asked.prompts.as_ref().map(|prompts| Answers::of(prompts, asked, &networks)).transpose()?;
    let (configuration, networks) = under_control(asked, networks, compute)?;
    let configuration = &*configuration;
    let objective = configuration.objective()?;
    if let Some(direction) = objective.behaviour.iter().find(|direction| networks[direction.target].is_recorded()) {
        return Err(Error::invalid(format!(
            "`{}` is only recorded, and `{}` trains on its behaviour; take `clmas` or `latent-stitching` with it inaccessible",
            networks[direction.target].name(),
            configuration.method
        )));
    }
    let participants = participants(configuration, &networks)?;
    let data = match &answers {
        Some(answers) => Data::of_answers(configuration, &networks, answers, &objective)?,
        None => Data::draw(configuration, &networks, &objective)?,
    };
    let training = data.training();
    let beginning = Beginning {
        configuration,
        networks: &networks,
        participants: &participants,
        training: &training,
        answers: answers.as_ref(),
        device: &compute.device,
    };
    let (start, mut of_start) = beginning.start()?;
    let matched = match configuration.control {
        FitControl::None if configuration.start == Start::Matched => Some(start.clone()),
        FitControl::None => match beginning.matched() {
            Ok(matched) => Some(matched),
            Err(Error::Core(mas_core::Error::NotMatched(reason))) => {
                of_start.push(format!("there is no control `{}`: {reason}", Control::Matched));
                None
            }
            Err(error) => return Err(error),
        },
        _ => None,
    };
    let last_blocks = last_blocks(configuration, &networks);
    let setting = Setting { positions: positions(configuration), retain: objective.retain };
    let judged = judged(configuration, &objective);
    let fit = Fit {
        participants: accessible(configuration, &participants)?,
        setting,
        training,
        validation: data.validation(),
        objective,
        config: FitConfig {
            batch: configuration.batch,
            learning_rate: configuration.learning_rate,
            cool_down: configuration.cool_down,
            max_steps: configuration.max_steps,
            evaluate_every: configuration.evaluate_every,
            free_running: configuration.free_running,
            judged,
            by_tokens: configuration.prompts.is_some(),
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
        warnings: warnings(configuration, of_start, last_blocks, &fitted),
        configuration: asked.clone(),
        networks: places,
        pairs: data.counts(),
    };
    fitted.alignment.save(folder, &settings.to_table()?)?;
    write_rows(&folder.join(FIT), &fit_rows(&fitted))?;
    let held_out = data.held_out(configuration);
    let measured = Measured::record(&participants, fitted.alignment.subspaces(), setting, &held_out)?;
    let outcomes = measured.all(configuration.control.into(), &fitted.alignment, matched.as_ref())?;
    if configuration.control == FitControl::None {
        let interchanged = data.interchanged();
        let vectors = measured.vectors(&fitted.alignment, setting, &interchanged)?;
        let rows = quantities(configuration, &participants, &fitted.alignment, setting, &interchanged, &vectors)?;
        write_rows(&folder.join(DIVERGENCE), &rows.divergence)?;
        write_rows(&folder.join(CAPACITY), &rows.capacity)?;
    }
    write_rows(&folder.join(OUTCOMES), &outcomes)?;
    // The result is whole: what it was put aside in is of no more use.
    std::fs::remove_file(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
    Ok(Aligned { fitted, outcomes })
}

/// The trained directions that the fit of a control is judged by, where these are not all: a control is to be as strong as
/// it can be in what it says. Those that have only the counterfactual-latent loss are judged by that. Where the control
/// says nothing about any trained direction, all of them judge.
fn judged(configuration: &AlignConfiguration, objective: &Objective) -> Option<Vec<Direction>> {
    let trained: Vec<Direction> = objective.trained().collect();
    let judged: Vec<Direction> = trained.iter().copied().filter(|&direction| configuration.judges(direction)).collect();
    (!judged.is_empty() && judged.len() < trained.len()).then_some(judged)
}

/// What has to be said where activity of a transformer's last block is swapped, once for an alignment and its controls.
fn last_blocks(configuration: &AlignConfiguration, networks: &[Given]) -> Vec<String> {
    if configuration.control != FitControl::None {
        return Vec::new();
    }
    let at = |index: usize| configuration.sites.get(index).or(configuration.sites.first());
    let last = networks.iter().enumerate().filter_map(|(index, network)| {
        let site = at(index).filter(|site| network.is_last_block(site))?;
        Some(format!(
            "`{site}` is the last block of `{}`: what is swapped there reaches no later position, and a low IIA is \
             architecture, not evidence",
            network.name()
        ))
    });
    last.collect()
}

/// What has to be said of an alignment: of its function, where it started and where it swaps, how its fit ended.
fn warnings(
    configuration: &AlignConfiguration,
    of_start: Vec<String>,
    last_blocks: Vec<String>,
    fitted: &Fitted,
) -> Vec<String> {
    let Fitted { best_step, steps, ending, .. } = fitted;
    let diverged = (*ending == fit::Ending::Diverged).then(|| {
        format!(
            "the fit diverged after {steps} steps, and what is kept is the alignment of step {best_step}; a smaller learning \
             rate than {} may help",
            configuration.learning_rate
        )
    });
    let of_function = configuration.function.warning().map(str::to_owned);
    of_function.into_iter().chain(of_start).chain(last_blocks).chain(diverged).collect()
}

/// Whether [`align`] has done all of its work in `folder`.
pub fn is_aligned(folder: &Path) -> bool {
    // The table of outcomes is written last, and then the checkpoint deleted.
    folder.join(OUTCOMES).is_file() && !folder.join(CHECKPOINT).exists()
}

/// The [settings](AlignConfiguration::of_fit) and the networks of the fit itself: what was asked for and given, and under a
/// control what it puts in their place.
fn under_control<'a>(
    asked: &'a AlignConfiguration,
    mut networks: Vec<Given>,
    compute: &Compute,
) -> Result<(Cow<'a, AlignConfiguration>, Vec<Given>)> {
    let fit = asked.of_fit();
    if let Some(place) = fit.twin() {
        let twin = networks[place].twin(fit.seed, compute)?;
        if networks.len() < fit.sites.len() {
            // That of one network alone does not replace it: it stands before it.
            networks.insert(place, twin);
        } else {
            networks[place] = twin;
        }
    }
    Ok((fit, networks))
}

fn positions(configuration: &AlignConfiguration) -> Positions {
    match configuration.positions {
        mas_tasks::Positions::Individual => Positions::Individual,
        mas_tasks::Positions::Stepwise => Positions::Stepwise,
    }
}

fn participants<'a>(configuration: &AlignConfiguration, networks: &'a [Given]) -> Result<Vec<Participant<'a>>> {
    let sites = &configuration.sites;
    networks
        .iter()
        .enumerate()
        .map(|(index, network)| {
            let site = sites.get(index).or(sites.first()).ok_or_else(|| Error::invalid("no site was given"))?;
            network.participant(site)
        })
        .collect()
}

/// What a fit may do with `participants`: those that are inaccessible can be read and nothing else.
fn accessible<'a>(
    configuration: &AlignConfiguration,
    participants: &[Participant<'a>],
) -> Result<Vec<Participant<'a>>> {
    let access = |(index, participant): (usize, &Participant<'a>)| match configuration.inaccessible.contains(&index) {
        true => Ok(Participant::recorded(participant.reader(), &participant.site().name)?),
        false => Ok(participant.clone()),
    };
    participants.iter().enumerate().map(access).collect()
}

/// Measures a saved alignment again, on `pairs` held-out pairs of every direction that are drawn with `seed`.
///
/// # Errors
/// As [`align`]; an alignment on prompts, of which there are no others.
pub fn remeasure(
    configuration: &AlignConfiguration,
    alignment: &Alignment,
    networks: Vec<Given>,
    compute: &Compute,
    pairs: usize,
    seed: u64,
) -> Result<Vec<OutcomeRow>> {
    if configuration.prompts.is_some() {
        return Err(Error::invalid(format!(
            "it was fitted on prompts, and judged on those that were held out: see {OUTCOMES}; for others, align on them"
        )));
    }
    let (configuration, networks) = under_control(configuration, networks, compute)?;
    let fresh = AlignConfiguration { seed, held_out_pairs: pairs, ..configuration.into_owned() };
    let participants = participants(&fresh, &networks)?;
    let setting = Setting { positions: positions(&fresh), retain: fresh.objective()?.retain };
    let data = Data::draw(&fresh, &networks, &Objective::default())?;
    let held_out = data.held_out(&fresh);
    // The start that was not gone on from is not kept.
    Measured::record(&participants, alignment.subspaces(), setting, &held_out)?.all(
        fresh.control.into(),
        alignment,
        None,
    )
}

#[cfg(test)]
mod tests {
    use mas_core::Method;

    use super::*;

    /// Settings of a random-network control, and what its fit is judged by.
    fn random_network(method: &str, networks: usize, inaccessible: &[usize]) -> Option<Vec<(usize, usize)>> {
        let configuration: AlignConfiguration = serde_json::from_value(serde_json::json!({
            "method": method.parse::<Method>().unwrap(),
            "sites": vec!["hidden"; networks],
            "positions": "individual",
            "variables": ["count"],
            "inaccessible": inaccessible,
            "training-pairs": 10,
            "held-out-pairs": 10,
            "batch": 1,
            "learning-rate": 1e-3,
            "max-steps": 1,
            "evaluate-every": 1,
            "free-running": false,
            "control": "random-network",
            "seed": 0,
        }))
        .unwrap();
        let configuration = configuration.of_fit();
        let judged = judged(&configuration, &configuration.objective().unwrap());
        judged.map(|judged| judged.into_iter().map(|direction| (direction.source, direction.target)).collect())
    }

    #[test]
    fn a_random_network_is_judged_from_the_twin_into_trained_networks() {
        assert_eq!(random_network("mas", 3, &[]), Some(vec![(0, 1), (0, 2)]));
        assert_eq!(random_network("unidirectional-mas", 2, &[]), Some(vec![(0, 1)]));
        // The only direction that is trained.
        assert_eq!(random_network("stitching", 2, &[]), None);
        // One network alone has its twin before it.
        assert_eq!(random_network("das", 1, &[]), Some(vec![(0, 1)]));
        assert_eq!(random_network("mas", 1, &[]), Some(vec![(0, 1)]));
    }

    #[test]
    fn a_network_that_is_not_run_has_no_twin_and_is_judged_by_its_own_loss() {
        assert_eq!(random_network("clmas", 2, &[1]), Some(vec![(0, 1)]));
        assert_eq!(random_network("clmas", 2, &[0]), Some(vec![(1, 0)]));
        assert_eq!(random_network("clmas", 3, &[0]), Some(vec![(1, 2), (1, 0)]));
        assert_eq!(random_network("latent-stitching", 2, &[1]), None);
    }
}
