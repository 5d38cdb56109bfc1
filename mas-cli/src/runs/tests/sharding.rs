//! Shards, one after the other and at once.

use std::num::NonZeroUsize;

use super::*;
use crate::runs::{RunError, Shard, Summary};

fn run(folder: &RunFolder, plan: &Plan, shard: &str, threads: usize, desk: &Desk) -> Result<Summary, RunError> {
    let shard: Shard = shard.parse().unwrap();
    let threads = NonZeroUsize::new(threads).unwrap();
    executor(folder).shard(Some(shard)).threads(threads).run(plan, |unit, context| desk.work(unit, context))
}

#[test]
fn one_after_the_other_they_do_everything_once() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(12));
    let desks = [Desk::default(), Desk::default()];
    run(&folder, &plan, "1/2", 1, &desks[1]).unwrap();
    assert!(!plan.is_finished(&folder), "the other shard has something of its own");
    let shard: Shard = "1/2".parse().unwrap();
    let own = plan.units().iter().filter(|unit| shard.owns(unit.key())).count();
    // The first also does what its fits read, or it would wait for a process that has not begun.
    assert!(desks[1].done().len() > own && own > 0, "{:?}", desks[1].done());

    let summary = run(&folder, &plan, "0/2", 1, &desks[0]).unwrap();
    assert!(plan.is_finished(&folder));
    assert_eq!(desks[0].done().len() + desks[1].done().len(), plan.units().len());
    assert_eq!(summary.done.len(), desks[0].done().len());
    assert_eq!(run(&folder, &plan, "0/2", 1, &desks[0]).unwrap().done.len(), 0);
}

#[test]
fn at_once_they_do_everything_once() {
    for threads in [1, 3] {
        let place = tempfile::tempdir().unwrap();
        let (folder, plan) = (folder(&place), ring(12));
        let desk = Desk { takes: 3, ..Desk::default() };
        let summaries = std::thread::scope(|scope| {
            let shards = ["0/3", "1/3", "2/3"].map(|shard| {
                let (folder, plan, desk) = (&folder, &plan, &desk);
                scope.spawn(move || run(folder, plan, shard, threads, desk).unwrap())
            });
            shards.map(|shard| shard.join().unwrap())
        });
        assert!(plan.is_finished(&folder));
        let mut all: Vec<_> = plan.units().iter().map(|unit| unit.name().to_string()).collect();
        all.sort();
        assert_eq!(desk.sorted(), all, "each once");
        assert_eq!(summaries.iter().map(|summary| summary.done.len()).sum::<usize>(), plan.units().len());
    }
}

#[test]
fn a_shard_waits_for_what_another_is_doing() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    // Two units in different shards, the second reading the first.
    let (plan, first, second) = (0..)
        .map(|i| {
            let mut plan = Plan::default();
            let (net, fit) = (format!("net-{i}"), format!("fit-{i}"));
            let first = plan.push(unit(UnitKind::Train, &net, &[]));
            let second = plan.push(unit(UnitKind::Align, &fit, &[(UnitKind::Train, &net, first)]));
            (plan, first, second)
        })
        .find(|(_, first, second)| first.spread() % 2 == 0 && second.spread() % 2 == 1)
        .unwrap();
    let started = std::sync::Barrier::new(2);
    let summaries = std::thread::scope(|scope| {
        let train = scope.spawn(|| {
            let work = |_: &Unit, context: &UnitContext<'_>| {
                started.wait();
                std::thread::sleep(std::time::Duration::from_millis(50));
                fs::write(context.dir.join("result.txt"), "slow")
            };
            executor(&folder).shard(Some(Shard::new(0, 2).unwrap())).run(&plan, work).unwrap()
        });
        let fit = scope.spawn(|| {
            started.wait();
            let work = |unit: &Unit, context: &UnitContext<'_>| {
                assert_eq!(unit.key(), second);
                fs::read_to_string(context.inputs[0].join("result.txt")).map(|text| assert_eq!(text, "slow"))
            };
            executor(&folder).shard(Some(Shard::new(1, 2).unwrap())).run(&plan, work).unwrap()
        });
        (train.join().unwrap(), fit.join().unwrap())
    });
    assert_eq!((summaries.0.done, summaries.1.done), (vec![first], vec![second]));
}

#[test]
fn what_failed_elsewhere_is_taken_over() {
    let place = tempfile::tempdir().unwrap();
    let (folder, plan) = (folder(&place), ring(6));
    let bad = Desk { fails: vec!["net-0", "net-1", "net-2", "net-3", "net-4", "net-5"], ..Desk::default() };
    run(&folder, &plan, "0/2", 1, &bad).unwrap_err();
    let good = Desk::default();
    run(&folder, &plan, "1/2", 1, &good).unwrap();
    run(&folder, &plan, "0/2", 1, &good).unwrap();
    assert!(plan.is_finished(&folder));
    assert_eq!(good.done().len(), plan.units().len());
}
