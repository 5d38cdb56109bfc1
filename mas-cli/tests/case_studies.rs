//! The studies that ship with the project can be planned, and the networks that ship with them do their tasks.

use std::{collections::BTreeSet, path::Path};

use burn::tensor::Device;
use mas_cli::study::Study;
use mas_core::Trials;
use mas_models::{Feedback, SavedNetwork};
use mas_tasks::TaskConfig;

#[test]
fn every_case_study_can_be_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/case-studies");
    let mut planned = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let study = Study::read(&path).unwrap_or_else(|mistake| panic!("{mistake}"));
        // Quick and paper presets are of one study, with a page of its own.
        assert!(name == format!("{}.quick.toml", study.name) || name == format!("{}.paper.toml", study.name), "{name}");
        assert!(folder.join(format!("{}.md", study.name)).is_file(), "{name} has no page");
        assert!(!study.claims.is_empty() && !study.plan("flex").units().is_empty(), "{name}");
        planned.push(name);
    }
    assert!(planned.len() >= 8, "{planned:?}");
}

/// What ships is what its recipe says and whole.
#[test]
fn networks_that_ship_are_of_their_recipe() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/case-studies");
    let study = r#"
name = "shipped"
[[networks]]
name = "arithmetic"
task = "arithmetic"
architecture = "gru"
dropout = 0.0
seeds = [1, 2, 3, 4, 5]
weights = "weights"
training = { max-epochs = 22, learning-rate = 0.003, cool-down = 12, feedback = "teacher-forced", clip = 1.0, batch = 32, samples = 10000, validate-every = 1 }
[[networks]]
name = "square-1"
task = "square"
architecture = "lstm"
dropout = 0.0
weights = "weights"
training = { max-epochs = 80, learning-rate = 0.001, cool-down = 65, response-only = true, clip = 1.0, batch = 16, samples = 4000, validate-every = 1 }
[[alignments]]
name = "hidden"
networks = ["arithmetic", "square-1"]
method = "das"
"#;
    let study = Study::parse(study, folder.join("shipped.toml")).unwrap_or_else(|mistake| panic!("{mistake}"));
    assert_eq!(study.shipped().count(), 6);
}

/// On trials that they have neither learned from nor been accepted by.
#[test]
fn networks_that_ship_do_their_task() {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/case-studies/weights");
    let mut tasks = BTreeSet::new();
    for entry in std::fs::read_dir(weights).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.display();
        let size = std::fs::metadata(path.join("weights.safetensors")).unwrap().len();
        assert!(size < 1_000_000, "{name}: {size} bytes are too many for a repository");
        let SavedNetwork { network, description } = SavedNetwork::load(&path, &Device::flex()).unwrap();
        assert_eq!(description.accepted, Some(true), "{name}");
        let task = TaskConfig::new(description.task.unwrap().parse().unwrap()).build().unwrap();
        assert_eq!(description.vocabulary.tokens, task.vocabulary().tokens(), "{name}");
        // Of the counts that networks are trained on, and of those that they are not.
        for sequences in [task.sequences(100, 20_261_126), task.validation_sequences(100, 20_261_126)] {
            let trials = sequences.iter().map(|sequence| (sequence.tokens.as_slice(), sequence.response.as_slice()));
            let trials = Trials::new(trials, task.vocabulary().pad()).unwrap();
            let accuracy = network.evaluate(&trials, Feedback::FreeRunning).unwrap().trial_accuracy;
            assert!(accuracy >= 0.97, "{name}: {accuracy} of fresh trials right");
        }
        tasks.insert(task.kind().name());
    }
    assert_eq!(tasks.into_iter().collect::<Vec<_>>(), ["arithmetic", "modulo", "rounding", "square"]);
}
