//! The complete configurations of units: everything that their numbers depend on besides their inputs.
//!
//! A unit carries its configuration as JSON; [`Unit::configuration_as`](crate::runs::Unit::configuration_as) reads these
//! types back from it.

use std::path::{Path, PathBuf};

use mas_core::{
    FunctionConfig, FunctionKind, LATENT_WEIGHT, Method, Objective, Start, Subspaces,
    alignment::{Parametrisation, PreStepParts},
};
use mas_models::Feedback;
use mas_tasks::{Positions, ProgramKind, TaskKind, ValueRange, Variable, VariablePair};
use serde::{Deserialize, Serialize};

use super::{FitControl, architecture::Architecture};
use crate::{
    Error, Result,
    results::{AlignmentUnit, NULL, write_file},
};

/// What a [`Train`](crate::runs::UnitKind::Train) unit does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainConfiguration {
    /// The task.
    pub task: TaskKind,
    /// The kind of network.
    pub architecture: Architecture,
    /// Its width.
    pub width: usize,
    /// Its layers.
    pub layers: usize,
    /// Its attention heads, where it is a transformer with more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    /// Whether it is a recurrent network with layer norms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub layer_norm: bool,
    /// The share that is dropped in training, where it is not a half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// The seed of weights, trials and their order.
    pub seed: u64,
    /// How it is trained.
    pub training: TrainingSettings,
}

/// The file of a network folder that says how the network was trained, whole: what `network.toml` has not.
const RECIPE: &str = "recipe.toml";

/// What [`RECIPE`] holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Recipe {
    /// BLAKE3 of the weights that it has made.
    weights_blake3: String,
    recipe: TrainConfiguration,
}

impl TrainConfiguration {
    /// Writes it into the network folder that it has made.
    ///
    /// # Errors
    /// When there are no weights, or the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let recipe = Recipe { weights_blake3: weights_hash(folder).map_err(Error::invalid)?, recipe: self.clone() };
        let text = toml::to_string(&recipe).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(write_file(&folder.join(RECIPE), text.as_bytes())?)
    }

    /// Whether it has made the weights in a network folder, as far as that can be seen there.
    ///
    /// # Errors
    /// What speaks against it, in words.
    pub(super) fn made(&self, folder: &Path) -> std::result::Result<(), String> {
        let path = folder.join(RECIPE);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let Recipe { weights_blake3, recipe } =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if weights_blake3 != weights_hash(folder)? {
            return Err(format!("{} is of other weights than those beside it", path.display()));
        }
        if recipe == *self {
            return Ok(());
        }
        let text = |recipe| toml::to_string(recipe).map_err(|error| error.to_string());
        let (here, there) = (text(self)?, text(&recipe)?);
        let differs = here.lines().find(|line| !there.lines().any(|other| other == *line));
        let differs = differs.or_else(|| there.lines().find(|line| !here.lines().any(|other| other == *line)));
        let (path, differs) = (path.display(), differs.unwrap_or_default());
        Err(format!("{path} is another recipe than the one here: `{differs}` is in one of them only"))
    }

    /// The shape of the network.
    ///
    /// # Errors
    /// Heads or layer norms that its architecture does not have, or a shape that cannot be.
    pub fn shape(&self, vocabulary: usize) -> Result<mas_models::Architecture> {
        let Self { architecture, width, layers, heads, layer_norm, dropout, .. } = self;
        let mut shape = architecture.shape(*width, *layers, vocabulary);
        match &mut shape {
            mas_models::Architecture::Recurrent(_) if heads.is_some() => {
                return Err(Error::invalid(format!("{architecture} has no attention heads")));
            }
            mas_models::Architecture::Recurrent(config) => {
                config.layer_norm = *layer_norm;
                config.dropout = dropout.unwrap_or(config.dropout);
            }
            mas_models::Architecture::Transformer(_) if *layer_norm => {
                return Err(Error::invalid(format!("{architecture} has its layer norms in any case")));
            }
            mas_models::Architecture::Transformer(config) => {
                config.heads = heads.unwrap_or(config.heads);
                config.dropout = dropout.unwrap_or(config.dropout);
            }
            _ => {}
        }
        shape.check()?;
        Ok(shape)
    }
}

/// The hash of the weights in a network folder.
fn weights_hash(folder: &Path) -> std::result::Result<String, String> {
    let path = folder.join("weights.safetensors");
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// How a network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainingSettings {
    /// Passes through the training trials at most.
    pub max_epochs: usize,
    /// Steps at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<usize>,
    /// After the warm-up.
    pub learning_rate: f64,
    /// Steps of linear warm-up.
    pub warm_up: usize,
    /// Of the last epochs, how many bring the rate down to zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<usize>,
    /// What the network reads in the response, where that is not what its architecture is trained with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Whether the loss is over the response alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub response_only: bool,
    /// The norm that gradients are brought down to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Trials in a step.
    pub batch: usize,
    /// Trials to train on.
    pub samples: usize,
    /// Trials to validate on.
    pub validation_samples: usize,
    /// Epochs from one validation to the next.
    pub validate_every: usize,
}

/// What an [`Align`](crate::runs::UnitKind::Align) unit does with its inputs, the networks in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AlignConfiguration {
    /// The method.
    pub method: Method,
    /// The alignment function of every network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub function: FunctionKind,
    /// Where the fit begins.
    #[serde(default, skip_serializing_if = "is_default")]
    pub start: Start,
    /// How its rotation follows from parameters, where that is not left to its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parametrisation: Option<Parametrisation>,
    /// What happens to activity before the map.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pre_step: PreStepParts,
    /// Where each network is read and written, in the order of the inputs.
    pub sites: Vec<String>,
    /// Individual or stepwise.
    pub positions: Positions,
    /// The variables of the fit, a subspace each. Of `a:b`, `a` is the first network's and `b` the second one's.
    pub variables: Vec<VariablePair>,
    /// The causal program, where it is not the task's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramKind>,
    /// What language models are aligned on, in the place of a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<Prompts>,
    /// Values that are interchanged, where not all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ValueRange>,
    /// Coordinates of each variable's subspace; nothing for methods that take everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// Coordinates of each variable's subspace, in the place of `k`, where they are not as many for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<usize>,
    /// The networks, as places in the inputs, whose activity is read and which are not run in the fit; for methods that
    /// have such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inaccessible: Vec<usize>,
    /// Weight of the counterfactual-latent loss beside that of behaviour; for methods that have both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cl_weight: Option<f64>,
    /// Whether all variables are interchanged at once, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub together: bool,
    /// Whether there is a null variable: within networks, the coordinates that no variable has are swapped too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub null: bool,
    /// Interchanges to fit to.
    pub training_pairs: usize,
    /// Interchanges to judge by.
    pub held_out_pairs: usize,
    /// Interchanges in a step, for each direction.
    pub batch: usize,
    /// Learning rate.
    pub learning_rate: f64,
    /// Of the steps, how many at the end bring the learning rate down to zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<usize>,
    /// Steps at most.
    pub max_steps: usize,
    /// Steps from one validation to the next.
    pub evaluate_every: usize,
    /// Whether the target reads its own predictions in the response during the fit.
    pub free_running: bool,
    /// Which control this fit is.
    pub control: FitControl,
    /// Seed of pairs and of the fit.
    pub seed: u64,
}

/// Prompts that language models go on with, each in its own way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Prompts {
    /// A file of texts, of which each one's first tokens are a prompt.
    pub file: PathBuf,
    /// BLAKE3 of the file.
    pub identity: String,
    /// Tokens of a prompt.
    pub tokens: usize,
    /// Tokens of an answer at most.
    pub answer: usize,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What one interchange of a fit takes over: a variable, or all of them at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swapped {
    /// The variables; none of the null variable.
    pub variables: Vec<VariablePair>,
    /// Their subspace, by index, or [`Subspaces::ALL`] or [`Subspaces::EXTRANEOUS`].
    pub subspace: usize,
}

impl std::fmt::Display for Swapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.subspace == Subspaces::EXTRANEOUS {
            return f.write_str(NULL);
        }
        let names: Vec<String> = self.variables.iter().map(ToString::to_string).collect();
        f.write_str(&names.join("+"))
    }
}

impl AlignConfiguration {
    /// The alignment function that every network gets.
    pub fn alignment_function(&self) -> FunctionConfig {
        FunctionConfig {
            parametrisation: self.parametrisation,
            prestep: self.pre_step,
            ..FunctionConfig::new(self.function, self.start)
        }
    }

    /// The alignment function as results name it: `orthogonal`, `orthogonal after tanh+standardise`, …
    pub fn function_label(&self) -> String {
        match self.pre_step == PreStepParts::default() {
            true => self.function.to_string(),
            false => format!("{} after {}", self.function, self.pre_step),
        }
    }

    /// Interchanges of each direction to validate a fit by: half of those that it is judged by are enough to choose a
    /// checkpoint.
    pub fn validation_pairs(&self) -> usize {
        self.held_out_pairs.div_ceil(2)
    }

    /// What is interchanged: each variable, and all of them at once where that is asked for.
    pub fn swapped(&self) -> Vec<Swapped> {
        let one = |(subspace, &variable)| Swapped { variables: vec![variable], subspace };
        let all = Swapped { variables: self.variables.clone(), subspace: Subspaces::ALL };
        self.variables.iter().enumerate().map(one).chain(self.together.then_some(all)).collect()
    }

    /// What is measured: what is interchanged, and the null variable where there is one.
    pub fn measured(&self) -> Vec<Swapped> {
        let null = Swapped { variables: Vec::new(), subspace: Subspaces::EXTRANEOUS };
        self.swapped().into_iter().chain(self.null.then_some(null)).collect()
    }

    /// What the rows of one thing that it interchanges have in common.
    pub fn unit(&self, study: &str, alignment: &str, swapped: &Swapped) -> AlignmentUnit {
        AlignmentUnit {
            study: study.to_owned(),
            alignment: alignment.to_owned(),
            method: self.method.to_string(),
            function: self.function_label(),
            positions: self.positions.to_string(),
            site: self.site_label(),
            variable: swapped.to_string(),
            k: match swapped.subspace {
                // What goes over, and what the null variable leaves in place.
                Subspaces::ALL | Subspaces::EXTRANEOUS => (0..self.variables.len()).map(|index| self.size(index)).sum(),
                index => self.size(index),
            } as u64,
            seed: self.seed,
        }
    }

    /// Coordinates of the subspace of the variable at `index`; 0 for methods that take everything.
    pub fn size(&self, index: usize) -> usize {
        self.sizes.get(index).copied().or(self.k).unwrap_or(0)
    }

    /// What the fit learns from.
    ///
    /// # Errors
    /// Networks, weights or a null variable that the method is not made for.
    pub fn objective(&self) -> Result<Objective> {
        let networks = self.sites.len();
        let objective = Objective {
            latent_weight: self.cl_weight.unwrap_or(LATENT_WEIGHT),
            ..self.method.objective_without(networks, &self.inaccessible)?
        };
        objective.check(networks)?;
        let of_two = |pair: &&VariablePair| pair.source != pair.target;
        if let Some(pair) = self.variables.iter().find(of_two).filter(|_| networks == 1) {
            return Err(Error::invalid(format!("`{pair}` names the variables of two networks, and there is one")));
        }
        if self.method.takes_everything() && self.variables.len() > 1 {
            return Err(Error::invalid(format!(
                "`{}` takes everything, which leaves no room for {} variables; align one, or `full`",
                self.method,
                self.variables.len()
            )));
        }
        if self.together && self.variables.len() < 2 {
            return Err(Error::invalid("`together` interchanges several variables at once, and there is one"));
        }
        if self.together && self.range.is_some() {
            return Err(Error::invalid(
                "`range` restricts one variable: it goes with none that is interchanged `together`",
            ));
        }
        let within = objective.behaviour.iter().any(|direction| direction.source == direction.target);
        if self.null && !within {
            return Err(Error::invalid(format!(
                "there is no null variable in `{}`, which trains no direction within one network",
                self.method
            )));
        }
        if !objective.latent().is_empty() && self.positions == Positions::Stepwise {
            return Err(Error::invalid(format!(
                "`{}` takes individual positions: what stepwise interchanges should come to, no natural activity tells",
                self.method
            )));
        }
        Ok(objective)
    }

    /// The site as results name it: `hidden`, or `hidden:layer.0` where the networks' differ.
    pub fn site_label(&self) -> String {
        site_label(&self.sites)
    }
}

/// What a [`Similarity`](crate::runs::UnitKind::Similarity) unit does with its two inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SimilarityConfiguration {
    /// Where each network is read, in the order of the inputs.
    pub sites: Vec<String>,
    /// The measures, in alphabetical order.
    pub measures: Vec<String>,
    /// Vectors in a draw.
    pub samples: usize,
    /// Draws to average over.
    pub draws: usize,
    /// Sequences for each count.
    pub sequences_per_count: usize,
    /// Whether each distinct vector is taken once.
    pub distinct: bool,
    /// Permutations behind the null distribution.
    pub permutations: usize,
    /// Bootstraps behind the interval.
    pub bootstraps: usize,
    /// Seed of sequences, draws, permutations and bootstraps.
    pub seed: u64,
}

impl SimilarityConfiguration {
    /// The site as results name it: `hidden`, or `hidden:layer.0` where the networks' differ.
    pub fn site_label(&self) -> String {
        site_label(&self.sites)
    }
}

/// What an [`Encoding`](crate::runs::UnitKind::Encoding) unit does with its one input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncodingConfiguration {
    /// Where the network is read.
    pub site: String,
    /// The variable.
    pub variable: Variable,
    /// The first of its values.
    pub from: i64,
    /// The last of them.
    pub to: i64,
    /// Periods, each of which divides the number of values.
    pub periods: Vec<usize>,
    /// Sequences for each count.
    pub sequences_per_count: usize,
    /// Seed of the sequences.
    pub seed: u64,
}

fn site_label(sites: &[String]) -> String {
    match sites {
        [first, rest @ ..] if rest.iter().all(|site| site == first) => first.clone(),
        several => several.join(":"),
    }
}
