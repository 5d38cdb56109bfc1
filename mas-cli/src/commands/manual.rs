use std::path::PathBuf;

use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

use crate::{Error, Result};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages, one a command
    Pages {
        /// The folder to write them to
        #[arg(long)]
        out: PathBuf,
    },
}

pub(super) fn run(command: &Command) -> Result<()> {
    let mut program = super::Arguments::command();
    match command {
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut program, "mas", &mut std::io::stdout());
            Ok(())
        }
        Command::Pages { out } => {
            std::fs::create_dir_all(out).map_err(|error| Error::io(out, error))?;
            clap_mangen::generate_to(program, out).map_err(|error| Error::io(out, error))
        }
    }
}
