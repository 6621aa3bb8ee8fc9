//! The SQLite file of an index: its header, its tables, and rows by their number.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::field::{self, Field};
use super::{IndexError, IndexProblem};

/// `csIx`, so that `file` and we know it.
const APPLICATION_ID: u32 = 0x6373_4978;
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 100;

/// The page cache is the most memory that an index takes: 8 MiB.
///
/// Exclusive: two runs over one index would each know of half of what left. It also keeps SQLite's own shared memory out of
/// the directory. Synchronous FULL: what a commit removed stays removed after a power cut.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -8192;
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = TRUE;
    PRAGMA checkpoint_fullfsync = TRUE;
    PRAGMA temp_store = MEMORY;
";

const SCHEMA: &str = "
    CREATE TABLE key (hash BLOB NOT NULL) STRICT;
    CREATE TABLE address (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE contact (subject INTEGER PRIMARY KEY, fields BLOB NOT NULL) STRICT;
";

const WAL: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA journal_size_limit = 67108864;
";

const READ: &str = "SELECT fields FROM contact WHERE subject = ?1";
const WRITE: &str = "INSERT INTO contact VALUES (?1, ?2) ON CONFLICT DO UPDATE SET fields = excluded.fields";
const DELETE: &str = "DELETE FROM contact WHERE subject = ?1";

/// The open file. Nobody else has it open.
pub(super) struct Rows {
    path: PathBuf,
    database: Connection,
}

/// A field to take out of a row, if it still stands there as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stale {
    pub(super) row: i64,
    pub(super) address: u16,
    pub(super) tag: u64,
}

impl Rows {
    /// Opens the file or makes it, for its owner only. Of `key` it keeps and compares a hash.
    pub(super) fn open(path: &Path, key: [u8; 32]) -> Result<Self, IndexError> {
        let failed = |problem| IndexError::new(path, problem);
        create(path).map_err(failed)?;
        // Before SQLite sees the file, which might tidy it up.
        check_header(path).map_err(failed)?;
        let database = connect(path, key).map_err(failed)?;
        Ok(Self { path: path.to_owned(), database })
    }

    /// The names of the addresses and their numbers.
    pub(super) fn addresses(&self) -> Result<Vec<(u16, String)>, IndexError> {
        self.done(|database| {
            let mut all = database.prepare("SELECT id, name FROM address")?;
            let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(all.collect::<Result<_, _>>()?)
        })
    }

    pub(super) fn add_address(&self, id: u16, name: &str) -> Result<(), IndexError> {
        self.done(|database| Ok(database.execute("INSERT INTO address VALUES (?1, ?2)", params![id, name]).map(drop)?))
    }

    pub(super) fn read(&self, row: i64) -> Result<Vec<Field>, IndexError> {
        self.done(|database| read(database, row))
    }

    /// Puts these fields into their rows, in one commit.
    pub(super) fn put(&mut self, rows: &BTreeMap<i64, Vec<Field>>) -> Result<(), IndexError> {
        self.commit(|database| {
            let mut bytes = Vec::new();
            for (row, fields) in rows {
                let mut all = read(database, *row)?;
                fields.iter().for_each(|field| field::put(&mut all, *field));
                field::write(&all, &mut bytes);
                database.prepare_cached(WRITE)?.execute(params![row, bytes])?;
            }
            Ok(())
        })
    }

    /// Takes these fields out, in one commit. They are to be in the order of their rows.
    pub(super) fn remove(&mut self, stale: &[Stale]) -> Result<(), IndexError> {
        self.commit(|database| {
            let mut bytes = Vec::new();
            for stale in stale.chunk_by(|one, next| one.row == next.row) {
                let Some(Stale { row, .. }) = stale.first() else { continue };
                let mut fields = read(database, *row)?;
                fields.retain(|field| !stale.iter().any(|s| (s.address, s.tag) == (field.address, field.tag)));
                if fields.is_empty() {
                    database.prepare_cached(DELETE)?.execute([row])?;
                } else {
                    field::write(&fields, &mut bytes);
                    database.prepare_cached(WRITE)?.execute(params![row, bytes])?;
                }
            }
            Ok(())
        })
    }

    fn done<T>(&self, work: impl FnOnce(&Connection) -> Result<T, IndexProblem>) -> Result<T, IndexError> {
        work(&self.database).map_err(|problem| IndexError::new(&self.path, problem))
    }

    fn commit(&mut self, work: impl FnOnce(&Connection) -> Result<(), IndexProblem>) -> Result<(), IndexError> {
        let database = &mut self.database;
        let done = || {
            let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            Ok(transaction.commit()?)
        };
        done().map_err(|problem: IndexProblem| IndexError::new(&self.path, problem))
    }
}

fn read(database: &Connection, row: i64) -> Result<Vec<Field>, IndexProblem> {
    let mut statement = database.prepare_cached(READ)?;
    let fields = statement.query_row([row], |row| Ok(field::read(row.get_ref(0)?.as_blob()?))).optional()?;
    fields.map_or(Ok(Vec::new()), |fields| fields.ok_or(IndexProblem::Damaged))
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

fn connect(path: &Path, key: [u8; 32]) -> Result<Connection, IndexProblem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags)?;
    // Whoever has it keeps it to the end of a run.
    database.busy_timeout(std::time::Duration::ZERO)?;
    database.execute_batch(SETTINGS)?;
    let version = |database: &Connection| database.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    if version(&database)? == 0 {
        // Not yet with a write-ahead log: the header goes into the file itself.
        let transaction = database.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.execute("INSERT INTO key VALUES (?1)", [key])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    match version(&database)? {
        VERSION => {}
        other => return Err(IndexProblem::Version(other)),
    }
    database.execute_batch(WAL)?;
    if database.query_row("SELECT hash FROM key", [], |row| row.get::<_, [u8; 32]>(0))? != key {
        return Err(IndexProblem::OtherKey);
    }
    Ok(database)
}
