//! Whole runs over packed trials.

use burn::tensor::Tensor;
use mas_core::{At, Trials};

use super::Decoder;
use super::reading::{Read, Reading, Row};
use crate::Result;
use crate::packing::{PackedTrials, indices};
use crate::run::{Feedback, Rollout, Run, check_context, check_tokens};

/// Runs a network over every token of `trials`; [`Run::hidden`] is the residual stream after each block.
///
/// # Errors
/// No trials, a token outside the vocabulary, or more of them than the network can read.
pub(crate) fn run<D: Decoder>(network: &D, trials: &Trials, feedback: Feedback) -> Result<Run> {
    check_tokens(trials, network.vocabulary())?;
    check_context(trials, network.context())?;
    let rows: Vec<usize> = (0..trials.len()).collect();
    let packed = PackedTrials::all(trials, &rows);
    let (rollout, logits) = rollout(network, &packed, feedback);
    Ok(Run::unpack(trials, &packed.packing, rollout, logits))
}

/// The residual stream after each block, and the logits, `[Σ active, vocabulary]`.
pub(crate) fn rollout<D: Decoder>(network: &D, trials: &PackedTrials, feedback: Feedback) -> (Rollout, Tensor<2>) {
    let read = Reading::new(network, rows_of(trials, feedback), None).with_all_depths().finish();
    let mut vectors = vec![0; read.at.len()];
    let packed = packed_rows(trials, &read.at);
    packed.into_iter().enumerate().for_each(|(vector, row)| vectors[row] = vector as i32);
    let order = indices(&vectors, &network.device());
    let mut streams: Vec<Tensor<2>> =
        read.streams.into_iter().skip(1).map(|stream| stream.select(0, order.clone())).collect();
    let logits = streams.split_off(network.layers()).swap_remove(0);
    (Rollout { hidden: streams, inputs: read.inputs.select(0, order) }, logits)
}

/// The logits of a teacher-forced run, `[vector, vocabulary]`, and the packed row that each of them is of.
///
/// - `dropout`: factors of all blocks, of a network that has dropout
pub(crate) fn teacher_forced<D: Decoder>(
    network: &D,
    trials: &PackedTrials,
    dropout: Option<&Tensor<2>>,
) -> (Tensor<2>, Vec<usize>) {
    let mut reading = Reading::new(network, rows_of(trials, Feedback::TeacherForced), None);
    let Read { at, mut streams, .. } = reading.given(network.layers() + 1, dropout);
    (streams.swap_remove(0), packed_rows(trials, &at))
}

/// Packed trials as rows, in the order of the packing.
fn rows_of(trials: &PackedTrials, feedback: Feedback) -> Vec<Row> {
    let packing = &trials.packing;
    let of_row = |row: usize| {
        let steps = (0..packing.time()).take_while(|&step| row < packing.active(step));
        let at: Vec<usize> = steps.map(|step| packing.offset(step) + row).collect();
        let own = |(step, &at): (usize, &usize)| feedback == Feedback::FreeRunning && step > 0 && trials.response[at];
        Row {
            tokens: at.iter().map(|&at| trials.tokens[at] as u32).collect(),
            own: at.iter().enumerate().map(own).collect(),
            begin: 0,
            edited: 0,
            heard: 0,
        }
    };
    (0..packing.active(0)).map(of_row).collect()
}

/// The packed row of each vector.
fn packed_rows(trials: &PackedTrials, at: &[At]) -> Vec<usize> {
    at.iter().map(|at| trials.packing.offset(at.position) + at.row).collect()
}
