//! The ledger in the hands of those who write into it: the run as it reads, and the lane as its journal.

use std::sync::{Arc, Mutex, PoisonError};

use contact_sink_core::ContactUpdate;
#[cfg(feature = "failpoints")]
use contact_sink_delivery::Outcome;
use contact_sink_delivery::{Admission, Departing, Journal, JournalError, Settled};
use contact_sink_journal::Ending;

use super::ledger::Ledger;

/// The ledger of a run. Clones are the same one.
#[derive(Clone)]
pub struct Books(Arc<Mutex<Ledger>>);

impl Books {
    /// Takes a ledger.
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Does something with the ledger, which nothing else uses meanwhile.
    pub fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the run in the journal.
    pub fn finish(&self, ending: Ending) -> Result<(), JournalError> {
        let (run, vendor_has) = self.with(Ledger::end);
        let flushed = vendor_has.map_or(Ok(()), |vendor_has| vendor_has.flush());
        run.map_or(Ok(()), |run| run.finish(ending)).and(flushed)
    }
}

impl Journal for Books {
    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        self.with(|ledger| ledger.admit(number, update))
    }

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        self.with(|ledger| ledger.departs(batch))?;
        #[cfg(feature = "failpoints")]
        contact_sink_journal::failpoint::pass("before-send");
        Ok(())
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        #[cfg(feature = "failpoints")]
        if outcomes.iter().any(|settled| !matches!(settled.outcome, Outcome::Undelivered { .. })) {
            contact_sink_journal::failpoint::pass("after-send");
        }
        self.with(|ledger| ledger.settled(outcomes))
    }
}
