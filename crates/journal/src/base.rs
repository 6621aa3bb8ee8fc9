//! The SQLite file under a journal or an index: how it is made, told from others, opened and folded.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::Problem;
use crate::owner_only;

/// What tells a SQLite file from others, and where in it the id of its program is.
const MAGIC: &[u8] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;
const HEADER_BYTES: u64 = 100;
/// How long another connection is waited for: a slow disk is no reason to end a run.
const WAIT: Duration = Duration::from_secs(30);

/// A kind of file.
pub(crate) struct Format {
    /// So that `file` and we know it.
    pub(crate) application_id: u32,
    /// Another version is refused.
    pub(crate) version: u32,
    pub(crate) tables: &'static str,
    /// The table, of one column, that keeps a keyed hash: under another key the file is of no use.
    pub(crate) key_table: &'static str,
    /// What a connection is set to.
    pub(crate) settings: &'static str,
}

/// Opens a file or makes it, for its owner only, to write it. Of the key it keeps and compares a hash. A file that is refused stays
/// as it is, and so does its log: call [`fold_when_closed`] when nothing more can be wrong.
pub(crate) fn open(path: &Path, format: &Format, key: [u8; 32]) -> Result<Connection, Problem> {
    if owner_only::is_no_file(path) {
        return Err(Problem::Foreign);
    }
    // SQLite makes the files beside it with the same rights.
    check_header(owner_only::open(path)?, format)?;
    let mut connection = connect(path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A transaction that begins by reading would not wait for another connection that writes, but fail.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    if is_new(&connection)? {
        // Not yet with a log: the header goes into the file itself.
        let transaction = connection.transaction()?;
        make(&transaction, format)?;
        transaction.execute(&format!("INSERT INTO {} VALUES (?1)", format.key_table), [key])?;
        transaction.commit()?;
    } else {
        check(&connection, format)?;
        let known = format!("SELECT hash FROM {}", format.key_table);
        if connection.query_row(&known, [], |row| row.get::<_, Vec<u8>>(0))? != key {
            return Err(Problem::OtherKey);
        }
    }
    connection.execute_batch("PRAGMA journal_mode = WAL")?;
    connection.execute_batch(format.settings)?;
    Ok(connection)
}

/// The same in memory: it ends with the connection.
pub(crate) fn open_in_memory(format: &Format) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    make(&connection, format)?;
    connection.execute_batch(format.settings)?;
    Ok(connection)
}

/// Opens a file that is there, to read it; another process may be writing it. `None` if a kill left it before it had tables.
pub(crate) fn open_to_read(path: &Path, format: &Format) -> Result<Option<Connection>, Problem> {
    if owner_only::is_no_file(path) {
        return Err(Problem::Foreign);
    }
    check_header(File::open(path)?, format)?;
    // A log that a kill left cannot be read without the right to write.
    let connection = connect(path).or_else(|_| connect_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    if is_new(&connection)? {
        return Ok(None);
    }
    check(&connection, format)?;
    Ok(Some(connection))
}

/// One more connection to a file that is open.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    connect_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Has the log folded in and deleted when the file is closed.
pub(crate) fn fold_when_closed(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// Copies the log into the file, in one of SQLite's ways. Gives how many pages the log has.
pub(crate) fn fold(connection: &Connection, way: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({way})"), [], |row| row.get(1))
}

fn connect_with(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(WAIT)?;
    Ok(connection)
}

/// Refuses, before SQLite sees it and may tidy it up, a file of another program, and one that SQLite would take for an empty database
/// though it is not.
fn check_header(file: File, format: &Format) -> Result<(), Problem> {
    let mut header = Vec::new();
    file.take(HEADER_BYTES).read_to_end(&mut header)?;
    let application_id = header.get(APPLICATION_ID_AT..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes);
    // A file that was about to be made is empty, or names no program yet.
    let is_ours = application_id.is_none_or(|id| id == 0 || id == format.application_id);
    if header.is_empty() || header.starts_with(MAGIC) && is_ours { Ok(()) } else { Err(Problem::Foreign) }
}

/// Whether it has no tables yet, and no other program has claimed it.
fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0 && pragma(connection, "user_version")? == 0)
}

fn make(connection: &Connection, format: &Format) -> rusqlite::Result<()> {
    let Format { application_id, version, tables, .. } = format;
    connection
        .execute_batch(&format!("PRAGMA application_id = {application_id}; PRAGMA user_version = {version}; {tables}"))
}

/// Refuses what is not ours, or of a version that is not known here.
fn check(connection: &Connection, format: &Format) -> Result<(), Problem> {
    if pragma(connection, "application_id")? != format.application_id {
        return Err(Problem::Foreign);
    }
    match pragma(connection, "user_version")? {
        version if version == format.version => Ok(()),
        version => Err(Problem::Version { version, known: format.version }),
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    // It is a number with a sign there.
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0)).map(i32::cast_unsigned)
}
