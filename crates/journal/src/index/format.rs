//! The format of an index's file, and how it is opened.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::base::{self, Format};
use crate::error::Problem;
use crate::owner_only;

/// `csIx`. The page cache is the most memory that a connection takes: 4 MiB. The log is folded in by the thread that writes.
const INDEX: Format = Format {
    application_id: 0x6373_4978,
    version: 2,
    key_table: "key",
    settings: "
        PRAGMA synchronous = NORMAL;
        PRAGMA cache_size = -4096;
        PRAGMA fullfsync = TRUE;
        PRAGMA checkpoint_fullfsync = TRUE;
        PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = 0;
        PRAGMA journal_size_limit = 67108864;
    ",
    tables: "
        CREATE TABLE key (hash BLOB NOT NULL) STRICT;
        -- How often the index was opened, and whether it is open: 1 without a log beside the file means that the log was lost.
        CREATE TABLE opening (count INTEGER NOT NULL, is_open INTEGER NOT NULL) STRICT;
        CREATE TABLE field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE contact (subject INTEGER PRIMARY KEY, fields BLOB NOT NULL) STRICT;
        INSERT INTO opening VALUES (0, 0);
    ",
};

/// An index that is open.
pub(super) struct Opened {
    /// The connection that writes.
    pub(super) writing: Connection,
    /// How often it was opened, this time included.
    pub(super) count: u64,
    /// The log that an earlier opening has left was lost: what that opening removed may be there again.
    pub(super) has_lost_log: bool,
}

/// Opens the file or makes it, for its owner only. Of `key` it keeps and compares a hash.
pub(super) fn open(path: &Path, key: [u8; 32]) -> Result<Opened, Problem> {
    // SQLite deletes the log only when the index is closed, and makes one when it is read.
    let has_log = owner_only::beside(path, "-wal").exists();
    let writing = base::open(path, &INDEX, key)?;
    let last = "SELECT count, is_open FROM opening";
    let (count, was_open): (i64, bool) = writing.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let count = u64::try_from(count).unwrap_or_default() + 1;
    set_opening(&writing, count, true)?;
    Ok(Opened { writing, count, has_lost_log: was_open && !has_log })
}

/// One more connection to an index that is open.
pub(super) fn connect_to_read(path: &Path) -> Result<Connection, Problem> {
    let database = base::connect(path)?;
    database.execute_batch(INDEX.settings)?;
    Ok(database)
}

/// Notes how often it was opened and whether it is open, in the file itself: the log may be lost.
pub(super) fn set_opening(database: &Connection, count: u64, is_open: bool) -> Result<(), Problem> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    database.execute("UPDATE opening SET count = ?1, is_open = ?2", params![count, is_open])?;
    base::fold(database, "TRUNCATE")?;
    Ok(())
}
