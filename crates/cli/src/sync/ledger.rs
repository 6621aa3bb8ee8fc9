//! What became of each row of one destination's run, written down before anything follows from it.

mod books;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use contact_sink_core::{Applied, ContactUpdate, ErrorCode};
use contact_sink_delivery::{Admission, Departing, JournalError, Numbered, Outcome, Settled};
use contact_sink_journal::{
    Counts as Settlement, Ending, Entry, Kind, Lock, Position, Recovered, Run, SUPERSEDED, State, Stopped,
};
use contact_sink_mapping::Mapping;

use super::under_way::UnderWay;
use super::vendor_has::VendorHas;
use crate::dead_letters::{DeadLetters, Reason};
use crate::outcomes_file::{self, OutcomeLine, OutcomesFile};
use crate::reading::{Aside, Origin, ReadRow};
use crate::report::Counts;
pub use books::{Books, Hook};

/// Before a request the locks are looked at, but not more often than this. For so long two runs may send beside each other after a
/// lock file was replaced.
const LOCKS_SEEN_EVERY: Duration = Duration::from_millis(20);

/// What is known of one destination's rows. The lane writes into it as its journal ([`Hook`]), the run as it reads.
pub struct Ledger {
    destination: String,
    /// The name of the run.
    name: String,
    mapping: Mapping,
    dead_letters: DeadLetters,
    outcomes: Option<OutcomesFile>,
    /// What outlives the process; the simulator in this process has none.
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
    settlement: Settlement,
    reasons: Counts,
    /// Rows before it belong to an earlier run of the same input.
    first: u64,
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

/// What a commit is made of.
#[derive(Default)]
struct Page<'a> {
    settled: Vec<(u64, Kind)>,
    maybe_applied: Vec<u64>,
    hold_until: Option<SystemTime>,
    reasons: Vec<Reason>,
    skips: Vec<&'static str>,
    letters: Vec<u8>,
    outcome_lines: Vec<u8>,
    outcomes: Vec<(Position, &'a ContactUpdate, &'a Outcome)>,
}

/// What became of a row, for the file of outcomes.
struct Told<'a> {
    outcome: &'static str,
    code: &'a Option<ErrorCode>,
    field: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn new(outcome: &'static str, reason: Option<&'a str>) -> Self {
        Self { outcome, code: &None, field: None, reason }
    }
}

impl Ledger {
    /// Without a journal it ends with the process.
    pub fn new(
        destination: &str,
        name: &str,
        mapping: Mapping,
        dead_letters: DeadLetters,
        run: Option<Run>,
        vendor_has: Option<VendorHas>,
    ) -> Self {
        let mut reasons = Counts::default();
        for known in run.iter().flat_map(Run::reasons) {
            match known.kind {
                Kind::Skipped => reasons.count_skip(&known.reason, known.count),
                _ => reasons.count_reason_times(known.code.as_ref(), &known.reason, known.count),
            }
        }
        let first = run.as_ref().map_or(0, |run| run.record().first);
        Self {
            destination: destination.to_owned(),
            name: name.to_owned(),
            mapping,
            dead_letters,
            outcomes: None,
            has_fed_back: false,
            under_way: UnderWay::default(),
            settlement: run.as_ref().map(Run::counts).unwrap_or_default(),
            reasons,
            first,
            read: run.as_ref().map_or(0, |run| run.record().read).max(first),
            run,
            vendor_has,
            locks: Vec::new(),
            locks_seen: None,
            file_failed: None,
            maybe_applied: Vec::new(),
        }
    }

    /// With the locks that must be held for as long as anything is sent.
    pub fn with_locks(self, locks: Vec<Arc<Lock>>) -> Self {
        Self { locks, ..self }
    }

    /// With a file of outcomes.
    pub fn with_outcomes(self, outcomes: Option<OutcomesFile>) -> Self {
        Self { outcomes, ..self }
    }

    /// Compares the file of rejected rows with what the journal knows of it, and says what a person should know.
    pub fn recover(&mut self, is_done: bool) -> io::Result<Option<String>> {
        let Some(run) = &mut self.run else { return Ok(None) };
        if is_done && !run.has_unwritten_letters() {
            return Ok(None);
        }
        let was = run.letters_path().map(|path| path.display().to_string()).unwrap_or_default();
        let head = self.dead_letters.head()?;
        let recovered = run.recover_letters(&head, || self.dead_letters.free_absolute_path())?;
        let is = run.letters_path().map(|path| path.display().to_string()).unwrap_or_default();
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
    fn give(&mut self, row: ReadRow, update: ContactUpdate) -> Numbered {
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
    fn give_back(&mut self, number: u64, applied: Applied) {
        if applied == Applied::Maybe {
            self.maybe_applied.push(number);
        }
        let row = self.under_way.remove(number);
        let mut lines = Vec::new();
        if let Some(row) = row {
            let told =
                self.tell(&mut lines, &row, &Told::new("pending", None)).and_then(|()| self.write_outcomes(&lines));
            if let Err(error) = told {
                self.file_failed.get_or_insert(FileFailed::Outcomes(error));
            }
        }
    }

    fn see(&mut self, row: &ReadRow) {
        if row.number >= self.read {
            self.read = row.number + 1;
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

    fn admit(&mut self, number: Option<u64>, update: &ContactUpdate) -> Result<Admission, JournalError> {
        let is_newest = !self.has_fed_back && self.run.as_ref().is_none_or(Run::is_newest);
        if is_newest && self.vendor_has.is_none() {
            return Ok(Admission::Send);
        }
        let row = number.and_then(|number| self.under_way.get(number));
        let admitted = match (&mut self.run, row) {
            (Some(run), Some(row)) => {
                let position = Self::position(run, row);
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

    fn departs(&mut self, batch: &[Departing<'_>]) -> Result<(), JournalError> {
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
            placed.extend(row.map(|row| (Self::position(run, row), *update)));
        }
        run.departs(placed)
    }

    /// Writes down rows that are not sent. After a stop nothing is judged any more.
    fn set_aside(&mut self, rows: &[(ReadRow, Aside)], stopped: bool) -> Result<u64, JournalError> {
        let (mut page, mut refused) = (Page::default(), 0);
        for (row, aside) in rows {
            self.see(row);
            match aside {
                Aside::Skipped(reason) => self.skip(&mut page, row, reason.words())?,
                _ if stopped => {}
                Aside::Rejected(problems) => {
                    self.reject(&mut page, row, problems.iter().map(Reason::by_rule).collect())?;
                    refused += 1;
                }
                Aside::OfUnknownAge(reason) => {
                    self.reject(&mut page, row, vec![Reason::by_fed_back(reason)])?;
                    refused += 1;
                }
            }
        }
        self.write_down(page)?;
        Ok(refused)
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let mut page = Page { settled: Vec::with_capacity(outcomes.len()), ..Page::default() };
        for Settled { number, update, outcome, maybe_applied_for, .. } in outcomes {
            page.hold_until =
                page.hold_until.max(maybe_applied_for.map(|maybe_applied_for| SystemTime::now() + maybe_applied_for));
            if let Some(vendor_has) = &self.vendor_has {
                vendor_has.settled(update, outcome)?;
            }
            let Some(number) = *number else { continue };
            // What has no outcome is given back, and told then.
            let row = match outcome {
                Outcome::Undelivered { .. } => None,
                _ => self.under_way.remove(number),
            };
            let run = self.run.as_ref().filter(|run| run.keeps_newest());
            if let Some((run, row)) = run.zip(row.as_ref().or_else(|| self.under_way.get(number))) {
                page.outcomes.push((Self::position(run, row), update, outcome));
            }
            match (outcome, &row) {
                (Outcome::Accepted, Some(row)) => self.settle(&mut page, row, Kind::Accepted, "accepted")?,
                (Outcome::Unchanged, Some(row)) => self.settle(&mut page, row, Kind::Unchanged, "unchanged")?,
                (Outcome::Superseded, Some(row)) => self.skip(&mut page, row, SUPERSEDED)?,
                (Outcome::Rejected { rejections, earlier, .. }, Some(row)) => {
                    let reason = |rejection| Reason::by_sink(rejection, *earlier, &self.mapping);
                    let reasons = rejections.iter().map(reason).collect();
                    self.reject(&mut page, row, reasons)?;
                }
                (Outcome::Undelivered { applied: Applied::Maybe, .. }, _) => page.maybe_applied.push(number),
                // It is sent by the next run.
                _ => {}
            }
        }
        self.write_down(page)
    }

    fn settle(
        &mut self,
        page: &mut Page<'_>,
        row: &ReadRow,
        kind: Kind,
        word: &'static str,
    ) -> Result<(), JournalError> {
        page.settled.push((row.number, kind));
        self.tell_or_fail(page, row, &Told::new(word, None))
    }

    fn skip(&mut self, page: &mut Page<'_>, row: &ReadRow, reason: &'static str) -> Result<(), JournalError> {
        page.settled.push((row.number, Kind::Skipped));
        page.skips.push(reason);
        self.tell_or_fail(page, row, &Told::new("skipped", Some(reason)))
    }

    fn reject(&mut self, page: &mut Page<'_>, row: &ReadRow, reasons: Vec<Reason>) -> Result<(), JournalError> {
        // What the simulator in this process rejects is not known to any journal: it is new wherever it is sent.
        let part = self.run.as_ref().map_or("", |run| run.part_name(row.number));
        let lines = self.dead_letters.lines(row, part, &reasons);
        let lines = lines.map_err(|error| self.cannot_write(FileFailed::RejectedRows(error)))?;
        page.letters.extend_from_slice(&lines);
        page.settled.push((row.number, Kind::Rejected));
        for reason in &reasons {
            let field = reason.column.as_deref();
            let told = Told { outcome: "rejected", code: &reason.code, field, reason: Some(&reason.reason) };
            self.tell_or_fail(page, row, &told)?;
        }
        page.reasons.extend(reasons);
        Ok(())
    }

    fn tell_or_fail(&mut self, page: &mut Page<'_>, row: &ReadRow, told: &Told<'_>) -> Result<(), JournalError> {
        let told = self.tell(&mut page.outcome_lines, row, told);
        told.map_err(|error| self.cannot_write(FileFailed::Outcomes(error)))
    }

    fn tell(&self, lines: &mut Vec<u8>, row: &ReadRow, told: &Told<'_>) -> io::Result<()> {
        if self.outcomes.is_none() {
            return Ok(());
        }
        let (id, owner) = match row.ids.as_slice() {
            [] => (None, None),
            [id] => (Some(id.as_str()), None),
            [owner, id, ..] => (Some(id.as_str()), Some(owner.as_str())),
        };
        let (destination, run, time) = (self.destination.as_str(), self.name.as_str(), outcomes_file::now());
        let Told { outcome, code, field, reason } = told;
        let (field, reason) = (*field, *reason);
        OutcomeLine { line: row.line, id, owner, destination, run, outcome, code, field, reason, time: &time }
            .add_to(lines)
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
        let Page { settled, maybe_applied, hold_until, reasons, skips, mut letters, outcome_lines, outcomes } = page;
        if settled.is_empty() && maybe_applied.is_empty() && outcomes.is_empty() {
            return Ok(());
        }
        let told = self.write_outcomes(&outcome_lines).map_err(|error| self.cannot_write(FileFailed::Outcomes(error)));
        let has_letters = !letters.is_empty();
        if let Some(run) = &mut self.run {
            if has_letters && run.letters_end() == 0 {
                let head = self.dead_letters.head().map_err(|error| JournalError::new(error.to_string()))?;
                letters.splice(0..0, head);
                run.name_letters(self.dead_letters.free_absolute_path());
            }
            let mut entry = Entry::default();
            entry.read = self.read;
            entry.settled.clone_from(&settled);
            entry.maybe_applied = maybe_applied;
            entry.hold_until = hold_until;
            let rejected = |reason| -> (Kind, Option<&ErrorCode>, &str) {
                let reason: &Reason = reason;
                (Kind::Rejected, reason.code.as_ref(), reason.counted_as())
            };
            entry.reasons = reasons.iter().map(rejected).collect();
            entry.reasons.extend(skips.iter().map(|reason| (Kind::Skipped, None, *reason)));
            entry.letters = std::mem::take(&mut letters);
            entry.outcomes = outcomes;
            run.commit(entry)?;
        } else if has_letters {
            let written = self.dead_letters.append(&letters);
            written.map_err(|error| self.cannot_write(FileFailed::RejectedRows(error)))?;
        }
        for (_, kind) in &settled {
            self.settlement.count(*kind);
        }
        for reason in &reasons {
            self.reasons.count_reason(reason.code.as_ref(), reason.counted_as());
        }
        for reason in skips {
            self.reasons.count_skip(reason, 1);
        }
        let Some(run) = self.run.as_mut().filter(|_| has_letters) else { return told };
        let written = if run.are_letters_replaced() {
            let (head, another) = (self.dead_letters.head(), || self.dead_letters.free_absolute_path());
            head.and_then(|head| run.recover_letters(&head, another)).map(drop)
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

    /// How the run ends in the journal.
    fn ending(&mut self, state: State, exit_status: u8, stop: Option<Stopped>, hold: Duration) -> Ending {
        let mut ending = Ending::new(state);
        (ending.exit_status, ending.stop) = (Some(exit_status), stop);
        ending.maybe_applied = std::mem::take(&mut self.maybe_applied);
        ending.maybe_applied.retain(|row| self.run.as_ref().is_none_or(|run| !run.settled().contains(*row)));
        ending.hold_until = (!ending.maybe_applied.is_empty()).then(|| SystemTime::now() + hold);
        ending
    }

    /// What became of all rows of the run that were read, by this command and those before it.
    fn counts(&self) -> Counts {
        let Settlement { accepted, rejected, skipped, unchanged } = self.settlement;
        let mut counts = self.reasons.clone();
        (counts.rows, counts.accepted, counts.rejected) = (self.read.saturating_sub(self.first), accepted, rejected);
        (counts.skipped, counts.unchanged) = (skipped, unchanged);
        counts.pending = counts.rows.saturating_sub(accepted + rejected + skipped + unchanged);
        counts
    }
}
