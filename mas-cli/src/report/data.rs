//! What a report is made from.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Table;
use crate::results::{ClaimRow, EncodingRow, FitCurve, IiaRow, QuantityRow, SimilarityRow, UnitOutcomes};
use crate::runs::{self, UnitRecord};

/// Everything that a report shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReportData {
    /// The page's title.
    pub title: String,
    /// The studies, in the order in which they are shown.
    pub studies: Vec<StudyReport>,
    /// Where the numbers come from.
    pub provenance: Provenance,
}

/// One study.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudyReport {
    /// The study's name: its id in rows and in file names.
    pub name: String,
    /// Its title: what was asked.
    pub title: String,
    /// A sentence or two on it; may be empty.
    pub summary: String,
    /// What was cut against the paper's scale, a sentence each.
    pub cut: Vec<String>,
    /// What single tables of the study (alignments, similarities, networks) leave out of the paper's settings, by name.
    pub cut_tables: BTreeMap<String, String>,
    /// Warnings that belong to its results, a sentence each.
    pub warnings: Vec<String>,
    /// IIA of every direction.
    pub iia: Vec<IiaRow>,
    /// Single interchanges. Without them, intervals of means over directions are the range of the directions'.
    pub outcomes: Vec<UnitOutcomes>,
    /// How far interchanged vectors leave natural ones.
    pub divergence: Vec<QuantityRow>,
    /// What the subspaces take.
    pub capacity: Vec<QuantityRow>,
    /// Correlational measures.
    pub similarity: Vec<SimilarityRow>,
    /// In what form networks hold a variable.
    pub encodings: Vec<EncodingRow>,
    /// Claims and their verdicts.
    pub claims: Vec<ClaimRow>,
    /// The networks compared.
    pub networks: Vec<NetworkSummary>,
    /// How the networks were trained.
    pub training: Vec<TrainingCurve>,
    /// How the alignments were fitted.
    pub fits: Vec<FitCurve>,
    /// Tables that only this study has, each under its heading.
    pub tables: Vec<(String, Table)>,
}

/// One network, in a line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkSummary {
    /// Its name.
    pub name: String,
    /// Its architecture, `gru 1 × 128` say.
    pub architecture: String,
    /// The task it was trained on.
    pub task: String,
    /// Its seed.
    pub seed: u64,
    /// Whether its training met the mark.
    pub accepted: bool,
    /// Epochs it was trained for, where known.
    pub epochs: Option<u64>,
    /// Validation trials right at the end, where known.
    pub validation_accuracy: Option<f64>,
    /// Parameters, where known.
    pub parameters: Option<u64>,
}

/// The training of one network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingCurve {
    /// The network.
    pub network: String,
    /// In order of epochs.
    pub points: Vec<TrainingPoint>,
}

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainingPoint {
    /// The epoch.
    pub epoch: u64,
    /// Training loss, where recorded.
    pub loss: Option<f64>,
    /// Validation trials right, where recorded.
    pub accuracy: Option<f64>,
}

/// Where numbers come from: of all results that are shown, what made them, each value once. No dates: the same work gives
/// the same page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// Versions of the program, with the commit that each was built from, where known.
    pub programs: BTreeSet<String>,
    /// Devices that computed.
    pub devices: BTreeSet<String>,
    /// Their processors, where known.
    pub processors: BTreeSet<String>,
    /// Seeds of the studies.
    pub seeds: BTreeSet<u64>,
    /// The commands that were given, where known.
    pub commands: BTreeSet<String>,
}

impl StudyReport {
    /// What an alignment leaves out of the paper's settings, as the end of a caption.
    pub(super) fn cut_of(&self, alignment: &str) -> String {
        let cut = self.cut_tables.get(&format!("Alignment {alignment}"));
        cut.map_or_else(String::new, |cut| format!(" Cut against the paper's settings: {cut}."))
    }
}

impl Provenance {
    /// Of results that one command made, of the seed `seed`.
    pub fn of_one(made: runs::Provenance, seed: u64) -> Self {
        let program = match made.commit {
            Some(commit) => format!("{}, commit {commit}", made.version),
            None => made.version,
        };
        Self {
            programs: [program].into(),
            devices: [made.device].into(),
            processors: [made.cpu].into(),
            seeds: [seed].into(),
            commands: [made.command].into(),
        }
    }

    /// Takes in where one result comes from.
    pub fn add(&mut self, record: &UnitRecord) {
        self.programs.insert(match &record.commit {
            Some(commit) => format!("{}, commit {commit}", record.version),
            None => record.version.clone(),
        });
        self.devices.insert(record.device.clone());
        self.processors.extend(record.cpu.clone());
        self.commands.extend(record.command.clone());
    }
}
