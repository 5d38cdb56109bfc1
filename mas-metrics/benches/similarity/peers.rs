//! Python packages on the same files in the same run: `peers.py` times them, this times the same measures here.

use std::path::Path;
use std::process::Command;

use mas_core::ActivityFile;
use mas_metrics::{Measure, Samples, compare};
use serde_json::Value;

use crate::measures::PLAIN;
use crate::{Result, data, timing};

/// Names the Python in which the peers are installed.
const PYTHON: &str = "MAS_PEERS_PYTHON";

/// In the order in which they have their turns; `peers.py` knows what each is asked.
const PEERS: [&str; 6] = ["torch", "rsatoolbox", "ckatorch", "pytorch-cka", "repsim", "netrep"];

pub fn report() -> Result<()> {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("peers: `cargo xtask bench similarity --peers` installs the Python packages and compares with them\n");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    for (name, rows, width) in [("small", 500, 128), ("large", 2000, 256)] {
        let [a, b] = ["a", "b"].map(|side| folder.path().join(format!("{name}-{side}.npy")));
        data::write([&a, &b], rows, width)?;
    }
    println!("Python packages beside mas-metrics: seconds, best of several runs, all cores");
    println!(
        "  {:<34} {:<26} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {:>8} {:>8}",
        "", "", "CPU", "here", "ratio", "wall", "here", "ratio", "value", "here"
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/similarity/peers.py");
    for peer in PEERS {
        // One after the other, and each before our own turn: nothing is timed beside anything else.
        let output = Command::new(&python).arg(&script).arg(folder.path()).arg(peer).output()?;
        if !output.status.success() {
            return Err(format!("{peer}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        String::from_utf8(output.stdout)?.lines().try_for_each(|line| beside(folder.path(), line))?;
    }
    println!();
    Ok(())
}

/// Times here what a line of the script says, and prints both.
fn beside(folder: &Path, line: &str) -> Result<()> {
    let job: Value = serde_json::from_str(line)?;
    let text = |key: &str| job[key].as_str().ok_or_else(|| format!("`{key}` is not in {line}"));
    let number = |key: &str| job[key].as_f64().ok_or_else(|| format!("`{key}` is not in {line}"));
    if let Some(missing) = job["missing"].as_str() {
        println!("  {:<34} {missing}", text("peer")?);
        return Ok(());
    }
    let (name, size) = (text("job")?, text("size")?);
    let measures = match name {
        "reference" => Measure::reference(),
        name => vec![name.parse()?],
    };
    let [a, b] = ["a", "b"].map(|side| samples(&folder.join(format!("{size}-{side}.npy"))));
    let (a, b) = (a?, b?);
    let mut value = 0.0;
    let own = timing::best(|| {
        value = compare(&a, &b, &measures, &PLAIN).expect("noise has every measure")[0].value;
    });
    let (cpu, wall) = (number("cpu")?, number("wall")?);
    println!(
        "  {:<34} {:<26} {cpu:>9.4} {:>9.4} {:>9.1} {wall:>9.4} {:>9.4} {:>9.1}  {:>8.5} {value:>8.5}",
        format!("{name}, {} x {}", a.rows(), a.width()),
        text("peer")?,
        own.cpu,
        cpu / own.cpu,
        own.wall,
        wall / own.wall,
        number("value")?,
    );
    Ok(())
}

fn samples(path: &Path) -> Result<Samples> {
    let file = ActivityFile::open(path)?;
    Ok(Samples::from_row_major(&file.read(0..file.rows())?, file.width())?)
}
