//! The changed-only index: what the vendor is known to have, as keyed hashes, so that it need not be sent again.

mod ahead;
mod opening;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use contact_sink_core::ContactUpdate;
use rusqlite::Connection;

use self::ahead::Sent;
pub use self::ahead::{FoundAhead, LookAhead};
use self::rows::{Entry, Stale};
use crate::error::{Problem, StoreError};
use crate::fields::FieldNumbers;
use crate::hash::Hasher;
use crate::key::Key;
use crate::lock::{Held, Lock};
use crate::{cells, owner_only};

/// So many subjects are remembered before some are written: those that come next in the file, of which many are in one page.
const BUFFERED_SUBJECTS: usize = 10_000;

/// So many subjects are written in one commit: the lane waits for that.
const WRITTEN_SUBJECTS: usize = 200;

/// So many fields that are going to be overwritten are kept in mind, to be removed in one commit.
const STALE_FIELDS: usize = 10_000;

/// What the vendor is known to have.
///
/// An entry says: the vendor has accepted this value for this field of this subject, and nothing else has left for it since.
/// For that to be true *every* update that is sent to the destination must be shown to [`Index::forget`] first, also in
/// a run that does not ask [`Index::has`]. What others change at the vendor an index does not know;
/// [`IndexOptions::with_refresh`] is for that, and deleting the file makes everything be sent once more.
///
/// The file holds the fields as they are written, the time of each acceptance, and of subjects and values nothing but
/// hashes under a [`Key`]; it can be told from them how many subjects have ids that differ in the last three bytes only, and
/// how many friends an owner has, not which. It is SQLite, for its owner only, and open in one process at a time.
pub struct Index {
    path: PathBuf,
    /// How often it was opened, this time included.
    opening: u64,
    seen: Option<PathBuf>,
    was_emptied: bool,
    hasher: Hasher,
    refresh: Option<Duration>,
    fields: FieldNumbers,
    /// Remembered and not yet written, by row.
    buffer: BTreeMap<i64, Vec<Entry>>,
    /// From this row on they are written next.
    next: i64,
    /// Is in a row, and an update with another value is about to be sent.
    stale: BTreeSet<Stale>,
    sent: Sent,
    // In this order they are dropped: the file is closed before the lock is given back.
    database: Connection,
    _lock: Lock,
}

/// How an index is used.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct IndexOptions {
    /// What was accepted longer ago is sent again; `None`: never for that reason.
    pub refresh: Option<Duration>,
    /// A file that says how often the index was opened, so that an older index in its place is noticed. It is made if there is none.
    /// An index that is not new is not trusted without it. `None`: an older index is taken for the newest.
    ///
    /// What it does not notice: a copy that was made during a run that was killed later, and is put back with its log.
    pub seen: Option<PathBuf>,
}

impl IndexOptions {
    /// With a file that says how often the index was opened, in a place from where it is not put back together with the index.
    pub fn with_seen(self, seen: impl Into<PathBuf>) -> Self {
        Self { seen: Some(seen.into()), ..self }
    }

    /// Sends again what was accepted longer ago than this, in whole seconds.
    ///
    /// A time of acceptance that lies ahead of the clock counts as now if it is by an hour at most, else as too long ago.
    pub fn with_refresh(self, refresh: Duration) -> Self {
        Self { refresh: Some(refresh), ..self }
    }
}

/// One field of an update as the index sees it.
struct Wanted {
    /// `None` if the index does not know its field.
    field: Option<u16>,
    /// `None` if its value is of a kind that the index does not know.
    tag: Option<u64>,
}

impl Index {
    /// Opens an index, or makes one if there is no file or an empty one.
    ///
    /// Beside the file there is a lock, `<path>.lock`. `options` hold for as long as it is open.
    ///
    /// # Errors
    /// [`StoreError`]: the file is something else, of another version (both are left as they are), made with another key, in use,
    /// damaged, or cannot be written.
    pub fn open(path: &Path, key: &Key, options: IndexOptions) -> Result<Self, StoreError> {
        Self::begin(path, key, options).map_err(StoreError::index(path))
    }

    /// Whether it could not be trusted and was emptied when it was opened: it had lost its log, or was older than
    /// [`IndexOptions::seen`] says. Then everything is sent once more.
    pub fn was_emptied(&self) -> bool {
        self.was_emptied
    }

    /// Whether the vendor has every field of the update with this value, each accepted recently enough.
    ///
    /// Other fields of the subject do not matter. Where it finds another value it expects the update to be sent soon, see
    /// [`Index::forget`].
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn has(&mut self, update: &ContactUpdate, now: SystemTime) -> Result<bool, StoreError> {
        let Some((row, wanted)) = self.wanted(update) else { return Ok(false) };
        let now = rows::seconds(now);
        let stored = self.read(row)?;
        let places = [self.buffer.get(&row), Some(&stored)];
        let mut has_all = !wanted.is_empty();
        for Wanted { field, tag } in wanted {
            let of_field = |entry: &&Entry| Some(entry.field) == field;
            let known = places.iter().flatten().find_map(|fields| fields.iter().find(of_field));
            has_all &=
                known.is_some_and(|entry| Some(entry.tag) == tag && rows::is_recent(entry.accepted, now, self.refresh));
            if let Some(Entry { field, tag: other, .. }) = stored.iter().find(of_field)
                && Some(*other) != tag
                && self.stale.len() < STALE_FIELDS
            {
                self.stale.insert(Stale { row, field: *field, tag: *other });
            }
        }
        Ok(has_all)
    }

    /// Opens a second connection, for a thread that looks up updates ahead of the lane.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be opened once more.
    pub fn look_ahead(&self) -> Result<LookAhead, StoreError> {
        let database = opening::connect_to_read(&self.path).map_err(self.failed())?;
        Ok(LookAhead {
            path: self.path.clone(),
            hasher: self.hasher.clone(),
            fields: self.fields.clone(),
            refresh: self.refresh,
            period: self.sent.period(),
            database,
        })
    }

    /// Whether the vendor still has what was found ahead: no update of the subject was sent since, and each value was accepted
    /// recently enough. If not, ask [`Index::has`].
    pub fn still_has(&self, found: &FoundAhead, now: SystemTime) -> bool {
        self.sent.allows(found, rows::seconds(now), self.refresh)
    }

    /// Forgets, before these are sent, what they may change: each field that is there with another value.
    ///
    /// When it returns that is committed and on the disk: neither a kill nor a power cut brings it back. That costs an fsync,
    /// so the first batch with such a field takes along all that [`Index::has`] has found since: of a lane that holds 5,000
    /// updates one request in fifty pays. Without such a field it only looks.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read or written: then these must not be sent.
    pub fn forget<'u>(&mut self, batch: impl IntoIterator<Item = &'u ContactUpdate>) -> Result<(), StoreError> {
        let batch: Vec<_> = batch.into_iter().filter_map(|update| self.wanted(update)).collect();
        self.sent.make_room(batch.len());
        for (row, wanted) in &batch {
            self.sent.insert(*row);
            if let Some(fields) = self.buffer.get_mut(row) {
                fields.retain(|entry| !differs(wanted, entry));
            }
        }
        let stale = self.differing(&batch)?;
        if stale.is_empty() {
            return Ok(());
        }
        self.stale.extend(stale);
        let stale: Vec<Stale> = std::mem::take(&mut self.stale).into_iter().collect();
        rows::remove(&self.database, &stale).map_err(self.failed())
    }

    /// Remembers that the vendor accepted all of the update's fields.
    ///
    /// It is written later, with others in the order of the file; see [`Index::flush`]. Of an update of which a part was stored,
    /// only that part is to be given here.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    pub fn remember(&mut self, update: &ContactUpdate, accepted: SystemTime) -> Result<(), StoreError> {
        for (field, _) in update.fields() {
            // When there are no numbers left, its values are not remembered, so they are always sent.
            let given = self.fields.give(&self.database, field);
            given.map_err(StoreError::index(&self.path))?;
        }
        let Some((row, wanted)) = self.wanted(update) else { return Ok(()) };
        let accepted = rows::seconds(accepted);
        let fields = self.buffer.entry(row).or_default();
        for wanted in wanted {
            if let Wanted { field: Some(field), tag: Some(tag) } = wanted {
                rows::replace(fields, Entry { field, accepted, tag });
                // What was about to be sent instead was not.
                self.stale.remove(&Stale { row, field, tag });
            }
        }
        if self.buffer.len() >= BUFFERED_SUBJECTS { self.write() } else { Ok(()) }
    }

    /// Writes what is remembered, and returns when it is committed. What is dropped without it, or lost in a power cut soon after
    /// it, is sent again by a later run, no more.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written: what was not is forgotten.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        while !self.buffer.is_empty() {
            self.write()?;
        }
        Ok(())
    }

    fn begin(path: &Path, key: &Key, options: IndexOptions) -> Result<Self, Problem> {
        let IndexOptions { refresh, seen } = options;
        let lock = Lock::take(&owner_only::beside(path, ".lock"), &format!("process {}", std::process::id()));
        let lock = lock.map_err(|held| match held {
            Held::Failed(error) => error.problem,
            held => Problem::InUse(held.to_string()),
        })?;
        let hasher = Hasher::new(key.bytes());
        let opening::Opened { database, opening, was_emptied } = opening::open(path, hasher.check(), seen.as_deref())?;
        Ok(Self {
            path: path.to_owned(),
            opening,
            seen,
            was_emptied,
            hasher,
            refresh,
            fields: FieldNumbers::load(&database)?,
            buffer: BTreeMap::new(),
            next: i64::MIN,
            stale: BTreeSet::new(),
            sent: Sent::default(),
            database,
            _lock: lock,
        })
    }

    /// Writes those that come next in the file, and begins again at its start.
    fn write(&mut self) -> Result<(), StoreError> {
        let rest = self.buffer.range(self.next..).take(WRITTEN_SUBJECTS);
        let rows: Vec<i64> = rest.map(|(row, _)| *row).collect();
        self.next =
            rows.last().filter(|_| rows.len() == WRITTEN_SUBJECTS).map_or(i64::MIN, |last| last.saturating_add(1));
        let batch: Vec<_> = rows.into_iter().filter_map(|row| self.buffer.remove_entry(&row)).collect();
        rows::put(&self.database, &batch).map_err(self.failed())
    }

    /// What the file has that differs from these updates. One transaction reads all of them.
    fn differing(&self, batch: &[(i64, Vec<Wanted>)]) -> Result<Vec<Stale>, StoreError> {
        let _transaction = self.database.unchecked_transaction().map_err(self.failed())?;
        let mut stale = Vec::new();
        for (row, wanted) in batch {
            let stored = self.read(*row)?.into_iter().filter(|entry| differs(wanted, entry));
            stale.extend(stored.map(|Entry { field, tag, .. }| Stale { row: *row, field, tag }));
        }
        Ok(stale)
    }

    fn read(&self, row: i64) -> Result<Vec<Entry>, StoreError> {
        cells::read(&self.database, row).map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
        StoreError::index(self.path.clone())
    }

    /// The row of the update's subject, and its fields; `None` if the subject is of a kind that the index does not know.
    fn wanted(&self, update: &ContactUpdate) -> Option<(i64, Vec<Wanted>)> {
        let subject = self.hasher.subject(update.subject())?;
        let wanted = update.fields().iter().map(|(field, value)| {
            let tag = self.hasher.tag(&subject, field, value);
            Wanted { field: self.fields.get(field), tag }
        });
        Some((subject.row, wanted.collect()))
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // If it cannot be noted, the next opening finds the log, or sends everything once more.
        // One more, so that a copy that is made while it is open is older than what is there in the end.
        self.opening += 1;
        let noted = opening::set_opening(&self.database, self.opening, false);
        if let Some(seen) = self.seen.as_deref().filter(|_| noted.is_ok()) {
            let _ = opening::write_seen(seen, self.opening);
        }
    }
}

/// Whether an update sets an entry's field to another value.
fn differs(update: &[Wanted], entry: &Entry) -> bool {
    update.iter().any(|wanted| wanted.field == Some(entry.field) && wanted.tag != Some(entry.tag))
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("refresh", &self.refresh).finish_non_exhaustive()
    }
}
