//! The program `mas`: see `mas --help`, or the library [`mas_cli`].

use std::process::ExitCode;

// Small products are bound by the allocator; this one is several times as fast at them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mas_cli::commands::main()
}
