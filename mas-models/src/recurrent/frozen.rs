use std::collections::BTreeMap;

use burn::{module::Module, prelude::*};
use mas_core::{Continuation, Edit, Network, Positions, Prefix, Recorded, Resume, Site, Trials};

use super::{
    Cell, Recurrent,
    fused::{Edited, FusedGru, Row},
    resumed::Resumed,
};
use crate::{
    checks,
    packing::{PackedTrials, indices},
    run::Feedback,
};

/// A trained [`Recurrent`] with frozen weights, as interchange interventions need it.
///
/// With frozen weights the embedding and the input half of the first cell's gates are one look-up in a table of all
/// tokens. Sites are those of [`Recurrent::sites`].
pub struct Frozen {
    name: String,
    pub(super) network: Recurrent,
    /// [`Recurrent::token_gates`], `[vocabulary, gates]`.
    pub(super) token_gates: Tensor<2>,
    /// The hand-written gradient, where there is one: a single GRU layer on the CPU.
    fused: Option<FusedGru>,
}

/// Where a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Embedding,
    Hidden(usize),
}

/// The states from which trials go on: of layers below an edited one those at the edited position, of the others (and
/// of all, for an edited embedding) those just before it.
pub(super) struct States {
    trials: usize,
    /// `[trial, state width]` each; none where an edited state is all there is.
    pub layers: Vec<Tensor<2>>,
}

impl Frozen {
    /// Freezes `network` under a name.
    pub fn new(name: impl Into<String>, network: Recurrent) -> Self {
        let network = network.valid();
        let token_gates = network.token_gates();
        let fused = if on_host(&network.device()) { fuse(&network, &token_gates) } else { None };
        Self { name: name.into(), token_gates, network, fused }
    }

    /// The same without the hand-written gradient: what autodiff makes of it, for comparison.
    pub fn without_fusion(mut self) -> Self {
        self.fused = None;
        self
    }

    /// The network.
    pub fn network(&self) -> &Recurrent {
        &self.network
    }

    fn place(&self, site: &Site) -> mas_core::Result<Place> {
        let known = self.site(&site.name)?;
        checks::width(&self.name, &known, site)?;
        Ok(match site.name.strip_prefix("hidden") {
            None => Place::Embedding,
            Some(layer) => {
                let last = self.network.cells().len() - 1;
                Place::Hidden(layer.strip_prefix('.').and_then(|layer| layer.parse().ok()).unwrap_or(last))
            }
        })
    }

    fn check(&self, trials: &Trials) -> mas_core::Result<()> {
        checks::tokens(&self.name, trials, self.network.config().vocabulary)
    }

    /// What a resumed run relies on: trials and positions, tokens of the vocabulary, and a prefix of its own.
    fn check_resumed(&self, resume: &Resume) -> mas_core::Result<()> {
        checks::resumed(&self.name, self.network.config().vocabulary, resume)?;
        if resume.interchange == Positions::Individual {
            let States { trials, layers } = resume.prefix()?;
            let cells = self.network.cells();
            let fits = layers.iter().map(|layer| layer.dims()[1]).eq(cells.iter().map(Cell::state_width));
            if *trials != resume.trials.len() || !(layers.is_empty() || fits) {
                return Err(mas_core::Error::invalid("this prefix is of other trials, or of another network"));
            }
        }
        Ok(())
    }

    /// For every layer its state after the token at each of `at`, `[vector, state width]`; zeros where the position is
    /// `None`, before the first token.
    fn states(&self, trials: &Trials, at: &[(usize, Option<usize>)]) -> mas_core::Result<Vec<Tensor<2>>> {
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        for &(trial, position) in at {
            let length = lengths.entry(trial).or_insert(0);
            *length = (*length).max(position.map_or(0, |position| position + 1));
        }
        let rows: Vec<usize> = lengths.keys().copied().filter(|trial| lengths[trial] > 0).collect();
        let device = self.network.device();
        if rows.is_empty() {
            return Ok(self.network.initial_state(at.len()).layers);
        }
        let packed = PackedTrials::pack(trials, &rows, |row| lengths[&row]);
        let rollout = self.network.rollout(&packed, Feedback::TeacherForced, None);
        let packed_rows: BTreeMap<(usize, usize), usize> = packed
            .packing
            .positions()
            .enumerate()
            .map(|(row, (trial, position))| ((rows[trial], position), row))
            .collect();
        // One more row, of zeros, for what was before the first token.
        let zero = packed.packing.rows();
        let chosen: Vec<i32> = at
            .iter()
            .map(|&(trial, position)| position.map_or(zero, |position| packed_rows[&(trial, position)]) as i32)
            .collect();
        let chosen = indices(&chosen, &device);
        Ok(rollout
            .hidden
            .into_iter()
            .map(|states| {
                let width = states.dims()[1];
                Tensor::cat(vec![states, Tensor::zeros([1, width], &device)], 0).select(0, chosen.clone())
            })
            .collect())
    }
}

impl Recorded for Frozen {
    fn name(&self) -> &str {
        &self.name
    }

    fn sites(&self) -> Vec<Site> {
        self.network.sites()
    }

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> mas_core::Result<Tensor<2>> {
        let place = self.place(site)?;
        self.check(trials)?;
        checks::positions(trials, at)?;
        let activity = match place {
            Place::Embedding => {
                let tokens: Vec<i32> =
                    at.iter().map(|&(trial, position)| trials.tokens(trial)[position] as i32).collect();
                self.network.embed(indices(&tokens, &self.network.device()))
            }
            Place::Hidden(layer) => {
                let at: Vec<_> = at.iter().map(|&(trial, position)| (trial, Some(position))).collect();
                self.states(trials, &at)?.swap_remove(layer)
            }
        };
        checks::finite(&self.name, site, &activity)?;
        Ok(activity)
    }
}

impl Network for Frozen {
    fn device(&self) -> Device {
        self.network.device()
    }

    fn carries_state(&self, site: &Site) -> bool {
        site.name != "embedding"
    }

    fn prepare(&self, site: &Site, trials: &Trials, positions: &[usize]) -> mas_core::Result<Prefix> {
        let place = self.place(site)?;
        self.check(trials)?;
        checks::one_position_each(trials, positions)?;
        let layers = self.network.cells().len();
        // A single layer's edited state is all there is: nothing to run.
        if place == Place::Hidden(0) && layers == 1 {
            return Ok(Prefix::new(States { trials: trials.len(), layers: Vec::new() }));
        }
        let before: Vec<_> =
            positions.iter().enumerate().map(|(trial, &position)| (trial, position.checked_sub(1))).collect();
        let after: Vec<_> = positions.iter().enumerate().map(|(trial, &position)| (trial, Some(position))).collect();
        let mut states = self.states(trials, &before)?;
        if let Place::Hidden(layer) = place {
            let below = self.states(trials, &after)?;
            states.splice(..layer, below.into_iter().take(layer));
        }
        Ok(Prefix::new(States { trials: trials.len(), layers: states }))
    }

    fn resume(&self, resume: &Resume, edit: Edit) -> mas_core::Result<Continuation> {
        let place = self.place(resume.site)?;
        self.check_resumed(resume)?;
        Resumed::new(self, place, resume, &edit)?.finish()
    }

    fn behaviour_gradient(
        &self,
        resume: &Resume,
        edited: Tensor<2>,
        weights: &[f32],
    ) -> mas_core::Result<(f64, Tensor<2>)> {
        let place = self.place(resume.site)?;
        let stepwise = resume.interchange == Positions::Stepwise;
        match (&self.fused, place) {
            (Some(fused), Place::Embedding) => self.fused_gradient(fused, Edited::Embedding, resume, edited, weights),
            (Some(fused), Place::Hidden(_)) if !stepwise => {
                self.fused_gradient(fused, Edited::State, resume, edited, weights)
            }
            _ => mas_core::autodiff_gradient(self, resume, edited, weights),
        }
    }
}

impl Frozen {
    fn fused_gradient(
        &self,
        fused: &FusedGru,
        what: Edited,
        resume: &Resume,
        edited: Tensor<2>,
        weights: &[f32],
    ) -> mas_core::Result<(f64, Tensor<2>)> {
        self.check_resumed(resume)?;
        let shape = edited.dims();
        let stepwise = resume.interchange == Positions::Stepwise;
        let vectors: usize =
            (0..resume.rows.len()).map(|row| if stepwise { resume.position(row) + 1 } else { 1 }).sum();
        if shape != [vectors, resume.site.width] || weights.len() != resume.rows.len() {
            return Err(mas_core::Error::invalid(format!(
                "edited activity of {shape:?} with {} weights, expected [{vectors}, {}] and {} rows",
                weights.len(),
                resume.site.width,
                resume.rows.len()
            )));
        }
        let before = match (what, stepwise) {
            (Edited::Embedding, false) => {
                let States { layers, .. } = resume.prefix()?;
                layers.first().map(host).transpose()?
            }
            _ => None,
        };
        let mut rows = Vec::with_capacity(resume.rows.len());
        let mut vector = 0;
        for (row, &weight) in weights.iter().enumerate() {
            let position = resume.position(row);
            let begin = if stepwise { 0 } else { position };
            rows.push(Row {
                tokens: resume.tokens(row),
                response: resume.response(row),
                begin,
                position,
                weight,
                vector,
                before: before.as_ref().map(|states| &states[resume.rows[row] * fused.width..][..fused.width]),
            });
            vector += position + 1 - begin;
        }
        let (loss, gradient) = fused.gradient(&rows, what, &host(&edited)?, resume.free_running);
        Ok((loss, Tensor::from_data(TensorData::new(gradient, shape), &self.network.device())))
    }
}

/// Whether tensors of `device` are in the CPU's memory.
fn on_host(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return *device == Device::flex();
    #[cfg(not(feature = "flex"))]
    {
        let _: &Device = device;
        false
    }
}

/// The values of a tensor in row-major order.
fn host(tensor: &Tensor<2>) -> mas_core::Result<Vec<f32>> {
    tensor.clone().inner().try_into_vec_as::<f32>().map_err(|error| mas_core::Error::Device(error.to_string()))
}

/// The weights of a network of one GRU layer and a read-out of the usual shape on the host; nothing for another architecture.
fn fuse(network: &Recurrent, token_gates: &Tensor<2>) -> Option<FusedGru> {
    let [gru] = network.grus()?[..] else { return None };
    let config = network.config();
    if config.embedding_width() != config.width || config.read_out_width() != 4 * config.width {
        return None;
    }
    let read_out = network.read_out();
    let values = |tensor: Tensor<2>| host(&tensor).ok();
    Some(FusedGru {
        width: network.config().width,
        vocabulary: network.config().vocabulary,
        w_ih: values(gru.w_ih())?,
        b_ih: values(gru.b_ih())?,
        w_hh: values(gru.w_hh())?,
        b_hh: values(gru.b_hh())?,
        token_gates: values(token_gates.clone())?,
        w_in: values(read_out.w_in()?)?,
        b_in: values(read_out.b_in()?)?,
        w_out: values(read_out.w_out())?,
        b_out: values(read_out.b_out())?,
    })
}
