use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use mas_core::{
    Alignment, Direction, Edit, Exchange, Fit, FitConfig, FunctionConfig, FunctionKind, Member, Method, Network, Pairs,
    Participant, Positions, Recorded, Resume, Setting, Start, Subspaces, Swap, all_directions, evaluate, fit,
    interchanged_vectors,
};
use mas_models::{FrozenDecoder, LanguageModel, Tokenizer};
use serde::{Deserialize, Serialize};

use super::{Answers, Group, Progress, Settings, Study};
use crate::{
    Error, Result,
    device::Compute,
    prompted::{self, Answered},
    results::{Control, OutcomeRow, read_rows, untrained_twin, write_file, write_rows},
    seeds::derive,
};

/// Every held-out interchange at one site.
pub struct AtSite {
    pub site: String,
    pub rows: Vec<OutcomeRow>,
    pub shown: Vec<Shown>,
    /// What has to be said of it, a sentence each.
    pub warnings: Vec<String>,
}

/// What a model says after an interchange, to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    pub source: String,
    pub target: String,
    /// The prompt.
    pub prompt: usize,
    pub said: String,
}

/// How many of these there are.
const SHOWN: usize = 6;

/// What is interchanged between which models.
pub struct Interchanges<'a> {
    pub study: &'a Study,
    pub models: &'a [FrozenDecoder<LanguageModel>],
    pub answers: &'a Answers,
    pub tokenizer: &'a Tokenizer,
    pub compute: &'a Compute,
}

/// Fits what has not been fitted, at every site, and measures it.
pub fn interchanges(of: &Interchanges, progress: &mut Progress) -> Result<Vec<AtSite>> {
    let study = of.study;
    let mut found = Vec::new();
    for (index, site) in study.settings.sites.iter().enumerate() {
        let (mut rows, mut warnings) = (Vec::new(), Vec::new());
        for control in [Control::None, Control::Shuffled, Control::RandomNetwork] {
            let asked_for = match control {
                Control::None => true,
                // At one site they are enough to say what a fit to nothing comes to.
                Control::Shuffled => index == 0,
                _ => index == 0 && study.settings.random_network,
            };
            if asked_for {
                match of.at_site(site, control, progress)? {
                    Some(found) => rows.extend(found),
                    None => warnings.push(format!("The {control} control at {site} is left out: its fit diverged.")),
                }
            }
        }
        let folder = study.folder.join("alignments").join(site);
        if best_step(&folder) == Some(0) {
            warnings.push(format!("No step of the fit at {site} was better, by its validation, than where it began."));
        }
        let path = folder.join(SHOWN_FILE);
        let shown = std::fs::read(&path).map_err(|error| Error::io(&path, error))?;
        let shown = serde_json::from_slice(&shown);
        let shown = shown.map_err(|error| Error::invalid(format!("{}: {error}; remove it", path.display())))?;
        found.push(AtSite { site: site.clone(), rows, shown, warnings });
    }
    Ok(found)
}

const SHOWN_FILE: &str = "shown.json";
const BEST_STEP: &str = "best-step";

/// The step whose alignment was kept, of the alignment in a folder.
fn best_step(folder: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(folder.join("alignment.toml")).ok()?;
    let file: toml::Table = toml::from_str(&text).ok()?;
    file.get("settings")?.get(BEST_STEP)?.as_integer()
}

impl Interchanges<'_> {
    /// Every held-out interchange of one fit at `site`. In that of the random-network control an untrained twin stands in the
    /// first model's place, and the targets should go on as the model itself did; only what the twin sends is measured.
    /// None of a control that diverged.
    fn at_site(&self, site: &str, control: Control, progress: &mut Progress) -> Result<Option<Vec<OutcomeRow>>> {
        let Self { study, models, answers, compute, .. } = *self;
        let settings = &study.settings;
        let name = if control == Control::None { site.to_owned() } else { format!("{site}-{}", control.id()) };
        let folder = study.folder.join("alignments").join(&name);
        let table = folder.join("outcomes.csv");
        if table.is_file() && (control != Control::None || folder.join(SHOWN_FILE).is_file()) {
            return Ok(Some(read_rows(&table)?));
        }
        std::fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        let twin = (control == Control::RandomNetwork).then(|| self.twin()).transpose()?;
        let networks =
            models.iter().enumerate().map(|(index, model)| twin.as_ref().filter(|_| index == 0).unwrap_or(model));
        let participants: Vec<Participant> =
            networks.map(|model| Participant::live(model, site)).collect::<mas_core::Result<_>>()?;
        let directions = all_directions(models.len());
        let judges = |direction: Direction| twin.is_none() || (direction.source == 0 && direction.target != 0);
        let (training, validation) = (settings.training_prompts, settings.validation_prompts);
        let of = |range: Range<usize>, shuffled: bool| -> Result<Vec<Pairs>> {
            let pairs = |direction: &Direction| {
                let [source, target] = [direction.source, direction.target].map(|model| &answers.models[model].1);
                let one = |at: usize| Answered {
                    prompt: &answers.prompts[at].0,
                    source: &source[at].0,
                    target: &target[at].0,
                };
                let pairs = prompted::pairs(&range.clone().map(one).collect::<Vec<_>>())?;
                let purpose = [direction.source.to_string(), direction.target.to_string()];
                let seed = derive(settings.seed, &["shuffle", &purpose[0], &purpose[1]]);
                Ok(if shuffled { pairs.shuffled(Positions::Stepwise, seed)? } else { pairs })
            };
            directions.iter().map(pairs).collect()
        };
        let shuffled = control == Control::Shuffled;
        let sets = [
            of(0..training, shuffled)?,
            of(training..training + validation, shuffled)?,
            of(training + validation..training + validation + settings.held_out_prompts, shuffled)?,
        ];
        let [training, validation, held_out] = [0, 1, 2].map(|set: usize| -> Vec<Exchange> {
            let exchange = |(&direction, pairs)| Exchange { direction, subspace: 0, pairs };
            directions.iter().zip(&sets[set]).map(exchange).collect()
        });
        let objective = Method::Mas.objective(models.len())?;
        let setting = Setting { positions: Positions::Stepwise, retain: objective.retain };
        let fit = Fit {
            participants: participants.clone(),
            setting,
            training,
            validation,
            objective,
            config: FitConfig {
                batch: settings.fit_batch,
                learning_rate: settings.fit_learning_rate,
                max_steps: settings.fit_steps,
                // A killed fit goes on from its last validation.
                evaluate_every: settings.fit_steps.div_ceil(3).min(100),
                judged: twin.is_some().then(|| directions.iter().copied().filter(|&one| judges(one)).collect()),
                by_tokens: true,
                seed: derive(settings.seed, &["batches"]),
                ..FitConfig::default()
            },
        };
        let alignment = begin(settings, &participants, compute)?;
        let checkpoint = folder.join("checkpoint.safetensors");
        let fitted = fit.run(alignment, Some(&checkpoint), &mut |event| {
            if let fit::Event::Step { step, loss } = event {
                progress(&format!("aligning at {name}, loss {loss:.3}"), step, settings.fit_steps);
            }
            Ok(())
        })?;
        if fitted.ending == fit::Ending::Diverged && control != Control::None {
            return Ok(None);
        }
        if fitted.ending == fit::Ending::Diverged {
            // It is the only fit of its kind: judged, it would pass for what models share.
            return Err(mas_core::Error::NotFinite(format!(
            "the fit at {name} diverged after {} steps; a smaller learning rate than {} may help. Its last good checkpoint is {}",
            fitted.steps,
            settings.fit_learning_rate,
            checkpoint.display()
        ))
        .into());
        }
        progress(&format!("judging at {name}"), settings.fit_steps, settings.fit_steps);
        let held_out: Vec<Exchange> = held_out.into_iter().filter(|exchange| judges(exchange.direction)).collect();
        let mut rows = Vec::new();
        let mut measured = vec![(control, Swap::Interchange)];
        if control == Control::None {
            measured.extend([(Control::NoSwap, Swap::NoSwap), (Control::MeanSwap, Swap::MeanSwap)]);
        }
        for (control, swap) in measured {
            let outcomes = evaluate(&participants, &fitted.alignment, setting, &held_out, swap)?;
            for (exchange, outcomes) in held_out.iter().zip(&outcomes) {
                for (pair, outcome) in outcomes.iter().enumerate() {
                    rows.push(OutcomeRow {
                        source: participants[exchange.direction.source].name().to_owned(),
                        target: participants[exchange.direction.target].name().to_owned(),
                        variable: "full".into(),
                        control,
                        pair: pair as u64,
                        // Source and target read the same prompt.
                        source_sequence: pair as u64,
                        target_sequence: pair as u64,
                        changed: exchange.pairs.changed[pair],
                        held_out_count: false,
                        correct: outcome.is_right(),
                        tokens_correct: outcome.right.into(),
                        tokens: outcome.tokens.into(),
                    });
                }
            }
        }
        if control == Control::None {
            let shown = self.shown(&participants, &fitted.alignment, setting, &held_out)?;
            let shown = serde_json::to_vec_pretty(&shown).map_err(|error| Error::Internal(error.to_string()))?;
            write_file(&folder.join(SHOWN_FILE), &shown)?;
        }
        let about: toml::Table = toml::Table::from_iter([
            ("study".to_owned(), "toxicity".into()),
            ("site".to_owned(), site.into()),
            (BEST_STEP.to_owned(), (fitted.best_step as i64).into()),
        ]);
        fitted.alignment.save(&folder, &about)?;
        write_rows(&table, &rows)?;
        std::fs::remove_file(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
        Ok(Some(rows))
    }

    /// A few answers after an interchange from a toxic model into one that is not.
    fn shown(
        &self,
        participants: &[Participant],
        alignment: &Alignment,
        setting: Setting,
        held_out: &[Exchange],
    ) -> Result<Vec<Shown>> {
        let Self { models, answers, tokenizer, .. } = *self;
        let settings = &self.study.settings;
        let mut shown = Vec::new();
        let across = |exchange: &&Exchange| {
            let [source, target] = [exchange.direction.source, exchange.direction.target].map(|at| models[at].name());
            Group::of(source, target) == Group::ToxicNontoxic && Group::is_toxic(source)
        };
        if let Some(exchange) = held_out.iter().find(across) {
            let changed: Vec<usize> = (0..exchange.pairs.len()).filter(|&pair| exchange.pairs.changed[pair]).collect();
            let chosen = &changed[..changed.len().min(SHOWN)];
            let pairs = exchange.pairs.select(chosen);
            let exchange = Exchange { pairs: &pairs, ..*exchange };
            let target = &models[exchange.direction.target];
            for (pair, said) in chosen.iter().zip(said_after(participants, target, alignment, setting, exchange)?) {
                shown.push(Shown {
                    source: answers.models[exchange.direction.source].0.clone(),
                    target: answers.models[exchange.direction.target].0.clone(),
                    prompt: settings.training_prompts + settings.validation_prompts + pair,
                    said: tokenizer.decode(&said)?,
                });
            }
        }
        Ok(shown)
    }

    /// A model of the first one's shape that has learned nothing.
    fn twin(&self) -> Result<FrozenDecoder<LanguageModel>> {
        let first = &self.models[0];
        let seed = derive(self.study.settings.seed, &["untrained twin", first.name()]);
        let network = first.network().config().init(seed, &self.compute.device)?;
        Ok(FrozenDecoder::new(untrained_twin(first.name()), network))
    }
}

/// What the target says after each interchange, as long as the source's answer is.
fn said_after(
    participants: &[Participant],
    target: &FrozenDecoder<LanguageModel>,
    alignment: &Alignment,
    setting: Setting,
    exchange: Exchange,
) -> Result<Vec<Vec<u32>>> {
    let pairs = exchange.pairs;
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let vectors = interchanged_vectors(participants, alignment, setting, &[exchange])?;
    let rows: Vec<usize> = (0..pairs.len()).collect();
    let resume = Resume {
        site: participants[exchange.direction.target].site(),
        interchange: setting.positions,
        prefix: None,
        trials: &pairs.counterfactual,
        positions: &pairs.target_positions,
        rows: &rows,
        free_running: true,
        natural: None,
    };
    let mut said = vec![BTreeMap::new(); pairs.len()];
    for vectors in vectors {
        let continuation = target.resume(&resume, Edit::Known(vectors.interchanged))?;
        for (at, token) in continuation.at.iter().zip(continuation.predictions()?) {
            said[at.row].insert(at.position, token);
        }
    }
    Ok(said.into_iter().map(|tokens| tokens.into_values().collect()).collect())
}

/// The rotation that changes nothing, for every model.
fn begin(settings: &Settings, participants: &[Participant], compute: &Compute) -> Result<Alignment> {
    let subspaces = Subspaces::new([("full".to_owned(), settings.k)])?;
    let function = FunctionConfig::new(FunctionKind::Orthogonal, Start::Identity);
    let member = |participant: &Participant| {
        let site = participant.site().clone();
        let seed = derive(settings.seed, &["rotation", participant.name()]);
        let function = function.init(site.width, settings.k, seed, None, &compute.device)?;
        Ok(Member { network: participant.name().to_owned(), site, function })
    };
    let members = participants.iter().map(member).collect::<Result<_>>()?;
    Ok(Alignment::new(members, subspaces)?)
}
