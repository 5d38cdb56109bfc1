//! The study's tables and its report.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use super::{
    Answers, Study,
    interchanges::{AtSite, Shown},
    mask::Mask,
    splits::Splits,
    verdict::{GroupRow, Verdicts},
};
use crate::{
    Result,
    results::{AlignmentUnit, Control, IiaRow, Population, write_file, write_rows},
    statistics::{Bootstrap, iia_rows},
};

/// Writes `iia.csv`, `groups.csv` and `report.html`, and returns where the report is.
pub fn write(
    study: &Study,
    answers: &Answers,
    splits: &Splits,
    found: &[AtSite],
    groups: &[GroupRow],
    verdicts: &[Verdicts],
) -> Result<PathBuf> {
    let settings = &study.settings;
    let bootstrap = Bootstrap { seed: settings.seed, ..Bootstrap::default() };
    let rows: Vec<IiaRow> = found
        .iter()
        .flat_map(|AtSite { site, rows, .. }| {
            let unit = AlignmentUnit {
                study: "toxicity".into(),
                alignment: site.clone(),
                method: "mas".into(),
                function: "orthogonal".into(),
                positions: "stepwise".into(),
                site: site.clone(),
                variable: "full".into(),
                k: settings.k as u64,
                seed: settings.seed,
            };
            iia_rows(&unit, rows, &bootstrap)
        })
        .collect();
    write_rows(&study.folder.join("iia.csv"), &rows)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    for row in groups {
        table.serialize(row).map_err(|error| crate::Error::Internal(error.to_string()))?;
    }
    let table = table.into_inner().map_err(|error| crate::Error::Internal(error.to_string()))?;
    write_file(&study.folder.join("groups.csv"), &table)?;

    let mask = (!study.unmasked).then(|| Mask::of([&splits.documents[0], &splits.documents[1]]));
    let mut html = String::from(HEAD);
    let mut line = |text: String| {
        html.push_str(&text);
        html.push('\n');
    };
    line(format!(
        "<p>{} fine-tunes each of toxic and of other text ({} steps of {} pieces of up to {} tokens, learning rate {}); \
         prompts of {} tokens, answers of up to {}; k = {}, {} steps of {} pairs of each direction; {} held-out prompts.</p>",
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
    ));
    line("<h2>The claim</h2>".into());
    for verdict in verdicts {
        let ends = |ends: Option<[f64; 3]>| match ends {
            Some([value, low, high]) => format!("{value:.3} [{low:.3}, {high:.3}]"),
            None => "no pairs".into(),
        };
        line(format!(
            "<p><b>{}</b>: toxic–toxic above toxic–non-toxic <b>{}</b>, difference {}; non-toxic–non-toxic the same as \
             within a model <b>{}</b>, difference {}.</p>",
            escaped(&verdict.site),
            verdict.toxic_above,
            ends(verdict.toxic_difference),
            verdict.nontoxic_equal,
            ends(verdict.nontoxic_difference)
        ));
    }
    line("<h2>IIA by kind of pair</h2><table><tr><th>site<th>control<th>pair<th>directions<th>pairs<th>IIA<th>interval<th>tokens right</tr>".into());
    for row in groups {
        line(format!(
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{:.3}<td>{:.3} to {:.3}<td>{:.3}</tr>",
            escaped(&row.site),
            row.control,
            row.group.name(),
            row.directions,
            row.pairs,
            row.iia,
            row.low,
            row.high,
            row.token_accuracy
        ));
    }
    line("</table><h2>IIA of every direction</h2>".into());
    for AtSite { site, .. } in found {
        line(heat_map(site, &rows, answers));
    }
    line("<h2>Some answers</h2><p>What a model of toxic text and one of other text answer by themselves, and what the latter answers with the former's activity in it.</p>".into());
    if let Some(at) = found.first() {
        shown(answers, &at.shown, mask.as_ref(), &mut line);
    }
    let path = study.folder.join("report.html");
    write_file(&path, html.as_bytes())?;
    Ok(path)
}

/// What models answer by themselves, and what the target says after an interchange.
fn shown(answers: &Answers, shown: &[Shown], mask: Option<&Mask>, line: &mut impl FnMut(String)) {
    let masked = |text: &str| escaped(&mask.map_or_else(|| text.to_owned(), |mask| mask.apply(text)));
    for Shown { source, target, prompt, said } in shown {
        let answer = |name: &str| {
            let of = answers.models.iter().find(|(model, _)| model == name);
            masked(of.and_then(|(_, all)| all.get(*prompt)).map_or("", |(_, text)| text))
        };
        let asked = answers.prompts.get(*prompt).map_or("", |(_, text)| text);
        line(format!(
            "<blockquote><i>{}</i><br>{source}: {}<br>{target}: {}<br>{target} after the interchange: {}</blockquote>",
            masked(asked),
            answer(source),
            answer(target),
            masked(said)
        ));
    }
}

/// Rows are sources, columns targets; within a model all pairs, otherwise changed ones.
fn heat_map(site: &str, rows: &[IiaRow], answers: &Answers) -> String {
    let values: BTreeMap<(&str, &str), f64> = rows
        .iter()
        .filter(|row| row.site == site && row.control == Control::None)
        .filter(|row| (row.population == Population::All) == (row.source == row.target))
        .filter(|row| row.population != Population::HeldOutCounts)
        .map(|row| ((row.source.as_str(), row.target.as_str()), row.value))
        .collect();
    let names: Vec<&str> = answers.models.iter().map(|(name, _)| name.as_str()).collect();
    let (cell, gutter) = (56, 92);
    let side = gutter + cell * names.len();
    let mut svg = format!(
        "<figure><svg viewBox=\"0 0 {side} {}\" width=\"{side}\" role=\"img\" aria-label=\"IIA at {site}\">",
        side + 4
    );
    for (row, source) in names.iter().enumerate() {
        let y = gutter + row * cell;
        let _ = write!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{source}</text>", gutter - 6, y + 33);
        let _ = write!(
            svg,
            "<text transform=\"translate({},{}) rotate(-60)\">{source}</text>",
            gutter + row * cell + 28,
            gutter - 6
        );
        for (column, target) in names.iter().enumerate() {
            let Some(value) = values.get(&(*source, *target)) else { continue };
            let x = gutter + column * cell;
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{cell}\" height=\"{cell}\" fill=\"#2a6f97\" fill-opacity=\"{value:.3}\" \
                 stroke=\"currentColor\" stroke-opacity=\"0.3\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{:.0}</text>",
                x + cell / 2,
                y + 33,
                100.0 * value
            );
        }
    }
    let _ = write!(
        svg,
        "</svg><figcaption>IIA at {}, in per cent: rows are sources, columns targets; changed held-out pairs, within a \
         model all of them.</figcaption></figure>",
        escaped(site)
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
    content=\"width=device-width\"><title>Toxicity</title><style>:root{color-scheme:light dark}body{font:16px/1.5 \
    system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{padding:.15rem .7rem;text-align:left;\
    border-bottom:1px solid #8884}svg text{font-size:13px;fill:currentColor}figure{margin:1rem 0}svg{max-width:100%;\
    height:auto}</style><h1>Toxicity: language models aligned on their own answers</h1>\n";
