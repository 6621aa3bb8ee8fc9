//! A run as the journal of a lane, for a service that sends a table of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contact_sink_core::ContactUpdate;
use contact_sink_delivery::{Admission, Departing, Journal, JournalError, Outcome, Settled};

use crate::entry::Entry;
use crate::run::{Ending, Run};

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
impl Journal for RunJournal {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.with_run(|run| match number {
            Some(row) => run.admit(update, run.position(row, row + 1)),
            None => Ok(Admission::Send),
        })
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        self.with_run(|run| {
            let numbered = batch.iter().filter_map(|departing| departing.number.map(|row| (row, departing.update)));
            let placed: Vec<_> = numbered.map(|(row, update)| (run.position(row, row + 1), update)).collect();
            run.departs(placed)
        })
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        self.with_run(|run| {
            let mut entry = Entry::default();
            for settled in outcomes {
                let Some(row) = settled.number else { continue };
                let rejections = match settled.outcome {
                    Outcome::Rejected { rejections, .. } => rejections.as_slice(),
                    _ => &[],
                };
                let reasons =
                    rejections.iter().map(|rejection| (rejection.code().cloned(), rejection.reason().to_owned()));
                let position = run.keeps_newest().then(|| run.position(row, row + 1));
                entry.settle(row, position, settled, reasons);
                entry.read = entry.read.max(row + 1);
            }
            run.commit(entry)
        })
    }
}
