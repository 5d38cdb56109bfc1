//! Alignments on disk: what is saved is loaded, and damage is named.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use burn::prelude::*;
use mas_core::{
    Alignment, AlignmentFunction, Error, Member, Site, Subspaces,
    alignment::{Orthogonal, PreStep, Squash},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

fn device() -> Device {
    Device::flex()
}

fn wavy(rows: usize, columns: usize) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * columns).map(|index| (index as f32 * 1.3).sin()).collect();
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device())
}

fn rotation(width: usize, seed: u64) -> Orthogonal {
    Orthogonal::from_parts(Orthogonal::random(width, seed, &device()).base().clone(), wavy(width, width)).unwrap()
}

/// Two networks of the widths 6 and 5, the second with every kind of pre-step.
fn alignment() -> Alignment {
    let prestep = PreStep::default()
        .with_squash(Squash::Tanh)
        .with_standardisation(wavy(1, 5), wavy(1, 5).abs() + 0.5)
        .unwrap()
        .with_bias(wavy(1, 5) * 2.0);
    let member = |network: &str, site: &str, width, function| Member {
        network: network.into(),
        site: Site::new(site, width),
        function,
    };
    let first = member("gru.1", "hidden", 6, AlignmentFunction::new(rotation(6, 1)));
    let second = member("gru.2", "layer.0", 5, AlignmentFunction::new(rotation(5, 2)).with_prestep(prestep));
    Alignment::new(vec![first, second], Subspaces::new([("count", 2), ("phase", 1)]).unwrap()).unwrap()
}

fn settings() -> toml::Table {
    "seed = 3\nrate = 1e-3\n[study]\nname = \"a \\\"quoted\\\" name\"\nwidths = [1, 2]\n".parse().unwrap()
}

/// A folder with a saved alignment.
struct Saved(tempfile::TempDir);

impl Saved {
    fn new() -> Self {
        let saved = Self(tempfile::tempdir().unwrap());
        alignment().save(saved.0.path(), &settings()).unwrap();
        saved
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self) -> Result<(Alignment, toml::Table), Error> {
        Alignment::load(self.0.path(), &device())
    }

    /// Edits the description as text.
    fn describe(&self, edit: impl FnOnce(String) -> String) -> &Self {
        let path = self.path(DESCRIPTION);
        std::fs::write(&path, edit(std::fs::read_to_string(&path).unwrap())).unwrap();
        self
    }

    /// Edits the tensors: name, shape, values.
    fn tensors(&self, edit: impl FnOnce(&mut BTreeMap<String, (Vec<usize>, Vec<f32>)>)) -> &Self {
        let bytes = std::fs::read(self.path(TENSORS)).unwrap();
        let mut tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)> = SafeTensors::deserialize(&bytes)
            .unwrap()
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                let number = |chunk: &[u8]| f32::from_le_bytes(chunk.try_into().unwrap());
                (name, (view.shape().to_vec(), view.data().chunks_exact(4).map(number).collect()))
            })
            .collect();
        edit(&mut tensors);
        let bytes: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = tensors
            .into_iter()
            .map(|(name, (shape, values))| {
                (name, (Dtype::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
            })
            .collect();
        self.write(&bytes);
        self
    }

    fn write(&self, tensors: &BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>) {
        let views = tensors
            .iter()
            .map(|(name, (dtype, shape, bytes))| (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
        std::fs::write(self.path(TENSORS), safetensors::serialize(views, None).unwrap()).unwrap();
    }

    /// Loading must fail with a message that names `file` and has all of `words`.
    #[track_caller]
    fn is_refused(&self, file: &str, words: &[&str]) {
        let message = self.load().expect_err("the damage went unnoticed").to_string();
        for word in words.iter().chain([&self.path(file).display().to_string().as_str()]) {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }
}

const DESCRIPTION: &str = "alignment.toml";
const TENSORS: &str = "alignment.safetensors";

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.clone().try_into_vec_as::<f32>().unwrap()
}

#[test]
fn what_was_saved_is_loaded() {
    let saved = Saved::new();
    let (loaded, kept) = saved.load().unwrap();
    assert_eq!(kept, settings());
    let original = alignment();
    assert_eq!(loaded.subspaces(), original.subspaces());
    assert_eq!(loaded.members().len(), 2);
    for (ours, theirs) in loaded.members().iter().zip(original.members()) {
        assert_eq!((&ours.network, &ours.site), (&theirs.network, &theirs.site));
        let base = |member: &Member| values(member.function.map().rotation().unwrap().base());
        assert_eq!(base(ours), base(theirs));
        let parameters = |member: &Member| member.function.parameters().iter().map(values).collect::<Vec<_>>();
        assert_eq!(parameters(ours), parameters(theirs));
        let (prestep, original_prestep) = (ours.function.prestep(), theirs.function.prestep());
        assert_eq!(prestep.squash(), original_prestep.squash());
        let named = |prestep: &PreStep| prestep.tensors().map(|(name, t)| (name, values(t))).collect::<Vec<_>>();
        assert_eq!(named(prestep), named(original_prestep));
    }
    for (ours, theirs) in loaded.evaluate().unwrap().iter().zip(original.evaluate().unwrap()) {
        assert_eq!(values(ours.frame().unwrap()), values(theirs.frame().unwrap()));
    }
}

#[test]
fn saving_again_gives_the_same_bytes() {
    let (first, second) = (Saved::new(), tempfile::tempdir().unwrap());
    let (loaded, settings) = first.load().unwrap();
    loaded.save(second.path(), &settings).unwrap();
    for file in [DESCRIPTION, TENSORS] {
        assert_eq!(
            std::fs::read(first.path(file)).unwrap(),
            std::fs::read(second.path().join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn the_explicit_frame_is_saved_for_others_to_read() {
    let saved = Saved::new();
    let bytes = std::fs::read(saved.path(TENSORS)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    for (member, evaluated) in alignment().members().iter().zip(alignment().evaluate().unwrap()) {
        let frame = file.tensor(&format!("frame.{}", member.network)).unwrap();
        assert_eq!(frame.shape(), [member.site.width, 3]);
        let bytes: Vec<u8> = values(evaluated.frame().unwrap()).iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(frame.data(), bytes);
    }
}

#[test]
fn a_missing_file_is_named() {
    for file in [DESCRIPTION, TENSORS] {
        let saved = Saved::new();
        std::fs::remove_file(saved.path(file)).unwrap();
        saved.is_refused(file, &[]);
    }
}

#[test]
fn a_truncated_file_is_named_wherever_it_ends() {
    let whole = Saved::new();
    for file in [DESCRIPTION, TENSORS] {
        let bytes = std::fs::read(whole.path(file)).unwrap();
        // A description that ends between two entries of its settings is whole as far as anyone can tell.
        let last = if file == DESCRIPTION { memchr(&bytes, b"[settings") } else { bytes.len() - 1 };
        for length in (0..=last).step_by(61).chain([1, 7, 8, 9, last]) {
            let saved = Saved::new();
            std::fs::write(saved.path(file), &bytes[..length]).unwrap();
            if file == DESCRIPTION && saved.load().is_ok_and(|(alignment, _)| alignment.members().len() == 2) {
                continue;
            }
            let error = saved.load().map(|(alignment, _)| alignment.members().len());
            let message = error.expect_err(&format!("{file} of {length} bytes was read")).to_string();
            assert!(message.contains(&saved.path(file).display().to_string()), "{length}: {message}");
        }
    }
}

fn memchr(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).position(|window| window == word).unwrap()
}

#[test]
fn unknown_keys_of_the_description_are_named() {
    let unknown = |from: &'static str, to: &'static str| {
        Saved::new()
            .describe(|text| {
                assert!(text.contains(from), "{text}");
                text.replacen(from, to, 1)
            })
            .is_refused(DESCRIPTION, &["colour"]);
    };
    unknown("[[subspaces]]", "colour = 1\n[[subspaces]]");
    unknown("name = \"count\"", "name = \"count\"\ncolour = 1");
    unknown("site = \"hidden\"", "site = \"hidden\"\ncolour = 1");
    unknown("map = \"orthogonal\"", "map = \"colour\"");
    unknown("squash = \"tanh\"", "squash = \"colour\"");
}

#[test]
fn missing_and_mistyped_keys_of_the_description_are_named() {
    for key in ["name", "site", "width", "map"] {
        let entry = |text: &String| text.find("[[networks]]").unwrap();
        let saved = Saved::new();
        saved.describe(|text| {
            let start = entry(&text) + text[entry(&text)..].find(&format!("\n{key} =")).unwrap() + 1;
            let end = start + text[start..].find('\n').unwrap();
            format!("{}{}", &text[..start], &text[end..])
        });
        saved.is_refused(DESCRIPTION, &[key]);
    }
    Saved::new().describe(|text| text.replace("width = 6", "width = -6")).is_refused(DESCRIPTION, &["width"]);
    Saved::new().describe(|text| text.replace("width = 6", "width = \"6\"")).is_refused(DESCRIPTION, &["width"]);
}

#[test]
fn subspaces_that_cannot_be_are_refused() {
    Saved::new().describe(|text| text.replace("size = 2", "size = 0")).is_refused(DESCRIPTION, &["count"]);
    Saved::new().describe(|text| text.replace("\"phase\"", "\"count\"")).is_refused(DESCRIPTION, &["count"]);
    let saved = Saved::new();
    saved.tensors(|tensors| tensors.retain(|name, _| !name.starts_with("frame")));
    saved.describe(|text| text.replace("size = 2", "size = 5"));
    let message = saved.load().unwrap_err().to_string();
    assert!(message.contains(&saved.0.path().display().to_string()), "{message}");
    assert!(message.contains("gru.2") && message.contains('6') && message.contains('5'), "{message}");
}

#[test]
fn two_networks_of_one_name_are_refused() {
    let saved = Saved::new();
    saved.describe(|text| text.replace("gru.2", "gru.1").replace("width = 5", "width = 6"));
    saved.load().unwrap_err();
}

#[test]
fn a_missing_tensor_is_named() {
    for name in ["base.gru.1", "parameters.gru.2", "mean.gru.2", "scale.gru.2"] {
        let saved = Saved::new();
        saved.tensors(|tensors| assert!(tensors.remove(name).is_some())).is_refused(TENSORS, &[name]);
    }
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    for name in ["base.gru.1", "parameters.gru.1", "mean.gru.2", "scale.gru.2", "bias.gru.2"] {
        let saved = Saved::new();
        saved.tensors(|tensors| {
            let (shape, values) = tensors.get_mut(name).unwrap();
            shape[1] -= 1;
            values.truncate(shape[0] * shape[1]);
        });
        saved.is_refused(TENSORS, &[name]);
        let saved = Saved::new();
        saved.tensors(|tensors| tensors.get_mut(name).unwrap().0.insert(0, 1)).is_refused(TENSORS, &[name]);
    }
}

#[test]
fn a_tensor_with_a_number_that_is_not_finite_is_named() {
    for name in ["base.gru.1", "parameters.gru.1", "mean.gru.2", "scale.gru.2", "bias.gru.2", "frame.gru.1"] {
        for value in [f32::NAN, f32::NEG_INFINITY] {
            let saved = Saved::new();
            saved.tensors(|tensors| tensors.get_mut(name).unwrap().1[3] = value).is_refused(TENSORS, &[name]);
        }
    }
}

#[test]
fn a_tensor_of_another_type_is_named() {
    let saved = Saved::new();
    let bytes = std::fs::read(saved.path(TENSORS)).unwrap();
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = SafeTensors::deserialize(&bytes)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    tensors.get_mut("base.gru.1").unwrap().0 = Dtype::I32;
    saved.write(&tensors);
    saved.is_refused(TENSORS, &["base.gru.1", "I32"]);
}

#[test]
fn a_base_that_is_no_rotation_is_refused() {
    let saved = Saved::new();
    saved.tensors(|tensors| tensors.get_mut("base.gru.1").unwrap().1[0] += 0.1).is_refused(TENSORS, &["base.gru.1"]);
}

#[test]
fn a_scale_of_zero_is_refused() {
    let saved = Saved::new();
    saved.tensors(|tensors| tensors.get_mut("scale.gru.2").unwrap().1[0] = 0.0).is_refused(TENSORS, &["scale.gru.2"]);
}

#[test]
fn a_tensor_that_has_no_place_is_named() {
    for name in ["basis.gru.1", "base.gru.3", "colour"] {
        let saved = Saved::new();
        saved.tensors(|tensors| assert!(tensors.insert(name.into(), (vec![1, 1], vec![0.0])).is_none()));
        saved.is_refused(TENSORS, &[name]);
    }
}

/// Others read the frame, we compute it: one file must not say two things.
#[test]
fn a_frame_that_contradicts_its_parameters_is_refused() {
    let saved = Saved::new();
    saved.tensors(|tensors| tensors.get_mut("frame.gru.1").unwrap().1[0] += 0.01).is_refused(TENSORS, &["frame.gru.1"]);
    let saved = Saved::new();
    saved.tensors(|tensors| tensors.get_mut("parameters.gru.2").unwrap().1[5] += 0.1);
    saved.is_refused(TENSORS, &["frame.gru.2"]);
}

#[test]
fn a_network_without_units_is_refused() {
    let saved = Saved::new();
    saved.describe(|text| text.replace("width = 6", "width = 0"));
    saved.tensors(|tensors| {
        for name in ["base.gru.1", "parameters.gru.1"] {
            tensors.insert(name.into(), (vec![0, 0], Vec::new()));
        }
    });
    saved.load().unwrap_err();
}

#[test]
fn members_that_do_not_fit_are_refused() {
    let member = |network: &str, width, function| Member {
        network: network.into(),
        site: Site::new("hidden", width),
        function: AlignmentFunction::new(rotation(function, 1)),
    };
    let subspaces = |size| Subspaces::new([("count", size)]).unwrap();
    let refused = |members: Vec<Member>, size| Alignment::new(members, subspaces(size)).unwrap_err().to_string();
    refused(Vec::new(), 1);
    assert!(refused(vec![member("a", 4, 4), member("a", 4, 4)], 2).contains("`a`"));
    let message = refused(vec![member("a", 4, 5)], 2);
    assert!(message.contains("`a`") && message.contains('4') && message.contains('5'), "{message}");
    let message = refused(vec![member("a", 8, 8), member("b", 4, 4)], 5);
    assert!(message.contains("`b`") && message.contains('5') && message.contains('4'), "{message}");
    assert!(Alignment::new(vec![member("a", 8, 8), member("b", 4, 4)], subspaces(4)).is_ok());
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let path = tempfile::tempdir().unwrap().path().join("missing");
    let message = alignment().save(&path, &toml::Table::new()).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("file");
    let write = |text: &'static [u8], fails: bool| {
        mas_core::storage::write_whole(path, |file| {
            std::io::Write::write_all(file, text)?;
            if fails { Err(std::io::Error::other("the disk is full")) } else { Ok(()) }
        })
    };
    write(b"first", false).unwrap();
    let message = write(b"half", true).unwrap_err().to_string();
    assert!(message.contains("full"), "{message}");
    assert_eq!(std::fs::read(path).unwrap(), b"first");
    write(b"second", false).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"second");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "a temporary file was left behind");
}

#[test]
fn a_prestep_of_another_width_is_refused() {
    let device = Device::flex();
    let prestep = mas_core::alignment::PreStep::default().with_bias(Tensor::zeros([1, 5], &device));
    let member = Member {
        network: "a".into(),
        site: Site::new("hidden", 8),
        function: AlignmentFunction::new(rotation(8, 1)).with_prestep(prestep),
    };
    let message = Alignment::new(vec![member], Subspaces::new([("count", 2)]).unwrap()).unwrap_err().to_string();
    assert!(message.contains("pre-step of `a` is of 5 coordinates"), "{message}");
}
