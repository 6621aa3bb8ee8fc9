//! A run as the journal of a lane, for a service that sends a table of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Admission, Departing, Journal, JournalError, Outcome, Settled};

use crate::newest::Position;
use crate::record::Kind;
use crate::run::{Ending, Entry, Run};

/// Why a row is skipped of which nothing is sent, since newer values of all its fields were sent before.
pub const SUPERSEDED: &str = "a run that began later has sent newer values of all its fields";

/// A run as the [`Journal`] of a lane: each numbered update is a row. Clones are the same run.
#[derive(Debug, Clone)]
pub struct RunJournal(Arc<Mutex<Option<Run>>>);

impl RunJournal {
    /// Takes a run.
    pub fn new(run: Run) -> Self {
        Self(Arc::new(Mutex::new(Some(run))))
    }

    /// Looks at the run; `None` once it is finished.
    pub fn look<T>(&self, at: impl FnOnce(&Run) -> T) -> Option<T> {
        self.run().as_ref().map(at)
    }

    /// Ends the run in order, see [`Run::finish`]. Close the lane first: it writes nothing down any more.
    pub fn finish(&self, ending: Ending) -> Result<(), JournalError> {
        let run = self.run().take();
        run.map_or(Ok(()), |run| run.finish(ending))
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_run<T>(&self, work: impl FnOnce(&mut Run) -> Result<T, JournalError>) -> Result<T, JournalError> {
        let over = || Err(JournalError::new("the run in the journal is over"));
        self.run().as_mut().map_or_else(over, work)
    }
}

/// A row of a table is on the line of its number.
fn position(run: &Run, number: Option<u64>) -> Option<Position> {
    number.map(|row| run.position(row, row + 1))
}

impl Journal for RunJournal {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.with_run(|run| match position(run, number) {
            Some(position) => run.admit(update, position),
            None => Ok(Admission::Send),
        })
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        self.with_run(|run| {
            let mut placed = Vec::with_capacity(batch.len());
            for Departing { number, update, .. } in batch {
                placed.extend(position(run, *number).map(|position| (position, *update)));
            }
            run.departs(placed)
        })
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        self.with_run(|run| {
            let (mut entry, mut read) = (Entry::default(), 0);
            for Settled { number, update, outcome, maybe_applied_for, .. } in outcomes {
                entry.hold_until = entry
                    .hold_until
                    .max(maybe_applied_for.map(|maybe_applied_for| SystemTime::now() + maybe_applied_for));
                let Some((row, position)) = number.zip(position(run, *number)) else { continue };
                entry.outcomes.push((position, update, outcome));
                read = read.max(row + 1);
                match outcome {
                    Outcome::Accepted => entry.settled.push((row, Kind::Accepted)),
                    Outcome::Unchanged => entry.settled.push((row, Kind::Unchanged)),
                    Outcome::Superseded => {
                        entry.settled.push((row, Kind::Skipped));
                        entry.reasons.push((Kind::Skipped, None, SUPERSEDED));
                    }
                    Outcome::Rejected { rejections, .. } => {
                        entry.settled.push((row, Kind::Rejected));
                        for rejection in rejections {
                            entry.reasons.push((Kind::Rejected, rejection.code(), rejection.reason()));
                        }
                    }
                    Outcome::Undelivered { applied: Applied::Maybe, .. } => entry.maybe_applied.push(row),
                    // What was not sent is sent by the next run.
                    _ => {}
                }
            }
            entry.read = read;
            run.commit(entry)
        })
    }
}
