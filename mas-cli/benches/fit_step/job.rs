//! Fits between trained GRUs of width 128 at `hidden`, the last state, with individual interchanges.

use std::{path::Path, time::Instant};

use burn::tensor::Device;
use cpu_time::ProcessTime;
use mas_core::{
    Alignment, AlignmentFunction, Exchange, Fit, FitConfig, Fitted, Member, Method, Pairs, Participant, Setting,
    Subspaces, Trials,
    alignment::Orthogonal,
    fit::{Event, StopRule},
};
use mas_models::{
    Frozen,
    import::{ImportOptions, import},
};
use mas_tasks::{Pair, PairConfig, Sequence, Task, TaskConfig, TaskKind, Variable};

pub const WIDTH: usize = 128;

/// Steps that are not measured, while memory is asked for and caches fill.
const WARM_UP: usize = 10;

/// A fit whose steps are measured.
pub struct Job {
    pub method: Method,
    pub networks: Vec<Frozen>,
    pub pairs: Pairs,
    pub batch: usize,
    pub k: usize,
}

/// What a step takes, in seconds.
pub struct Times {
    /// Of all threads.
    pub cpu: Quantiles,
    pub wall: Quantiles,
}

pub struct Quantiles {
    pub least: f64,
    /// A quarter of the steps take less: steps that were disturbed do not count.
    pub quarter: f64,
    pub median: f64,
}

impl Job {
    /// Two networks in all four directions, 128 pairs each, k = 32.
    pub fn reference() -> Self {
        Self { method: Method::Mas, networks: networks(2), pairs: pairs(1000, 0), batch: 128, k: 32 }
    }

    pub fn directions(&self) -> usize {
        self.method.objective(self.networks.len()).expect("networks that the method takes").behaviour.len()
    }

    /// Positions that the targets run in a step, on average.
    pub fn row_steps(&self) -> f64 {
        let pairs = &self.pairs;
        let remaining = |pair: usize| (pairs.counterfactual.length(pair) - 1 - pairs.target_positions[pair]) as f64;
        (0..pairs.len()).map(remaining).sum::<f64>() / pairs.len() as f64 * (self.batch * self.directions()) as f64
    }

    /// Measures so many steps on so many threads.
    pub fn measure(&self, steps: usize, threads: usize) -> Times {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let (mut cpu, mut wall) = (Vec::new(), Vec::new());
            let mut last: Option<(ProcessTime, Instant)> = None;
            self.run(WARM_UP + steps, &mut |step| {
                if let (true, Some((before_cpu, before_wall))) = (step > WARM_UP, last) {
                    cpu.push(before_cpu.elapsed().as_secs_f64());
                    wall.push(before_wall.elapsed().as_secs_f64());
                }
                last = Some((ProcessTime::now(), Instant::now()));
            });
            Times { cpu: Quantiles::of(cpu), wall: Quantiles::of(wall) }
        })
    }

    /// Takes so many steps.
    pub fn run(&self, steps: usize, after_step: &mut dyn FnMut(usize)) {
        // One validation, of a few pairs, before the first step and one after the last.
        let few = pairs(8, 1);
        let config = FitConfig { batch: self.batch, max_steps: steps, evaluate_every: steps, ..FitConfig::default() };
        let exchanges = |pairs| {
            let objective = self.method.objective(self.networks.len()).expect("networks that the method takes");
            objective.behaviour.into_iter().map(move |direction| Exchange { direction, subspace: 0, pairs }).collect()
        };
        fit(self.method, &self.networks, self.k, config, exchanges(&self.pairs), exchanges(&few), &mut |event| {
            if let Event::Step { step, .. } = event {
                after_step(step);
            }
        });
    }
}

impl Quantiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { least: values[0], quarter: values[values.len() / 4], median: values[values.len() / 2] }
    }
}

/// One fit from random rotations.
pub fn fit(
    method: Method,
    networks: &[Frozen],
    k: usize,
    config: FitConfig,
    training: Vec<Exchange>,
    validation: Vec<Exchange>,
    on_event: &mut dyn FnMut(Event),
) -> Fitted {
    let participants: Vec<Participant> =
        networks.iter().map(|network| Participant::live(network, "hidden").expect("a site")).collect();
    let member = |(seed, participant): (usize, &Participant)| Member {
        network: participant.name().to_owned(),
        site: participant.site().clone(),
        function: AlignmentFunction::new(Orthogonal::random(WIDTH, seed as u64, &Device::flex())),
    };
    let members = participants.iter().enumerate().map(member).collect();
    let alignment = Alignment::new(members, Subspaces::new([("full", k)]).expect("a subspace")).expect("a start");
    let objective = method.objective(networks.len()).expect("networks that the method takes");
    let setting = Setting { retain: objective.retain, ..Setting::default() };
    Fit { participants, setting, training, validation, objective, config }
        .run(alignment, None, &mut |event| {
            on_event(event);
            Ok(())
        })
        .expect("a fit")
}

/// A stop rule that waits for `mark` once and never gives up.
pub fn until(mark: f64) -> StopRule {
    StopRule { mark, running: 1, patience: usize::MAX, ..StopRule::default() }
}

/// GRUs that do Multi-Object; from the third on those before again, under other names.
pub fn networks(count: usize) -> Vec<Frozen> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures");
    let load = |index: usize| {
        let file = ["gru_multiobject_seed12345", "gru_multiobject_seed23456"][index % 2];
        let path = fixtures.join(file).join("state_dict.safetensors");
        let imported = import(path, &ImportOptions::default(), &Device::flex()).expect("a network");
        Frozen::new(format!("gru-{index}"), imported.network.recurrent().expect("a GRU").clone())
    };
    (0..count).map(load).collect()
}

/// Multi-Object.
pub fn task() -> Task {
    TaskConfig::new(TaskKind::MultiObject).build().expect("a task")
}

/// Individual interchanges of all variables at once. The networks have the task's own vocabulary.
pub fn pairs(count: usize, seed: u64) -> Pairs {
    let config = PairConfig::new(task(), task(), Variable::Full).with_count(count).with_seed(seed);
    let pairs = config.pairs().expect("pairs").pairs;
    let trials = |of: fn(&Pair) -> &Sequence| {
        let sequence = |pair| {
            let Sequence { tokens, response, .. } = of(pair);
            (tokens.as_slice(), response.as_slice())
        };
        Trials::new(pairs.iter().map(sequence), 0).expect("whole sequences")
    };
    Pairs {
        source: trials(|pair| &pair.source),
        source_positions: pairs.iter().map(|pair| pair.source_position).collect(),
        target: trials(|pair| &pair.target),
        target_positions: pairs.iter().map(|pair| pair.target_position).collect(),
        counterfactual: trials(|pair| &pair.counterfactual),
        changed: pairs.iter().map(|pair| pair.changed).collect(),
        untrained_count: vec![false; pairs.len()],
        natural: None,
    }
}
