//! Recorded activity: plain numbers `[trial, time, width]`, and the files that hold them.

mod array;
mod blocks;
mod csv;
mod element;
mod file;
#[cfg(feature = "hdf5")]
mod hdf5;
mod npy;
mod npz;
mod safetensors;

pub use blocks::ActivityFile;
pub use file::read_tokens;

use std::collections::BTreeMap;

use crate::{Error, Result};

/// What a network did at one site: a vector for each position of each trial.
///
/// - values: `[trial, time, width]`, row-major; trials are right-padded to one time, and `lengths` says how many
///   positions of each are real. A recording without time (`[sample, width]`) is as many trials of one position.
/// - tokens, if known: `[trial, time]`, what the network read at each position.
/// - variables, by name: `[trial, time]`, `NaN` where a variable is undefined.
///
/// Every vector that is not padding is finite. Padding holds zeros (variables: `NaN`), whatever was there before, so
/// it can neither poison a later product nor change the bytes of a file.
///
/// ```
/// use mas_core::Activity;
///
/// // Two trials of at most three positions, two units wide; the second trial has one position.
/// let values = vec![1., 2., 3., 4., 5., 6., 7., 8., 0., 0., 0., 0.];
/// let activity = Activity::new(values, [2, 3, 2], vec![3, 1])?;
/// assert_eq!(activity.vector(1, 0), [7., 8.]);
/// assert_eq!(activity.rows().count(), 4);
/// # Ok::<(), mas_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Activity {
    values: Vec<f32>,
    trials: usize,
    time: usize,
    width: usize,
    lengths: Vec<usize>,
    tokens: Option<Vec<i64>>,
    variables: BTreeMap<String, Vec<f32>>,
}

/// One vector of an [`Activity`], with where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivityRow<'a> {
    /// The trial, from 0.
    pub trial: usize,
    /// The position in the trial, from 0.
    pub position: usize,
    /// The vector: `[width]`.
    pub vector: &'a [f32],
}

impl Activity {
    /// Activity of right-padded trials.
    ///
    /// - `values`: `[trial, time, width]`, row-major; what lies in the padding is ignored.
    /// - `lengths`: for each trial how many positions are real, from 1 to time.
    ///
    /// # Errors
    /// Sizes that do not agree, nothing recorded, a length out of range, or a number outside the padding that is not
    /// finite ([`Error::NotFinite`] names the first).
    pub fn new(values: Vec<f32>, [trials, time, width]: [usize; 3], lengths: Vec<usize>) -> Result<Self> {
        if trials == 0 || time == 0 || width == 0 {
            return Err(Error::invalid(format!("activity of shape [{trials}, {time}, {width}] holds no vector")));
        }
        let size = trials.checked_mul(time).and_then(|positions| positions.checked_mul(width));
        if size != Some(values.len()) {
            return Err(Error::invalid(format!(
                "activity of shape [{trials}, {time}, {width}] cannot be {} values",
                values.len()
            )));
        }
        if lengths.len() != trials {
            return Err(Error::invalid(format!("{trials} trials but {} lengths", lengths.len())));
        }
        for (trial, &length) in lengths.iter().enumerate() {
            if length == 0 || length > time {
                return Err(Error::invalid(format!(
                    "trial {trial} has length {length}; lengths run from 1 to the padded time {time}"
                )));
            }
        }
        let mut activity = Self { values, trials, time, width, lengths, tokens: None, variables: BTreeMap::new() };
        activity.check_finite()?;
        for trial in 0..trials {
            let padding = trial * time + activity.lengths[trial]..(trial + 1) * time;
            activity.values[padding.start * width..padding.end * width].fill(0.0);
        }
        Ok(activity)
    }

    /// Activity without time: each sample is a trial of one position.
    ///
    /// - `values`: `[sample, width]`, row-major.
    ///
    /// # Errors
    /// As [`Activity::new`], and a number of values that `width` does not divide.
    pub fn from_samples(values: Vec<f32>, width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::invalid(format!("{} values are no samples of width {width}", values.len())));
        }
        let samples = values.len() / width;
        Self::new(values, [samples, 1, width], vec![1; samples])
    }

    /// The same activity with the tokens that were read.
    ///
    /// - `tokens`: `[trial, time]`; what lies in the padding is kept.
    ///
    /// # Errors
    /// A number of tokens that is not trials × time.
    pub fn with_tokens(mut self, tokens: Vec<i64>) -> Result<Self> {
        if tokens.len() != self.trials * self.time {
            return Err(Error::invalid(format!(
                "tokens should be [{}, {}], but there are {}",
                self.trials,
                self.time,
                tokens.len()
            )));
        }
        self.tokens = Some(tokens);
        Ok(self)
    }

    /// The same activity with the values of one more variable (or with new values for one that it has).
    ///
    /// - `values`: `[trial, time]`; `NaN` where the variable is undefined.
    ///
    /// # Errors
    /// A number of values that is not trials × time, an infinite value, or a name that no file could hold (empty,
    /// with a slash, a backslash or a control character).
    pub fn with_variable(mut self, name: impl Into<String>, mut values: Vec<f32>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.contains(['/', '\\']) || name.contains(char::is_control) {
            return Err(Error::invalid(format!("{name:?} is no name for a variable")));
        }
        if values.len() != self.trials * self.time {
            return Err(Error::invalid(format!(
                "variable {name} should be [{}, {}], but has {} values",
                self.trials,
                self.time,
                values.len()
            )));
        }
        for (row, trial) in values.chunks_mut(self.time).enumerate() {
            let (real, padding) = trial.split_at_mut(self.lengths[row]);
            if let Some(position) = real.iter().position(|value| value.is_infinite()) {
                return Err(Error::NotFinite(format!(
                    "variable {name} is infinite at trial {row}, position {position} (NaN would mean undefined)"
                )));
            }
            padding.fill(f32::NAN);
        }
        self.variables.insert(name, values);
        Ok(self)
    }

    /// Number of trials.
    pub fn trials(&self) -> usize {
        self.trials
    }

    /// The padded length of the trials.
    pub fn time(&self) -> usize {
        self.time
    }

    /// Number of units.
    pub fn width(&self) -> usize {
        self.width
    }

    /// For each trial how many of its positions are real.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// All values with padding, `[trial, time, width]` in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The vectors of `trial` without padding: `[length, width]`, row-major.
    ///
    /// # Panics
    /// There is no such trial.
    pub fn trial(&self, trial: usize) -> &[f32] {
        &self.values[trial * self.time * self.width..][..self.lengths[trial] * self.width]
    }

    /// The vector at `position` of `trial`.
    ///
    /// # Panics
    /// There is no such trial, or the position lies past its length.
    pub fn vector(&self, trial: usize, position: usize) -> &[f32] {
        &self.trial(trial)[position * self.width..][..self.width]
    }

    /// Every vector that is not padding, trial by trial.
    pub fn rows(&self) -> impl Iterator<Item = ActivityRow<'_>> {
        (0..self.trials).flat_map(move |trial| {
            self.trial(trial).chunks_exact(self.width).enumerate().map(move |(position, vector)| ActivityRow {
                trial,
                position,
                vector,
            })
        })
    }

    /// Number of vectors that are not padding.
    pub fn row_count(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The tokens that were read, `[trial, time]`, if they are known.
    pub fn tokens(&self) -> Option<&[i64]> {
        self.tokens.as_deref()
    }

    /// Names of the variables, in order.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The values of a variable, `[trial, time]`; `NaN` where it is undefined.
    pub fn variable(&self, name: &str) -> Option<&[f32]> {
        self.variables.get(name).map(Vec::as_slice)
    }

    /// The trials at `rows`, in that order (a row may be taken twice), with their tokens and variables.
    ///
    /// # Errors
    /// No rows, or one that does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.trials) {
            return Err(Error::invalid(format!("there is no trial {row} among {}", self.trials)));
        }
        let step = self.time * self.width;
        let values = rows.iter().flat_map(|&row| &self.values[row * step..][..step]).copied().collect();
        let lengths = rows.iter().map(|&row| self.lengths[row]).collect();
        let mut selected = Self::new(values, [rows.len(), self.time, self.width], lengths)?;
        selected.tokens = self.tokens.as_ref().map(|tokens| take(tokens, rows, self.time));
        selected.variables =
            self.variables.iter().map(|(name, values)| (name.clone(), take(values, rows, self.time))).collect();
        Ok(selected)
    }

    fn check_finite(&self) -> Result<()> {
        for row in self.rows() {
            if let Some(coordinate) = row.vector.iter().position(|value| !value.is_finite()) {
                return Err(Error::NotFinite(format!(
                    "activity is {} at trial {}, position {}, coordinate {coordinate}; it must be finite in 32 bits \
                     outside the padding",
                    row.vector[coordinate], row.trial, row.position
                )));
            }
        }
        Ok(())
    }
}

/// The rows of a `[trial, time]` table.
fn take<T: Copy>(table: &[T], rows: &[usize], time: usize) -> Vec<T> {
    rows.iter().flat_map(|&row| &table[row * time..][..time]).copied().collect()
}

#[cfg(test)]
mod tests;
