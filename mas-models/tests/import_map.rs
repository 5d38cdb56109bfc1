//! Import of plain PyTorch networks by a map: the layout is PyTorch's, the values are made up here.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mas_core::Trials;
use mas_models::import::{ImportOptions, Imported, StateMap, import_mapped};
use mas_models::{Error, Feedback, SavedNetwork};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

const MAP: &str = r#"cell = "CELL"
embedding = "encoder"
recurrent = "core"
read-out = ["head.0", "head.2"]
tokens = ["P", "B", "E", "D", "T"]
begin = "B"
end = "E"
pad = "P"
task = "multi-object"
"#;

/// Tensors by name, `[out, in]` as PyTorch has them.
type State = Vec<(String, Vec<usize>, Vec<f32>)>;

/// The state dictionary of an embedding (width 3), `layers` recurrent layers (width 4) and a read-out with `units`.
fn state(gates: usize, layers: usize, units: Option<usize>) -> State {
    let mut shapes = vec![("encoder.weight".to_string(), vec![5, 3])];
    for layer in 0..layers {
        let input = if layer == 0 { 3 } else { 4 };
        shapes.push((format!("core.weight_ih_l{layer}"), vec![4 * gates, input]));
        shapes.push((format!("core.weight_hh_l{layer}"), vec![4 * gates, 4]));
        shapes.push((format!("core.bias_ih_l{layer}"), vec![4 * gates]));
        shapes.push((format!("core.bias_hh_l{layer}"), vec![4 * gates]));
    }
    if let Some(units) = units {
        shapes.push(("head.0.weight".into(), vec![units, 4]));
        shapes.push(("head.0.bias".into(), vec![units]));
    }
    shapes.push(("head.2.weight".into(), vec![5, units.unwrap_or(4)]));
    shapes.push(("head.2.bias".into(), vec![5]));
    let value = |name: &str, at: usize| ((name.len() * 31 + at * 17) % 23) as f32 / 23.0 - 0.5;
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let values = (0..shape.iter().product()).map(|at| value(&name, at)).collect();
        (name, shape, values)
    };
    shapes.into_iter().map(tensor).collect()
}

fn write(folder: &Path, state: &State, map: &str) -> [PathBuf; 2] {
    let bytes: Vec<Vec<u8>> =
        state.iter().map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = state
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let paths = [folder.join("weights.safetensors"), folder.join("map.toml")];
    std::fs::write(&paths[0], safetensors::serialize(views, None).unwrap()).unwrap();
    std::fs::write(&paths[1], map).unwrap();
    paths
}

fn open(state: &State, map: &str) -> Result<Imported, Error> {
    let folder = tempfile::tempdir().unwrap();
    let [weights, map] = write(folder.path(), state, map);
    import_mapped(weights, &StateMap::read(map)?, &ImportOptions::default(), &Device::flex())
}

/// A state dictionary's matrices and vectors, in 64 bits.
struct Reference<'a>(&'a State);

impl Reference<'_> {
    /// `W x + b` of a layer; no biases, no sum.
    fn linear(&self, [weight, bias]: [&str; 2], x: &[f64]) -> Vec<f64> {
        let of = |name: &str| &self.0.iter().find(|(known, ..)| known == name).unwrap().2;
        let rows = of(weight).chunks(x.len());
        let product = |(row, bias): (&[f32], &f32)| {
            row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*bias)
        };
        rows.zip(of(bias)).map(product).collect()
    }

    /// What PyTorch's equations make of tokens: the logits after the last one.
    fn logits(&self, cell: &str, layers: usize, tokens: &[u32]) -> Vec<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let embedding = &self.0[0].2;
        let (mut h, mut c) = (vec![vec![0.0; 4]; layers], vec![vec![0.0; 4]; layers]);
        for &token in tokens {
            let mut x: Vec<f64> = embedding[token as usize * 3..][..3].iter().map(|&x| f64::from(x)).collect();
            for layer in 0..layers {
                let names = |half: &str| [format!("core.weight_{half}_l{layer}"), format!("core.bias_{half}_l{layer}")];
                let [ih, hh] = [names("ih"), names("hh")];
                let of_input = self.linear([&ih[0], &ih[1]], &x);
                let of_state = self.linear([&hh[0], &hh[1]], &h[layer]);
                let sum = |gate: usize, unit: usize| of_input[4 * gate + unit] + of_state[4 * gate + unit];
                for unit in 0..4 {
                    h[layer][unit] = match cell {
                        "gru" => {
                            let (reset, update) = (sigmoid(sum(0, unit)), sigmoid(sum(1, unit)));
                            let candidate = (of_input[8 + unit] + reset * of_state[8 + unit]).tanh();
                            (1.0 - update) * candidate + update * h[layer][unit]
                        }
                        "lstm" => {
                            let memory = sigmoid(sum(1, unit)) * c[layer][unit];
                            c[layer][unit] = memory + sigmoid(sum(0, unit)) * sum(2, unit).tanh();
                            sigmoid(sum(3, unit)) * c[layer][unit].tanh()
                        }
                        _ => sum(0, unit).tanh(),
                    };
                }
                x = h[layer].clone();
            }
        }
        let last = ["head.2.weight", "head.2.bias"];
        if self.0.iter().all(|(name, ..)| name != "head.0.weight") {
            return self.linear(last, &h[layers - 1]);
        }
        let units = self.linear(["head.0.weight", "head.0.bias"], &h[layers - 1]);
        let gelu = |x: f64| 0.5 * x * (1.0 + error_function(x / std::f64::consts::SQRT_2));
        self.linear(last, &units.into_iter().map(gelu).collect::<Vec<_>>())
    }
}

/// The error function by its power series.
fn error_function(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    2.0 / std::f64::consts::PI.sqrt() * sum
}

#[test]
fn plain_networks_say_what_pytorchs_equations_say() {
    let tokens = [1, 3, 4, 3, 2];
    let trials = Trials::new([(&tokens[..], &[false; 5][..])], 0).unwrap();
    for (cell, gates) in [("gru", 3), ("lstm", 4), ("rnn", 1)] {
        for (layers, units) in [(1, Some(6)), (2, Some(16)), (2, None)] {
            let state = state(gates, layers, units);
            let mut map = MAP.replace("CELL", cell);
            if units.is_none() {
                map = map.replace("[\"head.0\", \"head.2\"]", "[\"head.2\"]");
            }
            let imported = open(&state, &map).unwrap();
            assert_eq!(imported.mapped.len(), state.len());
            assert_eq!(imported.description.task.as_deref(), Some("multi-object"));
            assert_eq!(imported.description.vocabulary.end, Some(2));

            // As it is, and after it has been in a folder.
            let folder = tempfile::tempdir().unwrap();
            let saved = SavedNetwork { network: imported.network.clone(), description: imported.description };
            saved.save(folder.path().join("network"), &[]).unwrap();
            let loaded = SavedNetwork::load(folder.path().join("network"), &Device::flex()).unwrap().network;
            for network in [imported.network, loaded] {
                let run = network.run(&trials, Feedback::TeacherForced).unwrap();
                for length in 1..=tokens.len() {
                    let expected = Reference(&state).logits(cell, layers, &tokens[..length]);
                    let ours: Tensor<3> = run.logits.clone().narrow(1, length - 1, 1);
                    let ours = ours.try_into_vec_as::<f32>().unwrap();
                    let error = ours.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
                    assert!(error < 1e-5, "{cell}, {layers} layers, {units:?} units, position {length}: {error}");
                }
                let widths: Vec<usize> = network.freeze("mine").sites().iter().map(|site| site.width).collect();
                assert_eq!((widths[0], widths[1]), (3, if cell == "lstm" { 8 } else { 4 }));
            }
        }
    }
}

#[test]
fn a_read_out_tied_to_the_embedding_is_read_for_both() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tied.pt");
    let folder = tempfile::tempdir().unwrap();
    let tokens: Vec<String> = (0..600).map(|id| format!("\"t{id}\"")).collect();
    let map = format!(
        "cell = \"gru\"\nembedding = \"encoder\"\nrecurrent = \"core\"\nread-out = [\"head\"]\ntokens = [{}]\n",
        tokens.join(", ")
    );
    std::fs::write(folder.path().join("map.toml"), map).unwrap();
    let map = StateMap::read(folder.path().join("map.toml")).unwrap();
    let imported = import_mapped(path, &map, &ImportOptions::default(), &Device::flex()).unwrap();
    assert_eq!(imported.left_over, ["optim_dict"]);
    let saved = SavedNetwork { network: imported.network, description: imported.description };
    saved.save(folder.path().join("tied"), &[]).unwrap();
    let bytes = std::fs::read(folder.path().join("tied/weights.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&bytes).unwrap();
    let values = |name: &str| -> Vec<f32> {
        let numbers = weights.tensor(name).unwrap().data().chunks(4);
        numbers.map(|number| f32::from_le_bytes(number.try_into().unwrap())).collect()
    };
    let (embedding, read_out) = (values("embedding"), values("read_out.w_out"));
    assert_eq!(embedding.len(), 2400);
    // The read-out's matrix is kept the other way round.
    assert!((0..2400).all(|at| embedding[at] == read_out[at % 4 * 600 + at / 4]));
    assert_eq!(embedding[..4], [0, 37, 74, 10].map(|numerator| (numerator as f32 - 50.0) / 100.0));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let map = MAP.replace("CELL", "gru");
    let fails = |state: &State, map: &str| open(state, map).expect_err("it was imported").to_string();
    let good = || state(3, 1, Some(6));
    let mut reverse = good();
    reverse.push(("core.weight_ih_l0_reverse".into(), vec![12, 3], vec![0.0; 36]));
    let mut short = good();
    short.retain(|(name, ..)| name != "core.bias_hh_l0");
    let mut projected = good();
    projected.push(("core.weight_hr_l0".into(), vec![2, 4], vec![0.0; 8]));
    let mut unbiased = good();
    unbiased.retain(|(name, ..)| !name.starts_with("core.bias"));
    let mut gap = good();
    gap.push(("core.weight_hh_l2".into(), vec![12, 4], vec![0.0; 48]));
    for (error, expected) in [
        (fails(&reverse, &map), "tensor core.weight_ih_l0_reverse is that of a bidirectional network"),
        (fails(&projected, &map), "tensor core.weight_hr_l0 is that of an LSTM with projections"),
        (fails(&unbiased, &map), "tensor core.bias_ih_l0 is missing; a network without biases"),
        (fails(&gap, &map), "the network has no place for tensor core.weight_hh_l2"),
        (fails(&short, &map), "tensor core.bias_hh_l0 is missing"),
        (fails(&good(), &map.replace("\"core\"", "\"rnn\"")), "tensor rnn.weight_hh_l0 is missing"),
        (fails(&good(), &map.replace("\"gru\"", "\"lstm\"")), "tensor core.weight_ih_l0 is [12, 3], must be [16, 3]"),
        (fails(&good(), &map.replace("\"T\"]", "\"T\", \"U\"]")), "vocabulary of 5, but there are 6 tokens"),
        (fails(&good(), &map.replace("pad = \"P\"", "pad = \"Q\"")), "pad = \"Q\", which is not among its tokens"),
        (fails(&good(), &map.replace("[\"head.0\", \"head.2\"]", "[]")), "read-out names 0 layers"),
        (fails(&good(), &map.replace("\"head.0\", \"head.2\"", "\"encoder\"")), "\"encoder\" is the name of two parts"),
        (fails(&good(), &map.replace("recurrent =", "recurent =")), "unknown field `recurent`"),
    ] {
        assert!(error.contains(expected), "{error:?} should tell {expected:?}");
    }
}
