//! What is known of a run from the beginning, and how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_delivery::{JournalError, Stop, Summary, Undelivered};
use contact_sink_journal::State;

use super::books::Books;
use super::stop::{self, End};
use crate::config::Destination;
use crate::exit_status::Status;
use crate::reading::Seen;
use crate::report::{Counts, DestinationReport, StopReport};
use crate::time::to_the_second;

/// What is known of a run from the beginning.
#[derive(Clone)]
pub struct About {
    pub destination: Arc<Destination>,
    /// How many rows belong to it; of a pipe that is not known.
    pub rows: Option<u64>,
    /// Where this command puts files of rejected rows.
    pub rejected: PathBuf,
    /// The report, as far as it is known; with the command to resume the run, if it is no pipe.
    pub report: DestinationReport,
}

/// How a run ended.
pub struct Ended {
    /// Its report has the counts, the files and the times.
    pub about: About,
    /// What ended it before its time; empty if nothing did.
    pub ends: Vec<End>,
    /// The last failure of a row that ran out of tries.
    pub cause: Option<Undelivered>,
    /// Whether rows are left that were not read, and are not counted.
    pub unread: bool,
    /// What a person should know of the input as a whole.
    pub seen: Seen,
}

impl About {
    /// Adds to the report what came of the run until now.
    ///
    /// # Errors
    /// The journal does not say why rows were rejected: that is not in the report.
    pub fn finish(
        &mut self,
        books: &Books,
        lane: &Summary,
        (elapsed, started): (Duration, String),
    ) -> Result<(), JournalError> {
        let report = &mut self.report;
        (report.counts, report.rejected_files) = books.with(|ledger| (ledger.counts(), ledger.rejected_files()));
        report.counts.include_unread(self.rows.unwrap_or_default());
        report.counts.finish(lane, elapsed);
        (report.started, report.ended) = (Some(started), Some(now()));
        report.counts.add_reasons(books.with(|ledger| ledger.reasons())?);
        Ok(())
    }
}

impl Ended {
    /// A run of which nothing is known but how it ended.
    pub fn at_once(about: About, end: End) -> Self {
        Self { about, ends: vec![end], cause: None, unread: true, seen: Seen::default() }
    }

    /// A run of which all was done before.
    pub fn done_before(mut about: About, books: &Books) -> Self {
        let told = about.finish(books, &Summary::default(), (Duration::ZERO, now()));
        let status = if about.report.counts.rejected > 0 { Status::Rejected } else { Status::Done };
        let ending = books.with(|ledger| ledger.ending(State::Finished, status, None, Duration::ZERO));
        let ends = told.and(books.finish(ending)).err().map(End::Journal).into_iter().collect();
        Self { about, ends, cause: None, unread: false, seen: Seen::default() }
    }

    /// The user's name for its destination.
    pub fn name(&self) -> &str {
        &self.about.destination.name
    }

    /// What ended it first, if it ended before its last row.
    pub fn stop(&self) -> Option<StopReport> {
        self.ends.first().map(|end| stop::report(end, self.about.destination.vendor, &self.about.rejected))
    }

    /// The counts of its rows.
    pub fn counts(&self) -> &Counts {
        &self.about.report.counts
    }

    /// What the report says.
    pub fn report(&self) -> DestinationReport {
        let report = self.about.report.clone();
        // What is done is not resumed.
        let is_left = self.unread || report.counts.pending > 0;
        DestinationReport {
            exit_status: self.status().number(),
            stop: self.stop(),
            continue_command: report.continue_command.filter(|_| is_left),
            ..report
        }
    }

    /// The exit status.
    pub fn status(&self) -> Status {
        let counts = self.counts();
        let ended = self.ends.iter().map(|end| match end {
            // No person has to act: the vendor may be back by the next run.
            End::Stopped(Stop::Unreachable { .. } | Stop::TooManyUndelivered { .. }) => Status::Pending,
            End::Stopped(_) | End::File(_) | End::Journal(_) | End::Broken => Status::Stopped,
            End::Unreadable(_) => Status::Unreadable,
            End::Interrupted => Status::Interrupted,
            End::TimeIsUp(_) if self.unread => Status::Pending,
            End::TimeIsUp(_) => Status::Done,
        });
        let pending = (counts.pending > 0).then_some(Status::Pending);
        let rejected = (counts.rejected > 0).then_some(Status::Rejected);
        ended.chain(pending).chain(rejected).max().unwrap_or(Status::Done)
    }
}

/// The present time, as a report has it.
pub fn now() -> String {
    to_the_second(SystemTime::now())
}
