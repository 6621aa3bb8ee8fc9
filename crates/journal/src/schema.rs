//! The journal's file: its format, and how it is opened.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::OpenError;

/// "CSnk": what tells the file from those of other programs.
pub(crate) const APPLICATION: i64 = 0x43_53_6e_6b;
/// Of the format. Another version is refused: what it says of runs is not what this one must know.
const VERSION: i64 = 3;
/// How long another connection is waited for.
const WAIT: Duration = Duration::from_secs(30);

const TABLES: &str = "
-- A keyed hash: the journal is of no use under another key.
CREATE TABLE key_check (hash BLOB NOT NULL);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    input TEXT NOT NULL,                -- absolute path, for people: a run is known by its content
    is_resumable INTEGER NOT NULL,      -- 0: the input could be read once only
    host TEXT NOT NULL,
    account TEXT NOT NULL,
    account_hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    mapping TEXT NOT NULL,
    command TEXT NOT NULL,              -- what to type to resume it
    state TEXT NOT NULL,                -- running, unfinished, finished
    began INTEGER NOT NULL,             -- seconds since 1970
    changed INTEGER NOT NULL,
    first INTEGER NOT NULL,             -- rows before it belong to an earlier run; rows count from 0
    rows INTEGER NOT NULL,              -- of the whole input; 0 if that is not known
    content BLOB NOT NULL,              -- the keyed digest of all these rows
    checkpoint INTEGER NOT NULL,        -- all rows below it are settled
    read INTEGER NOT NULL,              -- rows of which something is written down, and those before them
    accepted INTEGER NOT NULL,          -- of the settled rows
    rejected INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    hold_until INTEGER NOT NULL,        -- until then an attempt without an answer may be applied
    rejected_path TEXT,                 -- the file of rejected rows
    rejected_bytes INTEGER NOT NULL,    -- so much of it is on the disk for certain,
    rejected_crc INTEGER NOT NULL,      -- with this CRC-32
    exit_status INTEGER,                -- of the last command that ended in order
    stop TEXT,                          -- why that ended before the last row: a word,
    stop_message TEXT,                  -- and a message
    is_forgotten INTEGER NOT NULL DEFAULT 0     -- 1: it is only kept because others must know that it was
);
-- Rows that were first seen together. The number is the age of their values: a higher one is newer.
CREATE TABLE part (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL,
    first INTEGER NOT NULL,             -- its first row
    name TEXT NOT NULL UNIQUE           -- what rejected rows carry as _run
);
-- Rows ahead of the checkpoint that are settled, from the first to the one after the last.
CREATE TABLE settled_ahead (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Rows that are not settled and may have been applied.
CREATE TABLE maybe_applied (run INTEGER NOT NULL, first INTEGER NOT NULL, past INTEGER NOT NULL, PRIMARY KEY (run, first)) WITHOUT ROWID;
-- Why rows were rejected or skipped. A code is a number or a word, and the word '12' must not become the number 12: so the column
-- has no type. In the index the empty blob stands for NULL: no code is a blob.
CREATE TABLE reason (run INTEGER NOT NULL, kind TEXT NOT NULL, code, reason TEXT NOT NULL, count INTEGER NOT NULL);
CREATE UNIQUE INDEX reason_once ON reason (run, kind, ifnull(code, x''), reason);
-- Lines that may not be in the file of rejected rows yet, and at which byte they belong.
CREATE TABLE rejected_line (run INTEGER NOT NULL, at INTEGER NOT NULL, lines BLOB NOT NULL, PRIMARY KEY (run, at));
-- All files of rejected rows of a run.
CREATE TABLE rejected_file (run INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (run, path)) WITHOUT ROWID;
-- Which part has set a field last: keyed hashes of subjects, and for each field 14 bytes (see newest.rs).
CREATE TABLE field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE newest (subject INTEGER PRIMARY KEY, fields BLOB NOT NULL);
";

/// What belongs to a run beside its line in `run`: the table, and its column of the run.
pub(crate) const OF_A_RUN: [&str; 6] =
    ["part", "settled_ahead", "maybe_applied", "reason", "rejected_line", "rejected_file"];

/// Opens a journal, or makes it, readable by its owner only. Of the key it keeps and compares a hash.
pub(crate) fn open(path: &Path, key: [u8; 32]) -> Result<Connection, OpenError> {
    if let Some(directory) = path.parent() {
        make_directory(directory).map_err(OpenError::io(directory))?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    check_kind(path)?;
    // SQLite makes the files beside it with the same rights.
    let file = options.open(path).map_err(OpenError::io(path))?;
    check_magic(file, path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(OpenError::sqlite(path))?;
    // One that begins by reading would not wait for the thread that folds the log, but fail.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    prepare(&connection, path, key)?;
    Ok(connection)
}

/// Opens a journal that is there, to read it; another process may be writing it. `None` if a kill left it before it had tables.
pub(crate) fn open_to_read(path: &Path) -> Result<Option<Connection>, OpenError> {
    check_kind(path)?;
    check_magic(File::open(path).map_err(OpenError::io(path))?, path)?;
    // A log that a kill left cannot be read without the right to write.
    let open = |access| Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let connection = open(OpenFlags::SQLITE_OPEN_READ_WRITE).or_else(|_| open(OpenFlags::SQLITE_OPEN_READ_ONLY));
    let connection = connection.map_err(OpenError::sqlite(path))?;
    connection.busy_timeout(WAIT).map_err(OpenError::sqlite(path))?;
    if is_new(&connection).map_err(OpenError::sqlite(path))? {
        return Ok(None);
    }
    check(&connection, path)?;
    Ok(Some(connection))
}

/// Whether it has no tables yet, and no other program has claimed it.
fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0 && pragma(connection, "user_version")? == 0)
}

fn prepare(connection: &Connection, path: &Path, key: [u8; 32]) -> Result<(), OpenError> {
    let sqlite = || OpenError::sqlite(path);
    // The log is folded by a thread of this process, and a slow disk is no reason to end a run.
    connection.busy_timeout(WAIT).map_err(sqlite())?;
    if is_new(connection).map_err(sqlite())? {
        let transaction = connection.unchecked_transaction().map_err(sqlite())?;
        transaction
            .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; {TABLES}"))
            .map_err(sqlite())?;
        transaction.execute("INSERT INTO key_check VALUES (?1)", [key]).map_err(sqlite())?;
        transaction.commit().map_err(sqlite())?;
    } else {
        check(connection, path)?;
        let known: Vec<u8> =
            connection.query_row("SELECT hash FROM key_check", [], |row| row.get(0)).map_err(sqlite())?;
        if known != key {
            return Err(OpenError::OtherKey { path: path.to_owned() });
        }
    }
    // Lines with contact data pass through the journal: what is deleted is overwritten. A log that was folded is cut when it begins
    // again. A thread folds it at 4 MiB. Where the thread cannot keep up, the connection that commits folds it at 16 MiB.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 1048576; PRAGMA secure_delete = ON; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;",
        )
        .map_err(sqlite())
}

/// Refuses what is no file at all: to read a pipe waits for ever.
fn check_kind(path: &Path) -> Result<(), OpenError> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(OpenError::Foreign { path: path.to_owned() }),
        _ => Ok(()),
    }
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
pub fn make_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}
