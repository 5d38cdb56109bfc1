//! A network of your own: all that Model Alignment Search asks of it is the two traits `Recorded` and `Network`.
//!
//! This one is none that the workspace knows: a weighted automaton. Every token multiplies its state by a matrix of the
//! token's own, and it counts by turning a vector: forth for a demonstration, back for a response. Two of them, with states
//! of different widths and in different coordinates, are aligned by what they do.
//!
//! `cargo run --release --package mas-core --features flex --example own_network`

use burn::{prelude::*, tensor::IndexingUpdateOp};
use mas_core::{
    Alignment, At, Continuation, Edit, Exchange, Fit, FitConfig, FunctionConfig, Member, Method, Network, Pairs,
    Participant, Population, Positions, Prefix, Recorded, Result, Resume, Setting, Site, Subspaces, Swap, Trials,
    accuracy, alignment::Orthogonal, all_directions, evaluate,
};
use mas_tasks::{PairConfig, Sequence, Split, Task, TaskConfig, TaskKind, Variable, Vocabulary};

struct Automaton {
    name: String,
    /// `[1, width]`.
    start: Tensor<2>,
    /// What each token does, `[token, width, width]`.
    steps: Tensor<3>,
    /// `[width, token]`.
    read_out: Tensor<2>,
}

impl Automaton {
    fn step(&self, states: Tensor<2>, tokens: &[u32]) -> Tensor<2> {
        let ids: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
        let steps = self.steps.clone().select(0, Tensor::from_data(ids.as_slice(), &states.device().inner()));
        states.unsqueeze_dim::<3>(1).matmul(steps).squeeze_dim(1)
    }
}

// What a network needs.
impl Recorded for Automaton {
    fn name(&self) -> &str {
        &self.name
    }

    fn sites(&self) -> Vec<Site> {
        vec![Site { name: "state".to_owned(), width: self.start.dims()[1] }]
    }

    fn read(&self, _site: &Site, trials: &Trials, at: &[(usize, usize)]) -> Result<Tensor<2>> {
        let run = |&(trial, position): &(usize, usize)| {
            let tokens = &trials.tokens(trial)[..=position];
            tokens.iter().fold(self.start.clone(), |state, &token| self.step(state, &[token]))
        };
        Ok(Tensor::cat(at.iter().map(run).collect(), 0))
    }
}

impl Network for Automaton {
    fn device(&self) -> Device {
        self.start.device()
    }

    /// A faster network keeps the states up to the interchange; this one goes through them again.
    fn prepare(&self, _site: &Site, _trials: &Trials, _positions: &[usize]) -> Result<Prefix> {
        Ok(Prefix::new(()))
    }

    fn resume(&self, resume: &Resume, edit: Edit) -> Result<Continuation> {
        resume.check()?;
        let mut heard: Vec<Vec<u32>> = (0..resume.rows.len()).map(|row| resume.tokens(row).to_vec()).collect();
        let (exchanged, device) = (resume.exchanged(), self.device());
        let mut states = self.start.clone().repeat_dim(0, heard.len());
        let (mut at, mut logits) = (Vec::new(), Vec::new());
        for position in 0..heard.iter().map(|tokens| tokens.len() - 1).max().unwrap_or(0) {
            let tokens: Vec<u32> = heard.iter().map(|tokens| tokens.get(position).copied().unwrap_or(0)).collect();
            states = self.step(states, &tokens);
            let edited: Vec<usize> = (0..exchanged.len()).filter(|&i| exchanged[i].position == position).collect();
            if !edited.is_empty() {
                let these: Vec<At> = edited.iter().map(|&i| exchanged[i]).collect();
                let places = index(these.iter().map(|at| at.row), &device);
                let natural = states.clone().select(0, places.clone());
                let becomes = match &edit {
                    Edit::Known(vectors) => vectors.clone().select(0, index(edited, &device)),
                    Edit::Sequential(edit) => edit(&these, natural.clone()),
                };
                states = states.select_assign(0, places, becomes - natural, IndexingUpdateOp::Add);
            }
            let speaks = |&row: &usize| (resume.position(row)..heard[row].len() - 1).contains(&position);
            let speaking: Vec<usize> = (0..heard.len()).filter(speaks).collect();
            let spoken = states.clone().select(0, index(speaking.clone(), &device)).matmul(self.read_out.clone());
            let likely = spoken.clone().inner().argmax(1).into_data();
            for (row, token) in speaking.into_iter().zip(likely.iter::<i64>()) {
                if resume.free_running && resume.response(row)[position + 1] {
                    heard[row][position + 1] = token as u32;
                }
                at.push(At { row, position });
            }
            logits.push(spoken);
        }
        Ok(Continuation { logits: Tensor::cat(logits, 0), at })
    }
}

fn index(places: impl IntoIterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let places: Vec<i32> = places.into_iter().map(|place| place as i32).collect();
    Tensor::from_data(places.as_slice(), &device.clone().inner())
}

/// An automaton that does the task. Its first coordinates are the angle's cosine and sine, whether it answers, and a one;
/// then all are mixed by a rotation that is drawn with `seed`.
fn automaton(name: &str, width: usize, words: &Vocabulary, seed: u64, device: &Device) -> Automaton {
    let angle = std::f32::consts::TAU / 23.0;
    let turned = |angle: f32| {
        let (c, s) = (angle.cos(), angle.sin());
        [[c, s, 0., 0.], [-s, c, 0., 0.], [0., 0., 1., 0.], [0., 0., 0., 1.]]
    };
    let answers = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.], [0., 0., 1., 1.]];
    // After the trigger, the end where the angle is nearer to none than to one step, and a response elsewhere.
    let (sharp, nearer, never) = (100.0, 100.0 * (angle / 2.0).cos(), 250.0);
    let mut steps = vec![turned(0.0); words.len()];
    let mut says = vec![[0., 0., 0., -never]; words.len()];
    for &token in words.demonstrations() {
        (steps[token as usize], says[token as usize]) = (turned(angle), [0., 0., -never, 0.]);
    }
    for &token in words.responses() {
        (steps[token as usize], says[token as usize]) = (turned(-angle), [-sharp, 0., never, nearer - never]);
    }
    if let Some(trigger) = words.trigger() {
        (steps[trigger as usize], says[trigger as usize]) = (answers, [0., 0., -never, -1.]);
    }
    says[words.end() as usize] = [sharp, 0., never, -nearer - never];

    let mixed = Orthogonal::random(width, seed, device).base().clone();
    let rest = width - 4;
    let matrix = |block: [[f32; 4]; 4]| {
        let whole = Tensor::eye(width, device).slice_assign([0..4, 0..4], Tensor::from_floats(block, device));
        mixed.clone().transpose().matmul(whole).matmul(mixed.clone()).unsqueeze_dim::<3>(0)
    };
    let row = |block: [f32; 4]| Tensor::<2>::from_floats([block], device).pad((0, rest, 0, 0), 0.0);
    let says = Tensor::cat(says.into_iter().map(row).collect(), 0);
    Automaton {
        name: name.to_owned(),
        start: row([1., 0., 0., 1.]).matmul(mixed.clone()),
        steps: Tensor::cat(steps.into_iter().map(matrix).collect(), 0),
        read_out: says.matmul(mixed.clone()).transpose(),
    }
}

/// Interchanges of the task in the networks' tokens, which are the task's.
fn pairs(task: &Task, split: Split, count: usize, seed: u64) -> Pairs {
    let config = PairConfig::new(task.clone(), task.clone(), Variable::Full);
    let drawn =
        config.with_split(split).with_count(count).with_seed(seed).pairs().expect("the task has such pairs").pairs;
    let trials = |of: fn(&mas_tasks::Pair) -> &Sequence| {
        let sequences = drawn.iter().map(of).map(|one| (one.tokens.as_slice(), one.response.as_slice()));
        Trials::new(sequences, task.vocabulary().pad()).expect("sequences have tokens")
    };
    Pairs {
        source: trials(|pair| &pair.source),
        source_positions: drawn.iter().map(|pair| pair.source_position).collect(),
        target: trials(|pair| &pair.target),
        target_positions: drawn.iter().map(|pair| pair.target_position).collect(),
        counterfactual: trials(|pair| &pair.counterfactual),
        changed: drawn.iter().map(|pair| pair.changed).collect(),
        untrained_count: vec![false; count],
        natural: None,
    }
}

fn exchanges(data: &[Pairs]) -> Vec<Exchange<'_>> {
    let exchange = |(direction, pairs)| Exchange { direction, subspace: 0, pairs };
    all_directions(2).into_iter().zip(data).map(exchange).collect()
}

/// Aligns two automata and returns IIA over changed held-out pairs before and after the fit, the lowest of all directions.
fn aligned() -> Result<[f64; 2]> {
    let (device, task) = (Device::flex(), TaskConfig::new(TaskKind::MultiObject).build().expect("a task"));
    let networks = [("narrow", 4, 1), ("wide", 6, 2)]
        .map(|(name, width, seed)| automaton(name, width, task.vocabulary(), seed, &device));
    let participants = networks.iter().map(|one| Participant::live(one, "state")).collect::<Result<Vec<_>>>()?;

    let data = |split, count, seed| {
        (0..4_u64).map(|direction| pairs(&task, split, count, seed + direction)).collect::<Vec<_>>()
    };
    let (training, validation) = (data(Split::Training, 600, 10), data(Split::Training, 100, 20));
    let held_out = data(Split::HeldOut, 200, 30);
    let member = |network: &Automaton| {
        let site = network.site("state")?;
        let function = FunctionConfig::default().init(site.width, 4, 7, None, &device)?;
        Ok(Member { network: network.name.clone(), site, function })
    };
    let members = networks.iter().map(member).collect::<Result<Vec<_>>>()?;
    let start = Alignment::new(members, Subspaces::new([("full", 4)])?)?;

    let lowest = |alignment: &Alignment| -> Result<f64> {
        let (setting, exchanges) = (Setting::default(), exchanges(&held_out));
        let outcomes = evaluate(&participants, alignment, setting, &exchanges, Swap::Interchange)?;
        let iia = |(outcomes, pairs)| accuracy(outcomes, pairs, Population::Changed).iia();
        Ok(outcomes.iter().map(Vec::as_slice).zip(&held_out).map(iia).fold(1.0, f64::min))
    };
    let before = lowest(&start)?;
    let objective = Method::Mas.objective(2)?;
    let fit = Fit {
        participants: participants.clone(),
        setting: Setting { positions: Positions::Individual, retain: objective.retain },
        training: exchanges(&training),
        validation: exchanges(&validation),
        objective,
        config: FitConfig { batch: 32, learning_rate: 0.02, max_steps: 800, ..FitConfig::default() },
    };
    let fitted = fit.run(start, None, &mut |_| Ok(()))?;
    Ok([before, lowest(&fitted.alignment)?])
}

fn main() -> Result<()> {
    let [before, after] = aligned()?;
    println!("IIA, the lowest of four directions: {before:.3} before the fit, {after:.3} after it");
    Ok(())
}

#[test]
fn two_automata_are_aligned_by_what_they_do() {
    let [before, after] = aligned().unwrap();
    assert!(before < 0.3 && after > 0.9, "{before} {after}");
}
