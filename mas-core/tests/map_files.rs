//! Alignments of every kind of function on disk: what is saved is loaded, and damage is named.

use std::{collections::BTreeMap, path::Path};

use burn::prelude::*;
use mas_core::{Alignment, FunctionConfig, FunctionKind, Member, Site, Start, Subspaces, alignment::Parametrisation};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

const WIDTH: usize = 6;
const TENSORS: &str = "alignment.safetensors";

fn configurations() -> Vec<FunctionConfig> {
    let of = |kind, parametrisation| FunctionConfig { parametrisation, ..FunctionConfig::new(kind, Start::Random) };
    let mut all: Vec<_> = FunctionKind::ALL.into_iter().map(|kind| of(kind, None)).collect();
    all.push(of(FunctionKind::Orthogonal, Some(Parametrisation::Cayley)));
    for kind in [FunctionKind::Orthogonal, FunctionKind::Scaled, FunctionKind::Relaxed] {
        all.push(of(kind, Some(Parametrisation::Householder)));
    }
    all
}

/// One network, with parameters away from their start.
fn alignment(config: &FunctionConfig) -> Alignment {
    let mut function = config.init(WIDTH, 3, 1, None, &Device::flex()).unwrap();
    let moved = function.parameters().into_iter().map(|parameter| parameter * 1.1 + 0.05).collect();
    function.set_parameters(moved).unwrap();
    let member = Member { network: "gru".into(), site: Site::new("hidden", WIDTH), function };
    Alignment::new(vec![member], Subspaces::new([("count", 3)]).unwrap()).unwrap()
}

fn saved(config: &FunctionConfig) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    alignment(config).save(folder.path(), &toml::Table::new()).unwrap();
    folder
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.clone().try_into_vec_as::<f32>().unwrap()
}

fn load(folder: &Path) -> Result<Alignment, mas_core::Error> {
    Alignment::load(folder, &Device::flex()).map(|(alignment, _)| alignment)
}

#[track_caller]
fn is_refused(folder: &Path, words: &[&str]) {
    let message = load(folder).expect_err("the damage went unnoticed").to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn read(folder: &Path) -> Tensors {
    let bytes = std::fs::read(folder.join(TENSORS)).unwrap();
    let number = |chunk: &[u8]| f32::from_le_bytes(chunk.try_into().unwrap());
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().chunks_exact(4).map(number).collect())))
        .collect()
}

fn write(folder: &Path, tensors: &Tensors) {
    let bytes: BTreeMap<&String, Vec<u8>> = tensors
        .iter()
        .map(|(name, (_, values))| (name, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = tensors
        .iter()
        .map(|(name, (shape, _))| (name, TensorView::new(Dtype::F32, shape.clone(), &bytes[name]).unwrap()));
    std::fs::write(folder.join(TENSORS), safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn every_function_that_was_saved_is_loaded() {
    for config in configurations() {
        let folder = saved(&config);
        let (loaded, original) = (load(folder.path()).unwrap(), alignment(&config));
        let function = |alignment: &Alignment| alignment.members()[0].function.clone();
        assert_eq!(function(&loaded).map().kind(), config.kind);
        let parameters =
            |alignment: &Alignment| function(alignment).parameters().iter().map(values).collect::<Vec<_>>();
        assert_eq!(parameters(&loaded), parameters(&original), "{config:?}");
        let activity = Tensor::from_data([[0.1, -0.4, 0.3, 1.2, -2.0, 0.7]], &Device::flex());
        let read = |alignment: &Alignment| values(&alignment.evaluate().unwrap()[0].read(activity.clone(), 0..3));
        assert_eq!(read(&loaded), read(&original), "{config:?}");
        // And saved again, it is the same.
        let again = tempfile::tempdir().unwrap();
        loaded.save(again.path(), &toml::Table::new()).unwrap();
        for file in ["alignment.toml", TENSORS] {
            let bytes = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).unwrap();
            assert_eq!(bytes(&folder), bytes(&again), "{config:?} {file}");
        }
    }
}

#[test]
fn explicit_matrices_are_saved_for_others_to_read() {
    for config in configurations() {
        let tensors = read(saved(&config).path());
        let evaluated = &alignment(&config).evaluate().unwrap()[0];
        let stored = |name: &str| tensors.get(name).map(|(_, values)| values.clone());
        assert_eq!(stored("frame.gru"), evaluated.frame().map(values), "{config:?}");
        let inverse = (config.kind != FunctionKind::Orthogonal).then(|| evaluated.inverse_frame().map(values));
        assert_eq!(stored("inverse.gru"), inverse.flatten(), "{config:?}");
    }
}

#[test]
fn a_rotation_as_it_always_was_needs_no_new_key() {
    let folder = saved(&FunctionConfig::default());
    let text = std::fs::read_to_string(folder.path().join("alignment.toml")).unwrap();
    assert!(text.contains("map = \"orthogonal\"") && !text.contains("parametrisation"), "{text}");
}

#[test]
fn a_tensor_that_is_missing_or_misshapen_is_named() {
    for config in configurations() {
        let names: Vec<String> = read(saved(&config).path()).into_keys().collect();
        for name in names {
            let folder = saved(&config);
            let mut tensors = read(folder.path());
            let (shape, _) = tensors.remove(&name).unwrap();
            write(folder.path(), &tensors);
            // Not every function has a bias, and explicit matrices are there for others. A file whose last block is
            // missing its first tensor has tensors that have no place.
            let optional = ["frame", "inverse", "bias"].iter().any(|part| name.starts_with(part));
            match optional {
                true => assert!(load(folder.path()).is_ok(), "{name}"),
                false => is_refused(folder.path(), &[TENSORS]),
            }
            let shape = vec![shape[0] + 1, shape[1]];
            tensors.insert(name.clone(), (shape.clone(), vec![0.5; shape.iter().product()]));
            write(folder.path(), &tensors);
            is_refused(folder.path(), &[TENSORS, &name]);
        }
    }
}

#[test]
fn numbers_that_are_no_map_are_refused() {
    for config in configurations() {
        let names: Vec<String> = read(saved(&config).path()).into_keys().collect();
        for name in names {
            for value in [f32::NAN, f32::INFINITY] {
                let folder = saved(&config);
                let mut tensors = read(folder.path());
                tensors.get_mut(&name).unwrap().1[0] = value;
                write(folder.path(), &tensors);
                is_refused(folder.path(), &[TENSORS, &name]);
            }
        }
    }
}

/// Finite, of the right shape, and without an inverse.
#[test]
fn singular_maps_are_refused() {
    let refused = |kind, parametrisation, name: &str, value: f32, word: &str| {
        let config = FunctionConfig { parametrisation, ..FunctionConfig::new(kind, Start::Random) };
        let folder = saved(&config);
        let mut tensors = read(folder.path());
        tensors.get_mut(name).unwrap().1.fill(value);
        write(folder.path(), &tensors);
        is_refused(folder.path(), &[TENSORS, "gru", word]);
    };
    refused(FunctionKind::Linear, None, "core.gru", 1e5, "no inverse");
    refused(FunctionKind::Linear, None, "core.gru", 1e20, "gru");
    refused(FunctionKind::Scaled, None, "log-scale.gru", -500.0, "no inverse");
    refused(FunctionKind::Scaled, None, "base.gru", 0.0, "base.gru");
    let householder = Some(Parametrisation::Householder);
    refused(FunctionKind::Orthogonal, householder, "parameters.gru", 0.0, "direction");
    refused(FunctionKind::Relaxed, householder, "base.gru", 0.0, "base.gru");
}

#[test]
fn explicit_matrices_that_contradict_the_parameters_are_refused() {
    for config in configurations() {
        for name in ["frame.gru", "inverse.gru"] {
            let folder = saved(&config);
            let mut tensors = read(folder.path());
            let Some((_, values)) = tensors.get_mut(name) else { continue };
            values[1] += 1.0;
            write(folder.path(), &tensors);
            is_refused(folder.path(), &[TENSORS, name]);
        }
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    for config in configurations() {
        let whole = saved(&config);
        let bytes = std::fs::read(whole.path().join(TENSORS)).unwrap();
        for length in (0..bytes.len()).step_by(211).chain([bytes.len() - 1]) {
            std::fs::write(whole.path().join(TENSORS), &bytes[..length]).unwrap();
            is_refused(whole.path(), &[TENSORS]);
        }
    }
}

/// A rotation that was made for three columns has no fourth.
#[test]
fn more_columns_than_a_frame_has_are_refused() {
    let config = FunctionConfig { parametrisation: Some(Parametrisation::Householder), ..FunctionConfig::default() };
    let folder = saved(&config);
    let mut tensors = read(folder.path());
    tensors.remove("frame.gru");
    write(folder.path(), &tensors);
    let path = folder.path().join("alignment.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("size = 3", "size = 4");
    std::fs::write(&path, text).unwrap();
    is_refused(folder.path(), &["gru", "4", "3"]);
}
