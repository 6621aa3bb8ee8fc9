//! Which part of which run has set a field last, so that an older value is not sent after a newer one.
//!
//! A position says how old a value is: the number of its part, then its line in that input. Before an update is sent, its
//! position is noted for each of its fields. It is taken back when the outcome says that the field was not set. Notes are kept
//! only while an older value could still be sent: see [`Newest::keep`].

use std::collections::HashMap;

use contact_sink_core::{Applied, ContactUpdate, Field};
use contact_sink_delivery::Outcome;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::fields::{self, FieldNumbers};
use crate::hash::{Hasher, SubjectHash};
use crate::key::Key;

const BYTES: usize = 14;

/// How old the values of a row are: those of a higher position are newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The part that the row belongs to; parts are numbered in the order in which they began.
    pub part: u32,
    /// The row's line in the input.
    pub line: u32,
}

/// One field of one subject.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// Where the subject's fields are: see [`Hasher::subject`].
    row: i64,
    /// Tells it from other subjects there.
    tag: u32,
    field: u16,
}

/// The notes of one account.
pub(crate) struct Newest {
    hasher: Hasher,
    fields: FieldNumbers,
    is_kept: bool,
    /// What was noted before, of fields that are being sent from a position.
    before: HashMap<Position, Vec<(Cell, Option<Position>)>>,
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
            let cell = Cell { row: subject.row, tag: subject.tag(), field };
            position_of(&entries, cell).is_some_and(|noted| noted > position)
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
            let Some(cell) = self.cell(connection, &subject, field)? else { continue };
            let noted = position_of(&entries, cell);
            if noted.is_none_or(|noted| noted < position) {
                set(&mut entries, cell, Some(position));
                self.before.entry(position).or_default().push((cell, noted));
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
        let noted = self.before.remove(&position).unwrap_or_default();
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
        for (cell, before) in noted.into_iter().rev().filter(|(cell, _)| !stored.contains(&cell.field)) {
            let mut entries = read(connection, cell.row)?;
            if position_of(&entries, cell) == Some(position) {
                set(&mut entries, cell, before);
                write(connection, cell.row, &entries)?;
            }
        }
        Ok(())
    }

    fn cell(
        &mut self,
        connection: &Connection,
        subject: &SubjectHash,
        field: &Field,
    ) -> rusqlite::Result<Option<Cell>> {
        let number = match self.fields.get(field) {
            Some(number) => number,
            None => {
                let Some(number) = self.fields.next() else { return Ok(None) };
                fields::write(connection, number, field)?;
                self.fields.insert(field.clone(), number);
                number
            }
        };
        Ok(Some(Cell { row: subject.row, tag: subject.tag(), field: number }))
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

type Entry = (u16, u32, Position);

fn position_of(entries: &[Entry], cell: Cell) -> Option<Position> {
    let is_it = |(field, tag, _): &&Entry| (*field, *tag) == (cell.field, cell.tag);
    entries.iter().find(is_it).map(|(.., position)| *position)
}

fn set(entries: &mut Vec<Entry>, cell: Cell, position: Option<Position>) {
    entries.retain(|(field, tag, _)| (*field, *tag) != (cell.field, cell.tag));
    entries.extend(position.map(|position| (cell.field, cell.tag, position)));
}

fn read(connection: &Connection, row: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare_cached("SELECT fields FROM newest WHERE subject = ?1")?;
    let fields: Option<Vec<u8>> = statement.query_row([row], |row| row.get(0)).optional()?;
    let fields = fields.unwrap_or_default();
    let (entries, rest) = fields.as_chunks::<BYTES>();
    if !rest.is_empty() {
        return Err(rusqlite::Error::IntegralValueOutOfRange(0, fields.len() as i64));
    }
    let entry = |&[f0, f1, t0, t1, t2, t3, p0, p1, p2, p3, l0, l1, l2, l3]: &[u8; BYTES]| {
        let position =
            Position { part: u32::from_le_bytes([p0, p1, p2, p3]), line: u32::from_le_bytes([l0, l1, l2, l3]) };
        (u16::from_le_bytes([f0, f1]), u32::from_le_bytes([t0, t1, t2, t3]), position)
    };
    Ok(entries.iter().map(entry).collect())
}

fn write(connection: &Connection, row: i64, entries: &[Entry]) -> rusqlite::Result<()> {
    if entries.is_empty() {
        return connection.prepare_cached("DELETE FROM newest WHERE subject = ?1")?.execute([row]).map(drop);
    }
    let mut fields = Vec::with_capacity(entries.len() * BYTES);
    for (field, tag, Position { part, line }) in entries {
        fields.extend_from_slice(&field.to_le_bytes());
        fields.extend_from_slice(&tag.to_le_bytes());
        fields.extend_from_slice(&part.to_le_bytes());
        fields.extend_from_slice(&line.to_le_bytes());
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO newest (subject, fields) VALUES (?1, ?2)")?
        .execute(params![row, fields])
        .map(drop)
}
