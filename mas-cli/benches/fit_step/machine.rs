//! What the machine can do.

use std::time::Instant;

/// FLOP/s of a product of two 512 × 512 matrices, on one thread, at its best.
pub fn peak() -> f64 {
    let n = 512;
    let matrix = faer::Mat::<f32>::from_fn(n, n, |row, column| (row * 7 + column * 3) as f32 % 5.0 - 2.0);
    let mut out = faer::Mat::<f32>::zeros(n, n);
    let mut best = f64::INFINITY;
    for _ in 0..100 {
        let started = Instant::now();
        faer::linalg::matmul::matmul(&mut out, faer::Accum::Replace, &matrix, &matrix, 1.0, faer::Par::Seq);
        best = best.min(started.elapsed().as_secs_f64());
    }
    2.0 * (n * n * n) as f64 / best
}

/// The most memory that this process has held so far, in MiB; where the system does not say, nothing.
pub fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}
