//! From a task to the accuracy of interchanges between two trained GRUs, through all crates.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use burn::prelude::*;
use mas_core::{
    Accuracy, Alignment, AlignmentFunction, Exchange, Fit, FitConfig, Member, Method, Pairs, Participant, Population,
    Positions, Recorded, Setting, Subspaces, Swap, Trials, accuracy, alignment::Orthogonal, all_directions, evaluate,
    evaluate_unintervened, fit::Event,
};
use mas_models::{
    Frozen,
    import::{ImportOptions, import},
};
use mas_tasks::{PairConfig, Sequence, TaskConfig, TaskKind, Variable};
use npyz::npz::NpzArchive;

const WIDTH: usize = 128;

/// Networks and alignments from the author's PyTorch implementation of arXiv 2501.06164.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mas-models/tests/fixtures")
}

fn networks() -> [Frozen; 2] {
    ["gru_multiobject_seed12345", "gru_multiobject_seed23456"].map(|name| {
        let path = fixtures().join(name).join("state_dict.safetensors");
        let imported = import(path, &ImportOptions::default(), &Device::flex()).unwrap();
        assert_eq!(imported.description.task.as_deref(), Some("multi-object"));
        let task = TaskConfig::new(TaskKind::MultiObject).build().unwrap();
        assert_eq!(imported.description.vocabulary.tokens, task.vocabulary().tokens());
        Frozen::new(name, imported.network.recurrent().unwrap().clone())
    })
}

fn participants<'a>(networks: &'a [Frozen; 2], site: &str) -> Vec<Participant<'a>> {
    networks.iter().map(|network| Participant::live(network, site).unwrap()).collect()
}

fn trials<'a>(sequences: impl IntoIterator<Item = &'a Sequence>) -> Trials {
    let sequences = sequences.into_iter().map(|sequence| (sequence.tokens.as_slice(), sequence.response.as_slice()));
    Trials::new(sequences, 0).unwrap()
}

/// Pairs of Multi-Object in which `variable` is sent.
fn pairs(variable: Variable, positions: Positions, number: usize, seed: u64) -> Pairs {
    let task = TaskConfig::new(TaskKind::MultiObject).build().unwrap();
    let positions = match positions {
        Positions::Individual => mas_tasks::Positions::Individual,
        Positions::Stepwise => mas_tasks::Positions::Stepwise,
    };
    let config = PairConfig::new(task.clone(), task, variable).with_positions(positions);
    let pairs = config.with_count(number).with_seed(seed).pairs().unwrap().pairs;
    assert_eq!(pairs.len(), number);
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

/// The same pairs in all four directions.
fn exchanges(pairs: &Pairs) -> Vec<Exchange<'_>> {
    all_directions(2).into_iter().map(|direction| Exchange { direction, subspace: 0, pairs }).collect()
}

fn alignment(networks: &[Frozen; 2], k: usize, map: impl Fn(usize) -> Orthogonal) -> Alignment {
    let member = |(index, network): (usize, &Frozen)| Member {
        network: network.name().into(),
        site: network.site("hidden").unwrap(),
        function: AlignmentFunction::new(map(index)),
    };
    let members = networks.iter().enumerate().map(member).collect();
    Alignment::new(members, Subspaces::new([("full", k)]).unwrap()).unwrap()
}

fn identity(networks: &[Frozen; 2], k: usize) -> Alignment {
    alignment(networks, k, |_| Orthogonal::identity(WIDTH, &Device::flex()))
}

/// The rotations of 32 coordinates that the PyTorch implementation learned between these networks.
fn recorded_alignment(networks: &[Frozen; 2]) -> Alignment {
    let path = fixtures().join("interchange/rotations.npz");
    let mut arrays: NpzArchive<BufReader<File>> = NpzArchive::open(path).unwrap();
    let mut read = |key: String| arrays.by_name(&key).unwrap().unwrap().into_vec::<f32>().unwrap();
    let maps: Vec<(Vec<f32>, Vec<f32>)> = (0..2)
        .map(|network| {
            let base = read(format!("trained/{network}/base"));
            let mut parameters = vec![0.0; WIDTH * WIDTH];
            let mut lower = read(format!("trained/{network}/lower")).into_iter();
            for row in 0..WIDTH {
                parameters[row * WIDTH..][..row].iter_mut().zip(&mut lower).for_each(|(to, from)| *to = from);
            }
            (base, parameters)
        })
        .collect();
    let square = |values: &[f32]| Tensor::from_data(TensorData::new(values.to_vec(), [WIDTH, WIDTH]), &Device::flex());
    alignment(networks, 32, |network| {
        let (base, parameters) = &maps[network];
        Orthogonal::from_parts(square(base), square(parameters)).unwrap()
    })
}

/// Counts over all pairs, direction by direction: 0 → 0, 0 → 1, 1 → 0, 1 → 1.
fn iia(networks: &[Frozen; 2], alignment: &Alignment, setting: Setting, pairs: &Pairs, swap: Swap) -> Vec<Accuracy> {
    let exchanges = exchanges(pairs);
    let outcomes = evaluate(&participants(networks, "hidden"), alignment, setting, &exchanges, swap).unwrap();
    outcomes.iter().map(|outcomes| accuracy(outcomes, pairs, Population::Changed)).collect()
}

#[test]
fn trained_networks_are_right_without_an_interchange() {
    let networks = networks();
    let pairs = pairs(Variable::Count, Positions::Individual, 150, 1);
    let participants = participants(&networks, "hidden");
    let outcomes = evaluate_unintervened(&participants, &identity(&networks, 4), &exchanges(&pairs)).unwrap();
    for outcomes in outcomes {
        let all = accuracy(&outcomes, &pairs, Population::All);
        assert_eq!((all.right, all.pairs), (150, 150));
    }
}

/// Everything goes over, within a network: what the program says of a full swap, the network does. Between networks it
/// does not, as nobody has aligned them; nor does anything happen where nothing goes over.
#[test]
fn a_full_swap_within_a_network_is_what_the_program_says() {
    let networks = networks();
    let setting = Setting::default();
    for seed in [2, 3] {
        let pairs = pairs(Variable::Full, Positions::Individual, 150, seed);
        assert!(pairs.changed.iter().filter(|&&changed| changed).count() > 100);
        let swapped = iia(&networks, &identity(&networks, WIDTH), setting, &pairs, Swap::Interchange);
        assert!(swapped[0].iia() > 0.98 && swapped[3].iia() > 0.98, "{swapped:?}");
        assert!(swapped[1].iia() < 0.3 && swapped[2].iia() < 0.3, "{swapped:?}");
        for untouched in iia(&networks, &identity(&networks, WIDTH), setting, &pairs, Swap::NoSwap) {
            assert!(untouched.iia() < 0.05, "{untouched:?}");
        }
    }
}

/// The PyTorch implementation learned these on pairs of its own; ours are drawn otherwise.
#[test]
fn rotations_learned_by_the_pytorch_implementation_align_the_networks() {
    let networks = networks();
    let pairs = pairs(Variable::Full, Positions::Individual, 200, 4);
    let learned = iia(&networks, &recorded_alignment(&networks), Setting::default(), &pairs, Swap::Interchange);
    assert!(learned.iter().all(|direction| direction.iia() > 0.9), "{learned:?}");
    let random = alignment(&networks, 32, |network| Orthogonal::random(WIDTH, network as u64, &Device::flex()));
    for direction in iia(&networks, &random, Setting::default(), &pairs, Swap::Interchange) {
        assert!(direction.iia() < 0.3, "{direction:?}");
    }
}

/// Batches are large enough that cores share them.
#[test]
fn a_fit_between_trained_networks_learns_and_has_the_same_bytes_on_any_number_of_threads() {
    let networks = networks();
    let training = pairs(Variable::Full, Positions::Individual, 200, 5);
    let validation = pairs(Variable::Full, Positions::Individual, 40, 6);
    let objective = Method::Mas.objective(2).unwrap();
    let fit = Fit {
        participants: participants(&networks, "hidden"),
        setting: Setting::default(),
        training: exchanges(&training),
        validation: exchanges(&validation),
        objective,
        config: FitConfig { batch: 80, learning_rate: 3e-3, max_steps: 12, ..FitConfig::default() },
    };
    let run = |threads: usize| {
        let random = alignment(&networks, 16, |network| Orthogonal::random(WIDTH, network as u64, &Device::flex()));
        let mut losses = Vec::new();
        let mut note = |event: Event| {
            if let Event::Step { loss, .. } = event {
                losses.push(loss);
            }
            Ok(())
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let fitted = pool.install(|| fit.run(random, None, &mut note)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fitted.alignment.save(folder.path(), &toml::Table::new()).unwrap();
        (losses, std::fs::read(folder.path().join("alignment.safetensors")).unwrap())
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one, two);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&one.0[9..]) < 0.9 * mean(&one.0[..3]), "{:?}", one.0);
}
