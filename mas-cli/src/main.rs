//! The program `mas`: see `mas --help`, or the library [`mas_cli`].

use std::process::ExitCode;

// Small products are bound by the allocator; this one is several times as fast at them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Which of mimalloc's options says after how many milliseconds unused memory goes back to the operating system; never,
/// where it is negative.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // Each step of a fit or a training takes the buffers of the step before. To hand them back in between, and have them
    // cleared when they are taken again, costs a language model's fine-tuning up to a third of its time.
    // SAFETY: it sets one number, under a lock of its own; the environment (MIMALLOC_PURGE_DELAY) goes before.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1) };
    mas_cli::commands::main()
}
