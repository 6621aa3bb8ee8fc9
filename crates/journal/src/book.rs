//! One destination's journal: the runs in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contact_sink_core::ErrorCode;
use contact_sink_delivery::Options;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Transaction, params};

use crate::error::OpenError;
use crate::hash::Hasher;
use crate::letters::Letters;
use crate::lookup::{Content, Lookup, find};
use crate::newest::{self, Newest};
use crate::record::{Counts, Identity, Kind, Part, Reason, Record, State, Stopped};
use crate::rows::Rows;
use crate::run::{Before, FedBack, Run};
use crate::stop_note::{self, StopNote};
use crate::write::{next_second, seconds, sql, write_spans};
use crate::{Key, schema};

/// So many finished runs are kept, so that their content is known again.
const KEPT: i64 = 1_000;

const COLUMNS: &str =
    "id, input, is_resumable, host, account, account_hash, subject, mapping, command, state, began, changed,
    first, rows, content, checkpoint, read, accepted, rejected, skipped, unchanged, hold_until, rejected_path,
    exit_status, stop, stop_message, is_forgotten";

/// One destination's journal. Take its [`Lock`](crate::Lock) before it is opened.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    connection: Connection,
    key: Key,
}

/// A run that is about to begin.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// The account and the mapping.
    pub identity: Identity,
    /// Its name; another one is made of it if a run has it.
    pub name: &'a str,
    /// The input's absolute path, for people.
    pub input: &'a str,
    /// What to type to resume it; nothing if the input cannot be read again.
    pub command: Option<&'a str>,
    /// The first row that belongs to it, from 0.
    pub first: u64,
    /// How many rows the whole input has, and their digest; `None` if that is not known.
    pub content: Option<(u64, &'a [u8])>,
}

/// How a run is resumed.
#[derive(Debug, Clone)]
pub struct Resumed<'a> {
    /// The account and the mapping, from now on.
    pub identity: Identity,
    /// What the rows that are new to it are named by; another name is made of it if a run has it.
    pub name: &'a str,
    /// The input's absolute path, for people.
    pub input: &'a str,
    /// What to type to resume it.
    pub command: &'a str,
    /// From this row on the rows are new to it.
    pub new_from: Option<u64>,
    /// How many rows the whole input has, and their digest.
    pub content: (u64, &'a [u8]),
}

/// What the lane of a run that was killed may have left behind.
#[derive(Debug, Clone, Copy)]
pub struct KilledLane {
    /// So many updates it held at most.
    pub waiting: u64,
    /// For so long its last requests may still be applied.
    pub maybe_applied_hold: Duration,
}

impl KilledLane {
    /// That of a lane with these options.
    pub fn of(options: &Options) -> Self {
        Self { waiting: options.max_waiting.get() as u64, maybe_applied_hold: options.maybe_applied_hold }
    }

    /// Adds the rows that may have been sent: those that had been read by the last commit, and so many behind them as it held.
    fn add_rows(self, run: &Record, settled: &Rows, maybe_applied: &mut Rows) {
        for row in settled.first_missing(run.read_without_outcome() + self.waiting) {
            maybe_applied.insert_apart(row);
        }
    }
}

impl Book {
    /// Opens a journal, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// A file of another program, of a version that is not known, or made under another key is refused and stays as it is.
    pub fn open(path: &Path, key: &Key) -> Result<Self, OpenError> {
        let key = key.derive("journal");
        let connection = schema::open(path, Hasher::new(&key).check())?;
        let book = Self { path: path.to_owned(), connection, key };
        if let Some(note) = stop_note::read(path).map_err(OpenError::io(stop_note::path_of(path)))? {
            book.take_over_note(&note).map_err(OpenError::sqlite(path))?;
        }
        stop_note::remove(path).map_err(OpenError::io(stop_note::path_of(path)))?;
        Ok(book)
    }

    /// All runs, the newest first.
    pub fn runs(&self) -> Result<Vec<Record>, OpenError> {
        records(&self.connection).map_err(OpenError::sqlite(&self.path))
    }

    /// The numbers of rows whose digest tells whether an input begins with the rows of a run, see [`Book::find`].
    pub fn rows_known(&self) -> Result<Vec<u64>, OpenError> {
        Ok(self.runs()?.iter().map(|run| run.rows).collect())
    }

    /// Finds the run of an input.
    pub fn find(&self, content: &Content<'_>, identity: &Identity, now: SystemTime) -> Result<Lookup, OpenError> {
        Ok(find(&self.runs()?, content, identity, now))
    }

    /// How many rows of a run may have been sent and have no outcome.
    pub fn maybe_sent(&self, run: &Record, lane: KilledLane) -> Result<u64, OpenError> {
        let before = self.before(run).map_err(OpenError::sqlite(&self.path))?;
        let mut maybe_applied = before.maybe_applied;
        if run.state == State::Running {
            lane.add_rows(run, &before.settled, &mut maybe_applied);
        }
        let rows = maybe_applied.spans().flat_map(|(first, past)| first..past);
        Ok(rows.filter(|row| (run.first..run.rows).contains(row) && !before.settled.contains(*row)).count() as u64)
    }

    /// Until when an attempt of any run whose answer was lost may still be applied. Of a run that was killed this is known when it
    /// is closed, see [`Book::close_killed`].
    pub fn hold_until(&self) -> Result<SystemTime, OpenError> {
        let query = "SELECT coalesce(max(hold_until), 0) FROM run";
        self.connection.query_row(query, [], |row| time(row, 0)).map_err(OpenError::sqlite(&self.path))
    }

    /// Closes runs that were killed and are not resumed now: of each the rows that may have been sent count as maybe applied from
    /// now on, see [`Book::resume`], and [`Book::hold_until`] knows of them.
    pub fn close_killed(&mut self, but: Option<&Record>, lane: KilledLane, now: SystemTime) -> Result<(), OpenError> {
        self.try_close_killed(but.map(|record| record.id), lane, now).map_err(OpenError::sqlite(&self.path))
    }

    /// Begins a run.
    pub fn begin(self, new: NewRun<'_>, now: SystemTime) -> Result<Run, OpenError> {
        let record = self.insert(new, now).map_err(OpenError::sqlite(&self.path))?;
        let before = Before {
            settled: Rows::new(record.first, []),
            maybe_applied: Rows::default(),
            reasons: Vec::new(),
            letters: Letters::default(),
            stood: None,
        };
        self.run(record, before, now)
    }

    /// Resumes a run. Of one that was killed every row without an outcome may have been sent that had been read by the last commit,
    /// and so many behind them as its lane held at most: they count as maybe applied from now on, however the runs after it end.
    pub fn resume(
        self,
        record: Record,
        resumed: Resumed<'_>,
        lane: KilledLane,
        now: SystemTime,
    ) -> Result<Run, OpenError> {
        let was_killed = record.state == State::Running;
        let mut before = self.before(&record).map_err(OpenError::sqlite(&self.path))?;
        if was_killed {
            lane.add_rows(&record, &before.settled, &mut before.maybe_applied);
        }
        let maybe_applied = before.maybe_applied.take_changes();
        let hold_until = if was_killed { now + lane.maybe_applied_hold } else { UNIX_EPOCH };
        let record =
            self.take_over(record, resumed, &maybe_applied, hold_until, now).map_err(OpenError::sqlite(&self.path))?;
        self.run(record, before, now)
    }

    /// Forgets runs by the name of one of their parts: their content is new from then on, and their rejected rows are not taken
    /// back any more. What they sent still counts as sent, and is not overwritten by an older run.
    ///
    /// # Errors
    /// `Ok(Err(run))`: some rejected rows of this run are not in their file and cannot be written there, so it was not forgotten.
    pub fn forget(&mut self, name: &str) -> Result<Result<Vec<Record>, Record>, OpenError> {
        let is_named = |run: &Record| !run.is_forgotten && run.parts.iter().any(|part| part.name == name);
        let runs: Vec<Record> = self.runs()?.into_iter().filter(is_named).collect();
        for run in &runs {
            let Before { mut letters, .. } = self.before(run).map_err(OpenError::sqlite(&self.path))?;
            if letters.complete().is_err() {
                return Ok(Err(run.clone()));
            }
        }
        self.mark_forgotten(&runs).map_err(OpenError::sqlite(&self.path))?;
        Ok(Ok(runs))
    }

    fn mark_forgotten(&self, runs: &[Record]) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        for run in runs {
            transaction.execute("UPDATE run SET is_forgotten = 1, command = '' WHERE id = ?1", [run.id])?;
            for table in ["reason", "rejected_line", "rejected_file"] {
                transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [run.id])?;
            }
        }
        transaction.commit()
    }

    fn run(self, record: Record, before: Before, now: SystemTime) -> Result<Run, OpenError> {
        let newest = self.newest(&record, now).map_err(OpenError::sqlite(&self.path))?;
        // The file itself says which runs there were, should its log be lost when it is copied.
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(OpenError::sqlite(&self.path))?;
        Run::new(&self.path, self.connection, record, before, newest)
    }

    /// The notes for a run: they are kept if an older value of a run, of this one too, may still be sent.
    fn newest(&self, record: &Record, now: SystemTime) -> rusqlite::Result<Newest> {
        let runs = records(&self.connection)?;
        let mut newest = Newest::new(&self.connection, &self.key, &record.identity.account_hash)?;
        // What a later run of the same content and mapping covers is not resumed.
        let is_covered = |run: &Record| {
            let covers = |later: &Record| later.id > run.id && !later.is_forgotten && later.is_same_as(run);
            run.counts.rejected == 0 && runs.iter().any(covers)
        };
        let is_open = |run: &&Record| run.id != record.id && run.is_open(now) && !is_covered(run);
        let newest_part = runs.iter().flat_map(|run| &run.parts).map(|part| part.number).max();
        let is_newest = record.parts.first().map(|part| part.number) == newest_part;
        if record.counts.rejected > 0 || runs.iter().any(|run| is_open(&run)) {
            newest.keep();
        } else if is_newest {
            newest::clear(&self.connection)?;
        }
        Ok(newest)
    }

    fn insert(&self, new: NewRun<'_>, now: SystemTime) -> rusqlite::Result<Record> {
        let NewRun { identity, name, input, command, first, content } = new;
        let (rows, content) = content.unwrap_or_default();
        let transaction = self.connection.unchecked_transaction()?;
        prune(&transaction, now)?;
        transaction.execute(
            "INSERT INTO run (input, is_resumable, host, account, account_hash, subject, mapping, command, state, began, changed,
             first, rows, content, checkpoint, read, accepted, rejected, skipped, unchanged, hold_until,
             rejected_bytes, rejected_crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13, ?11, 0, 0, 0, 0, 0, 0, 0, 0)",
            params![
                input,
                command.is_some(),
                identity.host,
                identity.account,
                identity.account_hash,
                identity.subject,
                identity.mapping,
                command.unwrap_or_default(),
                State::Running.word(),
                seconds(now),
                sql(first),
                sql(rows),
                content,
            ],
        )?;
        let id = transaction.last_insert_rowid();
        add_part(&transaction, id, first, name)?;
        let record = record_of(&transaction, id)?;
        transaction.commit()?;
        Ok(record)
    }

    fn try_close_killed(&mut self, but: Option<i64>, lane: KilledLane, now: SystemTime) -> rusqlite::Result<()> {
        let mut killed = records(&self.connection)?;
        killed.retain(|run| run.state == State::Running && Some(run.id) != but);
        for record in &killed {
            let Before { settled, mut maybe_applied, .. } = self.before(record)?;
            lane.add_rows(record, &settled, &mut maybe_applied);
            let transaction = self.connection.unchecked_transaction()?;
            write_spans(&transaction, "maybe_applied", record.id, &maybe_applied.take_changes())?;
            let Stopped { kind, message } = Stopped::cut_off();
            transaction.execute(
                "UPDATE run SET state = ?2, hold_until = max(hold_until, ?3), exit_status = NULL, stop = ?4, stop_message = ?5
                 WHERE id = ?1",
                params![record.id, State::Unfinished.word(), next_second(now + lane.maybe_applied_hold), kind, message],
            )?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn take_over(
        &self,
        record: Record,
        resumed: Resumed<'_>,
        maybe_applied: &[(u64, Option<u64>)],
        hold_until: SystemTime,
        now: SystemTime,
    ) -> rusqlite::Result<Record> {
        let Resumed { identity, name, input, command, new_from, content: (rows, content) } = resumed;
        let transaction = self.connection.unchecked_transaction()?;
        write_spans(&transaction, "maybe_applied", record.id, maybe_applied)?;
        transaction.execute(
            "UPDATE run SET state = ?2, host = ?3, account = ?4, subject = ?5, mapping = ?6, input = ?7, command = ?8, rows = ?9,
             content = ?10, changed = ?11, hold_until = max(hold_until, ?12) WHERE id = ?1",
            params![
                record.id,
                State::Running.word(),
                identity.host,
                identity.account,
                identity.subject,
                identity.mapping,
                input,
                command,
                sql(rows),
                content,
                seconds(if record.state == State::Finished { record.changed } else { now }),
                next_second(hold_until),
            ],
        )?;
        if let Some(first) = new_from.filter(|first| *first < rows) {
            add_part(&transaction, record.id, first, name)?;
        }
        let record = record_of(&transaction, record.id)?;
        transaction.commit()?;
        Ok(record)
    }

    fn take_over_note(&self, note: &StopNote) -> rusqlite::Result<()> {
        let Some(record) = records(&self.connection)?.into_iter().find(|run| run.id == note.run) else { return Ok(()) };
        if record.state != State::Running {
            return Ok(());
        }
        let mut before = self.before(&record)?;
        for row in note.maybe_applied.iter().flat_map(|(first, past)| *first..*past) {
            before.maybe_applied.insert_apart(row);
        }
        let transaction = self.connection.unchecked_transaction()?;
        write_spans(&transaction, "maybe_applied", record.id, &before.maybe_applied.take_changes())?;
        let letters = &mut before.letters;
        letters.are_in_file(note.rejected_bytes);
        transaction
            .execute("DELETE FROM rejected_line WHERE run = ?1 AND at < ?2", params![record.id, sql(letters.bytes)])?;
        transaction.execute(
            "UPDATE run SET state = ?2, hold_until = max(hold_until, ?3), rejected_bytes = ?4, rejected_crc = ?5, exit_status = ?6,
             stop = ?7, stop_message = ?8 WHERE id = ?1",
            params![
                record.id,
                State::Unfinished.word(),
                note.hold_until,
                sql(letters.bytes),
                letters.crc,
                note.exit_status,
                note.stop.as_ref().map(|stop| &stop.kind),
                note.stop.as_ref().map(|stop| &stop.message),
            ],
        )?;
        transaction.commit()
    }

    pub(crate) fn before(&self, record: &Record) -> rusqlite::Result<Before> {
        before(&self.connection, record)
    }
}

/// What was committed of a run.
pub(crate) fn before(connection: &Connection, record: &Record) -> rusqlite::Result<Before> {
    let id = record.id;
    let spans = |table: &str| {
        let mut statement =
            connection.prepare(&format!("SELECT first, past FROM {table} WHERE run = ?1 ORDER BY first"))?;
        let spans = statement.query_map([id], |row| Ok((number(row, 0)?, number(row, 1)?)))?;
        spans.collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut statement =
        connection.prepare("SELECT kind, code, reason, count FROM reason WHERE run = ?1 ORDER BY rowid")?;
    let reasons = statement.query_map([id], |row| {
        let kind = Kind::of(&row.get::<_, String>(0)?).unwrap_or(Kind::Rejected);
        Ok(Reason { kind, code: code(row, 1)?, reason: row.get(2)?, count: number(row, 3)? })
    })?;
    let (bytes, crc) =
        connection.query_row("SELECT rejected_bytes, rejected_crc FROM run WHERE id = ?1", [id], |row| {
            Ok((number(row, 0)?, row.get(1)?))
        })?;
    let lines = "SELECT lines FROM rejected_line WHERE run = ?1 AND at >= ?2 ORDER BY at";
    let mut statement = connection.prepare(lines)?;
    let waiting = statement.query_map([id, sql(bytes)], |row| row.get(0))?;
    let waiting = waiting.collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
    Ok(Before {
        settled: Rows::new(record.checkpoint, spans("settled_ahead")?),
        maybe_applied: Rows::new(0, spans("maybe_applied")?),
        reasons: reasons.collect::<rusqlite::Result<_>>()?,
        letters: Letters::new(record.letters.clone(), bytes, crc, waiting),
        stood: Some(record.state),
    })
}

/// The runs in a journal, the newest first; another process may be writing it.
pub fn list(path: &Path) -> Result<Vec<Record>, OpenError> {
    let Some(connection) = schema::open_to_read(path)? else { return Ok(Vec::new()) };
    let mut runs = records(&connection).map_err(OpenError::sqlite(path))?;
    runs.retain(|run| !run.is_forgotten);
    // The next run takes it over.
    let note = stop_note::read(path).map_err(OpenError::io(stop_note::path_of(path)))?;
    let noted = note.as_ref().and_then(|note| runs.iter_mut().find(|run| run.id == note.run));
    if let Some((run, note)) = noted.zip(note.clone()).filter(|(run, _)| run.state == State::Running) {
        (run.state, run.exit_status, run.stop) = (State::Unfinished, note.exit_status, note.stop);
    }
    Ok(runs)
}

/// Adds a part to a run, under this name or one that is made of it.
fn add_part(transaction: &Transaction<'_>, run: i64, first: u64, name: &str) -> rusqlite::Result<()> {
    let mut nth = 1_u32;
    loop {
        let name = if nth == 1 { name.to_owned() } else { format!("{name}-{nth}") };
        let is_taken = "SELECT EXISTS (SELECT 1 FROM part WHERE name = ?1)";
        if !transaction.query_row(is_taken, [&name], |row| row.get::<_, bool>(0))? {
            let add = "INSERT INTO part (run, first, name) VALUES (?1, ?2, ?3)";
            return transaction.execute(add, params![run, sql(first), name]).map(drop);
        }
        nth += 1;
    }
}

/// Deletes the oldest runs that are not resumed and of which nothing is open.
fn prune(transaction: &Transaction<'_>, now: SystemTime) -> rusqlite::Result<()> {
    let open_since = now.checked_sub(crate::OPEN_FOR).unwrap_or(UNIX_EPOCH);
    let mut statement = transaction.prepare(
        "SELECT id FROM run WHERE (state = ?1 OR NOT is_resumable OR is_forgotten) AND (rejected = 0 OR changed < ?2)
         AND NOT EXISTS (SELECT 1 FROM rejected_line WHERE run = run.id) ORDER BY id DESC LIMIT -1 OFFSET ?3",
    )?;
    let old = statement.query_map(params![State::Finished.word(), seconds(open_since), KEPT], |row| row.get(0))?;
    for id in old.collect::<rusqlite::Result<Vec<i64>>>()? {
        delete(transaction, id)?;
    }
    Ok(())
}

fn delete(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    for table in schema::OF_A_RUN {
        transaction.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [id])?;
    }
    transaction.execute("DELETE FROM run WHERE id = ?1", [id]).map(drop)
}

fn records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM run ORDER BY id DESC"))?;
    let mut records = statement.query_map([], record)?.collect::<rusqlite::Result<Vec<_>>>()?;
    for record in &mut records {
        complete(connection, record)?;
    }
    Ok(records)
}

pub(crate) fn record_of(connection: &Connection, id: i64) -> rusqlite::Result<Record> {
    let mut record = connection.query_row(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"), [id], record)?;
    complete(connection, &mut record)?;
    Ok(record)
}

/// Adds what is in other tables.
fn complete(connection: &Connection, record: &mut Record) -> rusqlite::Result<()> {
    let parts = "SELECT number, first, name FROM part WHERE run = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(parts)?;
    let parts = statement
        .query_map([record.id], |row| Ok(Part { number: row.get(0)?, first: number(row, 1)?, name: row.get(2)? }))?;
    record.parts = parts.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare_cached("SELECT path FROM rejected_file WHERE run = ?1 ORDER BY path")?;
    let files = statement.query_map([record.id], |row| Ok(PathBuf::from(row.get::<_, String>(0)?)))?;
    record.rejected_files = files.collect::<rusqlite::Result<_>>()?;
    Ok(())
}

/// The names of all parts of an account, and whether their rejected rows can be fed back.
pub(crate) fn parts_known(
    connection: &Connection,
    account_hash: &str,
    now: SystemTime,
) -> rusqlite::Result<HashMap<String, FedBack>> {
    let mut known = HashMap::new();
    let is_wanted = |run: &Record| !run.is_forgotten && run.identity.account_hash == account_hash;
    for run in records(connection)?.into_iter().filter(is_wanted) {
        let is_old = run.is_old(now);
        let fed_back = |part: &Part| if is_old { FedBack::TooOld } else { FedBack::Part(part.number) };
        known.extend(run.parts.iter().map(|part| (part.name.clone(), fed_back(part))));
    }
    Ok(known)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state: String = row.get(9)?;
    let wrong = || rusqlite::Error::InvalidColumnType(9, state.clone(), rusqlite::types::Type::Text);
    let stop = row.get::<_, Option<String>>(24)?.zip(row.get::<_, Option<String>>(25)?);
    Ok(Record {
        id: row.get(0)?,
        parts: Vec::new(),
        input: row.get(1)?,
        is_resumable: row.get(2)?,
        identity: Identity {
            host: row.get(3)?,
            account: row.get(4)?,
            account_hash: row.get(5)?,
            subject: row.get(6)?,
            mapping: row.get(7)?,
        },
        command: row.get(8)?,
        state: State::of(&state).ok_or_else(wrong)?,
        began: time(row, 10)?,
        changed: time(row, 11)?,
        first: number(row, 12)?,
        rows: number(row, 13)?,
        content: row.get(14)?,
        checkpoint: number(row, 15)?,
        read: number(row, 16)?,
        counts: Counts {
            accepted: number(row, 17)?,
            rejected: number(row, 18)?,
            skipped: number(row, 19)?,
            unchanged: number(row, 20)?,
        },
        hold_until: time(row, 21)?,
        letters: row.get::<_, Option<String>>(22)?.map(PathBuf::from),
        rejected_files: Vec::new(),
        exit_status: row.get(23)?,
        stop: stop.map(|(kind, message)| Stopped { kind, message }),
        is_forgotten: row.get(26)?,
    })
}

/// A code, as a number or a word.
fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ErrorCode>> {
    Ok(match row.get(column)? {
        Value::Integer(number) => Some(ErrorCode::Number(number)),
        Value::Text(word) => Some(ErrorCode::from(word)),
        _ => None,
    })
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<SystemTime> {
    Ok(UNIX_EPOCH + Duration::from_secs(number(row, column)?.min(sql(u64::MAX).unsigned_abs())))
}
