//! Natural positions with the counterfactual values.

use std::collections::BTreeSet;

use mas_tasks::{
    NaturalPlace, NaturalStates, Pair, PairConfig, ProgramKind, Sequence, Task, TaskConfig, TaskKind, Variable,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn task(kind: TaskKind, program: Option<ProgramKind>) -> Task {
    TaskConfig { program, ..TaskConfig::new(kind) }.build().unwrap()
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Tasks with a program and a variable of it.
fn cases() -> Vec<(TaskKind, Option<ProgramKind>, Variable)> {
    vec![
        (TaskKind::MultiObject, None, Variable::Full),
        (TaskKind::MultiObject, None, Variable::Count),
        (TaskKind::MultiObject, Some(ProgramKind::CountUpUp), Variable::ResponseCount),
        (TaskKind::MultiObject, Some(ProgramKind::CountUpIncrement), Variable::Count),
        (TaskKind::SameObject, None, Variable::Count),
        (TaskKind::Modulo, None, Variable::Count),
        (TaskKind::Rounding, None, Variable::Phase),
        (TaskKind::Square, None, Variable::Count),
        (TaskKind::Arithmetic, None, Variable::CumulativeValue),
        (TaskKind::Arithmetic, None, Variable::Full),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// What is found has every variable at its counterfactual value, and is in another trial.
    #[test]
    fn a_natural_place_has_the_counterfactual_values(case in 0..10_usize, seed in 0..1000_u64) {
        let (kind, program, variable) = cases()[case];
        let task = task(kind, program);
        let config = PairConfig::new(task.clone(), task.clone(), variable).with_count(40).with_seed(seed);
        let pairs = config.pairs().unwrap().pairs;
        let natural = NaturalStates::of(&task, pairs.iter().map(|pair| &pair.target)).unwrap();
        let mut rng = rng(seed);
        for pair in &pairs {
            let wanted = &pair.target_variables_after;
            match natural.place(wanted, &pair.target, &mut rng) {
                Some(NaturalPlace { sequence, position }) => {
                    let sequence = natural.sequences()[sequence];
                    prop_assert_ne!(&sequence.tokens, &pair.target.tokens);
                    let state = task.states(&sequence.tokens).unwrap()[position];
                    let (found, wanted_values) = (state.to_map(), wanted.to_map());
                    prop_assert!(found.keys().eq(wanted_values.keys()));
                    // Sums of increments differ in rounding.
                    let equal = |(found, wanted): (&f64, &f64)| (found - wanted).abs() < 1e-6;
                    prop_assert!(found.values().zip(wanted_values.values()).all(equal), "{found:?} for {wanted_values:?}");
                    prop_assert_eq!(state.key(), wanted.key());
                }
                // There is none indeed.
                None => for other in pairs.iter().filter(|other| other.target.tokens != pair.target.tokens) {
                    let states = task.states(&other.target.tokens).unwrap();
                    prop_assert!(states.iter().all(|state| state.key() != wanted.key()));
                },
            }
        }
    }
}

/// Among many trials there is hardly a state without a natural place.
#[test]
fn few_pairs_of_many_are_without() {
    for (kind, variable) in [(TaskKind::MultiObject, Variable::Full), (TaskKind::Modulo, Variable::Count)] {
        let task = task(kind, None);
        let config = PairConfig::new(task.clone(), task.clone(), variable).with_count(1000);
        let pairs = config.pairs().unwrap().pairs;
        let natural = NaturalStates::of(&task, pairs.iter().map(|pair| &pair.target)).unwrap();
        let mut rng = rng(1);
        let without = |pair: &&Pair| natural.place(&pair.target_variables_after, &pair.target, &mut rng).is_none();
        let missing = pairs.iter().filter(without).count();
        assert!(missing < 10, "{kind}: {missing} of 1000");
    }
}

fn sequence(task: &Task, tokens: &str, count: u32) -> Sequence {
    let tokens = task.vocabulary().encode(tokens).unwrap();
    Sequence { response: vec![false; tokens.len()], tokens, count }
}

#[test]
fn places_are_drawn_from_all_other_trials_and_repeat_with_the_seed() {
    let task = task(TaskKind::MultiObject, None);
    let sequences = ["B D0 D1 T R R E", "B D1 D1 T R R E", "B D0 T R E", "B D1 D1 T R R E", "B D2 D2 D2 T R R R E"]
        .map(|tokens| sequence(&task, tokens, 2));
    let natural = NaturalStates::of(&task, &sequences).unwrap();
    assert_eq!(natural.sequences().len(), 4, "one came twice");
    // Two demonstrations in, in a trial that goes on to another.
    let wanted = task.states(&sequences[1].tokens).unwrap()[2];
    let places = |seed| -> Vec<(usize, usize)> {
        let mut rng = rng(seed);
        let place = |_| natural.place(&wanted, &sequences[1], &mut rng).map(|place| (place.sequence, place.position));
        (0..50).filter_map(place).collect()
    };
    assert_eq!(places(1), places(1));
    assert_ne!(places(1), places(2));
    // The plan does not matter: three are to come in the last one.
    assert_eq!(places(1).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([(0, 2), (3, 2)]));
}

#[test]
fn a_state_that_only_the_trigger_leads_to_is_found_there() {
    let task = task(TaskKind::MultiObject, None);
    let sequences = ["B D0 D1 T R R E", "B D1 D1 T R R E", "B D0 T R E"].map(|tokens| sequence(&task, tokens, 2));
    let natural = NaturalStates::of(&task, &sequences).unwrap();
    let place = |of: &Sequence, position: usize, except: &Sequence| {
        let state = task.states(&of.tokens).unwrap()[position];
        natural.place(&state, except, &mut rng(1)).map(|place| (place.sequence, place.position))
    };
    // Two responses to go.
    assert_eq!(place(&sequences[0], 3, &sequences[0]), Some((1, 3)));
    // One to go: after an `R` rather than after the `T` of the last.
    assert_eq!(place(&sequences[2], 2, &sequences[0]), Some((1, 4)));
    // No trial shows three.
    let three = sequence(&task, "B D0 D0 D0 T R R R E", 3);
    assert_eq!(place(&three, 3, &sequences[0]), None);
    // Nowhere but in the trial itself.
    let natural = NaturalStates::of(&task, &sequences[..1]).unwrap();
    let state = task.states(&sequences[0].tokens).unwrap()[2];
    assert_eq!(natural.place(&state, &sequences[0], &mut rng(1)), None);
    assert!(natural.place(&state, &sequences[1], &mut rng(1)).is_some());
}

#[test]
fn sequences_of_another_task_are_refused() {
    let (multi, arithmetic) = (task(TaskKind::MultiObject, None), task(TaskKind::Arithmetic, None));
    let other = sequence(&multi, "B D0 T R E", 1);
    assert!(NaturalStates::of(&arithmetic, [&other]).is_err());
}
