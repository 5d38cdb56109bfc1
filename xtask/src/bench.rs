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
    /// One step of a fit between two GRUs, against autodiff and against the machine's peak
    Fit,
    /// What a step spends on its alignment functions alone
    Frame,
}

pub fn run(shell: &Shell, arguments: &Arguments) -> xshell::Result<()> {
    let what = match arguments.what.is_empty() {
        true => What::value_variants(),
        false => &arguments.what,
    };
    for what in what {
        match what {
            What::Fit => cmd!(shell, "cargo bench --locked --package mas-cli --bench fit_step").run()?,
            What::Frame => cmd!(shell, "cargo bench --locked --package mas-core --bench frame_step").run()?,
        }
    }
    Ok(())
}
