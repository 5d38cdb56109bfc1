//! What can happen to a file.

use rand::{Rng, RngExt};

/// One change of a file's bytes.
pub enum Mutation {
    /// One bit the other way.
    Bit { at: usize, bit: u8 },
    /// A whole number that readers may trip over, in the place of what was there.
    Number { at: usize, bytes: Vec<u8> },
    /// The rest is missing.
    Truncation { at: usize },
    /// Bytes that were not there.
    Insertion { at: usize, bytes: Vec<u8> },
    /// Bytes that are no longer there.
    Deletion { at: usize, length: usize },
    /// Bytes from elsewhere in the file.
    Copy { from: usize, to: usize, length: usize },
}

impl Mutation {
    /// A mutation of `file`.
    pub fn draw(file: &[u8], rng: &mut impl Rng) -> Self {
        // Heads are where sizes and structure stand.
        let most = if rng.random_bool(0.5) { file.len().min(512) } else { file.len() };
        let at = rng.random_range(0..=most);
        let length = rng.random_range(1..=32);
        match rng.random_range(0..6) {
            0 => Self::Bit { at, bit: rng.random_range(0..8) },
            1 => {
                let number =
                    *[0, 1, 0x7f, 0x80, 0xff, 0xffff, i32::MAX as u64, u64::from(u32::MAX), i64::MAX as u64, u64::MAX]
                        .get(rng.random_range(0..10))
                        .unwrap_or(&0);
                let width = [1, 2, 4, 8][rng.random_range(0..4)];
                Self::Number { at, bytes: number.to_le_bytes()[..width].to_vec() }
            }
            2 => Self::Truncation { at },
            3 => Self::Insertion { at, bytes: (0..length).map(|_| rng.random()).collect() },
            4 => Self::Deletion { at, length },
            _ => Self::Copy { from: rng.random_range(0..=file.len()), to: at, length },
        }
    }

    /// Changes `file`, as far as it reaches.
    pub fn apply(self, file: &mut Vec<u8>) {
        let end = file.len();
        let within = |at: usize, length: usize| at.min(end)..at.saturating_add(length).min(end);
        match self {
            Self::Bit { at, bit } => file.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit),
            Self::Number { at, bytes } => {
                file.iter_mut().skip(at).zip(bytes).for_each(|(byte, new)| *byte = new);
            }
            Self::Truncation { at } => file.truncate(at),
            Self::Insertion { at, bytes } => drop(file.splice(within(at, 0), bytes)),
            Self::Deletion { at, length } => drop(file.drain(within(at, length))),
            Self::Copy { from, to, length } => {
                let copied = file[within(from, length)].to_vec();
                file.iter_mut().skip(to).zip(copied).for_each(|(byte, new)| *byte = new);
            }
        }
    }
}
