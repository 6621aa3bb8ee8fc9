//! Reads the input on a thread of its own, as fast as the rows are taken, and maps each row.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_journal::{FedBack, FoundAhead, LookAhead, Rows};
use contact_sink_mapping::{Mapped, Mapper, Problem, RecordRef, RejectedBy, SkipReason, Tally};
use contact_sink_source::{Fault, InputRows, RowBlock};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

/// A row that is on its way through the run.
pub struct ReadRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its place among the rows, from 0.
    pub number: u64,
    /// The ids that it names, if they are wanted.
    pub ids: Vec<String>,
    /// Of a row that is fed back: where it comes from.
    pub fed_back: Option<Box<Origin>>,
    /// Whether a row before it was rejected by a rule: an older value of its user may be sent later.
    pub follows_rejected: bool,
    /// Whether an earlier command may have sent it.
    pub earlier: Applied,
    /// Whether the vendor had all of it when it was looked up ahead of the lane.
    pub found_ahead: Option<FoundAhead>,
    /// The rows that were read together with it, and its place among them.
    block: Arc<Block>,
    place: usize,
}

/// Where a row comes from that is fed back.
pub struct Origin {
    /// What it says of the run that rejected it.
    pub rejected_by: RejectedBy,
    /// The part that its values belong to, by the journal, or why that is not known.
    pub part: Option<Result<u32, &'static str>>,
}

/// Rows that were read together.
struct Block {
    rows: RowBlock,
    /// Their share of what may be read ahead; given back when all of them have their outcome.
    _share: Option<OwnedSemaphorePermit>,
}

impl ReadRow {
    /// What it says.
    pub fn record(&self) -> RecordRef<'_> {
        self.block.rows.record(self.place)
    }
}

/// What is known of the rows before they are read, and what is read of each beside its update.
#[derive(Debug, Default)]
pub struct Known {
    /// They have their outcome: they are not read again.
    pub settled: Rows,
    /// They have no outcome, and the vendor may have stored them.
    pub maybe_applied: Rows,
    /// Whether the ids of a row are wanted as they are written.
    pub ids: bool,
    /// The runs whose rejected rows may be fed back, by the names that the rows carry. Without a journal a row that is fed back is
    /// as good as a new one.
    pub fed_back: Option<HashMap<String, FedBack>>,
    /// Looks up what the vendor has, if that is left out.
    pub look_ahead: Option<LookAhead>,
}

/// What the reading thread gives: the rows to send and, apart, those that are not sent. Rows that were read together come together.
pub struct Reading {
    /// To be sent.
    pub updates: mpsc::Receiver<Vec<(ReadRow, ContactUpdate)>>,
    /// Not to be sent.
    pub aside: mpsc::Receiver<Vec<(ReadRow, Aside)>>,
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

/// Blocks of rows that are read and not taken yet.
const WAITING_BLOCKS: usize = 4;
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
pub fn start(mut rows: InputRows, mut mapper: Mapper, mut known: Known) -> Reading {
    let (to_send, updates) = mpsc::channel(WAITING_BLOCKS);
    let (to_side, aside) = mpsc::channel(WAITING_BLOCKS);
    let (runtime, shares) = (Handle::current(), Arc::new(Semaphore::new(WAITING_BYTES)));
    let end = tokio::task::spawn_blocking(move || {
        let (mut tally, mut follows_rejected) = (Tally::default(), false);
        while let Some(rows) = rows.next_block() {
            let rows = rows?;
            let bytes = u32::try_from(rows.size_bytes().min(WAITING_BYTES)).unwrap_or(u32::MAX);
            let share = runtime.block_on(shares.clone().acquire_many_owned(bytes)).ok();
            let block = Arc::new(Block { rows, _share: share });
            mapper.renew_fields();
            let due = |place| Some((place, known.earlier(block.rows.number(place))?));
            let due: Vec<(usize, Applied)> = (0..block.rows.len()).filter_map(due).collect();
            let records = due.iter().map(|(place, _)| block.rows.record(*place));
            let mapped = mapper.map_together(records, block.rows.text(), &mut tally);
            let (mut sent, mut not_sent) = (Vec::with_capacity(due.len()), Vec::new());
            for ((place, earlier), mapped) in due.into_iter().zip(mapped) {
                let (number, record) = (block.rows.number(place), block.rows.record(place));
                let ids = if known.ids { mapper.ids(record) } else { Vec::new() };
                let fed_back = mapper.rejected_by(record).map(|rejected_by| {
                    let part = known.fed_back.as_ref().map(|known| part_of(&rejected_by, known));
                    Box::new(Origin { rejected_by, part })
                });
                let unknown_age = fed_back.as_ref().and_then(|origin| origin.part).and_then(Result::err);
                let (line, block) = (block.rows.line(place), block.clone());
                let row =
                    ReadRow { line, number, ids, fed_back, follows_rejected, earlier, found_ahead: None, block, place };
                match (mapped, unknown_age) {
                    (Mapped::Update(update), None) => sent.push((row, update)),
                    (Mapped::Update(_), Some(reason)) => not_sent.push((row, Aside::OfUnknownAge(reason))),
                    (Mapped::Skip(reason), _) => not_sent.push((row, Aside::Skipped(reason))),
                    (Mapped::Reject(problems), _) => {
                        follows_rejected = true;
                        not_sent.push((row, Aside::Rejected(problems)));
                    }
                }
            }
            if let Some(look_ahead) = &mut known.look_ahead {
                look_up(look_ahead, &mut sent);
            }
            // The others wait for the vendor; these do not.
            if !not_sent.is_empty() && to_side.blocking_send(not_sent).is_err()
                || !sent.is_empty() && to_send.blocking_send(sent).is_err()
            {
                break;
            }
        }
        // Of an input that was read in part before it is not known what the other rows had.
        let missing_columns = if known.settled.is_empty() { tally.missing_columns(&mapper) } else { Vec::new() };
        Ok(Seen { tally, missing_columns })
    });
    Reading { updates, aside, end }
}

/// Notes which rows the vendor has.
fn look_up(look_ahead: &mut LookAhead, rows: &mut [(ReadRow, ContactUpdate)]) {
    // If the index cannot be read, the lane asks for each row and says so.
    let found = look_ahead.find(rows.iter().map(|(_, update)| update), SystemTime::now()).unwrap_or_default();
    for ((row, _), found) in rows.iter_mut().zip(found) {
        row.found_ahead = found;
    }
}
