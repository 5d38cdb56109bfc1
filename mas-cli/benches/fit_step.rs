//! One step of a fit, as CPU seconds of one thread and as wall time on all cores: two GRUs of width 128 in all four
//! directions, 128 individual interchanges each at `hidden`, k = 32.
//!
//! Peers in the same run: the same step through autodiff, and what the machine's matrix products can do at most.

use std::time::Instant;

use burn::tensor::Device;
use cpu_time::ProcessTime;
use mas_core::{
    Alignment, AlignmentFunction, Exchange, Fit, FitConfig, Member, Method, Pairs, Participant, Setting, Subspaces,
    Trials,
    alignment::Orthogonal,
    all_directions,
    fit::{Event, StopRule},
};
use mas_models::{CellKind, Frozen, RecurrentConfig};
use mas_tasks::{PairConfig, TaskConfig, TaskKind, Variable};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WIDTH: usize = 128;
const STEPS: usize = 60;

fn main() {
    let device = Device::flex();
    let task = TaskConfig::new(TaskKind::MultiObject).build().expect("a task");
    let started = ProcessTime::now();
    let drawn = PairConfig::new(task.clone(), task, Variable::Full).with_count(4000).pairs().expect("pairs").pairs;
    let drawing = started.elapsed().as_secs_f64() / 4.0;
    let pairs = plain(&drawn);

    let network = |seed| RecurrentConfig::new(CellKind::Gru, WIDTH, 8).init(seed, &device).expect("a network");
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let fused = [Frozen::new("a", network(1)), Frozen::new("b", network(2))];
    let plain = [Frozen::new("a", network(1)).without_fusion(), Frozen::new("b", network(2)).without_fusion()];
    let (cpu, _) = one.install(|| step(&fused, &pairs, &device));
    let (autodiff, _) = one.install(|| step(&plain, &pairs, &device));
    let (_, wall) = step(&fused, &pairs, &device);
    let peak = one.install(peak);

    // Row-steps of one batch: outputs from the interchange on.
    let rows: f64 = (0..pairs.len())
        .map(|pair| (pairs.counterfactual.length(pair) - 1 - pairs.target_positions[pair]) as f64)
        .sum::<f64>()
        / pairs.len() as f64
        * 512.0;
    // Forward and backward: two products of the cell and four of the read-out (its second layer is thin).
    let flop = rows * 2.0 * (WIDTH * WIDTH) as f64 * (3.0 + 3.0 + 4.0 + 4.0);
    println!("fit step (2 GRUs, width 128, 4 × 128 pairs, k = 32), {rows:.0} row-steps");
    println!("  CPU, one thread            {:8.1} ms", cpu * 1e3);
    println!("  wall, {} threads            {:8.1} ms", rayon::current_num_threads(), wall * 1e3);
    println!("  CPU through autodiff       {:8.1} ms    {:.1} × as much", autodiff * 1e3, autodiff / cpu);
    println!("  peak of matrix products    {:8.1} GFLOP/s (512³, one thread)", peak / 1e9);
    println!("  share of that peak         {:8.1} %", 100.0 * flop / cpu / peak);
    println!("interchange data             {:8.2} ms CPU per 1,000 pairs", drawing * 1e3);
}

/// Median CPU and wall seconds of a step.
fn step(networks: &[Frozen; 2], pairs: &Pairs, device: &Device) -> (f64, f64) {
    let participants: Vec<Participant> =
        networks.iter().map(|network| Participant::live(network, "hidden").expect("a site")).collect();
    let members = participants.iter().enumerate().map(|(seed, participant)| Member {
        network: participant.name().to_owned(),
        site: participant.site().clone(),
        function: AlignmentFunction::new(Orthogonal::random(WIDTH, seed as u64, device)),
    });
    let alignment =
        Alignment::new(members.collect(), Subspaces::new([("full", 32)]).expect("a subspace")).expect("fits");
    let exchanges = |pairs| -> Vec<Exchange> {
        all_directions(2).into_iter().map(|direction| Exchange { direction, subspace: 0, pairs }).collect()
    };
    let fit = Fit {
        participants: participants.clone(),
        setting: Setting::default(),
        training: exchanges(pairs),
        validation: exchanges(pairs),
        objective: Method::Mas.objective(2).expect("two networks"),
        config: FitConfig {
            max_steps: STEPS,
            evaluate_every: STEPS,
            stop: StopRule { patience: usize::MAX, ..StopRule::default() },
            ..FitConfig::default()
        },
    };
    let mut times: Vec<(f64, f64)> = Vec::new();
    let mut last: Option<(ProcessTime, Instant)> = None;
    fit.run(alignment, None, &mut |event| {
        if let Event::Step { .. } = event {
            if let Some((cpu, wall)) = last {
                times.push((cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64()));
            }
            last = Some((ProcessTime::now(), Instant::now()));
        }
        Ok(())
    })
    .expect("a fit");
    (median(times.iter().map(|time| time.0)), median(times.iter().map(|time| time.1)))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// FLOP/s of a product of two 512 × 512 matrices, on one thread.
fn peak() -> f64 {
    let n = 512;
    let matrix = faer::Mat::<f32>::from_fn(n, n, |row, column| (row * 7 + column * 3) as f32 % 5.0 - 2.0);
    let mut out = faer::Mat::<f32>::zeros(n, n);
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let started = Instant::now();
        faer::linalg::matmul::matmul(&mut out, faer::Accum::Replace, &matrix, &matrix, 1.0, faer::Par::Seq);
        best = best.min(started.elapsed().as_secs_f64());
    }
    2.0 * (n * n * n) as f64 / best
}

fn plain(pairs: &[mas_tasks::Pair]) -> Pairs {
    let trials = |of: fn(&mas_tasks::Pair) -> &mas_tasks::Sequence| {
        let sequences = pairs.iter().map(|pair| {
            let sequence = of(pair);
            (sequence.tokens.as_slice(), sequence.response.as_slice())
        });
        Trials::new(sequences, 0).expect("whole sequences")
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
