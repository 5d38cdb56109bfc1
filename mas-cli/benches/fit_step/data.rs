//! Drawing interchanges, without and as plain data for networks.

use cpu_time::ProcessTime;
use mas_tasks::{PairConfig, Positions, Variable};

use crate::job::{pairs, task};

pub fn report() {
    const COUNT: usize = 4000;
    println!("interchange data, CPU per 1,000 pairs");
    for positions in [Positions::Individual, Positions::Stepwise] {
        let config = PairConfig::new(task(), task(), Variable::Full).with_positions(positions).with_count(COUNT);
        let started = ProcessTime::now();
        config.pairs().expect("pairs");
        println!("  {positions:24} {:8.2} ms", started.elapsed().as_secs_f64() / COUNT as f64 * 1e6);
    }
    let started = ProcessTime::now();
    pairs(COUNT, 0);
    println!("  {:24} {:8.2} ms", "individual, translated", started.elapsed().as_secs_f64() / COUNT as f64 * 1e6);
}
