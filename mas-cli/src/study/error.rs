//! A mistake in a study file.

use std::fmt;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};

/// A mistake in a study file: what is wrong, where, and the way out.
///
/// It displays as `seeds.toml:12:5: k = 0, …`; [`StudyError::plain`] has the line and the way out too; a miette handler
/// shows the passage.
#[derive(Debug, Clone)]
pub struct StudyError(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    path: PathBuf,
    message: String,
    help: Option<String>,
    place: Option<Place>,
}

/// A passage of the file.
#[derive(Debug, Clone)]
struct Place {
    text: NamedSource<String>,
    span: SourceSpan,
    line: usize,
    column: usize,
}

impl StudyError {
    pub(super) fn at(
        path: &Path,
        text: &str,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let place = Place {
            text: NamedSource::new(path.display().to_string(), text.to_string()).with_language("TOML"),
            span: SourceSpan::from(start..span.end.clamp(start, text.len())),
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
        };
        Self(Box::new(Details { path: path.to_path_buf(), message: message.into(), help, place: Some(place) }))
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("cannot read the study file: {error}");
        Self(Box::new(Details { path: path.to_path_buf(), message, help: None, place: None }))
    }

    /// The study file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The line of the mistake, from 1.
    pub fn line(&self) -> Option<usize> {
        self.0.place.as_ref().map(|place| place.line)
    }

    /// The text that is wrong.
    pub fn passage(&self) -> Option<&str> {
        let place = self.0.place.as_ref()?;
        place.text.inner().get(place.span.offset()..place.span.offset() + place.span.len())
    }

    /// The mistake with its line and the way out, without colours.
    pub fn plain(&self) -> String {
        let mut text = self.to_string();
        if let Some(place) = &self.0.place {
            let line = place.text.inner().lines().nth(place.line - 1).unwrap_or_default();
            text.push_str(&format!("\n  {} | {line}", place.line));
        }
        if let Some(help) = &self.0.help {
            text.push_str(&format!("\n  help: {help}"));
        }
        text
    }
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.path.display())?;
        if let Some(place) = &self.0.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.0.message)
    }
}

impl std::error::Error for StudyError {}

impl Diagnostic for StudyError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.place.as_ref().map(|place| &place.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.0.place.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some("here".to_string()), place.span))))
    }
}
