use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use mas_core::Trials;
use serde::{Deserialize, Serialize};

use crate::packing::{Packing, Padding, indices};
use crate::{Error, Result};

/// What a network reads where the response mask is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// The given tokens.
    TeacherForced,
    /// Its own prediction at the position before.
    FreeRunning,
}

impl Feedback {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::TeacherForced, Self::FreeRunning];

    /// The id on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::TeacherForced => "teacher-forced",
            Self::FreeRunning => "free-running",
        }
    }
}

impl std::str::FromStr for Feedback {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.id() == id).ok_or_else(|| {
            let known = Self::ALL.map(Self::id).join(" and ");
            Error::invalid(format!("there is no feedback `{id}`; there are {known}"))
        })
    }
}

/// What a network did on some trials. After a trial's last token its state stays, its logits are zero, and
/// whatever stands there as padding changes nothing.
#[derive(Debug, Clone)]
pub struct Run {
    /// For each layer its state after each token, `[trial, time, state width]` (sites `hidden.l`), or the residual stream
    /// after each block, `[trial, time, width]` (sites `layer.l`).
    pub hidden: Vec<Tensor<3>>,
    /// What the network says after each token, `[trial, time, vocabulary]`.
    pub logits: Tensor<3>,
    /// The most probable next token after each token, `[trial, time]`.
    pub predictions: Tensor<2, Int>,
    /// The tokens that it has read, the padding as given, `[trial, time]`.
    pub inputs: Tensor<2, Int>,
}

/// What a network has done on packed trials.
#[derive(Debug)]
pub(crate) struct Rollout {
    /// For each layer its state, or the residual stream, after each token, `[Σ active, …]`.
    pub hidden: Vec<Tensor<2>>,
    /// The tokens that were read: the given ones, or the network's own where it ran free, `[Σ active]`.
    pub inputs: Tensor<1, Int>,
}

impl Run {
    /// The run on whole trials that a rollout is.
    ///
    /// - `logits`: `[Σ active, vocabulary]`
    pub(crate) fn unpack(trials: &Trials, packing: &Packing, rollout: Rollout, logits: Tensor<2>) -> Self {
        let (time, device) = (trials.time(), logits.device().inner());
        let logits = packing.unpack(logits, time, Padding::Zero);
        let read = packing.positions().map(|(trial, step)| (trial * time + step) as i32).collect::<Vec<_>>();
        let mut around: Vec<i32> = trials.padded_tokens().iter().map(|&token| token as i32).collect();
        read.iter().for_each(|&at| around[at as usize] = 0);
        let inputs =
            indices(&around, &device).select_assign(0, indices(&read, &device), rollout.inputs, IndexingUpdateOp::Add);
        Self {
            hidden: rollout.hidden.into_iter().map(|layer| packing.unpack(layer, time, Padding::RepeatLast)).collect(),
            predictions: logits.clone().argmax(2).squeeze_dim(2),
            logits,
            inputs: inputs.reshape([trials.len(), time]),
        }
    }
}

/// Whether a network with so many tokens can read `trials`.
pub(crate) fn check_tokens(trials: &Trials, vocabulary: usize) -> Result<()> {
    if trials.is_empty() {
        return Err(Error::invalid("there are no trials to run"));
    }
    for trial in 0..trials.len() {
        if let Some(token) = trials.tokens(trial).iter().find(|&&token| token as usize >= vocabulary) {
            return Err(Error::invalid(format!(
                "trial {trial} has token {token}, but the network's vocabulary has {vocabulary} tokens"
            )));
        }
    }
    Ok(())
}

/// Whether a network that reads so many tokens at most can read `trials`.
pub(crate) fn check_context(trials: &Trials, context: usize) -> Result<()> {
    match trials.lengths().iter().position(|&length| length > context) {
        Some(trial) => Err(Error::invalid(format!(
            "trial {trial} has {} tokens, but the network reads at most {context}",
            trials.length(trial)
        ))),
        None => Ok(()),
    }
}
