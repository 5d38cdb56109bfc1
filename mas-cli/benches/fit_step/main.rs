//! What a fit costs: one step, how that grows, a whole fit, its data, its memory, and the training of its networks. `cargo
//! xtask bench` runs it.
//!
//! Times depend on the machine and on what else it does; the ratios and the shares are what to compare.

mod data;
mod growth;
mod job;
mod learning;
mod machine;
mod memory;
mod step;
mod training;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every part by name.
const PARTS: [(&str, fn()); 6] = [
    ("step", step::report),
    ("growth", growth::report),
    ("learning", learning::report),
    ("data", data::report),
    ("memory", memory::report),
    ("training", training::report),
];

fn main() {
    // Cargo's own arguments begin with a hyphen.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if chosen == [memory::ALONE] {
        return memory::measure();
    }
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = chosen.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!("there is no part `{unknown}`; there are {}", names.join(", "));
        std::process::exit(2);
    }
    for (name, report) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            report();
            println!();
        }
    }
}
