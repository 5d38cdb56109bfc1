//! Which unit comes next.

use std::collections::HashSet;

use super::error::{Result, RunError, UnitFailure};
use super::folder::{Begun, Claim, RunFolder};
use super::key::Key;
use super::plan::Plan;
use super::progress::{Event, Progress};
use super::record::Provenance;
use super::shard::Shard;
use super::unit::{InputSource, Unit};

/// Where a unit stands, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// To be done, here or elsewhere.
    Pending,
    /// One of our threads is at it.
    Running,
    /// Its result is there.
    Done,
}

/// What a worker is to do next.
#[derive(Debug)]
pub(super) enum Next<'a> {
    /// Work on this.
    Work(&'a Unit, Begun),
    /// Look again in a while, or when another thread has finished something.
    Wait,
    /// Go home.
    Stop,
}

/// The state of a run, shared by its workers under a lock.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    folder: &'a RunFolder,
    provenance: &'a Provenance,
    listener: &'a dyn Progress,
    /// Places of the plan's units in the order in which they are tried: our own, then those of other shards that ours
    /// read. Trying the latter too is what keeps shards that run one after another from waiting for ever.
    order: Vec<usize>,
    status: Vec<Status>,
    announced: HashSet<usize>,
    /// What this process has finished.
    pub(super) done: Vec<Key>,
    /// What was there when it began.
    pub(super) reused: Vec<Key>,
    /// What other processes have finished meanwhile.
    pub(super) elsewhere: Vec<Key>,
    /// What has failed.
    pub(super) failures: Vec<UnitFailure>,
    /// The run folder failed; then nothing goes on either.
    pub(super) broken: Option<RunError>,
}

impl<'a> Schedule<'a> {
    /// The work that `plan`, or with `shard` a share of it, still needs.
    ///
    /// # Errors
    /// When a unit reads what is neither planned nor there.
    pub(super) fn new(
        plan: &'a Plan,
        folder: &'a RunFolder,
        shard: Option<Shard>,
        provenance: &'a Provenance,
        listener: &'a dyn Progress,
    ) -> Result<Self> {
        let units = plan.units();
        let finished = |unit: &Unit| folder.is_finished(unit.kind(), unit.key());
        let ours = |place: &usize| shard.is_none_or(|shard| shard.owns(units[*place].key()));
        let mut order: Vec<usize> = (0..units.len()).filter(ours).collect();
        let mut needed: HashSet<usize> = order.iter().copied().collect();
        let mut status = vec![Status::Pending; units.len()];
        let mut reused = Vec::new();
        let mut next = 0;
        while let Some(&place) = order.get(next) {
            next += 1;
            let unit = &units[place];
            if finished(unit) {
                status[place] = Status::Done;
                reused.push(unit.key());
                continue;
            }
            for input in unit.inputs() {
                let InputSource::Unit(kind) = &input.source else { continue };
                match plan.place(input.key) {
                    Some(place) if needed.insert(place) => order.push(place),
                    Some(_) => {}
                    None if folder.is_finished(*kind, input.key) => {}
                    None => {
                        return Err(RunError::MissingInput {
                            unit: unit.name().to_string(),
                            input: input.name.clone(),
                            key: input.key,
                        });
                    }
                }
            }
        }
        // Foreign inputs were found from their readers backwards; they are tried in the order of the plan.
        order.sort_by_key(|place| (!ours(place), *place));
        listener.event(Event::Planned { total: order.len(), finished: reused.len() });
        Ok(Self {
            plan,
            folder,
            provenance,
            listener,
            order,
            status,
            announced: HashSet::new(),
            done: Vec::new(),
            reused,
            elsewhere: Vec::new(),
            failures: Vec::new(),
            broken: None,
        })
    }

    /// The first unit in order that can be worked on now.
    pub(super) fn next(&mut self) -> Next<'a> {
        if self.broken.is_some() || !self.failures.is_empty() {
            return Next::Stop;
        }
        loop {
            let (mut pending, mut changed) = (false, false);
            for at in 0..self.order.len() {
                let place = self.order[at];
                if self.status[place] != Status::Pending {
                    continue;
                }
                let unit = &self.plan.units()[place];
                if !self.is_ready(unit) {
                    pending = true;
                    continue;
                }
                match self.folder.claim(unit, self.provenance) {
                    Ok(Claim::Begun(begun)) => {
                        self.status[place] = Status::Running;
                        self.listener.event(Event::Started { unit, resumed: begun.resumed });
                        return Next::Work(unit, begun);
                    }
                    Ok(Claim::Finished) => {
                        self.status[place] = Status::Done;
                        self.elsewhere.push(unit.key());
                        self.listener.event(Event::FinishedElsewhere { unit });
                        changed = true;
                    }
                    Ok(Claim::Busy) => {
                        pending = true;
                        if self.announced.insert(place) {
                            self.listener.event(Event::Waiting { unit });
                        }
                    }
                    Err(error) => {
                        self.broken = Some(error);
                        return Next::Stop;
                    }
                }
            }
            if !pending {
                return Next::Stop;
            }
            // What another process has finished may be what an earlier unit in order was waiting for.
            if !changed {
                return Next::Wait;
            }
        }
    }

    /// A worker has finished `unit`.
    pub(super) fn finished(&mut self, unit: &Unit) {
        if let Some(place) = self.plan.place(unit.key()) {
            self.status[place] = Status::Done;
        }
        self.done.push(unit.key());
        self.listener.event(Event::Finished { unit });
    }

    /// A worker could not finish `unit`.
    pub(super) fn failed(&mut self, unit: &Unit, failure: UnitFailure) {
        self.failures.push(failure);
        self.listener.event(Event::Failed { unit });
    }

    fn is_ready(&self, unit: &Unit) -> bool {
        unit.inputs().iter().all(|input| match &input.source {
            InputSource::Path(_) => true,
            InputSource::Unit(kind) => match self.plan.place(input.key) {
                Some(place) if self.status[place] == Status::Done => true,
                Some(place) if self.status[place] == Status::Running => false,
                _ => self.folder.is_finished(*kind, input.key),
            },
        })
    }
}
