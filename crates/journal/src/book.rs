//! One destination's journal: the runs in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contact_sink_core::ErrorCode;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::error::OpenError;
use crate::letters::Letters;
use crate::record::{Counts, Identity, Reason, Record, State};
use crate::rows::Rows;
use crate::run::{Before, Run};
use crate::schema;
use crate::write::{seconds, sql, write_spans};

/// So many runs of one input are kept, to be shown.
const KEPT: i64 = 5;

const COLUMNS: &str =
    "id, input, host, account, account_hash, subject, mapping, state, began, changed, checkpoint, read, digest,
    accepted, rejected, skipped, unchanged, letters_path, command, unsure_until";

/// One destination's journal. Take its [`Lock`](crate::Lock) before it is opened.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    connection: Connection,
}

impl Book {
    /// Opens a journal, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// A file of another program, or of a version that is not known, is refused and stays as it is.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { path: path.to_owned(), connection: schema::open(path)? })
    }

    /// The last run of an input.
    pub fn last_run(&self, input: &str) -> Result<Option<Record>, OpenError> {
        let query = format!("SELECT {COLUMNS} FROM run WHERE input = ?1 ORDER BY id DESC LIMIT 1");
        self.connection.query_row(&query, [input], record).optional().map_err(OpenError::sqlite(&self.path))
    }

    /// Until when an attempt of any run whose answer was lost may still be applied. What a run that was killed had in flight is
    /// not in it, see [`Book::close_killed`].
    pub fn unsure_until(&self) -> Result<SystemTime, OpenError> {
        let query = "SELECT coalesce(max(unsure_until), 0) FROM run";
        self.connection.query_row(query, [], |row| time(row, 0)).map_err(OpenError::sqlite(&self.path))
    }

    /// Closes runs that were killed and are not gone on with now: of each so many of the first rows without an outcome are
    /// doubtful from now on. Says whether there were any: then nothing may leave before what they had in flight has ended.
    pub fn close_killed(&mut self, but: Option<&Record>, in_flight: u64) -> Result<bool, OpenError> {
        self.try_close_killed(but.map(|record| record.id), in_flight).map_err(OpenError::sqlite(&self.path))
    }

    /// Begins a run from the first row. The command is what a person types to go on with it.
    pub fn begin(self, input: &str, identity: Identity, command: &str, now: SystemTime) -> Result<Run, OpenError> {
        let id = self.insert(input, &identity, command, now).map_err(OpenError::sqlite(&self.path))?;
        let record = Record {
            id,
            input: input.to_owned(),
            identity,
            command: command.to_owned(),
            state: State::Running,
            began: now,
            changed: now,
            read: 0,
            digest: Vec::new(),
            checkpoint: 0,
            counts: Counts::default(),
            unsure_until: UNIX_EPOCH,
            letters: None,
        };
        let before = Before {
            settled: Rows::default(),
            doubtful: Rows::default(),
            reasons: Vec::new(),
            letters: Letters::default(),
            stood: None,
        };
        Run::new(&self.path, self.connection, record, before)
    }

    /// Goes on with a run, from now on as this identity says. Of a run that was killed so many of the first rows without an
    /// outcome may have been sent: they are doubtful from now on, however the runs after it end. Give as
    /// many as its lane held at most, and some more if it may have given up others before.
    pub fn resume(
        self,
        mut record: Record,
        identity: Identity,
        command: &str,
        in_flight: u64,
    ) -> Result<Run, OpenError> {
        let was_killed = record.state == State::Running;
        let mut before = self.before(&record).map_err(OpenError::sqlite(&self.path))?;
        if was_killed {
            for row in before.settled.first_missing(in_flight) {
                before.doubtful.insert_apart(row);
            }
        }
        (record.identity, record.command, record.state) = (identity, command.to_owned(), State::Running);
        record.changed = SystemTime::now();
        self.take_over(&record, &before.doubtful.take_changes()).map_err(OpenError::sqlite(&self.path))?;
        Run::new(&self.path, self.connection, record, before)
    }

    fn insert(&self, input: &str, identity: &Identity, command: &str, now: SystemTime) -> rusqlite::Result<i64> {
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute(
            "INSERT INTO run (input, host, account, account_hash, subject, mapping, state, began, command, changed,
             checkpoint, read, digest, accepted, rejected, skipped, unchanged, unsure_until, letters_bytes, letters_crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8, 0, 0, x'', 0, 0, 0, 0, 0, 0, 0)",
            params![
                input,
                identity.host,
                identity.account,
                identity.account_hash,
                identity.subject,
                identity.mapping,
                State::Running.word(),
                seconds(now),
                command
            ],
        )?;
        let id = transaction.last_insert_rowid();
        let old = "SELECT id FROM run WHERE input = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2";
        for (table, key) in [("ahead", "run"), ("doubt", "run"), ("reason", "run"), ("letter", "run"), ("run", "id")] {
            transaction.execute(&format!("DELETE FROM {table} WHERE {key} IN ({old})"), params![input, KEPT])?;
        }
        transaction.commit()?;
        Ok(id)
    }

    fn try_close_killed(&mut self, but: Option<i64>, in_flight: u64) -> rusqlite::Result<bool> {
        let killed: Vec<Record> = {
            let query = format!("SELECT {COLUMNS} FROM run WHERE state = ?1 AND id IS NOT ?2");
            let mut statement = self.connection.prepare(&query)?;
            let killed = statement.query_map(params![State::Running.word(), but], record)?;
            killed.collect::<rusqlite::Result<_>>()?
        };
        for mut record in killed.iter().cloned() {
            let Before { settled, mut doubtful, .. } = self.before(&record)?;
            for row in settled.first_missing(in_flight) {
                doubtful.insert_apart(row);
            }
            record.state = State::Unfinished;
            self.take_over(&record, &doubtful.take_changes())?;
        }
        Ok(!killed.is_empty())
    }

    fn take_over(&self, record: &Record, doubtful: &[(u64, Option<u64>)]) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let Identity { host, account, account_hash, subject, mapping } = &record.identity;
        let (state, command) = (record.state.word(), &record.command);
        write_spans(&transaction, "doubt", record.id, doubtful)?;
        transaction.execute(
            "UPDATE run SET state = ?2, host = ?3, account = ?4, account_hash = ?5, subject = ?6, mapping = ?7, command = ?8,
             changed = ?9 WHERE id = ?1",
            params![record.id, state, host, account, account_hash, subject, mapping, command, seconds(record.changed)],
        )?;
        transaction.commit()
    }

    fn before(&self, record: &Record) -> rusqlite::Result<Before> {
        let id = record.id;
        let spans = |table: &str| {
            let mut statement =
                self.connection.prepare(&format!("SELECT first, past FROM {table} WHERE run = ?1 ORDER BY first"))?;
            let spans = statement.query_map([id], |row| Ok((number(row, 0)?, number(row, 1)?)))?;
            spans.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut statement =
            self.connection.prepare("SELECT code, reason, count FROM reason WHERE run = ?1 ORDER BY rowid")?;
        let reasons = statement
            .query_map([id], |row| Ok(Reason { code: code(row, 0)?, reason: row.get(1)?, count: number(row, 2)? }))?;
        let mut statement = self.connection.prepare("SELECT lines FROM letter WHERE run = ?1 ORDER BY at")?;
        let waiting = statement.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
        let (bytes, crc) =
            self.connection.query_row("SELECT letters_bytes, letters_crc FROM run WHERE id = ?1", [id], |row| {
                Ok((number(row, 0)?, row.get(1)?))
            })?;
        Ok(Before {
            settled: Rows::new(record.checkpoint, spans("ahead")?),
            doubtful: Rows::new(0, spans("doubt")?),
            reasons: reasons.collect::<rusqlite::Result<_>>()?,
            letters: Letters::new(record.letters.clone(), bytes, crc, waiting),
            stood: Some(record.state),
        })
    }
}

/// The runs in a journal, the last one first; another process may be writing it.
pub fn list(path: &Path) -> Result<Vec<Record>, OpenError> {
    let connection = schema::open_to_read(path)?;
    let query = format!("SELECT {COLUMNS} FROM run ORDER BY id DESC");
    let read = || {
        let mut statement = connection.prepare(&query)?;
        statement.query_map([], record)?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(OpenError::sqlite(path))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state: String = row.get(7)?;
    let wrong = || rusqlite::Error::InvalidColumnType(7, state.clone(), rusqlite::types::Type::Text);
    Ok(Record {
        id: row.get(0)?,
        input: row.get(1)?,
        identity: Identity {
            host: row.get(2)?,
            account: row.get(3)?,
            account_hash: row.get(4)?,
            subject: row.get(5)?,
            mapping: row.get(6)?,
        },
        state: State::of(&state).ok_or_else(wrong)?,
        began: time(row, 8)?,
        changed: time(row, 9)?,
        checkpoint: number(row, 10)?,
        read: number(row, 11)?,
        digest: row.get(12)?,
        counts: Counts {
            accepted: number(row, 13)?,
            rejected: number(row, 14)?,
            skipped: number(row, 15)?,
            unchanged: number(row, 16)?,
        },
        letters: row.get::<_, Option<String>>(17)?.map(PathBuf::from),
        command: row.get(18)?,
        unsure_until: time(row, 19)?,
    })
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ErrorCode>> {
    match row.get(column)? {
        Value::Null => Ok(None),
        Value::Integer(number) => Ok(Some(number.into())),
        Value::Text(word) => Ok(Some(word.into())),
        other => Err(rusqlite::Error::InvalidColumnType(column, "code".to_owned(), other.data_type())),
    }
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<SystemTime> {
    Ok(UNIX_EPOCH + Duration::from_secs(number(row, column)?.min(sql(u64::MAX).unsigned_abs())))
}
