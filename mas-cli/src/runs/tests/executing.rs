//! One process and one plan.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use super::*;
use crate::runs::{Event, Progress, RunError, UnitRecord};

#[test]
fn everything_is_done_once_in_the_order_of_the_plan() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan, desk) = (folder(&place), ring(3), Desk::default());
    let work = |unit: &Unit, context: &UnitContext<'_>| desk.work(unit, context);
    let summary = executor(&folder).run(&plan, work).unwrap();
    assert_eq!(desk.done(), ["net-0", "net-1", "net-2", "fit-0", "fit-1", "fit-2"]);
    assert_eq!(summary.done, plan.units().iter().map(Unit::key).collect::<Vec<_>>());
    assert!(plan.is_finished(&folder));

    let again = executor(&folder).run(&plan, work).unwrap();
    assert_eq!((again.done.len(), again.reused.len(), desk.done().len()), (0, 6, 6));

    // A larger plan does only what is new.
    executor(&folder).run(&ring(4), work).unwrap();
    assert_eq!(desk.done()[6..], ["net-3", "fit-2", "fit-3"]);
}

#[test]
fn a_result_says_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan, desk) = (folder(&place), ring(2), Desk::default());
    executor(&folder).run(&plan, |unit, context| desk.work(unit, context)).unwrap();
    let fit = &plan.units()[2];
    let record = UnitRecord::read(&folder.result(fit.kind(), fit.key())).unwrap();
    assert_eq!(record, UnitRecord::of(fit, &provenance()).unwrap());
    assert_eq!((record.name.as_str(), record.kind, record.key), ("fit-0", UnitKind::Align, fit.key()));
    assert_eq!(record.configuration["what"].as_str(), Some("fit-0"));
    assert_eq!(record.inputs.iter().map(|input| input.key).collect::<Vec<_>>(), [0, 1].map(|i| plan.units()[i].key()));
    assert_eq!((record.version.as_str(), record.commit.as_deref()), ("1.2.3", Some("abc")));
    // Nothing is left of the work but the result.
    let names: Vec<_> = contents(folder.root()).into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| name.ends_with("/result.txt") || name.ends_with("/unit.toml")), "{names:?}");
    assert!(!folder.root().join("align").join(format!("{}.lock", fit.key())).exists());
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let results = [1, 2, 7].map(|threads| {
        let place = tempfile::tempdir().unwrap();
        let (folder, desk) = (folder(&place), Desk::default());
        let executor = executor(&folder).threads(NonZeroUsize::new(threads).unwrap());
        executor.run(&ring(5), |unit, context| desk.work(unit, context)).unwrap();
        assert_eq!(desk.done().len(), 10);
        contents(folder.root())
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn after_a_failure_the_rest_goes_on_from_there() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(3));
    for (fails, panics, words) in [(vec!["net-1"], vec![], "no such luck"), (vec![], vec!["net-1"], "all is lost")] {
        let desk = Desk { fails, panics, ..Desk::default() };
        let error = executor(&folder).run(&plan, |unit, context| desk.work(unit, context)).unwrap_err();
        let RunError::Failed(failures) = &error else { panic!("{error}") };
        assert_eq!(failures.len(), 1);
        let said = error.to_string();
        let key = plan.units()[1].key();
        let partial = folder.partial(UnitKind::Train, key);
        assert!(said.contains(&format!("`net-1` (train/{key}) failed")) && said.contains(words), "{said}");
        assert!(said.contains(&partial.display().to_string()), "{said}");
        assert!(partial.join("checkpoint").exists() && !folder.is_finished(UnitKind::Train, key));
        // net-0 was done the first time, and no more is started after a failure.
        assert!(folder.is_finished(UnitKind::Train, plan.units()[0].key()));
        assert!(!folder.is_finished(UnitKind::Train, plan.units()[2].key()));
    }
    let desk = Desk::default();
    executor(&folder).run(&plan, |unit, context| desk.work(unit, context)).unwrap();
    assert_eq!(desk.done(), ["net-1", "net-2", "fit-0", "fit-1", "fit-2"]);
}

#[test]
fn those_at_work_are_let_finish() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut plan = Plan::default();
    let keys = ["fails", "slow"].map(|name| plan.push(unit(UnitKind::Train, name, &[])));
    plan.push(unit(UnitKind::Train, "never", &[]));
    let both = std::sync::Barrier::new(2);
    let done = Mutex::new(Vec::new());
    let work = |unit: &Unit, _: &UnitContext<'_>| {
        both.wait();
        if unit.name() == "fails" {
            return Err("failed");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        done.lock().unwrap().push(unit.name().to_string());
        Ok(())
    };
    let error = executor(&folder).threads(NonZeroUsize::new(2).unwrap()).run(&plan, work).unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(*done.lock().unwrap(), ["slow"]);
    assert_eq!(keys.map(|key| folder.is_finished(UnitKind::Train, key)), [false, true]);
}

#[test]
fn the_error_of_the_work_keeps_its_type() {
    #[derive(Debug, thiserror::Error)]
    #[error("the user's mistake")]
    struct Mistake;
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let error = executor(&folder).run(&ring(2), |_: &Unit, _: &UnitContext<'_>| Err(Mistake)).unwrap_err();
    assert!(error.failures()[0].error.downcast_ref::<Mistake>().is_some());
}

#[test]
fn an_input_that_nobody_makes_is_an_error_unless_it_is_there() {
    let place = tempfile::tempdir().unwrap();
    let (folder, desk) = (folder(&place), Desk::default());
    let work = |unit: &Unit, context: &UnitContext<'_>| desk.work(unit, context);
    let network = unit(UnitKind::Train, "net", &[]);
    let mut plan = Plan::default();
    plan.push(unit(UnitKind::Align, "fit", &[(UnitKind::Train, "net", network.key())]));
    let error = executor(&folder).run(&plan, work).unwrap_err();
    assert!(matches!(error, RunError::MissingInput { .. }), "{error}");

    let mut before = Plan::default();
    before.push(network);
    executor(&folder).run(&before, work).unwrap();
    executor(&folder).run(&plan, work).unwrap();
    assert_eq!(desk.done(), ["net", "fit"]);
}

#[test]
fn a_result_that_cannot_be_put_in_place_is_not_finished() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut plan = Plan::default();
    let key = plan.push(unit(UnitKind::Train, "net", &[]));
    // A file where the result should go: as good as a full disk.
    let work = |_: &Unit, _: &UnitContext<'_>| std::fs::write(folder.result(UnitKind::Train, key), "in the way");
    let error = executor(&folder).run(&plan, work).unwrap_err();
    assert!(error.to_string().contains("finished results are intact"), "{error}");
    assert!(!folder.is_finished(UnitKind::Train, key) && folder.partial(UnitKind::Train, key).is_dir());

    // A folder that cannot be made is an error of the run, not of a unit.
    std::fs::write(folder.root().join("align"), "in the way").unwrap();
    let mut plan = Plan::default();
    plan.push(unit(UnitKind::Align, "fit", &[]));
    let error = executor(&folder).run(&plan, |_: &Unit, _: &UnitContext<'_>| Ok::<(), BoxError>(())).unwrap_err();
    assert!(matches!(error, RunError::Io { .. }), "{error}");
}

#[test]
fn progress_is_told_as_it_happens() {
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);
    impl Progress for Notes {
        fn event(&self, event: Event<'_>) {
            self.0.lock().unwrap().push(match event {
                Event::Planned { total, finished } => format!("{finished} of {total}"),
                Event::Started { unit, resumed } => format!("start {} {resumed}", unit.name()),
                Event::Advanced { unit, done, total } => format!("{} {done}/{total}", unit.name()),
                Event::Finished { unit } => format!("finish {}", unit.name()),
                Event::Failed { unit } => format!("fail {}", unit.name()),
                Event::Ended => "end".to_string(),
                other => format!("{other:?}"),
            });
        }
    }
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(2));
    let (notes, desk) = (Notes::default(), Desk { fails: vec!["net-1"], ..Desk::default() });
    executor(&folder).progress(&notes).run(&plan, |unit, context| desk.work(unit, context)).unwrap_err();
    let first = ["0 of 4", "start net-0 false", "net-0 1/1", "finish net-0", "start net-1 false", "fail net-1", "end"];
    assert_eq!(*notes.0.lock().unwrap(), first);

    let (notes, desk) = (Notes::default(), Desk::default());
    executor(&folder).progress(&notes).run(&plan, |unit, context| desk.work(unit, context)).unwrap();
    assert_eq!(notes.0.lock().unwrap()[..2], ["1 of 4", "start net-1 true"]);

    // Bars listen to the same; in a test nothing is drawn.
    let bars = crate::runs::Bars::new(true);
    executor(&folder).progress(&bars).run(&ring(3), |unit, context| desk.work(unit, context)).unwrap();
}
