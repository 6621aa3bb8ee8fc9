//! The ledger in the hands of those who write into it: the run as it reads, and the lane as its journal.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contact_sink_core::{Applied, ContactUpdate};
#[cfg(feature = "failpoints")]
use contact_sink_delivery::Outcome;
use contact_sink_delivery::{Admission, Departing, Journal, JournalError, Numbered, Settled};
use contact_sink_journal::{State, Stopped};

use super::{FileFailed, Ledger};
use crate::files::has_content;
use crate::reading::{Aside, ReadRow};
use crate::report::Counts;

/// The ledger in the hands of several.
#[derive(Clone)]
pub struct Books(Arc<Mutex<Ledger>>);

/// The ledger as the lane's journal.
pub struct Hook(pub Books);

impl Books {
    /// Takes a ledger.
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a run that was not begun after all.
    pub fn put_back(&self) {
        self.open().put_back();
    }

    /// Takes a row that is given to the lane.
    pub fn give(&self, row: ReadRow, update: ContactUpdate) -> Numbered {
        self.open().give(row, update)
    }

    /// A row that the lane gave back without an outcome.
    pub fn give_back(&self, number: u64, applied: Applied) {
        self.open().give_back(number, applied);
    }

    /// Writes down rows that are not sent: how many of them were rejected.
    pub fn set_aside(&self, rows: &[(ReadRow, Aside)], stopped: bool) -> Result<u64, JournalError> {
        self.open().set_aside(rows, stopped)
    }

    /// What became of all rows so far.
    pub fn counts(&self) -> Counts {
        self.open().counts()
    }

    /// The file beside the journal that could not be written, if there is one.
    pub fn file_failure(&self) -> Option<FileFailed> {
        self.open().file_failed.take()
    }

    /// The files of rejected rows that are there, as absolute paths.
    pub fn rejected_files(&self) -> Vec<PathBuf> {
        let ledger = self.open();
        let Some(run) = &ledger.run else {
            let path = ledger.dead_letters.path();
            return path.map(|path| std::path::absolute(path).unwrap_or(path.into())).into_iter().collect();
        };
        let mut files = run.record().rejected_files.clone();
        files.extend(run.letters_path().map(Into::into));
        files.sort();
        files.dedup();
        files.retain(|path| has_content(path));
        files
    }

    /// Ends the run in the journal. `hold`: for how long what may have been applied without an answer may still be.
    pub fn finish(
        &self,
        state: State,
        exit_status: u8,
        stop: Option<Stopped>,
        hold: Duration,
    ) -> Result<(), JournalError> {
        let (run, vendor_has, ending) = {
            let mut ledger = self.open();
            let ending = ledger.ending(state, exit_status, stop, hold);
            (ledger.run.take(), ledger.vendor_has.take(), ending)
        };
        if let Some(run) = &run {
            let destination = self.open().destination.clone();
            metrics::counter!("contact_sink_journal_syncs_total", "destination" => destination).absolute(run.syncs());
        }
        let flushed = vendor_has.map_or(Ok(()), |vendor_has| vendor_has.flush());
        run.map_or(Ok(()), |run| run.finish(ending)).and(flushed)
    }
}

impl Journal for Hook {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.0.open().admit(number, update)
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        self.0.open().departs(batch)?;
        #[cfg(feature = "failpoints")]
        contact_sink_journal::failpoint::pass("before-send");
        Ok(())
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        #[cfg(feature = "failpoints")]
        if outcomes.iter().any(|settled| !matches!(settled.outcome, Outcome::Undelivered { .. })) {
            contact_sink_journal::failpoint::pass("after-send");
        }
        self.0.open().settled(outcomes)
    }
}
