use clap::ValueEnum;
use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// Which readers of files [default: all, one after the other]
    #[arg(value_enum)]
    readers: Vec<Reader>,
    /// How long each of them is given mutated files
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Seed of the mutations
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What reads files from elsewhere, as `tests/fuzz` calls it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// PyTorch's checkpoints, zip and legacy
    Pytorch,
    /// A state dictionary in safetensors
    Safetensors,
    /// Language models in GGUF
    Gguf,
    /// Folders of language models: configuration and weights
    HuggingFace,
    /// Activity files
    Activity,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    let readers = match arguments.readers.is_empty() {
        true => Reader::value_variants(),
        false => &arguments.readers,
    };
    let _minutes = shell.push_env("MAS_FUZZ_MINUTES", arguments.minutes.to_string());
    let _seed = shell.push_env("MAS_FUZZ_SEED", arguments.seed.to_string());
    for reader in readers.iter().filter_map(ValueEnum::to_possible_value) {
        // Tests are called as functions are.
        let name = reader.get_name().replace('-', "_");
        // The same build as the tests', so that nothing is compiled again.
        cmd!(shell, "cargo test --locked --workspace --test fuzz -- --exact {name} --nocapture").run()?;
    }
    Ok(())
}
