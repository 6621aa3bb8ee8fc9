//! The rows of an index: reading one, and changing several in one commit.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::entry::{self, Entry};
use crate::error::Problem;

pub(super) const READ: &str = "SELECT fields FROM contact WHERE subject = ?1";
const WRITE: &str = "INSERT INTO contact VALUES (?1, ?2) ON CONFLICT DO UPDATE SET fields = excluded.fields";
const DELETE: &str = "DELETE FROM contact WHERE subject = ?1";

/// A field to take out of a row, if it is still there as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stale {
    pub(super) row: i64,
    pub(super) field: u16,
    pub(super) tag: u64,
}

pub(super) fn read(database: &Connection, row: i64) -> Result<Vec<Entry>, Problem> {
    let mut statement = database.prepare_cached(READ)?;
    let fields = statement
        .query_row([row], |row| Ok(entry::entries(row.get_ref(0)?.as_blob()?).map(Iterator::collect)))
        .optional()?;
    fields.map_or(Ok(Vec::new()), |fields| fields.ok_or_else(damaged))
}

/// Puts these fields into their rows, in one commit. Much faster in the order of the rows.
pub(super) fn put<'a>(
    database: &mut Connection,
    rows: impl IntoIterator<Item = (&'a i64, &'a Vec<Entry>)>,
) -> Result<(), Problem> {
    commit(database, |database| {
        let mut bytes = Vec::new();
        for (row, entries) in rows {
            let mut all = read(database, *row)?;
            entries.iter().for_each(|entry| entry::put(&mut all, *entry));
            entry::write(&all, &mut bytes);
            database.prepare_cached(WRITE)?.execute(params![row, bytes])?;
        }
        Ok(())
    })
}

/// Takes these fields out, in one commit, which outlives a power cut. They are to be in the order of their rows.
pub(super) fn remove(database: &mut Connection, stale: &[Stale]) -> Result<(), Problem> {
    database.pragma_update(None, "synchronous", "FULL")?;
    let removed = commit(database, |database| {
        let mut bytes = Vec::new();
        for stale in stale.chunk_by(|one, next| one.row == next.row) {
            let Some(Stale { row, .. }) = stale.first() else { continue };
            let mut fields = read(database, *row)?;
            fields.retain(|entry| !stale.iter().any(|stale| (stale.field, stale.tag) == (entry.field, entry.tag)));
            if fields.is_empty() {
                database.prepare_cached(DELETE)?.execute([row])?;
            } else {
                entry::write(&fields, &mut bytes);
                database.prepare_cached(WRITE)?.execute(params![row, bytes])?;
            }
        }
        Ok(())
    });
    database.pragma_update(None, "synchronous", "NORMAL")?;
    removed
}

/// A row that is none of ours.
pub(super) fn damaged() -> Problem {
    Problem::Damaged("a row of it has a length that none can have".to_owned())
}

fn commit(database: &mut Connection, work: impl FnOnce(&Connection) -> Result<(), Problem>) -> Result<(), Problem> {
    let transaction = database.transaction()?;
    work(&transaction)?;
    Ok(transaction.commit()?)
}
