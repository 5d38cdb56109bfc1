use burn::prelude::*;
use mas_core::{
    AlignmentFunction, At, Continuation, Edit, Error, Network, Positions, Prefix, Recorded, Result, Resume, Site,
    Trials, alignment::Orthogonal,
};

/// A linear network that counts: `B`, any of `A` and `O`, `T`, then the number of `A`s as a digit, then `E`.
///
/// Its state is the sum of one vector for each token it has read (site `input`), so the state at any position (site
/// `state`) is the number of `A`s, the number of `O`s and the phase, each along a direction of its own; the read-out is
/// linear too. Everything is worked out on the host but what an edit may need a gradient through.
pub struct Tally {
    name: String,
    width: usize,
    /// For each token the vector that it adds, `[vocabulary, width]`.
    inputs: Vec<Vec<f32>>,
    /// `[width, vocabulary]`.
    read_out: Vec<Vec<f32>>,
    bias: Vec<f32>,
    /// Orthonormal; the first rows are the directions of the count, the others' count and the phase.
    directions: Tensor<2>,
}

pub const PAD: u32 = 0;
pub const B: u32 = 1;
pub const E: u32 = 2;
pub const A: u32 = 3;
pub const O: u32 = 4;
pub const T: u32 = 5;
/// The digit 0; the others follow, up to [`MOST`].
pub const DIGIT: u32 = 6;
/// The largest number of `A`s.
pub const MOST: u32 = 5;
const VOCABULARY: usize = (DIGIT + MOST + 1) as usize;

/// The states before the edited positions, of every trial.
struct Before(Vec<Vec<f32>>);

impl Tally {
    /// A network whose directions are drawn with `seed`.
    pub fn new(name: &str, width: usize, seed: u64) -> Self {
        let directions = Orthogonal::random(width, seed, &Device::flex()).base().clone().transpose();
        let rows: Vec<f32> = directions.clone().try_into_vec_as::<f32>().unwrap();
        let along = |direction: usize| &rows[direction * width..][..width];
        let (count, others, phase) = (along(0), along(1), along(2));
        let scaled = |vector: &[f32], by: f32| vector.iter().map(|value| value * by).collect::<Vec<f32>>();
        let inputs = (0..VOCABULARY as u32)
            .map(|token| match token {
                A => scaled(count, 1.0),
                O => scaled(others, 1.0),
                T | DIGIT.. => scaled(phase, 1.0),
                _ => vec![0.0; width],
            })
            .collect();
        // (per A, per step of the phase, constant): demonstrations in phase 0, the nearest digit in phase 1, E in 2.
        let (slopes, bias): (Vec<[f32; 2]>, Vec<f32>) = (0..VOCABULARY as u32)
            .map(|token| match token {
                A | O | T => ([0.0, -16.0], 8.0),
                E => ([0.0, 16.0], -24.0),
                DIGIT.. => {
                    let digit = (token - DIGIT) as f32;
                    ([0.4 * digit, 0.0], -0.2 * digit * digit)
                }
                _ => ([0.0, 0.0], -40.0),
            })
            .unzip();
        let read_out = (0..width)
            .map(|unit| {
                slopes.iter().map(|[by_count, by_phase]| by_count * count[unit] + by_phase * phase[unit]).collect()
            })
            .collect();
        Self { name: name.into(), width, inputs, read_out, bias, directions }
    }

    /// The rotation whose first aligned coordinate is the count, found without a fit.
    pub fn solution(&self) -> AlignmentFunction {
        let base = self.directions.clone().transpose();
        AlignmentFunction::new(Orthogonal::from_parts(base.clone(), base.zeros_like()).unwrap())
    }

    /// The direction of the count (0), of the others' count (1) and of the phase (2), `[1, width]`.
    pub fn direction(&self, index: usize) -> Tensor<2> {
        self.directions.clone().narrow(0, index, 1)
    }

    /// What each logit gains with each coordinate of the state, `[width, vocabulary]`.
    pub fn read_out(&self) -> Tensor<2> {
        matrix(self.read_out.clone(), VOCABULARY)
    }

    /// The same network with a tally that overflows on `A`.
    pub fn broken(mut self) -> Self {
        self.inputs[A as usize].fill(f32::NAN);
        self
    }

    fn logits(&self, state: &[f32]) -> Vec<f32> {
        let mut logits = self.bias.clone();
        for (value, weights) in state.iter().zip(&self.read_out) {
            logits.iter_mut().zip(weights).for_each(|(logit, weight)| *logit += value * weight);
        }
        logits
    }

    fn says(&self, state: &[f32]) -> u32 {
        let logits = self.logits(state);
        (0..VOCABULARY).fold(0, |best, token| if logits[token] > logits[best] { token } else { best }) as u32
    }

    /// The state before `position`.
    fn before(&self, tokens: &[u32], position: usize) -> Vec<f32> {
        let mut state = vec![0.0; self.width];
        tokens[..position].iter().for_each(|&token| add(&mut state, &self.inputs[token as usize]));
        state
    }

    fn check(&self, site: &Site, trials: &Trials) -> Result<()> {
        if self.site(&site.name)?.width != site.width {
            return Err(Error::invalid(format!("site `{}` has width {}", site.name, self.width)));
        }
        match (0..trials.len()).flat_map(|trial| trials.tokens(trial)).find(|&&token| token as usize >= VOCABULARY) {
            Some(token) => Err(Error::invalid(format!("`{}` has no token {token}", self.name))),
            None => Ok(()),
        }
    }

    /// Edits the states of stepwise interchanges one after the other; what they are in the end, `[row, width]`.
    fn edit_in_order(&self, resume: &Resume, edit: &dyn Fn(&[At], Tensor<2>) -> Tensor<2>) -> Tensor<2> {
        let mut states = vec![matrix(vec![vec![0.0; self.width]], self.width); resume.rows.len()];
        for position in 0..=resume.positions.iter().copied().max().unwrap_or(0) {
            let rows: Vec<usize> = (0..states.len()).filter(|&row| position <= resume.position(row)).collect();
            if rows.is_empty() {
                continue;
            }
            let at: Vec<At> = rows.iter().map(|&row| At { row, position }).collect();
            let inputs = rows.iter().map(|&row| self.inputs[resume.tokens(row)[position] as usize].clone()).collect();
            let before = Tensor::cat(rows.iter().map(|&row| states[row].clone()).collect(), 0);
            let edited = edit(&at, before + matrix(inputs, self.width));
            rows.iter().enumerate().for_each(|(index, &row)| states[row] = edited.clone().narrow(0, index, 1));
        }
        Tensor::cat(states, 0)
    }
}

fn add(state: &mut [f32], vector: &[f32]) {
    state.iter_mut().zip(vector).for_each(|(state, value)| *state += value);
}

fn matrix(rows: Vec<Vec<f32>>, columns: usize) -> Tensor<2> {
    let shape = [rows.len(), columns];
    Tensor::from_data(TensorData::new(rows.concat(), shape), &Device::flex())
}

impl Recorded for Tally {
    fn name(&self) -> &str {
        &self.name
    }

    fn sites(&self) -> Vec<Site> {
        vec![Site::new("input", self.width), Site::new("state", self.width)]
    }

    fn carries_state(&self, site: &Site) -> bool {
        site.name == "state"
    }

    fn read(&self, site: &Site, trials: &Trials, at: &[(usize, usize)]) -> Result<Tensor<2>> {
        self.check(site, trials)?;
        let exists = |&(trial, position): &(usize, usize)| trial < trials.len() && position < trials.length(trial);
        if let Some((trial, position)) = at.iter().find(|at| !exists(at)) {
            return Err(Error::invalid(format!("there is no position {position} of trial {trial}")));
        }
        let vector = |&(trial, position): &(usize, usize)| {
            let tokens = trials.tokens(trial);
            match site.name.as_str() {
                "input" => self.inputs[tokens[position] as usize].clone(),
                _ => self.before(tokens, position + 1),
            }
        };
        Ok(matrix(at.iter().map(vector).collect(), self.width))
    }
}

impl Network for Tally {
    fn device(&self) -> Device {
        Device::flex()
    }

    fn prepare(&self, site: &Site, trials: &Trials, positions: &[usize]) -> Result<Prefix> {
        self.check(site, trials)?;
        let exists = |(trial, &position): (usize, &usize)| position < trials.length(trial);
        if positions.len() != trials.len() || !positions.iter().enumerate().all(exists) {
            return Err(Error::invalid("not one position of each trial"));
        }
        let before = |(trial, &position): (usize, &usize)| self.before(trials.tokens(trial), position);
        Ok(Prefix::new(Before(positions.iter().enumerate().map(before).collect())))
    }

    fn resume(&self, resume: &Resume, edit: Edit) -> Result<Continuation> {
        self.check(resume.site, resume.trials)?;
        resume.check()?;
        if resume.rows.is_empty() {
            return Err(Error::invalid("no trial to resume"));
        }
        if resume.interchange == Positions::Individual && resume.prefix::<Before>()?.0.len() != resume.trials.len() {
            return Err(Error::invalid("the prefix is of other trials"));
        }
        let on_state = resume.site.name == "state";
        let stepwise = resume.interchange == Positions::Stepwise;
        // At the state only the last of stepwise edits is seen by what follows.
        let (edited, first) = match edit {
            Edit::Known(edited) if !(stepwise && on_state) => (edited, stepwise.then_some(0)),
            Edit::Sequential(edit) if stepwise && on_state => (self.edit_in_order(resume, edit), None),
            _ => return Err(Error::invalid("stepwise interchanges at the state, and no others, are sequential")),
        };
        let vectors: usize =
            (0..resume.rows.len()).map(|row| resume.position(row) + 1 - first.unwrap_or(resume.position(row))).sum();
        if edited.dims() != [vectors, self.width] {
            return Err(Error::invalid(format!("{:?} is no edit of {vectors} vectors", edited.dims())));
        }
        let host: Vec<f32> = edited.clone().inner().try_into_vec_as::<f32>().unwrap();

        // The state at each output is a sum of some edited vectors and of what is known.
        let (mut at, mut chosen, mut known) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = 0;
        for row in 0..resume.rows.len() {
            let last = resume.position(row);
            let mut sum = match (on_state, stepwise) {
                (false, false) => resume.prefix::<Before>()?.0[resume.rows[row]].clone(),
                _ => vec![0.0; self.width],
            };
            let mut state = sum.clone();
            let mut taken = vec![0.0; vectors];
            for position in first.unwrap_or(last)..resume.tokens(row).len() - 1 {
                if position <= last {
                    taken[next] = 1.0;
                    add(&mut state, &host[next * self.width..][..self.width]);
                    next += 1;
                } else {
                    let own = resume.free_running && resume.response(row)[position];
                    let token = if own { self.says(&state) } else { resume.tokens(row)[position] };
                    add(&mut state, &self.inputs[token as usize]);
                    add(&mut sum, &self.inputs[token as usize]);
                }
                if position >= last {
                    at.push(At { row, position });
                    chosen.push(taken.clone());
                    known.push(sum.clone());
                }
            }
        }
        let states = matrix(chosen, vectors).matmul(edited) + matrix(known, self.width);
        let logits =
            states.matmul(matrix(self.read_out.clone(), VOCABULARY)) + matrix(vec![self.bias.clone()], VOCABULARY);
        Ok(Continuation { logits, at })
    }
}
