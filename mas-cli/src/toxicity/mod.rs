//! The toxicity case study (Grant, arXiv 2501.06164): copies of one language model, fine-tuned on disjoint splits of toxic
//! and of other text, answer the same prompts, and are aligned on their own answers.
//!
//! Every step leaves its result in the study's folder and is not done twice: `models/NAME`, `answers.json`,
//! `alignments/SITE[-CONTROL]`, then the tables and the report.

mod answers;
mod groups;
mod interchanges;
mod mask;
mod models;
mod report;
mod splits;

use std::path::{Path, PathBuf};

use mas_core::Site;
use mas_models::{LanguageConfig, Precision};
use serde::{Deserialize, Serialize};

pub use answers::{Answers, Text};
pub use groups::{Group, GroupRow};

use crate::{
    Error, Result,
    device::Compute,
    results::{ClaimRow, write_file},
    runs::FolderLock,
};

/// How large the study is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Fine-tunes on toxic text, and as many on other text.
    pub splits: usize,
    /// Steps of a fine-tuning.
    pub steps: u64,
    /// Pieces of text in a gradient.
    pub batch: usize,
    /// Gradients in a step.
    pub accumulate: usize,
    /// Tokens of a piece at most.
    pub length: usize,
    /// The fine-tuning's learning rate.
    pub learning_rate: f64,
    /// Tokens of a prompt.
    pub prompt: usize,
    /// Tokens of an answer at most.
    pub answer: usize,
    /// Prompts to fit to.
    pub training_prompts: usize,
    /// Prompts by which a fit's checkpoint is chosen.
    pub validation_prompts: usize,
    /// Prompts to judge by.
    pub held_out_prompts: usize,
    /// The sites, each with a fit of its own; the first one has the shuffled control.
    pub sites: Vec<String>,
    /// Whether the first site has the random-network control, too; nothing else depends on it.
    #[serde(skip)]
    pub random_network: bool,
    /// Coordinates of the subspace.
    pub k: usize,
    /// Steps of a fit.
    pub fit_steps: usize,
    /// Pairs of each direction in a step of a fit.
    pub fit_batch: usize,
    /// A fit's learning rate.
    pub fit_learning_rate: f64,
}

impl Settings {
    /// Within 90 minutes on two CPU cores with a model of 135 million parameters, by 0.81, 0.27 and 0.47 GFLOP a token of
    /// fine-tuning, of reading and of a fit at the embedding.
    ///
    /// - `layers`: how many blocks the model has
    pub fn quick(layers: usize) -> Self {
        Self {
            seed: 0,
            splits: 3,
            steps: 30,
            batch: 8,
            accumulate: 2,
            length: 48,
            learning_rate: 5e-4,
            prompt: 12,
            answer: 12,
            training_prompts: 48,
            validation_prompts: 8,
            held_out_prompts: 40,
            sites: vec!["embedding".into(), format!("layer.{}", layers / 2)],
            random_network: false,
            k: 32,
            fit_steps: 30,
            fit_batch: 4,
            fit_learning_rate: 1e-3,
        }
    }

    /// The paper's settings, for a GPU, at the embedding and across the layers.
    ///
    /// - `layers`: how many blocks the model has
    pub fn paper(layers: usize) -> Self {
        // Not the last one: what is swapped there reaches no later position.
        let mut blocks: Vec<usize> = (1..4).map(|quarter| layers * quarter / 4).collect();
        blocks.dedup();
        let layers_of = blocks.into_iter().map(|block| format!("layer.{block}"));
        Self {
            splits: 3,
            steps: 600,
            batch: 24,
            accumulate: 4,
            length: 64,
            prompt: 24,
            answer: 40,
            training_prompts: 1000,
            validation_prompts: 50,
            held_out_prompts: 300,
            sites: std::iter::once("embedding".into()).chain(layers_of).collect(),
            random_network: true,
            k: 64,
            fit_steps: 2000,
            fit_batch: 16,
            ..Self::quick(layers)
        }
    }

    fn check(&self) -> Result<()> {
        for (name, value) in [
            ("splits", self.splits),
            ("steps", self.steps as usize),
            ("batch", self.batch),
            ("accumulate", self.accumulate),
            ("prompt", self.prompt),
            ("answer", self.answer),
            ("training-prompts", self.training_prompts),
            ("validation-prompts", self.validation_prompts),
            ("held-out-prompts", self.held_out_prompts),
            ("sites", self.sites.len()),
            ("fit-steps", self.fit_steps),
            ("fit-batch", self.fit_batch),
        ] {
            if value == 0 {
                return Err(Error::invalid(format!("{name} must be at least 1")));
            }
        }
        Ok(())
    }

    /// What would otherwise come out only after all fine-tunes.
    fn check_for(&self, model: &LanguageConfig, sites: &[Site]) -> Result<()> {
        for (name, value) in [("learning-rate", self.learning_rate), ("fit-learning-rate", self.fit_learning_rate)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::invalid(format!("{name} = {value}, must be above 0")));
            }
        }
        if model.precision != Precision::F32 {
            return Err(Error::invalid(format!(
                "the model's weights are {}, which are too coarse to learn with; import it with --precision f32",
                model.precision.id()
            )));
        }
        if let Some(site) = self.sites.iter().find(|name| sites.iter().all(|site| site.name != **name)) {
            return Err(Error::invalid(format!(
                "the model has no site {site}; it has embedding and layer.0 to layer.{}",
                model.layers - 1
            )));
        }
        if self.k == 0 || self.k > model.width {
            return Err(Error::invalid(format!("k = {}, but the model's width is {}", self.k, model.width)));
        }
        if self.prompt + self.answer > model.context {
            return Err(Error::invalid(format!(
                "prompts of {} tokens and answers of {} do not fit the model's context of {}",
                self.prompt, self.answer, model.context
            )));
        }
        Ok(())
    }
}

/// Raised when a change to the program changes the numbers of this study, so that results of older programs are not gone
/// on with.
const ENGINE: u32 = 3;

/// What the study is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The language model that is fine-tuned.
    pub model: PathBuf,
    /// Toxic text, a document a line of `.jsonl`.
    pub toxic: PathBuf,
    /// Other text, likewise; a document that is there twice, or in both, counts once.
    pub nontoxic: PathBuf,
    /// Where results are kept.
    pub folder: PathBuf,
    /// How large it is.
    pub settings: Settings,
    /// Whether offensive words are written out in the report.
    pub unmasked: bool,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// A row for each group of directions, site and control.
    pub groups: Vec<GroupRow>,
    /// What becomes of the claim, the whole of it first.
    pub claims: Vec<ClaimRow>,
    /// The report.
    pub report: PathBuf,
}

/// What the study says while it runs: a step, and how far it is, of how much.
pub type Progress<'a> = dyn FnMut(&str, usize, usize) + 'a;

impl Study {
    /// Runs whatever has not been done, and reports.
    ///
    /// # Errors
    /// Text that is too little for the settings, a folder with results of other settings or in which another process is
    /// at work, and what the parts say.
    pub fn run(&self, compute: &Compute, progress: &mut Progress) -> Result<Findings> {
        self.settings.check()?;
        std::fs::create_dir_all(&self.folder).map_err(|error| Error::io(&self.folder, error))?;
        let _lock = FolderLock::whole(&self.folder)?;
        let base = models::Base::open(&self.model, compute)?;
        self.settings.check_for(base.network.config(), &base.network.sites())?;
        let splits = splits::Splits::draw(self, &base)?;
        self.claim_folder(&base, compute)?;
        let names = models::fine_tune(self, &base, &splits, progress)?;
        drop(base.network);
        let models = models::open(self, &names, compute)?;
        let answers = answers::answers(self, &models, &base.tokenizer, &splits, progress)?;
        let tokenizer = &base.tokenizer;
        let between =
            interchanges::Interchanges { study: self, models: &models, answers: &answers, tokenizer, compute };
        let outcomes = interchanges::interchanges(&between, progress)?;
        report::write(self, &models, &answers, &splits, outcomes, compute)
    }

    /// Keeps what the folder's results are of, or refuses results of something else.
    fn claim_folder(&self, base: &models::Base, compute: &Compute) -> Result<()> {
        let text = |path: &Path| crate::networks::hash_of(path);
        let origin = serde_json::json!({
            "engine": ENGINE,
            "settings": self.settings,
            "device": compute.kind,
            "model": base.identity,
            "tokenizer": text(&self.model.join("tokenizer.json"))?,
            "toxic": text(&self.toxic)?,
            "nontoxic": text(&self.nontoxic)?,
        });
        let path = self.folder.join("study.json");
        match std::fs::read(&path) {
            Ok(known) => match serde_json::from_slice::<serde_json::Value>(&known) {
                Ok(known) if known == origin => Ok(()),
                _ => Err(Error::invalid(format!(
                    "{} has results of another model, other text or other settings; remove it or choose another folder",
                    self.folder.display()
                ))),
            },
            Err(_) => {
                let text = serde_json::to_vec_pretty(&origin).map_err(|error| Error::Internal(error.to_string()))?;
                Ok(write_file(&path, &text)?)
            }
        }
    }
}
