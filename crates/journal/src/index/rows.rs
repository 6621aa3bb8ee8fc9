//! What an index keeps of one field of one subject, and how several are changed in one commit.

use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use crate::cells::{BYTES, Cell, read, write};

/// How far ahead of the clock a time may stand and still count: clocks are set back a little, now and then.
const AHEAD_SECONDS: u32 = 3600;

/// One field of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of its field in the index.
    pub(super) field: u16,
    /// When the vendor accepted the value, in seconds since 1970.
    pub(super) accepted: u32,
    /// The keyed hash of subject, field and value.
    pub(super) tag: u64,
}

/// Whether the vendor accepted a value no longer ago than `refresh`. A time that lies ahead by more than an hour says that
/// a clock was wrong: it does not count, or the update would not be sent until that time had come.
pub(super) fn is_recent(accepted: u32, now: u32, refresh: Option<Duration>) -> bool {
    match (refresh, accepted.checked_sub(now)) {
        (None, _) => true,
        (Some(_), Some(ahead)) => ahead <= AHEAD_SECONDS,
        (Some(refresh), None) => u64::from(now.saturating_sub(accepted)) <= refresh.as_secs(),
    }
}

/// Whole seconds since 1970; a time before that is 1970, which is long ago.
pub(super) fn seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}

/// Puts an entry in the place of the one of its field.
pub(super) fn replace(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|known| known.field == entry.field) {
        Some(known) => *known = entry,
        None => entries.push(entry),
    }
}

impl Cell for Entry {
    const TABLE: &str = "contact";

    fn from_bytes(&[f0, f1, a0, a1, a2, a3, ref tag @ ..]: &[u8; BYTES]) -> Self {
        Self {
            field: u16::from_le_bytes([f0, f1]),
            accepted: u32::from_le_bytes([a0, a1, a2, a3]),
            tag: u64::from_le_bytes(*tag),
        }
    }

    fn to_bytes(&self) -> [u8; BYTES] {
        let ([f0, f1], [a0, a1, a2, a3]) = (self.field.to_le_bytes(), self.accepted.to_le_bytes());
        let [t0, t1, t2, t3, t4, t5, t6, t7] = self.tag.to_le_bytes();
        [f0, f1, a0, a1, a2, a3, t0, t1, t2, t3, t4, t5, t6, t7]
    }
}

/// A field to take out of a row, if it is still there as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stale {
    pub(super) row: i64,
    pub(super) field: u16,
    pub(super) tag: u64,
}

/// Puts these fields into their rows, in one commit. Much faster in the order of the rows.
pub(super) fn put(database: &Connection, rows: &[(i64, Vec<Entry>)]) -> rusqlite::Result<()> {
    let transaction = database.unchecked_transaction()?;
    for (row, entries) in rows.iter().filter(|(_, entries)| !entries.is_empty()) {
        let mut all = read(database, *row)?;
        entries.iter().for_each(|entry| replace(&mut all, *entry));
        write(database, *row, &all)?;
    }
    transaction.commit()
}

/// Takes these fields out, in one commit, which outlives a power cut. They are to be in the order of their rows.
pub(super) fn remove(database: &Connection, stale: &[Stale]) -> rusqlite::Result<()> {
    database.pragma_update(None, "synchronous", "FULL")?;
    let removed = try_remove(database, stale);
    database.pragma_update(None, "synchronous", "NORMAL")?;
    removed
}

fn try_remove(database: &Connection, stale: &[Stale]) -> rusqlite::Result<()> {
    let transaction = database.unchecked_transaction()?;
    for stale in stale.chunk_by(|one, next| one.row == next.row) {
        let Some(Stale { row, .. }) = stale.first() else { continue };
        let mut fields: Vec<Entry> = read(database, *row)?;
        fields.retain(|entry| !stale.iter().any(|stale| (stale.field, stale.tag) == (entry.field, entry.tag)));
        write(database, *row, &fields)?;
    }
    transaction.commit()
}
