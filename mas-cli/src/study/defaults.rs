//! What a study file means where it says nothing: the settings of arXiv 2501.06164. How a fit goes is said by
//! [`FitSettings`](super::FitSettings). Nothing else in the program has defaults for studies.

/// Seed of pairs and fits, of the bootstraps of similarities, and of a network for which no seeds are given.
pub const SEED: u64 = 1;

/// Width of a network.
pub const WIDTH: usize = 128;
/// Of networks; every architecture has it.
pub const DROPOUT: f64 = 0.5;
/// Trials that a network is trained on.
pub const TRAINING_SAMPLES: usize = 1000;
/// Trials that it is validated on.
pub const VALIDATION_SAMPLES: usize = 500;
/// Trials in a training step.
pub const TRAINING_BATCH: usize = 128;
/// Learning rate of training after the warm-up.
pub const TRAINING_LEARNING_RATE: f64 = 5e-4;
/// Steps of warm-up.
pub const WARM_UP: usize = 100;
/// Passes through the training trials, at most.
pub const MAX_EPOCHS: usize = 2500;
/// Epochs from one validation to the next.
pub const VALIDATE_EVERY: usize = 5;

/// Where networks are read and written.
pub const SITE: &str = "hidden";
/// The variable that is aligned.
pub const VARIABLE: &str = "full";
/// Coordinates of a variable's subspace; fewer where networks are narrower. (The paper goes through 2, 4, … 128, which a
/// study writes out where it wants that.)
pub const K: usize = 32;
/// Interchanges to judge by.
pub const HELD_OUT_PAIRS: usize = 1000;
/// Interchanges in a step, for each direction.
pub const BATCH: usize = 128;
/// Steps from one validation of a fit to the next.
pub const EVALUATE_EVERY: usize = 50;

/// Correlational measures.
pub const MEASURES: [&str; 2] = ["rsa_euclidean_spearman", "cka_linear_debiased"];
/// Vectors in a draw.
pub const SAMPLES: usize = 1000;
/// Draws that a measure is averaged over.
pub const DRAWS: usize = 10;
/// Sequences for each count.
pub const SEQUENCES_PER_COUNT: usize = 15;
/// Permutations behind a measure's null distribution.
pub const PERMUTATIONS: usize = 100;
/// Bootstraps behind a measure's interval.
pub const BOOTSTRAPS: usize = 200;

/// Values of a variable whose encoding is looked at.
pub const ENCODED_VALUES: (i64, i64) = (1, 20);
/// Periods with which an encoding may repeat.
pub const PERIODS: [usize; 2] = [4, 2];

/// The largest number that any count in a study or on the command line may be: far beyond what anybody waits for, and
/// small enough that no memory is asked for that no machine has.
pub const LARGEST: usize = 10_000_000;
