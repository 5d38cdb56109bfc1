use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// Where networks and recordings are kept; what is there is not made again
    #[arg(long, default_value = "runs/self-test", value_name = "DIR")]
    out: PathBuf,
}

const SEEDS: std::ops::RangeInclusive<u32> = 1..=5;
const LAYERS: std::ops::Range<u32> = 0..2;

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    cmd!(shell, "cargo build --release --locked --package mas-cli --no-default-features --features flex").run()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let mas = target.join("release").join(format!("mas{}", std::env::consts::EXE_SUFFIX));
    let out = &arguments.out;
    shell.create_dir(out)?;
    for seed in SEEDS {
        let seed = seed.to_string();
        train(shell, &mas, &out.join(format!("seed-{seed}")), &seed, &[])?;
        // One step: the weights are still where they were drawn.
        train(shell, &mas, &out.join(format!("untrained-{seed}")), &seed, &["--max-steps", "1"])?;
    }
    cmd!(shell, "cargo run --release --quiet --locked --package mas-metrics --example self_test -- {out}").run()
}

/// A network in `folder`, and what both its layers do on the same 200 trials.
fn train(shell: &Shell, mas: &Path, folder: &Path, seed: &str, rest: &[&str]) -> xshell::Result<()> {
    if !shell.path_exists(folder) {
        let network = ["--task", "multi-object", "--network", "gru", "--layers", "2", "--width", "64"];
        cmd!(shell, "{mas} train {network...} --seed {seed} {rest...} --out {folder}").run()?;
    }
    for layer in LAYERS {
        let recording = folder.with_extension(format!("layer-{layer}.npy"));
        let site = format!("hidden.{layer}");
        let trials = ["--task", "multi-object", "--trials", "200", "--seed", "1"];
        cmd!(shell, "{mas} record {folder} --site {site} {trials...} --out {recording} --quiet").run()?;
    }
    Ok(())
}
