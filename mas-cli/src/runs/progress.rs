//! What an executor tells about its work, for progress bars.

use super::unit::Unit;

/// Something happened. Labels are for people; keys and kinds are in the unit.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The work begins: so many units are needed, of which so many are finished already.
    Planned {
        /// How many results this process sees to.
        total: usize,
        /// How many of them are there.
        finished: usize,
    },
    /// This process starts on a unit, or goes on with it.
    Started {
        /// Which.
        unit: &'a Unit,
        /// Whether an earlier attempt left something to go on from.
        resumed: bool,
    },
    /// A unit got somewhere.
    Advanced {
        /// Which.
        unit: &'a Unit,
        /// Steps (epochs, draws, …) done.
        done: u64,
        /// Of so many at most.
        total: u64,
    },
    /// A unit has something to say in a few words: its loss, its accuracy.
    Said {
        /// Which.
        unit: &'a Unit,
        /// What.
        message: &'a str,
    },
    /// This process has finished a unit.
    Finished {
        /// Which.
        unit: &'a Unit,
    },
    /// Another process works on a unit that this one needs.
    Waiting {
        /// Which.
        unit: &'a Unit,
    },
    /// A unit was finished by another process.
    FinishedElsewhere {
        /// Which.
        unit: &'a Unit,
    },
    /// A unit failed; no more are started.
    Failed {
        /// Which.
        unit: &'a Unit,
    },
    /// Nothing more will be done.
    Ended,
}

/// Listens to an executor. Called from several threads; must not call the executor.
pub trait Progress: Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _: Event<'_>) {}
}

/// A unit's own line to whoever listens.
#[derive(Clone, Copy)]
pub struct UnitProgress<'a> {
    unit: &'a Unit,
    listener: &'a dyn Progress,
}

impl<'a> UnitProgress<'a> {
    pub(super) fn new(unit: &'a Unit, listener: &'a dyn Progress) -> Self {
        Self { unit, listener }
    }

    /// `done` of at most `total` steps are done.
    pub fn advance(&self, done: u64, total: u64) {
        self.listener.event(Event::Advanced { unit: self.unit, done, total });
    }

    /// A few words to show beside the bar.
    pub fn say(&self, message: &str) {
        self.listener.event(Event::Said { unit: self.unit, message });
    }
}
