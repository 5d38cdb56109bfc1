//! Pairs of sequences that are given, and what tokens say of their sequence.

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

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

/// What was read, from variables alone: the same states, whatever types the demonstrations were of.
#[test]
fn a_sequence_is_read_back_from_its_variables() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for &kind in TaskKind::ALL {
        for &program in kind.programs() {
            let task = TaskConfig { program: Some(program), ..TaskConfig::new(kind) }.build().unwrap();
            let mut other = 0;
            for sequence in task.sequences_per_count(2, 5) {
                let states = task.states(&sequence.tokens).unwrap();
                let value = |variable: &Variable| -> Vec<f32> {
                    states.iter().map(|state| state.get(*variable).map_or(f32::NAN, |value| value as f32)).collect()
                };
                let values: Vec<(Variable, Vec<f32>)> =
                    task.variables().iter().map(|variable| (*variable, value(variable))).collect();
                let course: Vec<(Variable, &[f32])> =
                    values.iter().map(|(variable, values)| (*variable, values.as_slice())).collect();
                let found = task.sequence_along(&course, &mut rng).unwrap();
                assert_eq!(task.states(&found.tokens).unwrap(), states, "{kind} {program}");
                assert_eq!((found.count, &found.response), (sequence.count, &sequence.response), "{kind} {program}");
                other += usize::from(found.tokens != sequence.tokens);
            }
            // Only the types of demonstrations are open, where there is more than one.
            let open = task.vocabulary().demonstrations().len() > 1;
            assert_eq!(other > 0, open, "{kind} {program}");
        }
    }
}

#[test]
fn variables_that_say_too_little_or_something_else_are_refused() {
    let task = task(TaskKind::MultiObject);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut read =
        |course: &[(Variable, &[f32])]| task.sequence_along(course, &mut rng).map(|found| found.tokens.len());
    let (phase, count) = ([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 2.0, 2.0, 1.0, 0.0, 0.0]);
    assert_eq!(read(&[(Variable::Phase, &phase), (Variable::Count, &count)]), Ok(7));
    // Here the count alone is enough, and the phase alone is, too: there are as many responses as demonstrations.
    assert_eq!(read(&[(Variable::Count, &count)]), Ok(7));
    assert_eq!(read(&[(Variable::Phase, &phase)]), Ok(7));
    let mut refused = |course: &[(Variable, &[f32])]| read(course).unwrap_err().to_string();
    assert!(refused(&[]).contains("no values"));
    assert!(refused(&[(Variable::Operand, &count)]).contains("no variable operand"));
    assert!(refused(&[(Variable::Phase, &phase[..6]), (Variable::Count, &count)]).contains("another has 6"));
    assert!(refused(&[(Variable::Count, &count[..6])]).contains("end token"));
    assert!(refused(&[(Variable::Count, &[1.0, 2.0])]).contains("position 0"));
    assert!(refused(&[(Variable::Count, &[0.0, 1.0, 3.0])]).contains("position 2"));
    let void = TaskConfig { void_probability: 0.2, ..TaskConfig::new(TaskKind::MultiObject) }.build().unwrap();
    let open = void.sequence_along(&[(Variable::Phase, &phase[..])], &mut ChaCha8Rng::seed_from_u64(0));
    let open = open.map(|found| found.tokens.len());
    assert!(open == Ok(7) || open.unwrap_err().to_string().contains("record all of phase, count"));
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
