//! Every measure by itself, without and with resampling, and the job on which the reference implementation was timed.

use mas_metrics::{Measure, Options, Samples, compare};

use crate::{Result, data, timing};

const ROWS: usize = 1000;
const WIDTH: usize = 128;

/// Neither a null distribution nor an interval.
pub const PLAIN: Options = Options { permutations: 0, bootstraps: 0, seed: 1 };

/// Ten measures on 500 × 128 vectors, 3 draws, on a machine of the same kind: what the reference implementation takes.
const REFERENCE_SECONDS: f64 = 2.8;
const REFERENCE_DRAWS: usize = 3;

pub fn report() -> Result<()> {
    let [a, b] = data::two(500, 128)?;
    let time = timing::best(|| (0..REFERENCE_DRAWS).for_each(|_| run(&a, &b, &Measure::reference(), &PLAIN)));
    println!("the reference implementation's ten measures, {REFERENCE_DRAWS} draws of 500 x 128");
    println!("  {:.4} CPU s, where it was measured to take {REFERENCE_SECONDS}: {:.0} times less", time.cpu, {
        REFERENCE_SECONDS / time.cpu
    });

    let [a, b] = data::two(ROWS, WIDTH)?;
    println!("\neach measure on {ROWS} x {WIDTH}, CPU ms (all cores)");
    println!("  {:<34} {:>10} {:>24}", "", "value", "100 permutations and 100 resamples more");
    for measure in Measure::all() {
        let plain = timing::best(|| run(&a, &b, &[measure], &PLAIN));
        let options = Options { permutations: 100, bootstraps: 100, ..PLAIN };
        let (resampled, ()) = timing::once(|| run(&a, &b, &[measure], &options));
        println!("  {:<34} {:>10.2} {:>24.0}", measure.to_string(), plain.cpu * 1e3, resampled.cpu * 1e3);
    }
    println!();
    Ok(())
}

fn run(a: &Samples, b: &Samples, measures: &[Measure], options: &Options) {
    std::hint::black_box(compare(a, b, measures, options).expect("noise has every measure"));
}
