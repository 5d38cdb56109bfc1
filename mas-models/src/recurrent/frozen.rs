use std::collections::BTreeMap;

use burn::{module::Module, prelude::*, tensor::IndexingUpdateOp};
use mas_core::{At, Continuation, Edit, Network, Positions, Prefix, Recorded, Resume, Site, Trials};

use super::{
    Cell, Feedback, Recurrent, RecurrentState,
    fused::{Edited, FusedGru},
    packing::{PackedTrials, Packing, indices},
};

/// A trained [`Recurrent`] with frozen weights, as interchange interventions need it.
///
/// With frozen weights the embedding and the input half of the first cell's gates are one look-up in a table of all
/// tokens. Sites are those of [`Recurrent::sites`].
pub struct Frozen {
    name: String,
    network: Recurrent,
    /// [`Recurrent::token_gates`], `[vocabulary, gates]`.
    token_gates: Tensor<2>,
    /// The hand-written gradient, where there is one: a single GRU layer on the CPU.
    fused: Option<FusedGru>,
}

/// Where a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
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
        if known.width != site.width {
            return Err(mas_core::Error::invalid(format!(
                "site `{}` of network `{}` has width {}, not {}",
                site.name, self.name, known.width, site.width
            )));
        }
        Ok(match site.name.strip_prefix("hidden") {
            None => Place::Embedding,
            Some(layer) => {
                let last = self.network.cells().len() - 1;
                Place::Hidden(layer.strip_prefix('.').and_then(|layer| layer.parse().ok()).unwrap_or(last))
            }
        })
    }

    fn check(&self, trials: &Trials) -> mas_core::Result<()> {
        self.network
            .check_tokens(trials)
            .map_err(|error| mas_core::Error::invalid(format!("network `{}`: {error}", self.name)))
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
        resume.check()?;
        if resume.rows.is_empty() {
            return Err(mas_core::Error::invalid("there are no trials to resume"));
        }
        let vocabulary = self.network.config().vocabulary;
        let mut tokens = (0..resume.rows.len()).flat_map(|row| resume.tokens(row));
        if let Some(token) = tokens.find(|&&token| token as usize >= vocabulary) {
            return Err(mas_core::Error::invalid(format!(
                "token {token} is not in the vocabulary of network `{}`, which has {vocabulary} tokens",
                self.name
            )));
        }
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

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> mas_core::Result<Tensor<2>> {
        let place = self.place(site)?;
        self.check(trials)?;
        if let Some((trial, position)) =
            at.iter().find(|&&(trial, position)| trial >= trials.len() || position >= trials.length(trial))
        {
            return Err(mas_core::Error::invalid(format!("there is no position {position} in trial {trial}")));
        }
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
        let largest: f32 = activity.clone().abs().max().into_scalar();
        if !largest.is_finite() {
            return Err(mas_core::Error::NotFinite(format!(
                "the activity of network `{}` at `{}` is not finite",
                self.name, site.name
            )));
        }
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
        let exists = |(trial, &position): (usize, &usize)| position < trials.length(trial);
        if positions.len() != trials.len() || !positions.iter().enumerate().all(exists) {
            return Err(mas_core::Error::invalid(format!(
                "{} positions are not one within each of {} trials",
                positions.len(),
                trials.len()
            )));
        }
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
        Run::new(self, place, resume, &edit)?.finish()
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

/// A resumed run. Each row begins at its edited position, or at the start where the interchange is stepwise; a step goes
/// one position on in every row that has not ended.
struct Run<'a> {
    frozen: &'a Frozen,
    place: Place,
    resume: &'a Resume<'a>,
    edit: &'a Edit<'a>,
    packing: Packing,
    /// For every batch row the position at which it begins.
    begins: Vec<usize>,
    /// For every batch row the first of its vectors among those of a known edit.
    vectors: Vec<usize>,
}

impl<'a> Run<'a> {
    fn new(frozen: &'a Frozen, place: Place, resume: &'a Resume<'a>, edit: &'a Edit<'a>) -> mas_core::Result<Self> {
        let rows = 0..resume.rows.len();
        let stepwise = resume.interchange == Positions::Stepwise;
        let begins: Vec<usize> = rows.clone().map(|row| if stepwise { 0 } else { resume.position(row) }).collect();
        let lengths: Vec<usize> = rows.clone().map(|row| resume.tokens(row).len() - 1 - begins[row]).collect();
        let mut vectors = Vec::with_capacity(begins.len());
        let mut count = 0;
        for row in rows {
            vectors.push(count);
            count += resume.position(row) + 1 - begins[row];
        }
        let sequential = stepwise && place != Place::Embedding;
        match edit {
            Edit::Known(activity) if !sequential && activity.dims() == [count, resume.site.width] => {}
            Edit::Sequential(_) if sequential => {}
            Edit::Known(activity) => {
                return Err(mas_core::Error::invalid(format!(
                    "the edited activity is {:?}, but {count} vectors of width {} are exchanged{}",
                    activity.dims(),
                    resume.site.width,
                    if sequential { " one after the other, each following from the last" } else { "" }
                )));
            }
            Edit::Sequential(_) => {
                return Err(mas_core::Error::invalid("only stepwise interchanges at a recurrent state are sequential"));
            }
        }
        Ok(Self { frozen, place, resume, edit, packing: Packing::new(&lengths), begins, vectors })
    }

    fn finish(self) -> mas_core::Result<Continuation> {
        let network = &self.frozen.network;
        let rows: Vec<usize> = self.packing.order().to_vec();
        let mut state = self.initial(&rows)?;
        let mut tops: Vec<Tensor<2>> = Vec::with_capacity(self.packing.time());
        for step in 0..self.packing.time() {
            let active = &rows[..self.packing.active(step)];
            state = state.first(active.len());
            let seeded = step == 0 && self.seeds_state();
            state = if seeded { self.seed(state, active) } else { self.advance(state, active, step, tops.last()) };
            tops.push(state.layers[state.layers.len() - 1].clone());
        }
        let mut at = Vec::new();
        let mut chosen = Vec::new();
        for (packed, (row, step)) in self.packing.positions().enumerate() {
            let position = self.begins[row] + step;
            if position >= self.resume.position(row) {
                at.push(At { row, position });
                chosen.push(packed as i32);
            }
        }
        let mut hidden = Tensor::cat(tops, 0);
        if chosen.len() < self.packing.rows() {
            hidden = hidden.select(0, indices(&chosen, &network.device()));
        }
        Ok(Continuation { logits: network.logits(hidden), at })
    }

    /// Whether the edit is itself the state from which a run begins.
    fn seeds_state(&self) -> bool {
        self.resume.interchange == Positions::Individual && self.place != Place::Embedding
    }

    /// The states before the first step, of `rows`.
    fn initial(&self, rows: &[usize]) -> mas_core::Result<RecurrentState> {
        let network = &self.frozen.network;
        if self.resume.interchange == Positions::Stepwise {
            return Ok(network.initial_state(rows.len()));
        }
        let States { layers: states, .. } = self.resume.prefix()?;
        if states.is_empty() {
            return Ok(network.initial_state(rows.len()));
        }
        let trials: Vec<i32> = rows.iter().map(|&row| self.resume.rows[row] as i32).collect();
        let trials = indices(&trials, &network.device());
        Ok(RecurrentState { layers: states.iter().map(|state| state.clone().select(0, trials.clone())).collect() })
    }

    /// The known edits of `rows` at the positions where they stand, `[row, width]`.
    fn known(&self, activity: &Tensor<2>, rows: &[usize], step: usize) -> Tensor<2> {
        let chosen: Vec<i32> = rows.iter().map(|&row| (self.vectors[row] + step) as i32).collect();
        activity.clone().select(0, indices(&chosen, &self.frozen.network.device()))
    }

    /// Puts the edited state of one layer in; the layers above follow from it.
    fn seed(&self, before: RecurrentState, rows: &[usize]) -> RecurrentState {
        let (Place::Hidden(edited), Edit::Known(activity)) = (self.place, self.edit) else { return before };
        let mut layers: Vec<Tensor<2>> = Vec::with_capacity(before.layers.len());
        for (layer, (cell, state)) in self.frozen.network.cells().iter().zip(before.layers).enumerate() {
            layers.push(match layer.cmp(&edited) {
                std::cmp::Ordering::Less => state,
                std::cmp::Ordering::Equal => self.known(activity, rows, 0),
                std::cmp::Ordering::Greater => {
                    let below = self.frozen.network.cells()[layer - 1].output(layers[layer - 1].clone());
                    cell.advance(state, cell.input_gates(below))
                }
            });
        }
        RecurrentState { layers }
    }

    /// One position on, with edits where they belong.
    fn advance(&self, before: RecurrentState, rows: &[usize], step: usize, last: Option<&Tensor<2>>) -> RecurrentState {
        let cells = self.frozen.network.cells();
        let exchanged: Vec<bool> =
            rows.iter().map(|&row| self.begins[row] + step <= self.resume.position(row)).collect();
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..rows.len()).partition(|&row| exchanged[row]);
        let gates = match (self.place, self.edit) {
            (Place::Embedding, Edit::Known(activity)) if !inside.is_empty() => {
                let edited: Vec<usize> = inside.iter().map(|&row| rows[row]).collect();
                let edited = cells[0].input_gates(self.known(activity, &edited, step));
                self.merge(edited, &inside, &outside, |outside| self.token_gates(rows, outside, step, last))
            }
            _ => self.token_gates(rows, &(0..rows.len()).collect::<Vec<_>>(), step, last),
        };
        let mut layers: Vec<Tensor<2>> = Vec::with_capacity(cells.len());
        for (layer, (cell, state)) in cells.iter().zip(before.layers).enumerate() {
            let gates = match layers.last() {
                None => gates.clone(),
                Some(below) => cell.input_gates(cells[layer - 1].output(below.clone())),
            };
            let mut state = cell.advance(state, gates);
            if let (true, false, Edit::Sequential(edit)) =
                (self.place == Place::Hidden(layer), inside.is_empty(), self.edit)
            {
                let at: Vec<At> = inside.iter().map(|&row| At { row: rows[row], position: step }).collect();
                let edited = edit(&at, self.take(state.clone(), &inside));
                state = self.merge(edited, &inside, &outside, |outside| self.take(state, outside));
            }
            layers.push(state);
        }
        RecurrentState { layers }
    }

    fn take(&self, tensor: Tensor<2>, rows: &[usize]) -> Tensor<2> {
        let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        tensor.select(0, indices(&rows, &self.frozen.network.device()))
    }

    /// Rows `inside` from a tensor of their own and the others from `rest`, in order.
    fn merge(
        &self,
        edited: Tensor<2>,
        inside: &[usize],
        outside: &[usize],
        rest: impl FnOnce(&[usize]) -> Tensor<2>,
    ) -> Tensor<2> {
        if outside.is_empty() {
            return edited;
        }
        let mut place = vec![0; inside.len() + outside.len()];
        inside.iter().chain(outside).enumerate().for_each(|(from, &row)| place[row] = from);
        self.take(Tensor::cat(vec![edited, rest(outside)], 0), &place)
    }

    /// The input gates of those of `rows` that `chosen` points at: of the given tokens, or of the network's own
    /// predictions where it runs free in the response.
    ///
    /// - `last`: the last layer's states after the step before, of at least `rows`
    fn token_gates(&self, rows: &[usize], chosen: &[usize], step: usize, last: Option<&Tensor<2>>) -> Tensor<2> {
        let network = &self.frozen.network;
        let device = network.device();
        let mut given = Vec::with_capacity(chosen.len());
        let (mut own, mut own_states) = (Vec::new(), Vec::new());
        for (index, &active) in chosen.iter().enumerate() {
            let row = rows[active];
            let position = self.begins[row] + step;
            let is_own =
                self.resume.free_running && position > self.resume.position(row) && self.resume.response(row)[position];
            if is_own {
                own.push(index as i32);
                own_states.push(active);
            }
            given.push(if is_own { 0 } else { self.resume.tokens(row)[position] as i32 });
        }
        let mut tokens = indices(&given, &device);
        if let (false, Some(last)) = (own.is_empty(), last) {
            let said = network.logits(self.take(last.clone().inner(), &own_states)).argmax(1).squeeze_dim(1);
            tokens = tokens.select_assign(0, indices(&own, &device), said, IndexingUpdateOp::Add);
        }
        self.frozen.token_gates.clone().select(0, tokens)
    }
}
