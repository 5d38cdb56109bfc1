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
mod outline;
mod safetensors;

pub use blocks::ActivityFile;
pub use file::read_tokens;
pub use outline::Outline;

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
    outline: Outline,
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
    pub fn new(mut values: Vec<f32>, [trials, time, width]: [usize; 3], lengths: Vec<usize>) -> Result<Self> {
        let outline = Outline::new([trials, time, width], lengths)?;
        if trials * time * width != values.len() {
            return Err(Error::invalid(format!(
                "activity of shape [{trials}, {time}, {width}] cannot be {} values",
                values.len()
            )));
        }
        for (trial, vectors) in values.chunks_exact_mut(time * width).enumerate() {
            let (real, padding) = vectors.split_at_mut(outline.lengths[trial] * width);
            outline.check(trial, real)?;
            padding.fill(0.0);
        }
        Ok(Self { values, outline })
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

    /// The same activity with the tokens that were read, see [`Outline::with_tokens`].
    ///
    /// # Errors
    /// As there.
    pub fn with_tokens(self, tokens: Vec<i64>) -> Result<Self> {
        Ok(Self { outline: self.outline.with_tokens(tokens)?, ..self })
    }

    /// The same activity with the values of one more variable, see [`Outline::with_variable`].
    ///
    /// # Errors
    /// As there.
    pub fn with_variable(self, name: impl Into<String>, values: Vec<f32>) -> Result<Self> {
        Ok(Self { outline: self.outline.with_variable(name, values)?, ..self })
    }

    /// Number of trials.
    pub fn trials(&self) -> usize {
        self.outline.trials
    }

    /// The padded length of the trials.
    pub fn time(&self) -> usize {
        self.outline.time
    }

    /// Number of units.
    pub fn width(&self) -> usize {
        self.outline.width
    }

    /// For each trial how many of its positions are real.
    pub fn lengths(&self) -> &[usize] {
        &self.outline.lengths
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
        let Outline { time, width, ref lengths, .. } = self.outline;
        &self.values[trial * time * width..][..lengths[trial] * width]
    }

    /// The vector at `position` of `trial`.
    ///
    /// # Panics
    /// There is no such trial, or the position lies past its length.
    pub fn vector(&self, trial: usize, position: usize) -> &[f32] {
        &self.trial(trial)[position * self.outline.width..][..self.outline.width]
    }

    /// Every vector that is not padding, trial by trial.
    pub fn rows(&self) -> impl Iterator<Item = ActivityRow<'_>> {
        (0..self.outline.trials).flat_map(move |trial| {
            self.trial(trial).chunks_exact(self.outline.width).enumerate().map(move |(position, vector)| ActivityRow {
                trial,
                position,
                vector,
            })
        })
    }

    /// Number of vectors that are not padding.
    pub fn row_count(&self) -> usize {
        self.outline.row_count()
    }

    /// The tokens that were read, `[trial, time]`, if they are known.
    pub fn tokens(&self) -> Option<&[i64]> {
        self.outline.tokens.as_deref()
    }

    /// Names of the variables, in order.
    pub fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.outline.variables.keys().map(String::as_str)
    }

    /// The values of a variable, `[trial, time]`; `NaN` where it is undefined.
    pub fn variable(&self, name: &str) -> Option<&[f32]> {
        self.outline.variables.get(name).map(Vec::as_slice)
    }

    /// The trials at `rows`, in that order (a row may be taken twice), with their tokens and variables.
    ///
    /// # Errors
    /// No rows, or one that does not exist.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        if let Some(row) = rows.iter().find(|&&row| row >= self.trials()) {
            return Err(Error::invalid(format!("there is no trial {row} among {}", self.trials())));
        }
        let step = self.time() * self.width();
        let values = rows.iter().flat_map(|&row| &self.values[row * step..][..step]).copied().collect();
        Ok(Self { values, outline: self.outline.select(rows)? })
    }
}

#[cfg(test)]
mod tests;
