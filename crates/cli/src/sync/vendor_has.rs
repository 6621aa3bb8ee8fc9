//! What the vendor is known to have, for `--changed-only`: one index for each account, which its destinations share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use contact_sink_core::{ContactUpdate, Field};
use contact_sink_delivery::{JournalError, Outcome};
use contact_sink_journal::{FoundAhead, Index, IndexOptions, Key, LookAhead, StoreError};

use crate::exit_status::Failure;

/// What the vendor is known to have, in the hands of one destination.
#[derive(Clone)]
pub struct VendorHas {
    index: Arc<Mutex<Index>>,
    use_of: Use,
}

/// What a run does with an index. Whatever is sent is forgotten first, also by a run that asks nothing: else the index would be
/// wrong for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It leaves out what the vendor has, and remembers what it accepts.
    Ask,
    /// It sends everything, and remembers what is accepted.
    Remember,
    /// Another destination sets the same fields in the same run: it is not known which of the two comes last.
    Forget,
}

impl VendorHas {
    /// Opens an index in the state directory.
    pub fn open(
        key: &Key,
        path: &Path,
        seen: PathBuf,
        refresh: Option<Duration>,
        use_of: Use,
    ) -> Result<Self, Failure> {
        let mut options = IndexOptions::default().with_seen(seen);
        options.refresh = refresh;
        let index = Index::open(path, key, options).map_err(|error| cannot_open(&error))?;
        Ok(Self { index: Arc::new(Mutex::new(index)), use_of })
    }

    /// What is to be said if the index could not be trusted.
    pub fn says(&self) -> Option<&'static str> {
        self.index().was_emptied().then_some(
            "the index of what the vendor has was older than the last run, or was copied without its -wal file: it was emptied, so no row counts as unchanged",
        )
    }

    /// For the thread that looks up rows ahead of the lane, if the run leaves any out.
    pub fn look_ahead(&self) -> Result<Option<LookAhead>, Failure> {
        let is_asked = self.use_of == Use::Ask;
        is_asked.then(|| self.index().look_ahead().map_err(|error| cannot_open(&error))).transpose()
    }

    /// Whether the vendor has all of this, and the run is to leave it out. `found`: it was found ahead.
    pub fn has(&self, update: &ContactUpdate, found: Option<&FoundAhead>) -> Result<bool, JournalError> {
        if self.use_of != Use::Ask {
            return Ok(false);
        }
        let (mut index, now) = (self.index(), SystemTime::now());
        match found {
            Some(found) if index.still_has(found, now) => Ok(true),
            _ => index.has(update, now).map_err(failed),
        }
    }

    /// These are sent now.
    pub fn departs<'u>(&self, batch: impl IntoIterator<Item = &'u ContactUpdate>) -> Result<(), JournalError> {
        self.index().forget(batch).map_err(failed)
    }

    /// What became of an update.
    pub fn settled(&self, update: &ContactUpdate, outcome: &Outcome) -> Result<(), JournalError> {
        match outcome {
            _ if self.use_of == Use::Forget => Ok(()),
            Outcome::Accepted => self.index().remember(update, SystemTime::now()).map_err(failed),
            Outcome::Rejected { stored, .. } => {
                let is_stored = |(_, (field, _)): &(usize, &(Field, _))| stored.contains(field);
                let parts =
                    update.fields().iter().enumerate().filter(is_stored).filter_map(|(nth, _)| update.only(nth));
                parts.into_iter().try_for_each(|part| self.index().remember(&part, SystemTime::now()).map_err(failed))
            }
            _ => Ok(()),
        }
    }

    /// Writes down what is remembered.
    pub fn flush(&self) -> Result<(), JournalError> {
        self.index().flush().map_err(failed)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cannot_open(error: &dyn std::fmt::Display) -> Failure {
    Failure::config(format!(
        "the index of what the vendor has cannot be opened: {error}; --state DIR names another place, from where everything is sent once more"
    ))
}

fn failed(error: StoreError) -> JournalError {
    JournalError::new(format!("the index of what the vendor has cannot be used: {error}"))
}
