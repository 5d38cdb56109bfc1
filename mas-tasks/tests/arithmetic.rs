//! Interchanges with arithmetic, replayed by a few lines that know nothing of the program.

use mas_tasks::{DropReason, Error, Pair, PairConfig, Sequence, Task, TaskConfig, TaskKind, Variable};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn build(kind: TaskKind) -> Task {
    TaskConfig::new(kind).build().unwrap()
}

fn parse(task: &Task, text: &str) -> Sequence {
    let tokens = task.vocabulary().encode(text).unwrap();
    let count = if task.kind() == TaskKind::Arithmetic { text.split(' ').nth(1).unwrap().parse().unwrap() } else { 1 };
    Sequence { response: vec![false; tokens.len()], tokens, count }
}

fn interchange(variable: Variable, source: (&str, usize), target: (&str, usize)) -> Result<String, Error> {
    let task = build(TaskKind::Arithmetic);
    let config = PairConfig::new(task.clone(), task.clone(), variable);
    let (from, to) = (parse(&task, source.0), parse(&task, target.0));
    let pair = config.interchange(&from, source.1, &to, target.1, &mut ChaCha8Rng::seed_from_u64(0))?;
    Ok(task.vocabulary().decode(&pair.counterfactual.tokens).unwrap())
}

const TARGET: &str = "B 1 5 + 3 = 8 E";

#[test]
fn the_value_swapped_decides_what_follows() {
    let eleven = ("B 1 11 - 1 = 10 E", 2);
    // After the operand: 11 + 3.
    assert_eq!(interchange(Variable::CumulativeValue, eleven, (TARGET, 4)).unwrap(), "B 1 5 + 3 = 14 E");
    // After `=`: the value is said as it is.
    assert_eq!(interchange(Variable::CumulativeValue, eleven, (TARGET, 5)).unwrap(), "B 1 5 + 3 = 11 E");
    // After the value: no operation is left to show it.
    assert_eq!(interchange(Variable::CumulativeValue, eleven, (TARGET, 6)).unwrap(), TARGET);
    let minus = ("B 1 11 - 1 = 10 E", 4);
    assert_eq!(interchange(Variable::Operator, minus, (TARGET, 4)).unwrap(), "B 1 5 + 3 = 2 E");
    assert_eq!(interchange(Variable::Operand, minus, (TARGET, 4)).unwrap(), "B 1 5 + 3 = 6 E");
    assert_eq!(interchange(Variable::Full, minus, (TARGET, 4)).unwrap(), "B 1 5 + 3 = 10 E");
    // The control state goes along with `full`.
    assert_eq!(interchange(Variable::Full, ("B 1 11 - 1 = 10 E", 5), (TARGET, 2)).unwrap(), "B 1 5 10 E");
}

#[test]
fn remaining_operations_decide_how_many_follow() {
    let three = ("B 3 0 + 0 = 0 , + 0 = 0 , + 0 = 0 E", 2);
    let text = interchange(Variable::RemainingOperations, three, (TARGET, 6)).unwrap();
    assert_eq!(text.matches('=').count(), 3);
    let last = ("B 1 11 - 1 = 10 E", 2);
    let target = "B 3 0 + 0 = 0 , + 0 = 0 , + 0 = 0 E";
    assert_eq!(interchange(Variable::RemainingOperations, last, (target, 6)).unwrap(), "B 3 0 + 0 = 0 E");
}

#[test]
fn what_has_no_counterfactual_is_dropped() {
    let dropped = |reason| Err(Error::Dropped(reason));
    let eighteen = ("B 1 18 - 1 = 17 E", 2);
    assert_eq!(interchange(Variable::CumulativeValue, eighteen, (TARGET, 4)), dropped(DropReason::OutOfRange));
    // Before the operand there is still one that fits.
    assert!(interchange(Variable::CumulativeValue, eighteen, (TARGET, 3)).is_ok());
    let minus = ("B 1 18 - 1 = 17 E", 4);
    assert_eq!(interchange(Variable::Operator, minus, ("B 1 2 + 9 = 11 E", 4)), dropped(DropReason::OutOfRange));
    assert_eq!(interchange(Variable::Operator, minus, (TARGET, 2)), dropped(DropReason::Undefined));
    assert_eq!(interchange(Variable::Operator, eighteen, (TARGET, 4)), dropped(DropReason::Undefined));
    assert_eq!(
        interchange(Variable::CumulativeValue, ("B 1 18 - 1 = 17 E", 1), (TARGET, 4)),
        dropped(DropReason::Undefined)
    );
}

/// Every value after the position is the sum of what the replay says, from the values written.
fn replay(
    task: &Task,
    pair: &Pair,
    mut remaining: i64,
    mut value: i64,
    mut operator: Option<i64>,
    mut operand: Option<i64>,
) {
    let text = task.vocabulary().decode(&pair.counterfactual.tokens).unwrap();
    let tokens: Vec<_> = text.split(' ').collect();
    let mut after_equals = tokens[pair.target_position] == "=";
    for token in &tokens[pair.target_position + 1..] {
        match *token {
            "+" => operator = Some(1),
            "-" => operator = Some(-1),
            "," => remaining -= 1,
            "E" => assert_eq!(remaining, 1, "{text}"),
            "=" => {
                value += operator.unwrap() * operand.unwrap();
                after_equals = true;
            }
            number if after_equals => {
                assert_eq!(number.parse::<i64>().unwrap(), value, "{text}");
                after_equals = false;
            }
            number => operand = Some(number.parse().unwrap()),
        }
        assert!((0..=20).contains(&value), "{text}");
    }
}

#[test]
fn drawn_pairs_go_on_from_the_value_written() {
    let task = build(TaskKind::Arithmetic);
    for variable in task.variables() {
        let set = PairConfig::new(task.clone(), task.clone(), *variable).with_count(2000).with_seed(5).pairs().unwrap();
        for pair in &set.pairs {
            let (source, target) = (&pair.source_variables, &pair.target_variables_before);
            let value = |name: Variable| {
                let state = if name == *variable { source } else { target };
                state.get(name).map(|value| value as i64)
            };
            assert_eq!(pair.target_variables_after.get(*variable), source.get(*variable));
            // Before the start value there is no value to go on from.
            if let Some(start) = value(Variable::CumulativeValue) {
                let (operator, operand) = (value(Variable::Operator), value(Variable::Operand));
                replay(&task, pair, value(Variable::RemainingOperations).unwrap(), start, operator, operand);
            }
        }
        assert!(set.pairs.iter().any(|pair| pair.changed) && set.pairs.iter().any(|pair| !pair.changed));
        let out_of_range = set.dropped.get(DropReason::OutOfRange);
        assert_eq!(out_of_range > 0, *variable != Variable::RemainingOperations, "{variable}");
        assert!(set.dropped.get(DropReason::Undefined) > 0 || *variable == Variable::RemainingOperations);
        assert_eq!(set.dropped.get(DropReason::NeverTaken), 0);
    }
}

#[test]
fn a_count_becomes_a_value_and_a_value_a_count() {
    let (count, value) = (build(TaskKind::MultiObject), build(TaskKind::Arithmetic));
    let to_value = PairConfig::new(count.clone(), value.clone(), (Variable::Count, Variable::CumulativeValue));
    let set = to_value.with_count(1000).pairs().unwrap();
    for pair in &set.pairs {
        let written = pair.target_variables_after.get(Variable::CumulativeValue);
        assert_eq!(written, pair.source_variables.get(Variable::Count));
        assert!(written.is_some_and(|value| (0.0..=20.0).contains(&value)));
    }
    let to_count = PairConfig::new(value, count, (Variable::CumulativeValue, Variable::Count));
    let set = to_count.with_count(1000).pairs().unwrap();
    for pair in &set.pairs {
        let written = pair.target_variables_after.get(Variable::Count).unwrap();
        assert_eq!(Some(written), pair.source_variables.get(Variable::CumulativeValue));
        if pair.target_variables_before.get(Variable::Phase) == Some(1.0) {
            assert_eq!(pair.continuation().0.len() as f64, written + 1.0);
        }
    }
    // A square's responses may be more than any value.
    let square = build(TaskKind::Square);
    let config = PairConfig::new(square, build(TaskKind::Arithmetic), (Variable::Count, Variable::CumulativeValue));
    assert!(config.with_count(200).pairs().unwrap().dropped.get(DropReason::NeverTaken) > 0);
}
