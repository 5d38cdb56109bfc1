//! The hand-written GRU between tensors: what [`Frozen`](crate::Frozen) asks of it.

use std::collections::BTreeMap;

use burn::prelude::*;
use mas_core::{At, Continuation, Error, Positions, Result, Resume, Trials};

use super::{Edited, FusedGru, Row, Weights};
use crate::host;
use crate::packing::indices;
use crate::recurrent::{Recurrent, frozen::States};

impl FusedGru {
    /// `network` by hand; nothing for another architecture than one GRU layer with
    /// a read-out of the usual shape, or another device than the CPU.
    ///
    /// - `token_gates`: [`Recurrent::token_gates`]
    pub fn of(network: &Recurrent, token_gates: &Tensor<2>) -> Option<Self> {
        let [gru] = network.grus()?[..] else { return None };
        let config = network.config();
        let usual = config.embedding_width() == config.width && config.read_out_width() == 4 * config.width;
        if !usual || !host::holds(&network.device()) {
            return None;
        }
        let read_out = network.read_out();
        let values = |tensor: Tensor<2>| values_of(&tensor).ok();
        Some(Self::new(Weights {
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
        }))
    }

    /// The states of `trials`, teacher-forced; zeros before the first token.
    ///
    /// - `lengths`: for every trial in question how many of its tokens are to be read
    /// - `at`: (trial, position) of every state wanted
    /// - returns `[state, width]`
    pub fn states_of(
        &self,
        trials: &Trials,
        lengths: &BTreeMap<usize, usize>,
        at: &[(usize, Option<usize>)],
    ) -> Vec<f32> {
        let row_of: BTreeMap<usize, usize> = lengths.keys().enumerate().map(|(row, &trial)| (trial, row)).collect();
        let row = |(&trial, &steps): (&usize, &usize)| Row {
            tokens: trials.tokens(trial),
            response: trials.response(trial),
            begin: 0,
            steps,
            position: 0,
            weight: 0.0,
            vector: 0,
            before: None,
        };
        let rows: Vec<Row> = lengths.iter().map(row).collect();
        let wanted: Vec<(usize, usize)> =
            at.iter().filter_map(|&(trial, position)| Some((row_of[&trial], position?))).collect();
        let states = self.states(&rows, &wanted);
        if wanted.len() == at.len() {
            return states;
        }
        let mut states = states.chunks_exact(self.width);
        let zeros = vec![0.0; self.width];
        at.iter().flat_map(|(_, position)| position.and_then(|_| states.next()).unwrap_or(&zeros)).copied().collect()
    }

    /// [`Network::resume`](mas_core::Network::resume) with a known edit that is not tracked.
    pub fn resume(&self, what: Edited, resume: &Resume, edited: &Tensor<2>) -> Result<Continuation> {
        let before = before(what, resume)?;
        let rows = self.rows(resume, before.as_deref(), edited, &vec![0.0; resume.rows.len()])?;
        let (logits, at) = self.outputs(&rows, what, &values_of(edited)?, resume.free_running);
        Ok(Continuation {
            logits: Tensor::from_data(TensorData::new(logits, [at.len(), self.vocabulary]), &edited.device()),
            at: at.into_iter().map(|(row, position)| At { row, position }).collect(),
        })
    }

    /// [`Network::behaviour_gradient`](mas_core::Network::behaviour_gradient).
    pub fn behaviour_gradient(
        &self,
        what: Edited,
        resume: &Resume,
        edited: Tensor<2>,
        weights: &[f32],
    ) -> Result<(f64, Tensor<2>)> {
        let edited = edited.inner();
        let before = before(what, resume)?;
        let rows = self.rows(resume, before.as_deref(), &edited, weights)?;
        let (loss, gradient) = self.gradient(&rows, what, &values_of(&edited)?, resume.free_running);
        Ok((loss, Tensor::from_data(TensorData::new(gradient, edited.dims()), &edited.device())))
    }

    /// The rows of `resume`.
    ///
    /// - `before`: the state before each begins, `[row, width]`
    fn rows<'a>(
        &self,
        resume: &'a Resume,
        before: Option<&'a [f32]>,
        edited: &Tensor<2>,
        weights: &[f32],
    ) -> Result<Vec<Row<'a>>> {
        let mut rows = Vec::with_capacity(resume.rows.len());
        let mut vector = 0;
        for (row, &weight) in weights.iter().enumerate().take(resume.rows.len()) {
            let position = resume.position(row);
            let begin = if resume.interchange == Positions::Stepwise { 0 } else { position };
            rows.push(Row {
                tokens: resume.tokens(row),
                response: resume.response(row),
                begin,
                steps: resume.tokens(row).len() - 1 - begin,
                position,
                weight,
                vector,
                before: before.map(|states| &states[row * self.width..][..self.width]),
            });
            vector += position + 1 - begin;
        }
        let (shape, expected) = (edited.dims(), [vector, resume.site.width]);
        if shape != expected || weights.len() != resume.rows.len() {
            return Err(Error::invalid(format!(
                "the edited activity is {shape:?} with {} weights, but {vector} vectors of width {} are exchanged in {} rows",
                weights.len(),
                resume.site.width,
                resume.rows.len()
            )));
        }
        Ok(rows)
    }
}

/// The state before the edited embedding of every row, `[row, width]`, where there is any.
fn before(what: Edited, resume: &Resume) -> Result<Option<Vec<f32>>> {
    match (what, resume.interchange) {
        (Edited::Embedding, Positions::Individual) => {
            let rows: Vec<i32> = resume.rows.iter().map(|&row| row as i32).collect();
            let of_rows = |layer: &Tensor<2>| values_of(&layer.clone().select(0, indices(&rows, &layer.device())));
            resume.prefix::<States>()?.layers.first().map(of_rows).transpose()
        }
        _ => Ok(None),
    }
}

/// The values of a tensor in row-major order.
fn values_of(tensor: &Tensor<2>) -> Result<Vec<f32>> {
    tensor.clone().inner().try_into_vec_as::<f32>().map_err(|error| Error::Device(error.to_string()))
}
