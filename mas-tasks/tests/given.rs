//! Pairs of sequences that are given, and what tokens say of their sequence.

use std::sync::Arc;

use mas_tasks::{Error, PairConfig, Positions, Sequence, Split, Task, TaskConfig, TaskKind, Variable};

fn task(kind: TaskKind) -> Task {
    TaskConfig::new(kind).build().unwrap()
}

#[test]
fn a_sequence_is_read_back_from_its_tokens() {
    for &kind in TaskKind::ALL {
        let task = task(kind);
        for sequence in task.sequences_per_count(3, 5) {
            assert_eq!(task.sequence_of(&sequence.tokens).unwrap(), sequence, "{kind}");
            let pad = task.vocabulary().pad();
            let padded = [&sequence.tokens[..], &[pad, pad]].concat();
            assert_eq!(task.sequence_of(&padded).unwrap(), sequence, "{kind}");
            let cut = &sequence.tokens[..sequence.len() - 1];
            assert!(matches!(task.sequence_of(cut), Err(Error::InvalidConfig { field: "tokens", .. })), "{kind}");
        }
    }
    let multi = task(TaskKind::MultiObject);
    let wrong = multi.vocabulary().encode("B D0 T R R E").unwrap();
    assert!(matches!(multi.sequence_of(&wrong), Err(Error::TokenRefused { position: 4, .. })));
}

#[test]
fn sources_and_targets_are_given_ones() {
    let task = task(TaskKind::MultiObject);
    let given: Arc<[Sequence]> = task.sequences(40, 1).into();
    let config = PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(300);
    let none: Arc<[Sequence]> = Arc::default();
    for positions in [Positions::Individual, Positions::Stepwise] {
        let drawn = |source: &Arc<[Sequence]>, target: &Arc<[Sequence]>| {
            let config = config.clone().with_positions(positions).with_sequences(source.clone(), target.clone());
            config.pairs().unwrap().pairs
        };
        let (both, sources, targets) = (drawn(&given, &given), drawn(&given, &none), drawn(&none, &given));
        assert!(both.iter().all(|pair| given.contains(&pair.source) && given.contains(&pair.target)));
        assert!(sources.iter().all(|pair| given.contains(&pair.source)));
        assert!(sources.iter().any(|pair| !given.contains(&pair.target)));
        assert!(targets.iter().all(|pair| given.contains(&pair.target)));
        assert!(targets.iter().any(|pair| !given.contains(&pair.source)));
        // Every one of them is taken now and then.
        let taken = |of: &Sequence| both.iter().any(|pair| pair.source == *of || pair.target == *of);
        assert!(given.iter().all(taken));
        assert_eq!(both, drawn(&given, &given));
    }
}

#[test]
fn given_sequences_are_split_too() {
    let task = task(TaskKind::MultiObject);
    let given: Arc<[Sequence]> = task.sequences(60, 1).into();
    let config = PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(200);
    for split in [Split::Training, Split::HeldOut] {
        let pairs =
            config.clone().with_sequences(given.clone(), given.clone()).with_split(split).pairs().unwrap().pairs;
        let on_side = |sequence: &Sequence| task.split_of(&sequence.tokens) == Some(split);
        assert!(pairs.iter().all(|pair| on_side(&pair.source) && on_side(&pair.target)));
        let others: Arc<[Sequence]> = given.iter().filter(|sequence| !on_side(sequence)).cloned().collect();
        let none = config.clone().with_sequences(Arc::default(), others.clone()).with_split(split);
        assert!(matches!(none.pairs(), Err(Error::InvalidConfig { field: "target sequences", .. })));
        // Where none are wanted, none are missing.
        assert!(none.with_count(0).pairs().is_ok());
    }
}

#[test]
fn a_given_sequence_that_no_task_has_made_is_refused() {
    let task = task(TaskKind::MultiObject);
    let mut sequence = task.sequences(1, 1).remove(0);
    sequence.response.pop();
    let given: Arc<[Sequence]> = [sequence].into();
    let config =
        PairConfig::new(task.clone(), task, Variable::Count).with_count(1).with_sequences(given, Arc::default());
    assert!(matches!(config.pairs(), Err(Error::MaskLength { .. })));
}
