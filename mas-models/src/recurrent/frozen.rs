use std::collections::BTreeMap;

use burn::{module::Module, prelude::*};
use mas_core::{Continuation, Edit, Network, Positions, Prefix, Recorded, Resume, Site, Trials};

use super::{
    Cell, Recurrent,
    fused::{Edited, FusedGru},
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
    pub(super) layers: Vec<Tensor<2>>,
}

impl Frozen {
    /// Freezes `network` under a name.
    pub fn new(name: impl Into<String>, network: Recurrent) -> Self {
        let network = network.valid();
        let token_gates = network.token_gates();
        let fused = FusedGru::of(&network, &token_gates);
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

    /// The hand-written GRU and what is edited in it, where it can do an edit that is known beforehand.
    fn fused(&self, place: Place, resume: &Resume) -> Option<(&FusedGru, Edited)> {
        let what = match (place, resume.interchange) {
            (Place::Embedding, _) => Edited::Embedding,
            (Place::Hidden(_), Positions::Individual) => Edited::State,
            (Place::Hidden(_), Positions::Stepwise) => return None,
        };
        Some((self.fused.as_ref()?, what))
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
        if let Some(fused) = &self.fused {
            let states = fused.states_of(trials, &lengths, at);
            return Ok(vec![Tensor::from_data(TensorData::new(states, [at.len(), fused.width]), &device)]);
        }
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

    fn carries_state(&self, site: &Site) -> bool {
        site.name != "embedding"
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
        if let (Edit::Known(activity), Some((fused, what))) = (&edit, self.fused(place, resume))
            && !activity.is_autodiff()
        {
            return fused.resume(what, resume, activity);
        }
        Resumed::new(self, place, resume, &edit)?.finish()
    }

    fn behaviour_gradient(
        &self,
        resume: &Resume,
        edited: Tensor<2>,
        weights: &[f32],
    ) -> mas_core::Result<(f64, Tensor<2>)> {
        let place = self.place(resume.site)?;
        match self.fused(place, resume) {
            Some((fused, what)) => {
                self.check_resumed(resume)?;
                fused.behaviour_gradient(what, resume, edited, weights)
            }
            None => mas_core::autodiff_gradient(self, resume, edited, weights),
        }
    }
}
