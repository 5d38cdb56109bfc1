//! The most memory that a fit holds: it should not grow with its steps.

use crate::{job::Job, machine};

/// What this program is called with to measure a process of its own.
pub const ALONE: &str = "memory-alone";

pub fn report() {
    println!("peak memory of a fit (two GRUs, 1,000 pairs)");
    let program = std::env::current_exe().expect("this program");
    // A process of its own has no peak from before.
    let status = std::process::Command::new(program).arg(ALONE).status().expect("itself");
    assert!(status.success(), "{status}");
}

pub fn measure() {
    Job::reference().run(500, &mut |step| {
        if let (50 | 500, Some(memory)) = (step, machine::peak_memory()) {
            println!("  after {step:3} steps          {memory:8.0} MiB");
        }
    });
}
