//! One piece of work: what it is, what it depends on, and its key.

use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::Key;

/// What a unit does; also the name of the folder under which its result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UnitKind {
    /// Train one network from a recipe; the result is a network folder.
    Train,
    /// Fit and evaluate one alignment (or one of its controls); the result is an alignment folder.
    Align,
    /// Compare two networks by correlational measures.
    Similarity,
    /// Tell in what form one network holds a variable.
    Encoding,
}

impl UnitKind {
    /// The name of the kind in run folders and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Align => "align",
            Self::Similarity => "similarity",
            Self::Encoding => "encoding",
        }
    }

    /// The engine version: raised whenever a change to the program changes numbers of this kind, so that results of older
    /// versions are done anew. Those that have such a result for an input are, too.
    pub fn engine(self) -> u32 {
        match self {
            Self::Train => 4,
            Self::Align => 7,
            Self::Similarity => 7,
            Self::Encoding => 1,
        }
    }
}

impl fmt::Display for UnitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an input of a unit comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    /// The result of another unit.
    Unit(UnitKind),
    /// A folder or file that the user brought.
    Path(PathBuf),
}

/// Something that a unit reads: a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What the study calls it (`gru-1`). No part of any key.
    pub name: String,
    /// The key of the unit that makes it, or of the content of the files.
    pub key: Key,
    /// Where to find it.
    pub source: InputSource,
    /// Whether it may be used although its training did not reach the acceptance mark. No part of any key: it decides
    /// whether there is a result, never what the result is.
    pub allow_unaccepted: bool,
}

/// One piece of work. Its key is fixed when it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    kind: UnitKind,
    name: String,
    configuration: Value,
    inputs: Vec<Input>,
    device: String,
    key: Key,
}

impl Unit {
    /// A unit of `kind`, called `name` where people read it, with its complete `configuration`: everything that its
    /// numbers depend on besides its inputs, the kind of `device` and the [engine](UnitKind::engine). Fields that are null count as
    /// absent.
    pub fn new(
        kind: UnitKind,
        name: impl Into<String>,
        mut configuration: Value,
        inputs: Vec<Input>,
        device: impl Into<String>,
    ) -> Self {
        let device = device.into();
        drop_nulls(&mut configuration);
        let key = Key::of(&json!({
            "kind": kind.name(),
            "configuration": configuration,
            "inputs": inputs.iter().map(|input| input.key.to_string()).collect::<Vec<_>>(),
            "device": device,
            "engine": kind.engine(),
        }));
        Self { kind, name: name.into(), configuration, inputs, device, key }
    }

    /// What it does.
    pub fn kind(&self) -> UnitKind {
        self.kind
    }

    /// What people call it. No part of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that its numbers depend on besides inputs, device and engine.
    pub fn configuration(&self) -> &Value {
        &self.configuration
    }

    /// The configuration as the type that was written into it.
    ///
    /// # Errors
    /// When it is not one of those, which is a mistake in the program.
    pub fn configuration_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.configuration)
    }

    /// What it reads, in the order that matters.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// The kind of device that it is done on (`flex`, `wgpu`, `cuda`).
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The name of its result.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// TOML, in which configurations are kept, has no null.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, configuration: Value, device: &str) -> Unit {
        Unit::new(UnitKind::Train, name, configuration, vec![], device)
    }

    #[test]
    fn the_key_follows_the_numbers_and_not_the_labels() {
        let one = unit("gru-1", json!({ "seed": 1, "width": 4 }), "flex");
        assert_eq!(one.key(), unit("another name", json!({ "width": 4, "seed": 1, "absent": null }), "flex").key());
        assert_ne!(one.key(), unit("gru-1", json!({ "seed": 2, "width": 4 }), "flex").key());
        assert_ne!(one.key(), unit("gru-1", json!({ "seed": 1, "width": 4 }), "cuda").key());

        let input = |name: &str, key: Key| Input {
            name: name.into(),
            key,
            source: InputSource::Unit(UnitKind::Train),
            allow_unaccepted: name == "x",
        };
        let align = |inputs| Unit::new(UnitKind::Align, "hidden", json!({}), inputs, "flex").key();
        let (a, b) = (Key::of(&json!(1)), Key::of(&json!(2)));
        assert_eq!(align(vec![input("x", a), input("y", b)]), align(vec![input("p", a), input("q", b)]));
        assert_ne!(align(vec![input("x", a), input("y", b)]), align(vec![input("x", b), input("y", a)]));
    }
}
