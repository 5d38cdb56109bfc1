//! A share of a plan, for array jobs.

use std::fmt;
use std::str::FromStr;

use super::error::RunError;
use super::key::Key;

/// Share `index` of `count`: of the processes that divide a plan among them, one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// Share `index` of `count`.
    ///
    /// # Errors
    /// Unless `index < count`.
    pub fn new(index: u64, count: u64) -> Result<Self, RunError> {
        if index < count { Ok(Self { index, count }) } else { Err(RunError::Shard(format!("{index}/{count}"))) }
    }

    /// Whether the unit with this key is in this share. It depends on the key alone, so a process needs to know nothing
    /// of the others.
    pub fn owns(self, key: Key) -> bool {
        key.spread() % self.count == self.index
    }

    /// The name of the file that keeps two processes from taking the same share.
    pub(super) fn lock_name(self) -> String {
        format!(".shard-{}-of-{}.lock", self.index, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = RunError;

    fn from_str(text: &str) -> Result<Self, RunError> {
        let bad = || RunError::Shard(text.to_string());
        let (index, count) = text.split_once('/').ok_or_else(bad)?;
        Self::new(index.parse().map_err(|_| bad())?, count.parse().map_err(|_| bad())?).map_err(|_| bad())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_cover_every_key_once() {
        for bad in ["", "1", "2/2", "0/0", "-1/2", "a/b", "1/2/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
        let shards: Vec<Shard> = (0..3).map(|i| format!("{i}/3").parse().unwrap()).collect();
        for i in 0..50 {
            let key = Key::of(&serde_json::json!(i));
            assert_eq!(shards.iter().filter(|shard| shard.owns(key)).count(), 1);
        }
    }
}
