//! Initial weights with PyTorch's default distributions.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::RecurrentConfig;

/// All parameters in the order of [`RecurrentConfig::parameters`], each row by row.
///
/// `torch.nn.Embedding` draws from N(0, 1); `GRUCell` and its kin uniformly in ± 1/√width, biases
/// included; `Linear` likewise in ± 1/√inputs.
pub(super) fn draw(config: &RecurrentConfig, seed: u64, device: &Device) -> Vec<Tensor<2>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let parameter = |name: &str, [rows, columns]: [usize; 2]| {
        let count = rows * columns;
        let inputs =
            if name.starts_with("read_out") && name.ends_with("_out") { config.read_out_width() } else { config.width };
        let values: Vec<f32> = if name == "embedding" {
            (0..count).map(|_| random.sample(StandardNormal)).collect()
        } else {
            let bound = 1.0 / (inputs as f32).sqrt();
            (0..count).map(|_| random.random_range(-bound..bound)).collect()
        };
        Tensor::from_data(TensorData::new(values, [rows, columns]), device)
    };
    let mut parameter = parameter;
    config.parameters().iter().map(|spec| parameter(&spec.name, spec.shape)).collect()
}
