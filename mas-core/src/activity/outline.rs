//! What a recording is of, without the activity.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// What recorded [`Activity`](super::Activity) is of: right-padded trials with what was read and what it stood for, and the
/// width of a vector. All of it is known before anything is recorded, so that activity that no memory has room for can go
/// [to disk](Outline::write) a trial at a time.
///
/// - tokens, if known: `[trial, time]`, what the network read at each position.
/// - variables, by name: `[trial, time]`, `NaN` where a variable is undefined, as it is in the padding.
#[derive(Debug, Clone)]
pub struct Outline {
    pub(super) trials: usize,
    pub(super) time: usize,
    pub(super) width: usize,
    pub(super) lengths: Vec<usize>,
    pub(super) tokens: Option<Vec<i64>>,
    pub(super) variables: BTreeMap<String, Vec<f32>>,
}

impl Outline {
    /// Right-padded trials of vectors of one width.
    ///
    /// - `lengths`: for each trial how many positions are real, from 1 to time.
    ///
    /// # Errors
    /// Nothing recorded, or more than can be counted; another number of lengths than trials, or a length out of range.
    pub fn new([trials, time, width]: [usize; 3], lengths: Vec<usize>) -> Result<Self> {
        if trials == 0 || time == 0 || width == 0 {
            return Err(Error::invalid(format!("activity of shape [{trials}, {time}, {width}] holds no vector")));
        }
        if trials.checked_mul(time).and_then(|positions| positions.checked_mul(width)).is_none() {
            return Err(Error::invalid(format!("activity of shape [{trials}, {time}, {width}] is beyond any memory")));
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
        Ok(Self { trials, time, width, lengths, tokens: None, variables: BTreeMap::new() })
    }

    /// The same with the tokens that were read.
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

    /// The same with the values of one more variable (or with new values for one that it has).
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

    /// The trials at `rows`, in that order (a row may be taken twice).
    pub(super) fn select(&self, rows: &[usize]) -> Result<Self> {
        let lengths = rows.iter().map(|&row| self.lengths[row]).collect();
        let mut selected = Self::new([rows.len(), self.time, self.width], lengths)?;
        selected.tokens = self.tokens.as_ref().map(|tokens| take(tokens, rows, self.time));
        selected.variables =
            self.variables.iter().map(|(name, values)| (name.clone(), take(values, rows, self.time))).collect();
        Ok(selected)
    }

    /// Checks the vectors of `trial` without padding, `[length, width]`.
    pub(super) fn check(&self, trial: usize, vectors: &[f32]) -> Result<()> {
        let (length, width) = (self.lengths[trial], self.width);
        if vectors.len() != length * width {
            let given = vectors.len();
            return Err(Error::invalid(format!("trial {trial} should be [{length}, {width}], but has {given} values")));
        }
        match vectors.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Error::NotFinite(format!(
                "activity is {} at trial {trial}, position {}, coordinate {}; it must be finite in 32 bits outside the \
                 padding",
                vectors[at],
                at / width,
                at % width
            ))),
        }
    }

    /// Number of vectors that are not padding.
    pub fn row_count(&self) -> usize {
        self.lengths.iter().sum()
    }
}

/// The rows of a `[trial, time]` table.
fn take<T: Copy>(table: &[T], rows: &[usize], time: usize) -> Vec<T> {
    rows.iter().flat_map(|&row| &table[row * time..][..time]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::Activity;
    use super::*;

    /// Three trials of at most two positions, two units wide.
    fn outline() -> Outline {
        let outline = Outline::new([3, 2, 2], vec![2, 1, 2]).unwrap().with_tokens(vec![1, 2, 3, 0, 4, 5]).unwrap();
        outline.with_variable("count", vec![0.0, 1.0, 2.0, 9.0, f32::NAN, 4.0]).unwrap()
    }

    fn trials() -> Vec<Vec<f32>> {
        vec![vec![1.0, -2.0, 3.0, 4.5], vec![5.0, 6.0], vec![0.25, 0.0, -1.0, 8.0]]
    }

    #[test]
    fn a_trial_at_a_time_is_the_same_file() {
        let values = vec![1.0, -2.0, 3.0, 4.5, 5.0, 6.0, f32::NAN, f32::NAN, 0.25, 0.0, -1.0, 8.0];
        let whole = Activity::new(values, [3, 2, 2], vec![2, 1, 2]).unwrap();
        let whole = whole.with_tokens(vec![1, 2, 3, 0, 4, 5]).unwrap();
        let whole = whole.with_variable("count", vec![0.0, 1.0, 2.0, f32::NAN, f32::NAN, 4.0]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for extension in ["npz", "safetensors", "npy", "csv"] {
            let [one, other] = ["one", "other"].map(|name| folder.path().join(name).with_extension(extension));
            whole.write(&one).unwrap();
            outline().write(&other, trials().into_iter().map(Ok)).unwrap();
            assert!(std::fs::read(&one).unwrap() == std::fs::read(&other).unwrap(), "{extension}");
            assert_eq!(Activity::read(&other).unwrap().row_count(), 5, "{extension}");
        }
    }

    #[test]
    fn sizes_are_those_of_something() {
        assert!(Outline::new([1, usize::MAX, 2], vec![1]).unwrap_err().to_string().contains("beyond any memory"));
        assert!(Outline::new([1, 2, 0], vec![1]).unwrap_err().to_string().contains("holds no vector"));
    }

    #[test]
    fn what_does_not_fit_leaves_the_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let changed = |change: &dyn Fn(&mut Vec<Vec<f32>>)| {
            let mut trials = trials();
            change(&mut trials);
            trials.into_iter().map(Ok).collect::<Vec<_>>()
        };
        let broken = vec![Ok(vec![1.0; 4]), Err(Error::invalid("the network has gone"))];
        for extension in ["npz", "safetensors", "npy", "csv"] {
            let path = folder.path().join("kept").with_extension(extension);
            std::fs::write(&path, "kept").unwrap();
            for (activity, said) in [
                (changed(&|trials| drop(trials.pop())), "activity of 2 trials of 3 was handed over"),
                (changed(&|trials| trials.push(vec![1.0, 2.0])), "activity of more than 3 trials"),
                (changed(&|trials| trials[1] = vec![1.0; 4]), "trial 1 should be [1, 2], but has 4 values"),
                (changed(&|trials| trials[2][3] = f32::NAN), "activity is NaN at trial 2, position 1, coordinate 1"),
            ] {
                let message = outline().write(&path, activity).unwrap_err().to_string();
                assert!(message.contains(said), "{extension}: {message}");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
        }
        let path = folder.path().join("kept.npz");
        assert_eq!(outline().write(&path, broken).unwrap_err().to_string(), "the network has gone");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no draft is left");
    }
}
