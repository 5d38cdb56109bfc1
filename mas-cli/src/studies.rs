//! A study, run: its units done, its results gathered into what a report shows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mas_core::{Alignment, Subspaces, fit};
use mas_models::{NetworkDescription, SavedNetwork, TrainingEvent};

use crate::{
    Error, Result,
    claims::{Evidence, claim},
    device::Compute,
    given::Given,
    networks::{self, Loaded},
    report::{ENCODINGS, NetworkSummary, StudyReport, TrainingCurve, TrainingPoint, encoding_table},
    results::{
        Control, EncodingRow, FitCurve, FitRow, OutcomeRow, QuantityRow, SimilarityRow, UnitOutcomes, is_untrained,
        read_rows, trained_name, untrained_twin, write_rows,
    },
    runs::{InputSource, Key, Plan, RunFolder, Section, Unit, UnitContext, UnitKind, UnitRecord},
    statistics::iia_rows,
    study::{
        AlignConfiguration, EncodingConfiguration, FitControl, SimilarityConfiguration, Study, Swapped,
        TrainConfiguration,
    },
    work::{self, AlignmentSettings, Blocks, PairCounts},
};

/// Does one unit of a study.
///
/// # Errors
/// What the unit's own work says.
pub fn perform(unit: &Unit, context: &UnitContext, compute: &Compute) -> Result<()> {
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    match unit.kind() {
        UnitKind::Train => {
            let configuration: TrainConfiguration = unit.configuration_as().map_err(internal)?;
            let checkpoint = context.dir.join("checkpoint");
            let (saved, trained) = work::train(&configuration, &checkpoint, compute, &mut |event, epochs| {
                if let TrainingEvent::Validated(record) = event {
                    context.progress.advance(record.epoch as u64, epochs as u64);
                    context.progress.say(&format!("{:.1} % of trials right", 100.0 * record.trial_accuracy));
                }
            })?;
            saved.save(context.dir.join(work::NETWORK), &trained.history)?;
            if checkpoint.exists() {
                std::fs::remove_dir_all(&checkpoint).map_err(|error| Error::io(&checkpoint, error))?;
            }
            Ok(())
        }
        UnitKind::Align => {
            let configuration: AlignConfiguration = unit.configuration_as().map_err(internal)?;
            let networks = inputs(unit, context, compute)?.into_iter().map(Given::from).collect();
            work::align(&configuration, networks, compute, context.dir, &mut |event| {
                match event {
                    fit::Event::Step { step, .. } => {
                        context.progress.advance(*step as u64, configuration.max_steps as u64);
                    }
                    fit::Event::Validated(validation) => context.progress.say(&lowest(validation)),
                    _ => {}
                }
                Ok(())
            })?;
            Ok(())
        }
        UnitKind::Similarity => {
            let configuration: SimilarityConfiguration = unit.configuration_as().map_err(internal)?;
            let networks = inputs(unit, context, compute)?;
            let [a, b] = networks.as_slice() else {
                return Err(Error::Internal(format!("a similarity of {} networks", networks.len())));
            };
            let rows = work::similarity(&configuration, a, b)?;
            Ok(write_rows(&context.dir.join(SIMILARITY), &rows)?)
        }
        UnitKind::Encoding => {
            let configuration: EncodingConfiguration = unit.configuration_as().map_err(internal)?;
            let networks = inputs(unit, context, compute)?;
            let [network] = networks.as_slice() else {
                return Err(Error::Internal(format!("an encoding of {} networks", networks.len())));
            };
            let rows = work::encoding(&configuration, network)?;
            Ok(write_rows(&context.dir.join(ENCODING), &rows)?)
        }
    }
}

const SIMILARITY: &str = "similarity.csv";

const ENCODING: &str = "encoding.csv";

/// How far a fit is, in words.
pub fn lowest(validation: &fit::Validation) -> String {
    let lowest = validation.accuracy.iter().map(|accuracy| accuracy.iia).reduce(f64::min);
    let behaviour = lowest.map(|lowest| format!("lowest validation IIA {lowest:.3}"));
    let latent = validation.mean_latent().map(|loss| format!("latent loss {loss:.4}"));
    behaviour.into_iter().chain(latent).collect::<Vec<_>>().join(", ")
}

fn inputs(unit: &Unit, context: &UnitContext, compute: &Compute) -> Result<Vec<Loaded>> {
    unit.inputs()
        .iter()
        .zip(&context.inputs)
        .map(|(input, folder)| {
            let place = network_folder(&input.source, folder);
            let mut loaded = Loaded::open(&place, Some(&input.name), input.allow_unaccepted, compute)?;
            if let InputSource::Unit(kind) = &input.source {
                // Seen from the result's folder, so that a run folder can be moved.
                loaded.path = Path::new("../..").join(kind.name()).join(input.key.to_string()).join(work::NETWORK);
            }
            Ok(loaded)
        })
        .collect()
}

/// Refuses a study whose finished results rest on networks that did not reach the acceptance mark and that it does not
/// allow: another study may have allowed them.
///
/// # Errors
/// The first such network; a description that cannot be read.
pub fn refuse_unaccepted(plan: &Plan, folder: &RunFolder) -> Result<()> {
    let inputs = plan.units().iter().flat_map(Unit::inputs);
    for input in inputs.filter(|input| !input.allow_unaccepted) {
        let place = network_folder(&input.source, &folder.input(input));
        networks::refuse_unaccepted(&SavedNetwork::describe(&place)?, &input.name, &place)?;
    }
    Ok(())
}

/// Where the network is in what an input points at.
fn network_folder(source: &InputSource, folder: &Path) -> PathBuf {
    match source {
        InputSource::Unit(_) => folder.join(work::NETWORK),
        InputSource::Path(_) => folder.to_owned(),
    }
}

/// Gathers the finished results of a study.
///
/// # Errors
/// A result that cannot be read.
pub fn gather(study: &Study, plan: &Plan, folder: &RunFolder, compute: &Compute) -> Result<StudyReport> {
    let mut report = StudyReport {
        name: study.name.clone(),
        title: study.title.clone(),
        cut: study.cut.clone(),
        ..StudyReport::default()
    };
    for section in plan.sections() {
        report.cut_tables.extend(cut(plan, section)?);
        match section.kind {
            UnitKind::Train => {}
            UnitKind::Align => alignments(study, plan, folder, section, compute, &mut report)?,
            UnitKind::Similarity => {
                for &key in &section.units {
                    let Some(unit) = plan.unit(key) else { continue };
                    let names = Names::of(unit, folder)?;
                    let rows = read_rows::<SimilarityRow>(&folder.result(unit.kind(), key).join(SIMILARITY))?;
                    report.similarity.extend(rows.into_iter().map(|row| SimilarityRow {
                        study: study.name.clone(),
                        similarity: section.name.clone(),
                        a: names.here(&row.a),
                        b: names.here(&row.b),
                        ..row
                    }));
                }
            }
            UnitKind::Encoding => {
                for &key in &section.units {
                    let Some(unit) = plan.unit(key) else { continue };
                    let names = Names::of(unit, folder)?;
                    let rows = read_rows::<EncodingRow>(&folder.result(unit.kind(), key).join(ENCODING))?;
                    report.encodings.extend(rows.into_iter().map(|row| EncodingRow {
                        study: study.name.clone(),
                        encoding: section.name.clone(),
                        network: names.here(&row.network),
                        ..row
                    }));
                }
            }
        }
    }
    for of in &report.outcomes {
        report.iia.extend(iia_rows(&of.unit, &of.rows));
    }
    if !report.encodings.is_empty() {
        report.tables.push((ENCODINGS.to_owned(), encoding_table(&report.encodings)));
    }
    networks(plan, folder, &mut report)?;
    let shipped: Vec<&str> = study.shipped().collect();
    if !shipped.is_empty() {
        let names = shipped.join(", ");
        report.cut.push(format!(
            "Trained beforehand, with recipe and hash beside the study: {names}. --retrain trains them."
        ));
    }
    let evidence =
        Evidence { outcomes: &report.outcomes, similarity: &report.similarity, encodings: &report.encodings };
    report.claims = study.claims.iter().filter_map(|id| claim(id)).flat_map(|claim| claim.decide(&evidence)).collect();
    Ok(report)
}

/// What a table of the study leaves out of the paper's settings. All of its units leave out the same.
fn cut(plan: &Plan, section: &Section) -> Result<Option<(String, String)>> {
    let internal = |error: serde_json::Error| Error::Internal(error.to_string());
    let Some(unit) = section.units.first().and_then(|&key| plan.unit(key)) else { return Ok(None) };
    let (kind, cut) = match section.kind {
        UnitKind::Train => ("Networks", unit.configuration_as::<TrainConfiguration>().map_err(internal)?.cut()),
        UnitKind::Align => ("Alignment", unit.configuration_as::<AlignConfiguration>().map_err(internal)?.cut()),
        UnitKind::Similarity => {
            ("Similarity", unit.configuration_as::<SimilarityConfiguration>().map_err(internal)?.cut())
        }
        UnitKind::Encoding => return Ok(None),
    };
    Ok(cut.map(|cut| (format!("{kind} {}", section.name), cut)))
}

/// What networks are called here: a result that was made for another study has that study's names in it.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(unit: &Unit, folder: &RunFolder) -> Result<Self> {
        let record = UnitRecord::read(&folder.result(unit.kind(), unit.key()))?;
        let there = record.inputs.into_iter().map(|input| input.name);
        Ok(Self(there.zip(unit.inputs().iter().map(|input| input.name.clone())).collect()))
    }

    fn all(&self) -> Vec<String> {
        self.0.iter().map(|(_, here)| here.clone()).collect()
    }

    fn here(&self, there: &str) -> String {
        let known = self.0.iter().find(|(name, _)| name == trained_name(there));
        match known {
            Some((_, here)) if is_untrained(there) => untrained_twin(here),
            Some((_, here)) => here.clone(),
            None => there.to_owned(),
        }
    }

    /// A row that a unit wrote, as one of this study.
    fn quantity(&self, row: QuantityRow, study: &str, alignment: &str) -> QuantityRow {
        QuantityRow {
            study: study.to_owned(),
            alignment: alignment.to_owned(),
            source: self.here(&row.source),
            target: self.here(&row.target),
            ..row
        }
    }
}

/// The outcomes of an alignment that was asked for by `configuration`, apart by what was interchanged.
pub fn by_variable(
    study: &str,
    alignment: &str,
    configuration: &AlignConfiguration,
    networks: &[String],
    rows: &[OutcomeRow],
) -> Vec<UnitOutcomes> {
    let of = |swapped: &Swapped| {
        let unit = configuration.unit(study, alignment, swapped);
        let rows = rows.iter().filter(|row| row.variable == unit.variable).cloned().collect();
        let inaccessible =
            configuration.inaccessible.iter().filter_map(|&place| networks.get(place).cloned()).collect();
        UnitOutcomes { unit, networks: networks.to_vec(), inaccessible, rows }
    };
    configuration.measured().iter().map(of).collect()
}

/// An alignment and its controls.
struct Group {
    /// What the alignment itself was asked for by.
    plain: AlignConfiguration,
    inputs: Vec<Key>,
    networks: Vec<String>,
    rows: Vec<OutcomeRow>,
}

/// An alignment and its controls are units of their own; what belongs together has the same networks, variables and k.
fn alignments(
    study: &Study,
    plan: &Plan,
    folder: &RunFolder,
    section: &Section,
    compute: &Compute,
    report: &mut StudyReport,
) -> Result<()> {
    let mut blocks = Blocks::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut disjoint = true;
    let mut unmatched = 0.0;
    let mut warnings = BTreeSet::new();
    for &key in &section.units {
        let Some(unit) = plan.unit(key) else { continue };
        let configuration: AlignConfiguration =
            unit.configuration_as().map_err(|error| Error::Internal(error.to_string()))?;
        let result = folder.result(UnitKind::Align, key);
        let names = Names::of(unit, folder)?;
        let AlignmentSettings { pairs, warnings: of_fit, .. } = AlignmentSettings::read(&result)?;
        warnings.extend(of_fit);
        disjoint &= pairs.iter().all(|pairs| pairs.disjoint);
        unmatched = pairs.iter().map(PairCounts::unmatched_share).fold(unmatched, f64::max);
        let mut rows: Vec<OutcomeRow> = read_rows(&result.join(work::OUTCOMES))?;
        for row in &mut rows {
            (row.source, row.target) = (names.here(&row.source), names.here(&row.target));
        }
        if configuration.control == FitControl::None {
            let beside = |file: &str| -> Result<Vec<QuantityRow>> {
                let rows = read_rows::<QuantityRow>(&result.join(file))?;
                Ok(rows.into_iter().map(|row| names.quantity(row, &study.name, &section.name)).collect())
            };
            report.divergence.extend(beside(work::DIVERGENCE)?);
            report.capacity.extend(beside(work::CAPACITY)?);
            let (alignment, _) = Alignment::load(&result, &compute.device)?;
            for swapped in configuration.swapped().iter().filter(|swapped| swapped.subspace != Subspaces::ALL) {
                let unit = configuration.unit(&study.name, &section.name, swapped);
                blocks.add(&unit, &alignment, |there| names.here(there))?;
            }
        }
        let k = configuration.size(0) as u64;
        let control = Control::from(configuration.control);
        let mut course: Vec<FitRow> = read_rows(&result.join(work::FIT))?;
        for row in &mut course {
            (row.source, row.target) = (names.here(&row.source), names.here(&row.target));
        }
        report.fits.push(FitCurve {
            alignment: section.name.clone(),
            method: configuration.method.to_string(),
            function: configuration.function_label(),
            positions: configuration.positions.to_string(),
            site: configuration.site_label(),
            networks: names.all(),
            k,
            seed: configuration.seed,
            control,
            validation_pairs: configuration.validation_pairs(),
            rows: course,
        });
        let inputs: Vec<Key> = unit.inputs().iter().map(|input| input.key).collect();
        let plain = AlignConfiguration { control: FitControl::None, ..configuration };
        match groups.iter_mut().find(|group| group.plain == plain && group.inputs == inputs) {
            Some(group) => group.rows.extend(rows),
            None => groups.push(Group { plain, inputs, networks: names.all(), rows }),
        }
    }
    let outcomes =
        groups.iter().flat_map(|of| by_variable(&study.name, &section.name, &of.plain, &of.networks, &of.rows));
    report.outcomes.extend(outcomes);
    report.capacity.extend(blocks.rows()?);
    report.warnings.extend(warnings.into_iter().map(|warning| format!("Alignment {}: {warning}.", section.name)));
    if !disjoint {
        report.warnings.push(format!(
            "Alignment {}: training and held-out pairs share sequences, of which a task here has one a count.",
            section.name
        ));
    }
    if unmatched > 0.0 {
        report.warnings.push(format!(
            "Alignment {}: up to {:.1} % of a direction's training pairs are left out of the counterfactual-latent loss, as \
             no other trial has the counterfactual values of itself.",
            section.name,
            100.0 * unmatched
        ));
    }
    Ok(())
}

fn networks(plan: &Plan, folder: &RunFolder, report: &mut StudyReport) -> Result<()> {
    let mut seen = Vec::new();
    for input in plan.units().iter().flat_map(Unit::inputs) {
        if seen.contains(&input.name) {
            continue;
        }
        seen.push(input.name.clone());
        let path = network_folder(&input.source, &folder.input(input));
        let description = read_description(&path)?;
        let history = SavedNetwork::load_history(&path)?;
        let points = history.iter().map(|record| TrainingPoint {
            epoch: record.epoch as u64,
            loss: Some(record.train_loss),
            accuracy: Some(record.trial_accuracy),
        });
        if !history.is_empty() {
            report.training.push(TrainingCurve { network: input.name.clone(), points: points.collect() });
        }
        if description.accepted == Some(false) {
            report.warnings.push(format!("Network {} did not reach the acceptance mark in training.", input.name));
        }
        report.networks.push(summary(&input.name, &description));
    }
    Ok(())
}

fn read_description(folder: &Path) -> Result<NetworkDescription> {
    let path = folder.join("network.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
    toml::from_str(&text).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))
}

fn summary(name: &str, description: &NetworkDescription) -> NetworkSummary {
    NetworkSummary {
        name: name.into(),
        architecture: description.architecture.to_string(),
        task: description.task.clone().unwrap_or_default(),
        seed: description.seed.unwrap_or(0),
        accepted: description.accepted.unwrap_or(true),
        epochs: description.training.as_ref().map(|training| training.epochs as u64),
        validation_accuracy: description.training.as_ref().map(|training| training.validation_accuracy),
        parameters: Some(description.architecture.parameter_count() as u64),
    }
}
