use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The named blocks of aligned coordinates that all networks of an alignment share: one for each causal
/// variable, contiguous, in order, from the first coordinate on. What is left over is the extraneous block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subspaces(Vec<Subspace>);

/// One block of aligned coordinates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subspace {
    /// The variable that it carries.
    pub name: String,
    /// Number of coordinates.
    pub size: usize,
}

impl Subspaces {
    /// In place of a block's index: the extraneous block, all aligned coordinates that no named block has. It can be
    /// swapped within one network only, since its size differs between networks.
    pub const EXTRANEOUS: usize = usize::MAX;

    /// In place of a block's index: all named blocks at once.
    pub const ALL: usize = usize::MAX - 1;

    /// Blocks of the given names and sizes.
    ///
    /// # Errors
    /// No block at all, an empty block, or a name twice.
    pub fn new(blocks: impl IntoIterator<Item = (impl Into<String>, usize)>) -> Result<Self> {
        let blocks: Vec<_> = blocks.into_iter().map(|(name, size)| Subspace { name: name.into(), size }).collect();
        let subspaces = Self(blocks);
        subspaces.check()?;
        Ok(subspaces)
    }

    /// See [`new`](Self::new); also for subspaces that were read from a file.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.is_empty() {
            return Err(Error::invalid("an alignment needs at least one subspace"));
        }
        for (index, block) in self.0.iter().enumerate() {
            if block.size == 0 {
                return Err(Error::invalid(format!(
                    "subspace `{}` has no coordinates: give it k of at least 1",
                    block.name
                )));
            }
            if self.0[..index].iter().any(|other| other.name == block.name) {
                return Err(Error::invalid(format!("two subspaces are called `{}`", block.name)));
            }
        }
        Ok(())
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Always false: an alignment has at least one block.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of coordinates in all blocks together.
    pub fn columns(&self) -> usize {
        self.0.iter().fold(0, |sum, block| sum.saturating_add(block.size))
    }

    /// The blocks in order.
    pub fn iter(&self) -> impl Iterator<Item = &Subspace> {
        self.0.iter()
    }

    /// The coordinates of block `index`, or of [all](Self::ALL).
    ///
    /// # Errors
    /// No such block.
    pub fn range(&self, index: usize) -> Result<Range<usize>> {
        if index == Self::ALL {
            return Ok(0..self.columns());
        }
        let block = self.0.get(index).ok_or_else(|| {
            Error::invalid(format!("there is no subspace {index}: the alignment has {}", self.0.len()))
        })?;
        let start = self.0[..index].iter().map(|block| block.size).sum();
        Ok(start..start + block.size)
    }
}
