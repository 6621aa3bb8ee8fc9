//! The books of one destination's run: what became of each row, written down before anybody acts on it.

mod books;

use std::collections::HashMap;
use std::io;
use std::time::SystemTime;

use contact_sink_core::{Applied, ContactUpdate};
use contact_sink_delivery::{JournalError, Numbered, Outcome, Settled};
use contact_sink_journal::{Counts as Settlement, Entry, Kind, Recovered, Run};

use super::vendor_has::VendorHas;
use contact_sink_mapping::{Mapping, Problem};
use contact_sink_source::Digest;

use crate::dead_letters::{DeadLetters, Reason};
use crate::reading::ReadRow;
use crate::report::Counts;
pub use books::{Books, Hook};

/// The books. The lane writes into them as its journal ([`Hook`]), the run as it reads.
pub struct Ledger {
    destination: String,
    mapping: Mapping,
    dead_letters: DeadLetters,
    /// What outlives the process; the simulator in this process has none.
    run: Option<Run>,
    vendor_has: Option<VendorHas>,
    /// Rows that were given to the lane and have no outcome.
    under_way: HashMap<u64, ReadRow>,
    settlement: Settlement,
    reasons: Counts,
    /// The rows that were read, by their number, and the hash of all of them.
    read: u64,
    digest: Digest,
    /// Rejected rows that the file does not have.
    unwritten: u64,
    dead_letters_failed: Option<io::Error>,
    /// Some outcomes could not be written down: what the lane has in flight from then on is told to nobody.
    is_behind: bool,
}

/// What a commit is made of.
#[derive(Default)]
struct Page {
    settled: Vec<(u64, Kind)>,
    doubtful: Vec<u64>,
    unsure_until: Option<SystemTime>,
    reasons: Vec<Reason>,
    letters: Vec<u8>,
}

impl Ledger {
    /// The books of a run; without a journal they end with the process.
    pub fn new(
        destination: &str,
        mapping: Mapping,
        dead_letters: DeadLetters,
        run: Option<Run>,
        vendor_has: Option<VendorHas>,
    ) -> Self {
        let mut reasons = Counts::default();
        for known in run.iter().flat_map(Run::reasons) {
            reasons.count_reason_times(known.code.as_ref(), &known.reason, known.count);
        }
        Self {
            destination: destination.to_owned(),
            mapping,
            dead_letters,
            under_way: HashMap::new(),
            settlement: run.as_ref().map(Run::counts).unwrap_or_default(),
            reasons,
            read: run.as_ref().map_or(0, |run| run.record().read),
            run,
            vendor_has,
            digest: Digest::default(),
            unwritten: 0,
            dead_letters_failed: None,
            is_behind: false,
        }
    }

    /// Holds the file of rejected rows against what the journal knows of it, and says what a person should know.
    pub fn recover(&mut self, is_done: bool) -> io::Result<Option<String>> {
        let Some(run) = &mut self.run else { return Ok(None) };
        if is_done && !run.has_unwritten_letters() {
            return Ok(None);
        }
        let was = run.letters_path().map(|path| path.display().to_string()).unwrap_or_default();
        let head = self.dead_letters.head()?;
        match run.recover_letters(&head, || self.dead_letters.free_absolute_path())? {
            Recovered::Edited => Ok(Some(format!(
                "{was} is gone or was edited, so it is left alone: rows that are rejected from now on go to another file"
            ))),
            Recovered::OtherHead => Ok(Some(format!(
                "{was} has the columns of the input as it was: rows that are rejected from now on go to another file"
            ))),
            _ => Ok(None),
        }
    }

    /// Closes the books of a run that was not begun after all.
    pub fn put_back(&mut self) {
        if let Some(run) = self.run.take() {
            // Why it is not begun is what a person must know; at the worst it counts as cut off.
            let _ = run.put_back();
        }
    }

    /// Takes a row that is given to the lane.
    fn give(&mut self, row: ReadRow, update: ContactUpdate) -> Numbered {
        self.see(&row);
        let numbered = Numbered::new(row.number, update).with_earlier(row.earlier);
        self.under_way.insert(row.number, row);
        numbered
    }

    fn see(&mut self, row: &ReadRow) {
        if row.number >= self.read {
            (self.read, self.digest) = (row.number + 1, row.digest);
        }
    }

    /// Writes down rows that are not sent. After a stop nothing is judged any more.
    fn set_aside(&mut self, rows: &[(ReadRow, Vec<Problem>)], stopped: bool) -> Result<u64, JournalError> {
        let (mut page, mut refused) = (Page::default(), 0);
        for (row, problems) in rows {
            self.see(row);
            if problems.is_empty() {
                page.settled.push((row.number, Kind::Skipped));
            } else if !stopped {
                self.reject(&mut page, row, problems.iter().map(Reason::by_rule).collect())?;
                refused += 1;
            }
        }
        self.write_down(page)?;
        Ok(refused)
    }

    fn settled(&mut self, outcomes: &[Settled<'_>]) -> Result<(), JournalError> {
        let mut page = Page::default();
        for Settled { number, update, outcome, unsure_for, .. } in outcomes {
            page.unsure_until = page.unsure_until.max(unsure_for.map(|unsure_for| SystemTime::now() + unsure_for));
            if let Some(vendor_has) = &self.vendor_has {
                vendor_has.settled(update, outcome)?;
            }
            let Some(number) = *number else { continue };
            match outcome {
                Outcome::Accepted => page.settled.push((number, Kind::Accepted)),
                Outcome::Unchanged => page.settled.push((number, Kind::Unchanged)),
                Outcome::Rejected { rejections, earlier, .. } => {
                    let reason = |rejection| Reason::by_sink(rejection, *earlier, &self.mapping);
                    let reasons = rejections.iter().map(reason).collect();
                    if let Some(row) = self.under_way.remove(&number) {
                        self.reject(&mut page, &row, reasons)?;
                    }
                }
                Outcome::Unsettled { applied: Applied::Perhaps, .. } => page.doubtful.push(number),
                // It is sent by the next run.
                _ => {}
            }
            self.under_way.remove(&number);
        }
        self.write_down(page)
    }

    fn reject(&mut self, page: &mut Page, row: &ReadRow, reasons: Vec<Reason>) -> Result<(), JournalError> {
        let lines = self.dead_letters.lines(row, &reasons).map_err(|error| self.cannot_write_letters(error))?;
        page.letters.extend_from_slice(&lines);
        page.settled.push((row.number, Kind::Rejected));
        page.reasons.extend(reasons);
        Ok(())
    }

    /// First the journal, then the file of rejected rows: what the journal has is written by the next run if this one cannot.
    fn write_down(&mut self, page: Page) -> Result<(), JournalError> {
        let Page { settled, doubtful, unsure_until, reasons, mut letters } = page;
        if settled.is_empty() && doubtful.is_empty() {
            return Ok(());
        }
        let has_letters = !letters.is_empty();
        if let Some(run) = &mut self.run {
            if has_letters && run.letters_end() == 0 {
                let head = self.dead_letters.head().map_err(|error| JournalError::new(error.to_string()))?;
                letters.splice(0..0, head);
                run.name_letters(self.dead_letters.free_absolute_path());
            }
            let mut entry = Entry::default();
            entry.read = Some((self.read, self.digest.as_bytes()));
            entry.settled.clone_from(&settled);
            entry.doubtful = doubtful;
            entry.unsure_until = unsure_until;
            entry.reasons = reasons.iter().map(|reason| (reason.code.as_ref(), reason.counted_as())).collect();
            entry.letters = std::mem::take(&mut letters);
            run.commit(entry)?;
        }
        for (_, kind) in &settled {
            self.settlement.count(*kind);
        }
        if has_letters {
            let written = match &mut self.run {
                Some(run) if run.are_letters_replaced() => {
                    let (head, another) = (self.dead_letters.head(), || self.dead_letters.free_absolute_path());
                    head.and_then(|head| run.recover_letters(&head, another)).map(drop)
                }
                Some(run) => run.write_letters(),
                None => self.dead_letters.append(&letters),
            };
            if let Err(error) = written {
                self.unwritten += settled.iter().filter(|(_, kind)| *kind == Kind::Rejected).count() as u64;
                return Err(self.cannot_write_letters(error));
            }
        }
        for reason in &reasons {
            self.reasons.count_reason(reason.code.as_ref(), reason.counted_as());
        }
        Ok(())
    }

    fn cannot_write_letters(&mut self, error: io::Error) -> JournalError {
        let told = JournalError::new(format!("the file of rejected rows cannot be written: {error}"));
        self.dead_letters_failed.get_or_insert(error);
        told
    }

    /// What became of all rows of the input that were read, by this run and those before it.
    fn counts(&self) -> Counts {
        let Settlement { accepted, rejected, skipped, unchanged } = self.settlement;
        let (rejected, mut counts) = (rejected - self.unwritten, self.reasons.clone());
        (counts.rows, counts.accepted, counts.rejected) = (self.read, accepted, rejected);
        (counts.skipped, counts.unchanged) = (skipped, unchanged);
        counts.pending = self.read.saturating_sub(accepted + rejected + skipped + unchanged);
        counts
    }
}
