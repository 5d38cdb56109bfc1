use std::path::PathBuf;

use clap::ValueEnum;
use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// What to measure [default: all]
    #[arg(value_enum)]
    what: Vec<What>,
    /// Beside `similarity`, install the Python packages that it is compared with (some GB) and run them
    #[arg(long)]
    peers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// One step of a fit, against autodiff and against the machine's peak
    Step,
    /// How a step's cost grows with pairs, their length, k and directions
    Growth,
    /// A whole fit, until the alignment is nearly perfect
    Learning,
    /// Drawing interchanges
    Data,
    /// The most memory that a fit holds
    Memory,
    /// Training networks: an epoch, and two seeds side by side
    Training,
    /// What a step spends on its alignment functions alone
    Frame,
    /// Similarity measures, alone, on large activity (4 GB on disk for a while), and beside Python packages
    Similarity,
    /// Tokens per second of a language model: read, generated, learned from
    Language,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    let what = match arguments.what.is_empty() {
        true => What::value_variants(),
        false => &arguments.what,
    };
    let parts = what
        .iter()
        .filter(|part| !matches!(part, What::Frame | What::Similarity | What::Language))
        .filter_map(ValueEnum::to_possible_value);
    let parts: Vec<String> = parts.map(|part| part.get_name().to_owned()).collect();
    if !parts.is_empty() {
        cmd!(shell, "cargo bench --locked --package mas-cli --bench fit_step -- {parts...}").run()?;
    }
    if what.contains(&What::Frame) {
        cmd!(shell, "cargo bench --locked --package mas-core --bench frame_step").run()?;
    }
    if what.contains(&What::Similarity) {
        let bench = cmd!(shell, "cargo bench --locked --package mas-metrics --bench similarity");
        match arguments.peers {
            true => bench.env("MAS_PEERS_PYTHON", install_peers(shell)?).run()?,
            false => bench.run()?,
        }
    }
    if what.contains(&What::Language) {
        cmd!(shell, "cargo bench --locked --package mas-models --bench language").run()?;
    }
    Ok(())
}

/// The Python of a virtual environment in the target folder that has the packages.
fn install_peers(shell: &Shell) -> xshell::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let environment = shell.current_dir().join(target).join("peers");
    cmd!(shell, "python3 -m venv {environment}").run()?;
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let listed = "mas-metrics/benches/similarity/peers.txt";
    cmd!(shell, "{python} -m pip install --quiet --requirement {listed}").run()?;
    // netrep is not on PyPI. Without it the others still run.
    let netrep = "git+https://github.com/ahwillia/netrep";
    if let Err(error) = cmd!(shell, "{python} -m pip install --quiet {netrep}").run() {
        eprintln!("netrep is left out: {error}");
    }
    Ok(python)
}
