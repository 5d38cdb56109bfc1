//! How long something takes, and how much memory this process has held.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// Seconds.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    pub cpu: f64,
    pub wall: f64,
}

/// One run of `work`, and what it gave.
pub fn once<T>(work: impl FnOnce() -> T) -> (Time, T) {
    let (cpu, wall) = (ProcessTime::now(), Instant::now());
    let given = work();
    (Time { cpu: cpu.elapsed().as_secs_f64(), wall: wall.elapsed().as_secs_f64() }, given)
}

/// The best of several runs: at least three, and as many as a second has room for.
pub fn best(mut work: impl FnMut()) -> Time {
    let started = Instant::now();
    let mut best = Time { cpu: f64::INFINITY, wall: f64::INFINITY };
    let mut runs = 0;
    while runs < 3 || started.elapsed() < Duration::from_secs(1) {
        let (time, ()) = once(&mut work);
        best = Time { cpu: best.cpu.min(time.cpu), wall: best.wall.min(time.wall) };
        runs += 1;
    }
    best
}

/// The most memory that this process has held so far, in MiB; where the system does not say, nothing.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
