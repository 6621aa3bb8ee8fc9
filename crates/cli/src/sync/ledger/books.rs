//! The books in the hands of those who write into them: the run as it reads, and the lane as its journal.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contact_sink_core::ContactUpdate;
#[cfg(feature = "failpoints")]
use contact_sink_delivery::Outcome;
use contact_sink_delivery::{Journal, JournalError, Numbered, Settled};
use contact_sink_journal::State;

use super::Ledger;
use contact_sink_mapping::Problem;

use crate::reading::ReadRow;
use crate::report::Counts;

/// The books in the hands of several.
#[derive(Clone)]
pub struct Books(Arc<Mutex<Ledger>>);

/// The books as the lane's journal.
pub struct Hook(pub Books);

impl Books {
    /// Opens them.
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the books of a run that was not begun after all.
    pub fn put_back(&self) {
        self.open().put_back();
    }

    /// Takes a row that is given to the lane.
    pub fn give(&self, row: ReadRow, update: ContactUpdate) -> Numbered {
        self.open().give(row, update)
    }

    /// A row that the lane gave back without an outcome.
    pub fn give_back(&self, number: u64) {
        self.open().under_way.remove(&number);
    }

    /// Writes down rows that are not sent: how many of them were rejected.
    pub fn set_aside(&self, rows: &[(ReadRow, Vec<Problem>)], stopped: bool) -> Result<u64, JournalError> {
        self.open().set_aside(rows, stopped)
    }

    /// What became of all rows so far.
    pub fn counts(&self) -> Counts {
        self.open().counts()
    }

    /// Why the file of rejected rows could not be written, if it could not.
    pub fn dead_letters_failure(&self) -> Option<io::Error> {
        self.open().dead_letters_failed.take()
    }

    /// The file of rejected rows, if there is one.
    pub fn dead_letters(&self) -> Option<PathBuf> {
        let ledger = self.open();
        match &ledger.run {
            Some(run) => run.letters_path().filter(|path| path.exists()).map(|path| {
                let here = std::env::current_dir().ok();
                here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
            }),
            None => ledger.dead_letters.path().map(Into::into),
        }
    }

    /// Ends the run in the journal. If it may have sent what the journal was not told of, it counts as cut off.
    pub fn finish(&self, state: State) -> Result<(), JournalError> {
        let (run, vendor_has, is_behind) = {
            let mut ledger = self.open();
            (ledger.run.take(), ledger.vendor_has.take(), ledger.is_behind)
        };
        let state = if is_behind { State::Running } else { state };
        if let Some(run) = &run {
            let destination = self.open().destination.clone();
            metrics::counter!("contact_sink_journal_syncs_total", "destination" => destination).absolute(run.syncs());
        }
        let flushed = vendor_has.map_or(Ok(()), |vendor_has| vendor_has.flush());
        run.map_or(Ok(()), |run| run.finish(state)).and(flushed)
    }
}

impl Journal for Hook {
    fn has(&mut self, update: &ContactUpdate) -> Result<bool, JournalError> {
        self.0.open().vendor_has.as_ref().map_or(Ok(false), |vendor_has| vendor_has.has(update))
    }

    fn departs(&mut self, batch: &[ContactUpdate]) -> Result<(), JournalError> {
        if let Some(vendor_has) = &self.0.open().vendor_has {
            vendor_has.departs(batch)?;
        }
        #[cfg(feature = "failpoints")]
        contact_sink_journal::failpoint::pass("before-send");
        Ok(())
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        #[cfg(feature = "failpoints")]
        if outcomes.iter().any(|settled| !matches!(settled.outcome, Outcome::Unsettled { .. })) {
            contact_sink_journal::failpoint::pass("after-send");
        }
        let mut ledger = self.0.open();
        let settled = ledger.settled(outcomes);
        ledger.is_behind |= settled.is_err();
        settled
    }
}
