//! The run itself: rows in, outcomes out, each one counted once.

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use std::vec;

use contact_sink_core::{ContactSink, ContactUpdate};
use contact_sink_delivery::{Delivery, JournalError, Numbered, Options, Outcome, Outcomes, Stop, Summary, Undelivered};
use contact_sink_journal::{State, Stopped};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::interrupt::{Interrupt, SETTLE_GRACE, TimeLimit, Why};
use super::ledger::{Books, FileFailed, Hook};
use super::stop;
use contact_sink_mapping::Mapper;
use contact_sink_source::{InputRows, ReadControl};

use crate::console::say;
use crate::exit_status::Status;
use crate::progress::{Progress, Sample};
use crate::reading::{self, Known, ReadRow, Reading, Seen, Wanted};
use crate::report::{Counts, DestinationReport, Replaced, StopReport};

/// So many blocks of rows that are not sent are written down together.
const MOST_ASIDE: usize = 2;
/// So many outcomes are taken in one turn, if they are there.
const MOST_OUTCOMES: usize = 256;

/// What a run of one destination needs. It shares nothing with others but a limiter in its options.
pub struct Run {
    /// What is sent and where, and with which run it goes on.
    pub says: Vec<String>,
    /// What may be a mistake in the configuration.
    pub doubts: Vec<String>,
    /// How the input is named.
    pub input: String,
    /// Whether it is a regular file: that has an end.
    pub is_file: bool,
    pub rows: InputRows,
    /// Ends the reading.
    pub reading: Arc<ReadControl>,
    pub mapper: Mapper,
    /// What is known of the input's rows.
    pub known: Known,
    /// What is read of each row beside its update.
    pub wanted: Wanted,
    /// What its report says of it from the beginning.
    pub about: About,
    /// What became of them.
    pub books: Books,
    pub sink: Box<dyn ContactSink>,
    pub options: Options,
    pub progress: Progress,
    /// Whose codes the outcomes have.
    pub vendor: &'static str,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}

/// What a report says of a run from the beginning.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The input, as an absolute path.
    pub input: PathBuf,
    pub simulated: bool,
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
    /// Whose codes the outcomes have.
    pub vendor: &'static str,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}

/// What ended a run before its time.
pub enum End {
    Stopped(Stop),
    /// A file beside the journal cannot be written.
    File(FileFailed),
    Journal(JournalError),
    Unreadable(String),
    Interrupted,
    /// The time is up that the user gave it.
    TimeIsUp(TimeLimit),
    /// A panic, which says so itself.
    Broken,
}

impl Ended {
    /// A run of which nothing is known but how it ended.
    pub fn at_once(vendor: &'static str, about: About, end: End) -> Self {
        Self {
            about,
            counts: Counts::default(),
            rejected_files: Vec::new(),
            times: None,
            ends: vec![end],
            cause: None,
            unread: true,
            seen: Seen::default(),
            vendor,
            accepted_means: None,
        }
    }

    /// A run of which all was done before.
    pub fn done_before(
        vendor: &'static str,
        accepted_means: Option<&'static str>,
        about: About,
        books: &Books,
    ) -> Self {
        let (mut counts, rejected_files) = (books.counts(), books.rejected_files());
        counts.finish(&Summary::default(), Duration::ZERO);
        let status = if counts.rejected > 0 { Status::Rejected } else { Status::Done };
        let finished = books.finish(State::Finished, status.number(), None, Duration::ZERO);
        let ends = finished.err().map(End::Journal).into_iter().collect();
        let (now, seen) = (now(), Seen::default());
        let times = Some((now.clone(), now));
        Self { about, counts, rejected_files, times, ends, cause: None, unread: false, seen, vendor, accepted_means }
    }

    /// What ended it first, if it ended before its last row.
    pub fn stop(&self) -> Option<StopReport> {
        self.ends.first().map(|end| stop::report(end, self.vendor, &self.about.rejected))
    }

    /// What the report says.
    pub fn report(&self) -> DestinationReport {
        let About { input, simulated, name, command, replaced, other_since, .. } = self.about.clone();
        let status = self.status();
        // What is done is not resumed.
        let is_left = self.unread || self.counts.pending > 0;
        let (started, ended) = self.times.clone().unzip();
        DestinationReport {
            counts: self.counts.clone(),
            input: Some(input),
            mode: Some(if simulated { "simulated" } else { "live" }),
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
            // Nobody has to act: the vendor may be back by the next run.
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

/// What a first signal does is said once for all destinations.
static TOLD: Once = Once::new();

impl Run {
    /// Sends all rows of the input that have no outcome yet.
    pub async fn sync(self, mut interrupt: Interrupt) -> Ended {
        let Self { input, is_file, rows, reading, mapper, known, wanted, about, books, .. } = self;
        let (mut progress, vendor, accepted_means) = (self.progress, self.vendor, self.accepted_means);
        let (began, started, hold) = (Instant::now(), now(), self.options.maybe_applied_hold);
        // Each request in flight has its own end before that.
        let settle = hold + SETTLE_GRACE;
        let Reading { updates, mut aside, end } = reading::start(rows, mapper, known, wanted);
        let delivery = Delivery::with_journal(self.sink, self.options, Hook(books.clone()));
        let rows =
            Updates { blocks: updates, block: Vec::new().into_iter(), reading: reading.clone(), books: books.clone() };
        let mut outcomes = delivery.deliver_numbered(rows);
        let (mut ends, mut cause, mut batch) = (Vec::new(), None, Vec::new());
        let (mut sending, mut reading_aside, mut cut) = (true, true, false);
        let (mut settle_until, mut abandoned) = (None, false);
        while sending || reading_aside {
            tokio::select! {
                more = poll_fn(|cx| take_outcomes(&mut outcomes, cx, |number, outcome| {
                    // The books have every other one already.
                    if let Outcome::Undelivered { cause: last, applied, .. } = outcome {
                        books.give_back(number, applied);
                        cause = Some(last).filter(|last| last.error().is_some()).or(cause.take());
                    }
                })), if sending => sending = more,
                count = aside.recv_many(&mut batch, MOST_ASIDE), if reading_aside => {
                    reading_aside = count > 0;
                    let stopped = !ends.is_empty() || delivery.summary().stop.is_some();
                    let rows: Vec<_> = batch.drain(..).flatten().collect();
                    match books.set_aside(&rows, stopped) {
                        Ok(refused) => (0..refused).for_each(|_| delivery.count_refused()),
                        Err(_) if stopped => {}
                        Err(error) => add_failure(&mut ends, &books, error),
                    }
                },
                why = interrupt.told(), if settle_until.is_none() => {
                    if why == Why::Signal {
                        TOLD.call_once(|| say!("contact-sink: ends when what is in flight is answered; a second signal ends it at once"));
                    }
                    settle_until = Some(Instant::now() + settle);
                    // An input that was read to its end is counted whole. Else the thread that reads may wait for a terminal or
                    // a pipe: nothing waits for it any more.
                    if !end.is_finished() {
                        reading.stop();
                        (reading_aside, cut) = (false, true);
                    }
                    ends.push(match why {
                        Why::Signal => End::Interrupted,
                        Why::TimeIsUp(limit) => End::TimeIsUp(limit),
                    });
                }
                () = until(settle_until), if !abandoned => {
                    abandoned = true;
                    delivery.clone().close(Duration::ZERO).await;
                }
                () = sleep_until(progress.next()) => {
                    progress.show(Sample::new(&books.counts(), &delivery.summary()));
                }
            }
            if !ends.is_empty() {
                delivery.halt();
            }
            // A pipe may never end: after a stop only a file is read on, so that all of it is counted.
            if !is_file && !reading.is_stopped() && delivery.summary().stop.is_some() {
                reading.stop();
                (reading_aside, cut) = (false, true);
            }
        }
        progress.finish();
        let mut seen = Seen::default();
        if !cut {
            match end.await {
                Ok(Err(fault)) => ends.push(End::Unreadable(fault.message(&input))),
                Ok(Ok(all)) => seen = all,
                // The thread that reads ended without a word.
                Err(_) => ends.push(End::Broken),
            }
        }
        let summary = delivery.close(Duration::ZERO).await;
        match summary.stop.clone() {
            None | Some(Stop::Halted) => {}
            Some(Stop::Journal(error)) => add_failure(&mut ends, &books, error),
            Some(stop) => ends.push(End::Stopped(stop)),
        }
        if let Some(failed) = books.file_failure()
            && !ends.iter().any(|end| matches!(end, End::File(_) | End::Journal(_)))
        {
            ends.push(End::File(failed));
        }
        let (mut counts, rejected_files) = (books.counts(), books.rejected_files());
        // Who was asked to end with the last row has ended the run all the same.
        let in_order = ends.iter().all(|end| matches!(end, End::Interrupted | End::TimeIsUp(_)));
        // Rows of a file are counted also if they were not read.
        let unread = cut && about.rows.is_none();
        counts.include_unread(about.rows.unwrap_or_default());
        let is_done = in_order && !unread && counts.pending == 0;
        if is_done {
            // All is settled: nothing was interrupted.
            ends.clear();
        }
        counts.finish(&summary, began.elapsed());
        let times = Some((started, now()));
        let mut ended =
            Ended { about, counts, rejected_files, times, ends, cause, unread, seen, vendor, accepted_means };
        let stop =
            ended.stop().filter(|_| !is_done).map(|stop| Stopped { kind: stop.kind.to_owned(), message: stop.message });
        let state = if is_done { State::Finished } else { State::Unfinished };
        if let Err(error) = books.finish(state, ended.status().number(), stop, hold)
            && !ended.ends.iter().any(|end| matches!(end, End::Journal(_)))
        {
            ended.ends.push(End::Journal(error));
        }
        let Counts { rows, accepted, rejected, pending, requests, retries, elapsed_ms, .. } = ended.counts;
        info!(rows, accepted, rejected, pending, requests, retries, elapsed_ms, "end");
        ended
    }
}

/// Why nothing can be written down any more; once.
fn add_failure(ends: &mut Vec<End>, books: &Books, error: JournalError) {
    if !ends.iter().any(|end| matches!(end, End::Journal(_) | End::File(_))) {
        ends.push(books.file_failure().map_or(End::Journal(error), End::File));
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Takes the outcomes that are there; false after the last one.
fn take_outcomes(outcomes: &mut Outcomes<u64>, cx: &mut Context<'_>, mut take: impl FnMut(u64, Outcome)) -> Poll<bool> {
    for taken in 0..MOST_OUTCOMES {
        match Pin::new(&mut *outcomes).poll_next(cx) {
            Poll::Ready(Some((number, outcome))) => take(number, outcome),
            Poll::Ready(None) => return Poll::Ready(false),
            Poll::Pending if taken == 0 => return Poll::Pending,
            Poll::Pending => break,
        }
    }
    Poll::Ready(true)
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The rows to send, as a stream that ends when the reading is stopped.
struct Updates {
    blocks: mpsc::Receiver<Vec<(ReadRow, ContactUpdate)>>,
    /// The rest of the block that was received last.
    block: vec::IntoIter<(ReadRow, ContactUpdate)>,
    reading: Arc<ReadControl>,
    books: Books,
}

impl Stream for Updates {
    type Item = Numbered;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Numbered>> {
        loop {
            if self.reading.is_stopped() {
                return Poll::Ready(None);
            }
            if let Some((row, update)) = self.block.next() {
                return Poll::Ready(Some(self.books.give(row, update)));
            }
            match ready!(self.blocks.poll_recv(cx)) {
                Some(block) => self.block = block.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }

    /// At least the rest of the block.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.block.len(), None)
    }
}
