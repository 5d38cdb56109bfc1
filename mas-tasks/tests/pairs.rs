//! Drawing pairs: seeds, positions, what is dropped, and disjoint sets.

mod tasks;

use std::collections::HashSet;

use mas_tasks::{DropReason, Error, PairConfig, Positions, Sequence, Split, Task, TaskConfig, TaskKind, Variable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use tasks::every_task;

fn build(kind: TaskKind) -> Task {
    TaskConfig::new(kind).build().unwrap()
}

fn within(kind: TaskKind, variable: Variable) -> PairConfig {
    let task = build(kind);
    PairConfig::new(task.clone(), task, variable).with_count(300)
}

#[test]
fn pairs_depend_on_the_seed_alone_and_more_begin_with_the_same() {
    for task in every_task() {
        for positions in [Positions::Individual, Positions::Stepwise] {
            let config = PairConfig::new(task.clone(), task.clone(), Variable::Full).with_positions(positions);
            let few = config.clone().with_count(20).with_seed(4).pairs().unwrap();
            assert_eq!(few, config.clone().with_count(20).with_seed(4).pairs().unwrap());
            assert_eq!(few.pairs, config.clone().with_count(40).with_seed(4).pairs().unwrap().pairs[..20]);
            assert_ne!(few.pairs, config.with_count(20).with_seed(5).pairs().unwrap().pairs);
        }
    }
}

#[test]
fn sequences_have_every_count_and_no_voids_whatever_is_held_out() {
    let plain = build(TaskKind::MultiObject);
    let training = TaskConfig::training(TaskKind::MultiObject).with_void_probability(0.2).build().unwrap();
    let draw =
        |task: &Task| PairConfig::new(task.clone(), task.clone(), Variable::Count).with_count(500).pairs().unwrap();
    assert_eq!(draw(&training), draw(&plain));
    let counts: HashSet<_> = draw(&training).pairs.iter().map(|pair| pair.target_count).collect();
    assert_eq!(counts, (1..=20).collect());
}

#[test]
fn positions_are_eligible_and_independent() {
    let set = within(TaskKind::MultiObject, Variable::Count).with_count(3000).pairs().unwrap();
    let task = build(TaskKind::MultiObject);
    let (mut demonstrations, mut eligible) = (0.0, 0.0);
    for pair in &set.pairs {
        for (sequence, position) in [(&pair.source, pair.source_position), (&pair.target, pair.target_position)] {
            let token = task.vocabulary().token(sequence.tokens[position]).unwrap();
            assert!(!["B", "E", "P", "T"].contains(&token));
        }
        demonstrations += f64::from(u32::from(pair.target_position <= pair.target_count as usize));
        eligible += 1.0;
        assert_eq!((pair.source_count, pair.target_count), (pair.source.count, pair.target.count));
    }
    // As many demonstrations as responses.
    assert!((demonstrations / eligible - 0.5f64).abs() < 0.04);
    assert!(set.pairs.iter().filter(|pair| pair.source_position == pair.target_position).count() < 400);
    assert_eq!(set.dropped.total(), 0);
}

#[test]
fn pairs_that_are_dropped_are_counted_and_replaced() {
    let set = within(TaskKind::Square, Variable::Count).pairs().unwrap();
    assert_eq!(set.pairs.len(), 300);
    assert!(set.dropped.get(DropReason::NeverTaken) > 0);
    assert_eq!(set.dropped.total(), set.dropped.get(DropReason::NeverTaken));
    let set = within(TaskKind::Arithmetic, Variable::Operand).pairs().unwrap();
    assert_eq!(set.pairs.len(), 300);
    assert!(set.dropped.get(DropReason::Undefined) > 0 && set.dropped.get(DropReason::OutOfRange) > 0);
    // Modulo's modulus is applied first, so that nothing has to be dropped.
    assert_eq!(within(TaskKind::Modulo, Variable::Count).pairs().unwrap().dropped.total(), 0);
}

#[test]
fn values_can_be_restricted() {
    let set = within(TaskKind::MultiObject, Variable::Count).with_range(3.0, 7.0).pairs().unwrap();
    assert!(set.dropped.get(DropReason::OutsideRestriction) > 300);
    for pair in &set.pairs {
        for state in [&pair.source_variables, &pair.target_variables_before, &pair.target_variables_after] {
            assert!((3.0..=7.0).contains(&state.get(Variable::Count).unwrap()));
        }
    }
    let none = within(TaskKind::MultiObject, Variable::Count).with_range(30.0, 40.0).pairs();
    assert!(matches!(none, Err(Error::NoPairs { .. })));
}

#[test]
fn stepwise_pairs_share_their_index_and_continue_shorter_targets() {
    let task = build(TaskKind::MultiObject);
    let last = *task.vocabulary().demonstrations().last().unwrap();
    let set = within(TaskKind::MultiObject, Variable::Full).with_positions(Positions::Stepwise).pairs().unwrap();
    let mut continued = 0;
    for pair in &set.pairs {
        assert_eq!(pair.source_position, pair.target_position);
        let (prefix, end) = (pair.prefix(), pair.target.len() - 1);
        assert_eq!(prefix.len(), pair.target_position + 1);
        let kept = end.min(prefix.len());
        assert_eq!(prefix[..kept], pair.target.tokens[..kept]);
        assert_ne!(prefix.last().copied(), task.vocabulary().trigger());
        assert_ne!(pair.source.tokens.get(pair.source_position).copied(), task.vocabulary().trigger());
        assert!(prefix[kept..].iter().all(|id| *id == last));
        assert!(pair.counterfactual.response[kept..prefix.len()].iter().all(|determined| !determined));
        if kept < prefix.len() {
            continued += 1;
            let before = pair.target_variables_before;
            assert_eq!((before.get(Variable::Phase), before.get(Variable::Count)), (Some(1.0), Some(0.0)));
        }
        // Everything is swapped: the phase is the source's, and what is left to say follows from its count.
        let count = pair.source_variables.get(Variable::Count).unwrap() as usize;
        let (tokens, mask) = pair.continuation();
        if pair.source_variables.get(Variable::Phase) == Some(1.0) {
            assert_eq!(tokens.len(), count + 1);
        } else {
            let answers = mask.iter().filter(|determined| **determined).count();
            assert_eq!(answers, count.max(pair.target_count as usize) + 1);
        }
    }
    assert!(continued > 30, "{continued}");
    assert_eq!(set.dropped.total(), 0);
}

#[test]
fn stepwise_targets_that_cannot_be_continued_are_dropped() {
    for kind in [TaskKind::SameObject, TaskKind::Arithmetic] {
        let set = within(kind, Variable::Full).with_positions(Positions::Stepwise).pairs().unwrap();
        assert!(set.dropped.get(DropReason::CannotContinue) > 30, "{kind}");
        assert!(set.pairs.iter().all(|pair| pair.target_position < pair.target.len() - 1));
    }
}

#[test]
fn held_out_sequences_do_not_occur_in_training_whatever_the_seeds() {
    for task in every_task().into_iter().filter(Task::is_split) {
        let of = |split, seed| {
            let config = PairConfig::new(task.clone(), task.clone(), Variable::Full).with_count(400);
            let pairs = config.with_split(split).with_seed(seed).pairs().unwrap().pairs;
            pairs.into_iter().flat_map(|pair| [pair.source, pair.target]).collect::<Vec<_>>()
        };
        let (training, held_out) = (of(Split::Training, 0), of(Split::HeldOut, 1));
        let known: HashSet<_> = training.iter().map(|sequence| &sequence.tokens).collect();
        assert!(held_out.iter().all(|sequence| !known.contains(&sequence.tokens)), "{}", task.kind());
        // Both sides have every count, about as often.
        for (side, sequences) in [(Split::Training, &training), (Split::HeldOut, &held_out)] {
            assert!(sequences.iter().all(|sequence| task.split_of(&sequence.tokens) == Some(side)));
            for count in 1..=20 {
                let share = sequences.iter().filter(|sequence| sequence.count == count).count();
                assert!((15..=75).contains(&share), "{} {side} {count}: {share}", task.kind());
            }
        }
    }
}

#[test]
fn a_third_of_the_sequences_of_every_count_is_held_out() {
    for kind in [TaskKind::MultiObject, TaskKind::Rounding] {
        let task = build(kind);
        let types = task.vocabulary().demonstrations().to_vec();
        for count in 1..=7_u32 {
            // Every sequence of this count, up to its trigger.
            let all = (0..3_usize.pow(count)).map(|index| {
                let demonstrations = (0..count).map(|i| types[index / 3_usize.pow(i) % 3]);
                let begin = std::iter::once(task.vocabulary().begin());
                begin.chain(demonstrations).chain(task.vocabulary().trigger()).collect::<Vec<_>>()
            });
            let (held_out, training): (Vec<_>, Vec<_>) =
                all.partition(|tokens| task.split_of(tokens) == Some(Split::HeldOut));
            assert_eq!(2 * held_out.len(), training.len(), "{kind} {count}");
        }
    }
    let arithmetic = build(TaskKind::Arithmetic);
    let sequences = arithmetic.sequences_per_count(300, 0);
    let held_out = |sequence: &&Sequence| arithmetic.split_of(&sequence.tokens) == Some(Split::HeldOut);
    for of_count in sequences.chunks(300) {
        let held_out = of_count.iter().filter(held_out).count();
        assert!((65..135).contains(&held_out), "{held_out}");
    }
}

#[test]
fn one_sequence_a_count_cannot_be_split() {
    for kind in [TaskKind::SingleObject, TaskKind::SameObject] {
        let task = build(kind);
        assert!(!task.is_split());
        let set = within(kind, Variable::Full).with_split(Split::HeldOut).pairs().unwrap();
        assert!(set.pairs.iter().all(|pair| task.split_of(&pair.source.tokens).is_none()));
        let counts: HashSet<_> = set.pairs.iter().map(|pair| pair.target_count).collect();
        assert_eq!(counts, (1..=20).collect());
    }
}

#[test]
fn sequences_of_a_count_are_those_of_every_count() {
    let task = build(TaskKind::MultiObject);
    let all = task.sequences_per_count(5, 3);
    for count in 1..=20 {
        let own = task.sequences_of(count, 5, 3).unwrap();
        assert!(own.iter().all(|sequence| sequence.count == count));
        assert_eq!(own, all[(count as usize - 1) * 5..][..5]);
    }
    assert_ne!(task.sequences_of(7, 5, 3).unwrap(), task.sequences_of(7, 5, 4).unwrap());
    assert!(matches!(task.sequences_of(21, 5, 3), Err(Error::NoSuchCount { count: 21, .. })));
}

#[test]
fn variables_have_to_exist_and_go_together() {
    let (multi, arithmetic) = (build(TaskKind::MultiObject), build(TaskKind::Arithmetic));
    let check =
        |source: &Task, target: &Task, variables| PairConfig::new(source.clone(), target.clone(), variables).check();
    let missing = check(&multi, &multi, (Variable::Operand, Variable::Count)).unwrap_err();
    assert_eq!(missing.to_string(), "the program count-up-down has no variable 'operand': it has phase, count");
    assert!(check(&multi, &arithmetic, (Variable::Count, Variable::CumulativeValue)).is_ok());
    let full = check(&multi, &arithmetic, (Variable::Full, Variable::Full)).unwrap_err();
    assert!(full.to_string().contains("one program on both sides"), "{full}");
    assert!(check(&multi, &multi, (Variable::Full, Variable::Count)).is_err());
    assert!(within(TaskKind::MultiObject, Variable::Full).with_range(0.0, 1.0).check().is_err());
    assert!(within(TaskKind::MultiObject, Variable::Count).with_range(2.0, 1.0).check().is_err());
    assert!(within(TaskKind::MultiObject, Variable::Count).with_range(f64::NAN, 1.0).check().is_err());
}

#[test]
fn an_interchange_of_ones_own_sequences_is_checked() {
    let config = within(TaskKind::MultiObject, Variable::Count);
    let task = build(TaskKind::MultiObject);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let good = task.sample_count(3, &mut rng).unwrap();
    let mut interchange = |source: &Sequence, from, target: &Sequence, to| {
        config.interchange(source, from, target, to, &mut rng).map(|pair| pair.counterfactual.len())
    };
    assert!(interchange(&good, 1, &good, 3).is_ok());
    for position in [0, 4, 8, 9, usize::MAX] {
        assert!(matches!(
            interchange(&good, position, &good, 1),
            Err(Error::IneligiblePosition { role: "source", .. })
        ));
        assert!(matches!(
            interchange(&good, 1, &good, position),
            Err(Error::IneligiblePosition { role: "target", .. })
        ));
    }
    let mut bad = good.clone();
    bad.response.pop();
    assert!(matches!(interchange(&bad, 1, &good, 1), Err(Error::MaskLength { .. })));
    let mut bad = good.clone();
    bad.count = 21;
    assert!(matches!(interchange(&good, 1, &bad, 1), Err(Error::NoSuchCount { .. })));
    let mut bad = good.clone();
    bad.tokens[2] = 6;
    assert!(matches!(interchange(&good, 1, &bad, 3), Err(Error::TokenRefused { position: 2, .. })));
}
