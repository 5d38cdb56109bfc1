//! The alignments of a study.

use mas_core::{FunctionConfig, FunctionKind, LATENT_WEIGHT, Method, Start, alignment::Parametrisation};
use mas_tasks::{PairConfig, Positions, ProgramKind, Task, TaskConfig, ValueRange, VariablePair};
use toml::Spanned;

use super::defaults;
use super::error::StudyError;
use super::file::AlignmentTable;
use super::listed::OneOrMany;
use super::networks::Network;
use super::pairing::{Pairing, Wanted};
use super::source::Source;
use super::{AlignConfiguration, FitControl, FitSettings};

/// The fits of one `[[alignments]]` table.
#[derive(Debug, Clone)]
pub(super) struct AlignmentFits {
    /// Its name.
    pub name: String,
    /// Its fits, controls included.
    pub fits: Vec<Fit>,
}

/// One fit.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// What it is called in lists and beside progress bars.
    pub name: String,
    /// Its networks, as places in the study's.
    pub networks: Vec<usize>,
    /// Everything else.
    pub configuration: AlignConfiguration,
}

/// Checks all alignments.
pub(super) fn check(
    source: &Source,
    tables: &[AlignmentTable],
    networks: &[Network],
    settings: FitSettings,
    seed: u64,
) -> Result<Vec<AlignmentFits>, StudyError> {
    source.distinct("an alignment called", tables.iter().map(|table| &table.name))?;
    let checker = |table| {
        let table: &AlignmentTable = table;
        let pairing = Pairing { source, networks, place: table.name.span() };
        Checker { source, table, networks, settings, pairing }.fits(seed)
    };
    tables.iter().map(checker).collect()
}

struct Checker<'a> {
    source: &'a Source<'a>,
    table: &'a AlignmentTable,
    networks: &'a [Network],
    settings: FitSettings,
    pairing: Pairing<'a>,
}

impl Checker<'_> {
    fn fits(&self, seed: u64) -> Result<AlignmentFits, StudyError> {
        let (source, table) = (self.source, self.table);
        source.name("an alignment", &table.name)?;
        let method = match &table.method {
            Some(name) => source.choice("method", name, Method::ALL, |method| method.id())?,
            None => Method::Mas,
        };
        let FunctionConfig { kind: function, start, parametrisation, prestep: pre_step, .. } = self.function()?;
        let positions = match &table.positions {
            Some(name) => *source.choice("kind of positions", name, Positions::ALL, |one| one.name())?,
            None => Positions::Individual,
        };
        let program = match &table.program {
            Some(name) => Some(*source.choice("program", name, ProgramKind::ALL, |one| one.name())?),
            None => None,
        };
        let range = self.range()?;
        let variables = self.variables()?;
        let positive = |key, given: &Option<Spanned<usize>>, default| source.positive(key, given.as_ref(), default);
        let max_steps = positive("max-steps", &table.max_steps, self.settings.max_steps(method))?;
        let common = AlignConfiguration {
            method,
            function,
            start,
            parametrisation,
            pre_step,
            sites: Vec::new(),
            positions,
            variables,
            prompts: None,
            program,
            range,
            k: None,
            sizes: table.sizes.as_ref().map_or_else(Vec::new, |sizes| sizes.get_ref().clone()),
            inaccessible: Vec::new(),
            cl_weight: self.cl_weight(method)?,
            together: table.together.as_ref().is_some_and(|together| *together.get_ref()),
            null: table.null.as_ref().is_some_and(|null| *null.get_ref()),
            training_pairs: positive("training-pairs", &table.training_pairs, self.settings.training_pairs())?,
            held_out_pairs: positive("held-out-pairs", &table.held_out_pairs, defaults::HELD_OUT_PAIRS)?,
            batch: positive("batch", &table.batch, defaults::BATCH)?,
            learning_rate: {
                let default = self.settings.learning_rate();
                source.above_zero("learning-rate", table.learning_rate.as_ref(), default)?
            },
            cool_down: self.cool_down(max_steps)?,
            max_steps,
            evaluate_every: positive("evaluate-every", &table.evaluate_every, defaults::EVALUATE_EVERY)?,
            free_running: table.free_running.unwrap_or(false),
            control: FitControl::None,
            seed,
        };
        let seeds = source.seeds(table.seeds.as_ref(), seed, "leave it out for the study's own")?;
        let mut fits = Vec::new();
        for members in self.groups(method)? {
            self.goes_together(&common, &members)?;
            let sites = self.pairing.sites(table.site.as_ref(), &members)?;
            let ks = self.ks(method, common.variables.len(), &members)?;
            let controls = FitControl::with(table.controls.unwrap_or(true));
            let inaccessible = self.inaccessible(method, &members)?;
            let common = AlignConfiguration { sites: sites.clone(), inaccessible, ..common.clone() };
            self.has_objective(&common)?;
            for k in ks {
                for (&seed, &control) in
                    seeds.iter().flat_map(|seed| controls.iter().map(move |control| (seed, control)))
                {
                    let sites = sites.clone();
                    let configuration = AlignConfiguration { sites, k, control, seed, ..common.clone() };
                    let mut name = self.fit_name(&configuration, &members);
                    if seeds.len() > 1 {
                        name.push_str(&format!(", seed {seed}"));
                    }
                    fits.push(Fit { name, networks: members.clone(), configuration });
                }
            }
        }
        Ok(AlignmentFits { name: table.name.get_ref().clone(), fits })
    }

    /// The alignment function, and where it begins.
    fn function(&self) -> Result<FunctionConfig, StudyError> {
        let (source, table) = (self.source, self.table);
        let mut config = FunctionConfig::default();
        if let Some(name) = &table.function {
            config.kind = source.choice("alignment function", name, FunctionKind::ALL, |kind| kind.id())?;
        }
        if let Some(parts) = &table.pre_step {
            let refused = |error: mas_core::Error| source.error(parts.span(), error.to_string(), None);
            config.prestep = parts.get_ref().parse().map_err(refused)?;
        }
        // One after the other, so that a refusal is about the key that it points at.
        config.start = self.settings.start(config.kind);
        if let Some(name) = &table.start {
            config.start = source.choice("start", name, Start::ALL, |start| start.id())?;
            config.check().map_err(|error| source.error(name.span(), error.to_string(), None))?;
        }
        if let Some(name) = &table.parametrisation {
            let chosen = source.choice("parametrisation", name, Parametrisation::ALL, |one| one.id())?;
            config.parametrisation = Some(chosen);
            config.check().map_err(|error| source.error(name.span(), error.to_string(), None))?;
        }
        Ok(config)
    }

    /// Which networks are fitted together.
    fn groups(&self, method: Method) -> Result<Vec<Vec<usize>>, StudyError> {
        let (source, table) = (self.source, self.table);
        if method == Method::Das {
            if let Some(pairs) = &table.pairs {
                let help = "leave out `pairs`: there is a fit for each of `networks`";
                return Err(source.error(pairs.span(), "`das` takes one network at a time", help));
            }
            let members = self.pairing.members(table.networks.as_ref())?;
            return Ok(members.into_iter().map(|member| vec![member]).collect());
        }
        let what = format!("`{}`", method.id());
        let wanted = Wanted { what: &what, most: method.most_networks(), directed: method.is_directed() };
        self.pairing.groups(table.pairs.as_ref(), table.networks.as_ref(), &wanted)
    }

    /// Which of a fit's networks are read and not run, as places in the fit.
    fn inaccessible(&self, method: Method, members: &[usize]) -> Result<Vec<usize>, StudyError> {
        let Some(given) = &self.table.inaccessible else {
            let last = members.len().checked_sub(1).filter(|_| method.has_inaccessible());
            return Ok(last.into_iter().collect());
        };
        let chosen = self.pairing.members(Some(given))?;
        let places: Vec<usize> = (0..members.len()).filter(|&place| chosen.contains(&members[place])).collect();
        if method.has_inaccessible() && places.is_empty() {
            let names: Vec<_> = members.iter().map(|&member| format!("`{}`", self.networks[member].name)).collect();
            let message = format!("none of these is in the fit of {}", names.join(" and "));
            let help =
                "name the networks that are fitted together in `pairs`, or leave it out for the last of each fit";
            return Err(self.source.error(given.span(), message, help));
        }
        Ok(places)
    }

    fn cl_weight(&self, method: Method) -> Result<Option<f64>, StudyError> {
        let Some(given) = &self.table.cl_weight else { return Ok(method.weighs_latent().then_some(LATENT_WEIGHT)) };
        let weight = *given.get_ref();
        if !method.weighs_latent() {
            let message = format!("cl-weight means nothing to `{}`, which has not both losses", method.id());
            return Err(self.source.error(
                given.span(),
                message,
                "leave it out; the method that weighs them is `clmas`",
            ));
        }
        if !weight.is_finite() || weight < 0.0 {
            let help = format!("it is at least 0, and {LATENT_WEIGHT} if left out");
            return Err(self.source.error_with(given.span(), format!("cl-weight = {weight} is impossible"), help));
        }
        Ok(Some(weight))
    }

    /// Whether there is such a fit as all settings together ask for.
    fn has_objective(&self, fit: &AlignConfiguration) -> Result<(), StudyError> {
        let table = self.table;
        let span = (table.inaccessible.as_ref().map(Spanned::span))
            .or(table.together.as_ref().map(Spanned::span))
            .or(table.null.as_ref().map(Spanned::span))
            .or(table.method.as_ref().map(Spanned::span))
            .unwrap_or(table.name.span());
        fit.objective().map(|_| ()).map_err(|error| self.source.error(span, error.to_string(), None))
    }

    /// Steps at the end of `max_steps` in which the learning rate goes down.
    fn cool_down(&self, max_steps: usize) -> Result<Option<usize>, StudyError> {
        let Some(given) = &self.table.cool_down else { return Ok(self.settings.cool_down(max_steps)) };
        match *given.get_ref() {
            0 => Ok(None),
            steps if steps <= max_steps => Ok(Some(steps)),
            steps => {
                let what = format!("cool-down = {steps} is impossible");
                Err(self.source.error_with(given.span(), what, format!("it is at most max-steps, {max_steps}")))
            }
        }
    }

    fn range(&self) -> Result<Option<ValueRange>, StudyError> {
        let Some(given) = &self.table.range else { return Ok(None) };
        let wrong = |problem| self.source.error(given.span(), problem, "two numbers, the smaller first: [0, 20]");
        value_range(given.get_ref()).map(Some).map_err(wrong)
    }

    fn variables(&self) -> Result<Vec<VariablePair>, StudyError> {
        let source = self.source;
        let parse = |name: &str| name.parse::<VariablePair>().map_err(|error| error.to_string());
        let Some(given) = &self.table.variables else {
            let variable = parse(defaults::VARIABLE);
            return Ok(vec![variable.map_err(|problem| source.error(self.table.name.span(), problem, None))?]);
        };
        if given.get_ref().is_empty() {
            return Err(source.error(given.span(), "there are no variables", "leave it out for `full`"));
        }
        source.distinct("the variable", given.get_ref())?;
        let pairs = (given.get_ref().iter()).map(|name| {
            parse(name.get_ref()).map_err(|problem| {
                source.error(name.span(), problem, "`a:b` is the first network's `a` and the second one's `b`")
            })
        });
        let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
        let is_full = |pair: &VariablePair| *pair == VariablePair::from(mas_tasks::Variable::Full);
        if pairs.len() > 1 && pairs.iter().any(is_full) {
            let help = "the variables of a fit have a subspace each, and `full` is all of them: make it an alignment";
            return Err(source.error(given.span(), "`full` stands beside other variables", help));
        }
        Ok(pairs)
    }

    /// Whether the variables can be interchanged between these networks, as far as their tasks are known.
    fn goes_together(&self, fit: &AlignConfiguration, members: &[usize]) -> Result<(), StudyError> {
        let (source, table) = (self.source, self.table);
        let place = |i: usize| match &table.variables {
            Some(given) => given.get_ref()[i].span(),
            None => table.name.span(),
        };
        let mut tasks: Vec<Task> = Vec::new();
        for &member in members {
            let Some(kind) = self.networks[member].task else { return Ok(()) };
            let built = TaskConfig { program: fit.program, ..TaskConfig::new(kind) }.build();
            tasks.push(built.map_err(|error| {
                let span = table.program.as_ref().map_or(table.name.span(), Spanned::span);
                source.error(span, format!("`{}`: {error}", self.networks[member].name), None)
            })?);
        }
        for (i, variable) in fit.variables.iter().enumerate() {
            if variable.source != variable.target && members.len() != 2 {
                let message = format!("`{variable}` names two networks' variables, and the fit has {}", members.len());
                return Err(source.error(place(i), message, "take \"all\" or \"ring\", or name pairs of networks"));
            }
            // Every network is source and target, of itself too.
            for (a, b) in (0..members.len()).flat_map(|a| (0..members.len()).map(move |b| (a, b))) {
                let of = |network: usize| if network == 0 { variable.source } else { variable.target };
                let mut pair = PairConfig::new(tasks[a].clone(), tasks[b].clone(), (of(a), of(b)));
                pair.range = fit.range;
                pair.check().map_err(|error| {
                    let (a, b) = (&self.networks[members[a]].name, &self.networks[members[b]].name);
                    let message = format!("`{variable}` from `{a}` to `{b}`: {error}");
                    source.error(place(i), message, "choose variables that both networks' tasks have")
                })?;
            }
        }
        Ok(())
    }

    /// The sizes of subspace to fit.
    fn ks(&self, method: Method, variables: usize, members: &[usize]) -> Result<Vec<Option<usize>>, StudyError> {
        let source = self.source;
        let of = |&member: &usize| (self.networks[member].width, self.networks[member].name.as_str());
        let narrowest = members.iter().map(of).min_by_key(|(width, _)| *width);
        if let Some(sizes) = &self.table.sizes {
            return self.sizes_fit(sizes, method, variables, narrowest).map(|()| vec![None]);
        }
        match &self.table.k {
            Some(given) if method.takes_everything() => {
                let message = format!("k means nothing to `{}`, which takes everything", method.id());
                Err(source.error(given.span(), message, "leave it out"))
            }
            None if method.takes_everything() => Ok(vec![None]),
            None => {
                let room = narrowest.map_or(defaults::K, |(width, _)| width / variables);
                if room == 0 {
                    let message = format!("{variables} variables have no room in so narrow a network");
                    return Err(source.error(self.table.name.span(), message, "align fewer variables"));
                }
                Ok(vec![Some(defaults::K.min(room))])
            }
            Some(given) => {
                let OneOrMany(ks) = given.get_ref();
                if ks.is_empty() || ks.contains(&0) {
                    let message = if ks.is_empty() { "k is empty" } else { "k = 0 is impossible" };
                    return Err(source.error(given.span(), message, "a subspace has at least one coordinate"));
                }
                if let Some(i) = (1..ks.len()).find(|&i| ks[..i].contains(&ks[i])) {
                    return Err(source.error(given.span(), format!("k = {} is there twice", ks[i]), "leave one out"));
                }
                if let (Some((width, name)), Some(&k)) = (narrowest, ks.iter().max())
                    && k.saturating_mul(variables) > width
                {
                    let (message, help) = if variables == 1 {
                        (format!("k = {k} is more than the width of `{name}`, {width}"), format!("at most {width}"))
                    } else {
                        let message = format!("{variables} subspaces of k = {k} are more than `{name}` has, {width}");
                        (message, format!("at most {}", width / variables))
                    };
                    return Err(source.error_with(given.span(), message, help));
                }
                Ok(ks.iter().copied().map(Some).collect())
            }
        }
    }

    /// Whether there is room for subspaces of these sizes.
    fn sizes_fit(
        &self,
        given: &Spanned<Vec<usize>>,
        method: Method,
        variables: usize,
        narrowest: Option<(usize, &str)>,
    ) -> Result<(), StudyError> {
        let refuse = |message: String, help: &'static str| Err(self.source.error(given.span(), message, help));
        let sizes = given.get_ref();
        if method.takes_everything() {
            return refuse(
                format!("sizes mean nothing to `{}`, which takes everything", method.id()),
                "leave them out",
            );
        }
        if self.table.k.is_some() {
            return refuse(
                "sizes stand beside k".into(),
                "k is for subspaces that are all of one size: give one of the two",
            );
        }
        if sizes.len() != variables || sizes.contains(&0) {
            let message = format!("{sizes:?} are not the sizes of {variables} subspaces");
            return refuse(message, "give one number, at least 1, for each variable");
        }
        let all = sizes.iter().fold(0, |sum: usize, &size| sum.saturating_add(size));
        match narrowest {
            Some((width, name)) if all > width => refuse(
                format!("subspaces of {all} coordinates are more than `{name}` has, {width}"),
                "make them smaller",
            ),
            _ => Ok(()),
        }
    }

    fn fit_name(&self, fit: &AlignConfiguration, members: &[usize]) -> String {
        let names: Vec<_> = members.iter().map(|&member| self.networks[member].name.as_str()).collect();
        let mut name = format!("{}: {}", self.table.name.get_ref(), names.join(" "));
        if fit.alignment_function() != FunctionConfig::new(FunctionKind::default(), fit.start) {
            name.push_str(&format!(", {}", fit.function_label()));
        }
        if !fit.sizes.is_empty() {
            name.push_str(&format!(", k = {:?}", fit.sizes));
        }
        if let Some(k) = fit.k {
            name.push_str(&format!(", k = {k}"));
        }
        if fit.control != FitControl::None {
            name.push_str(&format!(", {}", fit.control.name()));
        }
        name
    }
}

/// The range of values that two numbers tell, the smaller first.
///
/// # Errors
/// Another number of them, a range that holds no value or has no end.
pub(crate) fn value_range(ends: &[f64]) -> Result<ValueRange, String> {
    match *ends {
        [min, max] if min <= max && min.is_finite() && max.is_finite() => Ok(ValueRange { min, max }),
        [min, max] if min.is_finite() && max.is_finite() => Err(format!("no value lies from {min} to {max}")),
        [_, _] => Err("a range has finite ends".into()),
        _ => Err(format!("a range has two ends, not {}", ends.len())),
    }
}
