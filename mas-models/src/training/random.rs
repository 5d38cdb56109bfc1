//! What is drawn in a training, each draw from its own stream of one seed.

use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn stream(seed: u64, kind: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(kind << 56 | number);
    random
}

/// `rows` in the order of `epoch`.
pub(crate) fn shuffled(rows: &[usize], seed: u64, epoch: usize) -> Vec<usize> {
    let mut rows = rows.to_vec();
    rows.shuffle(&mut stream(seed, 1, epoch as u64));
    rows
}

/// Factors of hidden units in `step`: 0 with probability `dropout`, else 1 / (1 − dropout).
///
/// - returns: `[row, unit]`, or nothing where nothing is dropped
pub(super) fn dropout(dropout: f64, shape: [usize; 2], seed: u64, step: u64, device: &Device) -> Option<Tensor<2>> {
    if dropout == 0.0 || shape.contains(&0) {
        return None;
    }
    let mut drawn = vec![0; 2 * shape[0] * shape[1]];
    stream(seed, 2, step).fill_bytes(&mut drawn);
    let below = (dropout * f64::from(1 << 16)).round() as u32;
    let kept = (1.0 / (1.0 - dropout)) as f32;
    let factor = |pair: &[u8; 2]| if u32::from(u16::from_le_bytes(*pair)) < below { 0.0 } else { kept };
    let factors: Vec<f32> = drawn.as_chunks().0.iter().map(factor).collect();
    Some(Tensor::from_data(TensorData::new(factors, shape), device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_differ_between_numbers() {
        let rows: Vec<usize> = (0..100).collect();
        assert_eq!(shuffled(&rows, 1, 0), shuffled(&rows, 1, 0));
        assert_ne!(shuffled(&rows, 1, 0), shuffled(&rows, 1, 1));
        let device = Device::flex();
        let draw = |step| dropout(0.25, [50, 40], 7, step, &device).unwrap().try_into_vec_as::<f32>().unwrap();
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        let mean = draw(3).iter().sum::<f32>() / 2000.0;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        assert!(dropout(0.0, [5, 4], 7, 1, &device).is_none());
    }
}
