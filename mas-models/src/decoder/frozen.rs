use burn::prelude::*;
use mas_core::{
    Continuation, Edit, Natural, Network, Positions, Prefix, Recorded, Resume, Site, Trials, autodiff_gradient,
};

use super::Decoder;
use super::memory::Memory;
use super::reading::{Edited, Read, Reading, Row};
use crate::checks;
use crate::packing::indices;

/// A trained transformer or language model with frozen weights, as interchange interventions need it.
///
/// Sites are the network's own; none carries state. An individual interchange goes on from the keys and
/// values of the positions before it, which are computed once; a later position sees it through the attention of the
/// blocks above the site. A stepwise one replaces all positions up to the last one at once.
pub struct FrozenDecoder<D> {
    name: String,
    network: D,
}

/// Keys and values of trials up to an edited position, that one included.
struct Caches {
    /// For each trial the first of its vectors, and their total.
    offsets: Vec<usize>,
    /// For each block its keys and values, `[vector, width]`.
    blocks: Vec<[Tensor<2>; 2]>,
}

impl<D: Decoder> FrozenDecoder<D> {
    /// Freezes `network` under a name.
    pub fn new(name: impl Into<String>, network: D) -> Self {
        Self { name: name.into(), network: network.frozen() }
    }

    /// The network.
    pub fn network(&self) -> &D {
        &self.network
    }

    /// How deep a site is: 0 for the embedding, i + 1 after block i, one more for the logits.
    fn depth(&self, site: &Site) -> mas_core::Result<usize> {
        let known = self.site(&site.name)?;
        checks::width(&self.name, &known, site)?;
        Ok(self.sites().iter().position(|other| other.name == site.name).unwrap_or(0))
    }

    fn check(&self, trials: &Trials) -> mas_core::Result<()> {
        checks::tokens(&self.name, trials, self.network.vocabulary())?;
        checks::context(&self.name, trials, self.network.context())
    }

    /// Runs trials up to and including a position of each.
    fn caches(&self, trials: &Trials, positions: &[usize]) -> Caches {
        let layers = self.network.layers();
        let mut offsets = vec![0];
        let mut parts: Vec<Vec<[Tensor<2>; 2]>> = vec![Vec::new(); layers];
        let at_once = self.network.rows_at_once(positions.iter().max().map_or(0, |last| last + 1));
        for begin in (0..trials.len()).step_by(at_once) {
            let chunk = begin..trials.len().min(begin + at_once);
            let rows: Vec<Row> = chunk.map(|trial| Row::given(&trials.tokens(trial)[..=positions[trial]])).collect();
            let longest = rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0);
            let mut inside = Vec::new();
            for (index, row) in rows.iter().enumerate() {
                inside.extend((0..row.tokens.len()).map(|position| (index * longest + position) as i32));
                offsets.push(offsets[offsets.len() - 1] + row.tokens.len());
            }
            let inside = indices(&inside, &self.network.device());
            let mut reading = Reading::new(&self.network, rows, None);
            reading.given(layers, None);
            for (part, memory) in parts.iter_mut().zip(reading.into_memories()) {
                part.extend(memory.into_parts().map(|kept| {
                    kept.map(|kept| {
                        let [rows, slots, width] = kept.dims();
                        kept.reshape([rows * slots, width]).select(0, inside.clone())
                    })
                }));
            }
        }
        let cat = |parts: Vec<[Tensor<2>; 2]>| {
            let (keys, values) = parts.into_iter().map(|[keys, values]| (keys, values)).unzip();
            [Tensor::cat(keys, 0), Tensor::cat(values, 0)]
        };
        Caches { offsets, blocks: parts.into_iter().map(cat).collect() }
    }

    /// The keys and values of some trials, padded.
    fn memories(&self, caches: &Caches, trials: &[usize]) -> (Vec<Memory>, usize) {
        let Caches { offsets, blocks } = caches;
        let length = |trial: usize| offsets[trial + 1] - offsets[trial];
        let slots = trials.iter().map(|&trial| length(trial)).max().unwrap_or(0);
        let of = |&trial: &usize| (0..slots).map(move |slot| (offsets[trial] + slot.min(length(trial) - 1)) as i32);
        let chosen = indices(&trials.iter().flat_map(of).collect::<Vec<_>>(), &self.network.device());
        let memory = |[keys, values]: &[Tensor<2>; 2]| {
            let padded = |kept: &Tensor<2>| {
                let width = kept.dims()[1];
                kept.clone().select(0, chosen.clone()).reshape([trials.len(), slots, width])
            };
            Memory::new(padded(keys), padded(values))
        };
        (blocks.iter().map(memory).collect(), slots)
    }

    /// The caches that an individual interchange goes on from.
    fn caches_of<'a>(&self, resume: &'a Resume) -> mas_core::Result<&'a Caches> {
        let caches: &Caches = resume.prefix()?;
        let lengths = caches.offsets.windows(2).map(|offsets| offsets[1] - offsets[0]);
        let fits = caches.blocks.len() == self.network.layers()
            && caches.blocks.iter().flatten().all(|kept| kept.dims()[1] == self.network.kept_width())
            && lengths.eq(resume.positions.iter().map(|position| position + 1));
        match fits {
            true => Ok(caches),
            false => Err(mas_core::Error::invalid("this prefix is of other trials, or of another network")),
        }
    }
}

/// Edited vectors with natural ones after them, to the end of each row: with activity at the site known everywhere, nothing
/// below it is run.
fn to_the_end(rows: &mut [Row], resume: &Resume, edited: Tensor<2>, natural: &Natural) -> mas_core::Result<Tensor<2>> {
    let edits = edited.dims()[0];
    let (mut edit, mut order, mut later) = (0, Vec::new(), Vec::new());
    for (row, &trial) in rows.iter_mut().zip(resume.rows) {
        order.extend(edit..edit + row.edited);
        edit += row.edited;
        for position in row.begin + row.edited..row.tokens.len() {
            order.push(edits + later.len());
            later.push((trial, position));
        }
        row.edited = row.tokens.len() - row.begin;
    }
    if later.is_empty() {
        return Ok(edited);
    }
    let device = edited.device().inner();
    let order: Vec<i32> = order.into_iter().map(|vector| vector as i32).collect();
    Ok(Tensor::cat(vec![edited, natural.at(later)?], 0).select(0, indices(&order, &device)))
}

impl<D: Decoder> Recorded for FrozenDecoder<D> {
    fn name(&self) -> &str {
        &self.name
    }

    fn sites(&self) -> Vec<Site> {
        self.network.sites()
    }

    fn carries_state(&self, _: &Site) -> bool {
        false
    }

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> mas_core::Result<Tensor<2>> {
        let depth = self.depth(site)?;
        self.check(trials)?;
        checks::positions(trials, at)?;
        let device = self.network.device();
        let activity = if depth == 0 {
            let tokens: Vec<i32> = at.iter().map(|&(trial, position)| trials.tokens(trial)[position] as i32).collect();
            let positions: Vec<usize> = at.iter().map(|&(_, position)| position).collect();
            self.network.embed(indices(&tokens, &device), &positions)
        } else {
            // Each trial once, as far as it is asked for.
            let mut lengths = vec![0; trials.len()];
            at.iter().for_each(|&(trial, position)| lengths[trial] = lengths[trial].max(position + 1));
            let wanted: Vec<usize> = (0..trials.len()).filter(|&trial| lengths[trial] > 0).collect();
            let mut first = vec![0; trials.len()];
            let (mut count, mut parts) = (0, Vec::new());
            for chunk in wanted.chunks(self.network.rows_at_once(lengths.iter().copied().max().unwrap_or(0))) {
                let row = |&trial: &usize| Row::given(&trials.tokens(trial)[..lengths[trial]]);
                let mut reading = Reading::new(&self.network, chunk.iter().map(row).collect(), None);
                let Read { mut streams, .. } = reading.given(depth, None);
                parts.push(streams.swap_remove(0));
                // Rows that are given whole keep their order.
                for &trial in chunk {
                    first[trial] = count;
                    count += lengths[trial];
                }
            }
            let chosen: Vec<i32> = at.iter().map(|&(trial, position)| (first[trial] + position) as i32).collect();
            match parts.is_empty() {
                true => Tensor::zeros([0, site.width], &device),
                false => Tensor::cat(parts, 0).select(0, indices(&chosen, &device)),
            }
        };
        checks::finite(&self.name, site, &activity)?;
        Ok(activity)
    }
}

impl<D: Decoder> Network for FrozenDecoder<D> {
    fn device(&self) -> Device {
        self.network.device()
    }

    fn prepare(&self, site: &Site, trials: &Trials, positions: &[usize]) -> mas_core::Result<Prefix> {
        self.depth(site)?;
        self.check(trials)?;
        checks::one_position_each(trials, positions)?;
        if trials.is_empty() {
            return Err(mas_core::Error::invalid("there are no trials to prepare"));
        }
        Ok(Prefix::new(self.caches(trials, positions)))
    }

    fn resume(&self, resume: &Resume, edit: Edit) -> mas_core::Result<Continuation> {
        let depth = self.depth(resume.site)?;
        checks::resumed(&self.name, self.network.vocabulary(), resume)?;
        checks::context(&self.name, resume.trials, self.network.context())?;
        let Edit::Known(vectors) = edit else {
            return Err(mas_core::Error::invalid("only stepwise interchanges at a recurrent state are sequential"));
        };
        let stepwise = resume.interchange == Positions::Stepwise;
        let caches = if stepwise { None } else { Some(self.caches_of(resume)?) };
        let row = |row: usize| {
            let (last, tokens) = (resume.position(row), resume.tokens(row));
            let read = tokens.len() - 1;
            let own = |position: usize| resume.free_running && position > last && resume.response(row)[position];
            let begin = if stepwise { 0 } else { last };
            let own = (0..read).map(own).collect();
            Row { tokens: tokens[..read].to_vec(), own, begin, edited: last + 1 - begin, heard: last }
        };
        let mut rows: Vec<Row> = (0..resume.rows.len()).map(row).collect();
        checks::edited(&vectors, rows.iter().map(|row| row.edited).sum(), resume.site, false)?;
        let vectors = match resume.natural {
            Some(natural) if !resume.free_running => to_the_end(&mut rows, resume, vectors, natural)?,
            _ => vectors,
        };

        let mut reading = Reading::new(&self.network, rows, Some(Edited { depth, vectors }));
        if let Some(caches) = caches {
            let trials: Vec<usize> = reading.order().into_iter().map(|row| resume.rows[row]).collect();
            let (memories, slots) = self.memories(caches, &trials);
            reading = reading.resume(memories, slots);
        }
        let Read { at, mut streams, .. } = reading.finish();
        let mut logits = streams.swap_remove(0);
        let (vectors, outputs): (Vec<i32>, Vec<mas_core::At>) = at
            .iter()
            .enumerate()
            .filter(|(_, at)| at.position >= resume.position(at.row))
            .map(|(vector, &at)| (vector as i32, at))
            .unzip();
        if vectors.len() < at.len() {
            logits = logits.select(0, indices(&vectors, &self.network.device()));
        }
        Ok(Continuation { logits, at: outputs })
    }
    fn behaviour_gradient(
        &self,
        resume: &Resume,
        edited: Tensor<2>,
        weights: &[f32],
    ) -> mas_core::Result<(f64, Tensor<2>)> {
        let longest = resume.rows.iter().filter(|&&row| row < resume.trials.len());
        let longest = longest.map(|&row| resume.trials.length(row)).max().unwrap_or(0);
        let at_once = self.network.gradient_rows_at_once(longest);
        if resume.rows.len() <= at_once {
            return autodiff_gradient(self, resume, edited, weights);
        }
        // Rows do not see each other, and the loss is a sum over them.
        self.depth(resume.site)?;
        checks::resumed(&self.name, self.network.vocabulary(), resume)?;
        checks::edited(&edited, resume.exchanged().len(), resume.site, false)?;
        if weights.len() != resume.rows.len() {
            let reason = format!("{} weights for {} rows", weights.len(), resume.rows.len());
            return Err(mas_core::Error::invalid(reason));
        }
        let (mut loss, mut gradients, mut first) = (0.0, Vec::new(), 0);
        for (rows, weights) in resume.rows.chunks(at_once).zip(weights.chunks(at_once)) {
            let part = Resume { rows, ..*resume };
            let count = part.exchanged().len();
            let (part_loss, gradient) =
                autodiff_gradient(self, &part, edited.clone().narrow(0, first, count), weights)?;
            loss += part_loss;
            gradients.push(gradient);
            first += count;
        }
        Ok((loss, Tensor::cat(gradients, 0)))
    }
}
