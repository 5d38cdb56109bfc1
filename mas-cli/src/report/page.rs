//! The page: what its template is filled with.

use std::collections::BTreeSet;

use askama::Template;

use super::bars::measure_interval;
use super::data::{Provenance, ReportData, StudyReport};
use super::figure::{Figure, file_name};
use super::pooled::{Place, pooled, settings};
use super::table::{Cell, Table};
use super::{beside, theme};
use crate::claims::{PartKind, Verdict};
use crate::results::{ClaimRow, Control, OVERALL, SimilarityRow};
use crate::statistics::Interval;

/// The figures of one study, by where they go.
pub(super) struct StudyFigures {
    pub(super) main: Option<Figure>,
    pub(super) heatmaps: Vec<Figure>,
    /// Those of smaller subspaces, folded away.
    pub(super) more_heatmaps: Vec<Figure>,
    /// IIA and correlational measures of the same networks.
    pub(super) side_by_side: Vec<Figure>,
    pub(super) divergence: Option<Figure>,
    pub(super) dimension: Vec<Figure>,
    pub(super) training: Vec<Figure>,
    pub(super) fits: Vec<Figure>,
}

impl StudyFigures {
    pub(super) fn all(&self) -> impl Iterator<Item = &Figure> {
        let Self { main, heatmaps, more_heatmaps, side_by_side, divergence, dimension, training, fits } = self;
        main.iter()
            .chain(heatmaps)
            .chain(more_heatmaps)
            .chain(side_by_side)
            .chain(divergence)
            .chain(dimension)
            .chain(training)
            .chain(fits)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Figure> {
        let Self { main, heatmaps, more_heatmaps, side_by_side, divergence, dimension, training, fits } = self;
        let directions = main.iter_mut().chain(heatmaps).chain(more_heatmaps).chain(side_by_side);
        directions.chain(divergence).chain(dimension).chain(training).chain(fits)
    }
}

/// Figures of fits that are not folded away.
const SHOWN_FITS: usize = 8;

/// The whole page.
#[derive(Template)]
#[template(path = "report/index.html")]
pub(super) struct Page<'a> {
    title: &'a str,
    style: String,
    studies: Vec<Study<'a>>,
    /// Claims as a whole, with the study that decides each.
    verdicts: Vec<(Claim<'a>, String)>,
    provenance: &'a Provenance,
    seeds: String,
    programs: String,
    devices: String,
    processors: String,
    files: &'a [(String, String)],
}

struct Study<'a> {
    id: String,
    data: &'a StudyReport,
    claims: Vec<Claim<'a>>,
    main: Vec<&'a Figure>,
    heatmaps: Vec<&'a Figure>,
    more_heatmaps: Vec<&'a Figure>,
    side_by_side: Vec<&'a Figure>,
    divergence: Vec<&'a Figure>,
    dimension: Vec<&'a Figure>,
    training: Vec<&'a Figure>,
    fits: Vec<&'a Figure>,
    more_fits: Vec<&'a Figure>,
    no_ceiling: Vec<String>,
    held_out_counts: Option<Table>,
    capacity: Option<Table>,
    similarity: Option<Table>,
    networks: Option<Table>,
}

struct Claim<'a> {
    row: &'a ClaimRow,
    overall: bool,
    /// Whether the controls of a claim begin here.
    first_control: bool,
    value: String,
}

impl<'a> Claim<'a> {
    fn new(row: &'a ClaimRow) -> Self {
        let value = match (row.value, row.low, row.high) {
            (Some(value), Some(low), Some(high)) => format!("{value:.3} [{low:.3}, {high:.3}]"),
            (Some(value), ..) => format!("{value:.3}"),
            _ => String::new(),
        };
        Self { row, overall: row.part == OVERALL, first_control: false, value }
    }

    /// The rows of a table, in which it is said where controls begin.
    fn all(rows: &'a [ClaimRow]) -> Vec<Self> {
        let before = std::iter::once(None).chain(rows.iter().map(|row| Some(row.kind)));
        let begins = |row: &ClaimRow, before| row.kind == PartKind::Control && before != Some(PartKind::Control);
        rows.iter()
            .zip(before)
            .map(|(row, before)| Self { first_control: begins(row, before), ..Self::new(row) })
            .collect()
    }

    fn class(&self) -> &'static str {
        match self.row.verdict {
            Verdict::Holds => "holds",
            Verdict::Fails => "fails",
            Verdict::NotDecided => "open",
        }
    }

    /// Verdicts are told apart without colour too.
    fn mark(&self) -> &'static str {
        match self.row.verdict {
            Verdict::Holds => "✓",
            Verdict::Fails => "✕",
            Verdict::NotDecided => "?",
        }
    }
}

impl<'a> Page<'a> {
    pub(super) fn new(data: &'a ReportData, figures: &'a [StudyFigures], files: &'a [(String, String)]) -> Self {
        let mut ids = BTreeSet::new();
        let studies: Vec<Study<'a>> = data
            .studies
            .iter()
            .zip(figures)
            .map(|(study, of)| {
                let base = format!("study-{}", file_name(&[&study.name]));
                let mut id = base.clone();
                let mut number = 2;
                while !ids.insert(id.clone()) {
                    id = format!("{base}-{number}");
                    number += 1;
                }
                Study {
                    id,
                    data: study,
                    claims: Claim::all(&study.claims),
                    main: of.main.iter().collect(),
                    heatmaps: of.heatmaps.iter().collect(),
                    more_heatmaps: of.more_heatmaps.iter().collect(),
                    side_by_side: of.side_by_side.iter().collect(),
                    divergence: of.divergence.iter().collect(),
                    dimension: of.dimension.iter().collect(),
                    training: of.training.iter().collect(),
                    fits: of.fits.iter().take(SHOWN_FITS).collect(),
                    more_fits: of.fits.iter().skip(SHOWN_FITS).collect(),
                    no_ceiling: beside::no_ceiling(study),
                    held_out_counts: beside::held_out_counts(study),
                    capacity: beside::capacity(study),
                    similarity: similarity(study),
                    networks: networks(study),
                }
            })
            .collect();
        let verdicts = studies
            .iter()
            .flat_map(|study| {
                let whole = study.data.claims.iter().filter(|row| row.part == OVERALL);
                whole.map(|row| (Claim::new(row), study.id.clone()))
            })
            .collect();
        let seeds: Vec<String> = data.provenance.seeds.iter().map(u64::to_string).collect();
        Self {
            title: &data.title,
            style: format!("{}\n{}", include_str!("../../templates/report/style.css"), theme::style()),
            studies,
            verdicts,
            provenance: &data.provenance,
            seeds: seeds.join(", "),
            programs: listed(&data.provenance.programs),
            devices: listed(&data.provenance.devices),
            processors: listed(&data.provenance.processors),
            files,
        }
    }
}

fn listed(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
}

/// The page's text.
pub(super) fn render(page: &Page<'_>) -> Result<String, askama::Error> {
    page.render()
}

/// IIA and the correlational measures at each site, means over pairs of networks.
fn similarity(study: &StudyReport) -> Option<Table> {
    let places: BTreeSet<(&str, &str, bool)> =
        study.similarity.iter().map(|row| (row.site.as_str(), row.measure.as_str(), row.distinct)).collect();
    let mut table = Table::new(&["Site", "Measure", "Mean", "95 % interval", "Pairs", "Null mean", "Largest p"]);
    let sites: BTreeSet<&str> = places.iter().map(|(site, ..)| *site).collect();
    for site in sites {
        for setting in settings(study).iter().filter(|setting| setting.site == site) {
            for &place in setting.places().iter().filter(|place| **place != Place::Within) {
                let Some(found) = pooled(study, setting, Control::None, place) else { continue };
                let name = format!("IIA {}: {}, {}", place.name(), setting.method, setting.detail());
                table.push(row(site, &name, found.interval, found.directions, (None, None)));
            }
        }
        for &(_, measure, distinct) in places.iter().filter(|(of, ..)| *of == site) {
            let Some((interval, ties)) = measure_interval(&study.similarity, site, measure, distinct) else { continue };
            let rows = || {
                let here =
                    |row: &&SimilarityRow| (&*row.site, &*row.measure, row.distinct) == (site, measure, distinct);
                study.similarity.iter().filter(here)
            };
            let nulls: Vec<f64> = rows().filter_map(|row| row.null_mean).collect();
            let null = (!nulls.is_empty()).then(|| nulls.iter().sum::<f64>() / nulls.len() as f64);
            let p = rows().filter_map(|row| row.p).reduce(f64::max);
            let name = if distinct { format!("{measure}, distinct vectors") } else { measure.to_owned() };
            table.push(row(site, &name, interval, ties, (null, p)));
        }
    }
    (!table.rows.is_empty()).then_some(table)
}

fn row(site: &str, name: &str, interval: Interval, count: usize, rest: (Option<f64>, Option<f64>)) -> Vec<Cell> {
    let short = |value: Option<f64>| value.map_or(Cell::Nothing, |value| Cell::Text(format!("{value:.3}")));
    vec![
        site.into(),
        name.into(),
        short(Some(interval.value)),
        Cell::Text(format!("{:.3} – {:.3}", interval.low, interval.high)),
        (count as u64).into(),
        short(rest.0),
        short(rest.1),
    ]
}

fn networks(study: &StudyReport) -> Option<Table> {
    let columns =
        ["Network", "Architecture", "Task", "Seed", "Parameters", "Epochs", "Validation trials right", "Accepted"];
    let mut table = Table::new(&columns);
    for network in &study.networks {
        let known = |number: Option<u64>| number.map_or(Cell::Nothing, Cell::from);
        let percent = |share: f64| Cell::Text(format!("{:.1} %", 100.0 * share));
        table.push(vec![
            network.name.as_str().into(),
            network.architecture.as_str().into(),
            network.task.as_str().into(),
            network.seed.into(),
            known(network.parameters),
            known(network.epochs),
            network.validation_accuracy.map_or(Cell::Nothing, percent),
            if network.accepted { "yes".into() } else { "no: not trained to the mark".into() },
        ]);
    }
    (!table.rows.is_empty()).then_some(table)
}
