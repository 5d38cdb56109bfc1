//! Import of the reference's files: both formats of `torch.save`, what is mapped, and what is refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mas_models::import::{ImportOptions, Imported, import};
use mas_models::{Architecture, Cell, CellKind, Error, Origin, RecurrentConfig, Vocabulary};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn open(path: impl AsRef<Path>) -> Result<Imported, Error> {
    import(path, &ImportOptions::default(), &Device::flex())
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

/// Element `k` of the tiny checkpoints.
fn element(k: usize) -> f32 {
    ((37 * k % 101) as f32 - 50.0) / 100.0
}

#[test]
fn both_formats_of_torch_save_give_the_same_network() {
    let [zip, legacy] = ["tiny_zip.pt", "tiny_legacy.pt"].map(|name| open(fixture(name)).unwrap());
    for Imported { network, description, mapped, left_over, .. } in [&zip, &legacy] {
        let network = network.recurrent().unwrap();
        assert_eq!(description.architecture, Architecture::Recurrent(RecurrentConfig::new(CellKind::Gru, 4, 8)));
        assert_eq!(description.task.as_deref(), Some("modulo"));
        assert_eq!((description.accepted, description.seed), (None, Some(7)));
        assert_eq!(description.vocabulary.tokens, ["P", "B", "E", "D0", "D1", "D2", "R", "T"]);
        let Vocabulary { begin, end, pad, void, .. } = description.vocabulary;
        assert_eq!([begin, end, pad, void], [Some(1), Some(2), Some(0), None]);
        assert_eq!(description.provenance.origin, Origin::Imported);
        assert_eq!(mapped.len(), 9);
        assert!(mapped.contains(&("model.rnns.0.weight_hh".into(), "cell.0.w_hh".into())));
        assert_eq!(left_over, &["model.trigger_ids", "epoch"]);

        assert_eq!(values(network.embedding()), (0..32).map(element).collect::<Vec<_>>());
        let Cell::Gru(cell) = &network.cells()[0] else { panic!("not a GRU") };
        let w_ih: Vec<f32> = (0..48).map(|at| element(32 + at % 12 * 4 + at / 12)).collect();
        assert_eq!(values(cell.w_ih()), w_ih, "[in, out] of theirs [out, in]");
        assert_eq!(values(cell.b_hh()), (140..152).map(element).collect::<Vec<_>>());
    }
    let [zip, legacy] = [zip, legacy].map(|imported| values(imported.network.recurrent().unwrap().read_out().w_out()));
    assert_eq!(zip, legacy);
}

#[test]
fn a_trained_network_says_what_it_is() {
    let imported = open(fixture("gru_multiobject_seed12345/state_dict.safetensors")).unwrap();
    assert_eq!(imported.description.task.as_deref(), Some("multi-object"));
    assert_eq!(imported.description.seed, Some(12345));
    assert_eq!(imported.network.architecture(), RecurrentConfig::new(CellKind::Gru, 128, 8).into());
    assert_eq!(imported.told_by, fixture("gru_multiobject_seed12345/meta.json"));
}

#[test]
fn without_a_configuration_the_caller_has_to_tell() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::copy(fixture("gru_multiobject_seed12345/state_dict.safetensors"), &path).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("neither the file nor the caller tells its vocabulary"), "{error}");

    let tokens = ["P", "B", "E", "D0", "D1", "D2", "R", "T"].map(String::from).to_vec();
    let options = ImportOptions { task: Some("multi-object".into()), vocabulary: Some(Vocabulary::new(tokens)) };
    let imported = import(&path, &options, &Device::flex()).unwrap();
    assert_eq!(imported.network.recurrent().unwrap().config().width, 128);
    assert_eq!(imported.description.task, options.task);
    assert_eq!(imported.told_by, path);

    let options = ImportOptions { task: Some("square".into()), ..ImportOptions::default() };
    let error = import(fixture("tiny_zip.pt"), &options, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("its task is \"modulo\", but \"square\" was asked for"), "{error}");
}

/// Shape and bytes of tensors by name.
type Parts = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// A state dictionary with one thing changed, beside a `meta.json` with one thing changed.
fn altered(tensors: impl Fn(&mut Parts), config: impl Fn(&mut serde_json::Value)) -> String {
    use safetensors::tensor::{Dtype, SafeTensors, TensorView};
    let from = fixture("gru_multiobject_seed23456");
    let bytes = std::fs::read(from.join("state_dict.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut parts: Parts = file
        .tensors()
        .into_iter()
        .filter(|(_, view)| view.dtype() == Dtype::F32)
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    tensors(&mut parts);
    let views =
        parts.iter().map(|(name, (shape, data))| (name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state_dict.safetensors");
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let mut meta: serde_json::Value = serde_json::from_slice(&std::fs::read(from.join("meta.json")).unwrap()).unwrap();
    config(&mut meta["config"]);
    std::fs::write(folder.path().join("meta.json"), meta.to_string()).unwrap();
    match open(&path) {
        Ok(_) => String::from("imported"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let same = |_: &mut serde_json::Value| {};
    let all = |_: &mut Parts| {};
    assert_eq!(altered(all, same), "imported");
    let cases: [(String, &str); 14] = [
        (altered(|parts| drop(parts.remove("model.lm_head.bias")), same), "model.lm_head.bias is missing"),
        (
            altered(|parts| drop(parts.insert("model.pre_norm.weight".into(), (vec![1], vec![0; 4]))), same),
            "the network has no place for tensor model.pre_norm.weight",
        ),
        (
            altered(|parts| parts.get_mut("model.rnns.0.weight_ih").unwrap().0.reverse(), same),
            "tensor model.rnns.0.weight_ih is [128, 384], must be [384, 128]",
        ),
        (
            altered(
                |parts| parts.get_mut("model.decoder.0.bias").unwrap().1[4..8].copy_from_slice(&f32::NAN.to_le_bytes()),
                same,
            ),
            "tensor model.decoder.0.bias has the value NaN at 1",
        ),
        (altered(all, |config| config["model_type"] = "Mamba".into()), "config.model_type is \"Mamba\""),
        (
            altered(all, |config| config["model_type"] = "LSTM".into()),
            "tensor model.rnns.0.weight_ih is [384, 128], must be [256, 128]",
        ),
        (altered(all, |config| config["l_norm"] = true.into()), "tensor model.pre_norm.weight is missing"),
        (altered(all, |config| config["n_layers"] = 2.into()), "tensor model.rnns.1.weight_ih is missing"),
        (
            altered(all, |config| drop(config.as_object_mut().unwrap().remove("d_model"))),
            "config: missing field `d_model`",
        ),
        (altered(all, |config| config["d_model"] = "wide".into()), "config.d_model: invalid type: string \"wide\""),
        (altered(all, |config| config["d_model"] = (1u64 << 40).into()), "config: width = 1099511627776"),
        (altered(all, |config| config["task_type"] = "Counting".into()), "config.task_type is \"Counting\""),
        (altered(all, |config| config["word2id"]["T"] = 6.into()), "config.word2id.T is 6: beyond the end, or twice"),
        (
            altered(all, |config| config["info"]["bos_token"] = "BOS".into()),
            "config.info.bos_token is \"BOS\", which config.word2id lacks",
        ),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error:?} should tell {expected:?}");
    }
}

#[test]
fn damaged_files_are_errors_wherever_they_are_cut() {
    let folder = TempDir::new().unwrap();
    for name in ["tiny_zip.pt", "tiny_legacy.pt"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in (0..bytes.len()).step_by(97) {
            let path = folder.path().join("cut.pt");
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = open(&path).expect_err("a truncated file was imported").to_string();
            assert!(error.contains("cut.pt"), "{error}");
        }
        // Any one byte changed: an error, or a network, but never a panic.
        for at in (0..bytes.len()).step_by(13) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            let path = folder.path().join("changed.pt");
            std::fs::write(&path, changed).unwrap();
            // Either is right, as long as nothing panics.
            let _ = open(&path);
        }
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("network.pt");
    std::fs::create_dir(&path).unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("network.pt") && error.contains("is no file"), "{error}");
}

#[test]
fn a_small_file_cannot_ask_for_much_memory() {
    let error = open(fixture("expanded.pt")).expect_err("a hostile file was imported").to_string();
    assert!(
        error.contains("with tensor model.embeddings.weight of [8, 67108864] it asks for more than 4 times its size"),
        "{error}"
    );
}

#[test]
fn negated_numbers_are_not_taken_for_those_that_are_stored() {
    let error = open(fixture("negative.pt")).expect_err("it was imported").to_string();
    assert!(error.contains("negative.pt") && error.contains("negative bit"), "{error}");
    // As later protocols of pickle write the mark.
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("later.pt"), b"\x80\x04}\x8c\x03neg\x94\x88s.").unwrap();
    let error = open(folder.path().join("later.pt")).expect_err("it was imported").to_string();
    assert!(error.contains("negative bit"), "{error}");
}

#[test]
fn what_a_pickle_does_not_say_plainly_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("odd.pt");
    let config = "Vmodel_type\nVGRU\nsVd_model\nI4\nsVn_layers\nI1\nsVn_tokens\nI8\ns";
    for (pickle, expected) in [
        ("(dVstate_dict\n(lsVepoch\nI1\ns.".to_string(), "`state_dict` is no dictionary"),
        ("(dVstate_dict\n(ds.".to_string(), "state dictionary is empty"),
        ("(dVstate_dict\n(dVa.b\nI1\nsVa\n(dVb\nI2\nsss.".to_string(), "two entries a.b"),
        (
            "(dVconfig\ncargparse\nNamespace\n(tRsVstate_dict\n(dVa\nI1\nss.".to_string(),
            "`config` is no plain dictionary",
        ),
        (
            format!("(dVconfig\n(d{config}Vh_norm\ncnumpy\nbool_\nssVstate_dict\n(dVa\nI1\nss."),
            "config.h_norm is {\"of type\":",
        ),
    ] {
        std::fs::write(&path, pickle).unwrap();
        let error = open(&path).expect_err("it was imported").to_string();
        assert!(error.contains("odd.pt") && error.contains(expected), "{error:?} should tell {expected:?}");
    }
}

#[test]
fn nothing_in_a_pickle_is_run() {
    let folder = TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    for root in ["cos\nsystem\n(Vtouch TRACE\ntR.", "(dVconfig\ncos\nsystem\n(Vtouch TRACE\ntRsVstate_dict\n(ds."] {
        let path = folder.path().join("hostile.pt");
        std::fs::write(&path, root.replace("TRACE", trace.to_str().unwrap())).unwrap();
        let error = open(&path).expect_err("a hostile file was imported").to_string();
        assert!(error.contains("hostile.pt"), "{error}");
        assert!(!trace.exists());
    }
}
