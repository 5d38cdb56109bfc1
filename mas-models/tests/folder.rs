//! Network folders: what is saved comes back, and what is wrong is told with its file and place.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use mas_models::{
    CellKind, Model, NetworkDescription, RecurrentConfig, SavedNetwork, StopReason, TrainingRecord, TrainingSettings,
    TrainingSummary, Vocabulary,
};
use tempfile::TempDir;

fn saved() -> (SavedNetwork, Vec<TrainingRecord>) {
    let config = RecurrentConfig::new(CellKind::Gru, 8, 4).with_layers(2);
    let tokens = ["P", "B", "E", "D"].map(String::from).to_vec();
    let vocabulary = Vocabulary { begin: Some(1), end: Some(2), pad: Some(0), ..Vocabulary::new(tokens) };
    let training = TrainingSummary {
        epochs: 5,
        steps: 40,
        stopped: StopReason::MaxEpochs,
        validation_accuracy: 1.0 / 3.0,
        settings: TrainingSettings { max_epochs: 5, ..TrainingSettings::default() },
    };
    let description = NetworkDescription {
        task: Some("multi-object".into()),
        accepted: Some(false),
        training: Some(training),
        fine_tuning: None,
        ..NetworkDescription::initialised(&config, vocabulary, 77)
    };
    let record = TrainingRecord {
        epoch: 5,
        step: 40,
        train_loss: 0.1 + 0.2,
        validation_loss: 1.0 / 3.0,
        token_accuracy: 0.9,
        trial_accuracy: 1.0 / 3.0,
        learning_rate: 2e-4,
    };
    (SavedNetwork { network: config.init(77, &Device::flex()).unwrap().into(), description }, vec![record])
}

fn bytes(network: &Model) -> Vec<f32> {
    let network = network.recurrent().unwrap();
    let mut tensors: Vec<Tensor<2>> =
        vec![network.embedding(), network.read_out().w_in().unwrap(), network.read_out().w_out()];
    for cell in network.cells() {
        let mas_models::Cell::Gru(cell) = cell else { panic!("not a GRU") };
        tensors.extend([cell.w_ih(), cell.w_hh(), cell.b_ih(), cell.b_hh()]);
    }
    tensors.into_iter().flat_map(|tensor| tensor.try_into_vec_as::<f32>().unwrap()).collect()
}

#[test]
fn what_is_saved_comes_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("networks/gru");
    let (network, history) = saved();
    network.save(&path, &history).unwrap();
    network.save(&path, &history).unwrap();
    let loaded = SavedNetwork::load(&path, &Device::flex()).unwrap();
    assert_eq!(bytes(&loaded.network), bytes(&network.network));
    assert_eq!(SavedNetwork::load_history(&path).unwrap(), history);
    let mut description = loaded.description;
    assert!(description.provenance.weights_blake3.take().is_some());
    assert_eq!(description, network.description);
    let names: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["gru"], "nothing temporary is left");
    let mut files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["network.toml", "training.csv", "weights.safetensors"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let config = RecurrentConfig::new(CellKind::Gru, 16, 8);
    let draw = |seed| bytes(&config.init(seed, &Device::flex()).unwrap().into());
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let spread = draw(1)[..128].iter().map(|value| value * value).sum::<f32>() / 128.0;
    assert!((0.6..1.5).contains(&spread), "the embedding is drawn from N(0, 1): {spread}");
    assert!(draw(1)[128..].iter().all(|value| value.abs() <= 0.25));
}

/// The error of loading a folder in which `change` has been made.
fn error(change: impl Fn(&Path)) -> String {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gru");
    let (network, history) = saved();
    network.save(&path, &history).unwrap();
    change(&path);
    SavedNetwork::load(&path, &Device::flex()).expect_err("a damaged folder was loaded").to_string()
}

fn edit(path: &Path, from: &str, to: &str) {
    let path = path.join("network.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_is_wrong_is_told_with_its_file_and_place() {
    let weights = |path: &Path| path.join("weights.safetensors");
    let cases: [(String, &[&str]); 9] = [
        (error(|path| std::fs::remove_file(weights(path)).unwrap()), &["weights.safetensors", "No such file"]),
        (error(|path| std::fs::remove_file(path.join("network.toml")).unwrap()), &["network.toml", "No such file"]),
        (
            error(|path| {
                let bytes = std::fs::read(weights(path)).unwrap();
                std::fs::write(weights(path), &bytes[..bytes.len() - 5]).unwrap();
            }),
            &["weights.safetensors", "truncated"],
        ),
        (
            error(|path| {
                let mut bytes = std::fs::read(weights(path)).unwrap();
                let length = bytes.len();
                bytes[length - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
                std::fs::write(weights(path), bytes).unwrap();
            }),
            &["weights.safetensors", "has the value NaN"],
        ),
        (
            error(|path| {
                let mut bytes = std::fs::read(weights(path)).unwrap();
                let length = bytes.len();
                bytes[length - 4..].copy_from_slice(&0.5f32.to_le_bytes());
                std::fs::write(weights(path), bytes).unwrap();
            }),
            &["weights.safetensors", "not the weights that were saved"],
        ),
        (error(|path| edit(path, "layers = 2", "layers = 1")), &["no place for tensor cell.1.b_hh"]),
        (error(|path| edit(path, "layers = 2", "layers = 3")), &["tensor cell.2.w_ih is missing"]),
        (error(|path| edit(path, "width = 8", "width = 9")), &["tensor embedding is [4, 8], must be [4, 9]"]),
        (error(|path| edit(path, "width = 8", "wdith = 8")), &["network.toml", "line", "unknown field `wdith`"]),
    ];
    for (error, expected) in cases {
        for expected in expected {
            assert!(error.contains(expected), "{error:?} should tell {expected:?}");
        }
    }
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "all my work").unwrap();
    let (network, _) = saved();
    let error = network.save(folder.path(), &[]).unwrap_err().to_string();
    assert!(error.contains("exists and is no network folder"), "{error}");
    assert!(folder.path().join("thesis.tex").exists());
}

#[test]
fn more_files_come_with_the_folder_or_nothing_does() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("network");
    let (saved, history) = saved();
    saved.save_with(&folder, &history, |inside| write(inside, "one")).unwrap();
    let read = || std::fs::read_to_string(folder.join("more.txt")).unwrap();
    assert_eq!(read(), "one");
    let refused = saved.save_with(&folder, &history, |inside| {
        write(inside, "two")?;
        Err(io(inside, std::io::Error::other("the disk is full")))
    });
    assert!(refused.unwrap_err().to_string().contains("the disk is full"));
    assert_eq!(read(), "one");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
}

fn write(folder: &Path, text: &str) -> mas_models::Result<()> {
    let path = folder.join("more.txt");
    std::fs::write(&path, text).map_err(|error| io(&path, error))
}

fn io(path: &Path, source: std::io::Error) -> mas_models::Error {
    mas_models::Error::Io { path: path.to_path_buf(), source }
}
