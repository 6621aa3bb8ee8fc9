//! The SQLite file of an index: how it is made, told from others, and opened.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use super::IndexProblem;

/// `csIx`, so that `file` and we know it.
const APPLICATION_ID: u32 = 0x6373_4978;
const VERSION: u32 = 2;
const HEADER_BYTES: u64 = 100;

/// The page cache is the most memory that a connection takes: 4 MiB. The log is folded in by the thread that writes.
const SETTINGS: &str = "
    PRAGMA cache_size = -4096;
    PRAGMA fullfsync = TRUE;
    PRAGMA checkpoint_fullfsync = TRUE;
    PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
";

const SCHEMA: &str = "
    CREATE TABLE key (hash BLOB NOT NULL) STRICT;
    -- How often the index was opened, and whether it is open: 1 without a log beside the file means that the log was lost.
    CREATE TABLE opening (count INTEGER NOT NULL, is_open INTEGER NOT NULL) STRICT;
    CREATE TABLE field (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE contact (subject INTEGER PRIMARY KEY, fields BLOB NOT NULL) STRICT;
";

/// An index that is open.
pub(super) struct Opened {
    pub(super) database: Connection,
    /// How often it was opened, this time included.
    pub(super) count: u64,
    /// The log that an earlier opening has left was lost: what that opening removed may be there again.
    pub(super) has_lost_log: bool,
}

/// Opens the file or makes it, for its owner only. Of `key` it keeps and compares a hash.
pub(super) fn open(path: &Path, key: [u8; 32]) -> Result<Opened, IndexProblem> {
    create(path)?;
    // SQLite deletes the log only when the index is closed, and makes one when it is read.
    let has_log = log_of(path).exists();
    // Before SQLite sees the file, which might tidy it up.
    check_header(path)?;
    let mut database = connect(path, "FULL")?;
    // If it is not opened after all, its log stays: without it, it would not be trusted.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    prepare(&mut database, key)?;
    let last = "SELECT count, is_open FROM opening";
    let (count, was_open): (i64, bool) = database.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let count = u64::try_from(count).unwrap_or_default() + 1;
    set_opening(&database, count, true)?;
    Ok(Opened { database, count, has_lost_log: was_open && !has_log })
}

/// Has the log folded in and deleted when the index is closed.
pub(super) fn fold_when_closed(database: &Connection) -> Result<(), IndexProblem> {
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

/// Notes how often it was opened and whether it is open, in the file itself: the log may be lost.
pub(super) fn set_opening(database: &Connection, count: u64, is_open: bool) -> Result<(), IndexProblem> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    database.execute("UPDATE opening SET count = ?1, is_open = ?2", params![count, is_open])?;
    Ok(database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Opens it once more, when it is open. `synchronous` says whether a commit is to outlive a power cut: `FULL`, or `NORMAL`.
pub(super) fn connect(path: &Path, synchronous: &str) -> Result<Connection, IndexProblem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    // The two connections of one index wait for each other, a few milliseconds at a time.
    database.busy_timeout(Duration::from_secs(30))?;
    database.execute_batch(SETTINGS)?;
    database.pragma_update(None, "synchronous", synchronous)?;
    Ok(database)
}

/// The log that SQLite keeps beside the file.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Makes an empty file if there is none. SQLite gives the files that it puts beside it the same permissions.
fn create(path: &Path) -> Result<(), IndexProblem> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Refuses what is not an index of this version. It is made so that its header is whole before anything stands in it; an
/// empty file is one that was about to be made.
fn check_header(path: &Path) -> Result<(), IndexProblem> {
    let mut header = Vec::new();
    File::open(path)?.take(HEADER_BYTES).read_to_end(&mut header)?;
    let number = |at: usize| {
        let bytes = header.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    if header.is_empty() {
        return Ok(());
    }
    match (header.starts_with(b"SQLite format 3\0"), number(68), number(60)) {
        (true, Some(APPLICATION_ID), Some(VERSION)) => Ok(()),
        (true, Some(APPLICATION_ID), Some(version)) => Err(IndexProblem::Version(version)),
        _ => Err(IndexProblem::Foreign),
    }
}

fn prepare(database: &mut Connection, key: [u8; 32]) -> Result<(), IndexProblem> {
    let version = |database: &Connection| database.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    if version(database)? == 0 {
        // Not yet with a write-ahead log: the header goes into the file itself.
        let transaction = database.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO key VALUES (?1)", [key])?;
        transaction.execute("INSERT INTO opening VALUES (0, 0)", [])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    match version(database)? {
        VERSION => {}
        other => return Err(IndexProblem::Version(other)),
    }
    if database.query_row("SELECT hash FROM key", [], |row| row.get::<_, [u8; 32]>(0))? != key {
        return Err(IndexProblem::OtherKey);
    }
    Ok(database.execute_batch("PRAGMA journal_mode = WAL;")?)
}
