//! What a reader sees: the table, and warnings that several measures share.

use mas_metrics::Measure;

use crate::results::SimilarityRow;

/// Measures named after a warning before they are only counted.
const NAMED: usize = 3;

/// Warnings, each once, with the measures that it is about.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    found: Vec<(String, Vec<Measure>)>,
}

impl Warnings {
    pub fn add(&mut self, measure: Measure, warning: String) {
        match self.found.iter_mut().find(|(text, _)| *text == warning) {
            Some((_, measures)) => measures.push(measure),
            None => self.found.push((warning, vec![measure])),
        }
    }

    pub fn lines(&self) -> Vec<String> {
        let line = |(text, measures): &(String, Vec<Measure>)| {
            let mut names: Vec<String> = measures.iter().take(NAMED).map(Measure::to_string).collect();
            if measures.len() > NAMED {
                names.push(format!("{} more", measures.len() - NAMED));
            }
            format!("{}: {text}", names.join(", "))
        };
        self.found.iter().map(line).collect()
    }
}

/// The measures of two activities. The excess is the value's over the mean of its null distribution.
pub(super) fn table(rows: &[SimilarityRow]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.4}"));
    let mut text = String::new();
    if let Some(row) = rows.first() {
        text.push_str(&format!(
            "{} and {}, {} samples\n{:<34} {:>9} {:>9} {:>9} {:>10} {:>9} {:>8}\n",
            row.a, row.b, row.samples, "measure", "value", "low", "high", "null mean", "excess", "p"
        ));
    }
    for row in rows {
        text.push_str(&format!(
            "{:<34} {:>9.4} {:>9} {:>9} {:>10} {:>9} {:>8}\n",
            row.measure,
            row.value,
            number(row.low),
            number(row.high),
            number(row.null_mean),
            number(row.null_mean.map(|mean| row.value - mean)),
            number(row.p)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_of_many_measures_is_said_once() {
        let mut warnings = Warnings::default();
        for measure in Measure::standard().into_iter().take(5) {
            warnings.add(measure, "copies".into());
        }
        warnings.add(Measure::Pwcca, "few rows".into());
        assert_eq!(warnings.lines(), ["cka_linear, cka_linear_debiased, cka_rbf, 2 more: copies", "pwcca: few rows"]);
    }
}
