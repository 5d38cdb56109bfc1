use std::path::PathBuf;

use clap::ValueEnum;
use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// What to measure [default: all]
    #[arg(value_enum)]
    what: Vec<What>,
    /// Beside `similarity` and `language`, install the Python packages that they are compared with (some GB) and run them
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
    /// Tokens per second of a language model: read, generated, learned from; and the memory of a larger one (3.6 GB on
    /// disk for a while, 8 GB of memory)
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
    for (part, package, bench) in
        [(What::Similarity, "mas-metrics", "similarity"), (What::Language, "mas-models", "language")]
    {
        if !what.contains(&part) {
            continue;
        }
        let run = cmd!(shell, "cargo bench --locked --package {package} --bench {bench}");
        match arguments.peers {
            true => run.env("MAS_PEERS_PYTHON", install_peers(shell, part)?).run()?,
            false => run.run()?,
        }
    }
    Ok(())
}

/// The Python of a virtual environment in the target folder that has the packages.
fn install_peers(shell: &Shell, part: What) -> xshell::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let environment = shell.current_dir().join(target).join("peers");
    cmd!(shell, "python3 -m venv {environment}").run()?;
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let listed = match part {
        What::Language => "mas-models/benches/language/peers.txt",
        _ => "mas-metrics/benches/similarity/peers.txt",
    };
    cmd!(shell, "{python} -m pip install --quiet --requirement {listed}").run()?;
    // netrep is not on PyPI. Without it the others still run.
    let netrep = "git+https://github.com/ahwillia/netrep";
    if part == What::Similarity
        && let Err(error) = cmd!(shell, "{python} -m pip install --quiet {netrep}").run()
    {
        eprintln!("netrep is left out: {error}");
    }
    Ok(python)
}
