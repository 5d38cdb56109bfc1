//! Model stitching is a special case of Model Alignment Search (claim C8 of arXiv 2501.06164): five small GRUs are trained
//! to count, each is stitched into the next twice, by MAS with stitching's settings and by a [stitcher](stitcher) that
//! was written apart and shares no code of alignments or interchanges, and the claim's own code compares the two.

mod stitcher;

use std::ops::ControlFlow;

use burn::tensor::Device;
use mas_cli::{
    claims::{Evidence, SEPARATE, Verdict, claim},
    results::{AlignmentUnit, Control, OVERALL, OutcomeRow, UnitOutcomes},
};
use mas_core::{
    Alignment, AlignmentFunction, Direction, Exchange, Fit, FitConfig, Member, Method, Outcome, Pairs, Participant,
    Recorded, Setting, Subspaces, Swap, Trials, alignment::Orthogonal, evaluate, fit::StopRule,
};
use mas_models::{CellKind, Frozen, RecurrentConfig, Training, TrainingSettings};
use mas_tasks::{PairConfig, Sequence, Split, Task, TaskConfig, TaskKind, Variable};
use rayon::prelude::*;

const WIDTH: usize = 48;
const STEPS: usize = 300;
const BATCH: usize = 64;
const LEARNING_RATE: f64 = 3e-3;
const VALIDATE_EVERY: usize = 50;

fn task() -> Task {
    TaskConfig::new(TaskKind::MultiObject).with_counts(1..=8).build().unwrap()
}

fn trials<'a>(sequences: impl IntoIterator<Item = &'a Sequence>) -> Trials {
    let sequences = sequences.into_iter().map(|sequence| (sequence.tokens.as_slice(), sequence.response.as_slice()));
    Trials::new(sequences, 0).unwrap()
}

fn train(seed: u64) -> Frozen {
    let task = task();
    let network = RecurrentConfig::new(CellKind::Gru, WIDTH, task.vocabulary().len()).init(seed, &Device::flex());
    let settings =
        TrainingSettings { seed, learning_rate: 4e-3, batch: 64, max_epochs: 300, ..TrainingSettings::default() };
    let (training, validation) = (task.sequences(600, seed), task.sequences_per_count(25, seed + 100));
    let training = Training {
        training: &trials(&training),
        validation: &trials(&validation),
        settings: &settings,
        checkpoint: None,
    };
    let trained = training.run(network.unwrap(), |_| ControlFlow::Continue(())).unwrap();
    assert!(trained.accepted, "network {seed}: {:?}", trained.history.last());
    Frozen::new(format!("gru-{seed}"), trained.network.recurrent().unwrap().clone())
}

fn pairs(split: Split, number: usize, seed: u64) -> Pairs {
    let config = PairConfig::new(task(), task(), Variable::Full).with_split(split);
    let pairs = config.with_count(number).with_seed(seed).pairs().unwrap().pairs;
    Pairs {
        source: trials(pairs.iter().map(|pair| &pair.source)),
        source_positions: pairs.iter().map(|pair| pair.source_position).collect(),
        target: trials(pairs.iter().map(|pair| &pair.target)),
        target_positions: pairs.iter().map(|pair| pair.target_position).collect(),
        counterfactual: trials(pairs.iter().map(|pair| &pair.counterfactual)),
        changed: pairs.iter().map(|pair| pair.changed).collect(),
        untrained_count: vec![false; pairs.len()],
        natural: None,
    }
}

/// Stitching as a setting of MAS.
fn by_mas(networks: [&Frozen; 2], training: &Pairs, validation: &Pairs, held_out: &Pairs) -> Vec<Outcome> {
    let participants: Vec<_> = networks.iter().map(|network| Participant::live(*network, "hidden").unwrap()).collect();
    let exchange = |pairs| vec![Exchange { direction: Direction::new(0, 1), subspace: 0, pairs }];
    let objective = Method::Stitching.objective(2).unwrap();
    let setting = Setting { retain: objective.retain, ..Setting::default() };
    let fit = Fit {
        participants: participants.clone(),
        setting,
        training: exchange(training),
        validation: exchange(validation),
        objective,
        // Both take all of their steps, and keep what was best at a validation.
        config: FitConfig {
            batch: BATCH,
            learning_rate: LEARNING_RATE,
            max_steps: STEPS,
            evaluate_every: VALIDATE_EVERY,
            stop: StopRule { running: usize::MAX, patience: usize::MAX, ..StopRule::default() },
            ..FitConfig::default()
        },
    };
    // The other begins there too.
    let member = |network: &&Frozen| Member {
        network: network.name().into(),
        site: network.site("hidden").unwrap(),
        function: AlignmentFunction::new(Orthogonal::identity(WIDTH, &Device::flex())),
    };
    let members = networks.iter().map(member).collect();
    let start = Alignment::new(members, Subspaces::new([("full", WIDTH)]).unwrap()).unwrap();
    let fitted = fit.run(start, None, &mut |_| Ok(())).unwrap();
    evaluate(&participants, &fitted.alignment, setting, &exchange(held_out), Swap::Interchange).unwrap().remove(0)
}

fn outcomes(method: &str, networks: [&Frozen; 2], pairs: &Pairs, outcomes: &[Outcome]) -> UnitOutcomes {
    let [source, target] = networks.map(|network| network.name().to_owned());
    let mut sequences: Vec<&[u32]> = (0..pairs.len()).map(|pair| pairs.target.tokens(pair)).collect();
    sequences.sort_unstable();
    sequences.dedup();
    let row = |(pair, outcome): (usize, &Outcome)| OutcomeRow {
        source: source.clone(),
        target: target.clone(),
        variable: "full".into(),
        control: Control::None,
        pair: pair as u64,
        source_sequence: 0,
        target_sequence: sequences.binary_search(&pairs.target.tokens(pair)).unwrap() as u64,
        changed: pairs.changed[pair],
        held_out_count: false,
        correct: outcome.is_right(),
        tokens_correct: outcome.right.into(),
        tokens: outcome.tokens.into(),
    };
    let unit = AlignmentUnit {
        study: "stitching".into(),
        alignment: method.into(),
        method: method.into(),
        function: "orthogonal".into(),
        positions: "individual".into(),
        site: "hidden".into(),
        variable: "full".into(),
        k: 0,
        seed: 0,
    };
    let rows = outcomes.iter().enumerate().map(row).collect();
    UnitOutcomes { unit, rows, networks: vec![source, target], inaccessible: Vec::new() }
}

#[test]
fn stitching_is_a_special_case_of_mas() {
    let networks: Vec<Frozen> = (1..=5_u64).into_par_iter().map(train).collect();
    let [training, validation, held_out] =
        [(Split::Training, 1500, 1), (Split::Training, 200, 2), (Split::HeldOut, 800, 3)]
            .map(|(split, number, seed)| pairs(split, number, seed));
    let both = |index: usize| {
        let pair = [&networks[index], &networks[(index + 1) % networks.len()]];
        let settings = stitcher::Settings {
            steps: STEPS,
            batch: BATCH,
            learning_rate: LEARNING_RATE as f32,
            validate_every: VALIDATE_EVERY,
        };
        let apart = stitcher::fit(pair, &training, &validation, &settings);
        let apart = stitcher::outcomes(pair, &apart, &held_out);
        let mas = by_mas(pair, &training, &validation, &held_out);
        [outcomes("stitching", pair, &held_out, &mas), outcomes(SEPARATE, pair, &held_out, &apart)]
    };
    let results: Vec<UnitOutcomes> = (0..networks.len()).into_par_iter().flat_map(both).collect();
    let evidence = Evidence { outcomes: &results, ..Evidence::default() };
    let rows = claim("C8").unwrap().decide(&evidence);
    for row in &rows {
        println!("{}, {}: {}; {}", row.claim, row.part, row.measured, row.verdict);
    }
    let right = |of: &UnitOutcomes| of.rows.iter().filter(|row| row.correct).count();
    for of in &results {
        println!("{}, {} → {}: {} of {}", of.unit.method, of.networks[0], of.networks[1], right(of), of.rows.len());
    }
    assert!(results.iter().all(|of| right(of) > of.rows.len() / 2), "stitching does not work, so nothing is compared");
    assert_eq!(rows.iter().find(|row| row.part == OVERALL).unwrap().verdict, Verdict::Holds, "{rows:#?}");
}
