//! What is drawn depends on the seed alone, and more of it never changes what came before.

mod tasks;

use std::collections::HashSet;

use mas_tasks::{Error, HELD_OUT_COUNTS, PairConfig, Task, TaskConfig, TaskKind, Variable};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use tasks::every_task;

fn build(kind: TaskKind) -> Task {
    TaskConfig::new(kind).build().unwrap()
}

proptest! {
    #[test]
    fn more_sequences_begin_with_the_same_ones(seed: u64, few in 0usize..20, more in 0usize..20) {
        for task in every_task() {
            let long = task.sequences(few + more, seed);
            prop_assert_eq!(&task.sequences(few, seed)[..], &long[..few]);
            let long = task.validation_sequences(few + more, seed);
            prop_assert_eq!(&task.validation_sequences(few, seed)[..], &long[..few]);
        }
    }

    #[test]
    fn counts_are_those_asked_for(seed: u64) {
        let task = TaskConfig::training(TaskKind::Rounding).build().unwrap();
        for sequence in task.sequences(50, seed) {
            prop_assert!(!HELD_OUT_COUNTS.contains(&sequence.count));
        }
        for sequence in task.validation_sequences(50, seed) {
            prop_assert!(HELD_OUT_COUNTS.contains(&sequence.count));
        }
        let few = TaskConfig::new(TaskKind::Arithmetic).with_max_operations(3).build().unwrap();
        for sequence in few.sequences(50, seed) {
            prop_assert!((1..=3).contains(&sequence.count));
        }
    }
}

/// The bytes of the streams: if this fails, every recorded result has other data than it says.
#[test]
fn the_streams_are_what_they_were() {
    let first = |task: &Task, seed| {
        let sequences = task.sequences(1, seed);
        task.vocabulary().decode(&sequences[0].tokens).unwrap()
    };
    assert_eq!(first(&build(TaskKind::MultiObject), 1), "B D0 D1 D2 D0 D1 D1 D1 T R R R R R R R E");
    assert_eq!(
        first(&TaskConfig::new(TaskKind::Arithmetic).with_max_operations(4).build().unwrap(), 5),
        "B 3 15 - 1 = 14 , - 3 = 11 , - 8 = 3 E"
    );
    let task = build(TaskKind::MultiObject);
    let set = PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(1).with_seed(6).pairs().unwrap();
    let pair = &set.pairs[0];
    assert_eq!((pair.source_count, pair.source_position), (12, 2));
    let demonstrations = "D1 D1 D0 D2 D2 D1 D1 D2 D1 D2 D1 D0 D0 D2 D0 D1 D2 D2 D2 D1 D1 D2 D0 D2 D0 D2 D1";
    let expected = format!("B {demonstrations} T {}E", "R ".repeat(18));
    assert_eq!(task.vocabulary().decode(&pair.counterfactual.tokens).unwrap(), expected);
}

#[test]
fn seeds_and_purposes_differ() {
    let task = build(TaskKind::MultiObject);
    assert_ne!(task.sequences(10, 1), task.sequences(10, 2));
    let long = task.sequences(100, 1).into_iter().filter(|sequence| sequence.count > 10);
    let long: Vec<_> = long.map(|sequence| sequence.tokens).collect();
    assert_eq!(long.iter().collect::<HashSet<_>>().len(), long.len(), "every sequence has numbers of its own");
    // Nothing is held out of arithmetic: validation has to come from other random numbers.
    let arithmetic = TaskConfig::training(TaskKind::Arithmetic).build().unwrap();
    let training: HashSet<_> = arithmetic.sequences(50, 1).into_iter().map(|sequence| sequence.tokens).collect();
    let validation = arithmetic.validation_sequences(50, 1);
    let shared = validation.iter().filter(|sequence| training.contains(&sequence.tokens)).count();
    assert!(shared <= 1, "{shared}");
}

#[test]
fn counts_and_types_are_uniform() {
    let task = build(TaskKind::MultiObject);
    let sequences = task.sequences(20_000, 3);
    let mut of_count = [0u32; 21];
    let mut of_type = [0u32; 3];
    for sequence in &sequences {
        of_count[sequence.count as usize] += 1;
        for id in &sequence.tokens {
            if let Some(index) = task.vocabulary().demonstrations().iter().position(|other| other == id) {
                of_type[index] += 1;
            }
        }
    }
    // 1000 expected each, standard deviation 31.
    assert!(of_count[1..].iter().all(|number| (850..1150).contains(number)), "{of_count:?}");
    let all: u32 = of_type.iter().sum();
    assert!(of_type.iter().all(|number| (f64::from(*number) / f64::from(all) - 1. / 3.).abs() < 0.01), "{of_type:?}");
}

#[test]
fn operands_are_uniform_among_those_that_fit() {
    let task = build(TaskKind::Arithmetic);
    let vocabulary = task.vocabulary();
    let number = |id: u32| vocabulary.token(id).unwrap().parse::<u32>().unwrap();
    let mut operands = [0u32; 6];
    let (mut forced, mut largest) = (0, 0);
    for sequence in task.sequences(20_000, 4) {
        let (start, operand) = (number(sequence.tokens[2]), number(sequence.tokens[4]));
        let plus = vocabulary.token(sequence.tokens[3]) == Some("+");
        if start == 0 || start == 20 {
            assert_eq!(plus, start == 0);
            forced += 1;
        }
        if start == 5 && !plus {
            operands[operand as usize] += 1;
        }
        largest = largest.max(if plus { operand + start } else { operand + 20 - start });
    }
    assert!(forced > 1000);
    assert_eq!(largest, 20, "the ends of the range are reached");
    // … also by operands larger than 5.
    let first_operands = task.sequences(2000, 4).into_iter().map(|sequence| number(sequence.tokens[4]));
    assert_eq!(first_operands.collect::<HashSet<_>>(), (0..=20).collect());
    // About 476 sequences over six operands.
    assert!(operands.iter().all(|number| (45..120).contains(number)), "{operands:?}");
}

#[test]
fn every_count_has_as_many_sequences() {
    let task = TaskConfig::training(TaskKind::MultiObject).build().unwrap();
    let sequences = task.sequences_per_count(15, 9);
    let counts: Vec<_> = sequences.iter().map(|sequence| sequence.count).collect();
    let expected: Vec<_> = (1..=20).flat_map(|count| [count; 15]).collect();
    assert_eq!(counts, expected);
    // More of them keep the first of each count.
    let more = task.sequences_per_count(16, 9);
    // No two of them come from the same random numbers.
    let long: Vec<_> = more.iter().filter(|sequence| sequence.count >= 12).collect();
    let beginnings: HashSet<_> = long.iter().map(|sequence| &sequence.tokens[..13]).collect();
    assert_eq!(beginnings.len(), long.len());
    assert!(sequences.chunks(15).zip(more.chunks(16)).all(|(few, more)| few == &more[..15]));
}

#[test]
fn counts_that_the_task_does_not_have() {
    let task = TaskConfig::training(TaskKind::MultiObject).build().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assert_eq!(task.sample_count(21, &mut rng), Err(Error::NoSuchCount { count: 21, min: 1, max: 20 }));
    assert_eq!(task.sample_count(0, &mut rng), Err(Error::NoSuchCount { count: 0, min: 1, max: 20 }));
    // Held out is not unknown.
    assert_eq!(task.sample_count(4, &mut rng).unwrap().count, 4);
    assert_eq!(task.max_length(), 43);
}
