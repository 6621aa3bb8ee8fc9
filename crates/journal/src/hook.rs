//! A run as the journal of a lane, for a service that sends a table of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Journal, JournalError, Outcome, Settled};

use crate::record::Kind;
use crate::run::{Entry, Run};

/// A run as the [`Journal`] of a lane: each numbered update is a row. Clones are the same run.
#[derive(Debug, Clone)]
pub struct RunJournal(Arc<Mutex<Run>>);

impl RunJournal {
    /// Takes a run.
    pub fn new(run: Run) -> Self {
        Self(Arc::new(Mutex::new(run)))
    }

    /// The run, to look at it. The lane waits while the guard is held: take what is needed and drop it.
    pub fn run(&self) -> MutexGuard<'_, Run> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run, to finish it, if this is the only clone: once the lane is closed
    /// ([`Delivery::close`](contact_sink_delivery::Delivery::close) has returned). A run that is only dropped counts as cut off.
    pub fn into_run(self) -> Option<Run> {
        Arc::into_inner(self.0).map(|run| run.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for RunJournal {
    fn has(&mut self, _: &ContactUpdate) -> Result<bool, JournalError> {
        Ok(false)
    }

    fn departs(&mut self, _: &[ContactUpdate]) -> Result<(), JournalError> {
        Ok(())
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let mut entry = Entry::default();
        for Settled { number, outcome, .. } in outcomes {
            let Some(row) = *number else { continue };
            match outcome {
                Outcome::Accepted => entry.settled.push((row, Kind::Accepted)),
                Outcome::Unchanged => entry.settled.push((row, Kind::Unchanged)),
                Outcome::Rejected { rejections, .. } => {
                    entry.settled.push((row, Kind::Rejected));
                    entry.reasons.extend(rejections.iter().map(|rejection| (rejection.code(), rejection.reason())));
                }
                Outcome::Unsettled { applied: Applied::Perhaps, .. } => entry.doubtful.push(row),
                // What was not sent is sent by the next run.
                _ => {}
            }
        }
        self.run().commit(entry)
    }
}
