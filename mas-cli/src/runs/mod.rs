//! Units of work, the run folder that keeps their results, and the executor that brings them about.
//!
//! A study becomes a [`Plan`] of [`Unit`]s. Each has a [`Key`], the hash of everything that its numbers depend on, and
//! its results live in `<run folder>/<kind>/<key>/`. While a unit is worked on it has `<key>.partial/`, which is renamed
//! into place when all of it is on disk: a result folder is finished, or it is not there. From that follows the rest:
//! a finished unit is never done twice, a killed program goes on where it was, and any number of processes can share the
//! folder ([`Shard`]).
//!
//! ```
//! use mas_cli::runs::{Executor, Plan, Provenance, RunFolder, Unit, UnitContext, UnitKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let place = tempfile::tempdir()?;
//! let folder = RunFolder::open(place.path())?;
//! let mut plan = Plan::default();
//! let unit = Unit::new(UnitKind::Train, "gru", serde_json::json!({ "width": 4 }), vec![], "flex");
//! let key = plan.push(unit);
//!
//! let work = |_: &Unit, context: &UnitContext| std::fs::write(context.dir.join("training.csv"), "epoch,loss\n");
//! let executor = Executor::new(&folder, Provenance::of_this_program("flex"));
//! assert_eq!(executor.run(&plan, work)?.done, [key]);
//! assert_eq!(executor.run(&plan, work)?.reused, [key]);
//! # Ok(())
//! # }
//! ```

mod bars;
mod durable;
mod error;
mod executor;
mod folder;
mod key;
mod listing;
mod lock;
mod plan;
mod progress;
mod record;
mod schedule;
mod shard;
#[cfg(test)]
mod tests;
mod unit;

pub use bars::Bars;
pub use error::{BoxError, Panicked, Result, RunError, UnitFailure};
pub use executor::{Executor, Summary, UnitContext};
pub use folder::{Begun, Claim, RunFolder};
pub use key::{Key, ParseKeyError, canonical_json};
pub use listing::{Entry, EntryState, Selection};
pub use lock::FolderLock;
pub(crate) use lock::try_exclusive;
pub use plan::{Plan, Section};
pub use progress::{Event, Progress, Silent, UnitProgress};
pub use record::{InputRecord, Provenance, UnitRecord};
pub use shard::Shard;
pub use unit::{Input, InputSource, Unit, UnitKind};
