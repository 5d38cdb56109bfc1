//! What similarity costs: each measure, the reference implementation's own ten, large tables, files beyond memory, and
//! Python packages beside it. `cargo xtask bench similarity` runs it.
//!
//! Times depend on the machine and on what else it does; the ratios are what to compare, and the peaks of memory.

mod data;
mod large;
mod measures;
mod peers;
mod timing;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whatever goes wrong: a file, a measure, a peer.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    // Cargo's own arguments begin with a hyphen.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [alone, what, folder] = arguments.as_slice()
        && alone == large::ALONE
    {
        return large::alone(what, folder.as_ref());
    }
    let chosen = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    if chosen("measures") {
        measures::report()?;
    }
    if chosen("peers") {
        peers::report()?;
    }
    if chosen("large") {
        large::report()?;
    }
    Ok(())
}
