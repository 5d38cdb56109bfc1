//! A figure: its drawings, its words and its numbers.

use super::canvas::units;
use super::table::Table;
use super::theme;

/// A figure with what it is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// File name without extension, unique in the report: letters, digits, `-`.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// How to read it; the caption.
    pub caption: String,
    /// Its numbers.
    pub table: Table,
    /// The drawing for wide pages, also the one that is written to a file.
    pub wide: Drawing,
    /// A drawing for phones, where the wide one would be too small to read.
    pub narrow: Option<Drawing>,
}

/// What is inside an `<svg>` element, and its size in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// The elements, drawn four times as large, in whole units.
    pub inside: String,
}

impl Figure {
    /// The figure as a file of its own, which follows the reader's light or dark setting. It brings its background:
    /// where it is shown the page may follow another setting.
    #[must_use]
    pub fn standalone(&self) -> String {
        let margin = 16.0;
        let style = format!("<style>\n{}</style>\n", theme::style());
        let page =
            "<rect class=\"f-page\" fill=\"#FFFFFF\" x=\"-1000\" y=\"-1000\" width=\"100000\" height=\"100000\"/>\n";
        let svg = self.element(&self.wide, &self.name, margin, &format!("{style}{page}"));
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}\n")
    }

    /// The wide drawing as an element of the report's page, whose style sheet gives it its colours.
    pub(super) fn wide_element(&self) -> String {
        self.element(&self.wide, &self.name, 0.0, "")
    }

    /// The narrow drawing likewise.
    pub(super) fn narrow_element(&self) -> Option<String> {
        Some(self.element(self.narrow.as_ref()?, &format!("{}-narrow", self.name), 0.0, ""))
    }

    fn element(&self, drawing: &Drawing, id: &str, margin: f64, first: &str) -> String {
        let (width, height) = (drawing.width + 2.0 * margin, drawing.height + 2.0 * margin);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure-svg\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"{start} {start} {} {}\" aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n{first}{}\n</svg>",
            units(width),
            units(height),
            escape(&self.title),
            escape(&self.caption),
            drawing.inside,
            start = units(-margin),
        )
    }
}

/// Text for an element's content.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A file name from words that a user chose: letters and digits in lower case, everything else a `-`.
pub(super) fn file_name(words: &[&str]) -> String {
    let mut name = String::new();
    for c in words.join("-").chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_matches('-');
    if name.is_empty() { "figure".to_owned() } else { name.chars().take(120).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_as_files() {
        assert_eq!(file_name(&["C1: seeds", "../Hidden"]), "c1-seeds-hidden");
        assert_eq!(file_name(&["…"]), "figure");
    }

    #[test]
    fn words_are_escaped() {
        let drawing = Drawing { width: 1.0, height: 1.0, inside: String::new() };
        let figure = Figure {
            name: "a".into(),
            title: "<script>".into(),
            caption: "1 < 2 & \"3\"".into(),
            table: Table::default(),
            wide: drawing,
            narrow: None,
        };
        let svg = figure.standalone();
        assert!(
            svg.contains("&lt;script&gt;") && svg.contains("1 &lt; 2 &amp; &quot;3&quot;") && !svg.contains("<script")
        );
    }
}
