//! The shape of a study file. What is not written has the value in [`defaults`](super::defaults).

use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::listed::{OneOrMany, Pairs, Sites};

/// A study file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StudyFile {
    /// The study's name, which stands in every row of its results.
    pub name: Spanned<String>,
    /// A title for the report; default: the name.
    pub title: Option<String>,
    /// Claims to decide, by id (`"C1"`); default: none.
    #[serde(default)]
    pub claims: Vec<Spanned<String>>,
    /// Seed of pairs, fits and bootstraps; default [`SEED`](super::defaults::SEED).
    pub seed: Option<Spanned<u64>>,
    /// How its fits go where they do not say it themselves: `short`, from where the networks' activity matches, with few steps
    /// at a rate that falls to zero, or `paper`, as in arXiv 2501.06164; default `short`. See
    /// [`FitSettings`](super::FitSettings).
    pub settings: Option<Spanned<String>>,
    /// What this study leaves out of the paper's settings, a line each, for the report; default: nothing.
    #[serde(default)]
    pub cut: Vec<String>,
    /// The networks, at least one.
    #[serde(default)]
    pub networks: Vec<Spanned<NetworkTable>>,
    /// Alignments to fit; default: none.
    #[serde(default)]
    pub alignments: Vec<AlignmentTable>,
    /// Comparisons by correlational measures; default: none.
    #[serde(default)]
    pub similarities: Vec<SimilarityTable>,
    /// In what form networks hold a variable; default: not asked.
    #[serde(default)]
    pub encodings: Vec<EncodingTable>,
}

/// One or more networks: either a recipe to train them (`task`, `architecture`) or a `path`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NetworkTable {
    /// The name; several seeds make `name-seed` for each.
    pub name: Spanned<String>,
    /// A network folder, seen from the study file.
    pub path: Option<Spanned<PathBuf>>,
    /// The task to train on (`multi-object`, …).
    pub task: Option<Spanned<String>>,
    /// `gru`.
    pub architecture: Option<Spanned<String>>,
    /// Width of the network; default [`WIDTH`](super::defaults::WIDTH).
    pub width: Option<Spanned<usize>>,
    /// Layers; default: 1, what the paper has.
    pub layers: Option<Spanned<usize>>,
    /// Attention heads of a transformer; default: 1.
    pub heads: Option<Spanned<usize>>,
    /// Whether a recurrent network has layer norms; default: no.
    pub layer_norm: Option<Spanned<bool>>,
    /// The share that is dropped in training; default: a half.
    pub dropout: Option<Spanned<f64>>,
    /// One network for each seed; default: one network with [`SEED`](super::defaults::SEED).
    pub seeds: Option<Spanned<Vec<Spanned<u64>>>>,
    /// How to train.
    pub training: Option<Spanned<TrainingTable>>,
    /// A folder, seen from the study file, with a network folder of each network's name: networks that the recipe has made
    /// already, which are taken unless the study is to be retrained; default: none, the networks are trained.
    pub weights: Option<Spanned<PathBuf>>,
    /// Whether to compare networks whose training did not reach the acceptance mark; default: no, the study fails.
    pub allow_unaccepted: Option<bool>,
}

/// How a network is trained.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainingTable {
    /// Passes through the training trials at most; default [`MAX_EPOCHS`](super::defaults::MAX_EPOCHS).
    pub max_epochs: Option<Spanned<usize>>,
    /// Steps at most; default: no bound but the epochs.
    pub max_steps: Option<Spanned<usize>>,
    /// After the warm-up; default [`TRAINING_LEARNING_RATE`](super::defaults::TRAINING_LEARNING_RATE).
    pub learning_rate: Option<Spanned<f64>>,
    /// Steps of linear warm-up; default [`WARM_UP`](super::defaults::WARM_UP).
    pub warm_up: Option<usize>,
    /// Of the last epochs that there may be, how many bring the rate down to zero, in a straight line; default: none.
    pub cool_down: Option<Spanned<usize>>,
    /// `free-running` or `teacher-forced`: what the network reads in the response while it is trained; default: what its
    /// architecture is trained with. A transformer is trained teacher-forced.
    pub feedback: Option<Spanned<String>>,
    /// Whether the loss is over the response alone; default: no, over all tokens.
    pub response_only: Option<bool>,
    /// The norm that gradients are brought down to; default: none.
    pub clip: Option<Spanned<f64>>,
    /// Trials in a step; default [`TRAINING_BATCH`](super::defaults::TRAINING_BATCH).
    pub batch: Option<Spanned<usize>>,
    /// Trials to train on; default [`TRAINING_SAMPLES`](super::defaults::TRAINING_SAMPLES).
    pub samples: Option<Spanned<usize>>,
    /// Trials to validate on; default [`VALIDATION_SAMPLES`](super::defaults::VALIDATION_SAMPLES).
    pub validation_samples: Option<Spanned<usize>>,
    /// Epochs from one validation to the next; default [`VALIDATE_EVERY`](super::defaults::VALIDATE_EVERY).
    pub validate_every: Option<Spanned<usize>>,
}

/// Fits of one kind, between networks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AlignmentTable {
    /// The alignment's name in results.
    pub name: Spanned<String>,
    /// Which networks are fitted together; default `"all"`.
    ///
    /// `"all"`: every two, once. `"ordered"`: every two, both ways round, for methods in which the first and the last
    /// network differ. `"ring"`: each with the next, the last with the first. `"joint"`: one fit of all. Or lists of
    /// networks, each a fit. Not for `das`, which takes every network alone.
    pub pairs: Option<Spanned<Pairs>>,
    /// Which networks or groups of them; default: all. Not beside lists in `pairs`.
    pub networks: Option<Spanned<Vec<Spanned<String>>>>,
    /// `das`, `mas`, `unidirectional-mas`, `stitching`, `low-rank-stitching`, `latent-stitching` or `clmas`; default `mas`.
    /// Of two networks, the last is the one that is stitched into.
    pub method: Option<Spanned<String>>,
    /// The networks, or groups of them, that are read and not run in the fit; default: the last of each fit. For `clmas`.
    pub inaccessible: Option<Spanned<Vec<Spanned<String>>>>,
    /// Weight of the counterfactual-latent loss beside that of behaviour, 0 for none; default
    /// [`LATENT_WEIGHT`](mas_core::LATENT_WEIGHT). For `clmas`.
    pub cl_weight: Option<Spanned<f64>>,
    /// Whether to swap, within networks, the coordinates that no variable has, too; default: no.
    pub null: Option<Spanned<bool>>,
    /// Whether all of several variables are interchanged at once, too; default: no.
    pub together: Option<Spanned<bool>>,
    /// The alignment function: `orthogonal`, `linear`, `scaled`, `relaxed` or `revnet`; default `orthogonal`.
    pub function: Option<Spanned<String>>,
    /// Where the fit begins: `random`, `identity`, `principal` or `matched`; default: what the study's `settings` say.
    pub start: Option<Spanned<String>>,
    /// How a rotation follows from parameters: `exponential`, `cayley` or `householder`; default: what suits its size.
    pub parametrisation: Option<Spanned<String>>,
    /// What happens to activity before the map: `tanh` or `sigmoid` (undone), `standardise`, `bias`, joined by `+`; default
    /// `none`.
    pub pre_step: Option<Spanned<String>>,
    /// Where the networks are read and written; default [`SITE`](super::defaults::SITE).
    pub site: Option<Spanned<Sites>>,
    /// `individual` or `stepwise`; default `individual`.
    pub positions: Option<Spanned<String>>,
    /// The variables of one fit, a subspace each; default [`VARIABLE`](super::defaults::VARIABLE) alone.
    /// `count:cumulative-value` is the first network's `count` and the second one's `cumulative-value`.
    pub variables: Option<Spanned<Vec<Spanned<String>>>>,
    /// The causal program whose variables they are (`count-up-down`, …); default: the task's first.
    pub program: Option<Spanned<String>>,
    /// Only interchanges whose written and overwritten values lie in this range, both ends included; default: all.
    pub range: Option<Spanned<Vec<f64>>>,
    /// Coordinates of each variable's subspace; a list makes a fit for each. Default [`K`](super::defaults::K), or what
    /// there is room for. Not for `stitching` and `latent-stitching`, which take everything.
    pub k: Option<Spanned<OneOrMany>>,
    /// Coordinates of the subspace of each of the `variables`, in the place of `k`.
    pub sizes: Option<Spanned<Vec<usize>>>,
    /// Interchanges to fit to; default: what the study's `settings` say.
    pub training_pairs: Option<Spanned<usize>>,
    /// Interchanges to judge by; default [`HELD_OUT_PAIRS`](super::defaults::HELD_OUT_PAIRS).
    pub held_out_pairs: Option<Spanned<usize>>,
    /// Interchanges in a step, for each direction; default [`BATCH`](super::defaults::BATCH).
    pub batch: Option<Spanned<usize>>,
    /// Adam's; default: what the study's `settings` say.
    pub learning_rate: Option<Spanned<f64>>,
    /// Of `max-steps`, how many at the end bring the learning rate down to zero, in a straight line, 0 for none; default: all
    /// of them with `short` settings, none with those of the paper.
    pub cool_down: Option<Spanned<usize>>,
    /// Steps at most; default: what the study's `settings` say.
    pub max_steps: Option<Spanned<usize>>,
    /// Steps from one validation to the next; default [`EVALUATE_EVERY`](super::defaults::EVALUATE_EVERY).
    pub evaluate_every: Option<Spanned<usize>>,
    /// Seeds of the fits, each of which is made once for every seed; default: the study's.
    pub seeds: Option<Spanned<Vec<Spanned<u64>>>>,
    /// Whether to fit the two controls that are fits of their own (an untrained twin of the source; source vectors
    /// shuffled between trials); default: yes. Floor and ceiling cost little and always come along.
    pub controls: Option<bool>,
    /// Whether the target reads its own predictions in the response during the fit (it always does when judged);
    /// default: no, it reads the counterfactual sequence.
    pub free_running: Option<bool>,
}

/// Comparisons of two networks by correlational measures.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SimilarityTable {
    /// The comparison's name in results.
    pub name: Spanned<String>,
    /// `"all"`, `"ordered"`, `"ring"`, or lists of two networks; default `"all"`.
    pub pairs: Option<Spanned<Pairs>>,
    /// Which networks or groups of them; default: all. Not beside lists in `pairs`.
    pub networks: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where the networks are read; default [`SITE`](super::defaults::SITE).
    pub site: Option<Spanned<Sites>>,
    /// Which measures; default [`MEASURES`](super::defaults::MEASURES).
    pub measures: Option<Spanned<Vec<Spanned<String>>>>,
    /// Vectors in a draw; default [`SAMPLES`](super::defaults::SAMPLES).
    pub samples: Option<Spanned<usize>>,
    /// Draws to average over; default [`DRAWS`](super::defaults::DRAWS).
    pub draws: Option<Spanned<usize>>,
    /// Sequences for each count; default [`SEQUENCES_PER_COUNT`](super::defaults::SEQUENCES_PER_COUNT).
    pub sequences_per_count: Option<Spanned<usize>>,
    /// Whether to take each distinct vector once, as at embeddings; default: no.
    pub distinct: Option<bool>,
    /// Permutations behind the null distribution, 0 for none; default [`PERMUTATIONS`](super::defaults::PERMUTATIONS).
    pub permutations: Option<Spanned<usize>>,
    /// Bootstraps behind the interval, 0 for none; default [`BOOTSTRAPS`](super::defaults::BOOTSTRAPS).
    pub bootstraps: Option<Spanned<usize>>,
}

/// In what form each of some networks holds a variable: how much of the variance between its values repeats with a period, and
/// whether a linear read-out tells the value's remainder by it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncodingTable {
    /// The encoding's name in results.
    pub name: Spanned<String>,
    /// Which networks or groups of them; default: all.
    pub networks: Option<Spanned<Vec<Spanned<String>>>>,
    /// Where the networks are read; default [`SITE`](super::defaults::SITE).
    pub site: Option<Spanned<Sites>>,
    /// The variable; default `count`.
    pub variable: Option<Spanned<String>>,
    /// The first and the last of its values; default [`ENCODED_VALUES`](super::defaults::ENCODED_VALUES).
    pub values: Option<Spanned<Vec<i64>>>,
    /// Periods; default [`PERIODS`](super::defaults::PERIODS).
    pub periods: Option<Spanned<Vec<usize>>>,
    /// Sequences for each count; default [`SEQUENCES_PER_COUNT`](super::defaults::SEQUENCES_PER_COUNT).
    pub sequences_per_count: Option<Spanned<usize>>,
}
