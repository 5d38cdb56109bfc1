//! Similarity of every two of several activities or networks: a panel for each measure, n × n; and IIA in panels of the
//! same shape beside it.

use std::collections::{BTreeMap, BTreeSet};

use mas_metrics::Measure;

use super::canvas::{Align, Canvas, Lettering, draw, fitting, text_width};
use super::data::StudyReport;
use super::figure::{Drawing, Figure, file_name};
use super::pooled::{Setting, mean, rows, settings};
use super::table::{Cell, Table};
use super::theme::Paint;
use super::write::ReportError;
use crate::results::{Control, SimilarityRow};

/// Panels side by side at most, and the width that they share.
const ACROSS: usize = 4;
const WIDTH: f64 = 1000.0;
/// The side of a cell, and that where there are more than [`FEW`] activities.
const CELL: f64 = 40.0;
const SMALL_CELL: f64 = 28.0;
const FEW: usize = 8;
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

impl SimilarityMatrix {
    /// That of a measure.
    pub(crate) fn of(measure: Measure, values: Vec<Vec<Option<f64>>>) -> Self {
        let largest_distance = match measure {
            Measure::ProcrustesAngular => Some(std::f64::consts::FRAC_PI_2),
            Measure::ProcrustesEuclidean => Some(std::f64::consts::SQRT_2),
            _ => None,
        };
        Self { measure: measure.to_string(), largest_distance, values }
    }
}

/// The heat map of several measures over the same activities. The darker (on a dark page: the brighter), the more alike.
///
/// # Errors
/// The figure could not be drawn.
pub fn similarity_figure(names: &[String], matrices: &[SimilarityMatrix]) -> Result<Figure, ReportError> {
    Ok(Figure {
        name: "similarity".into(),
        title: "Similarity of every two activities".into(),
        caption:
            "One panel for each measure. Rows are the first activity, columns the second; measures with a direction \
                  predict, or are weighted by, the row. Colours run from 0 to 1 and, of distances, from their largest \
                  value to 0: strong colours are alike. Numbers are the values."
                .into(),
        table: table(names, matrices),
        wide: drawing(names, matrices)?,
        narrow: None,
    })
}

fn table(names: &[String], matrices: &[SimilarityMatrix]) -> Table {
    let mut table = Table::new(&["measure", "a", "b", "value"]);
    for matrix in matrices {
        for (a, row) in names.iter().zip(&matrix.values) {
            for (b, value) in names.iter().zip(row) {
                let measure = matrix.measure.as_str().into();
                table.push(vec![measure, a.as_str().into(), b.as_str().into(), Cell::from(*value)]);
            }
        }
    }
    table
}

/// What interchanges say of every two networks, and beside it what correlations say of the same networks at the same
/// sites: a figure for each comparison of a study's networks that alignments belong to.
pub(super) fn side_by_side(study: &StudyReport) -> Result<Vec<Figure>, ReportError> {
    let all = settings(study);
    let largest: Vec<&Setting> = all.iter().filter(|setting| setting.is_largest(&all)).collect();
    let names: BTreeSet<&str> = study.similarity.iter().map(|row| &*row.similarity).collect();
    let mut figures = Vec::new();
    for name in names {
        let ties: Vec<&SimilarityRow> = study.similarity.iter().filter(|row| row.similarity == name).collect();
        let networks: BTreeSet<&str> = ties.iter().flat_map(|row| [&*row.a, &*row.b]).collect();
        if networks.len() < 3 {
            continue;
        }
        let networks: Vec<String> = networks.into_iter().map(str::to_owned).collect();
        let mut matrices = causal(study, &largest, &ties, &networks);
        if matrices.is_empty() {
            continue;
        }
        matrices.extend(correlational(&ties, &networks));
        figures.push(Figure {
            name: file_name(&[&study.name, "side-by-side", name]),
            title: format!("Interchanges and correlations: {name}"),
            caption:
                "Every two networks at the sites of this comparison. IIA: rows are sources, columns targets, changed \
                      held-out pairs; the diagonal is within one network. Beside it the correlational measures of the \
                      same networks. Strong colours are alike; numbers are the values, from 0 to 1."
                    .into(),
            table: table(&networks, &matrices),
            wide: drawing(&networks, &matrices)?,
            narrow: None,
        });
    }
    Ok(figures)
}

/// IIA of every direction between networks and at sites of these comparisons, one matrix for each way of interchanging.
fn causal(
    study: &StudyReport,
    settings: &[&Setting],
    ties: &[&SimilarityRow],
    networks: &[String],
) -> Vec<SimilarityMatrix> {
    // A comparison of sites with two names may have them the other way round.
    let parts = |site: &str| site.split(':').map(str::to_owned).collect::<BTreeSet<_>>();
    let sites: BTreeSet<_> = ties.iter().map(|row| parts(&row.site)).collect();
    let place = |name: &str| networks.iter().position(|network| network == name);
    let mut found: BTreeMap<String, BTreeMap<(usize, usize), Vec<f64>>> = BTreeMap::new();
    for setting in settings.iter().filter(|setting| sites.contains(&parts(&setting.site))) {
        let is_of = |tie: &&&SimilarityRow, s: &str, t: &str| {
            [(&*tie.a, &*tie.b), (&*tie.b, &*tie.a)].contains(&(s, t)) && parts(&tie.site) == parts(&setting.site)
        };
        for row in rows(study, setting, Control::None) {
            let (Some(s), Some(t)) = (place(&row.source), place(&row.target)) else { continue };
            if s == t || ties.iter().any(|tie| is_of(&tie, &row.source, &row.target)) {
                let panel = format!("IIA, {}, {}", setting.method, setting.detail());
                found.entry(panel).or_default().entry((s, t)).or_default().push(row.value);
            }
        }
    }
    let matrix = |(measure, values): (String, BTreeMap<(usize, usize), Vec<f64>>)| {
        let value = |s, t| values.get(&(s, t)).and_then(|values| mean(values.iter().copied()));
        let count = networks.len();
        let values = (0..count).map(|s| (0..count).map(|t| value(s, t)).collect()).collect();
        SimilarityMatrix { measure, largest_distance: None, values }
    };
    found.into_iter().map(matrix).collect()
}

/// The correlational measures of these comparisons.
fn correlational(ties: &[&SimilarityRow], networks: &[String]) -> Vec<SimilarityMatrix> {
    let measures: BTreeSet<&str> = ties.iter().map(|row| &*row.measure).collect();
    let measures = measures.into_iter().filter_map(|name| name.parse::<Measure>().ok());
    let matrix = |measure: Measure| {
        let name = measure.to_string();
        let value = |a: &String, b: &String| {
            let is_of = |row: &&&SimilarityRow| {
                row.measure == name
                    && ((&row.a, &row.b) == (a, b) || measure.is_symmetric() && (&row.b, &row.a) == (a, b))
            };
            mean(ties.iter().filter(is_of).map(|row| row.value))
        };
        let values = networks.iter().map(|a| networks.iter().map(|b| value(a, b)).collect()).collect();
        SimilarityMatrix::of(measure, values)
    };
    measures.map(matrix).collect()
}

fn drawing(names: &[String], matrices: &[SimilarityMatrix]) -> Result<Drawing, ReportError> {
    let widest = names.iter().map(|name| text_width(name, 12.0)).fold(0.0, f64::max).min(WIDEST);
    // A panel is wide enough for its title.
    let titles = matrices.iter().map(|matrix| text_width(&matrix.measure, 13.0)).fold(0.0, f64::max);
    let cell = if names.len() > FEW { SMALL_CELL } else { CELL };
    let side = cell * names.len() as f64;
    let pitch = side.max(titles) + GAP;
    let across = ((WIDTH / pitch) as usize).min(ACROSS).min(matrices.len()).max(1);
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
            panel(&canvas, matrix, (x, y), cell)?;
            for (place, name) in names.iter().enumerate() {
                let name = fitting(name, 12.0, WIDEST);
                let middle = (place as f64 + 0.5) * cell;
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

fn panel(canvas: &Canvas<'_, '_>, matrix: &SimilarityMatrix, corner: (f64, f64), cell: f64) -> Result<(), ReportError> {
    for (row, values) in matrix.values.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let (x, y) = (corner.0 + column as f64 * cell, corner.1 + row as f64 * cell);
            let (text, paint) = match value {
                Some(value) => {
                    let alike = matrix.largest_distance.map_or(*value, |largest| 1.0 - value / largest);
                    let (fill, on) = Paint::heat(alike);
                    canvas.rectangle(x + 0.75, y + 0.75, cell - 1.5, cell - 1.5, fill)?;
                    (format!("{value:.2}"), on)
                }
                None => ("–".to_owned(), Paint::Muted),
            };
            let look = Lettering::new(cell * 0.3, paint, Align::Middle);
            canvas.text(&text, x + cell / 2.0, y + cell / 2.0, look)?;
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

    #[test]
    fn interchanges_stand_beside_correlations_of_the_same_networks_and_sites() {
        let data = crate::report::example::data();
        let mut study = data.studies[0].clone();
        study.similarity.retain(|row| row.site == "hidden");
        let [figure] = &side_by_side(&study).unwrap()[..] else { panic!("one comparison") };
        let svg = figure.standalone();
        for text in ["IIA, mas", "rsa_euclidean_spearman", "cka_linear_debiased"] {
            assert!(svg.contains(text), "{text}");
        }
        // Of a correlation both ways are the same, and nothing is said of a network and itself.
        let csv = figure.table.to_csv().unwrap();
        let row = |text: &str| csv.lines().find_map(|line| line.strip_prefix(text)).unwrap().to_owned();
        let (a, b) = (&study.similarity[0].a, &study.similarity[0].b);
        assert_eq!(row(&format!("cka_linear_debiased,{a},{b},")), row(&format!("cka_linear_debiased,{b},{a},")));
        assert_eq!(row(&format!("cka_linear_debiased,{a},{a},")), "");
        let found = study.iia.iter().find(|row| row.source != row.target && row.control == Control::None).unwrap();
        assert!(!row(&format!("\"IIA, {}, {}", found.method, found.positions)).is_empty());
        study.similarity.iter_mut().for_each(|row| row.site = "elsewhere".into());
        assert!(side_by_side(&study).unwrap().is_empty(), "no alignment is at that site");
    }
}
