//! What became of each row of one destination's run, written down before anything follows from it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{Admission, Departing, JournalError, Numbered, Outcome, Settled};
use contact_sink_journal::{
    Counts as Settlement, Ending, Entry, Kind, Lock, Position, Reason as CountedReason, Recovered, Run, SUPERSEDED,
    State, Stopped,
};

use super::under_way::UnderWay;
use super::vendor_has::VendorHas;
use crate::config::Destination;
use crate::dead_letters::{DeadLetters, Reason};
use crate::exit_status::Status;
use crate::files::has_content;
use crate::outcomes_file::{OutcomeLine, OutcomesFile};
use crate::reading::{Aside, Origin, ReadRow};
use crate::report::Counts;
use crate::time::now;

/// Before a request the locks are looked at, but not more often than this. For so long two runs may send beside each other after a
/// lock file was replaced.
const LOCKS_SEEN_EVERY: Duration = Duration::from_millis(20);

/// What is known of one destination's rows. The lane writes into it as its journal, the run as it reads.
pub struct Ledger {
    destination: Arc<Destination>,
    /// The name of the run.
    name: String,
    dead_letters: DeadLetters,
    outcomes: Option<OutcomesFile>,
    /// `None` when it has ended.
    run: Option<Run>,
    vendor_has: Option<VendorHas>,
    /// What must be held for as long as anything is sent.
    locks: Vec<Arc<Lock>>,
    /// When they were seen in their places.
    locks_seen: Option<Instant>,
    /// Whether one of the rows was fed back.
    has_fed_back: bool,
    /// Rows that were given to the lane and have no outcome.
    under_way: UnderWay,
    /// How many rows were read.
    read: u64,
    file_failed: Option<FileFailed>,
    /// Rows that came back without an outcome and may have been applied.
    maybe_applied: Vec<u64>,
}

/// A file beside the journal that could not be written.
#[derive(Debug)]
pub enum FileFailed {
    /// The file of rejected rows.
    RejectedRows(io::Error),
    /// The file of outcomes.
    Outcomes(io::Error),
}

/// What is written down together: for the journal, and for the file of outcomes.
#[derive(Default)]
struct Page<'a> {
    entry: Entry<'a>,
    outcome_lines: Vec<u8>,
}

impl Ledger {
    /// A run, whose name this is. `locks`: what must be held for as long as anything is sent.
    pub fn new(
        destination: Arc<Destination>,
        name: &str,
        dead_letters: DeadLetters,
        outcomes: Option<OutcomesFile>,
        run: Run,
        vendor_has: Option<VendorHas>,
        locks: Vec<Arc<Lock>>,
    ) -> Self {
        Self {
            destination,
            name: name.to_owned(),
            dead_letters,
            outcomes,
            read: run.record().read.max(run.record().first),
            run: Some(run),
            vendor_has,
            locks,
            locks_seen: None,
            has_fed_back: false,
            under_way: UnderWay::default(),
            file_failed: None,
            maybe_applied: Vec::new(),
        }
    }

    /// Compares the file of rejected rows with what the journal knows of it, and says what a person should know.
    pub fn recover(&mut self, is_done: bool) -> io::Result<Option<String>> {
        let Some(run) = self.run.as_mut().filter(|run| !is_done || run.has_unwritten_letters()) else {
            return Ok(None);
        };
        let path_of = |run: &Run| run.letters_path().map(|path| path.display().to_string()).unwrap_or_default();
        let was = path_of(run);
        let recovered = run.recover_letters(&self.dead_letters.head()?, || self.dead_letters.free_path())?;
        let is = path_of(run);
        Ok(match recovered {
            Recovered::Edited => Some(format!(
                "{was} is gone or was edited, so it is left alone: rows that are rejected from now on go to {is}"
            )),
            Recovered::OtherHead => Some(format!(
                "{was} has the columns of the input as it was: rows that are rejected from now on go to {is}"
            )),
            Recovered::Moved => {
                Some(format!("rows that are rejected from now on go to {is}; those before stay where they are"))
            }
            _ => None,
        })
    }

    /// Ends a run that was not begun after all.
    pub fn put_back(&mut self) {
        if let Some(run) = self.run.take() {
            // Why it is not begun is what a person must know; at the worst it counts as cut off.
            let _ = run.put_back();
        }
    }

    /// Takes a row that is given to the lane.
    pub fn give(&mut self, row: ReadRow, update: ContactUpdate) -> Numbered {
        self.see(&row);
        if let Some(run) = self.run.as_mut().filter(|_| row.follows_rejected) {
            run.keep_newest();
        }
        self.has_fed_back |= row.fed_back.is_some();
        let numbered = Numbered::new(row.number, update).with_earlier(row.earlier);
        self.under_way.add(row);
        numbered
    }

    /// A row that the lane gave back without an outcome.
    pub fn give_back(&mut self, number: u64, applied: Applied) {
        if applied == Applied::Maybe {
            self.maybe_applied.push(number);
        }
        if let Some(row) = self.under_way.remove(number) {
            let mut lines = Vec::new();
            let told = self.tell(&mut lines, &row, "pending", &[]).and_then(|()| self.write_outcomes(&lines));
            if let Err(error) = told {
                self.file_failed.get_or_insert(FileFailed::Outcomes(error));
            }
        }
    }

    /// What of an update is to be sent.
    pub fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        let is_newest = !self.has_fed_back && self.run.as_ref().is_none_or(Run::is_newest);
        if is_newest && self.vendor_has.is_none() {
            return Ok(Admission::Send);
        }
        let row = number.and_then(|number| self.under_way.get(number));
        let admitted = match (&mut self.run, row) {
            (Some(run), Some(row)) => {
                let position = position(run, row);
                run.admit(update, position)?
            }
            _ => Admission::Send,
        };
        let wanted = match &admitted {
            Admission::Send => update,
            Admission::SendPart(part) => part,
            _ => return Ok(admitted),
        };
        // Of a part of the update it holds too.
        let found = row.and_then(|row| row.found_ahead.as_ref());
        let has = self.vendor_has.as_ref().map_or(Ok(false), |vendor_has| vendor_has.has(wanted, found))?;
        Ok(if has { Admission::Unchanged } else { admitted })
    }

    /// These are sent now.
    pub fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
        let is_due = self.locks_seen.is_none_or(|seen| seen.elapsed() >= LOCKS_SEEN_EVERY);
        if is_due && let Some(lock) = self.locks.iter().find(|lock| !lock.is_in_place()) {
            return Err(JournalError::new(format!(
                "the lock file {} was deleted or replaced while this run held it, so another run may have begun beside it: wait until that has ended",
                lock.path().display()
            )));
        }
        if is_due {
            self.locks_seen = Some(Instant::now());
        }
        if let Some(vendor_has) = &self.vendor_has {
            vendor_has.departs(batch.iter().map(|departing| departing.update))?;
        }
        let Some(run) = self.run.as_mut().filter(|run| run.keeps_newest()) else { return Ok(()) };
        let mut placed = Vec::with_capacity(batch.len());
        for Departing { number, update, .. } in batch {
            let row = number.and_then(|number| self.under_way.get(number));
            placed.extend(row.map(|row| (position(run, row), *update)));
        }
        run.departs(placed)
    }

    /// Writes down rows that are not sent: how many of them were rejected. After a stop nothing is judged any more.
    pub fn set_aside(&mut self, rows: &[(ReadRow, Aside)], stopped: bool) -> Result<u64, JournalError> {
        let (mut page, mut refused) = (Page::default(), 0);
        for (row, aside) in rows {
            self.see(row);
            let (kind, reasons) = match aside {
                Aside::Skipped(reason) => (Kind::Skipped, vec![Reason::to_skip(reason.words())]),
                _ if stopped => continue,
                Aside::Rejected(problems) => (Kind::Rejected, problems.iter().map(Reason::by_rule).collect()),
                Aside::OfUnknownAge(reason) => (Kind::Rejected, vec![Reason::by_fed_back(reason)]),
            };
            refused += u64::from(kind == Kind::Rejected);
            page.entry.add(row.number, kind, reasons.iter().map(Reason::counted));
            self.add_lines(&mut page, row, kind, &reasons)?;
        }
        self.write_down(page)?;
        Ok(refused)
    }

    /// These have their outcome.
    pub fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let mut page = Page::default();
        page.entry.settled.reserve(outcomes.len());
        for settled in outcomes {
            if let Some(vendor_has) = &self.vendor_has {
                vendor_has.settled(settled.update, settled.outcome)?;
            }
            let Some((number, run)) = settled.number.zip(self.run.as_ref()) else { continue };
            let Some(row) = self.under_way.get(number) else { continue };
            let position = run.keeps_newest().then(|| position(run, row));
            let reasons: Vec<Reason> = match settled.outcome {
                Outcome::Rejected { rejections, earlier, .. } => {
                    let reason = |rejection| Reason::by_sink(rejection, *earlier, &self.destination.mapping);
                    rejections.iter().map(reason).collect()
                }
                Outcome::Superseded => vec![Reason::to_skip(SUPERSEDED)],
                _ => Vec::new(),
            };
            let kind = page.entry.settle(number, position, settled, reasons.iter().map(Reason::counted));
            // What has no outcome is given back, and told then.
            let row = kind.and_then(|_| self.under_way.remove(number));
            if let Some((kind, row)) = kind.zip(row) {
                self.add_lines(&mut page, &row, kind, &reasons)?;
            }
        }
        self.write_down(page)
    }

    /// What became of all rows of the run that were read, by this command and those before it.
    pub fn counts(&self) -> Counts {
        let Some(run) = &self.run else { return Counts::default() };
        let Settlement { accepted, rejected, skipped, unchanged } = run.counts();
        let rows = self.read.saturating_sub(run.record().first);
        let pending = rows.saturating_sub(run.counts().settled());
        Counts { rows, accepted, rejected, skipped, unchanged, pending, ..Counts::default() }
    }

    /// Why rows of the run were rejected or skipped.
    pub fn reasons(&self) -> Result<Vec<CountedReason>, JournalError> {
        self.run.as_ref().map_or(Ok(Vec::new()), Run::reasons)
    }

    /// The files of rejected rows that are there, as absolute paths.
    pub fn rejected_files(&self) -> Vec<PathBuf> {
        let Some(run) = &self.run else { return Vec::new() };
        let mut files = run.record().rejected_files.clone();
        files.extend(run.letters_path().map(Into::into));
        files.sort();
        files.dedup();
        files.retain(|path| has_content(path));
        files
    }

    /// The file beside the journal that could not be written, if there is one.
    pub fn file_failure(&mut self) -> Option<FileFailed> {
        self.file_failed.take()
    }

    /// How the run ends. `hold`: for how long what may have been applied without an answer may still be.
    pub fn ending(&self, state: State, status: Status, stop: Option<Stopped>, hold: Duration) -> Ending {
        let mut ending = Ending::new(state);
        (ending.exit_status, ending.stop) = (Some(status.number()), stop);
        let is_open = |row: &u64| self.run.as_ref().is_none_or(|run| !run.settled().contains(*row));
        ending.maybe_applied = self.maybe_applied.iter().copied().filter(is_open).collect();
        ending.hold_until = (!ending.maybe_applied.is_empty()).then(|| SystemTime::now() + hold);
        ending
    }

    /// Gives the run away, and what the vendor is known to have: nothing more is written down.
    pub fn end(&mut self) -> (Option<Run>, Option<VendorHas>) {
        let run = self.run.take();
        if let Some(run) = run.as_ref().filter(|_| !self.destination.simulated) {
            let destination = self.destination.name.clone();
            metrics::counter!("contact_sink_journal_syncs_total", "destination" => destination).absolute(run.syncs());
        }
        (run, self.vendor_has.take())
    }

    fn see(&mut self, row: &ReadRow) {
        self.read = self.read.max(row.number + 1);
    }

    /// Adds the lines of a row that is settled to the file of rejected rows and to that of outcomes.
    fn add_lines(
        &mut self,
        page: &mut Page<'_>,
        row: &ReadRow,
        kind: Kind,
        reasons: &[Reason],
    ) -> Result<(), JournalError> {
        if kind == Kind::Rejected {
            let part = self.run.as_ref().map_or("", |run| run.part_name(row.number));
            let lines = self.dead_letters.lines(row, part, reasons);
            let lines = lines.map_err(|error| self.cannot_write(FileFailed::RejectedRows(error)))?;
            page.entry.letters.extend_from_slice(&lines);
        }
        let told = self.tell(&mut page.outcome_lines, row, kind.word(), reasons);
        told.map_err(|error| self.cannot_write(FileFailed::Outcomes(error)))
    }

    /// Adds a line for the file of outcomes; of a row with reasons one for each.
    fn tell(&self, lines: &mut Vec<u8>, row: &ReadRow, outcome: &'static str, reasons: &[Reason]) -> io::Result<()> {
        if self.outcomes.is_none() {
            return Ok(());
        }
        let (id, owner) = match row.ids.as_slice() {
            [] => (None, None),
            [id] => (Some(id.as_str()), None),
            [owner, id, ..] => (Some(id.as_str()), Some(owner.as_str())),
        };
        let time = now();
        let without = reasons.is_empty().then_some(None);
        for reason in reasons.iter().map(Some).chain(without) {
            let line = OutcomeLine {
                line: row.line,
                id,
                owner,
                destination: &self.destination.name,
                run: &self.name,
                outcome,
                code: reason.map_or(&None, |reason| &reason.code),
                field: reason.and_then(|reason| reason.column.as_deref()),
                reason: reason.map(|reason| reason.reason.as_str()),
                time: &time,
            };
            serde_json::to_writer(&mut *lines, &line)?;
            lines.push(b'\n');
        }
        Ok(())
    }

    fn write_outcomes(&self, lines: &[u8]) -> io::Result<()> {
        match &self.outcomes {
            Some(outcomes) if !lines.is_empty() => outcomes.write(lines),
            _ => Ok(()),
        }
    }

    /// First the file of outcomes, in which a row may be told twice; then the journal, whatever became of that file: what was answered
    /// is not sent again; then the file of rejected rows: what the journal has is written by the next run if this one cannot.
    fn write_down(&mut self, page: Page<'_>) -> Result<(), JournalError> {
        let Page { mut entry, outcome_lines } = page;
        if entry.is_empty() {
            return Ok(());
        }
        let told = self.write_outcomes(&outcome_lines).map_err(|error| self.cannot_write(FileFailed::Outcomes(error)));
        let Some(run) = &mut self.run else { return told };
        let has_letters = !entry.letters.is_empty();
        let (head, another) = (|| self.dead_letters.head(), || self.dead_letters.free_path());
        if has_letters && run.letters_end() == 0 {
            entry.letters.splice(0..0, head().map_err(|error| JournalError::new(error.to_string()))?);
            run.name_letters(another());
        }
        entry.read = self.read;
        run.commit(entry)?;
        if !has_letters {
            return told;
        }
        let written = if run.are_letters_replaced() {
            head().and_then(|head| run.recover_letters(&head, another)).map(drop)
        } else {
            run.write_letters()
        };
        // They are in the journal: the next run writes them into the file.
        written.map_err(|error| self.cannot_write(FileFailed::RejectedRows(error)))?;
        told
    }

    fn cannot_write(&mut self, failed: FileFailed) -> JournalError {
        let told = JournalError::new(match &failed {
            FileFailed::RejectedRows(error) => format!("the file of rejected rows cannot be written: {error}"),
            FileFailed::Outcomes(error) => format!("the file of outcomes cannot be written: {error}"),
        });
        self.file_failed.get_or_insert(failed);
        told
    }
}

/// How old the values of a row are.
fn position(run: &Run, row: &ReadRow) -> Position {
    match row.fed_back.as_deref() {
        Some(&Origin { ref rejected_by, part: Some(Ok(part)) }) => {
            let line = rejected_by.line.and_then(|line| u32::try_from(line).ok()).unwrap_or(u32::MAX);
            Position { part, line }
        }
        _ => run.position(row.number, row.line),
    }
}
