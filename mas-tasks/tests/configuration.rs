//! Settings as users write them, names, and vocabularies.

use mas_tasks::{
    CountRange, Error, PairConfig, Positions, ProgramKind, TaskConfig, TaskKind, Variable, VariablePair, Vocabulary,
};

#[test]
fn settings_are_read_as_users_write_them() {
    let config: TaskConfig = serde_json::from_str(r#"{"kind": "multi-object"}"#).unwrap();
    assert_eq!(config, TaskConfig::new(TaskKind::MultiObject));
    let text = r#"{"kind": "modulo", "program": "count-up-up", "counts": {"min": 2, "max": 9}, "held-out": [4],
                   "void-probability": 0.2, "max-operations": 20}"#;
    let config: TaskConfig = serde_json::from_str(text).unwrap();
    let expected = TaskConfig::new(TaskKind::Modulo)
        .with_program(ProgramKind::CountUpUp)
        .with_counts(2..=9)
        .with_held_out([4])
        .with_void_probability(0.2);
    assert_eq!(config, expected);
    assert_eq!(serde_json::from_str::<TaskConfig>(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    assert!(serde_json::from_str::<TaskConfig>(r#"{"kind": "modulo", "heldout": []}"#).is_err());
    let unknown = serde_json::from_str::<TaskConfig>(r#"{"kind": "modula"}"#).unwrap_err().to_string();
    assert!(unknown.contains("unknown task 'modula'") && unknown.contains("modulo"), "{unknown}");
}

#[test]
fn impossible_settings_name_the_field() {
    let multi = || TaskConfig::new(TaskKind::MultiObject);
    let arithmetic = || TaskConfig::new(TaskKind::Arithmetic);
    let cases = [
        (multi().with_program(ProgramKind::Arithmetic), "program"),
        (arithmetic().with_program(ProgramKind::CountUpDown), "program"),
        (multi().with_counts(0..=5), "counts"),
        (multi().with_counts(CountRange { min: 6, max: 5 }), "counts"),
        (multi().with_counts(1..=101), "counts"),
        (multi().with_held_out([21]), "held-out"),
        (multi().with_counts(1..=2).with_held_out([1, 2]), "held-out"),
        (multi().with_void_probability(1.0), "void-probability"),
        (multi().with_void_probability(-0.1), "void-probability"),
        (multi().with_void_probability(f64::NAN), "void-probability"),
        (multi().with_max_operations(3), "max-operations"),
        (arithmetic().with_max_operations(0), "max-operations"),
        (arithmetic().with_max_operations(21), "max-operations"),
        (arithmetic().with_counts(1..=5), "counts"),
        (arithmetic().with_held_out([4]), "held-out"),
        (arithmetic().with_void_probability(0.2), "void-probability"),
    ];
    for (config, expected) in cases {
        match config.clone().build() {
            Err(Error::InvalidConfig { field, reason }) => {
                assert_eq!(field, expected, "{config:?}");
                assert!(!reason.is_empty());
            }
            other => panic!("{config:?}: {other:?}"),
        }
    }
}

#[test]
fn names_go_both_ways() {
    fn check<T: std::fmt::Display + std::str::FromStr<Err = Error> + PartialEq + Copy + std::fmt::Debug>(all: &[T]) {
        for value in all {
            assert_eq!(value.to_string().parse::<T>().unwrap(), *value);
        }
    }
    check(TaskKind::ALL);
    check(ProgramKind::ALL);
    check(Variable::ALL);
    check(Positions::ALL);
    let names: Vec<_> = TaskKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names, ["multi-object", "single-object", "same-object", "modulo", "rounding", "square", "arithmetic"]);
    let pair: VariablePair = "count:cumulative-value".parse().unwrap();
    assert_eq!(pair, (Variable::Count, Variable::CumulativeValue).into());
    assert_eq!(pair.to_string(), "count:cumulative-value");
    assert_eq!("phase".parse::<VariablePair>().unwrap(), Variable::Phase.into());
    assert!("count:".parse::<VariablePair>().is_err());
}

#[test]
fn voids_come_last_in_the_vocabulary_and_only_where_there_are_some() {
    for kind in TaskKind::ALL.iter().filter(|kind| kind.counts_demonstrations()) {
        let plain = TaskConfig::new(*kind).build().unwrap();
        let voids = TaskConfig::new(*kind).with_void_probability(0.2).build().unwrap();
        let (plain, voids) = (plain.vocabulary(), voids.vocabulary());
        assert_eq!(plain.void(), None);
        assert_eq!(voids.void(), Some(plain.len() as u32));
        assert_eq!(voids.tokens()[..plain.len()], *plain.tokens());
        assert_eq!((plain.pad(), plain.begin(), plain.end()), (0, 1, 2));
        // A network trained with voids reads sequences without them.
        assert_eq!(plain.translation(voids).unwrap(), (0..plain.len() as u32).collect::<Vec<_>>());
        let missing = voids.translation(plain).unwrap_err();
        assert!(missing.to_string().contains("no token 'U'"), "{missing}");
    }
}

#[test]
fn tokens_have_their_parts() {
    let of = |kind| Vocabulary::of_task(kind, false);
    let same = of(TaskKind::SameObject);
    assert_eq!((same.demonstrations(), same.responses(), same.trigger()), (&[3][..], &[3][..], Some(4)));
    let single = of(TaskKind::SingleObject);
    assert_eq!((single.demonstrations(), single.responses()), (&[3][..], &[4][..]));
    let arithmetic = of(TaskKind::Arithmetic);
    assert_eq!((arithmetic.demonstrations(), arithmetic.trigger()), (&[][..], None));
    // 21 numbers, `=` and `,`.
    assert_eq!(arithmetic.responses().len(), 23);
    assert_eq!(arithmetic.len(), 28);
}

#[test]
fn foreign_vocabularies() {
    let own = |text: &str| Vocabulary::from_tokens(text.split(' ').map(String::from).collect());
    let network = own("the T R D2 D1 D0 E B P").unwrap();
    assert_eq!((network.begin(), network.trigger(), network.responses()), (7, Some(1), &[2][..]));
    let task = Vocabulary::of_task(TaskKind::MultiObject, false);
    let ids = task.encode("B D0 T R E").unwrap();
    let translation = task.translation(&network).unwrap();
    let theirs: Vec<_> = ids.iter().map(|id| translation[*id as usize]).collect();
    assert_eq!(network.decode(&theirs).unwrap(), "B D0 T R E");
    assert!(matches!(own("B E P B"), Err(Error::DuplicateToken { first: 0, second: 3, .. })));
    assert!(matches!(own("B E D"), Err(Error::MissingToken { .. })));
    assert!(matches!(task.encode("B X"), Err(Error::MissingToken { .. })));
    assert!(matches!(task.decode(&[1, 8]), Err(Error::UnknownId { position: 1, id: 8, size: 8 })));
    let json = serde_json::to_string(&network).unwrap();
    assert_eq!(serde_json::from_str::<Vocabulary>(&json).unwrap(), network);
}

#[test]
fn pairs_are_written_with_their_variables_by_name() {
    let task = TaskConfig::new(TaskKind::Arithmetic).build().unwrap();
    let config = PairConfig::new(task.clone(), task, Variable::CumulativeValue).with_count(1);
    let set = serde_json::to_value(config.pairs().unwrap()).unwrap();
    let pair = &set["pairs"][0];
    assert!(pair["source_variables"]["cumulative-value"].is_number());
    assert_eq!(pair["target_variables_after"]["cumulative-value"], pair["source_variables"]["cumulative-value"]);
    assert_eq!(pair["counterfactual"]["tokens"][0], 1);
    assert!(set["dropped"]["out-of-range"].is_number());
}
