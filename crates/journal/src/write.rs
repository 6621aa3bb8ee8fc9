//! How a run is written down: the statements.

use std::time::{SystemTime, UNIX_EPOCH};

use contact_sink_core::ErrorCode;
use rusqlite::types::Value;
use rusqlite::{Transaction, params};

use crate::letters::Letters;
use crate::record::{Counts, Record};

pub(crate) fn write_record(transaction: &Transaction<'_>, record: &Record, letters: &Letters) -> rusqlite::Result<()> {
    let Counts { accepted, rejected, skipped, unchanged } = record.counts;
    transaction
        .prepare_cached(
            "UPDATE run SET state = ?2, changed = ?3, checkpoint = ?4, read = ?5, accepted = ?6, rejected = ?7,
             skipped = ?8, unchanged = ?9, rejected_path = ?10, rejected_bytes = ?11, rejected_crc = ?12,
             hold_until = ?13, exit_status = ?14, stop = ?15, stop_message = ?16 WHERE id = ?1",
        )?
        .execute(params![
            record.id,
            record.state.word(),
            seconds(record.changed),
            sql(record.checkpoint),
            sql(record.read),
            sql(accepted),
            sql(rejected),
            sql(skipped),
            sql(unchanged),
            letters.path.as_ref().map(|path| path.to_string_lossy()),
            sql(letters.bytes),
            letters.crc,
            next_second(record.hold_until),
            record.exit_status,
            record.stop.as_ref().map(|stop| &stop.kind),
            record.stop.as_ref().map(|stop| &stop.message),
        ])?;
    Ok(())
}

pub(crate) fn write_spans(
    transaction: &Transaction<'_>,
    table: &str,
    id: i64,
    changes: &[(u64, Option<u64>)],
) -> rusqlite::Result<()> {
    for (first, past) in changes {
        match past {
            Some(past) => transaction
                .prepare_cached(&format!("INSERT OR REPLACE INTO {table} (run, first, past) VALUES (?1, ?2, ?3)"))?
                .execute(params![id, sql(*first), sql(*past)])?,
            None => transaction
                .prepare_cached(&format!("DELETE FROM {table} WHERE run = ?1 AND first = ?2"))?
                .execute(params![id, sql(*first)])?,
        };
    }
    Ok(())
}

pub(crate) fn write_letters(
    transaction: &Transaction<'_>,
    record: &Record,
    at: u64,
    lines: &[u8],
) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT INTO rejected_line (run, at, lines) VALUES (?1, ?2, ?3)")?.execute(params![
        record.id,
        sql(at),
        lines
    ])?;
    if let Some(path) = &record.letters {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO rejected_file (run, path) VALUES (?1, ?2)")?
            .execute(params![record.id, path.to_string_lossy()])?;
    }
    Ok(())
}

/// SQLite's integers have a sign; rows and bytes stay far below 2^63.
pub(crate) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number is an INTEGER, a word is TEXT.
pub(crate) fn code_to_sql(code: &ErrorCode) -> Value {
    match code {
        ErrorCode::Number(number) => Value::Integer(*number),
        word => Value::Text(word.to_string()),
    }
}

pub(crate) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| sql(since.as_secs()))
}

/// The first whole second that is not before this time.
pub(crate) fn next_second(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    sql(since.as_secs() + u64::from(since.subsec_nanos() > 0))
}
