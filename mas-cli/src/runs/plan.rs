//! All the work that a study asks for.

use std::collections::{BTreeSet, HashMap};

use super::folder::RunFolder;
use super::key::Key;
use super::unit::{Unit, UnitKind};

/// Units in an order in which they could be done one after another: inputs come before what reads them.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    units: Vec<Unit>,
    places: HashMap<Key, usize>,
    sections: Vec<Section>,
}

/// A part of a study file, and the units that came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What the study calls it.
    pub name: String,
    /// What its units do.
    pub kind: UnitKind,
    /// Its units, in the order of the study; a unit can belong to several sections.
    pub units: Vec<Key>,
}

impl Plan {
    /// Adds a unit and answers its key. A unit whose key is there already is the same work and is not added again.
    pub fn push(&mut self, unit: Unit) -> Key {
        let key = unit.key();
        self.places.entry(key).or_insert_with(|| {
            self.units.push(unit);
            self.units.len() - 1
        });
        key
    }

    /// Notes which units belong to a part of the study, for its report.
    pub fn push_section(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Adds everything of `other`, so that several studies run as one.
    pub fn extend(&mut self, other: Plan) {
        other.units.into_iter().for_each(|unit| {
            self.push(unit);
        });
        self.sections.extend(other.sections);
    }

    /// The units, inputs first.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The parts of the study.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The unit with this key.
    pub fn unit(&self, key: Key) -> Option<&Unit> {
        self.place(key).map(|place| &self.units[place])
    }

    /// The keys of all units: what `runs remove` is to keep.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.places.keys().copied().collect()
    }

    /// Whether every unit's result is in `folder`.
    pub fn is_finished(&self, folder: &RunFolder) -> bool {
        self.units.iter().all(|unit| folder.is_finished(unit.kind(), unit.key()))
    }

    /// Where in [`Plan::units`] the unit with this key stands.
    pub(super) fn place(&self, key: Key) -> Option<usize> {
        self.places.get(&key).copied()
    }
}
