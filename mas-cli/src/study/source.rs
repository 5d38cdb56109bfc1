//! The text of a study file, and the checks that every part of it needs.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::choice::nearest;
use super::defaults;
use super::error::StudyError;

/// The text of a study file and where it is.
#[derive(Debug, Clone)]
pub(super) struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    /// A mistake at `span`, with the way out.
    pub(super) fn error(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<Option<&'static str>>,
    ) -> StudyError {
        StudyError::at(self.path, self.text, span, message, help.into().map(str::to_string))
    }

    /// A mistake at `span`, with a way out that depends on it.
    pub(super) fn error_with(&self, span: Range<usize>, message: impl Into<String>, help: String) -> StudyError {
        StudyError::at(self.path, self.text, span, message, Some(help))
    }

    /// What the TOML reader found wrong: the grammar, an unknown key, a wrong type.
    pub(super) fn toml_error(&self, error: &toml::de::Error) -> StudyError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', ", ");
        // “unknown field `k`, expected one of `a`, `b`”
        let mut quoted = message.split('`').skip(1).step_by(2);
        let help = match quoted.next() {
            Some(given) if message.starts_with("unknown ") => {
                nearest(given, quoted).map(|name| format!("did you mean `{name}`?"))
            }
            _ => None,
        };
        StudyError::at(self.path, self.text, span, message, help)
    }

    /// The path that `given` is from the folder of the study file.
    pub(super) fn beside(&self, given: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(given)
    }

    /// A name that can stand in tables, file names and other names.
    pub(super) fn name(&self, what: &str, name: &Spanned<String>) -> Result<(), StudyError> {
        let text = name.get_ref();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(allowed) {
            return Ok(());
        }
        let message = format!("`{text}` cannot be the name of {what}");
        let help = "a name begins with a letter or digit; after that `-`, `_` and `.` may stand in it too";
        Err(self.error(name.span(), message, help))
    }

    /// The one of `all` whose name is given.
    pub(super) fn choice<T>(
        &self,
        what: &str,
        given: &Spanned<String>,
        all: impl IntoIterator<Item = T>,
        name_of: impl Fn(&T) -> &str,
    ) -> Result<T, StudyError> {
        let mut all: Vec<T> = all.into_iter().collect();
        match all.iter().position(|one| name_of(one) == given.get_ref()) {
            Some(place) => Ok(all.swap_remove(place)),
            None => Err(self.no_such(what, given, all.iter().map(|one| name_of(one).to_string()).collect())),
        }
    }

    /// What to say to a name that is none of `known`.
    pub(super) fn no_such(&self, what: &str, given: &Spanned<String>, known: Vec<String>) -> StudyError {
        let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let help = match nearest(given.get_ref(), known.iter().map(String::as_str)) {
            _ if known.len() == 1 => format!("there is only {list}"),
            Some(name) => format!("did you mean `{name}`? There are {list}"),
            None => format!("there are {list}"),
        };
        self.error_with(given.span(), format!("there is no {what} `{}`", given.get_ref()), help)
    }

    /// A whole number of at least 1, or the default.
    pub(super) fn positive(
        &self,
        key: &str,
        given: Option<&Spanned<usize>>,
        default: usize,
    ) -> Result<usize, StudyError> {
        self.at_least(1, key, given, default)
    }

    /// A whole number of at least `least`, or the default.
    pub(super) fn at_least(
        &self,
        least: usize,
        key: &str,
        given: Option<&Spanned<usize>>,
        default: usize,
    ) -> Result<usize, StudyError> {
        let Some(given) = given else { return Ok(default) };
        self.whole(least, key, given, &format!(", and {default} if left out"))
    }

    /// A whole number of at least 1, where there is one.
    pub(super) fn positive_if_given(
        &self,
        key: &str,
        given: Option<&Spanned<usize>>,
    ) -> Result<Option<usize>, StudyError> {
        given.map(|given| self.whole(1, key, given, "")).transpose()
    }

    fn whole(&self, least: usize, key: &str, given: &Spanned<usize>, left_out: &str) -> Result<usize, StudyError> {
        if (least..=defaults::LARGEST).contains(given.get_ref()) {
            return Ok(*given.get_ref());
        }
        let help = match *given.get_ref() < least {
            true => format!("it is at least {least}{left_out}"),
            false => format!("it is at most {}{left_out}", defaults::LARGEST),
        };
        Err(self.error_with(given.span(), format!("{key} = {} is impossible", given.get_ref()), help))
    }

    /// A number above 0, or the default.
    pub(super) fn above_zero(&self, key: &str, given: Option<&Spanned<f64>>, default: f64) -> Result<f64, StudyError> {
        let Some(given) = given else { return Ok(default) };
        self.number_above_zero(key, given, &format!(", and {default} if left out"))
    }

    /// A number above 0, where there is one.
    pub(super) fn above_zero_if_given(
        &self,
        key: &str,
        given: Option<&Spanned<f64>>,
    ) -> Result<Option<f64>, StudyError> {
        given.map(|given| self.number_above_zero(key, given, "")).transpose()
    }

    fn number_above_zero(&self, key: &str, given: &Spanned<f64>, left_out: &str) -> Result<f64, StudyError> {
        if given.get_ref().is_finite() && *given.get_ref() > 0.0 {
            return Ok(*given.get_ref());
        }
        let help = format!("it is above 0{left_out}");
        Err(self.error_with(given.span(), format!("{key} = {} is impossible", given.get_ref()), help))
    }

    /// Seeds, each once, or the default; at least one.
    pub(super) fn seeds(
        &self,
        given: Option<&Spanned<Vec<Spanned<u64>>>>,
        default: u64,
        help: &'static str,
    ) -> Result<Vec<u64>, StudyError> {
        let Some(given) = given else { return Ok(vec![default]) };
        if given.get_ref().is_empty() {
            return Err(self.error(given.span(), "there are no seeds", help));
        }
        self.distinct("the seed", given.get_ref())?;
        given.get_ref().iter().map(|seed| self.seed("seed", Some(seed), default)).collect()
    }

    /// A seed, or the default.
    pub(super) fn seed(&self, key: &str, given: Option<&Spanned<u64>>, default: u64) -> Result<u64, StudyError> {
        let Some(given) = given else { return Ok(default) };
        // Configurations are written as TOML again, whose whole numbers end here.
        if i64::try_from(*given.get_ref()).is_ok() {
            return Ok(*given.get_ref());
        }
        Err(self.error(given.span(), format!("{key} = {} is too large", given.get_ref()), "seeds are below 2^63"))
    }

    /// Refuses a second item that is equal to an earlier one.
    pub(super) fn distinct<'s, T: PartialEq + std::fmt::Display + 's>(
        &self,
        what: &str,
        items: impl IntoIterator<Item = &'s Spanned<T>>,
    ) -> Result<(), StudyError> {
        let mut seen: Vec<&Spanned<T>> = Vec::new();
        for item in items {
            if seen.iter().any(|earlier| earlier.get_ref() == item.get_ref()) {
                let message = format!("{what} `{}` is there already", item.get_ref());
                return Err(self.error(item.span(), message, "leave it out, or give it another name"));
            }
            seen.push(item);
        }
        Ok(())
    }
}
