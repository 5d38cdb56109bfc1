//! A real second process: this test binary again, with the folder in a variable.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::runs::RunError;

const FOLDER: &str = "MAS_TEST_RUN_FOLDER";

/// What the second process does: it finishes one network, and works on the next until it is killed.
#[test]
fn the_second_process() {
    let Some(root) = std::env::var_os(FOLDER) else { return };
    let (folder, desk) = (RunFolder::open(root).unwrap(), Desk::default());
    let work = |unit: &Unit, context: &UnitContext<'_>| {
        if unit.name() == "net-1" {
            fs::write(context.dir.join("checkpoint"), "half")?;
            std::thread::sleep(Duration::from_secs(60));
        }
        desk.work(unit, context)
    };
    // The process is killed before this returns; what it would say is of no interest.
    let _ = executor(&folder).run(&ring(2), work);
}

#[test]
fn a_killed_process_leaves_what_it_has_done() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(2));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["the_second_process", "--test-threads=1"])
        .env(FOLDER, folder.root())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoint = folder.partial(UnitKind::Train, plan.units()[1].key()).join("checkpoint");
    let begun = Instant::now();
    while !checkpoint.exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(checkpoint.exists());

    let desk = Desk::default();
    let work = |unit: &Unit, context: &UnitContext<'_>| desk.work(unit, context);
    let refused = executor(&folder).run(&plan, work).unwrap_err();
    let RunError::InUse { holders, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*holders, [child.id()], "{refused}");

    child.kill().unwrap();
    child.wait().unwrap();
    let summary = executor(&folder).run(&plan, work).unwrap();
    assert_eq!(desk.done(), ["net-1", "fit-0", "fit-1"]);
    assert_eq!(summary.reused, [plan.units()[0].key()]);
}
