use std::{any::Any, ops::Range};

use burn::prelude::*;

use crate::{Error, Positions, Result, Site, Trials, inflow::take};

/// A network whose activity can be read. A file of recordings is one; so is everything that can be run.
pub trait Recorded: Send + Sync {
    /// The name under which studies and reports speak of it.
    fn name(&self) -> &str;

    /// The places where its activity can be read.
    fn sites(&self) -> Vec<Site>;

    /// The natural activity at `site` while the network reads `trials`, teacher-forced.
    ///
    /// - `at`: (trial, position) of every vector wanted
    /// - returns `[vector, width]`, in the order of `at`, without autodiff
    ///
    /// # Errors
    /// An unknown site, tokens that are not in the vocabulary, a position beyond a trial's end, activity
    /// that is not finite, or (for a recording) a trial that it does not hold.
    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> Result<Tensor<2>>;

    /// Whether what the activity at `site` is at one position depends on what it was at earlier ones, as in a recurrent
    /// state. It does not at an embedding or in the residual stream of a transformer, which reads earlier positions below
    /// the site only. What does not know says that it does.
    fn carries_state(&self, _site: &Site) -> bool {
        true
    }

    /// The site called `name`.
    ///
    /// # Errors
    /// No such site; the message lists those that there are.
    fn site(&self, name: &str) -> Result<Site> {
        let sites = self.sites();
        sites.iter().find(|site| site.name == name).cloned().ok_or_else(|| {
            let known: Vec<_> = sites.iter().map(|site| site.name.as_str()).collect();
            Error::invalid(format!("network `{}` has no site `{name}`; it has {}", self.name(), known.join(", ")))
        })
    }
}

/// A network that can be run, and resumed in the middle of a trial with its activity edited.
///
/// Its weights are frozen: no method changes them, none computes a gradient for them, and everything before
/// an interchange is computed once, by [`prepare`](Self::prepare).
pub trait Network: Recorded {
    /// The device that holds the weights.
    fn device(&self) -> Device;

    /// Runs `trials`, teacher-forced, and keeps what [`resume`](Self::resume) needs to go on from
    /// `positions[trial]` once the activity at `site` there has been edited.
    ///
    /// # Errors
    /// As [`Recorded::read`].
    fn prepare(&self, site: &Site, trials: &Trials, positions: &[usize]) -> Result<Prefix>;

    /// Goes on from an interchange to the end of the trials.
    ///
    /// # Errors
    /// As [`Recorded::read`]; a prefix of another network; an edit of another shape.
    fn resume(&self, resume: &Resume, edit: Edit) -> Result<Continuation>;

    /// The behaviour loss after interchanges whose outcome is [known](Edit::Known) beforehand, and its gradient.
    ///
    /// - `edited`: `[vector, width]`, what the activity becomes at [`Resume::exchanged`]
    /// - `weights`: for each row the weight of each of its tokens in the loss
    /// - returns the loss, Σ over rows and outputs of weight × cross-entropy, and its gradient with respect to
    ///   `edited`, `[vector, width]`, neither of them tracked
    ///
    /// The default goes through autodiff; a network may do better.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    fn behaviour_gradient(&self, resume: &Resume, edited: Tensor<2>, weights: &[f32]) -> Result<(f64, Tensor<2>)> {
        autodiff_gradient(self, resume, edited, weights)
    }
}

/// [`Network::behaviour_gradient`] by autodiff through [`Network::resume`], for any network.
///
/// # Errors
/// As [`Network::resume`].
pub fn autodiff_gradient(
    network: &(impl Network + ?Sized),
    resume: &Resume,
    edited: Tensor<2>,
    weights: &[f32],
) -> Result<(f64, Tensor<2>)> {
    let edited = edited.inner().autodiff().require_grad();
    let loss = network.resume(resume, Edit::Known(edited.clone()))?.cross_entropy(resume, weights)?;
    let gradients = loss.backward();
    let gradient = edited.grad(&gradients).unwrap_or_else(|| edited.clone().inner().zeros_like());
    Ok((loss.inner().into_scalar::<f32>().into(), gradient))
}

/// What a network keeps of its run up to the interchange: recurrent states, key and value caches.
/// Only the network that made it can read it.
pub struct Prefix(Box<dyn Any + Send + Sync>);

impl Prefix {
    /// Wraps a network's own kind of prefix.
    pub fn new(prefix: impl Any + Send + Sync) -> Self {
        Self(Box::new(prefix))
    }

    /// The network's own kind of prefix again.
    fn get<T: Any>(&self) -> Result<&T> {
        self.0.downcast_ref().ok_or_else(|| Error::invalid("this prefix was made by another kind of network"))
    }
}

/// A batch of trials to be resumed.
#[derive(Clone, Copy)]
pub struct Resume<'a> {
    /// Where the activity is edited.
    pub site: &'a Site,
    /// Where it is edited along the sequence.
    pub interchange: Positions,
    /// What [`Network::prepare`] kept of all `trials`; nothing for stepwise interchanges, which begin at the start.
    pub prefix: Option<&'a Prefix>,
    /// The sequences that the network is fed: up to `positions` those of the prefix, then what it should say
    /// (the counterfactual sequence).
    pub trials: &'a Trials,
    /// For every trial, the (last) position that is edited.
    pub positions: &'a [usize],
    /// The trials of this batch; a trial may come more than once.
    pub rows: &'a [usize],
    /// Feed the network its own predictions where the response mask is set, in place of the trial's tokens.
    pub free_running: bool,
    /// The natural activity at `site` of all `trials` from the first edited position on, where it is known. A site that
    /// [carries no state](Recorded::carries_state) has it also after the edit, as long as the network reads the trial's
    /// tokens: nothing below the site need then be run.
    pub natural: Option<&'a Natural>,
}

/// Natural activity at a site: of every trial at some positions in a row.
#[derive(Debug, Clone)]
pub struct Natural {
    /// Trial after trial, `[vector, width]`.
    vectors: Tensor<2>,
    /// For each trial its first vector, and the positions.
    of_trial: Vec<(usize, Range<usize>)>,
}

impl Natural {
    /// Reads it.
    ///
    /// - `positions`: of each trial
    ///
    /// # Errors
    /// As [`Recorded::read`].
    pub fn read(
        network: &(impl Recorded + ?Sized),
        site: &Site,
        trials: &Trials,
        positions: &[Range<usize>],
    ) -> Result<Self> {
        let (mut at, mut of_trial) = (Vec::new(), Vec::with_capacity(positions.len()));
        for (trial, positions) in positions.iter().enumerate() {
            of_trial.push((at.len(), positions.clone()));
            at.extend(positions.clone().map(|position| (trial, position)));
        }
        Ok(Self { vectors: network.read(site, trials, &at)?, of_trial })
    }

    /// The vectors at some trials and positions, `[vector, width]`.
    ///
    /// # Errors
    /// A position that was not read: this is of other trials.
    pub fn at(&self, at: impl IntoIterator<Item = (usize, usize)>) -> Result<Tensor<2>> {
        let vector = |(trial, position): (usize, usize)| match self.of_trial.get(trial) {
            Some((first, positions)) if positions.contains(&position) => Ok(first + position - positions.start),
            _ => Err(Error::invalid(format!("natural activity of trial {trial} at position {position} was not read"))),
        };
        Ok(take(&self.vectors, &at.into_iter().map(vector).collect::<Result<Vec<_>>>()?))
    }
}

impl Resume<'_> {
    /// The number of outputs of batch row `row`: one at the edited position and at each later one, but not at the
    /// last token, which has nothing to predict.
    pub fn outputs(&self, row: usize) -> usize {
        let trial = self.rows[row];
        self.trials.length(trial).saturating_sub(1 + self.positions[trial])
    }

    /// Every position at which activity is edited, row by row.
    pub fn exchanged(&self) -> Vec<At> {
        let of_row = |row| {
            let last = self.position(row);
            let first = if self.interchange == Positions::Stepwise { 0 } else { last };
            (first..=last).map(move |position| At { row, position })
        };
        (0..self.rows.len()).flat_map(of_row).collect()
    }

    /// The (last) edited position of batch row `row`.
    pub fn position(&self, row: usize) -> usize {
        self.positions[self.rows[row]]
    }

    /// The tokens of batch row `row`.
    pub fn tokens(&self, row: usize) -> &[u32] {
        self.trials.tokens(self.rows[row])
    }

    /// The response mask of batch row `row`.
    pub fn response(&self, row: usize) -> &[bool] {
        self.trials.response(self.rows[row])
    }

    /// Checks what every network must be able to rely on.
    ///
    /// # Errors
    /// Positions for another number of trials, a row that is no trial, a position at or beyond a trial's last token.
    pub fn check(&self) -> Result<()> {
        if self.positions.len() != self.trials.len() {
            return Err(Error::invalid(format!(
                "{} positions were given for {} trials",
                self.positions.len(),
                self.trials.len()
            )));
        }
        for &trial in self.rows {
            if trial >= self.trials.len() {
                return Err(Error::invalid(format!("there is no trial {trial} among {}", self.trials.len())));
            }
            if self.positions[trial] + 1 >= self.trials.length(trial) {
                return Err(Error::invalid(format!(
                    "trial {trial} has {} tokens: nothing follows position {}",
                    self.trials.length(trial),
                    self.positions[trial]
                )));
            }
        }
        Ok(())
    }

    /// The prefix of an individual interchange.
    ///
    /// # Errors
    /// None was given, or it was made by another kind of network.
    pub fn prefix<T: Any>(&self) -> Result<&T> {
        self.prefix.ok_or_else(|| Error::invalid("an individual interchange needs a prefix to resume from"))?.get()
    }
}

/// How activity is edited in a resumed run.
#[allow(clippy::large_enum_variant)] // a tensor handle; edits are passed by value, once a batch
pub enum Edit<'a> {
    /// Activity `[vector, width]` that replaces the natural one at [`Resume::exchanged`], in that order. For individual
    /// interchanges, and for stepwise ones at a site that [carries no state](Recorded::carries_state).
    Known(Tensor<2>),
    /// For stepwise interchanges at a site that carries state: called at every exchanged position in order, with where
    /// the vectors stand and with the natural activity `[vector, width]` that follows from the edits so far, returns
    /// what it becomes. Gradients flow through it.
    Sequential(&'a dyn Fn(&[At], Tensor<2>) -> Tensor<2>),
}

/// Where one vector of activity stands in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The row of the batch.
    pub row: usize,
    /// The position in its trial.
    pub position: usize,
}

/// What a resumed network says: logits at every output from the edited position on.
pub struct Continuation {
    /// `[output, vocabulary]`, in the order of `at`; tracked when the edit was.
    pub logits: Tensor<2>,
    /// The row and position of each output.
    pub at: Vec<At>,
}

impl Continuation {
    /// Σ weight of the row × cross-entropy of the token after each output, as a tracked `[1]`.
    ///
    /// # Errors
    /// Weights for another number of rows, or a token that is not in the vocabulary.
    pub fn cross_entropy(self, resume: &Resume, weights: &[f32]) -> Result<Tensor<1>> {
        if weights.len() != resume.rows.len() {
            return Err(Error::invalid(format!("{} weights for {} rows", weights.len(), resume.rows.len())));
        }
        let device = self.logits.device().inner();
        let (n, vocabulary) = (self.at.len(), self.logits.dims()[1]);
        let targets: Vec<i32> = self.at.iter().map(|at| resume.tokens(at.row)[at.position + 1] as i32).collect();
        if let Some(token) = targets.iter().find(|&&token| token as usize >= vocabulary) {
            return Err(Error::invalid(format!("token {token} is not among the {vocabulary} that the network says")));
        }
        let weights: Vec<f32> = self.at.iter().map(|at| weights[at.row]).collect();
        let targets = Tensor::<1, Int>::from_data(TensorData::new(targets, [n]), &device).reshape([n, 1]);
        let weights = Tensor::<2>::from_data(TensorData::new(weights, [n, 1]), &device);
        let log_likelihood = burn::tensor::activation::log_softmax(self.logits, 1).gather(1, targets);
        // Rows first: a whole-tensor sum has no fixed order on every backend.
        Ok((log_likelihood * weights).sum_dim(0).neg().reshape([1]))
    }

    /// The most likely token at each output, in the order of `at`.
    ///
    /// # Errors
    /// The device could not be read.
    pub fn predictions(&self) -> Result<Vec<u32>> {
        let ids = self.logits.clone().inner().argmax(1);
        let ids: Vec<i64> = ids.into_data().iter::<i64>().collect();
        Ok(ids.into_iter().map(|id| id as u32).collect())
    }
}
