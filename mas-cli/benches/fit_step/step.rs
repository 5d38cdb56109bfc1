//! One step: against autodiff, and against what the machine's matrix products can do at most.

use crate::{
    job::{Job, WIDTH},
    machine,
};

const STEPS: usize = 150;
/// CPU seconds of the reference implementation's step: as it ships, and at the best that small edits give.
const REFERENCE: [f64; 2] = [4.22, 0.46];
/// What a step is to take at most: CPU on one thread, and wall on two, in seconds.
const BOUNDS: [f64; 2] = [0.040, 0.025];
/// Symbols of Multi-Object.
const VOCABULARY: usize = 8;

pub fn report() {
    let job = Job::reference();
    let one = job.measure(STEPS, 1);
    let two = job.measure(STEPS, 2);
    let autodiff = {
        let networks = crate::job::networks(2).into_iter().map(|network| network.without_fusion()).collect();
        Job { networks, ..Job::reference() }.measure(STEPS / 3, 1)
    };
    let peak = machine::peak();
    let rows = job.row_steps();
    let square = 2.0 * (WIDTH * WIDTH) as f64;
    // Forth and back: the state's half of three gates; two layers of the read-out, the second of them thin.
    let cell = rows * 2.0 * 3.0 * square;
    let read_out = rows * 2.0 * (4.0 * square + 2.0 * (4 * WIDTH * VOCABULARY) as f64);
    let flop = cell + read_out;
    println!("one step: 2 GRUs of width {WIDTH} at `hidden`, 4 directions of 128 pairs, k = 32; {rows:.0} row-steps");
    println!("                               least   quarter    median");
    for (what, times) in [
        ("CPU, one thread", &one.cpu),
        ("wall, two threads", &two.wall),
        ("CPU, two threads", &two.cpu),
        ("CPU through autodiff", &autodiff.cpu),
    ] {
        println!("  {what:24} {:8.1}  {:8.1}  {:8.1} ms", times.least * 1e3, times.quarter * 1e3, times.median * 1e3);
    }
    println!(
        "  autodiff / by hand       {:8.1}  {:8.1}",
        autodiff.cpu.least / one.cpu.least,
        autodiff.cpu.quarter / one.cpu.quarter
    );
    let [shipped, mended] = REFERENCE;
    println!(
        "  the reference: {shipped} s as shipped, {:.0} times more; {mended} s at its best, {:.1} times more",
        shipped / one.cpu.quarter,
        mended / one.cpu.quarter
    );
    println!(
        "  of the bounds: {:.2} of {} s CPU, {:.2} of {} s wall",
        one.cpu.quarter / BOUNDS[0],
        BOUNDS[0],
        two.wall.quarter / BOUNDS[1],
        BOUNDS[1]
    );
    println!(
        "  one thread / two threads {:8.2}  {:8.2}",
        one.wall.least / two.wall.least,
        one.wall.quarter / two.wall.quarter
    );
    println!(
        "  products: cell {:.2}, read-out {:.2} GFLOP; at the peak {:.1} ms",
        cell / 1e9,
        read_out / 1e9,
        flop / peak * 1e3
    );
    println!("  peak of products         {:8.1} GFLOP/s (512³, one thread)", peak / 1e9);
    println!(
        "  share of that peak       {:8.1}  {:8.1} %",
        100.0 * flop / one.cpu.least / peak,
        100.0 * flop / one.cpu.quarter / peak
    );
}
