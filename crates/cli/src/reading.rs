//! Reads the input on a thread of its own, as fast as the rows are taken, and maps each row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_journal::{FedBack, FoundAhead, LookAhead, Rows};
use contact_sink_mapping::{Mapped, Mapper, Problem, Record, RejectedBy, SkipReason, Tally};
use contact_sink_source::{Fault, InputRows, Row};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// A row that is on its way through the run.
pub struct ReadRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub number: u64,
    /// What it says.
    pub record: Record,
    /// The ids that it names, if they are wanted.
    pub ids: Vec<String>,
    /// Of a row that is fed back: what it says of the run that rejected it.
    pub rejected_by: Option<RejectedBy>,
    /// The same: the part that its values belong to, by the journal, or why that is not known.
    pub part: Option<Result<u32, &'static str>>,
    /// Whether a row before it was rejected by a rule: an older value of its user may be sent later.
    pub follows_rejected: bool,
    /// Whether an earlier command may have sent it.
    pub earlier: Applied,
    /// Whether the vendor had all of it when it was looked up ahead of the lane.
    pub found_ahead: Option<FoundAhead>,
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
    /// Not to be sent.
    pub aside: mpsc::Receiver<(ReadRow, Aside)>,
    /// Whether the input could be read to its end.
    pub end: JoinHandle<Result<Seen, Fault>>,
}

/// Why a row is not sent.
pub enum Aside {
    /// There is nothing to send.
    Skipped(SkipReason),
    /// The mapping rejects it, for at least one reason.
    Rejected(Vec<Problem>),
    /// It is fed back, and it cannot be told whether newer values were sent since.
    OfUnknownAge(&'static str),
}

/// What is read of a row beside its update.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Whether its ids are wanted as they are written.
    pub ids: bool,
    /// What the journal knows of the runs whose rejected rows may be fed back, by the names that the rows carry. Without a journal
    /// a row that is fed back is as good as a new one.
    pub fed_back: Option<HashMap<String, FedBack>>,
    /// Looks up what the vendor has, if that is left out.
    pub look_ahead: Option<LookAhead>,
}

/// How old the values of a row that is fed back are.
fn part_of(by: &RejectedBy, known: &HashMap<String, FedBack>) -> Result<u32, &'static str> {
    match (by.run.as_ref().map(|run| known.get(run)), by.line) {
        (Some(Some(FedBack::Part(part))), Some(_)) => Ok(*part),
        (Some(Some(FedBack::Part(_))), None) => Err(NO_LINE),
        (Some(Some(FedBack::TooOld)), _) => Err(TOO_OLD),
        (Some(None), _) => Err(UNKNOWN_RUN),
        (None, _) => Err(NO_RUN),
    }
}

const NO_RUN: &str = "the row was rejected before and does not say by which run, so it is not known whether newer values were sent \
    since: write what was there; or look, and leave _run empty (\"\") to send the row as a new one";
const NO_LINE: &str = "_line is no number, so it is not known how old the row is: write the number that was there, or clear \
    _run to send the row as a new one";
const TOO_OLD: &str = "the run that rejected it is older than 30 days, and it is not known any more whether newer values were \
    sent since: look, and clear _run to send the row as a new one";
const UNKNOWN_RUN: &str = "the journal does not know the run that rejected it, so it is not known whether newer values were \
    sent since: look, and clear _run to send the row as a new one";

/// What a person should know of the input as a whole.
#[derive(Debug, Default)]
pub struct Seen {
    /// Counted over the rows of this run.
    pub tally: Tally,
    /// Columns of the mapping that no row had; known only if all rows were read in this run.
    pub missing_columns: Vec<String>,
}

const WAITING_ROWS: usize = 512;
/// So many rows are looked up together at most.
const ROWS_LOOKED_UP: usize = 256;
/// The most bytes of rows without an outcome: rows are few hundred bytes, and some are a megabyte.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

impl Known {
    /// Whether a row is to be delivered; then, whether it may have been before.
    fn earlier(&mut self, number: u64) -> Option<Applied> {
        if self.settled.contains(number) {
            return None;
        }
        Some(if self.maybe_applied.contains(number) { Applied::Maybe } else { Applied::No })
    }
}

/// Reads on, on a thread of its own. Rows that have their outcome are not mapped again.
pub fn start(rows: InputRows, mapper: Mapper, mut known: Known, mut wanted: Wanted) -> Reading {
    let (to_send, updates) = mpsc::channel(WAITING_ROWS);
    let updates = match wanted.look_ahead.take() {
        Some(look_ahead) => look_up(updates, look_ahead),
        None => updates,
    };
    let (to_side, aside) = mpsc::channel(WAITING_ROWS);
    let (runtime, shares) = (Handle::current(), Arc::new(Semaphore::new(WAITING_BYTES)));
    let end = tokio::task::spawn_blocking(move || {
        let (mut tally, mut follows_rejected) = (Tally::default(), false);
        for row in rows {
            let Row { line, number, record } = row?;
            let Some(earlier) = known.earlier(number) else { continue };
            let bytes = u32::try_from(record.size_bytes().min(WAITING_BYTES)).unwrap_or(u32::MAX);
            let share = runtime.block_on(shares.clone().acquire_many_owned(bytes)).ok();
            let mapped = mapper.map_counted(&record, &mut tally);
            let ids = if wanted.ids { mapper.ids(&record) } else { Vec::new() };
            let rejected_by = mapper.rejected_by(&record);
            let part = rejected_by.as_ref().zip(wanted.fed_back.as_ref()).map(|(by, known)| part_of(by, known));
            let unknown_age = part.and_then(Result::err);
            let row = ReadRow {
                line,
                number,
                record,
                ids,
                rejected_by,
                part,
                follows_rejected,
                earlier,
                found_ahead: None,
                _share: share,
            };
            let taken = match mapped {
                Mapped::Update(update) => match unknown_age {
                    None => to_send.blocking_send((row, update)).is_ok(),
                    Some(reason) => to_side.blocking_send((row, Aside::OfUnknownAge(reason))).is_ok(),
                },
                Mapped::Skip(reason) => to_side.blocking_send((row, Aside::Skipped(reason))).is_ok(),
                Mapped::Reject(problems) => {
                    follows_rejected = true;
                    to_side.blocking_send((row, Aside::Rejected(problems))).is_ok()
                }
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

/// Looks up rows on another thread, all together that were read meanwhile, and passes them on.
fn look_up(
    mut rows: mpsc::Receiver<(ReadRow, ContactUpdate)>,
    mut look_ahead: LookAhead,
) -> mpsc::Receiver<(ReadRow, ContactUpdate)> {
    let (looked_up, updates) = mpsc::channel(WAITING_ROWS);
    tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(ROWS_LOOKED_UP);
        while rows.blocking_recv_many(&mut chunk, ROWS_LOOKED_UP) > 0 {
            // If the index cannot be read, the lane asks for each row and says so.
            let found = look_ahead.find(chunk.iter().map(|(_, update)| update), SystemTime::now()).unwrap_or_default();
            for ((row, _), found) in chunk.iter_mut().zip(found) {
                row.found_ahead = found;
            }
            for row in chunk.drain(..) {
                if looked_up.blocking_send(row).is_err() {
                    return;
                }
            }
        }
    });
    updates
}
