//! Every program accepts what it generates, keeps the variables that its rules say, and refuses what they forbid.

mod tasks;

use mas_tasks::{Error, ProgramKind, Task, TaskConfig, TaskKind, Variable};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use tasks::{every_task, responses};

fn build(kind: TaskKind) -> Task {
    TaskConfig::new(kind).build().unwrap()
}

fn states_of(task: &Task, text: &str, variable: Variable) -> Vec<Option<f64>> {
    let tokens = task.vocabulary().encode(text).unwrap();
    task.states(&tokens).unwrap().iter().map(|state| state.get(variable)).collect()
}

fn refused(task: &Task, text: &str) -> Option<usize> {
    let tokens = task.vocabulary().encode(text).unwrap();
    match task.states(&tokens) {
        Ok(_) => None,
        Err(Error::TokenRefused { position, .. }) => Some(position),
        Err(other) => panic!("unexpected error {other}"),
    }
}

proptest! {
    #[test]
    fn programs_accept_what_they_generate(seed: u64, voids in prop::bool::ANY) {
        for task in every_task() {
            let probability = if voids && task.kind() != TaskKind::Arithmetic { 0.3 } else { 0.0 };
            let task = task.config().clone().with_void_probability(probability).build().unwrap();
            let sequence = task.sample(&mut ChaCha8Rng::seed_from_u64(seed));
            let states = task.states(&sequence.tokens).unwrap();
            prop_assert_eq!(states.len(), sequence.len());
            prop_assert_eq!(sequence.response.len(), sequence.len());
            prop_assert!(states.last().unwrap().ended());
            if !voids {
                prop_assert_eq!(sequence.len(), task.length(sequence.count));
            }
            // The mask is what the state before it determines.
            for (position, pair) in sequence.tokens.windows(2).enumerate() {
                let determined = task.determined(&states[position]);
                prop_assert_eq!(determined.is_some(), sequence.response[position + 1]);
                prop_assert!(determined.is_none_or(|id| id == pair[1]));
            }
        }
    }

    #[test]
    fn counting_tasks_have_n_demonstrations_and_f_of_n_responses(seed: u64, count in 1u32..=20) {
        for task in every_task().into_iter().filter(|task| task.kind() != TaskKind::Arithmetic) {
            let sequence = task.sample_count(count, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
            let vocabulary = task.vocabulary();
            let trigger = sequence.tokens.iter().position(|id| Some(*id) == vocabulary.trigger()).unwrap();
            let last = sequence.len() - 1;
            prop_assert_eq!(sequence.count, count);
            prop_assert_eq!(trigger, count as usize + 1);
            prop_assert_eq!(last - trigger - 1, responses(task.kind(), count) as usize);
            prop_assert_eq!(sequence.tokens[0], vocabulary.begin());
            prop_assert_eq!(sequence.tokens[last], vocabulary.end());
            prop_assert!(sequence.tokens[1..trigger].iter().all(|id| vocabulary.demonstrations().contains(id)));
            prop_assert!(sequence.tokens[trigger + 1..last].iter().all(|id| vocabulary.responses().contains(id)));
            prop_assert!(sequence.response[..=trigger].iter().all(|determined| !determined));
            prop_assert!(sequence.response[trigger + 1..].iter().all(|determined| *determined));
        }
    }

    #[test]
    fn arithmetic_is_right(seed: u64) {
        let task = build(TaskKind::Arithmetic);
        let sequence = task.sample(&mut ChaCha8Rng::seed_from_u64(seed));
        let text = task.vocabulary().decode(&sequence.tokens).unwrap();
        let tokens: Vec<_> = text.split(' ').collect();
        prop_assert_eq!(tokens[1], sequence.count.to_string());
        let mut value: i64 = tokens[2].parse().unwrap();
        for operation in tokens[3..].chunks(5) {
            let operand: i64 = operation[1].parse().unwrap();
            value += if operation[0] == "+" { operand } else { -operand };
            prop_assert!((0..=20).contains(&value));
            prop_assert_eq!(operation[2], "=");
            prop_assert_eq!(operation[3], value.to_string());
        }
        let (last, body) = tokens.split_last().unwrap();
        prop_assert_eq!(*last, "E");
        prop_assert_eq!(body[3..].iter().filter(|token| **token == ",").count() as u32, sequence.count - 1);
        let mask: String = sequence.response.iter().map(|determined| if *determined { '1' } else { '0' }).collect();
        prop_assert_eq!(mask, format!("000{}", "00111".repeat(sequence.count as usize)));
    }

    #[test]
    fn a_broken_response_is_refused(seed: u64) {
        for task in every_task() {
            let sequence = task.sample(&mut ChaCha8Rng::seed_from_u64(seed));
            let position = sequence.response.iter().position(|determined| *determined).unwrap();
            for id in 0..task.vocabulary().len() as u32 {
                if id == sequence.tokens[position] {
                    continue;
                }
                let mut tokens = sequence.tokens.clone();
                tokens[position] = id;
                tokens.truncate(position + 1);
                let at = match task.states(&tokens) {
                    Err(Error::TokenRefused { position, .. }) => Some(position),
                    _ => None,
                };
                prop_assert_eq!(at, Some(position));
            }
        }
    }
}

#[test]
fn voids_come_before_the_trigger_only_and_count_for_nothing() {
    let task = TaskConfig::new(TaskKind::MultiObject).with_void_probability(0.2).build().unwrap();
    let (void, trigger) = (task.vocabulary().void().unwrap(), task.vocabulary().trigger().unwrap());
    let (mut voids, mut steps, mut just_before) = (0, 0, 0);
    for sequence in task.sequences(2000, 1) {
        let at = sequence.tokens.iter().position(|id| *id == trigger).unwrap();
        assert!(!sequence.tokens[at..].contains(&void));
        voids += sequence.tokens[..at].iter().filter(|id| **id == void).count();
        steps += at;
        just_before += usize::from(sequence.tokens[at - 1] == void);
        let states = task.states(&sequence.tokens).unwrap();
        assert_eq!(states[at - 1].get(Variable::Count), Some(f64::from(sequence.count)));
    }
    let share = f64::from(voids as u32) / f64::from(steps as u32);
    assert!((share - 0.2).abs() < 0.01, "share of voids {share}");
    assert!((just_before as f64 / 2000.0 - 0.2).abs() < 0.05, "a void may come just before the trigger");
}

#[test]
fn count_up_down_counts_down_what_the_function_gives() {
    let square = build(TaskKind::Square);
    let counts = states_of(&square, "B D0 D1 T R R R R E P P", Variable::Count);
    assert_eq!(counts, [0., 1., 2., 4., 3., 2., 1., 0., 0., 0., 0.].map(Some));
    let phases = states_of(&square, "B D0 T R E", Variable::Phase);
    assert_eq!(phases, [-1., -1., 1., 1., 1.].map(Some));
    let same = build(TaskKind::SameObject);
    assert_eq!(states_of(&same, "B D D T D D E", Variable::Count), [0., 1., 2., 2., 1., 0., 0.].map(Some));
}

#[test]
fn count_up_up_counts_both_up() {
    let task = TaskConfig::new(TaskKind::Modulo).with_program(ProgramKind::CountUpUp).build().unwrap();
    let text = "B D0 D1 D1 D1 D1 T R E";
    let demonstrations = states_of(&task, text, Variable::DemonstrationCount);
    assert_eq!(demonstrations, [0., 1., 2., 3., 4., 5., 5., 5., 5.].map(Some));
    let answers = states_of(&task, text, Variable::ResponseCount);
    assert_eq!(answers, [0., 0., 0., 0., 0., 0., 0., 1., 1.].map(Some));
}

#[test]
fn count_up_increment_fills_the_largest_count() {
    let task = TaskConfig::new(TaskKind::Square).with_program(ProgramKind::CountUpIncrement).build().unwrap();
    let text = "B D0 D1 T R R R R E";
    let counts = states_of(&task, text, Variable::Count);
    assert_eq!(counts, [0., 1., 2., 0., 5., 10., 15., 20., 20.].map(Some));
    let increments = states_of(&task, text, Variable::Increment);
    assert_eq!(increments, [None, None, None, Some(5.), Some(5.), Some(5.), Some(5.), Some(5.), Some(5.)]);
    // The finest step there is: 400 responses of 1/20 each.
    let twenty = task.sample_count(20, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
    assert_eq!(twenty.len(), 20 + 400 + 3);
    assert_eq!(task.states(&twenty.tokens).unwrap()[21].get(Variable::Increment), Some(0.05));
}

#[test]
fn arithmetic_keeps_its_variables_between_the_right_tokens() {
    let task = build(TaskKind::Arithmetic);
    let text = "B 2 5 + 3 = 8 , - 8 = 0 E";
    let some = |values: &[f64]| values.iter().map(|value| Some(*value)).collect::<Vec<_>>();
    assert_eq!(
        states_of(&task, text, Variable::RemainingOperations)[1..],
        some(&[2., 2., 2., 2., 2., 2., 1., 1., 1., 1., 1., 1.])
    );
    assert_eq!(
        states_of(&task, text, Variable::CumulativeValue)[2..],
        some(&[5., 5., 5., 8., 8., 8., 8., 8., 0., 0., 0.])
    );
    let operator = states_of(&task, text, Variable::Operator);
    assert_eq!(operator[2..8], [None, Some(1.), Some(1.), Some(1.), None, None]);
    assert_eq!(operator[8..], [Some(-1.), Some(-1.), Some(-1.), None, None]);
    let operand = states_of(&task, text, Variable::Operand);
    assert_eq!(operand[3..8], [None, Some(3.), Some(3.), None, None]);
}

#[test]
fn tokens_out_of_place_are_refused_where_they_stand() {
    let task = build(TaskKind::MultiObject);
    assert_eq!(refused(&task, "B D0 D1 T R"), None);
    assert_eq!(refused(&task, "D0 T"), Some(0));
    assert_eq!(refused(&task, "B B"), Some(1));
    assert_eq!(refused(&task, "B T"), Some(1));
    assert_eq!(refused(&task, "B D0 R"), Some(2));
    assert_eq!(refused(&task, "B D0 E"), Some(2));
    assert_eq!(refused(&task, "B D0 T D0"), Some(3));
    assert_eq!(refused(&task, "B D0 T R R"), Some(4));
    assert_eq!(refused(&task, "B D0 D0 T R E"), Some(5));
    assert_eq!(refused(&task, "B D0 T R E R"), Some(5));
    assert_eq!(refused(&task, "B P"), Some(1));
    assert_eq!(refused(&task, &format!("B {}", "D0 ".repeat(21))), Some(21));
    let arithmetic = build(TaskKind::Arithmetic);
    assert_eq!(refused(&arithmetic, "B 0"), Some(1));
    assert_eq!(refused(&arithmetic, "B 1 20 +"), Some(3));
    assert_eq!(refused(&arithmetic, "B 1 0 -"), Some(3));
    assert_eq!(refused(&arithmetic, "B 1 7 - 8"), Some(4));
    assert_eq!(refused(&arithmetic, "B 1 7 + 3 = 9"), Some(6));
    assert_eq!(refused(&arithmetic, "B 1 7 + 3 = 10 ,"), Some(7));
    assert_eq!(refused(&arithmetic, "B 2 7 + 3 = 10 E"), Some(7));
    assert!(matches!(task.states(&[1, 99]), Err(Error::UnknownId { position: 1, id: 99, size: 8 })));
}

#[test]
fn keys_are_equal_where_all_variables_are() {
    let task = build(TaskKind::MultiObject);
    let state = |text: &str| task.state_after(&task.vocabulary().encode(text).unwrap()).unwrap();
    // The plan and the types of demonstrations do not matter.
    assert_eq!(state("B D0 D1").key(), state("B D2 D2").key());
    assert_eq!(state("B D0 D1 T R").key(), state("B D0 T").key());
    assert_ne!(state("B D0 D1").key(), state("B D0").key());
    assert_ne!(state("B D0 D1").key(), state("B D0 D1 T").key());
    // In arithmetic, what comes next matters too.
    let arithmetic = build(TaskKind::Arithmetic);
    let state = |text: &str| arithmetic.state_after(&arithmetic.vocabulary().encode(text).unwrap()).unwrap();
    assert_eq!(state("B 1 5").key(), state("B 2 4 + 1 = 5 ,").key());
    assert_ne!(state("B 1 5").key(), state("B 1 4 + 1 = 5").key());
    // Sums of increments are compared to six decimals: 7 of 10 steps, 14 of 20.
    let task = TaskConfig::new(TaskKind::MultiObject).with_program(ProgramKind::CountUpIncrement).build().unwrap();
    let sequence = |n: usize, k: usize| format!("B {} T {}", "D0 ".repeat(n), "R ".repeat(k));
    let count = |text: &str| {
        let state = task.state_after(&task.vocabulary().encode(text).unwrap()).unwrap();
        state.get(Variable::Count).unwrap()
    };
    assert!((count(&sequence(9, 3)) - count(&sequence(12, 4))).abs() < 1e-9);
}
