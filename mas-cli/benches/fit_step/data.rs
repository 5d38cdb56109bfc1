//! Drawing interchanges, without and as plain data for networks.

use cpu_time::ProcessTime;
use mas_tasks::{PairConfig, Positions, Variable};

use crate::job::{pairs, task};

pub fn report() {
    const COUNT: usize = 4000;
    println!("interchange data, CPU per 1,000 pairs, and how many times more the reference implementation takes");
    for (positions, reference) in [(Positions::Individual, 0.8), (Positions::Stepwise, 1.62)] {
        let config = PairConfig::new(task(), task(), Variable::Full).with_positions(positions).with_count(COUNT);
        let started = ProcessTime::now();
        config.pairs().expect("pairs");
        let seconds = started.elapsed().as_secs_f64() / COUNT as f64 * 1e3;
        println!("  {positions:24} {:8.2} ms {:6.0}", seconds * 1e3, reference / seconds);
    }
    let started = ProcessTime::now();
    pairs(COUNT, 0);
    println!("  {:24} {:8.2} ms", "individual, translated", started.elapsed().as_secs_f64() / COUNT as f64 * 1e6);
}
