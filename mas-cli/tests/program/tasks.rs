//! `mas tasks`.

use crate::{refuses, succeeds};

fn here() -> &'static std::path::Path {
    std::path::Path::new(".")
}

#[test]
fn a_sample_has_the_response_that_its_task_asks_for() {
    let sample = succeeds(here(), &["tasks", "sample", "--task", "modulo", "--demonstrations", "7", "--seed", "1"]);
    let tokens: Vec<&str> = sample.split_whitespace().collect();
    assert_eq!(tokens[0], "B");
    assert_eq!(tokens[1..8].iter().filter(|token| token.starts_with('D')).count(), 7);
    assert_eq!(tokens[8..], ["T", "R", "R", "R", "E"]);
}

#[test]
fn a_sample_as_json_says_the_same() {
    let arguments = ["tasks", "sample", "--task", "rounding", "--demonstrations", "7", "--seed", "1", "--json"];
    let document: serde_json::Value = serde_json::from_str(&succeeds(here(), &arguments)).unwrap();
    let sequence = &document["sequences"][0];
    assert_eq!(sequence["demonstrations"], 7);
    let response: Vec<bool> = serde_json::from_value(sequence["response"].clone()).unwrap();
    let tokens: Vec<String> = serde_json::from_value(sequence["tokens"].clone()).unwrap();
    let answered: Vec<&String> =
        tokens.iter().zip(&response).filter(|(_, set)| **set).map(|(token, _)| token).collect();
    assert_eq!(answered, ["R", "R", "R", "R", "R", "R", "E"]);
}

#[test]
fn pairs_say_what_goes_over_and_what_should_follow() {
    let asked = ["tasks", "pairs", "--source", "multi-object", "--target", "rounding", "--variable", "count"];
    let arguments = [&asked[..], &["--pairs", "5", "--seed", "1", "--json"]].concat();
    let document: serde_json::Value = serde_json::from_str(&succeeds(here(), &arguments)).unwrap();
    let pairs = document["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 5);
    for pair in pairs {
        assert_eq!(pair["target-variables-after"]["count"], pair["source-variables"]["count"]);
        assert_eq!(pair["target-variables-after"]["phase"], pair["target-variables-before"]["phase"]);
        let position = pair["target"]["position"].as_u64().unwrap() as usize;
        let (own, after) = (&pair["target"]["ids"], &pair["counterfactual"]["ids"]);
        (0..=position).for_each(|at| assert_eq!(own[at], after[at]));
        let length = after.as_array().unwrap().len();
        assert_eq!(pair["counterfactual"]["response"].as_array().unwrap().len(), length);
        assert_eq!(pair["counterfactual"]["tokens"][length - 1], "E");
    }
}

#[test]
fn what_there_is_not_is_said_with_what_there_is() {
    assert!(refuses(here(), &["tasks", "sample", "--task", "multiobject"]).contains("multi-object"));
    assert!(refuses(here(), &["tasks", "sample", "--task", "modulo", "--demonstrations", "21"]).contains("20"));
    let pairs = ["tasks", "pairs", "--source", "modulo", "--target", "modulo", "--variable", "operand"];
    assert!(refuses(here(), &pairs).contains("count"));
}

#[test]
fn the_list_says_which_counts_are_held_out_of_training() {
    let document: serde_json::Value = serde_json::from_str(&succeeds(here(), &["tasks", "list", "--json"])).unwrap();
    let held_out = |id: &str| {
        let task = document.as_array().unwrap().iter().find(|task| task["task"] == id).unwrap();
        serde_json::from_value::<Vec<u32>>(task["held-out-in-training"].clone()).unwrap()
    };
    assert_eq!(held_out("modulo"), [4, 9, 14, 17]);
    assert!(held_out("arithmetic").is_empty());
}
