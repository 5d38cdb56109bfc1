//! Keys: what a result depends on, as one short name.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// The name of a unit's result folder: the first 128 bits of a BLAKE3 hash, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 16]);

/// What is said of a text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key: a key is 32 hexadecimal digits")]
pub struct ParseKeyError(String);

impl Key {
    /// The key of a JSON value. Equal values have equal keys, whatever the order of their fields.
    pub fn of(value: &Value) -> Self {
        Self::from_hash(blake3::hash(canonical_json(value).as_bytes()))
    }

    /// The key of what is in `files`, in this order. Where the files lie and what they are called does not matter.
    ///
    /// # Errors
    /// When a file cannot be read; the path is the second half of the error.
    pub fn of_files<'a>(
        files: impl IntoIterator<Item = &'a Path>,
    ) -> std::result::Result<Self, (std::io::Error, &'a Path)> {
        let mut whole = blake3::Hasher::new();
        for path in files {
            // Each file is hashed on its own, so that moving bytes from one to the next is a change too.
            whole.update(hash_file(path).map_err(|error| (error, path))?.as_bytes());
        }
        Ok(Self::from_hash(whole.finalize()))
    }

    /// A number that spreads keys evenly, the same on every machine: which shard does what depends on it.
    pub fn spread(self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(first)
    }

    /// The first eight digits, enough to tell results apart in a list.
    pub fn short(self) -> String {
        self.to_string()[..8].to_string()
    }

    fn from_hash(hash: blake3::Hash) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        Self(bytes)
    }
}

fn hash_file(path: &Path) -> std::io::Result<blake3::Hash> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize()),
            n => hasher.update(&buffer[..n]),
        };
    }
}

/// `value` as JSON text with the fields of every object in alphabetical order and no spaces, so that equal values are
/// equal texts. (`serde_json` alone keeps the order of insertion as soon as any crate of the program asks it to.)
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            text.push('{');
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(&fields[name], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> std::result::Result<Self, ParseKeyError> {
        let digits = text.as_bytes();
        // Capitals are refused: on a file system that tells them apart, `AB…` is not the folder `ab…`.
        let written_so = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
        if digits.len() != 32 || !digits.iter().all(written_so) {
            return Err(ParseKeyError(text.to_string()));
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParseKeyError(text.to_string()))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParseKeyError(text.to_string()))?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_fields_does_not_matter_but_every_value_does() {
        let one: Value = serde_json::from_str(r#"{"a": 1, "b": {"d": [1, 2], "c": "x"}}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"b": {"c": "x", "d": [1, 2]}, "a": 1}"#).unwrap();
        assert_eq!(Key::of(&one), Key::of(&other));
        assert_eq!(canonical_json(&one), r#"{"a":1,"b":{"c":"x","d":[1,2]}}"#);
        assert_ne!(Key::of(&one), Key::of(&json!({ "a": 1, "b": { "d": [2, 1], "c": "x" } })));
    }

    #[test]
    fn a_key_is_written_and_read() {
        let key = Key::of(&json!(null));
        assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        assert_eq!(key.to_string().len(), 32);
        for bad in ["", "report", &"g".repeat(32), &"A".repeat(32), &"é".repeat(16)] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }
}
