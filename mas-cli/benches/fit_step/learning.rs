//! A whole fit: until every direction's IIA is 0.99. As in the runs of the reference implementation that it is compared
//! with, targets run free in the fit, and IIA is over all pairs (a fit by itself asks for it over changed ones).

use std::time::Instant;

use cpu_time::ProcessTime;
use mas_core::{
    Exchange, FitConfig, Method, Pairs, all_directions,
    fit::{Ending, Event},
};

use crate::job::{fit, networks, pairs, until};

const MARK: f64 = 0.99;
/// CPU seconds of the reference implementation to the same mark, its shipped inefficiencies removed.
const REFERENCE: f64 = 338.0;

pub fn report() {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let networks = networks(2);
    let draw = |count, seed: usize| -> Vec<Pairs> { (0..4).map(|index| pairs(count, (seed + index) as u64)).collect() };
    let (training, mut validation) = (draw(10_000, 0), draw(500, 4));
    validation.iter_mut().for_each(|pairs| pairs.changed.fill(true));
    let drawn = cpu.elapsed().as_secs_f64();
    let mut recorded = 0.0;
    let config = FitConfig { free_running: true, max_steps: 2000, stop: until(MARK), ..FitConfig::default() };
    let (training, validation) = (exchanges(&training), exchanges(&validation));
    let fitted = fit(Method::Mas, &networks, 32, config, training, validation, &mut |event| {
        if let (Event::Validated(_), true) = (&event, recorded == 0.0) {
            recorded = cpu.elapsed().as_secs_f64();
        }
    });
    let steps = fitted.history.last().map_or(0, |last| last.step);
    let (cpu, wall) = (cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
    println!(
        "a whole fit, 10,000 training and 500 validation pairs a direction, until IIA ≥ {MARK} over all\nof them in all four"
    );
    println!("  {steps} steps; reached: {}", fitted.ending == Ending::Converged);
    println!("  CPU {cpu:.1} s, wall {wall:.1} s; the reference {REFERENCE} CPU s: {:.1} times more", REFERENCE / cpu);
    println!(
        "  of it: pairs {drawn:.1} s, recording and the first validation {:.1} s, the rest {:.1} s ({:.1} ms a step, validations included)",
        recorded - drawn,
        cpu - recorded,
        (cpu - recorded) / steps.max(1) as f64 * 1e3
    );
}

/// A set of pairs for each direction.
fn exchanges(pairs: &[Pairs]) -> Vec<Exchange<'_>> {
    let exchange = |(direction, pairs)| Exchange { direction, subspace: 0, pairs };
    all_directions(2).into_iter().zip(pairs).map(exchange).collect()
}
