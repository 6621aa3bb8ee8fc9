//! The tables of a journal and of an index that keep fields by subject: a row of them is so many times 14 bytes.

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

pub(crate) const BYTES: usize = 14;

/// What is kept of one field of one subject.
pub(crate) trait Cell: Sized {
    /// The table, with its columns `subject` and `fields`.
    const TABLE: &str;

    fn from_bytes(bytes: &[u8; BYTES]) -> Self;

    fn to_bytes(&self) -> [u8; BYTES];
}

/// The query for a row of cells, by the subject's row.
pub(crate) fn query<C: Cell>() -> String {
    format!("SELECT fields FROM {} WHERE subject = ?1", C::TABLE)
}

/// The cells that were read.
pub(crate) fn cells<'a, C: Cell>(row: &'a Row<'_>) -> rusqlite::Result<impl Iterator<Item = C> + Clone + use<'a, C>> {
    let bytes = row.get_ref(0)?.as_blob()?;
    let (cells, rest) = bytes.as_chunks::<BYTES>();
    match rest {
        [] => Ok(cells.iter().map(C::from_bytes)),
        _ => Err(FromSqlError::InvalidBlobSize { expected_size: cells.len() * BYTES, blob_size: bytes.len() }.into()),
    }
}

/// Reads a row; one that is not there has no cells.
pub(crate) fn read<C: Cell>(connection: &Connection, row: i64) -> rusqlite::Result<Vec<C>> {
    let mut statement = connection.prepare_cached(&query::<C>())?;
    let found = statement.query_row([row], |row| Ok(cells(row)?.collect())).optional()?;
    Ok(found.unwrap_or_default())
}

/// Writes a row; one without cells is deleted.
pub(crate) fn write<C: Cell>(connection: &Connection, row: i64, cells: &[C]) -> rusqlite::Result<()> {
    let table = C::TABLE;
    if cells.is_empty() {
        let delete = format!("DELETE FROM {table} WHERE subject = ?1");
        return connection.prepare_cached(&delete)?.execute([row]).map(drop);
    }
    let bytes: Vec<u8> = cells.iter().flat_map(C::to_bytes).collect();
    let write = format!("INSERT INTO {table} VALUES (?1, ?2) ON CONFLICT DO UPDATE SET fields = excluded.fields");
    connection.prepare_cached(&write)?.execute(params![row, bytes]).map(drop)
}
