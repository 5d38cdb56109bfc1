//! Against recordings of the author's implementation (see fixtures/README.md).

use std::collections::BTreeMap;

use mas_tasks::{PairConfig, Positions, Sequence, Task, TaskConfig, TaskKind, VariablePair};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn read(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key}")).to_owned()
}

fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().unwrap_or_else(|| panic!("no number {key}")) as usize
}

fn build(kind: &str) -> Task {
    TaskConfig::new(kind.parse().unwrap()).build().unwrap()
}

fn mask(sequence: &Sequence) -> String {
    sequence.response.iter().map(|determined| if *determined { '1' } else { '0' }).collect()
}

/// A recorded sequence, with the mask that our program gives it.
fn sequence(task: &Task, text: &str, count: u32) -> Sequence {
    let tokens = task.vocabulary().encode(text).unwrap();
    let states = task.states(&tokens).unwrap();
    let determined = states.iter().map(|state| task.determined(state).is_some());
    let response = std::iter::once(false).chain(determined).take(tokens.len()).collect();
    Sequence { tokens, response, count }
}

#[test]
fn recorded_sequences_are_accepted_with_their_masks() {
    let tasks: BTreeMap<String, Value> = serde_json::from_value(read("samples.json")).unwrap();
    assert_eq!(tasks.len(), TaskKind::ALL.len());
    for (kind, recorded) in tasks {
        let task = build(&kind);
        let vocabulary = text(&recorded, "vocabulary");
        assert_eq!(task.vocabulary().tokens().join(" "), vocabulary);
        let samples = recorded["samples"].as_array().unwrap();
        assert!(samples.len() >= 8);
        for sample in samples {
            let sequence = sequence(&task, &text(sample, "tokens"), 1);
            assert_eq!(mask(&sequence), text(sample, "mask"), "{kind}: {}", text(sample, "tokens"));
        }
    }
}

#[test]
fn recorded_numbers_of_responses() {
    for (kind, recorded) in read("responses.json").as_object().unwrap() {
        let kind: TaskKind = kind.parse().unwrap();
        for (count, responses) in (0..).zip(recorded.as_array().unwrap()) {
            assert_eq!(kind.responses(count).map(u64::from), responses.as_u64(), "{kind} {count}");
        }
    }
}

/// With the recorded plan in place of the target's own, everything but random choices has to be the same.
#[test]
fn recorded_counterfactuals_of_counting_tasks() {
    let mut checked = 0;
    for group in read("counterfactuals.json").as_array().unwrap() {
        let (source_task, target_task) = (build(&text(group, "source_task")), build(&text(group, "target_task")));
        if target_task.kind() == TaskKind::Arithmetic {
            continue;
        }
        let variable: VariablePair = text(group, "variable").parse().unwrap();
        let positions: Positions = text(group, "positions").parse().unwrap();
        let config = PairConfig::new(source_task.clone(), target_task.clone(), variable).with_positions(positions);
        for item in group["items"].as_array().unwrap() {
            let source = sequence(&source_task, &text(item, "source"), 1);
            let target = sequence(&target_task, &text(item, "target"), number(item, "plan") as u32);
            let (from, to) = (number(item, "source_position"), number(item, "target_position"));
            let pair = config
                .interchange(&source, from, &target, to, &mut ChaCha8Rng::seed_from_u64(0))
                .unwrap_or_else(|e| panic!("{e}: {item}"));
            let expected = text(item, "counterfactual");
            let expected: Vec<_> = expected.split(' ').collect();
            let ours = target_task.vocabulary().decode(&pair.counterfactual.tokens).unwrap();
            let ours: Vec<_> = ours.split(' ').collect();
            // Up to the position the same tokens, after it the same kinds of tokens.
            assert_eq!(ours[..=to], expected[..=to], "{item}");
            let kinds = |tokens: &[&str]| tokens[to..].iter().map(|token| token[..1].to_owned()).collect::<Vec<_>>();
            assert_eq!(kinds(&ours), kinds(&expected), "{item}");
            assert_eq!(mask(&pair.counterfactual)[to + 1..], text(item, "mask")[to + 1..], "{item}");
            checked += 1;
        }
    }
    assert!(checked >= 150, "{checked}");
}

/// The number of operations that follow, and everything up to the first random choice, is the same.
#[test]
fn recorded_counterfactuals_of_arithmetic() {
    let task = build("arithmetic");
    let mut checked = 0;
    for group in read("counterfactuals.json").as_array().unwrap() {
        if text(group, "target_task") != "arithmetic" {
            continue;
        }
        let variable: VariablePair = text(group, "variable").parse().unwrap();
        let config = PairConfig::new(task.clone(), task.clone(), variable);
        for item in group["items"].as_array().unwrap() {
            let (source, target) =
                (sequence(&task, &text(item, "source"), 1), sequence(&task, &text(item, "target"), 1));
            let (from, to) = (number(item, "source_position"), number(item, "target_position"));
            let pair = config
                .interchange(&source, from, &target, to, &mut ChaCha8Rng::seed_from_u64(0))
                .unwrap_or_else(|e| panic!("{e}: {item}"));
            let expected = task.vocabulary().encode(&text(item, "counterfactual")).unwrap();
            // After `=` the recorded program has already chosen its next token, whatever is written into the value;
            // ours says the value that it holds.
            if task.vocabulary().token(target.tokens[to]) == Some("=") {
                continue;
            }
            let tokens = &pair.counterfactual.tokens;
            assert_eq!(tokens.len(), expected.len(), "{item}");
            assert_eq!(mask(&pair.counterfactual)[to + 1..], text(item, "mask")[to + 1..], "{item}");
            let determined =
                pair.counterfactual.response[to + 1..].iter().take_while(|determined| **determined).count();
            let same = to + 1 + determined;
            assert_eq!(tokens[..same], expected[..same], "{item}");
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked}");
}
