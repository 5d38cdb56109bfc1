use clap::ValueEnum;
use xshell::{Shell, cmd};

#[derive(clap::Args)]
pub struct Arguments {
    /// What to measure [default: all]
    #[arg(value_enum)]
    what: Vec<What>,
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
    /// What a step spends on its alignment functions alone
    Frame,
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
        .filter(|part| !matches!(part, What::Frame | What::Language))
        .filter_map(ValueEnum::to_possible_value);
    let parts: Vec<String> = parts.map(|part| part.get_name().to_owned()).collect();
    if !parts.is_empty() {
        cmd!(shell, "cargo bench --locked --package mas-cli --bench fit_step -- {parts...}").run()?;
    }
    if what.contains(&What::Frame) {
        cmd!(shell, "cargo bench --locked --package mas-core --bench frame_step").run()?;
    }
    if what.contains(&What::Language) {
        cmd!(shell, "cargo bench --locked --package mas-models --bench language").run()?;
    }
    Ok(())
}
