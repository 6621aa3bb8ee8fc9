//! Reads the input on a thread of its own, as fast as the rows are taken, and maps each row.

use std::sync::Arc;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_journal::Rows;
use contact_sink_mapping::{Mapped, Mapper, Problem, Record, Tally};
use contact_sink_source::{Digest, Fault, InputRows, Row};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// A row that is on its way through the run.
pub struct ReadRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub number: u64,
    /// The digest of the header and of all rows up to this one.
    pub digest: Digest,
    /// What it says.
    pub record: Record,
    /// Whether an earlier run may have sent it.
    pub earlier: Applied,
    /// Its share of what may be read ahead; given back when the row has its outcome.
    _share: Option<OwnedSemaphorePermit>,
}

/// What is known of the rows before they are read.
#[derive(Debug, Default)]
pub struct Known {
    /// They have their outcome: they are not read again.
    pub settled: Rows,
    /// They have no outcome, and the vendor may have stored them.
    pub maybe_applied: Rows,
}

/// What the reading thread gives: the rows to send and, apart, those that are not sent.
pub struct Reading {
    /// To be sent.
    pub updates: mpsc::Receiver<(ReadRow, ContactUpdate)>,
    /// Rejected by the mapping for these reasons, or without one: with nothing to send.
    pub aside: mpsc::Receiver<(ReadRow, Vec<Problem>)>,
    /// Whether the input could be read to its end.
    pub end: JoinHandle<Result<Seen, Fault>>,
}

/// What a person should know of the input as a whole.
#[derive(Debug, Default)]
pub struct Seen {
    /// Counted over the rows of this run.
    pub tally: Tally,
    /// Columns of the mapping that no row had; known only if all rows were read in this run.
    pub missing_columns: Vec<String>,
}

const WAITING_ROWS: usize = 512;
/// The most bytes of rows without an outcome: rows are few hundred bytes, and some are a megabyte.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

impl Known {
    /// Whether a row is to be delivered; then, whether it may have been before.
    fn earlier(&mut self, number: u64) -> Option<Applied> {
        if self.settled.contains(number) {
            return None;
        }
        Some(if self.maybe_applied.contains(number) { Applied::Perhaps } else { Applied::No })
    }
}

/// Reads on, on a thread of its own. Rows that have their outcome are not mapped again.
pub fn start(rows: InputRows, mapper: Mapper, mut known: Known) -> Reading {
    let (to_send, updates) = mpsc::channel(WAITING_ROWS);
    let (to_side, aside) = mpsc::channel(WAITING_ROWS);
    let (runtime, shares) = (Handle::current(), Arc::new(Semaphore::new(WAITING_BYTES)));
    let end = tokio::task::spawn_blocking(move || {
        let mut tally = Tally::default();
        for row in rows {
            let Row { line, number, digest, record } = row?;
            let Some(earlier) = known.earlier(number) else { continue };
            let bytes = u32::try_from(record.size_bytes().min(WAITING_BYTES)).unwrap_or(u32::MAX);
            let share = runtime.block_on(shares.clone().acquire_many_owned(bytes)).ok();
            let mapped = mapper.map_counted(&record, &mut tally);
            let row = ReadRow { line, number, digest, record, earlier, _share: share };
            let taken = match mapped {
                Mapped::Update(update) => to_send.blocking_send((row, update)).is_ok(),
                Mapped::Skip(_) => to_side.blocking_send((row, Vec::new())).is_ok(),
                Mapped::Reject(problems) => to_side.blocking_send((row, problems)).is_ok(),
            };
            if !taken {
                break;
            }
        }
        // Of an input that was read in part before it is not known what the other rows had.
        let missing_columns = if known.settled.is_empty() { tally.missing_columns(&mapper) } else { Vec::new() };
        Ok(Seen { tally, missing_columns })
    });
    Reading { updates, aside, end }
}
