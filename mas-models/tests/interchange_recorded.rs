//! Interchanges between two trained GRUs, forwards and backwards, against those recorded from the PyTorch
//! implementation of arXiv 2501.06164.

use std::{fs::File, io::BufReader, path::Path};

use burn::prelude::*;
use mas_core::{
    At, Continuation, Edit, Network, Positions, Recorded, Resume, Retain, Trials,
    alignment::{Evaluated, PreStep, matrix_exponential},
    interchange,
};
use mas_models::{
    Feedback, Frozen,
    import::{ImportOptions, import},
};
use npyz::npz::NpzArchive;

/// Width of both networks.
const WIDTH: usize = 128;

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A file of arrays.
struct Arrays(NpzArchive<BufReader<File>>);

impl Arrays {
    fn open(name: &str) -> Self {
        Self(NpzArchive::open(fixtures().join("interchange").join(name).with_extension("npz")).unwrap())
    }

    fn find<T: npyz::Deserialize>(&mut self, key: &str) -> Option<Vec<T>> {
        Some(self.0.by_name(key).unwrap()?.into_vec().unwrap())
    }

    fn get<T: npyz::Deserialize>(&mut self, key: &str) -> Vec<T> {
        self.find(key).unwrap_or_else(|| panic!("no {key}"))
    }
}

fn frozen() -> [Frozen; 2] {
    ["gru_multiobject_seed12345", "gru_multiobject_seed23456"].map(|name| {
        let path = fixtures().join(name).join("state_dict.safetensors");
        let imported = import(path, &ImportOptions::default(), &Device::flex()).unwrap();
        Frozen::new(name, imported.network.recurrent().unwrap().clone())
    })
}

/// A square matrix whose strictly lower triangle holds `values`, row by row.
fn lower(values: &[f32]) -> Tensor<2> {
    let mut square = vec![0.0; WIDTH * WIDTH];
    let mut values = values.iter();
    for row in 0..WIDTH {
        square[row * WIDTH..][..row].iter_mut().zip(&mut values).for_each(|(entry, value)| *entry = *value);
    }
    Tensor::from_data(TensorData::new(square, [WIDTH, WIDTH]), &Device::flex())
}

/// What a direction's sources or targets read, and where they are swapped.
struct Batch {
    trials: Trials,
    positions: Vec<usize>,
}

impl Batch {
    fn read(arrays: &mut Arrays, key: &str) -> Self {
        let mut numbers = |what: &str| arrays.get::<u8>(&format!("{key}/{what}"));
        let lengths = numbers("lengths");
        let tokens: Vec<u32> = numbers("tokens").into_iter().map(u32::from).collect();
        let response: Vec<bool> = numbers("response").into_iter().map(|set| set == 1).collect();
        let time = tokens.len() / lengths.len();
        let sequences = lengths.iter().enumerate().map(|(trial, &length)| {
            let range = trial * time..trial * time + usize::from(length);
            (&tokens[range.clone()], &response[range])
        });
        let trials = Trials::new(sequences, 0).unwrap();
        Self { trials, positions: numbers("positions").into_iter().map(usize::from).collect() }
    }
}

/// A recorded set of interchanges.
#[derive(Clone, Copy)]
struct Recording {
    name: &'static str,
    rotations: &'static str,
    site: &'static str,
    interchange: Positions,
    /// Number of coordinates that are swapped.
    k: usize,
}

/// One network's rotation.
struct Rotation {
    leaf: Tensor<2>,
    frame: Tensor<2>,
}

impl Rotation {
    /// The first `k` columns of `base · expm(tril P − tril(P)ᵀ)`, with P tracked.
    fn read(arrays: &mut Arrays, name: &str, network: usize, k: usize) -> Self {
        let base = TensorData::new(arrays.get::<f32>(&format!("{name}/{network}/base")), [WIDTH, WIDTH]);
        let base = Tensor::<2>::from_data(base, &Device::flex());
        let parameters = arrays.find::<f32>(&format!("{name}/{network}/lower")).unwrap_or_default();
        let leaf = lower(&parameters).autodiff().require_grad();
        let below = leaf.clone().tril(-1);
        let weight = Tensor::from_inner(base).matmul(matrix_exponential(below.clone() - below.transpose()));
        Self { leaf, frame: weight.narrow(1, 0, k) }
    }
}

impl Recording {
    fn check(&self) {
        let networks = frozen();
        let (mut recorded, mut batches) = (Arrays::open(self.name), Arrays::open("batches"));
        let expected = std::fs::read_to_string(fixtures().join("interchange/expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        for (source, target) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let direction = format!("s{source}_t{target}");
            let mut batch = |side: &str| Batch::read(&mut batches, &format!("{}/{direction}/{side}", &self.name[..8]));
            let direction = InDirection {
                recording: self,
                label: format!("{} {direction}", self.name),
                networks: [&networks[source], &networks[target]],
                indices: [source, target],
                from: batch("source"),
                to: batch("target"),
                expected: &expected[self.name][&direction],
                name: direction,
            };
            direction.check(&mut recorded, false);
            // The same gradient, one link of the chain after the other, as a fit goes about it.
            if self.interchange == Positions::Individual || self.site == "embedding" {
                direction.check(&mut recorded, true);
            }
        }
    }
}

/// The interchanges of one direction.
struct InDirection<'a> {
    recording: &'a Recording,
    name: String,
    label: String,
    /// Source and target.
    networks: [&'a Frozen; 2],
    indices: [usize; 2],
    from: Batch,
    to: Batch,
    expected: &'a serde_json::Value,
}

impl InDirection<'_> {
    /// - `chained`: whether the gradient is to come from [`Network::behaviour_gradient`]
    fn check(&self, recorded: &mut Arrays, chained: bool) {
        let (Recording { interchange: positions, k, .. }, label) = (*self.recording, &self.label);
        let network = self.networks[1];
        let site = network.site(self.recording.site).unwrap();
        let mut rotations = Arrays::open("rotations");
        let rotation = [0, 1].map(|network| Rotation::read(&mut rotations, self.recording.rotations, network, k));
        let prestep = PreStep::default();
        let frames = self.indices.map(|network| Evaluated::from_frame(&prestep, rotation[network].frame.clone()));

        let batch = &self.to;
        let rows: Vec<usize> = (0..batch.trials.len()).collect();
        let prefix = match positions {
            Positions::Individual => Some(network.prepare(&site, &batch.trials, &batch.positions).unwrap()),
            Positions::Stepwise => None,
        };
        let resume = Resume {
            site: &site,
            interchange: positions,
            prefix: prefix.as_ref(),
            trials: &batch.trials,
            positions: &batch.positions,
            rows: &rows,
            free_running: true,
            natural: None,
        };
        let exchanged = resume.exchanged();
        let sent: Vec<_> = exchanged
            .iter()
            .map(|at| match positions {
                Positions::Individual => (at.row, self.from.positions[at.row]),
                Positions::Stepwise => (at.row, at.position),
            })
            .collect();
        let source_site = self.networks[0].site(self.recording.site).unwrap();
        let sent = Tensor::from_inner(self.networks[0].read(&source_site, &self.from.trials, &sent).unwrap());
        let swap = |sent: Tensor<2>, natural: Tensor<2>| {
            interchange(&frames[0], &frames[1], 0..k, Retain::Rest, sent, natural)
        };
        let first: Vec<usize> =
            rows.iter().map(|&row| exchanged.iter().position(|at| at.row == row).unwrap()).collect();
        let edit = |vectors: &[At], natural: Tensor<2>| {
            let places: Vec<i32> = vectors.iter().map(|at| (first[at.row] + at.position) as i32).collect();
            let places = Tensor::<1, Int>::from_data(TensorData::new(places, [vectors.len()]), &Device::flex());
            swap(sent.clone().select(0, places), natural)
        };
        let known = (positions == Positions::Individual || !network.carries_state(&site)).then(|| {
            let at: Vec<_> = exchanged.iter().map(|at| (at.row, at.position)).collect();
            swap(sent.clone(), Tensor::from_inner(network.read(&site, &batch.trials, &at).unwrap()))
        });

        // The reference's loss is a mean over the outputs from the swapped position on, as here; but where one position is
        // swapped it counts those before too, and they are the network's own.
        let (outputs, before) = match positions {
            Positions::Individual => {
                (batch.trials.lengths().iter().map(|length| length - 1).sum(), before_the_swap(network, batch))
            }
            Positions::Stepwise => (rows.iter().map(|&row| resume.outputs(row)).sum::<usize>(), 0.0),
        };
        let weights = vec![1.0 / outputs as f32; rows.len()];
        let (after, gradients) = match (&known, chained) {
            (Some(edited), true) => {
                let (loss, gradient) = network.behaviour_gradient(&resume, edited.clone().inner(), &weights).unwrap();
                (loss, (edited.clone() * Tensor::from_inner(gradient)).sum().backward())
            }
            (None, true) => unreachable!("only known edits have such a gradient"),
            (known, false) => {
                let edit = match known {
                    Some(edited) => Edit::Known(edited.clone()),
                    None => Edit::Sequential(&edit),
                };
                let continuation = network.resume(&resume, edit).unwrap();
                self.compare_logits(&continuation, &recorded.get::<f32>(&format!("{}/logits", self.name)));
                let loss = continuation.cross_entropy(&resume, &weights).unwrap();
                (f64::from(loss.clone().inner().into_scalar::<f32>()), loss.backward())
            }
        };
        let loss = after + before / outputs as f64;
        let error = (loss - self.expected["loss"].as_f64().unwrap()).abs();
        assert!(error < 1e-4, "{label}: loss {loss}, off by {error}");
        self.compare_gradients(recorded, |network| rotation[network].leaf.grad(&gradients));
    }

    /// The recorded logits go row by row; ours in the order of the continuation.
    fn compare_logits(&self, continuation: &Continuation, theirs: &[f32]) {
        let at = &continuation.at;
        let mut order: Vec<usize> = (0..at.len()).collect();
        order.sort_by_key(|&output| (at[output].row, at[output].position));
        let ours = continuation.logits.clone().inner().try_into_vec_as::<f32>().unwrap();
        assert_eq!(order.len() * 8, theirs.len(), "{}", self.label);
        let error = order
            .iter()
            .zip(theirs.chunks(8))
            .flat_map(|(&output, theirs)| ours[output * 8..][..8].iter().zip(theirs))
            .map(|(ours, theirs)| (ours - theirs).abs())
            .fold(0.0, f32::max);
        assert!(error < 1e-3, "{}: logits {error}", self.label);
    }

    /// Whole matrices where they were recorded (between networks), the norm everywhere.
    fn compare_gradients(&self, recorded: &mut Arrays, ours: impl Fn(usize) -> Option<Tensor<2>>) {
        let norm = |tensor: Tensor<2>| f64::from(tensor.powi_scalar(2).sum().into_scalar::<f32>()).sqrt();
        let mut compared = 0;
        for network in 0..2 {
            let label = format!("{}: gradient of network {network}", self.label);
            let Some(size) = self.expected["gradient_norms"][network].as_f64() else {
                assert!(ours(network).is_none_or(|gradient| norm(gradient) == 0.0), "{label}");
                continue;
            };
            let gradient = ours(network).unwrap();
            let error = (norm(gradient.clone()) - size).abs();
            assert!(error < 1e-3 * size, "{label}: norm off by {error} of {size}");
            if let Some(values) = recorded.find::<f32>(&format!("{}/gradient/{network}", self.name)) {
                let error = norm(gradient - lower(&values));
                assert!(error < 1e-3 * size, "{label}: off by {error} of {size}");
                compared += 1;
            }
        }
        assert_eq!(compared, if self.indices[0] == self.indices[1] { 0 } else { 2 }, "{}", self.label);
    }
}

/// The summed cross-entropy of a network's free-running outputs before the swap.
fn before_the_swap(network: &Frozen, to: &Batch) -> f64 {
    let run = network.network().run(&to.trials, Feedback::FreeRunning).unwrap();
    let [_, time, vocabulary] = run.logits.dims();
    let logits = run.logits.try_into_vec_as::<f32>().unwrap();
    let mut sum = 0.0;
    for (trial, &position) in to.positions.iter().enumerate() {
        for (step, &next) in to.trials.tokens(trial)[1..=position].iter().enumerate() {
            let logits = &logits[(trial * time + step) * vocabulary..][..vocabulary];
            let total: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
            sum += total.ln() - f64::from(logits[next as usize]);
        }
    }
    sum
}

#[test]
fn individual_interchanges_through_random_rotations_are_those_recorded() {
    let interchange = Positions::Individual;
    Recording { name: "indywise_random_rot", rotations: "random", site: "hidden", interchange, k: 32 }.check();
}

#[test]
fn individual_interchanges_through_trained_rotations_are_those_recorded() {
    let interchange = Positions::Individual;
    Recording { name: "indywise_trained_rot", rotations: "trained", site: "hidden", interchange, k: 32 }.check();
}

#[test]
fn stepwise_interchanges_at_the_state_are_those_recorded() {
    let interchange = Positions::Stepwise;
    Recording { name: "stepwise_random_rot_hidden", rotations: "random", site: "hidden", interchange, k: 16 }.check();
}

#[test]
fn stepwise_interchanges_at_the_embedding_are_those_recorded() {
    let interchange = Positions::Stepwise;
    Recording { name: "stepwise_random_rot_inpt", rotations: "random", site: "embedding", interchange, k: 16 }.check();
}
