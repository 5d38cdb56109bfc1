//! How a network reads rows of tokens: what is given at once, its own predictions one by one.

use burn::tensor::{IndexingUpdateOp, Int, Tensor};
use mas_core::At;

use super::Decoder;
use super::layout::Layout;
use super::memory::{Memory, Slots};
use crate::packing::indices;

/// One row of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Its tokens to the last one that is read.
    pub tokens: Vec<u32>,
    /// For each position whether the network's own prediction stands for the token there; never where the row begins.
    pub own: Vec<bool>,
    /// The first position that is read.
    pub begin: usize,
    /// How many positions, the first one among them, have edited activity.
    pub edited: usize,
    /// The first position of which it is wanted what the network says there.
    pub heard: usize,
}

impl Row {
    /// A row that is read as it is given, from its first token.
    pub fn given(tokens: &[u32]) -> Self {
        Self { tokens: tokens.to_vec(), own: vec![false; tokens.len()], begin: 0, edited: 0, heard: 0 }
    }

    /// The first position at which the network reads itself, and all that follow are read one by one.
    fn free(&self) -> usize {
        self.own.iter().position(|&own| own).unwrap_or(self.tokens.len())
    }
}

/// Activity that replaces the natural one.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    /// Where: 0 for the embedding, i + 1 after block i, and one more for the logits.
    pub depth: usize,
    /// What it becomes, row by row, `[vector, width]`.
    pub vectors: Tensor<2>,
}

/// A batch that is being read.
pub(crate) struct Reading<'a, D: Decoder> {
    network: &'a D,
    /// Which row each one is of those that were given, and the row; those with most to read one by one come first.
    rows: Vec<(usize, Row)>,
    edited: Option<Edited>,
    /// For each of the given rows the first of its edited vectors.
    vectors: Vec<usize>,
    /// Of each block.
    memories: Vec<Memory>,
    /// Which slots of the memories can be seen below the edit (everywhere, if there is none), and above it.
    below: Slots,
    above: Slots,
    /// Whether the rows go on from what was read before.
    resumed: bool,
    /// Whether the activity at every depth is handed back, or only the last.
    all_depths: bool,
}

/// What was read.
pub(crate) struct Read {
    /// Which row and position each vector is of.
    pub at: Vec<At>,
    /// Activity, `[vector, width]`, at the last depth that was asked for, or at every one from the embedding on, if that
    /// [was asked for](Reading::with_all_depths).
    pub streams: Vec<Tensor<2>>,
    /// The tokens, `[vector]`.
    pub inputs: Tensor<1, Int>,
}

/// From how many tokens on it pays to leave out what nobody listens to before logits are computed.
const LARGE_VOCABULARY: usize = 2048;

impl<'a, D: Decoder> Reading<'a, D> {
    /// - `edited`: vectors for the edited positions of all rows, in their order
    pub fn new(network: &'a D, rows: Vec<Row>, edited: Option<Edited>) -> Self {
        let mut vectors = Vec::with_capacity(rows.len());
        let mut count = 0;
        for row in &rows {
            vectors.push(count);
            count += row.edited;
        }
        let mut rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.tokens.len() - row.free()));
        let slots = Slots::new(&vec![0; rows.len()], 0);
        let memories = vec![Memory::default(); network.layers()];
        let (below, above) = (slots.clone(), slots);
        Self { network, rows, edited, vectors, memories, below, above, resumed: false, all_depths: false }
    }

    /// Hands back the activity at every depth, of a run without edits.
    pub fn with_all_depths(self) -> Self {
        Self { all_depths: true, ..self }
    }

    /// Goes on from what the network has kept of the positions before a row's first one, and below the edit of that one
    /// too, whose slot comes after theirs.
    ///
    /// - `memories`: of the rows in the order of [`order`](Self::order), a slot for each position from 0
    pub fn resume(self, memories: Vec<Memory>, slots: usize) -> Self {
        let before: Vec<usize> = self.rows.iter().map(|(_, row)| row.begin).collect();
        let with_edited: Vec<usize> = before.iter().map(|count| count + 1).collect();
        let (below, above) = (Slots::new(&with_edited, slots), Slots::new(&before, slots));
        Self { memories, below, above, resumed: true, ..self }
    }

    /// Which of the given rows each one is, in the order in which they are held.
    pub fn order(&self) -> Vec<usize> {
        self.rows.iter().map(|&(row, _)| row).collect()
    }

    /// What has been kept, block by block.
    pub fn into_memories(self) -> Vec<Memory> {
        self.memories
    }

    /// Reads everything to the end. The last of the streams are the logits.
    pub fn finish(mut self) -> Read {
        let Read { mut at, streams, inputs } = self.given(self.network.layers() + 1, None);
        // What each row says last.
        let mut index_of = vec![0; self.rows.len()];
        self.rows.iter().enumerate().for_each(|(index, &(row, _))| index_of[row] = index);
        let mut last = vec![0; self.rows.len()];
        at.iter().enumerate().for_each(|(vector, at)| last[index_of[at.row]] = vector as i32);
        let mut said = streams[streams.len() - 1].clone().select(0, indices(&last, &self.network.device()));

        let (mut parts, mut inputs) = (vec![streams], vec![inputs]);
        for step in 0.. {
            let active = self.rows.partition_point(|(_, row)| row.tokens.len() - row.free() > step);
            if active == 0 {
                break;
            }
            let more = self.one_more(step, active, said);
            said = more.streams[more.streams.len() - 1].clone();
            at.extend(more.at);
            inputs.push(more.inputs);
            parts.push(more.streams);
        }
        let depths = parts[0].len();
        let of_depth = |depth: usize| Tensor::cat(parts.iter().map(|streams| streams[depth].clone()).collect(), 0);
        Read { at, streams: (0..depths).map(of_depth).collect(), inputs: Tensor::cat(inputs, 0) }
    }

    /// Reads what is given, all at once.
    ///
    /// - `upto`: the last depth that is wanted
    /// - `dropout`: of all blocks, each with as many rows as another
    pub fn given(&mut self, upto: usize, dropout: Option<&Tensor<2>>) -> Read {
        let (network, device) = (self.network, self.network.device());
        let layers = network.layers();
        // Below an edit nothing that a resumed run has behind it is read again.
        let upper = self.span(|row| row.begin);
        // Nor is anything, where activity is edited wherever it is read.
        let covered = self.rows.iter().all(|(_, row)| row.begin + row.edited == row.tokens.len());
        let lower = if self.resumed || covered { self.span(|row| row.begin + row.edited) } else { upper.clone() };
        let tokens = |at: &[(usize, usize)]| {
            let token = |&(index, position): &(usize, usize)| self.rows[index].1.tokens[position] as i32;
            indices(&at.iter().map(token).collect::<Vec<_>>(), &device)
        };
        let mut inputs = tokens(&upper);
        let mut stream = (!lower.is_empty()).then(|| network.embed(tokens(&lower), &positions_of(&lower)));
        let edited_depth = self.edited.as_ref().map(|edited| edited.depth);
        // What nobody listens to has no logits where these cost much.
        let leaves_out = upto > layers && network.vocabulary() >= LARGE_VOCABULARY;
        let heard: Option<Vec<usize>> = (leaves_out && edited_depth.is_none_or(|edited| edited <= layers)).then(|| {
            let listened = |&vector: &usize| upper[vector].1 >= self.rows[upper[vector].0].1.heard;
            (0..upper.len()).filter(listened).collect()
        });
        let heard = heard.filter(|heard| heard.len() < upper.len());
        let heard_vectors = heard.as_ref().map(|heard| {
            let heard: Vec<i32> = heard.iter().map(|&vector| vector as i32).collect();
            indices(&heard, &device)
        });
        let mut layout: Option<Layout> = None;
        let mut streams = Vec::new();
        for depth in 0..=upto {
            let above = edited_depth.is_some_and(|edited| depth > edited);
            let (at, slots) = if above { (&upper, &mut self.above) } else { (&lower, &mut self.below) };
            stream = stream.map(|stream| match depth {
                0 => stream,
                _ if depth > layers => network.logits(match &heard_vectors {
                    Some(heard) => stream.select(0, heard.clone()),
                    None => stream,
                }),
                _ => {
                    let layout = layout.get_or_insert_with(|| {
                        let layout = Layout::new(at, slots, network.rotary(), &device);
                        slots.extend(at, layout.queries());
                        layout
                    });
                    let dropout = dropout.map(|factors| {
                        let rows = factors.dims()[0] / layers;
                        factors.clone().narrow(0, (depth - 1) * rows, rows)
                    });
                    network.block(depth - 1, stream, layout, &mut self.memories[depth - 1], dropout)
                }
            });
            if edited_depth == Some(depth) {
                stream = self.with_edits(stream, &upper);
                layout = None;
            }
            if !self.all_depths {
                streams.clear();
            }
            streams.extend(stream.clone());
        }
        let upper = match &heard {
            Some(heard) => heard.iter().map(|&vector| upper[vector]).collect(),
            None => upper,
        };
        if let Some(heard) = heard_vectors {
            inputs = inputs.select(0, heard);
        }
        let at = upper.iter().map(|&(index, position)| At { row: self.rows[index].0, position }).collect();
        Read { at, streams, inputs }
    }

    /// Every position that is given, row by row from where `begin` says, as index of the row and position.
    fn span(&self, begin: impl Fn(&Row) -> usize) -> Vec<(usize, usize)> {
        let of_row = |(index, (_, row)): (usize, &(usize, Row))| {
            (begin(row)..row.free()).map(|position| (index, position)).collect::<Vec<_>>()
        };
        self.rows.iter().enumerate().flat_map(of_row).collect()
    }

    /// Puts the edited vectors in.
    ///
    /// - `natural`: at all of `upper`, or, in a resumed run, at those of them that are not edited
    /// - `upper`: index of the row and position
    fn with_edits(&self, natural: Option<Tensor<2>>, upper: &[(usize, usize)]) -> Option<Tensor<2>> {
        let Some(Edited { vectors, .. }) = &self.edited else { return natural };
        let edits = vectors.dims()[0];
        let mut others = 0;
        let mut chosen = Vec::with_capacity(upper.len());
        for (vector, &(index, position)) in upper.iter().enumerate() {
            let (row, Row { begin, edited, .. }) = &self.rows[index];
            chosen.push(if position < begin + edited {
                self.vectors[*row] + position - begin
            } else {
                others += 1;
                edits + if self.resumed { others - 1 } else { vector }
            } as i32);
        }
        let mut all = vec![vectors.clone()];
        all.extend(natural);
        Some(Tensor::cat(all, 0).select(0, indices(&chosen, &self.network.device())))
    }

    /// Reads one more position of each of the first `active` rows, as given or as predicted.
    ///
    /// - `said`: logits at the position before, of at least these rows, `[row, vocabulary]`
    fn one_more(&mut self, step: usize, active: usize, said: Tensor<2>) -> Read {
        self.keep_first(active);
        let device = self.network.device();
        let (mut at, mut given, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (_, row)) in self.rows[..active].iter().enumerate() {
            let position = row.free() + step;
            at.push((index, position));
            given.push(if row.own[position] { 0 } else { row.tokens[position] as i32 });
            own.extend(row.own[position].then_some(index as i32));
        }
        let mut inputs = indices(&given, &device);
        if !own.is_empty() {
            // A prediction that is fed back is added to a zero.
            let own = indices(&own, &device);
            let predictions = said.inner().select(0, own.clone()).argmax(1).squeeze_dim(1);
            inputs = inputs.select_assign(0, own, predictions, IndexingUpdateOp::Add);
        }
        self.advance(at, inputs)
    }

    /// Goes on with the first rows only.
    pub fn keep_first(&mut self, rows: usize) {
        self.memories.iter_mut().for_each(|memory| memory.truncate(rows));
        self.below.truncate(rows);
        self.above.truncate(rows);
    }

    /// Reads one more token of every row that is kept.
    ///
    /// - `at`: index of the row and position of each
    /// - `inputs`: the tokens, `[row]`
    pub fn advance(&mut self, at: Vec<(usize, usize)>, inputs: Tensor<1, Int>) -> Read {
        let (network, device) = (self.network, self.network.device());
        let layers = network.layers();
        let edited_depth = self.edited.as_ref().map_or(layers, |edited| edited.depth);
        let layouts = [&self.below, &self.above].map(|slots| Layout::new(&at, slots, network.rotary(), &device));
        let mut stream = network.embed(inputs.clone(), &positions_of(&at));
        let mut streams = Vec::new();
        for (layer, memory) in self.memories.iter_mut().enumerate() {
            if self.all_depths {
                streams.push(stream.clone());
            }
            stream = network.block(layer, stream, &layouts[usize::from(layer >= edited_depth)], memory, None);
        }
        if self.all_depths {
            streams.push(stream.clone());
        }
        streams.push(network.logits(stream));
        self.below.extend(&at, 1);
        self.above.extend(&at, 1);
        let at = at.into_iter().map(|(index, position)| At { row: self.rows[index].0, position }).collect();
        Read { at, streams, inputs }
    }
}

/// The positions of vectors that are given as index of the row and position.
fn positions_of(at: &[(usize, usize)]) -> Vec<usize> {
    at.iter().map(|&(_, position)| position).collect()
}
