use std::path::{Path, PathBuf};

use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::fetch;

#[derive(clap::Args)]
pub struct Arguments {
    /// Which case studies, the fastest first [default: all]
    #[arg(long = "case", value_enum, value_name = "NAME")]
    cases: Vec<Case>,
    /// How large: minutes on two CPU cores, or the paper's settings
    #[arg(long, value_enum, default_value_t = Preset::Quick)]
    preset: Preset,
    /// What computes: flex, wgpu, cuda or cuda:INDEX
    #[arg(long, default_value = "flex")]
    device: String,
    /// Units of work at once [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
    /// Train networks that ship with the case studies, too
    #[arg(long)]
    retrain: bool,
    /// The run folder; the report goes to its `report`
    #[arg(long, default_value = "runs", value_name = "DIR")]
    runs: PathBuf,
    /// For toxicity: the language model's network folder, in place of the fetched one
    #[arg(long, value_name = "DIR", requires_all = ["toxic", "nontoxic"])]
    model: Option<PathBuf>,
    /// For toxicity: toxic text, a document a line of .jsonl
    #[arg(long, value_name = "FILE")]
    toxic: Option<PathBuf>,
    /// For toxicity: other text, likewise
    #[arg(long, value_name = "FILE")]
    nontoxic: Option<PathBuf>,
}

/// The case studies, in the order in which they are run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Case {
    /// Many networks at once (claim C4)
    Scaling,
    /// A network that can only be recorded (claim C6)
    Inaccessible,
    /// How few coordinates are enough (claim C3)
    Compression,
    /// GRUs from different seeds (claim C1)
    Seeds,
    /// One number in several tasks (claim C5)
    Numbers,
    /// GRUs and transformers (claim C2)
    Architectures,
    /// Language models of toxic and of other text (claim C7); up to 90 minutes, so only when asked for
    Toxicity,
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    Quick,
    Paper,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    let Arguments { preset, device, runs, .. } = arguments;
    // The kind of device decides which backend is compiled in.
    let kind = device.split(':').next().unwrap_or("flex");
    if let Ok(commit) = cmd!(shell, "git describe --always --dirty --abbrev=12").ignore_stderr().quiet().read() {
        // The report says which commit made it.
        shell.set_var("MAS_COMMIT", commit);
    }
    cmd!(shell, "cargo build --release --locked --package mas-cli --no-default-features --features {kind}").run()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let mas = target.join("release").join(format!("mas{}", std::env::consts::EXE_SUFFIX));
    let mut cases = match arguments.cases.is_empty() {
        true => Case::value_variants().iter().copied().filter(|case| *case != Case::Toxicity).collect(),
        false => arguments.cases.clone(),
    };
    cases.sort();
    cases.dedup();
    let preset = name(preset);
    for case in cases {
        if case == Case::Toxicity {
            toxicity(shell, arguments, &mas, &preset)?;
            continue;
        }
        let study = Path::new("docs/case-studies").join(format!("{}.{preset}.toml", name(&case)));
        let threads = arguments.threads.map(|threads| ["--threads".to_owned(), threads.to_string()]);
        let threads = threads.iter().flatten();
        let retrain = arguments.retrain.then_some("--retrain");
        // Each run rewrites the report of everything that the folder holds.
        cmd!(shell, "{mas} run {study} --runs {runs} --device {device} {retrain...} {threads...}").run()?;
    }
    Ok(())
}

/// The toxicity case study: one command of `mas`, once model and text are there.
fn toxicity(shell: &Shell, arguments: &Arguments, mas: &Path, preset: &str) -> xshell::Result<()> {
    let (device, out) = (&arguments.device, arguments.runs.join("toxicity"));
    let given = (&arguments.model, &arguments.toxic, &arguments.nontoxic);
    let (model, toxic, nontoxic) = match given {
        (Some(model), Some(toxic), Some(nontoxic)) => (model.clone(), toxic.clone(), nontoxic.clone()),
        _ => {
            let Some((file, [toxic, nontoxic])) = fetch::fetched(Path::new(fetch::FOLDER)) else {
                println!("toxicity is left out: get its model and text by `cargo xtask fetch toxicity`");
                return Ok(());
            };
            let base = out.join("base");
            if !base.is_dir() {
                cmd!(shell, "{mas} import gguf {file} --out {base}").run()?;
            }
            (base, toxic, nontoxic)
        }
    };
    cmd!(
        shell,
        "{mas} toxicity {model} --toxic {toxic} --nontoxic {nontoxic} --preset {preset} --device {device} --out {out}"
    )
    .run()
}

/// The name on the command line.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
