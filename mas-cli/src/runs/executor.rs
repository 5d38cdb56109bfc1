//! Runs a plan's units on the threads of one machine.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::error::{BoxError, Panicked, Result, RunError, UnitFailure};
use super::folder::{Begun, RunFolder};
use super::key::Key;
use super::plan::Plan;
use super::progress::{Event, Progress, Silent, UnitProgress};
use super::record::Provenance;
use super::schedule::{Next, Schedule};
use super::shard::Shard;
use super::unit::Unit;

/// What a unit's work is given.
pub struct UnitContext<'a> {
    /// Where to put the result. What an interrupted attempt has left there is there still.
    pub dir: &'a Path,
    /// Whether there was an earlier attempt.
    pub resumed: bool,
    /// Where the inputs are, in the order of [`Unit::inputs`].
    pub inputs: Vec<PathBuf>,
    /// To say how far the work is.
    pub progress: UnitProgress<'a>,
}

/// What a run has come to, each in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Done by this process.
    pub done: Vec<Key>,
    /// Finished before it began.
    pub reused: Vec<Key>,
    /// Finished by other processes in the meantime.
    pub elsewhere: Vec<Key>,
}

/// Brings about the results of a plan in a run folder.
pub struct Executor<'a> {
    folder: &'a RunFolder,
    provenance: Provenance,
    listener: &'a dyn Progress,
    threads: usize,
    shard: Option<Shard>,
    poll: Duration,
}

/// Fits nest deeply (a gradient is found by walking a long graph); the usual 2 MiB of a thread is little for that.
const STACK: usize = 16 << 20;

impl<'a> Executor<'a> {
    /// One thread, the whole plan, no progress shown.
    pub fn new(folder: &'a RunFolder, provenance: Provenance) -> Self {
        Self { folder, provenance, listener: &Silent, threads: 1, shard: None, poll: Duration::from_secs(1) }
    }

    /// How many units are worked on at once. Results do not depend on it.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads.get();
        self
    }

    /// Only this share of the plan, beside other processes.
    pub fn shard(mut self, shard: Option<Shard>) -> Self {
        self.shard = shard;
        self
    }

    /// Who is told of progress.
    pub fn progress(mut self, listener: &'a dyn Progress) -> Self {
        self.listener = listener;
        self
    }

    /// How often to look for results of other processes. A second, unless said.
    pub fn poll(mut self, every: Duration) -> Self {
        self.poll = every;
        self
    }

    /// Does what of `plan` is not done: each unit by `work`, when all its inputs are there, the first in the plan
    /// first. Takes the run folder's lock while it runs.
    ///
    /// `work` writes its result into [`UnitContext::dir`]. When it returns `Ok`, the result is finished; when it fails
    /// or panics, no more units are started, those at work are let finish, and what it has written so far is kept for
    /// the next run.
    ///
    /// # Errors
    /// [`RunError::InUse`] when another process is in the way, [`RunError::Failed`] when units failed,
    /// [`RunError::Io`] when the folder cannot be written. Finished results stay finished.
    pub fn run<E>(
        &self,
        plan: &Plan,
        work: impl Fn(&Unit, &UnitContext<'_>) -> std::result::Result<(), E> + Sync,
    ) -> Result<Summary>
    where
        E: Into<BoxError>,
    {
        let _lock = self.folder.lock(self.shard)?;
        let schedule = Schedule::new(plan, self.folder, self.shard, &self.provenance, self.listener)?;
        let run = Run { schedule: Mutex::new(schedule), changed: Condvar::new() };
        let work = |unit: &Unit, context: &UnitContext<'_>| work(unit, context).map_err(Into::into);
        let spawned = thread::scope(|scope| {
            for worker in 0..self.threads {
                let builder = thread::Builder::new().name(format!("mas-{worker}")).stack_size(STACK);
                builder.spawn_scoped(scope, || self.serve(&run, &work))?;
            }
            Ok(())
        });
        self.listener.event(Event::Ended);
        let schedule = run.schedule.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = schedule.broken {
            return Err(error);
        }
        if !schedule.failures.is_empty() {
            return Err(RunError::Failed(schedule.failures));
        }
        spawned.map_err(|error| RunError::io("start a thread for", self.folder.root(), error))?;
        Ok(Summary { done: schedule.done, reused: schedule.reused, elsewhere: schedule.elsewhere })
    }

    /// The life of a worker thread.
    fn serve(&self, run: &Run<'_>, work: &Work<'_>) {
        let mut schedule = run.lock();
        loop {
            match schedule.next() {
                Next::Stop => break,
                Next::Wait => {
                    let waited = run.changed.wait_timeout(schedule, self.poll);
                    schedule = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Next::Work(unit, begun) => {
                    drop(schedule);
                    let partial = begun.partial.clone();
                    let outcome = self.perform(unit, begun, work);
                    schedule = run.lock();
                    match outcome {
                        Ok(()) => schedule.finished(unit),
                        Err(error) => {
                            let result = format!("{}/{}", unit.kind(), unit.key());
                            let name = unit.name().to_string();
                            schedule.failed(unit, UnitFailure { name, result, partial, error });
                        }
                    }
                    run.changed.notify_all();
                }
            }
        }
        run.changed.notify_all();
    }

    fn perform(&self, unit: &Unit, begun: Begun, work: &Work<'_>) -> std::result::Result<(), BoxError> {
        let context = UnitContext {
            dir: &begun.partial,
            resumed: begun.resumed,
            inputs: unit.inputs().iter().map(|input| self.folder.input(input)).collect(),
            progress: UnitProgress::new(unit, self.listener),
        };
        // Nothing that a panicking unit may have left half changed is used again but its folder, which the next attempt
        // treats as it treats one that was left by a killed process.
        match catch_unwind(AssertUnwindSafe(|| work(unit, &context))) {
            Ok(outcome) => outcome?,
            Err(panic) => return Err(Panicked(panic_message(panic.as_ref())).into()),
        }
        Ok(begun.finish(unit, &self.provenance)?)
    }
}

type Work<'w> = dyn Fn(&Unit, &UnitContext<'_>) -> std::result::Result<(), BoxError> + Sync + 'w;

/// What the workers share.
struct Run<'a> {
    schedule: Mutex<Schedule<'a>>,
    /// Something has finished, so that something else may be ready.
    changed: Condvar,
}

impl<'a> Run<'a> {
    fn lock(&self) -> MutexGuard<'_, Schedule<'a>> {
        // A listener that panics poisons the lock; the schedule itself is changed before it is called.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".into())
}
