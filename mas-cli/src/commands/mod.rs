//! The command line.

mod align;
mod claims;
mod compare;
mod evaluate;
mod fine_tune;
mod generate;
mod iia;
mod import;
mod manual;
mod output;
mod record;
mod run;
mod tasks;
mod toxicity;
mod train;
mod unfinished;

use std::{num::NonZeroUsize, path::Path, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{Error, Result, device::Compute, networks::Loaded, study::defaults::LARGEST};
use output::Output;

/// Whether two neural networks do a task in the same way: Model Alignment Search (arXiv 2501.06164).
#[derive(Debug, Parser)]
#[command(name = "mas", version, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
struct Global {
    /// What computes: flex (the CPU), wgpu or cuda[:INDEX], as compiled in
    #[arg(long, global = true, default_value = "flex", value_name = "DEVICE")]
    device: String,
    /// Seed of everything that is drawn; a study has its own [default: 0]
    // Seeds are written to TOML, whose whole numbers end here.
    #[arg(long, global = true, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// Threads to use; results do not depend on it [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON document on standard output and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// No progress, no warnings
    #[arg(long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The numeric tasks: list them, sample sequences and counterfactual pairs
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// Train a network on a task
    Train(train::Arguments),
    /// Bring a network from elsewhere
    #[command(subcommand)]
    Import(import::Command),
    /// Write a network's activity at a site to a file
    Record(record::Arguments),
    /// Fit one alignment between networks
    Align(align::Arguments),
    /// Measure a saved alignment again, on fresh pairs
    Evaluate(evaluate::Arguments),
    /// Train a language model further on text
    FineTune(fine_tune::Arguments),
    /// Let a language model continue a text
    Generate(generate::Arguments),
    /// The toxicity case study: fine-tune a language model on toxic and on other text, align, judge
    Toxicity(toxicity::Arguments),
    /// Similarity measures between recorded activities, or between networks at a site
    Compare(compare::Arguments),
    /// Run a study file: train, align, compare, report
    Run(run::Arguments),
    /// The results in a run folder: list or remove them
    #[command(subcommand)]
    Runs(run::Runs),
    /// Write the report of the studies that were run in a folder
    Report(run::ReportArguments),
    /// Print shell completions, or write manual pages
    #[command(subcommand)]
    Manual(manual::Command),
}

/// A count on the command line, within what a machine can hold.
fn count(text: &str) -> std::result::Result<usize, String> {
    let count: usize = text.parse().map_err(|error| format!("{error}"))?;
    if count <= LARGEST { Ok(count) } else { Err(format!("at most {LARGEST}")) }
}

/// A number of threads: more than a machine has are of no use, and very many are not to be had.
fn threads(text: &str) -> std::result::Result<NonZeroUsize, String> {
    let threads: NonZeroUsize = text.parse().map_err(|error| format!("{error}"))?;
    if threads.get() <= 1024 { Ok(threads) } else { Err("at most 1024".into()) }
}

/// What a command works with.
struct Session {
    global: Global,
    output: Output,
}

impl Session {
    fn compute(&self) -> Result<Compute> {
        Compute::named(&self.global.device)
    }

    fn seed(&self) -> u64 {
        self.global.seed.unwrap_or(0)
    }

    /// Opens a network that is looked at whether or not it was trained to the mark, and says so where it was not.
    fn open(&self, path: &Path, name: Option<&str>, compute: &Compute) -> Result<Loaded> {
        let loaded = Loaded::open(path, name, true, compute)?;
        if loaded.missed_the_mark() {
            let name = loaded.name();
            self.output.warn(format!("network {name} did not reach the acceptance mark in training"));
        }
        Ok(loaded)
    }

    fn threads(&self) -> NonZeroUsize {
        self.global.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

/// Runs the program: 0 when it did what was asked, 2 for a user's mistake, 1 for a failure of the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes; a closed pipe is nobody's business.
            let code = if error.use_stderr() { 2 } else { 0 };
            error.print().unwrap_or(());
            return ExitCode::from(code);
        }
    };
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(Arguments { global, command }: Arguments) -> Result<()> {
    let session = Session { output: Output::new(global.json, global.quiet), global };
    rayon::ThreadPoolBuilder::new()
        .num_threads(session.threads().get())
        .build_global()
        .map_err(|error| Error::invalid(format!("--threads {}: {error}", session.threads())))?;
    // A device that does not exist is a mistake even where nothing is computed.
    session.compute()?;
    match command {
        Command::Tasks(command) => tasks::run(&session, &command),
        Command::Train(arguments) => train::run(&session, &arguments),
        Command::Import(command) => import::run(&session, &command),
        Command::Record(arguments) => record::run(&session, &arguments),
        Command::Align(arguments) => align::run(&session, &arguments),
        Command::Evaluate(arguments) => evaluate::run(&session, &arguments),
        Command::FineTune(arguments) => fine_tune::run(&session, &arguments),
        Command::Generate(arguments) => generate::run(&session, &arguments),
        Command::Toxicity(arguments) => toxicity::run(&session, &arguments),
        Command::Compare(arguments) => compare::run(&session, &arguments),
        Command::Run(arguments) => run::run(&session, &arguments),
        Command::Runs(command) => run::runs(&session, &command),
        Command::Report(arguments) => run::report(&session, &arguments),
        Command::Manual(command) => manual::run(&command),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
