//! How the cost of a step grows: with pairs, with what remains of them, with k, and with directions.

use mas_core::{Method, Pairs};

use crate::job::{Job, networks, pairs};

const STEPS: usize = 40;

pub fn report() {
    println!("CPU of a step on one thread (a quarter of the steps take less)");
    let same = Job::reference;
    let by_batch = [32, 64, 128, 256, 512].map(|batch| (batch as f64, Job { batch, ..same() }));
    table("pairs a direction", by_batch.into());
    let all = pairs(12_000, 0);
    let by_length = [4, 8, 16, 32].map(|length| (length as f64, Job { pairs: of_length(&all, length), ..same() }));
    table("outputs after the interchange", by_length.into());
    let by_k = [2, 8, 32, 128].map(|k| (k as f64, Job { k, ..same() }));
    table("k", by_k.into());
    let unidirectional = (Method::UnidirectionalMas, 2);
    let by_directions = [(Method::Mas, 1), unidirectional].into_iter().chain([2, 3, 5, 10].map(|n| (Method::Mas, n)));
    let by_directions = by_directions.map(|(method, count)| {
        let job = Job { method, networks: networks(count), ..same() };
        (job.directions() as f64, job)
    });
    table("directions (1 network, 2, 2, 3, 5, 10)", by_directions.collect());
}

fn table(what: &str, jobs: Vec<(f64, Job)>) {
    println!("  {what:32} row-steps      CPU    a 1,000 row-steps");
    let mut points = Vec::new();
    for (x, job) in jobs {
        let (cpu, rows) = (job.measure(STEPS, 1).cpu.quarter, job.row_steps());
        println!("  {x:32.0} {rows:9.0} {:8.1} ms {:8.2} ms", cpu * 1e3, cpu / rows * 1e6);
        points.push((x.ln(), cpu.ln()));
    }
    println!("  grows with the power {:.2}", slope(&points));
}

/// Of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    both / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

/// Those pairs of which about `length` outputs remain.
fn of_length(all: &Pairs, length: usize) -> Pairs {
    let remaining = |pair: usize| all.counterfactual.length(pair) - 1 - all.target_positions[pair];
    let near = |&pair: &usize| remaining(pair).abs_diff(length) <= length / 8;
    let chosen: Vec<usize> = (0..all.len()).filter(near).collect();
    all.select(&chosen)
}
