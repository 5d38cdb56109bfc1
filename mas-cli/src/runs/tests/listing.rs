//! Listing and removing.

use std::collections::BTreeSet;

use super::*;
use crate::runs::{EntryState, RunError, Selection};

/// A folder with a finished ring of two and a partial fit.
fn filled(place: &tempfile::TempDir) -> (RunFolder, Plan) {
    let folder = folder(place);
    let plan = ring(3);
    let desk = Desk { fails: vec!["fit-2"], ..Desk::default() };
    executor(&folder).run(&plan, |unit, context| desk.work(unit, context)).unwrap_err();
    fs::create_dir_all(folder.root().join("report")).unwrap();
    fs::write(folder.root().join("report/index.html"), "a report").unwrap();
    (folder, plan)
}

fn names(entries: &[crate::runs::Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn results_are_listed() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = filled(&place);
    let entries = folder.list().unwrap();
    assert_eq!(names(&entries), ["fit-0", "fit-1", "fit-2", "net-0", "net-1", "net-2"]);
    assert_eq!((entries[2].state, entries[3].state), (EntryState::Partial, EntryState::Finished));
    let entry = &entries[3];
    assert_eq!((entry.kind.as_str(), entry.key), ("train", plan.units()[0].key()));
    let size = |name: &str| fs::metadata(entry.path.join(name)).unwrap().len();
    assert_eq!(entry.bytes, size("unit.toml") + size("result.txt"));
    assert!(RunFolder::open(place.path().join("new")).unwrap().list().unwrap().is_empty());
}

#[test]
fn a_prefix_must_mean_one_result() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = filled(&place);
    let remove = |prefix: &str| folder.remove(&Selection::Prefixes(vec![prefix.to_string()]));
    assert!(matches!(remove(""), Err(RunError::NotFound { .. })));
    assert!(matches!(remove("zz"), Err(RunError::NotFound { .. })));
    let key = plan.units()[1].key();
    assert!(matches!(remove(&format!("align/{key}")), Err(RunError::NotFound { .. })));

    // Two results whose keys begin alike.
    let twin = format!("{}{}", &key.to_string()[..31], if key.to_string().ends_with('0') { '1' } else { '0' });
    fs::create_dir_all(folder.root().join("train").join(twin)).unwrap();
    let error = remove(&key.to_string()[..8]).unwrap_err();
    assert!(matches!(error, RunError::Ambiguous { .. }) && error.to_string().contains("give more digits"), "{error}");

    assert_eq!(names(&remove(&format!("train/{key}")).unwrap()), ["net-1"]);
    assert!(!folder.is_finished(UnitKind::Train, key));
    assert_eq!(folder.list().unwrap().len(), 6);
}

#[test]
fn what_is_partial_or_unused_can_go() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = filled(&place);
    assert_eq!(names(&folder.select(&Selection::Partial).unwrap()), ["fit-2"]);
    assert_eq!(names(&folder.remove(&Selection::Partial).unwrap()), ["fit-2"]);
    assert_eq!(folder.list().unwrap().len(), 5);

    let mut smaller = Plan::default();
    plan.units()[..2].iter().for_each(|unit| {
        smaller.push(unit.clone());
    });
    let removed = folder.remove(&Selection::UnusedBy(smaller.keys())).unwrap();
    assert_eq!(names(&removed), ["fit-0", "fit-1", "net-2"]);
    assert_eq!(names(&folder.list().unwrap()), ["net-0", "net-1"]);
    assert_eq!(folder.remove(&Selection::UnusedBy(BTreeSet::new())).unwrap().len(), 2);
    assert!(folder.root().join("report/index.html").exists(), "what is no result stays");
    let locks = fs::read_dir(folder.root().join("align")).unwrap().count();
    assert_eq!(locks, 0, "lock files go with their results");
}

#[test]
fn nothing_is_removed_under_another_process() {
    let place = tempfile::tempdir().unwrap();
    let (folder, _) = filled(&place);
    let _lock = folder.lock(None).unwrap();
    assert!(matches!(folder.remove(&Selection::Partial), Err(RunError::InUse { .. })));
    assert_eq!(folder.list().unwrap().len(), 6, "but it can be listed");
}

#[test]
fn a_removal_that_was_killed_leaves_no_result() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = filled(&place);
    let result = folder.result(UnitKind::Train, plan.units()[0].key());
    let doomed = result.with_extension("removed");
    fs::rename(&result, &doomed).unwrap();
    assert_eq!(folder.list().unwrap().len(), 5);
    folder.remove(&Selection::Partial).unwrap();
    assert!(!doomed.exists(), "the next removal sweeps it away");
}
