//! Driving the real program.

mod bad_input;
mod compare;
mod functions;
mod inaccessible;
mod language;
mod matched;
mod networks;
mod studies;
mod tasks;
mod toxicity;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

/// The program, quiet, in `folder`.
pub fn mas(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mas"));
    command.current_dir(folder).args(arguments).arg("--quiet");
    command
}

/// What the program printed, having done what was asked.
pub fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "mas {arguments:?} failed: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The program's complaint about a user's mistake: exit code 2 and not a panic.
pub fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "mas {arguments:?}: {complaint}{}", text(&output.stdout));
    assert!(!complaint.contains("panicked"), "{complaint}");
    complaint
}

/// What the program, not quiet, said beside its result.
pub fn says(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mas")).current_dir(folder).args(arguments).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "mas {arguments:?} failed: {said}");
    said
}

/// Kills the program as soon as `reached`, unless it was faster than that.
pub fn killed(folder: &Path, arguments: &[&str], reached: impl Fn() -> bool) {
    let mut program = mas(folder, arguments).spawn().unwrap();
    let started = Instant::now();
    while !reached() && started.elapsed() < Duration::from_secs(60) && program.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    program.kill().unwrap();
    program.wait().unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    mas(folder, arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A network that has hardly been trained, in `folder/name`: enough to be moved activity into.
pub fn small_network(folder: &Path, name: &str, seed: u64) -> PathBuf {
    let seed = seed.to_string();
    let train = ["train", "--task", "multi-object", "--network", "gru", "--width", "8", "--max-steps", "2"];
    succeeds(folder, &[&train[..], &["--seed", &seed, "--out", name]].concat());
    folder.join(name)
}
