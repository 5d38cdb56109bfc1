//! The studies that ship with the project can be planned.

use std::path::Path;

use burn::tensor::Device;
use mas_cli::study::Study;
use mas_models::SavedNetwork;

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

/// What ships is what its recipe says, whole, and does its task.
#[test]
fn networks_that_ship_are_of_their_recipe_and_accepted() {
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
[networks.training]
max-epochs = 22
learning-rate = 0.003
cool-down = 12
feedback = "teacher-forced"
clip = 1.0
batch = 32
samples = 10000
validate-every = 1
[[alignments]]
name = "hidden"
"#;
    let study = Study::parse(study, folder.join("shipped.toml")).unwrap_or_else(|mistake| panic!("{mistake}"));
    let names: Vec<&str> = study.shipped().collect();
    assert_eq!(names.len(), 5);
    for name in names {
        let network = SavedNetwork::load(folder.join("weights").join(name), &Device::flex()).unwrap();
        assert_eq!(network.description.accepted, Some(true), "{name}");
        let size = std::fs::metadata(folder.join("weights").join(name).join("weights.safetensors")).unwrap().len();
        assert!(size < 1_000_000, "{name}: {size} bytes are too many for a repository");
    }
}
