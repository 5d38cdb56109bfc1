//! Curves: training of networks, fits of alignments, IIA against the size of the subspace.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{StudyReport, TrainingPoint};
use super::figure::{Figure, file_name};
use super::lines::{Line, LineChart, Point};
use super::pooled::{Place, mean, pooled, settings, size};
use super::table::{Cell, Table};
use super::theme::Paint;
use super::write::ReportError;
use crate::results::{Control, FitCurve, FitRow, is_untrained};

const WIDTH: f64 = 540.0;
const NARROW: f64 = 370.0;

fn figure(
    name: String,
    title: String,
    caption: &str,
    table: Table,
    chart: &LineChart,
) -> Result<Option<Figure>, ReportError> {
    if chart.is_empty() {
        return Ok(None);
    }
    let (wide, narrow) = (chart.drawing(WIDTH)?, Some(chart.drawing(NARROW)?));
    Ok(Some(Figure { name, title, caption: caption.to_owned(), table, wide, narrow }))
}

/// Validation accuracy and training loss against epochs.
pub(super) fn training(study: &StudyReport) -> Result<Vec<Figure>, ReportError> {
    type Value = fn(&TrainingPoint) -> Option<f64>;
    let kinds: [(&str, &str, &str, Value); 2] = [
        ("accuracy", "Validation trials right", "validation trials right (share)", |point| point.accuracy),
        ("loss", "Training loss", "cross-entropy (nats per token)", |point| point.loss),
    ];
    let mut figures = Vec::new();
    for (kind, title, y_label, value) in kinds {
        let mut table = Table::new(&["network", "epoch", kind]);
        let mut lines = Vec::new();
        for (index, curve) in study.training.iter().enumerate() {
            let measured: Vec<(u64, f64)> =
                curve.points.iter().filter_map(|point| Some((point.epoch, value(point)?))).collect();
            for &(epoch, value) in &measured {
                table.push(vec![curve.network.as_str().into(), epoch.into(), value.into()]);
            }
            if measured.is_empty() {
                continue;
            }
            let points = measured.iter().map(|&(x, y)| Point { x: x as f64, y, interval: None }).collect();
            lines.push(Line { name: Some(curve.network.clone()), paint: series(index), dashed: index >= 8, points });
        }
        let chart = LineChart {
            x_label: "epoch".into(),
            y_label: y_label.into(),
            y_range: (kind == "accuracy").then_some(0.0..1.02),
            doubling: false,
            lines,
        };
        let caption = match kind {
            "accuracy" => "Share of validation trials with every token right, by epoch, one line a network.",
            _ => {
                "Training loss by epoch, one line a network. Its floor is not 0: the task's random tokens cannot be known."
            }
        };
        let title = format!("{title} while the networks were trained");
        figures.extend(figure(file_name(&[&study.name, "training", kind]), title, caption, table, &chart)?);
    }
    Ok(figures)
}

fn series(index: usize) -> Paint {
    Paint::Series((index % usize::from(super::theme::SERIES)) as u8)
}

/// Loss and validation IIA against steps, for each alignment.
pub(super) fn fits(study: &StudyReport) -> Result<Vec<Figure>, ReportError> {
    let keys: BTreeSet<(&str, &str, u64)> =
        study.fits.iter().map(|fit| (&*fit.alignment, &*fit.method, fit.k)).collect();
    // In the order of the alignments' other figures.
    let order: Vec<String> = settings(study).into_iter().map(|setting| setting.alignment).collect();
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|(alignment, ..)| order.iter().position(|name| name == alignment).unwrap_or(usize::MAX));
    let mut figures = Vec::new();
    for (alignment, method, k) in keys {
        let mut curves: Vec<&FitCurve> =
            study.fits.iter().filter(|fit| (&*fit.alignment, &*fit.method, fit.k) == (alignment, method, k)).collect();
        curves.sort_by_key(|fit| (fit.control, fit.seed));
        let name = |kind: &str| file_name(&[&study.name, "fit", kind, alignment, method, &format!("k{k}")]);
        let heading =
            |what: &str| format!("{what} of the fit {alignment}: {method}, {}", size(k).replace(' ', "\u{a0}"));

        let validated: [(&str, &str, &str, Value); 2] = [
            ("iia", "Validation IIA", "validation IIA (share of pairs)", |row| row.iia),
            ("cl", "Counterfactual-latent loss", "validation counterfactual-latent loss", |row| row.cl_loss),
        ];
        for (kind, title, y_label, value) in validated {
            let y_range = (kind == "iia").then_some(0.0..1.02);
            let columns =
                ["control", "seed", "step", "source", "target", "variable", "iia", "token_accuracy", "cl_loss"];
            let mut table = Table::new(&columns);
            for (fit, row) in curves.iter().flat_map(|fit| fit.rows.iter().map(move |row| (fit, row))) {
                if value(row).is_none() {
                    continue;
                }
                table.push(vec![
                    fit.control.id().into(),
                    fit.seed.into(),
                    row.step.into(),
                    row.source.as_str().into(),
                    row.target.as_str().into(),
                    row.variable.as_str().into(),
                    row.iia.into(),
                    row.token_accuracy.into(),
                    row.cl_loss.into(),
                ]);
            }
            let lines = course_lines(&curves, value);
            let chart = LineChart { x_label: "step".into(), y_label: y_label.into(), y_range, doubling: false, lines };
            let caption = format!(
                "{title} by step: pale lines are single directions, strong lines their means; dashed lines are the means \
                 of control fits.{}",
                study.cut_of(alignment)
            );
            figures.extend(figure(name(kind), heading(title), &caption, table, &chart)?);
        }

        let mut table = Table::new(&["control", "seed", "step", "loss"]);
        let mut lines = Vec::new();
        for fit in &curves {
            let losses: BTreeMap<u64, f64> = fit.rows.iter().filter_map(|row| Some((row.step, row.loss?))).collect();
            for (&step, &loss) in &losses {
                table.push(vec![fit.control.id().into(), fit.seed.into(), step.into(), loss.into()]);
            }
            let (label, paint) = look(fit.control);
            let known = lines.iter().any(|line: &Line| line.name.as_deref() == Some(label));
            lines.push(Line {
                name: (!known).then(|| label.to_owned()),
                paint,
                dashed: fit.control != Control::None,
                points: losses.iter().map(|(&x, &y)| Point { x: x as f64, y, interval: None }).collect(),
            });
        }
        let chart = LineChart {
            x_label: "step".into(),
            y_label: loss_label(&curves).into(),
            y_range: None,
            doubling: false,
            lines,
        };
        let caption = "Loss by step, mean since the last validation pass.";
        figures.extend(figure(name("loss"), heading("Loss"), caption, table, &chart)?);
    }
    Ok(figures)
}

/// A value of a validation, where there is one.
type Value = fn(&FitRow) -> Option<f64>;

fn loss_label(curves: &[&FitCurve]) -> &'static str {
    match curves.iter().flat_map(|fit| &fit.rows).any(|row| row.cl_loss.is_some()) {
        true => "loss (all parts)",
        false => "loss (nats per token)",
    }
}

fn look(control: Control) -> (&'static str, Paint) {
    match control {
        Control::Shuffled => ("shuffled", Paint::Series(4)),
        Control::RandomNetwork => ("random source", Paint::Series(3)),
        _ => ("alignment", Paint::Series(0)),
    }
}

fn course_lines(curves: &[&FitCurve], value: Value) -> Vec<Line> {
    type Filter = fn(&FitRow) -> bool;
    let groups: [(Control, &str, Paint, Filter); 4] = [
        (Control::None, "across networks", Paint::Series(0), |row| row.source != row.target),
        (Control::None, "within networks", Paint::Series(1), |row| row.source == row.target),
        (Control::Shuffled, "shuffled", Paint::Series(4), |_| true),
        (Control::RandomNetwork, "random source", Paint::Series(3), |row| {
            is_untrained(&row.source) && !is_untrained(&row.target)
        }),
    ];
    let mut lines = Vec::new();
    for (control, name, paint, filter) in groups {
        let mut by_step: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for fit in curves.iter().filter(|fit| fit.control == control) {
            let mut single: BTreeMap<(&str, &str, &str), Vec<Point>> = BTreeMap::new();
            for row in fit.rows.iter().filter(|row| filter(row)) {
                let Some(y) = value(row) else { continue };
                by_step.entry(row.step).or_default().push(y);
                let point = Point { x: row.step as f64, y, interval: None };
                single.entry((&row.variable, &row.source, &row.target)).or_default().push(point);
            }
            // Of controls the mean is enough.
            if control == Control::None && single.len() > 1 {
                lines.extend(single.into_values().map(|points| Line { name: None, paint, dashed: false, points }));
            }
        }
        let points: Vec<Point> = by_step
            .into_iter()
            .filter_map(|(step, values)| Some(Point { x: step as f64, y: mean(values.into_iter())?, interval: None }))
            .collect();
        if !points.is_empty() {
            lines.push(Line { name: Some(name.to_owned()), paint, dashed: control != Control::None, points });
        }
    }
    lines
}

/// IIA against the size of the subspace, where there are several.
pub(super) fn dimension(study: &StudyReport) -> Result<Vec<Figure>, ReportError> {
    let all = settings(study);
    let places: BTreeSet<_> = all.iter().map(|s| (&s.site, &s.positions, &s.variable)).collect();
    let mut figures = Vec::new();
    for (site, positions, variable) in places {
        let here: Vec<_> =
            all.iter().filter(|s| (&s.site, &s.positions, &s.variable) == (site, positions, variable)).collect();
        let sizes: BTreeSet<u64> = here.iter().map(|setting| setting.k).collect();
        if sizes.len() < 2 {
            continue;
        }
        let methods: BTreeSet<&str> = here.iter().map(|setting| setting.method.as_str()).collect();
        let mut table = Table::new(&["method", "place", "k", "iia", "low", "high", "directions"]);
        let mut lines = Vec::new();
        for (index, method) in methods.iter().enumerate() {
            let of_method: Vec<_> = here.iter().filter(|setting| setting.method == *method).collect();
            for &place in of_method.first().map_or(&[][..], |setting| setting.places()) {
                let mut points = Vec::new();
                for setting in &of_method {
                    let Some(found) = pooled(study, setting, Control::None, place) else { continue };
                    let interval = found.interval;
                    let row: Vec<Cell> = vec![
                        (*method).into(),
                        place.name().into(),
                        setting.k.into(),
                        interval.value.into(),
                        interval.low.into(),
                        interval.high.into(),
                        (found.directions as u64).into(),
                    ];
                    table.push(row);
                    let ends = Some((interval.low, interval.high));
                    points.push(Point { x: setting.k as f64, y: interval.value, interval: ends });
                }
                points.sort_by(|a, b| a.x.total_cmp(&b.x));
                if !points.is_empty() {
                    let name = Some(format!("{method}, {}", place.name()));
                    let dashed = matches!(place, Place::Within | Place::Backward);
                    lines.push(Line { name, paint: series(index), dashed, points });
                }
            }
        }
        let chart = LineChart {
            x_label: "size of the subspace, k (coordinates)".into(),
            y_label: "IIA (share of pairs)".into(),
            y_range: Some(0.0..1.02),
            doubling: true,
            lines,
        };
        let name = file_name(&[&study.name, "size", site, positions, variable]);
        let title = format!("IIA against the size of the subspace at {site} ({positions}, {variable})");
        let caption =
            "Mean over directions, changed held-out pairs. Lines: 95 % intervals over networks and sequences.";
        figures.extend(figure(name, title, caption, table, &chart)?);
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn several_sizes_make_a_figure() {
        let mut data = example::data();
        let study = &mut data.studies[0];
        assert!(dimension(study).unwrap().is_empty());
        study.outcomes.clear();
        let more: Vec<_> = study.iia.iter().cloned().map(|row| crate::results::IiaRow { k: 4, ..row }).collect();
        study.iia.extend(more);
        let figures = dimension(study).unwrap();
        assert_eq!(figures.len(), 2, "one a site");
        assert_eq!(figures[0].table.rows.len(), 4, "two places by two sizes");
    }

    #[test]
    fn curves_need_points() {
        assert!(training(&StudyReport::default()).unwrap().is_empty());
        let data = example::data();
        assert_eq!(training(&data.studies[0]).unwrap().len(), 2);
        assert_eq!(fits(&data.studies[0]).unwrap().len(), 4, "loss and IIA of two alignments");
    }
}
