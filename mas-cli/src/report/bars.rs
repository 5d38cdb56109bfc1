//! The report's main figure: IIA at each site with its intervals, its controls and its ceiling, similarity beside it.

use std::collections::BTreeSet;

use super::canvas::{Align, Canvas, Lettering, draw, fitting, text_width};
use super::data::{ReportData, StudyReport};
use super::figure::{Drawing, Figure, file_name};
use super::pooled::{Place, Setting, pooled, settings, size};
use super::table::{Cell, Table};
use super::theme::Paint;
use super::write::ReportError;
use crate::claims::RSA_MEASURE;
use crate::results::{Control, SimilarityRow};
use crate::statistics::{Interval, Tie, Unit, mean_interval};

const PITCH: f64 = 25.0;
const BAR: f64 = 13.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 58.0;
const WITHIN: &str = ", within";

/// Methods that come first where there are several.
const METHODS: [&str; 2] = ["mas", "das"];

/// How a row is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Iia,
    Ceiling,
    Control,
    Similarity,
}

/// What is measured in a row, the same in every facet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Measure {
    label: String,
    kind: Kind,
}

/// One site.
struct Facet {
    title: String,
    detail: String,
    values: Vec<(Measure, Interval, usize)>,
}

/// The main figure of a study: a facet for each alignment. Of alignments of several sizes, the largest `k` is shown.
pub(super) fn study_figure(study: &StudyReport) -> Result<Option<Figure>, ReportError> {
    let all = settings(study);
    let shown: Vec<&Setting> = all.iter().filter(|setting| setting.is_largest(&all)).collect();
    // Methods on the same networks, site and variable share a facet.
    let mut facets: Vec<(Vec<&Setting>, Facet)> = Vec::new();
    for setting in shown {
        let place = (&setting.site, &setting.positions, &setting.variable);
        match facets.iter_mut().find(|(of, _)| {
            of.iter().all(|o| (&o.site, &o.positions, &o.variable) == place && o.method != setting.method)
        }) {
            Some((of, _)) => of.push(setting),
            None => facets
                .push((vec![setting], Facet { title: setting.site.clone(), detail: String::new(), values: vec![] })),
        }
    }
    // Individual interchanges before stepwise ones.
    facets.sort_by(|(a, _), (b, _)| a[0].positions.cmp(&b[0].positions));
    for (settings, facet) in &mut facets {
        // The controls shown are those of the first method.
        settings.sort_by_key(|setting| {
            METHODS.iter().position(|method| *method == setting.method).unwrap_or(METHODS.len())
        });
        facet.detail = settings[0].detail();
        if settings.len() > 1 {
            facet.detail = format!("{}; controls of {}", facet.detail, settings[0].method);
        }
        facet.values = values(study, settings);
    }
    // Of two facets with the same heading, one that is a single alignment says which.
    let place = |of: &[&Setting]| of.first().map(|of| (of.site.clone(), of.positions.clone(), of.variable.clone()));
    let places: Vec<_> = facets.iter().map(|(of, _)| place(of)).collect();
    for (of, facet) in &mut facets {
        if let [one] = of.as_slice()
            && places.iter().filter(|other| **other == place(of)).count() > 1
        {
            facet.detail = format!("{}: {}", one.alignment, facet.detail);
        }
    }
    let facets: Vec<Facet> = facets.into_iter().map(|(_, facet)| facet).filter(|f| !f.values.is_empty()).collect();
    if facets.is_empty() {
        return Ok(None);
    }
    let mut table = Table::new(&["site", "setting", "measure", "value", "low", "high", "directions"]);
    for facet in &facets {
        for (measure, interval, count) in &facet.values {
            table.push(vec![
                facet.title.as_str().into(),
                facet.detail.as_str().into(),
                measure.label.as_str().into(),
                interval.value.into(),
                interval.low.into(),
                interval.high.into(),
                Cell::from(*count as u64),
            ]);
        }
    }
    let chart = Chart { facets: &facets };
    let columns = facets.len().min(2);
    Ok(Some(Figure {
        name: file_name(&[&study.name, "iia"]),
        title: format!("{}: IIA with its controls, and similarity", study.title),
        caption:
            "Bars: IIA, the mean over directions of the share of changed held-out pairs after which every response \
                  token is the one implied; grey bars are controls, which should be low; the ceiling is the target's \
                  accuracy without an interchange. Diamonds: correlational measures between the same networks at the \
                  same site. Lines: 95 % intervals over networks and sequences."
                .to_owned(),
        wide: chart.drawing(columns, 340.0, 250.0)?,
        narrow: Some(chart.drawing(1, 238.0, 142.0)?),
        table,
    }))
}

/// The main figure of the report's first study that has one: what a README shows.
///
/// # Errors
/// Where it cannot be drawn.
pub fn main_figure(data: &ReportData) -> Result<Option<Figure>, ReportError> {
    for study in &data.studies {
        if let Some(figure) = study_figure(study)? {
            return Ok(Some(figure));
        }
    }
    Ok(None)
}

fn values(study: &StudyReport, settings: &[&Setting]) -> Vec<(Measure, Interval, usize)> {
    let mut values = Vec::new();
    let mut add = |label: String, kind, found: Option<(Interval, usize)>| {
        if let Some((interval, count)) = found {
            values.push((Measure { label, kind }, interval, count));
        }
    };
    let mean = |setting: &Setting, control, place| {
        pooled(study, setting, control, place).map(|mean| (mean.interval, mean.directions))
    };
    for setting in settings {
        let mut method = setting.method.to_uppercase();
        if method.len() > 5 {
            method.clone_from(&setting.method);
        }
        // Methods that take everything have no size.
        if setting.k != settings[0].k && setting.k != 0 {
            method = format!("{method}, {}", size(setting.k));
        }
        for &place in setting.places() {
            add(format!("{method}, {}", place.name()), Kind::Iia, mean(setting, Control::None, place));
        }
    }
    let Some(first) = settings.first() else { return values };
    add("Ceiling".into(), Kind::Ceiling, mean(first, Control::Ceiling, Place::Within));
    for (control, label) in [
        (Control::NoSwap, "No swap"),
        (Control::MeanSwap, "Mean swap"),
        (Control::Shuffled, "Shuffled"),
        (Control::RandomNetwork, "Random source"),
    ] {
        let found = mean(first, control, Place::Across).or_else(|| mean(first, control, Place::Within));
        add(label.into(), Kind::Control, found);
    }
    for (prefix, preferred, label) in [("rsa", RSA_MEASURE, "RSA"), ("cka", "cka_linear_debiased", "CKA")] {
        add(label.into(), Kind::Similarity, similarity(&study.similarity, &first.site, prefix, preferred));
    }
    values
}

/// The mean over pairs of networks of the preferred measure, or of the first of its family; over distinct vectors where
/// there is such a comparison.
fn similarity(rows: &[SimilarityRow], site: &str, prefix: &str, preferred: &str) -> Option<(Interval, usize)> {
    let family = rows.iter().filter(|row| row.site == site && row.measure.starts_with(prefix));
    let (measure, distinct) = family
        .map(|row| (row.measure.as_str(), row.distinct))
        .min_by_key(|&(measure, distinct)| (measure != preferred, measure, !distinct))?;
    measure_interval(rows, site, measure, distinct)
}

/// The mean of a measure over pairs of networks, over distinct vectors or over vectors as they come.
pub(super) fn measure_interval(
    rows: &[SimilarityRow],
    site: &str,
    measure: &str,
    distinct: bool,
) -> Option<(Interval, usize)> {
    let here = rows.iter().filter(|row| row.site == site && row.measure == measure && row.distinct == distinct);
    let ties: Vec<Unit> = here
        .filter(|row| row.a != row.b)
        .map(|row| Unit::from(&Tie { a: row.a.clone(), b: row.b.clone(), value: row.value }))
        .collect();
    let found = mean_interval(&ties, 0.95)?;
    // An interval of Student's t knows nothing of what a measure can be.
    let (least, most) =
        measure.parse::<mas_metrics::Measure>().map_or((f64::NEG_INFINITY, f64::INFINITY), mas_metrics::Measure::range);
    let interval =
        Interval { low: found.low.max(least).min(found.value), high: found.high.min(most).max(found.value), ..found };
    Some((interval, ties.len()))
}

/// The rows of some facets: the order of the first, what only others have after its kind.
fn measures(facets: &[Facet]) -> Vec<&Measure> {
    let mut measures = Vec::new();
    for kind in [Kind::Iia, Kind::Ceiling, Kind::Control, Kind::Similarity] {
        let mut seen = BTreeSet::new();
        for (measure, ..) in facets.iter().flat_map(|facet| &facet.values).filter(|(measure, ..)| measure.kind == kind)
        {
            if seen.insert(measure.label.as_str()) {
                measures.push(measure);
            }
        }
    }
    measures
}

/// Where the rows are, from the top of their facets: kinds are a little apart.
fn places(measures: &[&Measure]) -> Vec<f64> {
    let mut y = HEAD + PITCH / 2.0;
    let mut places = Vec::new();
    for (index, measure) in measures.iter().enumerate() {
        if index > 0 {
            y += if measure.kind == measures[index - 1].kind { PITCH } else { PITCH + 8.0 };
        }
        places.push(y);
    }
    places
}

/// A label in so much room; of a method's name the end is left out, not what it was measured on.
fn label(measure: &Measure, room: f64) -> String {
    let (stem, end) = measure.label.rsplit_once(", ").unwrap_or((&measure.label, ""));
    if measure.kind != Kind::Iia || end.is_empty() {
        return fitting(&measure.label, LABEL, room);
    }
    format!("{}, {end}", fitting(stem, LABEL * BOLD, room - text_width(end, LABEL * BOLD) - 10.0))
}

const LABEL: f64 = 13.5;
/// How much wider bold letters are.
const BOLD: f64 = 1.08;

struct Chart<'a> {
    facets: &'a [Facet],
}

impl Chart<'_> {
    /// The least value of the axis: 0, or less where a similarity is negative.
    fn least(&self) -> f64 {
        let lows = self.facets.iter().flat_map(|facet| &facet.values).map(|(_, interval, _)| interval.low);
        let least = lows.filter(|low| low.is_finite()).fold(0.0, f64::min);
        (least * 4.0).floor() / 4.0
    }

    /// Facets in rows of `columns`, each `facet_width` wide, labels to their left in at most `gutter`.
    fn drawing(&self, columns: usize, facet_width: f64, gutter: f64) -> Result<Drawing, ReportError> {
        let labels = self.facets.iter().flat_map(|facet| &facet.values).map(|(measure, ..)| &measure.label);
        let gutter = (labels.map(|label| text_width(label, LABEL * BOLD)).fold(100.0, f64::max) + 12.0).min(gutter);
        let rows: Vec<(&[Facet], Vec<&Measure>)> =
            self.facets.chunks(columns).map(|facets| (facets, measures(facets))).collect();
        let bottom = |measures: &[&Measure]| places(measures).last().copied().unwrap_or(HEAD) + PITCH / 2.0;
        let width = gutter + facet_width * columns as f64;
        let height = rows.iter().map(|(_, measures)| bottom(measures) + FOOT).sum::<f64>() - 18.0;
        let inside = draw(width, height, |area| {
            let canvas = Canvas { area };
            let mut top = 0.0;
            for (facets, measures) in &rows {
                let places: Vec<(&Measure, f64)> =
                    measures.iter().zip(places(measures)).map(|(measure, y)| (*measure, top + y)).collect();
                for (measure, y) in &places {
                    let look = Lettering::new(LABEL, Paint::Ink, Align::End);
                    let look = if measure.kind == Kind::Iia { look.bold() } else { look };
                    canvas.text(&label(measure, gutter - 12.0), gutter - 12.0, *y, look)?;
                }
                for (index, facet) in facets.iter().enumerate() {
                    let left = gutter + index as f64 * facet_width;
                    let frame = Frame { left, top, bottom: top + bottom(measures), width: facet_width - 62.0 };
                    self.facet(&canvas, facet, &places, &frame)?;
                }
                top += bottom(measures) + FOOT;
            }
            Ok(())
        })?;
        Ok(Drawing { width, height, inside })
    }

    fn facet(
        &self,
        canvas: &Canvas<'_, '_>,
        facet: &Facet,
        rows: &[(&Measure, f64)],
        &Frame { left, top, bottom, width }: &Frame,
    ) -> Result<(), ReportError> {
        let least = self.least();
        let x = |value: f64| left + width * ((value - least) / (1.0 - least)).clamp(0.0, 1.0);
        let title = fitting(&facet.title, 15.0 * BOLD, width + 50.0);
        canvas.text(&title, left, top + 10.0, Lettering::new(15.0, Paint::Ink, Align::Start).bold())?;
        let detail = fitting(&facet.detail, 12.5, width + 50.0);
        canvas.text(&detail, left, top + 29.0, Lettering::new(12.5, Paint::Muted, Align::Start))?;
        let step = if least < -0.5 || (least < 0.0 && width < 200.0) { 0.5 } else { 0.25 };
        for tick in 0..=((1.0 - least) / step).floor() as u32 {
            let value = 1.0 - f64::from(tick) * step;
            canvas.line((x(value), top + HEAD - 2.0), (x(value), bottom), Paint::Grid, 1.0)?;
            let look = Lettering::new(12.0, Paint::Muted, Align::Middle);
            canvas.text(&value.to_string().replace('-', "−"), x(value), bottom + 11.0, look)?;
        }
        let axis = Lettering::new(12.0, Paint::Muted, Align::Middle);
        canvas.text("IIA (share of pairs), or similarity", left + width / 2.0, bottom + 29.0, axis)?;
        for &(measure, y) in rows {
            let Some((_, interval, _)) = facet.values.iter().find(|(here, ..)| here == measure) else {
                canvas.text("–", x(0.0) + 6.0, y, Lettering::new(12.0, Paint::Muted, Align::Start))?;
                continue;
            };
            let (zero, end) = (x(0.0), x(interval.value));
            let bar = |paint| canvas.rectangle(zero, y - BAR / 2.0, end - zero, BAR, paint);
            match measure.kind {
                Kind::Iia => bar(if measure.label.ends_with(WITHIN) { Paint::Pale } else { Paint::Series(0) })?,
                Kind::Control => bar(Paint::Control)?,
                Kind::Ceiling => canvas.outline(zero, y - BAR / 2.0, end - zero, BAR, Paint::Muted)?,
                Kind::Similarity => {}
            }
            if measure.kind == Kind::Similarity {
                canvas.whisker(x(interval.low), x(interval.high), y, Paint::Series(1))?;
                canvas.diamond(end, y, 6.0, Paint::Series(1))?;
            } else {
                canvas.whisker(x(interval.low), x(interval.high), y, Paint::Ink)?;
            }
            let place = x(interval.high).max(end) + 10.0;
            let text = format!("{:.3}", interval.value).replace('-', "−");
            canvas.text(&text, place, y, Lettering::new(12.5, Paint::Ink, Align::Start))?;
        }
        Ok(())
    }
}

/// Where a facet is drawn.
struct Frame {
    left: f64,
    top: f64,
    bottom: f64,
    width: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn everything_that_was_measured_has_a_row() {
        let data = example::data();
        let figure = main_figure(&data).unwrap().unwrap();
        let labels: BTreeSet<String> = figure.table.rows.iter().map(|row| row[2].short()).collect();
        for label in
            ["MAS, across", "MAS, within", "Ceiling", "No swap", "Mean swap", "Shuffled", "Random source", "RSA", "CKA"]
        {
            assert!(labels.contains(label), "{label} in {labels:?}");
        }
        assert_eq!(figure.table.rows.len(), 18, "two sites");
    }

    #[test]
    fn alignments_of_the_same_thing_are_told_apart_by_their_names() {
        let mut study = example::data().studies.remove(0);
        study.outcomes.clear();
        let again: Vec<_> = study.iia.iter().filter(|row| row.alignment == "hidden").cloned().collect();
        study.iia.extend(again.into_iter().map(|row| crate::results::IiaRow { alignment: "other".into(), ..row }));
        let figure = study_figure(&study).unwrap().unwrap();
        let details: BTreeSet<String> = figure.table.rows.iter().map(|row| row[1].short()).collect();
        assert_eq!(details.len(), 3, "{details:?}");
        assert!(details.iter().any(|detail| detail.starts_with("other: ")), "{details:?}");
    }

    #[test]
    fn a_report_without_results_has_no_figure() {
        assert_eq!(main_figure(&ReportData::default()).unwrap(), None);
    }
}
