//! Activity that no table of all pairs, or no memory, has room for: seconds and peak memory, each in a process of its own.

use std::path::Path;
use std::process::Command;

use mas_core::ActivityFile;
use mas_metrics::{Limits, Measure, Outcome, compare_files};

use crate::measures::PLAIN;
use crate::{Result, data, timing};

/// What this program is called with to measure a process of its own.
pub const ALONE: &str = "large-alone";

const TABLE: usize = 10_000;
const STREAM: usize = 1_000_000;
const WIDTH: usize = 512;
/// What all of it should do with, in MiB.
const ENOUGH: f64 = 4096.0;

pub fn report() -> Result<()> {
    for (what, rows) in [("pairs", TABLE), ("stream", STREAM)] {
        let folder = tempfile::tempdir()?;
        let megabytes = 2 * rows * WIDTH * 4 / 1_000_000;
        println!("{what}: two files of {rows} x {WIDTH} 32-bit numbers ({megabytes} MB on disk)");
        data::write([&folder.path().join("a.npy"), &folder.path().join("b.npy")], rows, WIDTH)?;
        // A process of its own has no peak from before.
        let mut alone = Command::new(std::env::current_exe()?);
        let status = alone.args([ALONE, what]).arg(folder.path()).status()?;
        if !status.success() {
            return Err(format!("{what}: {status}").into());
        }
        println!();
    }
    Ok(())
}

/// - `what`: `pairs` or `stream`.
pub fn alone(what: &str, folder: &Path) -> Result<()> {
    let names: &[&str] = match what {
        "pairs" => &["rsa_euclidean_spearman", "rsa_euclidean_pearson", "rsa_euclidean_kendall"],
        _ => &[
            "cka_linear",
            "cka_linear_debiased",
            "cca_mean",
            "svcca",
            "pwcca",
            "procrustes",
            "predictivity_a_to_b",
            "predictivity_b_to_a",
        ],
    };
    let measures: Vec<Measure> = names.iter().map(|name| name.parse()).collect::<std::result::Result<_, _>>()?;
    let [a, b] = ["a.npy", "b.npy"].map(|name| ActivityFile::open(folder.join(name)));
    let (a, b) = (a?, b?);
    for chosen in [&measures[..1], &measures[..]] {
        let (time, outcomes) = timing::once(|| compare_files(&a, &b, chosen, &PLAIN, &Limits::default()));
        let outcomes: Vec<Outcome> = outcomes?.into_iter().collect::<std::result::Result<_, _>>()?;
        let values: Vec<String> =
            outcomes.iter().map(|outcome| format!("{} {:.4}", outcome.measure, outcome.value)).collect();
        let peak = timing::peak_memory();
        let memory = peak.map_or_else(|| "peak unknown".into(), |peak| format!("peak {peak:.0} of {ENOUGH} MiB"));
        println!("  {:.1} s, {:.1} CPU s, {memory}: {}", time.wall, time.cpu, values.join(", "));
    }
    Ok(())
}
