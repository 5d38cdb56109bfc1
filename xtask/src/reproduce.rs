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
    /// For toxicity: a language model, as a network folder or as Hugging Face has it, in place of the fetched one
    #[arg(long, value_name = "DIR", requires_all = ["toxic", "nontoxic"])]
    model: Option<PathBuf>,
    /// For toxicity: toxic text, a document a line of .jsonl
    #[arg(long, value_name = "FILE", requires = "nontoxic")]
    toxic: Option<PathBuf>,
    /// For toxicity: other text, likewise
    #[arg(long, value_name = "FILE", requires = "toxic")]
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
    if arguments.cases.is_empty() {
        println!("toxicity takes longer: `cargo xtask fetch toxicity`, then `cargo xtask reproduce --case toxicity`");
    }
    Ok(())
}

/// The toxicity case study: one command of `mas`, once model and text are there.
fn toxicity(shell: &Shell, arguments: &Arguments, mas: &Path, preset: &str) -> xshell::Result<()> {
    // Results of one preset are not gone on with by the other.
    let folder = if preset == "quick" { "toxicity".to_owned() } else { format!("toxicity-{preset}") };
    let (device, out) = (&arguments.device, arguments.runs.join(folder));
    let fetched = fetch::fetched();
    if fetched.is_none() && arguments.model.is_none() {
        println!("toxicity is left out: get its model and text by `cargo xtask fetch toxicity`");
        return Ok(());
    }
    let base = out.join("base");
    let model = match (&arguments.model, &fetched) {
        (Some(folder), _) if folder.join("network.toml").is_file() => folder,
        // Imported anew each time: what is there may be of another one.
        (Some(folder), _) => {
            cmd!(shell, "{mas} import huggingface {folder} --device {device} --out {base}").run()?;
            &base
        }
        (None, fetched) => {
            let file = fetched.iter().map(|(file, _)| file);
            cmd!(shell, "{mas} import gguf {file...} --device {device} --out {base}").run()?;
            &base
        }
    };
    let [toxic, nontoxic] = match (&arguments.toxic, &arguments.nontoxic, fetched) {
        (Some(toxic), Some(nontoxic), _) => [toxic.clone(), nontoxic.clone()],
        (_, _, Some((_, texts))) => texts,
        // The command line asks for text with a model.
        _ => return Ok(()),
    };
    let threads = arguments.threads.map(|threads| ["--threads".to_owned(), threads.to_string()]);
    let threads = threads.iter().flatten();
    cmd!(
        shell,
        "{mas} toxicity {model} --toxic {toxic} --nontoxic {nontoxic} --preset {preset} --device {device} --out {out} {threads...}"
    )
    .run()
}

/// The name on the command line.
fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
