//! How far interchanged vectors leave natural ones, beside natural against natural.

use super::beside::{Spread, spread};
use super::canvas::{Align, Canvas, Lettering, draw, fitting, text_width};
use super::data::StudyReport;
use super::figure::{Drawing, Figure, file_name};
use super::pooled::{Place, Setting, settings};
use super::table::Table;
use super::theme::Paint;
use super::write::ReportError;
use crate::results::Quantity;

/// The panels: what is measured of interchanged vectors, and of natural ones.
const PANELS: [(Quantity, Quantity, &str, &str); 3] = [
    (
        Quantity::EarthMoversDistance,
        Quantity::NaturalEarthMoversDistance,
        "Earth mover's distance",
        "mean per coordinate",
    ),
    (Quantity::LargestExcess, Quantity::NaturalLargestExcess, "Largest excess", "std. deviations out of range"),
    (Quantity::Mahalanobis, Quantity::NaturalMahalanobis, "Mahalanobis distance", "mean over vectors"),
];
const PITCH: f64 = 26.0;
const BAR: f64 = 13.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 30.0;
const LABEL: f64 = 13.0;

/// One line of the figure: a setting's directions within networks, or across.
struct Row {
    label: String,
    /// Of each panel the interchanged vectors' and the natural ones' numbers.
    values: [Option<(Spread, Spread)>; PANELS.len()],
}

/// The figure of a study. Of alignments of several sizes, the largest `k` is drawn; the table has all.
pub(super) fn divergence(study: &StudyReport) -> Result<Option<Figure>, ReportError> {
    let all = settings(study);
    let mut table = Table::new(&[
        "alignment",
        "method",
        "site",
        "positions",
        "variable",
        "k",
        "directions",
        "quantity",
        "interchanged",
        "lowest",
        "highest",
        "natural",
    ]);
    let mut rows = Vec::new();
    for setting in &all {
        for place in [Place::Across, Place::Within] {
            let values = PANELS.map(|(interchanged, natural, ..)| {
                let of = |quantity| spread(&study.divergence, setting, place, quantity);
                Some((of(interchanged)?, of(natural)?))
            });
            for ((quantity, ..), (found, natural)) in PANELS.iter().zip(values).filter_map(|(p, v)| Some((p, v?))) {
                table.push(vec![
                    setting.alignment.as_str().into(),
                    setting.method.as_str().into(),
                    setting.site.as_str().into(),
                    setting.positions.as_str().into(),
                    setting.variable.as_str().into(),
                    setting.k.into(),
                    place.name().into(),
                    quantity.id().into(),
                    found.mean.into(),
                    found.low.into(),
                    found.high.into(),
                    natural.mean.into(),
                ]);
            }
            if setting.is_largest(&all) && values.iter().any(Option::is_some) {
                rows.push(Row { label: label(setting, &all, place), values });
            }
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(Figure {
        name: file_name(&[&study.name, "divergence"]),
        title: format!("{}: how far interchanged vectors leave natural ones", study.title),
        caption: "Diamonds: interchanged vectors against natural ones of the same network, the mean over directions; lines \
                  are the range over directions. Grey bars: natural vectors against natural ones, which is what the same \
                  number is when nothing is interchanged."
            .to_owned(),
        wide: drawing(&rows, PANELS.len(), 190.0, 240.0)?,
        narrow: Some(drawing(&rows, 1, 230.0, 146.0)?),
        table,
    }))
}

/// What tells a setting from the others, as short as it can be.
fn label(setting: &Setting, all: &[Setting], place: Place) -> String {
    let mut label = setting.alignment.clone();
    let alike = |other: &&Setting| other.alignment == setting.alignment;
    if all.iter().filter(alike).any(|other| other.variable != setting.variable) {
        label = format!("{label} {}", setting.variable);
    }
    format!("{label}, {}", place.name())
}

/// Panels in rows of `columns`, each `panel` wide, labels to their left in at most `gutter`.
fn drawing(rows: &[Row], columns: usize, panel: f64, gutter: f64) -> Result<Drawing, ReportError> {
    let widest = rows.iter().map(|row| text_width(&row.label, LABEL)).fold(80.0, f64::max);
    let gutter = (widest + 12.0).min(gutter);
    let pitch = HEAD + rows.len() as f64 * PITCH + FOOT;
    let (width, height) = (gutter + panel * columns as f64, pitch * PANELS.len().div_ceil(columns) as f64);
    let inside = draw(width, height, |area| {
        let canvas = Canvas { area };
        for (index, (_, _, title, unit)) in PANELS.iter().enumerate() {
            let (left, top) = (gutter + (index % columns) as f64 * panel, (index / columns) as f64 * pitch);
            let room = panel - 66.0;
            let heading = Lettering::new(13.5, Paint::Ink, Align::Start).bold();
            canvas.text(&fitting(title, 14.5, panel - 8.0), left, top + 10.0, heading)?;
            let small = Lettering::new(11.5, Paint::Muted, Align::Start);
            canvas.text(&fitting(unit, 11.5, panel - 8.0), left, top + 29.0, small)?;
            let values = || rows.iter().filter_map(|row| row.values[index]);
            let most = values().map(|(found, natural)| found.high.max(natural.mean)).fold(0.0, f64::max);
            let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
            let x = |value: f64| left + room * (value / most).clamp(0.0, 1.0);
            let bottom = top + HEAD + rows.len() as f64 * PITCH;
            canvas.line((left, top + HEAD - 2.0), (left, bottom), Paint::Grid, 1.0)?;
            for (line, row) in rows.iter().enumerate() {
                let y = top + HEAD + (line as f64 + 0.5) * PITCH;
                if index % columns == 0 {
                    let look = Lettering::new(LABEL, Paint::Ink, Align::End);
                    canvas.text(&fitting(&row.label, LABEL, gutter - 12.0), gutter - 12.0, y, look)?;
                }
                let Some((found, natural)) = row.values[index] else {
                    canvas.text("–", left + 6.0, y, Lettering::new(12.0, Paint::Muted, Align::Start))?;
                    continue;
                };
                canvas.rectangle(left, y - BAR / 2.0, x(natural.mean) - left, BAR, Paint::Control)?;
                canvas.whisker(x(found.low), x(found.high), y, Paint::Ink)?;
                canvas.diamond(x(found.mean), y, 6.0, Paint::Series(0))?;
                let place = x(found.high).max(x(natural.mean)) + 10.0;
                canvas.text(&short(found.mean), place, y, Lettering::new(12.5, Paint::Ink, Align::Start))?;
            }
        }
        Ok(())
    })?;
    Ok(Drawing { width, height, inside })
}

/// Three digits.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn interchanged_stands_beside_natural() {
        let study = &example::data().studies[0];
        let figure = divergence(study).unwrap().unwrap();
        assert_eq!(figure.table.rows.len(), 2 * 2 * 3, "settings, places, quantities");
        let row: Vec<String> = figure.table.rows[0].iter().map(super::super::table::Cell::short).collect();
        assert_eq!(row[6..8], ["across", "earth-movers-distance"]);
        assert_eq!((row[8].as_str(), row[11].as_str()), ("0.02", "0.01"));
        assert!(figure.wide.inside.contains("Mahalanobis") && figure.narrow.is_some());
    }

    #[test]
    fn odd_numbers_are_drawn_too() {
        for value in [0.0, f64::INFINITY, f64::NAN, 1e300] {
            let mut study = example::data().studies[0].clone();
            study.divergence.iter_mut().for_each(|row| row.value = value);
            let figure = divergence(&study).unwrap().unwrap();
            assert!(figure.wide.width > 0.0);
        }
        let nothing = StudyReport { divergence: Vec::new(), ..example::data().studies[0].clone() };
        assert_eq!(divergence(&nothing).unwrap(), None);
    }
}
