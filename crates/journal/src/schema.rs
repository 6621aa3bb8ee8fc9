//! The journal's file: its format, and how it is opened.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// "CSnk": what tells the file from those of other programs.
pub(crate) const APPLICATION: i64 = 0x43_53_6e_6b;
/// Of the format. Whoever changes it writes a step from the one before.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    input TEXT NOT NULL,            -- absolute path
    host TEXT NOT NULL,
    account TEXT NOT NULL,
    account_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    mapping TEXT NOT NULL,
    command TEXT NOT NULL,          -- what to type to go on with it
    state TEXT NOT NULL,            -- running, unfinished, finished
    began INTEGER NOT NULL,         -- seconds since 1970
    changed INTEGER NOT NULL,
    checkpoint INTEGER NOT NULL,    -- all rows below it are settled; rows count from 0
    read INTEGER NOT NULL,          -- rows that the digest covers
    digest BLOB NOT NULL,
    accepted INTEGER NOT NULL,      -- of the settled rows
    rejected INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    unsure_until INTEGER NOT NULL,  -- until then an attempt whose answer was lost may be applied
    letters_path TEXT,              -- the file of rejected rows
    letters_bytes INTEGER NOT NULL, -- so much of it is on the disk for sure,
    letters_crc INTEGER NOT NULL    -- with this CRC-32
);
CREATE INDEX run_input ON run (input, id);
-- Rows ahead of the checkpoint that are settled, from the first to the one after the last.
CREATE TABLE ahead (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Rows that are not settled and may have been applied.
CREATE TABLE doubt (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Why rows were rejected. A code is a number or a word, and the word '12' must not become the number 12: so the column has no
-- type. In the index the empty blob stands for NULL: no code is a blob.
CREATE TABLE reason (run INTEGER NOT NULL, code, reason TEXT NOT NULL, count INTEGER NOT NULL);
CREATE UNIQUE INDEX reason_once ON reason (run, ifnull(code, x''), reason);
-- Lines that may not be in the file of rejected rows yet, and at which byte they belong.
CREATE TABLE letter (run INTEGER NOT NULL, at INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (run, at));
";

/// Opens a journal, or makes it, readable by its owner only.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite makes the files beside it with the same rights.
    let file = options.open(path).map_err(OpenError::io(path))?;
    check_magic(file, path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(OpenError::sqlite(path))?;
    prepare(&connection, path)?;
    Ok(connection)
}

/// Opens a journal that is there, to read it only; another process may be writing it.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    check_magic(File::open(path).map_err(OpenError::io(path))?, path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(OpenError::sqlite(path))?;
    check(&connection, path)?;
    Ok(connection)
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = || OpenError::sqlite(path);
    // The log is folded by a thread of this process, and a slow disk is no reason to end a run.
    connection.busy_timeout(std::time::Duration::from_secs(30)).map_err(sqlite())?;
    let fresh: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite())?;
    let mut is_new = fresh == 0;
    for mark in ["application_id", "user_version"] {
        is_new &= pragma(connection, mark).map_err(sqlite())? == 0;
    }
    if is_new {
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; {TABLES} COMMIT;"
            ))
            .map_err(sqlite())?;
    } else {
        check(connection, path)?;
    }
    // Lines with contact data pass through the journal: what is deleted is overwritten. A log that was folded is cut when it begins
    // again: whoever folds it looks how long it is.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 1048576; PRAGMA secure_delete = ON; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;",
        )
        .map_err(sqlite())
}

/// Refuses what SQLite would take for an empty database though it is not: a file of one byte.
fn check_magic(file: File, path: &Path) -> Result<(), OpenError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut begins = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut begins).map_err(OpenError::io(path))?;
    if begins.is_empty() || begins == MAGIC { Ok(()) } else { Err(OpenError::Foreign { path: path.to_owned() }) }
}

/// Refuses what is not ours, or of a version that nobody here knows.
fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if pragma(connection, "application_id").map_err(OpenError::sqlite(path))? != APPLICATION {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    match pragma(connection, "user_version").map_err(OpenError::sqlite(path))? {
        VERSION => Ok(()),
        version => Err(OpenError::Version { path: path.to_owned(), version, known: VERSION }),
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

/// Makes a directory that only its owner can look into, if it is not there.
pub fn make_directory(directory: &Path) -> Result<(), OpenError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(OpenError::io(directory))
}
