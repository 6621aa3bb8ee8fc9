//! Looks up many updates at once, ahead of the lane and on another thread.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use contact_sink_core::ContactUpdate;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::rows::{self, Entry};
use crate::cells;
use crate::error::StoreError;
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
        let (mut found, mut wanted, mut before) = (Vec::new(), Vec::new(), Neighbourhood::default());
        for (nth, update) in updates.into_iter().enumerate() {
            found.push(None);
            wanted.extend(self.values(update, &mut before).map(|(row, values)| (row, nth, values)));
        }
        wanted.sort_unstable_by_key(|(row, ..)| *row);
        let read = |row: &Row<'_>, values: &[_]| Ok(accepted(values, cells::cells(row)?));
        let mut read_all = || {
            // All subjects at one moment.
            let _transaction = self.database.unchecked_transaction()?;
            let mut statement = self.database.prepare_cached(&cells::query::<Entry>())?;
            for (row, nth, values) in &wanted {
                let accepted = statement.query_row([row], |stored| read(stored, values)).optional()?.flatten();
                if let Some((found, accepted)) = found.get_mut(*nth).zip(accepted)
                    && are_recent(accepted, rows::seconds(now), self.refresh)
                {
                    *found = Some(FoundAhead { row: *row, period, accepted });
                }
            }
            Ok(())
        };
        read_all().map_err(StoreError::index::<rusqlite::Error>(&self.path))?;
        Ok(found)
    }

    /// The row of an update's subject and the update's values, if the index may have all of them.
    fn values(&self, update: &ContactUpdate, before: &mut Neighbourhood) -> Option<(i64, Vec<(u16, u64)>)> {
        // All numbers first: of a field without one, nothing is stored, and no hash is needed.
        let numbers = update.fields().iter().map(|(field, _)| self.fields.get(field));
        let mut values = numbers.map(|number| Some((number?, 0))).collect::<Option<Vec<_>>>()?;
        if values.is_empty() {
            return None;
        }
        let subject = self.hasher.subject_after(update.subject(), before)?;
        for ((_, tag), (field, value)) in values.iter_mut().zip(update.fields()) {
            *tag = self.hasher.tag(&subject, field, value)?;
        }
        Some((subject.row, values))
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
    rows::is_recent(oldest, now, refresh) && rows::is_recent(newest, now, refresh)
}
