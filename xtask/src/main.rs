//! What a developer asks of the repository: `cargo xtask reproduce | check | bench | fetch | fuzz | self-test`.

mod bench;
mod check;
mod fetch;
mod fuzz;
mod reproduce;
mod self_test;

use clap::{Parser, Subcommand};
use xshell::Shell;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Reproduce the case studies, check the code, measure its speed, try to break its readers"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the case studies in docs/case-studies from end to end, into one report
    Reproduce(reproduce::Arguments),
    /// Formatting, lints with warnings denied, tests, documentation, and that every device's build type-checks
    Check(check::Arguments),
    /// Measure speed, as ratios against a peer in the same run
    Bench(bench::Arguments),
    /// Fetch the model and the text of a case study, checked by their hashes
    Fetch(fetch::Arguments),
    /// Give readers of files mutated ones for a while: none may panic
    Fuzz(fuzz::Arguments),
    /// What each similarity measure sees, on networks of different seeds: the table in docs/similarity.md
    SelfTest(self_test::Arguments),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR").trim_end_matches("xtask"))?;
    let shell = Shell::new()?;
    match arguments.command {
        Command::Reproduce(arguments) => Ok(reproduce::run(&shell, &arguments)?),
        Command::Check(arguments) => Ok(check::run(&shell, &arguments)?),
        Command::Bench(arguments) => Ok(bench::run(&shell, &arguments)?),
        Command::Fetch(arguments) => fetch::run(&shell, &arguments),
        Command::Fuzz(arguments) => Ok(fuzz::run(&shell, &arguments)?),
        Command::SelfTest(arguments) => Ok(self_test::run(&shell, &arguments)?),
    }
}
