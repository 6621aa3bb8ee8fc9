//! The format of an index's file, and how it is opened: also the file beside it that says how often it was opened.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use rusqlite::{Connection, params};

use crate::base::{self, Format};
use crate::error::Problem;
use crate::owner_only;

/// `csIx`. The page cache is the most memory that a connection takes: 4 MiB. A commit folds the log when it has 8 MiB.
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
        PRAGMA wal_autocheckpoint = 2000;
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
    pub(super) database: Connection,
    /// How often it was opened, this time included.
    pub(super) opening: u64,
    /// It could not be trusted and was emptied.
    pub(super) was_emptied: bool,
}

/// Opens the file or makes it, for its owner only. Of `key` it keeps and compares a hash. It is emptied if it is older than the
/// file `seen` says, or if the log that an earlier opening has left was lost: what that opening removed may be there again.
pub(super) fn open(path: &Path, key: [u8; 32], seen: Option<&Path>) -> Result<Opened, Problem> {
    let last_seen = seen.map(read_seen).transpose()?;
    // SQLite deletes the log only when the index is closed, and makes one when it is read.
    let has_log = owner_only::beside(path, "-wal").exists();
    let database = base::open(path, &INDEX, key)?;
    let last = "SELECT count, is_open FROM opening";
    let (count, was_open): (i64, bool) = database.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let count = u64::try_from(count).unwrap_or_default() + 1;
    set_opening(&database, count, true)?;
    let is_older = match last_seen {
        None => false,
        Some(None) => count > 1,
        Some(Some(last_seen)) => count <= last_seen,
    };
    let opening = count.max(last_seen.flatten().map_or(0, |last_seen| last_seen.saturating_add(1)));
    let mut was_emptied = false;
    if was_open && !has_log || is_older {
        was_emptied = database.execute("DELETE FROM contact", [])? > 0;
        set_opening(&database, opening, true)?;
    }
    // Not before it is emptied: a process that is killed here finds the older index once more.
    seen.map_or(Ok(()), |seen| write_seen(seen, opening))?;
    base::fold_when_closed(&database)?;
    Ok(Opened { database, opening, was_emptied })
}

/// One more connection to an index that is open.
pub(super) fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let database = base::connect(path)?;
    database.execute_batch(INDEX.settings)?;
    Ok(database)
}

/// Notes how often it was opened and whether it is open, in the file itself: the log may be lost.
pub(super) fn set_opening(database: &Connection, count: u64, is_open: bool) -> rusqlite::Result<()> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    database.execute("UPDATE opening SET count = ?1, is_open = ?2", params![count, is_open])?;
    base::fold(database, "TRUNCATE").map(drop)
}

/// The number in the file that says how often an index was opened; `None` if there is none that can be read.
fn read_seen(path: &Path) -> Result<Option<u64>, Problem> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // To read a pipe waits for ever.
        Ok(metadata) if !metadata.is_file() => Err(problem(path)(io::Error::other("it is no regular file"))),
        _ => Ok(String::from_utf8_lossy(&fs::read(path).map_err(problem(path))?).trim().parse().ok()),
    }
}

/// Writes the number, onto the disk. Half a number is taken for none.
pub(super) fn write_seen(path: &Path, count: u64) -> Result<(), Problem> {
    let written = owner_only::options().create(true).truncate(true).open(path).and_then(|mut file| {
        writeln!(file, "{count}")?;
        file.sync_all()
    });
    written.map_err(problem(path))
}

fn problem(path: &Path) -> impl Fn(io::Error) -> Problem {
    move |source| Problem::Beside { path: path.to_owned(), source }
}
