//! IIA of every direction, n × n, the controls beside it in the same figure.

use std::collections::{BTreeMap, BTreeSet};

use super::canvas::{Align, Canvas, Lettering, draw, fitting, text_width};
use super::data::StudyReport;
use super::figure::{Drawing, Figure, file_name};
use super::pooled::{Setting, by_direction, rows};
use super::table::Table;
use super::theme::{HEAT_STEPS, Paint};
use super::write::ReportError;
use crate::results::{Control, trained_name};

/// The panels, in reading order; the scale follows them.
const PANELS: [(Control, &str); 5] = [
    (Control::None, "Alignment"),
    (Control::NoSwap, "No swap"),
    (Control::MeanSwap, "Mean swap"),
    (Control::Shuffled, "Shuffled"),
    (Control::RandomNetwork, "Random source"),
];
const GAP: f64 = 16.0;
const HEAD: f64 = 24.0;

/// A panel's values by place of source and target among the networks.
type Panel = BTreeMap<(usize, usize), f64>;

struct Heatmap {
    names: Vec<String>,
    /// What the shown names have in common and leave out.
    prefix: String,
    panels: Vec<(&'static str, Panel)>,
}

/// The heat map of one alignment; `None` where it has no values, or those of a single network, which bars show.
pub(super) fn heatmap(study: &StudyReport, setting: &Setting) -> Result<Option<Figure>, ReportError> {
    let found: Vec<_> = PANELS
        .into_iter()
        .map(|(control, name)| (control, name, by_direction(rows(study, setting, control))))
        .collect();
    let networks: BTreeSet<&str> = found
        .iter()
        .flat_map(|(_, _, values)| values.keys().flat_map(|(s, t)| [trained_name(s), trained_name(t)]))
        .collect();
    let networks: Vec<&str> = networks.into_iter().collect();
    if networks.len() < 2 {
        return Ok(None);
    }
    let place = |name: &str| networks.binary_search(&trained_name(name)).unwrap_or_default();
    let mut table = Table::new(&["panel", "source", "target", "iia", "low", "high", "pairs", "seed"]);
    for (control, name) in PANELS {
        for row in rows(study, setting, control) {
            table.push(vec![
                name.into(),
                row.source.as_str().into(),
                row.target.as_str().into(),
                row.value.into(),
                row.low.into(),
                row.high.into(),
                row.pairs.into(),
                row.seed.into(),
            ]);
        }
    }
    let prefix = common_prefix(&networks);
    let map = Heatmap {
        names: networks.iter().map(|name| name[prefix.len()..].to_owned()).collect(),
        prefix: prefix.to_owned(),
        panels: found
            .iter()
            .map(|(_, name, values)| (*name, values.iter().map(|((s, t), v)| ((place(s), place(t)), *v)).collect()))
            .collect(),
    };
    Ok(Some(Figure {
        name: file_name(&[
            &study.name,
            "directions",
            &setting.alignment,
            &setting.method,
            &setting.site,
            &setting.variable,
            &format!("k{}", setting.k),
        ]),
        title: format!("IIA of every direction at {}: {}, {}", setting.site, setting.method, setting.heading()),
        caption: format!(
            "Share of changed held-out pairs, in per cent, after which the target says all of what the source's \
                  value implies. Rows are sources, columns are targets; the diagonal is within one network. Beside the \
                  alignment are its controls: nothing swapped, the source's mean swapped in, the fit repeated with \
                  sources shuffled between trials, and with an untrained network as source, which sends into the \
                  network itself where that is alone.{}",
            study.cut_of(&setting.alignment)
        ),
        wide: map.drawing(540.0, 3)?,
        narrow: Some(map.drawing(360.0, 2)?),
        table,
    }))
}

/// What all names begin with, up to and with a separator; nothing where there is a single name.
fn common_prefix<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, rest)) = names.split_first().filter(|(_, rest)| !rest.is_empty()) else { return "" };
    let end = first
        .char_indices()
        .filter(|(_, c)| matches!(c, '-' | '_' | ' ' | '.' | '/'))
        .map(|(index, c)| index + c.len_utf8())
        .filter(|&end| rest.iter().chain([first]).all(|name| name.len() > end && name.starts_with(&first[..end])))
        .max();
    &first[..end.unwrap_or(0)]
}

impl Heatmap {
    fn drawing(&self, width: f64, across: usize) -> Result<Drawing, ReportError> {
        let widest = self.names.iter().map(|name| text_width(name, 12.0)).fold(0.0, f64::max).min(90.0);
        let gutter = 26.0 + widest + 6.0;
        let side = (width - gutter - GAP * (across - 1) as f64) / across as f64;
        let cell = (side / self.names.len() as f64).min(64.0);
        let side = cell * self.names.len() as f64;
        // Names under columns: level where they fit, else upwards.
        let upwards = self.names.iter().any(|name| text_width(name, 12.0) > cell - 2.0);
        let foot = if upwards { widest + 14.0 } else { 24.0 };
        let down = (PANELS.len() + 1).div_ceil(across);
        let pitch = HEAD + side + GAP;
        let height = pitch * down as f64 - GAP + foot + 18.0;
        let inside = draw(width, height, |area| {
            let canvas = Canvas { area };
            for (index, (name, panel)) in self.panels.iter().enumerate() {
                let x = gutter + (index % across) as f64 * (side + GAP);
                let y = (index / across) as f64 * pitch + HEAD;
                canvas.text(
                    &fitting(name, 13.0, side),
                    x,
                    y - 12.0,
                    Lettering::new(13.0, Paint::Ink, Align::Start).bold(),
                )?;
                self.panel(&canvas, panel, (x, y), cell)?;
                if index % across == 0 {
                    self.rows_of(&canvas, (x, y), cell)?;
                }
                // The last panel of a column carries the columns' names; the scale is where no panel is.
                if index + across >= PANELS.len() {
                    self.columns_of(&canvas, (x, y + side), cell, upwards)?;
                    if index + 1 == PANELS.len() || index % across == 0 {
                        let label = format!("target {}", self.prefix);
                        let y = y + side + foot + 6.0;
                        canvas.text(
                            &fitting(label.trim(), 12.0, side),
                            x + side / 2.0,
                            y,
                            Lettering::new(12.0, Paint::Muted, Align::Middle),
                        )?;
                    }
                }
            }
            let index = PANELS.len();
            let x = gutter + (index % across) as f64 * (side + GAP);
            // Below the names of the column above.
            let y = (index / across) as f64 * pitch + HEAD + foot;
            scale(&canvas, (x, y), side.max(90.0))
        })?;
        Ok(Drawing { width, height, inside })
    }

    fn panel(&self, canvas: &Canvas<'_, '_>, panel: &Panel, corner: (f64, f64), cell: f64) -> Result<(), ReportError> {
        let size = (cell * 0.38).min(13.0);
        for s in 0..self.names.len() {
            for t in 0..self.names.len() {
                let (x, y) = (corner.0 + t as f64 * cell, corner.1 + s as f64 * cell);
                let value = panel.get(&(s, t)).filter(|value| value.is_finite());
                let (text, paint) = match value {
                    Some(value) => {
                        let (fill, on) = Paint::heat(*value);
                        canvas.rectangle(x + 0.75, y + 0.75, cell - 1.5, cell - 1.5, fill)?;
                        (percent(*value), on)
                    }
                    None => ("–".to_owned(), Paint::Muted),
                };
                // Smaller text is no text.
                if size >= 7.0 {
                    let look = Lettering::new(size, paint, Align::Middle);
                    canvas.text(&text, x + cell / 2.0, y + cell / 2.0, look)?;
                }
            }
        }
        Ok(())
    }

    fn rows_of(&self, canvas: &Canvas<'_, '_>, corner: (f64, f64), cell: f64) -> Result<(), ReportError> {
        let look = Lettering::new(12.0_f64.min(cell), Paint::Muted, Align::End);
        for (index, name) in self.names.iter().enumerate() {
            let y = corner.1 + (index as f64 + 0.5) * cell;
            canvas.text(&fitting(name, look.size, 90.0), corner.0 - 6.0, y, look)?;
        }
        let label = format!("source {}", self.prefix);
        let middle = corner.1 + 0.5 * cell * self.names.len() as f64;
        let label = fitting(label.trim(), 12.0, (cell * self.names.len() as f64).max(60.0));
        canvas.text(&label, 9.0, middle, Lettering::new(12.0, Paint::Muted, Align::Middle).upwards())
    }

    fn columns_of(
        &self,
        canvas: &Canvas<'_, '_>,
        corner: (f64, f64),
        cell: f64,
        upwards: bool,
    ) -> Result<(), ReportError> {
        for (index, name) in self.names.iter().enumerate() {
            let x = corner.0 + (index as f64 + 0.5) * cell;
            let name = fitting(name, 12.0, 90.0);
            let size = 12.0_f64.min(cell);
            if upwards {
                canvas.text(&name, x, corner.1 + 6.0, Lettering::new(size, Paint::Muted, Align::End).upwards())?;
            } else {
                canvas.text(&name, x, corner.1 + 12.0, Lettering::new(size, Paint::Muted, Align::Middle))?;
            }
        }
        Ok(())
    }
}

/// A share in per cent. What is nearly all is not shown as all, nor what is nearly none as none.
fn percent(share: f64) -> String {
    let rounded = (100.0 * share).round();
    if rounded >= 100.0 && share < 1.0 {
        "99".to_owned()
    } else if rounded <= 0.0 && share > 0.0 {
        "1".to_owned()
    } else {
        format!("{rounded:.0}")
    }
}

/// The colours' meaning.
fn scale(canvas: &Canvas<'_, '_>, corner: (f64, f64), width: f64) -> Result<(), ReportError> {
    canvas.text("IIA, %", corner.0, corner.1 - 12.0, Lettering::new(13.0, Paint::Ink, Align::Start).bold())?;
    let step = width / f64::from(HEAT_STEPS + 1);
    for index in 0..=HEAT_STEPS {
        let x = corner.0 + f64::from(index) * step;
        canvas.rectangle(x, corner.1 + 1.0, step + 0.25, 14.0, Paint::Heat(index))?;
    }
    for (value, align) in [(0.0, Align::Start), (0.5, Align::Middle), (1.0, Align::End)] {
        let look = Lettering::new(12.0, Paint::Muted, align);
        canvas.text(&format!("{:.0}", 100.0 * value), corner.0 + value * width, corner.1 + 26.0, look)?;
    }
    let look = Lettering::new(12.0, Paint::Muted, Align::Start);
    canvas.text("– not measured", corner.0, corner.1 + 48.0, look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::report::pooled::settings;
    use crate::report::table::Cell;

    fn texts(table: &Table) -> Vec<Vec<String>> {
        table.rows.iter().map(|row| row.iter().map(Cell::short).collect()).collect()
    }

    #[test]
    fn names_lose_what_they_have_in_common() {
        assert_eq!(common_prefix(&["gru-0", "gru-1"]), "gru-");
        assert_eq!(common_prefix(&["gru-a-0", "gru-b-0"]), "gru-");
        assert_eq!(common_prefix(&["gru-", "gru-1"]), "", "a name must not vanish");
        assert_eq!(common_prefix(&["gru", "lstm"]), "");
        assert_eq!(common_prefix(&["gru-0"]), "");
    }

    #[test]
    fn only_all_is_shown_as_all() {
        assert_eq!([1.0, 0.999, 0.5, 0.001, 0.0].map(percent), ["100", "99", "50", "1", "0"]);
    }

    #[test]
    fn controls_are_in_the_same_figure() {
        let data = example::data();
        let study = &data.studies[0];
        let figure = heatmap(study, &settings(study)[0]).unwrap().unwrap();
        for (_, name) in PANELS {
            assert!(figure.wide.inside.contains(name), "{name}");
            assert!(texts(&figure.table).iter().any(|row| row[0] == name), "{name}");
        }
        assert!(texts(&figure.table).iter().all(|row| row[0] != "Random source" || row[1].ends_with("untrained")));
    }
}
