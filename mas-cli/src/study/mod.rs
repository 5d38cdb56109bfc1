//! Study files: a comparison of networks, from their training to the claims it is to decide, in one TOML file.
//!
//! [`StudyFile`] and its tables document every key and its default. [`Study::read`] checks a file as a whole, and says
//! where in it a mistake is; [`Study::plan`] turns it into the [units](crate::runs::Unit) of work that it asks for.
//!
//! ```
//! use mas_cli::study::Study;
//!
//! let text = r#"
//! name = "seeds"
//!
//! [[networks]]
//! name = "gru"
//! task = "multi-object"
//! architecture = "gru"
//! seeds = [1, 2]
//!
//! [[alignments]]
//! name = "hidden"
//! "#;
//! let plan = Study::parse(text, "seeds.toml")?.plan("flex");
//! let names: Vec<_> = plan.units().iter().map(|unit| unit.name()).collect();
//! // Two networks to train; one fit, and the two controls that are fits of their own.
//! assert_eq!(names[..2], ["gru-1", "gru-2"]);
//! assert_eq!(names.len(), 5);
//!
//! let mistake = Study::parse(&text.replace("seeds =", "seed ="), "seeds.toml").unwrap_err();
//! assert_eq!(mistake.to_string().split(',').next(), Some("seeds.toml:8:1: unknown field `seed`"));
//! # Ok::<(), mas_cli::study::StudyError>(())
//! ```

mod alignments;
mod architecture;
mod brought;
mod choice;
mod configuration;
mod control;
mod cut;
pub mod defaults;
mod encodings;
mod error;
mod file;
mod listed;
mod networks;
mod pairing;
mod plan;
mod settings;
mod similarities;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use architecture::{Architecture, UnknownArchitecture};
pub use configuration::{
    AlignConfiguration, EncodingConfiguration, Prompts, SimilarityConfiguration, Swapped, TrainConfiguration,
    TrainingSettings,
};
pub use control::FitControl;
pub use error::StudyError;
pub use file::{AlignmentTable, EncodingTable, NetworkTable, SimilarityTable, StudyFile, TrainingTable};
pub use listed::{OneOrMany, Pairs, Sites};
pub use settings::FitSettings;

use alignments::AlignmentFits;
pub(crate) use alignments::value_range;
use encodings::Encodings;
use networks::{Network, Origin};
use similarities::SimilarityPairs;
use source::Source;

use crate::claims::CLAIMS;

/// What becomes of networks that ship with a study (the key `weights`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shipped {
    /// They are taken.
    Taken,
    /// They are trained all the same; it does not matter whether they are there.
    Retrained,
}

/// A study file that has been found right: what it names exists, what it asks for can be done.
#[derive(Debug, Clone)]
pub struct Study {
    /// Its name, which stands in every row of its results.
    pub name: String,
    /// Its title, for people; the name where there is none.
    pub title: String,
    /// The ids of the claims that it is to decide, in the order of the file.
    pub claims: Vec<String>,
    /// The seed of pairs, fits and bootstraps. Networks have their own.
    pub seed: u64,
    /// What it leaves out of the paper's settings.
    pub cut: Vec<String>,
    networks: Vec<Network>,
    alignments: Vec<AlignmentFits>,
    similarities: Vec<SimilarityPairs>,
    encodings: Vec<Encodings>,
}

impl Study {
    /// Reads the study file at `path`. Networks that it names by path are looked for beside it.
    ///
    /// # Errors
    /// When it cannot be read, or for the first mistake in it.
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        Self::read_as(path, Shipped::Taken)
    }

    /// The same, saying what becomes of networks that ship with the study.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_as(path: &Path, shipped: Shipped) -> Result<Self, StudyError> {
        let text = std::fs::read_to_string(path).map_err(|error| StudyError::unreadable(path, &error))?;
        Self::parse_as(&text, path, shipped)
    }

    /// Checks `text`, the content of the study file at `path`.
    ///
    /// # Errors
    /// For the first mistake in it.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, StudyError> {
        Self::parse_as(text, path, Shipped::Taken)
    }

    /// The same, saying what becomes of networks that ship with the study.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_as(text: &str, path: impl AsRef<Path>, shipped: Shipped) -> Result<Self, StudyError> {
        let source = Source::new(path.as_ref(), text);
        let file: StudyFile = toml::from_str(text).map_err(|error| source.toml_error(&error))?;
        source.name("the study", &file.name)?;
        for claim in &file.claims {
            source.choice("claim", claim, CLAIMS, |claim| claim.id)?;
        }
        let seed = source.seed("seed", file.seed.as_ref(), defaults::SEED)?;
        let settings = match &file.settings {
            Some(name) => source.choice("settings", name, FitSettings::ALL, |one| one.id())?,
            None => FitSettings::default(),
        };
        let networks = networks::check(&source, &file.networks, shipped)?;
        let alignments = alignments::check(&source, &file.alignments, &networks, settings, seed)?;
        let similarities = similarities::check(&source, &file.similarities, &networks, seed)?;
        let encodings = encodings::check(&source, &file.encodings, &networks, seed)?;
        Ok(Self {
            title: file.title.unwrap_or_else(|| file.name.get_ref().clone()),
            name: file.name.into_inner(),
            claims: file.claims.into_iter().map(|claim| claim.into_inner()).collect(),
            seed,
            cut: file.cut,
            networks,
            alignments,
            similarities,
            encodings,
        })
    }

    /// What has to be said of results that it will have, a line each.
    pub fn warnings(&self) -> Vec<String> {
        let of = |table: &AlignmentFits| {
            let warning = table.fits.iter().find_map(|fit| fit.configuration.function.warning())?;
            Some(format!("alignment {}: {warning}", table.name))
        };
        self.alignments.iter().filter_map(of).collect()
    }

    /// The networks that ship with it and are not trained.
    pub fn shipped(&self) -> impl Iterator<Item = &str> {
        let shipped = |network: &&Network| matches!(network.origin, Origin::Shipped { .. });
        self.networks.iter().filter(shipped).map(|network| network.name.as_str())
    }

    /// The names of its networks, one for each seed.
    pub fn networks(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().map(|network| network.name.as_str())
    }
}
