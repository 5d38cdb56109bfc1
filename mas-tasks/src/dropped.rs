//! Interchanges that have no counterfactual, counted by reason.

use std::fmt;

use serde::ser::SerializeMap;

use crate::named::named_enum;

named_enum! {
    /// Why an interchange has no counterfactual.
    pub enum DropReason: "reason for dropping a pair" {
        /// The variable to be written has no value in the source, or none in the target, at its position.
        Undefined = "undefined",
        /// The target's program would be in a state that it never takes: a value beyond what its task reaches in that
        /// phase (after re-applying Modulo's modulus).
        NeverTaken = "never-taken",
        /// The operation at hand would leave arithmetic's range of values.
        OutOfRange = "out-of-range",
        /// A value outside the range to which the pairs are restricted.
        OutsideRestriction = "outside-restriction",
        /// A stepwise interchange past the end of a target that demonstrations cannot continue: arithmetic has none,
        /// and in Same-Object they are answers.
        CannotContinue = "cannot-continue",
    }
}

/// How many interchanges were dropped for which reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    counts: [usize; DropReason::ALL.len()],
}

impl Dropped {
    /// How many for one reason.
    pub fn get(&self, reason: DropReason) -> usize {
        self.counts[reason as usize]
    }

    /// How many in all.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Every reason with its number, those with none included.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, usize)> + '_ {
        DropReason::ALL.iter().map(|&reason| (reason, self.get(reason)))
    }

    pub(crate) fn add(&mut self, reason: DropReason) {
        self.counts[reason as usize] += 1;
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> =
            self.iter().filter(|(_, count)| *count > 0).map(|(reason, count)| format!("{count} {reason}")).collect();
        f.write_str(if parts.is_empty() { "none dropped" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// As a map from reasons to numbers.
impl serde::Serialize for Dropped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.counts.len()))?;
        for (reason, count) in self.iter() {
            map.serialize_entry(reason.name(), &count)?;
        }
        map.end()
    }
}
