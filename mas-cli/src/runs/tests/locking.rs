//! Several processes at one folder. Locks belong to open files, so that two handles in one process are as good as two
//! processes.

use super::*;
use crate::runs::{Claim, RunError, Shard};

fn shard(text: &str) -> Option<Shard> {
    Some(text.parse().unwrap())
}

#[test]
fn a_second_process_is_told_who_is_there() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let held = folder.lock(None).unwrap();
    for wanted in [None, shard("0/2")] {
        let said = folder.lock(wanted).unwrap_err().to_string();
        assert!(said.contains(&format!("another mas process (pid {}) is using", std::process::id())), "{said}");
        assert!(said.contains("wait for it, or give another folder with --runs"), "{said}");
    }
    let desk = Desk::default();
    let error = executor(&folder).run(&ring(2), |unit, context| desk.work(unit, context)).unwrap_err();
    assert!(matches!(error, RunError::InUse { .. }) && desk.done().is_empty());
    drop(held);
    folder.lock(None).unwrap();
}

#[test]
fn shards_share_the_folder_but_not_their_shares() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let first = folder.lock(shard("0/2")).unwrap();
    let second = folder.lock(shard("1/2")).unwrap();
    let said = folder.lock(shard("1/2")).unwrap_err().to_string();
    assert!(said.contains("for shard 1/2"), "{said}");
    let error = folder.lock(None).unwrap_err();
    let RunError::InUse { holders, .. } = &error else { panic!("{error}") };
    assert_eq!(*holders, [std::process::id(); 2], "both shards are named: {error}");
    drop((first, second));
    folder.lock(None).unwrap();
}

#[test]
fn a_unit_has_one_worker() {
    let place = tempfile::tempdir().unwrap();
    let (folder, unit) = (folder(&place), unit(UnitKind::Train, "net", &[]));
    let claim = || folder.claim(&unit, &provenance()).unwrap();
    let Claim::Begun(first) = claim() else { panic!("it is free") };
    assert!(!first.resumed && first.partial.join("unit.toml").exists());
    assert!(matches!(claim(), Claim::Busy));
    // The process is killed: nothing is finished, and the next one goes on.
    drop(first);
    assert!(!folder.is_finished(unit.kind(), unit.key()));
    let Claim::Begun(second) = claim() else { panic!("it is free again") };
    assert!(second.resumed);
    second.finish(&unit, &provenance()).unwrap();
    assert!(matches!(claim(), Claim::Finished));
    assert!(!folder.partial(unit.kind(), unit.key()).exists());
}

#[test]
fn a_claim_that_waited_for_the_lock_sees_the_result() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(8));
    let done = Mutex::new(Vec::new());
    // Many threads run for the same units: each is done by one of them.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for unit in plan.units() {
                    if let Claim::Begun(begun) = folder.claim(unit, &provenance()).unwrap() {
                        done.lock().unwrap().push(unit.key());
                        begun.finish(unit, &provenance()).unwrap();
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort();
    assert_eq!(done, plan.keys().into_iter().collect::<Vec<_>>());
}
