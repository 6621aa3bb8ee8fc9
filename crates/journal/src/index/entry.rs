//! What an index keeps of one field of one subject, and how a row of them is written: 14 bytes each.

use std::time::{Duration, SystemTime};

const BYTES: usize = 14;

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
pub(super) fn put(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|known| known.field == entry.field) {
        Some(known) => *known = entry,
        None => entries.push(entry),
    }
}

pub(super) fn write(entries: &[Entry], row: &mut Vec<u8>) {
    row.clear();
    for Entry { field, accepted, tag } in entries {
        row.extend_from_slice(&field.to_le_bytes());
        row.extend_from_slice(&accepted.to_le_bytes());
        row.extend_from_slice(&tag.to_le_bytes());
    }
}

/// The entries of a row, or `None` if it is none.
pub(super) fn entries(row: &[u8]) -> Option<impl Iterator<Item = Entry> + Clone> {
    let (entries, rest) = row.as_chunks::<BYTES>();
    let read = |&[a0, a1, s0, s1, s2, s3, ref tag @ ..]: &[u8; BYTES]| Entry {
        field: u16::from_le_bytes([a0, a1]),
        accepted: u32::from_le_bytes([s0, s1, s2, s3]),
        tag: u64::from_le_bytes(*tag),
    };
    rest.is_empty().then(|| entries.iter().map(read))
}
