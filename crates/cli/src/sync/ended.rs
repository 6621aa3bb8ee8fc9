//! What is known of a run from the beginning, and how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use contact_sink_delivery::{Stop, Summary, Undelivered};
use contact_sink_journal::State;

use super::books::Books;
use super::destination::Destination;
use super::stop::{self, End};
use crate::exit_status::Status;
use crate::reading::Seen;
use crate::report::{Counts, DestinationReport, Replaced, StopReport};
use crate::time::to_the_second;

/// What a report says of a run from the beginning.
#[derive(Clone)]
pub struct About {
    pub destination: Arc<Destination>,
    /// The input, as an absolute path.
    pub input: PathBuf,
    /// How many rows belong to it; of a pipe that is not known.
    pub rows: Option<u64>,
    /// Its name.
    pub name: String,
    /// What to type to resume it; a pipe cannot be.
    pub command: Option<String>,
    /// Where this command puts files of rejected rows.
    pub rejected: PathBuf,
    pub replaced: Option<Replaced>,
    /// It was done before, and other content was sent since.
    pub other_since: bool,
}

/// How a run ended.
pub struct Ended {
    pub about: About,
    pub counts: Counts,
    pub rejected_files: Vec<PathBuf>,
    /// When it began and ended, in words.
    pub times: Option<(String, String)>,
    /// What ended it before its time; empty if nothing did.
    pub ends: Vec<End>,
    /// The last failure of a row that ran out of tries.
    pub cause: Option<Undelivered>,
    /// Whether rows are left that were not read, and are not counted.
    pub unread: bool,
    /// What a person should know of the input as a whole.
    pub seen: Seen,
}

impl Ended {
    /// A run of which nothing is known but how it ended.
    pub fn at_once(about: About, end: End) -> Self {
        let (counts, seen) = (Counts::default(), Seen::default());
        Self {
            about,
            counts,
            rejected_files: Vec::new(),
            times: None,
            ends: vec![end],
            cause: None,
            unread: true,
            seen,
        }
    }

    /// A run of which all was done before.
    pub fn done_before(about: About, books: &Books) -> Self {
        let mut counts = books.with(|ledger| ledger.counts());
        let rejected_files = books.with(|ledger| ledger.rejected_files());
        counts.finish(&Summary::default(), Duration::ZERO);
        let status = if counts.rejected > 0 { Status::Rejected } else { Status::Done };
        let ending = books.with(|ledger| ledger.ending(State::Finished, status, None, Duration::ZERO));
        let ends = books.finish(ending).err().map(End::Journal).into_iter().collect();
        let times = Some((now(), now()));
        Self { about, counts, rejected_files, times, ends, cause: None, unread: false, seen: Seen::default() }
    }

    /// The user's name for its destination.
    pub fn name(&self) -> &str {
        &self.about.destination.name
    }

    /// What ended it first, if it ended before its last row.
    pub fn stop(&self) -> Option<StopReport> {
        self.ends.first().map(|end| stop::report(end, self.about.destination.vendor, &self.about.rejected))
    }

    /// What the report says.
    pub fn report(&self) -> DestinationReport {
        let About { destination, input, name, command, replaced, other_since, .. } = self.about.clone();
        let status = self.status();
        // What is done is not resumed.
        let is_left = self.unread || self.counts.pending > 0;
        let (started, ended) = self.times.clone().unzip();
        DestinationReport {
            counts: self.counts.clone(),
            input: Some(input),
            mode: Some(if destination.simulated { "simulated" } else { "live" }),
            run: Some(name),
            started,
            ended,
            exit_status: status.number(),
            stop: self.stop(),
            rejected_files: self.rejected_files.clone(),
            continue_command: command.filter(|_| is_left),
            replaced,
            other_content_since: other_since,
        }
    }

    /// The exit status.
    pub fn status(&self) -> Status {
        let counts = &self.counts;
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
