//! More than two activities: every measure as a matrix over all pairs, and the heat map of them.

use std::path::Path;

use mas_metrics::{Measure, Options, Outcome};
use serde_json::{Map, Value, json};

use super::{Input, Pair, Setting};
use crate::Result;
use crate::report::{SimilarityMatrix, similarity_figure};
use crate::results::write_file;

/// For each measure a matrix over the activities, in their order.
pub(super) struct Matrices<'a> {
    names: &'a [String],
    measures: Vec<(Measure, Vec<Vec<Option<f64>>>)>,
}

impl<'a> Matrices<'a> {
    /// - `pairs`: the outcomes of every two activities, by their places. What has a direction is computed for the other
    ///   one here, and what predicts also for an activity and itself. Whatever else is compared with itself is the same.
    pub fn new(names: &'a [String], inputs: &[Input], setting: &Setting, pairs: &[Pair]) -> Self {
        let count = inputs.len();
        let plain = Options { permutations: 0, bootstraps: 0, ..setting.options };
        let mut measures: Vec<(Measure, Vec<Vec<Option<f64>>>)> =
            setting.measures.iter().map(|&measure| (measure, vec![vec![None; count]; count])).collect();
        let mut put = |left: usize, right: usize, outcome: &Outcome| {
            for (_, matrix) in measures.iter_mut().filter(|(measure, _)| *measure == outcome.measure) {
                matrix[left][right] = Some(outcome.value);
                if outcome.measure.is_symmetric() {
                    matrix[right][left] = Some(outcome.value);
                }
            }
        };
        let directed: Vec<Measure> =
            setting.measures.iter().copied().filter(|measure| !measure.is_symmetric()).collect();
        let predicting: Vec<Measure> = directed.iter().copied().filter(|measure| *measure != Measure::Pwcca).collect();
        for pair in pairs {
            pair.defined().for_each(|outcome| put(pair.left, pair.right, outcome));
        }
        let further = (0..count).flat_map(|right| (0..=right).map(move |left| (right, left)));
        for (left, right) in further {
            let measures = if left == right { &predicting } else { &directed };
            // What the pair itself could not have has been said of it.
            let outcomes = setting.outcomes(&inputs[left], &inputs[right], measures, &plain).unwrap_or_default();
            outcomes.iter().flatten().for_each(|outcome| put(left, right, outcome));
        }
        for (measure, matrix) in &mut measures {
            for (place, row) in matrix.iter_mut().enumerate() {
                let defined = row.iter().any(Option::is_some);
                let own = if measure.is_distance() { 0.0 } else { 1.0 };
                row[place] = row[place].or_else(|| defined.then_some(own));
            }
        }
        Self { names, measures }
    }

    /// `matrix.csv` and `similarity.svg`.
    pub fn write(&self, out: &Path) -> Result<()> {
        let panels = self.measures.iter().map(|(measure, matrix)| SimilarityMatrix::of(*measure, matrix.clone()));
        let figure = similarity_figure(self.names, &panels.collect::<Vec<_>>())?;
        write_file(&out.join("similarity.svg"), figure.standalone().as_bytes())?;
        let table = figure.table.to_csv().map_err(crate::report::ReportError::from)?;
        write_file(&out.join("matrix.csv"), table.as_bytes())?;
        Ok(())
    }

    /// By measure, rows of numbers.
    pub fn document(&self) -> Value {
        let matrix = |(measure, matrix): &(Measure, Vec<Vec<Option<f64>>>)| (measure.to_string(), json!(matrix));
        Value::Object(self.measures.iter().map(matrix).collect::<Map<_, _>>())
    }

    pub fn text(&self) -> String {
        let widest = self.names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(7);
        let mut text = String::new();
        for (measure, matrix) in &self.measures {
            text.push_str(&format!("{measure}\n{:widest$}", ""));
            self.names.iter().for_each(|name| text.push_str(&format!(" {name:>widest$}")));
            text.push('\n');
            for (name, row) in self.names.iter().zip(matrix) {
                text.push_str(&format!("{name:<widest$}"));
                for value in row {
                    let value = value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
                    text.push_str(&format!(" {value:>widest$}"));
                }
                text.push('\n');
            }
            text.push('\n');
        }
        text
    }
}
