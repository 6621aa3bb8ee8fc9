//! What a journal has of a run: how it is read and written.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contact_sink_core::ErrorCode;
use contact_sink_delivery::Options;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use crate::letters::Letters;
use crate::record::{Counts, FedBack, Identity, Kind, Part, Reason, Record, State, Stopped};
use crate::rows::Rows;

/// What the lane of a run that was killed may have sent without an outcome.
#[derive(Debug, Clone, Copy)]
pub struct KilledLane {
    /// So many updates it held at most.
    pub waiting: u64,
    /// For so long its last requests may still be applied.
    pub maybe_applied_hold: Duration,
}

/// A run as it is written down.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) record: Record,
    pub(crate) settled: Rows,
    pub(crate) maybe_applied: Rows,
    pub(crate) letters: Letters,
}

impl KilledLane {
    /// That of a lane with these options.
    pub fn of(options: &Options) -> Self {
        Self { waiting: options.max_waiting.get() as u64, maybe_applied_hold: options.maybe_applied_hold }
    }
}

impl Saved {
    pub(crate) fn load(connection: &Connection, record: Record) -> rusqlite::Result<Self> {
        let id = record.id;
        let spans = |table: &str| {
            let mut statement =
                connection.prepare(&format!("SELECT first, past FROM {table} WHERE run = ?1 ORDER BY first"))?;
            let spans = statement.query_map([id], |row| Ok((row.get("first")?, row.get("past")?)))?;
            spans.collect::<rusqlite::Result<Vec<_>>>()
        };
        let in_file = "SELECT rejected_bytes, rejected_crc FROM run WHERE id = ?1";
        let (bytes, crc) =
            connection.query_row(in_file, [id], |row| Ok((row.get("rejected_bytes")?, row.get("rejected_crc")?)))?;
        let lines = "SELECT lines FROM rejected_line WHERE run = ?1 AND at >= ?2 ORDER BY at";
        let mut statement = connection.prepare(lines)?;
        let waiting = statement.query_map(params![id, bytes], |row| row.get(0))?;
        let waiting = waiting.collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
        let below = (record.checkpoint > 0).then_some((0, record.checkpoint));
        Ok(Self {
            settled: Rows::new(below.into_iter().chain(spans("settled_ahead")?)),
            maybe_applied: Rows::new(spans("maybe_applied")?),
            letters: Letters::new(record.letters.clone(), bytes, crc, waiting),
            record,
        })
    }

    /// Of a run that was killed these may have been sent: the rows that had been read by the last commit, and so many behind them as
    /// its lane held.
    pub(crate) fn was_killed(&mut self, lane: KilledLane, now: SystemTime) {
        for row in self.settled.first_missing(self.record.read_without_outcome() + lane.waiting) {
            self.maybe_applied.insert(row);
        }
        self.record.hold_until = self.record.hold_until.max(now + lane.maybe_applied_hold);
    }

    /// How many rows may have been sent and have no outcome.
    pub(crate) fn maybe_sent(&self) -> u64 {
        let rows = self.maybe_applied.spans().flat_map(|(first, past)| first..past);
        let is_open = |row: &u64| (self.record.first..self.record.rows).contains(row) && !self.settled.contains(*row);
        rows.filter(is_open).count() as u64
    }

    /// Writes down what has changed, and `more`, in one transaction.
    pub(crate) fn commit(
        &mut self,
        connection: &Connection,
        more: impl FnOnce(&Self, &Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        self.save(&transaction)?;
        more(self, &transaction)?;
        transaction.commit()
    }

    /// Writes down what has changed, in the transaction that is open: the record, the rows, and which lines need not be kept.
    pub(crate) fn save(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        let Self { record, letters, .. } = self;
        let Identity { host, account, account_hash, subject, mapping } = &record.identity;
        let Counts { accepted, rejected, skipped, unchanged } = record.counts;
        transaction
            .prepare_cached(
                "UPDATE run SET input = ?2, host = ?3, account = ?4, account_hash = ?5, subject = ?6, mapping = ?7, command = ?8,
                 state = ?9, changed = ?10, rows = ?11, content = ?12, checkpoint = ?13, read = ?14, accepted = ?15, rejected = ?16,
                 skipped = ?17, unchanged = ?18, hold_until = ?19, rejected_path = ?20, rejected_bytes = ?21, rejected_crc = ?22,
                 exit_status = ?23, stop = ?24, stop_message = ?25 WHERE id = ?1",
            )?
            .execute(params![
                record.id,
                record.input,
                host,
                account,
                account_hash,
                subject,
                mapping,
                record.command,
                record.state.word(),
                seconds(record.changed),
                record.rows,
                record.content,
                record.checkpoint,
                record.read,
                accepted,
                rejected,
                skipped,
                unchanged,
                next_second(record.hold_until),
                letters.path.as_ref().map(|path| path.to_string_lossy()),
                letters.bytes,
                letters.crc,
                record.exit_status,
                record.stop.as_ref().map(|stop| &stop.kind),
                record.stop.as_ref().map(|stop| &stop.message),
            ])?;
        // The checkpoint is the end of the first span.
        let ahead = self.settled.take_changes().into_iter().filter(|(first, _)| *first > 0);
        write_spans(transaction, "settled_ahead", record.id, ahead)?;
        write_spans(transaction, "maybe_applied", record.id, self.maybe_applied.take_changes())?;
        let mut written = transaction.prepare_cached("DELETE FROM rejected_line WHERE run = ?1 AND at < ?2")?;
        written.execute(params![record.id, self.letters.bytes]).map(drop)
    }

    /// Adds lines that belong at this byte of the file of rejected rows.
    pub(crate) fn add_lines(&self, transaction: &Connection, at: u64, lines: &[u8]) -> rusqlite::Result<()> {
        let mut statement =
            transaction.prepare_cached("INSERT INTO rejected_line (run, at, lines) VALUES (?1, ?2, ?3)")?;
        statement.execute(params![self.record.id, at, lines])?;
        if let Some(path) = &self.letters.path {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO rejected_file (run, path) VALUES (?1, ?2)")?
                .execute(params![self.record.id, path.to_string_lossy()])?;
        }
        Ok(())
    }
}

/// All runs, the newest first.
pub(crate) fn records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare("SELECT * FROM run ORDER BY id DESC")?;
    statement.query_map([], |row| record(connection, row))?.collect()
}

pub(crate) fn record_of(connection: &Connection, id: i64) -> rusqlite::Result<Record> {
    connection.query_row("SELECT * FROM run WHERE id = ?1", [id], |row| record(connection, row))
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

/// Why rows of a run were rejected or skipped.
pub(crate) fn reasons(connection: &Connection, run: i64) -> rusqlite::Result<Vec<Reason>> {
    let all = "SELECT kind, code, reason, count FROM reason WHERE run = ?1 ORDER BY rowid";
    let mut statement = connection.prepare_cached(all)?;
    let reason = |row: &Row<'_>| {
        let kind = Kind::of(&row.get::<_, String>("kind")?).unwrap_or(Kind::Rejected);
        Ok(Reason { kind, code: code(row)?, reason: row.get("reason")?, count: row.get("count")? })
    };
    statement.query_map([run], reason)?.collect()
}

/// Counts why rows of a run were rejected or skipped.
pub(crate) fn count_reasons(connection: &Connection, run: i64, reasons: &[Reason]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO reason (run, kind, code, reason, count) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run, kind, ifnull(code, x''), reason) DO UPDATE SET count = count + ?5",
    )?;
    for Reason { kind, code, reason, count } in reasons {
        statement.execute(params![run, kind.word(), code.as_ref().map(code_to_sql), reason, *count])?;
    }
    Ok(())
}

fn record(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Record> {
    let id = row.get("id")?;
    let mut parts = connection.prepare_cached("SELECT number, first, name FROM part WHERE run = ?1 ORDER BY number")?;
    let part =
        |row: &Row<'_>| Ok(Part { number: row.get("number")?, first: row.get("first")?, name: row.get("name")? });
    let mut files = connection.prepare_cached("SELECT path FROM rejected_file WHERE run = ?1 ORDER BY path")?;
    let state: String = row.get("state")?;
    let wrong = || rusqlite::Error::InvalidColumnType(0, state.clone(), rusqlite::types::Type::Text);
    let stop = row.get::<_, Option<String>>("stop")?.zip(row.get::<_, Option<String>>("stop_message")?);
    Ok(Record {
        id,
        parts: parts.query_map([id], part)?.collect::<rusqlite::Result<_>>()?,
        input: row.get("input")?,
        is_resumable: row.get("is_resumable")?,
        identity: Identity {
            host: row.get("host")?,
            account: row.get("account")?,
            account_hash: row.get("account_hash")?,
            subject: row.get("subject")?,
            mapping: row.get("mapping")?,
        },
        command: row.get("command")?,
        state: State::of(&state).ok_or_else(wrong)?,
        began: time(row, "began")?,
        changed: time(row, "changed")?,
        first: row.get("first")?,
        rows: row.get("rows")?,
        content: row.get("content")?,
        checkpoint: row.get("checkpoint")?,
        read: row.get("read")?,
        counts: Counts {
            accepted: row.get("accepted")?,
            rejected: row.get("rejected")?,
            skipped: row.get("skipped")?,
            unchanged: row.get("unchanged")?,
        },
        hold_until: time(row, "hold_until")?,
        letters: row.get::<_, Option<String>>("rejected_path")?.map(PathBuf::from),
        rejected_files: files
            .query_map([id], |row| Ok(PathBuf::from(row.get::<_, String>(0)?)))?
            .collect::<rusqlite::Result<_>>()?,
        exit_status: row.get("exit_status")?,
        stop: stop.map(|(kind, message)| Stopped { kind, message }),
        is_forgotten: row.get("is_forgotten")?,
    })
}

/// The spans to write down (with their end) or to delete (without).
fn write_spans(
    transaction: &Connection,
    table: &str,
    run: i64,
    changes: impl IntoIterator<Item = (u64, Option<u64>)>,
) -> rusqlite::Result<()> {
    for (first, past) in changes {
        match past {
            Some(past) => transaction
                .prepare_cached(&format!("INSERT OR REPLACE INTO {table} (run, first, past) VALUES (?1, ?2, ?3)"))?
                .execute(params![run, first, past])?,
            None => transaction
                .prepare_cached(&format!("DELETE FROM {table} WHERE run = ?1 AND first = ?2"))?
                .execute(params![run, first])?,
        };
    }
    Ok(())
}

/// A number is an INTEGER, a word is TEXT.
fn code_to_sql(code: &ErrorCode) -> Value {
    match code {
        ErrorCode::Number(number) => Value::Integer(*number),
        word => Value::Text(word.to_string()),
    }
}

fn code(row: &Row<'_>) -> rusqlite::Result<Option<ErrorCode>> {
    Ok(match row.get("code")? {
        Value::Integer(number) => Some(ErrorCode::Number(number)),
        Value::Text(word) => Some(ErrorCode::from(word)),
        _ => None,
    })
}

fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<SystemTime> {
    Ok(UNIX_EPOCH + Duration::from_secs(row.get(column)?))
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The first whole second that is not before this time.
pub(crate) fn next_second(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}
