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
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    let parts = arguments.what.iter().filter_map(ValueEnum::to_possible_value);
    let parts: Vec<String> = parts.map(|part| part.get_name().to_owned()).collect();
    cmd!(shell, "cargo bench --locked --package mas-cli --bench fit_step -- {parts...}").run()
}
