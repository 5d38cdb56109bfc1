//! Values that can be written in more than one way.
//!
//! Serde's untagged enumerations would do, but for their errors: they name neither the place nor what was expected.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// `2`, or `[2, 4, 8]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<usize>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor;

        impl<'de> Visitor<'de> for OneOrManyVisitor {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a list of them")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![usize::deserialize(value.into_deserializer())?]))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![usize::deserialize(value.into_deserializer())?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<OneOrMany, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    values.push(value);
                }
                Ok(OneOrMany(values))
            }
        }

        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

/// Which networks are brought together: `"all"`, `"ordered"`, `"ring"`, `"joint"`, or lists of their names.
#[derive(Debug, Clone)]
pub enum Pairs {
    /// By a word.
    Named(String),
    /// By name.
    Listed(Vec<Spanned<Vec<Spanned<String>>>>),
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\", \"ordered\", \"ring\", \"joint\" or a list of lists of networks")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Pairs, E> {
                Ok(Pairs::Named(value.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Pairs, A::Error> {
                let mut lists = Vec::new();
                while let Some(list) = sequence.next_element()? {
                    lists.push(list);
                }
                Ok(Pairs::Listed(lists))
            }
        }

        deserializer.deserialize_any(PairsVisitor)
    }
}

/// Where networks are read and written: one site for all, or `{ gru = "hidden", transformer = "layer.0" }`.
#[derive(Debug, Clone)]
pub enum Sites {
    /// The same in all.
    Same(String),
    /// For each network, or group of networks, its own.
    Each(Vec<(Spanned<String>, Spanned<String>)>),
}

impl<'de> Deserialize<'de> for Sites {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SitesVisitor;

        impl<'de> Visitor<'de> for SitesVisitor {
            type Value = Sites;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a site, or a table from networks to sites")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Sites, E> {
                Ok(Sites::Same(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sites, A::Error> {
                let mut sites = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    sites.push(entry);
                }
                Ok(Sites::Each(sites))
            }
        }

        deserializer.deserialize_any(SitesVisitor)
    }
}
