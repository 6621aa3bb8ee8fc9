//! Looks up many updates at once, ahead of the lane and on another thread.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::ContactUpdate;
use rusqlite::Connection;

use super::entry::{self, Entry};
use super::rows;
use crate::error::{Problem, StoreError};
use crate::fields::FieldNumbers;
use crate::hash::{Hasher, Neighbourhood};

/// So many subjects that were sent are kept in mind. When there are more, all that was found before counts no more.
const SENT_SUBJECTS: usize = 10_000;

/// Looks up many updates at once, in one read of the file. It has a connection of its own, so the lane does not wait for it.
///
/// It finds only what is written: of an update that it does not find, [`Index::has`](crate::Index::has) knows more.
pub struct LookAhead {
    pub(super) path: PathBuf,
    pub(super) hasher: Hasher,
    pub(super) fields: FieldNumbers,
    pub(super) refresh: Option<Duration>,
    pub(super) period: Arc<AtomicU64>,
    pub(super) database: Connection,
}

/// The vendor had all of an update when it was looked up: see [`Index::still_has`](crate::Index::still_has).
#[derive(Debug, Clone, Copy)]
pub struct FoundAhead {
    row: i64,
    period: u64,
    /// When the vendor accepted the oldest and the newest of the update's values.
    accepted: (u32, u32),
}

/// The subjects of which updates were sent, so that what was found before is not used for them.
///
/// They are kept for a period. A period ends when there are too many of them, between two requests. What was found in an
/// earlier period is not used.
#[derive(Debug, Default)]
pub(super) struct Sent {
    period: Arc<AtomicU64>,
    rows: HashSet<i64>,
}

/// An update whose subject is to be read.
struct Wanted {
    row: i64,
    /// Its place among the updates, and its values among all values.
    nth: usize,
    values: std::ops::Range<usize>,
}

impl LookAhead {
    /// Finds those of these updates that the vendor has, in the order of the updates.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn find<'u>(
        &mut self,
        updates: impl IntoIterator<Item = &'u ContactUpdate>,
        now: SystemTime,
    ) -> Result<Vec<Option<FoundAhead>>, StoreError> {
        // Before the file is read: what is sent from now on ends what is found, if the file does not show it yet.
        let period = self.period.load(Ordering::Acquire);
        let (mut found, mut wanted, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = Neighbourhood::default();
        for (nth, update) in updates.into_iter().enumerate() {
            found.push(None);
            let first = values.len();
            match self.add_values(update, &mut before, &mut values) {
                Some(row) => wanted.push(Wanted { row, nth, values: first..values.len() }),
                None => values.truncate(first),
            }
        }
        wanted.sort_unstable_by_key(|wanted| wanted.row);
        self.read(&wanted, &values, |nth, row, accepted| {
            if let Some(found) = found.get_mut(nth)
                && are_recent(accepted, entry::seconds(now), self.refresh)
            {
                *found = Some(FoundAhead { row, period, accepted });
            }
        })
        .map_err(StoreError::index(&self.path))?;
        Ok(found)
    }

    /// The row of an update's subject, if the index may have all of its values. They are added to `values`.
    fn add_values(
        &self,
        update: &ContactUpdate,
        before: &mut Neighbourhood,
        values: &mut Vec<(u16, u64)>,
    ) -> Option<i64> {
        if update.fields().is_empty() {
            return None;
        }
        // All numbers first: of a field without one, nothing is stored, and no hash is needed.
        let first = values.len();
        for (field, _) in update.fields() {
            values.push((self.fields.get(field)?, 0));
        }
        let subject = self.hasher.subject_after(update.subject(), before)?;
        for ((_, tag), (field, value)) in values.iter_mut().skip(first).zip(update.fields()) {
            *tag = self.hasher.tag(&subject, field, value)?;
        }
        Some(subject.row)
    }

    /// Reads all subjects at one moment, and gives those that have all values.
    fn read(
        &self,
        wanted: &[Wanted],
        values: &[(u16, u64)],
        mut found: impl FnMut(usize, i64, (u32, u32)),
    ) -> Result<(), Problem> {
        let transaction = self.database.unchecked_transaction()?;
        let mut statement = self.database.prepare_cached(rows::READ)?;
        for Wanted { row, nth, values: range } in wanted {
            let values = values.get(range.clone()).unwrap_or_default();
            let mut read = statement.query([row])?;
            let Some(stored) = read.next()? else { continue };
            let stored = entry::entries(stored.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
            if let Some(accepted) = accepted(values, stored.ok_or_else(rows::damaged)?) {
                found(*nth, *row, accepted);
            }
        }
        drop(statement);
        Ok(transaction.commit()?)
    }
}

impl fmt::Debug for LookAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookAhead").field("refresh", &self.refresh).finish_non_exhaustive()
    }
}

impl Sent {
    /// The number of the period, for those who look ahead.
    pub(super) fn period(&self) -> Arc<AtomicU64> {
        self.period.clone()
    }

    /// Makes room for the subjects of a request. All that was removed for earlier requests is committed by now, so that it is
    /// seen where the new period is seen.
    pub(super) fn make_room(&mut self, subjects: usize) {
        if self.rows.len() + subjects > SENT_SUBJECTS {
            self.rows.clear();
            self.period.fetch_add(1, Ordering::Release);
        }
    }

    /// An update of this subject is sent now.
    pub(super) fn insert(&mut self, row: i64) {
        self.rows.insert(row);
    }

    /// Whether nothing was sent that may have changed what was found.
    pub(super) fn allows(&self, found: &FoundAhead, now: u32, refresh: Option<Duration>) -> bool {
        found.period == self.period.load(Ordering::Relaxed)
            && !self.rows.contains(&found.row)
            && are_recent(found.accepted, now, refresh)
    }
}

/// When the oldest and the newest of these values were accepted, if all of them are stored.
fn accepted(values: &[(u16, u64)], stored: impl Iterator<Item = Entry> + Clone) -> Option<(u32, u32)> {
    values.iter().try_fold((u32::MAX, 0), |(oldest, newest), (field, tag)| {
        let entry = stored.clone().find(|entry| entry.field == *field)?;
        (entry.tag == *tag).then_some((oldest.min(entry.accepted), newest.max(entry.accepted)))
    })
}

/// Whether values that were accepted from the first to the second time are all recent.
fn are_recent((oldest, newest): (u32, u32), now: u32, refresh: Option<Duration>) -> bool {
    entry::is_recent(oldest, now, refresh) && entry::is_recent(newest, now, refresh)
}
