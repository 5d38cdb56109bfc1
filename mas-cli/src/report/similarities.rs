//! Similarity of every two of several activities: a panel for each measure, n × n.

use super::canvas::{Align, Canvas, Lettering, draw, fitting, text_width};
use super::figure::{Drawing, Figure};
use super::table::{Cell, Table};
use super::theme::Paint;
use super::write::ReportError;

/// Panels side by side.
const ACROSS: usize = 4;
const CELL: f64 = 40.0;
const GAP: f64 = 28.0;
const HEAD: f64 = 26.0;
/// The widest name.
const WIDEST: f64 = 110.0;

/// One measure of every two activities.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityMatrix {
    /// The measure's name.
    pub measure: String,
    /// For a distance, of which less is more alike, its largest value; its colours then run the other way.
    pub largest_distance: Option<f64>,
    /// Row i, column j: the measure of activity i as the first and j as the second; nothing where it is undefined.
    pub values: Vec<Vec<Option<f64>>>,
}

/// The heat map of several measures over the same activities. The darker (on a dark page: the brighter), the more alike.
///
/// # Errors
/// The figure could not be drawn.
pub fn similarity_figure(names: &[String], matrices: &[SimilarityMatrix]) -> Result<Figure, ReportError> {
    let mut table = Table::new(&["measure", "a", "b", "value"]);
    for matrix in matrices {
        for (a, row) in names.iter().zip(&matrix.values) {
            for (b, value) in names.iter().zip(row) {
                table.push(vec![
                    matrix.measure.as_str().into(),
                    a.as_str().into(),
                    b.as_str().into(),
                    Cell::from(*value),
                ]);
            }
        }
    }
    Ok(Figure {
        name: "similarity".into(),
        title: "Similarity of every two activities".into(),
        caption:
            "One panel for each measure. Rows are the first activity, columns the second; measures with a direction \
                  predict, or are weighted by, the row. Colours run from 0 to 1 and, of distances, from their largest \
                  value to 0: strong colours are alike. Numbers are the values."
                .into(),
        table,
        wide: drawing(names, matrices)?,
        narrow: None,
    })
}

fn drawing(names: &[String], matrices: &[SimilarityMatrix]) -> Result<Drawing, ReportError> {
    let widest = names.iter().map(|name| text_width(name, 12.0)).fold(0.0, f64::max).min(WIDEST);
    // A panel is wide enough for its title.
    let titles = matrices.iter().map(|matrix| text_width(&matrix.measure, 13.0)).fold(0.0, f64::max);
    let side = CELL * names.len() as f64;
    let pitch = side.max(titles) + GAP;
    let across = ACROSS.min(matrices.len()).max(1);
    let down = matrices.len().div_ceil(across);
    let gutter = widest + 8.0;
    let foot = widest + 12.0;
    let width = gutter + pitch * across as f64 - GAP;
    let height = (HEAD + side + GAP) * down as f64 - GAP + foot;
    let inside = draw(width, height, |area| {
        let canvas = Canvas { area };
        for (index, matrix) in matrices.iter().enumerate() {
            let x = gutter + (index % across) as f64 * pitch;
            let y = (index / across) as f64 * (HEAD + side + GAP) + HEAD;
            let look = Lettering::new(13.0, Paint::Ink, Align::Start).bold();
            canvas.text(&matrix.measure, x, y - 13.0, look)?;
            panel(&canvas, matrix, (x, y))?;
            for (place, name) in names.iter().enumerate() {
                let name = fitting(name, 12.0, WIDEST);
                let middle = (place as f64 + 0.5) * CELL;
                let look = Lettering::new(12.0, Paint::Muted, Align::End);
                if index % across == 0 {
                    canvas.text(&name, x - 6.0, y + middle, look)?;
                }
                // The last panel of a column carries the columns' names.
                if index + across >= matrices.len() {
                    canvas.text(&name, x + middle, y + side + 6.0, look.upwards())?;
                }
            }
        }
        Ok(())
    })?;
    Ok(Drawing { width, height, inside })
}

fn panel(canvas: &Canvas<'_, '_>, matrix: &SimilarityMatrix, corner: (f64, f64)) -> Result<(), ReportError> {
    for (row, values) in matrix.values.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let (x, y) = (corner.0 + column as f64 * CELL, corner.1 + row as f64 * CELL);
            let (text, paint) = match value {
                Some(value) => {
                    let alike = matrix.largest_distance.map_or(*value, |largest| 1.0 - value / largest);
                    let (fill, on) = Paint::heat(alike);
                    canvas.rectangle(x + 0.75, y + 0.75, CELL - 1.5, CELL - 1.5, fill)?;
                    (format!("{value:.2}"), on)
                }
                None => ("–".to_owned(), Paint::Muted),
            };
            let look = Lettering::new(12.0, paint, Align::Middle);
            canvas.text(&text, x + CELL / 2.0, y + CELL / 2.0, look)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_a_panel_and_every_pair_a_row() {
        let names = ["one", "two", "three"].map(String::from);
        let matrix = |measure: &str, largest_distance| SimilarityMatrix {
            measure: measure.into(),
            largest_distance,
            values: vec![vec![Some(1.0), Some(0.25), None]; 3],
        };
        let matrices = [matrix("cka_linear", None), matrix("procrustes_angular", Some(1.5))];
        let figure = similarity_figure(&names, &matrices).unwrap();
        assert_eq!(figure.table.rows.len(), 2 * 9);
        let svg = figure.standalone();
        for text in ["cka_linear", "procrustes_angular", "three", "0.25", "–"] {
            assert!(svg.contains(text), "{text}");
        }
    }
}
