use std::path::{Path, PathBuf};

use mas_core::{
    FunctionKind, LATENT_WEIGHT, Method, Start,
    alignment::{Parametrisation, PreStepParts},
    fit,
};
use mas_tasks::{Positions, TaskKind, Variable, VariablePair};
use serde_json::json;

use super::{Session, iia::table, unfinished::Unfinished};
use crate::{
    Error, Result,
    given::{Given, Recording},
    networks::{Loaded, distinct_names, folder_name, hash_of},
    results::{IiaRow, OutcomeRow, Quantity, QuantityRow, read_rows, write_rows},
    statistics::iia_rows,
    studies::{by_variable, lowest},
    study::{AlignConfiguration, FitControl, FitSettings, Prompts, defaults, value_range},
    work::{self, AlignmentSettings, PairCounts},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The network folders, in order; an activity file (.npz, .safetensors) is a network that is only recorded
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<PathBuf>,
    /// Where to read and write: one site for all networks, or one for each
    #[arg(long, value_delimiter = ',', default_value = defaults::SITE)]
    site: Vec<String>,
    /// das, mas, unidirectional-mas, stitching, low-rank-stitching, latent-stitching or clmas
    #[arg(long, default_value = "mas")]
    method: Method,
    /// The alignment function: orthogonal, linear, scaled, relaxed or revnet
    #[arg(long, default_value = "orthogonal")]
    function: FunctionKind,
    /// How the fit goes where the options below do not say it: short (from the matched start, few steps at a rate that falls
    /// to zero) or paper (from somewhere at random, up to 20,000 steps at a constant rate)
    #[arg(long, default_value_t, value_name = "short|paper")]
    settings: FitSettings,
    /// Where the fit begins: random, identity, principal (axes of recorded activity) or matched (where the networks' recorded
    /// activity lies on each other) [default: matched; random for functions that do not rotate, and with --settings paper]
    #[arg(long)]
    start: Option<Start>,
    /// How a rotation follows from parameters: exponential, cayley or householder [default: what suits its size]
    #[arg(long)]
    parametrisation: Option<Parametrisation>,
    /// What happens to activity before the map: tanh or sigmoid (undone), standardise, bias, joined by +
    #[arg(long, value_name = "PARTS", default_value_t)]
    pre_step: PreStepParts,
    /// The variables, a subspace each; SOURCE:TARGET where the first network's differs from the others'
    #[arg(long, value_delimiter = ',', default_value = defaults::VARIABLE)]
    variable: Vec<VariablePair>,
    /// The networks whose activity is read and which are not run in the fit, for clmas [default: the last]
    #[arg(long, value_delimiter = ',', value_name = "NETWORK")]
    inaccessible: Vec<String>,
    /// The task on whose sequences activity files were recorded
    #[arg(long)]
    task: Option<TaskKind>,
    /// Language models, on the first tokens of these texts in place of a task: the target should go on as the source does.
    /// A .jsonl has a document a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["task", "range", "null", "together"])]
    prompts: Option<PathBuf>,
    /// Tokens of a prompt
    #[arg(long, default_value_t = 12, requires = "prompts", value_parser = super::count)]
    prompt_tokens: usize,
    /// Tokens with which a language model goes on, at most
    #[arg(long, default_value_t = 12, requires = "prompts", value_parser = super::count)]
    answer_tokens: usize,
    /// Weight of the counterfactual-latent loss beside that of behaviour, for clmas [default: 8]
    #[arg(long, value_name = "WEIGHT")]
    cl_weight: Option<f64>,
    /// Interchange all of several variables at once, too
    #[arg(long)]
    together: bool,
    /// Within networks, swap the coordinates that no variable has, too: they must not matter
    #[arg(long)]
    null: bool,
    /// Only interchanges whose written and overwritten values lie in this range, both ends included [default: all]
    #[arg(long, value_name = "MIN,MAX", value_delimiter = ',', allow_hyphen_values = true)]
    range: Vec<f64>,
    /// Coordinates of each variable's subspace: one number for all, or one for each [default: 32]
    #[arg(long, value_delimiter = ',', value_parser = super::count)]
    k: Vec<usize>,
    /// individual or stepwise
    #[arg(long, default_value = "individual")]
    positions: Positions,
    /// Interchanges to fit to, of each direction [default: 3000, with --settings paper 10000]
    #[arg(long, value_parser = super::count)]
    training_pairs: Option<usize>,
    /// Interchanges to judge by, of each direction
    #[arg(long, default_value_t = defaults::HELD_OUT_PAIRS, value_parser = super::count)]
    held_out_pairs: usize,
    /// Interchanges in a step, of each direction
    #[arg(long, default_value_t = defaults::BATCH, value_parser = super::count)]
    batch: usize,
    /// Adam's learning rate [default: 0.01, with --settings paper 0.001]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Of --max-steps, how many at the end bring the learning rate down to zero, 0 for none [default: all of them, with
    /// --settings paper none]
    #[arg(long, value_name = "STEPS", value_parser = super::count)]
    cool_down: Option<usize>,
    /// Steps at most [default: 50; with --settings paper 20000, stitching 2500]
    #[arg(long, value_parser = super::count)]
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
    let (method, settings) = (arguments.method, arguments.settings);
    if !arguments.k.is_empty() && method.takes_everything() {
        let given: Vec<String> = arguments.k.iter().map(usize::to_string).collect();
        session.output.warn(format!("--k {} is ignored: {method} takes everything", given.join(",")));
    }
    if let (Some(weight), false) = (arguments.cl_weight, method.weighs_latent()) {
        session.output.warn(format!("--cl-weight {weight} is ignored: {method} has not both losses"));
    }
    let names = distinct_names(arguments.networks.iter().map(|path| name_of(path)).collect::<Result<_>>()?);
    let sites = arguments.site.len();
    if sites != 1 && sites != arguments.networks.len() {
        return Err(Error::invalid(format!("--site names {sites} sites for {} networks", arguments.networks.len())));
    }
    let max_steps = arguments.max_steps.unwrap_or(settings.max_steps(method));
    let full = VariablePair::from(Variable::Full);
    if arguments.variable.len() > 1 && arguments.variable.contains(&full) {
        return Err(Error::invalid("--variable: `full` is all variables at once; give it alone"));
    }
    let range = match arguments.range.as_slice() {
        [] => None,
        ends => Some(value_range(ends).map_err(|problem| Error::invalid(format!("--range: {problem}")))?),
    };
    let (k, sizes) = match arguments.k.as_slice() {
        _ if method.takes_everything() => (None, Vec::new()),
        [] => (Some(defaults::K), Vec::new()),
        &[k] => (Some(k), Vec::new()),
        sizes if sizes.len() == arguments.variable.len() => (None, sizes.to_vec()),
        sizes => {
            let (given, variables) = (sizes.len(), arguments.variable.len());
            return Err(Error::invalid(format!("--k names {given} sizes for {variables} variables")));
        }
    };
    let plain = AlignConfiguration {
        method,
        function: arguments.function,
        start: arguments.start.unwrap_or(settings.start(arguments.function)),
        parametrisation: arguments.parametrisation,
        pre_step: arguments.pre_step,
        sites: match sites {
            1 => vec![arguments.site[0].clone(); arguments.networks.len()],
            _ => arguments.site.clone(),
        },
        positions: arguments.positions,
        variables: arguments.variable.clone(),
        program: None,
        prompts: arguments.prompts.as_deref().map(|file| prompts(file, arguments)).transpose()?,
        range,
        k,
        sizes,
        inaccessible: inaccessible(method, &arguments.inaccessible, &names)?,
        cl_weight: method.weighs_latent().then(|| arguments.cl_weight.unwrap_or(LATENT_WEIGHT)),
        together: arguments.together,
        null: arguments.null,
        training_pairs: arguments.training_pairs.unwrap_or(settings.training_pairs()),
        held_out_pairs: arguments.held_out_pairs,
        batch: arguments.batch,
        learning_rate: arguments.learning_rate.unwrap_or(settings.learning_rate()),
        cool_down: arguments
            .cool_down
            .map_or(settings.cool_down(max_steps), |steps| Some(steps).filter(|&steps| steps > 0)),
        max_steps,
        evaluate_every: defaults::EVALUATE_EVERY.min(max_steps.max(1)),
        free_running: arguments.free_running,
        control: FitControl::None,
        seed: session.seed(),
    };
    plain.alignment_function().check()?;
    plain.objective()?;
    let open = || -> Result<Vec<Given>> {
        let networks = arguments.networks.iter().zip(&names).zip(&plain.sites);
        let one = |((path, name), site): ((&PathBuf, &String), &String)| match (path.is_file(), arguments.task) {
            (false, _) => Loaded::open(path, Some(name), arguments.allow_unaccepted, &compute).map(Given::from),
            (true, Some(task)) => Recording::open(path, name, task, site, &compute).map(Given::from),
            (true, None) => {
                let path = path.display();
                Err(Error::invalid(format!("{path} is a recording: say with --task on which task's sequences")))
            }
        };
        networks.map(one).collect()
    };
    let given = open()?;
    given.iter().filter_map(Given::warning).for_each(|warning| session.output.warn(warning));
    let mut controls = FitControl::with(arguments.controls).to_vec();
    let random = AlignConfiguration { control: FitControl::RandomNetwork, ..plain.clone() };
    if let Some(reason) = no_random_network(&random, &given).filter(|_| arguments.controls) {
        controls.retain(|&control| control != FitControl::RandomNetwork);
        session.output.warn(format!("no random-network control: {reason}"));
    }
    let unfinished = Unfinished::begin(&arguments.out, &plain, &given, &compute)?;
    // Each fit opens its own.
    drop(given);
    let mut outcomes: Vec<OutcomeRow> = Vec::new();
    for control in controls {
        let folder = unfinished.folder_of(control)?;
        // What an earlier, interrupted command has finished is not done again.
        if !work::is_aligned(&folder) {
            let configuration = AlignConfiguration { control, ..plain.clone() };
            let bar = session.output.bar(bar_name(control), max_steps);
            let aligned = work::align(&configuration, open()?, &compute, &folder, &mut |event| {
                match event {
                    fit::Event::Step { step, .. } => bar.set_position(*step as u64),
                    fit::Event::Validated(validation) => bar.set_message(lowest(validation)),
                    _ => {}
                }
                Ok(())
            });
            bar.finish_and_clear();
            if let Err(error) = aligned {
                unfinished.tidy();
                return Err(error);
            }
        }
        let AlignmentSettings { ending, warnings, .. } = AlignmentSettings::read(&folder)?;
        if control != FitControl::None && ending == fit::Ending::Diverged {
            warnings.iter().for_each(|warning| session.output.warn(format!("{}: {warning}", control.name())));
        }
        outcomes.extend(read_rows::<OutcomeRow>(&folder.join(work::OUTCOMES))?);
    }
    let AlignmentSettings { converged, ending, pairs, warnings, .. } =
        AlignmentSettings::read(&unfinished.alignment())?;
    let rows: Vec<IiaRow> = by_variable("", &file_name(&arguments.out), &plain, &names, &outcomes)
        .iter()
        .flat_map(|of| iia_rows(&of.unit, &of.rows))
        .collect();
    write_rows(&unfinished.alignment().join("iia.csv"), &rows)?;
    let mut beside = Vec::new();
    for file in [work::DIVERGENCE, work::CAPACITY] {
        let path = unfinished.alignment().join(file);
        let mut rows: Vec<QuantityRow> = read_rows(&path)?;
        rows.iter_mut().for_each(|row| row.alignment = file_name(&arguments.out));
        let whole =
            |row: &&QuantityRow| row.quantity == Quantity::KOverD && row.value >= 1.0 && row.source == row.target;
        for row in rows.iter().filter(whole) {
            session.output.warn(format!(
                "`{}`, {}: no ceiling: within a network every coordinate is swapped, whatever the alignment",
                row.target, row.variable
            ));
        }
        write_rows(&path, &rows)?;
        beside.push(rows);
    }
    unfinished.into_place()?;
    for warning in warnings {
        session.output.warn(warning);
    }
    if !converged && ending != fit::Ending::Diverged {
        session.output.warn("the fit did not reach the mark in every direction; the alignment says converged = false");
    }
    for PairCounts { source, target, variable, .. } in pairs.iter().filter(|pairs| !pairs.disjoint) {
        session.output.warn(format!(
            "{source} → {target}, {variable}: training and held-out pairs share sequences, of which the task has one a count"
        ));
    }
    for counts in pairs.iter().filter(|counts| counts.unmatched_share() > 0.1) {
        let PairCounts { source, target, variable, training, .. } = counts;
        session.output.warn(format!(
            "{source} → {target}, {variable}: {} of {training} training pairs are left out of the counterfactual-latent loss, \
             as no other trial has the counterfactual values of itself",
            counts.unmatched.unwrap_or(0)
        ));
    }
    let document = json!({
        "alignment": arguments.out,
        "converged": converged,
        "iia": rows,
        "divergence": beside[0],
        "capacity": beside[1],
    });
    session.output.result(&document, || table(&rows))
}

/// What language models are aligned on.
fn prompts(file: &Path, arguments: &Arguments) -> Result<Prompts> {
    Ok(Prompts {
        identity: hash_of(file)?,
        file: std::fs::canonicalize(file).map_err(|error| Error::io(file, error))?,
        tokens: arguments.prompt_tokens,
        answer: arguments.answer_tokens,
    })
}

/// Why there can be no random-network control, if so: it is judged by what an untrained twin sends into a trained network.
fn no_random_network(random: &AlignConfiguration, given: &[Given]) -> Option<String> {
    let twin = random.twin()?;
    let name = given[twin].name();
    if given[twin].is_recorded() {
        Some(format!("`{name}` is only recorded and has no untrained twin"))
    } else if given.len() > 1 && given.iter().enumerate().all(|(index, other)| index == twin || other.is_recorded()) {
        Some(format!("no network but `{name}` can be run, and one that is only recorded cannot answer"))
    } else {
        None
    }
}

/// What a network is called: as its folder, or as its file without the extension.
fn name_of(path: &Path) -> Result<String> {
    match path.file_stem() {
        Some(stem) if path.is_file() => Ok(stem.to_string_lossy().into_owned()),
        _ => folder_name(path),
    }
}

/// The places of the networks that are `chosen` by name; the last, where none is and `method` has such networks.
fn inaccessible(method: Method, chosen: &[String], names: &[String]) -> Result<Vec<usize>> {
    let place = |name: &String| {
        names.iter().position(|known| known == name).ok_or_else(|| {
            Error::invalid(format!("--inaccessible: there is no network `{name}`; there are {}", names.join(", ")))
        })
    };
    let mut places = chosen.iter().map(place).collect::<Result<Vec<_>>>()?;
    if places.is_empty() && method.has_inaccessible() {
        places.extend(names.len().checked_sub(1));
    }
    // In order, each once, so that the same networks are the same configuration.
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

/// What stands before the progress bar.
fn bar_name(control: FitControl) -> &'static str {
    match control {
        FitControl::None => "aligning",
        other => other.name(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
