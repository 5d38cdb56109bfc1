//! Line charts: axes, grid, lines and a legend, by plotters.

use std::ops::Range;

use plotters::prelude::*;

use super::canvas::{Align, Area, Canvas, Lettering, draw, fitting, lettering, stroke, text_width, units};
use super::figure::Drawing;
use super::theme::Paint;
use super::write::ReportError;

/// A line.
pub(super) struct Line {
    /// In the legend; a line without a name is drawn thin and pale, as one of many that a named one sums up.
    pub(super) name: Option<String>,
    pub(super) paint: Paint,
    pub(super) dashed: bool,
    pub(super) points: Vec<Point>,
}

/// A point of a line, with its interval where it has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// A chart of lines.
pub(super) struct LineChart {
    pub(super) x_label: String,
    pub(super) y_label: String,
    /// The range of y; found in the data where not given.
    pub(super) y_range: Option<Range<f64>>,
    /// Whether x doubles from tick to tick, and points are marked.
    pub(super) doubling: bool,
    pub(super) lines: Vec<Line>,
}

const HEIGHT: f64 = 270.0;
const LEGEND: f64 = 20.0;
const TEXT: f64 = 12.5;

impl LineChart {
    /// Whether there is anything to draw.
    pub(super) fn is_empty(&self) -> bool {
        !self.lines.iter().flat_map(|line| &line.points).any(|point| point.x.is_finite() && point.y.is_finite())
    }

    /// Draws it: - `width`: in pixels; the height follows from the legend.
    pub(super) fn drawing(&self, width: f64) -> Result<Drawing, ReportError> {
        let legend = self.legend(width);
        let rows = legend.iter().map(|(.., row)| row + 1).max().unwrap_or(0);
        let top = LEGEND * rows as f64 + 8.0;
        let height = HEIGHT + top;
        let inside = draw(width, height, |area| {
            for (line, x, row) in &legend {
                key(&Canvas { area }, line, *x, LEGEND * (*row as f64 + 0.5), width)?;
            }
            self.plot(area, top)
        })?;
        Ok(Drawing { width, height, inside })
    }

    /// Where each named line's key goes: its left end and its row.
    fn legend(&self, width: f64) -> Vec<(&Line, f64, usize)> {
        let (mut x, mut row) = (0.0, 0);
        let mut keys = Vec::new();
        for line in &self.lines {
            let Some(name) = &line.name else { continue };
            let needed = (30.0 + text_width(name, TEXT) + 16.0).min(width);
            if x > 0.0 && x + needed > width {
                (x, row) = (0.0, row + 1);
            }
            keys.push((line, x, row));
            x += needed;
        }
        keys
    }

    fn x_of(&self, x: f64) -> f64 {
        if self.doubling { x.max(f64::MIN_POSITIVE).log2() } else { x }
    }

    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|p| p.x.is_finite() && p.y.is_finite());
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (mut left, mut right) = bounds(&mut points().map(|p| self.x_of(p.x)));
        if self.doubling {
            (left, right) = (left - 0.25, right + 0.25);
        }
        // One point alone, or none, still has axes.
        if !(right - left).is_normal() {
            (left, right) = if left.is_finite() { (left - 0.5, left + 0.5) } else { (0.0, 1.0) };
        }
        let y = self.y_range.clone().unwrap_or_else(|| {
            let (low, high) = bounds(&mut points().map(|p| p.y));
            let (low, high) = if high > low { (low, high) } else { (low.min(0.0), high.max(1.0)) };
            let margin = 0.05 * (high - low);
            // Losses are positive: an axis that begins at nothing shows what is left of them.
            if low >= 0.0 { 0.0..high + margin } else { low - margin..high + margin }
        });
        (left..right, y)
    }

    fn plot(&self, area: &Area<'_>, top: f64) -> Result<(), ReportError> {
        let (x_range, y_range) = self.ranges();
        let mut chart = ChartBuilder::on(area)
            .margin_top(units(top))
            .margin_right(units(14.0))
            .x_label_area_size(units(46.0))
            .y_label_area_size(units(58.0))
            .build_cartesian_2d(x_range.clone(), y_range.clone())?;
        let small = Lettering::new(12.0, Paint::Muted, Align::Middle);
        let doubling = self.doubling;
        let x_text = move |x: &f64| {
            let x = if doubling { x.exp2() } else { *x };
            if (x - x.round()).abs() < 1e-6 { format!("{x:.0}") } else { String::new() }
        };
        let y_text = |y: &f64| {
            let text = format!("{y:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let x_ticks = if doubling { (x_range.end - x_range.start).ceil() as usize + 1 } else { 6 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(stroke(Paint::Grid, 1.0))
            .axis_style(stroke(Paint::Grid, 1.0))
            .label_style(lettering(small))
            .axis_desc_style(lettering(Lettering::new(TEXT, Paint::Muted, Align::Middle)))
            .set_all_tick_mark_size(units(4.0))
            .x_desc(self.x_label.clone())
            .y_desc(self.y_label.clone())
            .x_labels(x_ticks)
            .y_labels(6)
            .x_label_formatter(&x_text)
            .y_label_formatter(&y_text)
            .draw()?;
        // Pale lines first: the named ones lie on top.
        for pale in [true, false] {
            for (index, line) in self.lines.iter().enumerate().filter(|(_, line)| line.name.is_none() == pale) {
                // Intervals at the same size would hide each other.
                let aside = if doubling { 0.07 * (index as f64 - 0.5 * (self.lines.len() - 1) as f64) } else { 0.0 };
                let points: Vec<(f64, f64)> = line
                    .points
                    .iter()
                    .filter(|p| p.x.is_finite() && p.y.is_finite())
                    .map(|p| (self.x_of(p.x) + aside, p.y.clamp(y_range.start, y_range.end)))
                    .collect();
                let style = if pale { stroke(line.paint, 1.0) } else { stroke(line.paint, 2.25) };
                let style = ShapeStyle { color: style.color.mix(if pale { 0.25 } else { 1.0 }), ..style };
                if line.dashed {
                    chart.draw_series(DashedLineSeries::new(points.clone(), units(6.0), units(4.0), style))?;
                } else {
                    chart.draw_series(LineSeries::new(points.clone(), style))?;
                }
                if self.doubling || points.len() == 1 {
                    let dot = line.paint.stand_in().filled();
                    chart.draw_series(points.iter().map(|&at| Circle::new(at, units(3.5), dot)))?;
                }
                for point in &line.points {
                    let Some((low, high)) = point.interval else { continue };
                    let (x, clamp) = (self.x_of(point.x) + aside, |y: f64| y.clamp(y_range.start, y_range.end));
                    let bar = vec![(x, clamp(low)), (x, clamp(high))];
                    chart.draw_series([PathElement::new(bar, stroke(line.paint, 1.5))])?;
                }
            }
        }
        Ok(())
    }
}

fn key(canvas: &Canvas<'_, '_>, line: &Line, x: f64, y: f64, width: f64) -> Result<(), ReportError> {
    let Some(name) = &line.name else { return Ok(()) };
    if line.dashed {
        canvas.line((x, y), (x + 9.0, y), line.paint, 2.25)?;
        canvas.line((x + 14.0, y), (x + 22.0, y), line.paint, 2.25)?;
    } else {
        canvas.line((x, y), (x + 22.0, y), line.paint, 2.25)?;
    }
    let name = fitting(name, TEXT, width - 30.0);
    canvas.text(&name, x + 28.0, y, Lettering::new(TEXT, Paint::Ink, Align::Start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64], doubling: bool) -> LineChart {
        let points = values.iter().zip(1..).map(|(&y, x)| Point { x: f64::from(x), y, interval: None }).collect();
        let line = Line { name: Some("a & b".into()), paint: Paint::Series(0), dashed: doubling, points };
        let (x_label, y_label) = ("steps".into(), "loss".into());
        LineChart { x_label, y_label, y_range: None, doubling, lines: vec![line] }
    }

    #[test]
    fn odd_data_is_drawn_too() {
        for doubling in [false, true] {
            for values in [&[][..], &[0.5], &[0.5, 0.5], &[f64::NAN, 1.0], &[-1.0, f64::INFINITY], &[1e-12, 1e9]] {
                let drawing = chart(values, doubling).drawing(300.0).unwrap();
                assert!(drawing.inside.contains("a &amp; b") && !drawing.inside.contains("NaN"), "{values:?}");
            }
        }
        assert!(chart(&[f64::NAN], false).is_empty() && !chart(&[1.0], false).is_empty());
    }
}
