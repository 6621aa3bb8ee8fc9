//! A run as the journal of a lane, for a service that sends a table of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Journal, JournalError, Outcome, Settled};

use crate::record::{Kind, State};
use crate::run::{Entry, Run};

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
    pub fn finish(&self, state: State) -> Result<(), JournalError> {
        let run = self.run().take();
        run.map_or(Ok(()), |run| run.finish(state))
    }

    fn run(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        for Settled { number, outcome, unsure_for, .. } in outcomes {
            entry.unsure_until = entry.unsure_until.max(unsure_for.map(|unsure_for| SystemTime::now() + unsure_for));
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
        let over = || Err(JournalError::new("the run in the journal is over"));
        self.run().as_mut().map_or_else(over, |run| run.commit(entry))
    }
}
