//! Which part of which run has set a field last, so that an older value is not sent after a newer one.
//!
//! A position says how old a value is: the number of its part, then its line in that input. Before an update is sent, its
//! position is noted for each of its fields. It is taken back when the outcome says that the field was not set. Notes are kept
//! only while an older value could still be sent: see [`Newest::keep`].

use std::collections::HashMap;

use contact_sink_core::{Applied, ContactUpdate, Field};
use contact_sink_delivery::Outcome;
use rusqlite::Connection;

use crate::cells::{self, BYTES, read, write};
use crate::fields::FieldNumbers;
use crate::hash::Hasher;
use crate::key::Key;

/// How old the values of a row are: those of a higher position are newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The part that the row belongs to; parts are numbered in the order in which they began.
    pub part: u32,
    /// The row's line in the input.
    pub line: u32,
}

/// One field of one subject, and from where it was set. It is in the row of the subject: see [`Hasher::subject`].
#[derive(Debug, Clone, Copy)]
struct Entry {
    field: u16,
    /// Tells the subject from others in its row.
    tag: u32,
    position: Position,
}

/// The notes of one account.
pub(crate) struct Newest {
    hasher: Hasher,
    fields: FieldNumbers,
    is_kept: bool,
    /// What is noted of fields that are being sent from a position: the row, the note, and the one before it.
    before: HashMap<Position, Vec<(i64, Entry, Option<Entry>)>>,
}

impl Newest {
    /// The notes in a journal. Those of different accounts never meet: their hashes have different keys.
    pub(crate) fn new(connection: &Connection, key: &Key, account_hash: &str) -> rusqlite::Result<Self> {
        let fields = FieldNumbers::load(connection)?;
        let hasher = Hasher::new(key.derive(&format!("newest {account_hash}")).bytes());
        Ok(Self { hasher, fields, is_kept: false, before: HashMap::new() })
    }

    /// Notes from now on what is sent: an older value of it could still be sent.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The fields of an update that were set from a higher position.
    pub(crate) fn newer(
        &self,
        connection: &Connection,
        update: &ContactUpdate,
        position: Position,
    ) -> rusqlite::Result<Vec<Field>> {
        let Some(subject) = self.hasher.subject(update.subject()) else { return Ok(Vec::new()) };
        let entries = read(connection, subject.row)?;
        let is_newer = |field: &&Field| {
            let Some(field) = self.fields.get(field) else { return false };
            let entry = Entry { field, tag: subject.tag(), position };
            noted(&entries, entry).is_some_and(|noted| noted.position > position)
        };
        Ok(update.fields().iter().map(|(field, _)| field).filter(is_newer).cloned().collect())
    }

    /// Notes that these are set from here, where nothing newer is noted.
    pub(crate) fn note(
        &mut self,
        connection: &Connection,
        update: &ContactUpdate,
        position: Position,
    ) -> rusqlite::Result<()> {
        let Some(subject) = self.hasher.subject(update.subject()) else { return Ok(()) };
        let mut entries = read(connection, subject.row)?;
        let mut has_changed = false;
        for (field, _) in update.fields() {
            let Some(field) = self.fields.give(connection, field)? else { continue };
            let entry = Entry { field, tag: subject.tag(), position };
            let before = noted(&entries, entry);
            if before.is_none_or(|before| before.position < position) {
                replace(&mut entries, entry, Some(entry));
                self.before.entry(position).or_default().push((subject.row, entry, before));
                has_changed = true;
            }
        }
        if has_changed { write(connection, subject.row, &entries) } else { Ok(()) }
    }

    /// Takes back what an outcome says was not set.
    pub(crate) fn settle(
        &mut self,
        connection: &Connection,
        update: &ContactUpdate,
        position: Position,
        outcome: &Outcome,
    ) -> rusqlite::Result<()> {
        let sent = self.before.remove(&position).unwrap_or_default();
        let stored: &[Field] = match outcome {
            // The vendor has this value: an older one must not take its place.
            Outcome::Unchanged => {
                self.note(connection, update, position)?;
                self.before.remove(&position);
                return Ok(());
            }
            Outcome::Rejected { stored, earlier: Applied::No, .. } => stored,
            Outcome::Undelivered { applied: Applied::No, .. } => &[],
            _ => return Ok(()),
        };
        let stored: Vec<u16> = stored.iter().filter_map(|field| self.fields.get(field)).collect();
        for (row, entry, before) in sent.into_iter().rev().filter(|(_, entry, _)| !stored.contains(&entry.field)) {
            let mut entries = read(connection, row)?;
            if noted(&entries, entry).is_some_and(|noted| noted.position == position) {
                replace(&mut entries, entry, before);
                write(connection, row, &entries)?;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Newest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Newest").field("is_kept", &self.is_kept).finish_non_exhaustive()
    }
}

/// Deletes all notes: no older value can be sent any more.
pub(crate) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM newest", []).map(drop)
}

/// What is noted of an entry's field.
fn noted(entries: &[Entry], of: Entry) -> Option<Entry> {
    entries.iter().find(|entry| (entry.field, entry.tag) == (of.field, of.tag)).copied()
}

fn replace(entries: &mut Vec<Entry>, of: Entry, by: Option<Entry>) {
    entries.retain(|entry| (entry.field, entry.tag) != (of.field, of.tag));
    entries.extend(by);
}

impl cells::Cell for Entry {
    const TABLE: &str = "newest";

    fn from_bytes(&[f0, f1, t0, t1, t2, t3, p0, p1, p2, p3, l0, l1, l2, l3]: &[u8; BYTES]) -> Self {
        let position =
            Position { part: u32::from_le_bytes([p0, p1, p2, p3]), line: u32::from_le_bytes([l0, l1, l2, l3]) };
        Self { field: u16::from_le_bytes([f0, f1]), tag: u32::from_le_bytes([t0, t1, t2, t3]), position }
    }

    fn to_bytes(&self) -> [u8; BYTES] {
        let ([f0, f1], [t0, t1, t2, t3]) = (self.field.to_le_bytes(), self.tag.to_le_bytes());
        let Position { part, line } = self.position;
        let ([p0, p1, p2, p3], [l0, l1, l2, l3]) = (part.to_le_bytes(), line.to_le_bytes());
        [f0, f1, t0, t1, t2, t3, p0, p1, p2, p3, l0, l1, l2, l3]
    }
}
