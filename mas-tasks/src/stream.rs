//! Where randomness comes from.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for: streams of different purposes have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    Sequences = 1,
    Validation = 2,
    OfCount = 3,
    Pairs = 4,
    HeldOutPairs = 5,
    TrainingPairs = 6,
}

/// The stream of one item (a sequence, a pair): it depends on the seed, the purpose and the item's index alone, so
/// more items never change earlier ones. ChaCha8 gives the same numbers on every platform.
pub(crate) fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}
