//! The study's tables and its report.

use std::path::PathBuf;

use mas_models::{FrozenDecoder, LanguageModel};

use super::{
    Answers, Findings, Settings, Study,
    groups::{GroupRow, groups},
    interchanges::{AtSite, Shown},
    mask::Mask,
    splits::Splits,
};
use crate::{
    Error, Result,
    claims::{Evidence, claim},
    device::Compute,
    report::{Cell, NetworkSummary, Provenance, ReportData, StudyReport, Table, write_report},
    results::{AlignmentUnit, UnitOutcomes, write_file},
    runs,
    statistics::iia_rows,
};

const NAME: &str = "toxicity";

/// Judges what was found, and writes `groups.csv` and the folder `report`.
pub fn write(
    study: &Study,
    models: &[FrozenDecoder<LanguageModel>],
    answers: &Answers,
    splits: &Splits,
    found: Vec<AtSite>,
    compute: &Compute,
) -> Result<Findings> {
    let settings = &study.settings;
    let mask = (!study.unmasked).then(|| Mask::of([&splits.documents[0], &splits.documents[1]]));
    let shown: Vec<(String, Table)> = found
        .iter()
        .map(|AtSite { site, shown: some, .. }| {
            (format!("Some answers, before and after an interchange at {site}"), shown(answers, some, mask.as_ref()))
        })
        .collect();
    let warnings: Vec<String> = found.iter().flat_map(|at| at.warnings.clone()).collect();
    let names: Vec<String> = answers.models.iter().map(|(name, _)| name.clone()).collect();
    let outcomes: Vec<UnitOutcomes> = found
        .into_iter()
        .map(|AtSite { site, rows, .. }| {
            let unit = AlignmentUnit {
                study: NAME.into(),
                alignment: site.clone(),
                method: "mas".into(),
                function: "orthogonal".into(),
                positions: "stepwise".into(),
                site,
                variable: "full".into(),
                k: settings.k as u64,
                seed: settings.seed,
            };
            UnitOutcomes { unit, rows, networks: names.clone(), inaccessible: Vec::new() }
        })
        .collect();
    let groups = groups(&outcomes);
    let mut table = csv::Writer::from_writer(Vec::new());
    for row in &groups {
        table.serialize(row).map_err(|error| Error::Internal(error.to_string()))?;
    }
    let table = table.into_inner().map_err(|error| Error::Internal(error.to_string()))?;
    write_file(&study.folder.join("groups.csv"), &table)?;

    let evidence = Evidence { outcomes: &outcomes, ..Evidence::default() };
    let claims = claim("C7").map(|claim| claim.decide(&evidence)).unwrap_or_default();
    let layers = models.first().map_or(0, |model| model.network().config().layers);
    let mut tables = vec![("IIA by kind of pair".to_owned(), by_group(&groups))];
    tables.extend(shown);
    let report = StudyReport {
        name: NAME.into(),
        title: "Do language models that learned toxic text share how they go on?".into(),
        summary: summary(settings),
        cut: cut(settings, &Settings::paper(layers)),
        iia: outcomes.iter().flat_map(|of| iia_rows(&of.unit, &of.rows)).collect(),
        claims: claims.clone(),
        networks: models.iter().map(|model| network(model, settings)).collect(),
        outcomes,
        warnings,
        tables,
        ..StudyReport::default()
    };
    let data = ReportData {
        title: "Toxicity".into(),
        studies: vec![report],
        provenance: Provenance::of_one(runs::Provenance::of_this_program(compute.kind), settings.seed),
    };
    let page: PathBuf = write_report(&data, &study.folder.join("report"))?;
    Ok(Findings { groups, claims, report: page })
}

fn summary(settings: &Settings) -> String {
    format!(
        "{} fine-tunes each of toxic and of other text ({} steps of {} pieces of up to {} tokens, learning rate {}) answer \
         the same prompts ({} tokens, answers of up to {}). They are aligned on their answers: {} coordinates, {} steps of \
         {} pairs of each direction, {} held-out prompts. Within a model all pairs count, otherwise changed ones.",
        settings.splits,
        settings.steps,
        settings.batch * settings.accumulate,
        settings.length,
        settings.learning_rate,
        settings.prompt,
        settings.answer,
        settings.k,
        settings.fit_steps,
        settings.fit_batch,
        settings.held_out_prompts
    )
}

/// What is less than in the paper's settings, a sentence each.
fn cut(settings: &Settings, paper: &Settings) -> Vec<String> {
    let of = |settings: &Settings| {
        [
            ("fine-tunes of either kind", settings.splits),
            ("steps of a fine-tuning", settings.steps as usize),
            ("pieces of text in such a step", settings.batch * settings.accumulate),
            ("tokens of a piece", settings.length),
            ("tokens of a prompt", settings.prompt),
            ("tokens of an answer", settings.answer),
            ("prompts to fit to", settings.training_prompts),
            ("prompts to choose a checkpoint by", settings.validation_prompts),
            ("prompts to judge by", settings.held_out_prompts),
            ("sites", settings.sites.len()),
            ("coordinates of the subspace", settings.k),
            ("steps of a fit", settings.fit_steps),
            ("pairs of each direction in such a step", settings.fit_batch),
        ]
    };
    let less = of(settings).into_iter().zip(of(paper)).filter(|((_, here), (_, there))| here < there);
    let numbers = less.map(|((what, here), (_, there))| format!("{here} {what}, not {there}."));
    let control = (paper.random_network && !settings.random_network).then(|| "No random-network control.".to_owned());
    numbers.chain(control).collect()
}

fn network(model: &FrozenDecoder<LanguageModel>, settings: &Settings) -> NetworkSummary {
    let config = model.network().config();
    NetworkSummary {
        name: mas_core::Recorded::name(model).to_owned(),
        architecture: mas_models::Architecture::from(config.clone()).to_string(),
        task: "text".into(),
        seed: settings.seed,
        accepted: true,
        epochs: None,
        validation_accuracy: None,
        parameters: Some(config.parameter_count() as u64),
    }
}

fn by_group(groups: &[GroupRow]) -> Table {
    let columns = ["Site", "Control", "Pair", "Directions", "Pairs", "IIA", "95 % interval", "Tokens right"];
    let row = |row: &GroupRow| -> Vec<Cell> {
        vec![
            row.site.as_str().into(),
            row.control.id().into(),
            row.group.name().into(),
            (row.directions as u64).into(),
            row.pairs.into(),
            Cell::Text(format!("{:.3}", row.iia)),
            Cell::Text(format!("{:.3} – {:.3}", row.low, row.high)),
            Cell::Text(format!("{:.3}", row.token_accuracy)),
        ]
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: groups.iter().map(row).collect() }
}

/// What models answer by themselves, and what the target says after an interchange.
fn shown(answers: &Answers, shown: &[Shown], mask: Option<&Mask>) -> Table {
    let masked = |text: &str| Cell::Text(mask.map_or_else(|| text.to_owned(), |mask| mask.apply(text)));
    let row = |Shown { source, target, prompt, said }: &Shown| -> Vec<Cell> {
        let answer = |name: &str| {
            let of = answers.models.iter().find(|(model, _)| model == name);
            masked(of.and_then(|(_, all)| all.get(*prompt)).map_or("", |(_, text)| text))
        };
        let asked = answers.prompts.get(*prompt).map_or("", |(_, text)| text);
        vec![masked(asked), answer(source), answer(target), masked(said)]
    };
    let names = shown.first().map_or(["source", "target"], |Shown { source, target, .. }| [source, target]);
    let [source, target] = names;
    let after = format!("{target} with activity of {source}");
    let columns = vec!["Prompt".to_owned(), source.to_owned(), target.to_owned(), after];
    Table { columns, rows: shown.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_what_is_less() {
        let paper = Settings::paper(3);
        assert!(cut(&paper, &paper).is_empty());
        let small = Settings { steps: 30, random_network: false, ..paper.clone() };
        assert_eq!(cut(&small, &paper), ["30 steps of a fine-tuning, not 600.", "No random-network control."]);
    }
}
