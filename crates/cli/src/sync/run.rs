//! The run itself: rows in, outcomes out, each one counted once.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec;

use contact_sink_core::{ContactSink, ContactUpdate};
use contact_sink_delivery::{Delivery, JournalError, Numbered, Options, Outcome, Outcomes, Stop, Summary, Undelivered};
use contact_sink_journal::{State, Stopped};
use contact_sink_mapping::Mapper;
use contact_sink_source::{Fault, InputRows, ReadControl};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::books::Books;
use super::ended::{About, Ended, now};
use super::interrupt::{Interrupt, SETTLE_GRACE, Why};
use super::ledger::Ledger;
use super::stop::End;
use crate::console::say;
use crate::reading::{self, Aside, Known, ReadRow, Reading, Seen};
use crate::report::{Counts, StopReport};
use crate::run_progress::RunProgress;

/// So many blocks of rows that are not sent are written down together.
const MOST_ASIDE: usize = 2;
/// So many outcomes are taken in one turn, if they are there.
const MOST_OUTCOMES: usize = 256;

/// What a run of one destination needs. It shares nothing with others but a limiter in its options.
pub struct Run {
    /// What its report says of it from the beginning.
    pub about: About,
    /// What is sent and where, and which run is resumed.
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
    /// What became of them.
    pub books: Books,
    pub sink: Box<dyn ContactSink>,
    pub options: Options,
    pub progress: RunProgress,
}

/// A run while its rows are sent.
struct Sending {
    books: Books,
    delivery: Delivery,
    reading: Arc<ReadControl>,
    /// Whether the input was read to its end, and what a person should know of it.
    end: JoinHandle<Result<Seen, Fault>>,
    is_file: bool,
    /// What ends it before its time; empty if nothing does.
    ends: Vec<End>,
    /// The last failure of a row that ran out of attempts.
    cause: Option<Undelivered>,
    /// The reading was stopped before the end of the input.
    cut: bool,
    /// For how long after an interruption what is in flight is waited for.
    settle: Duration,
    settle_until: Option<Instant>,
}

/// What a first signal does is said once for all destinations.
static TOLD: Once = Once::new();

impl Run {
    /// Sends all rows of the input that have no outcome yet.
    pub async fn sync(self, mut interrupt: Interrupt) -> Ended {
        let Self { about, input, is_file, rows, reading, mapper, known, books, mut progress, .. } = self;
        let (began, started, hold) = (Instant::now(), now(), self.options.maybe_applied_hold);
        let Reading { updates, mut aside, end } = reading::start(rows, mapper, known);
        let delivery = Delivery::with_journal(self.sink, self.options, books.clone());
        let block = Vec::new().into_iter();
        let rows = Updates { blocks: updates, block, reading: reading.clone(), books: books.clone() };
        let mut outcomes = delivery.deliver_numbered(rows);
        let mut sending_rows = Sending {
            books,
            delivery,
            reading,
            end,
            is_file,
            ends: Vec::new(),
            cause: None,
            cut: false,
            // Each request in flight has its own end before that.
            settle: hold + SETTLE_GRACE,
            settle_until: None,
        };
        sending_rows.drive(&mut outcomes, &mut aside, &mut interrupt, &mut progress).await;
        progress.finish();
        drop(outcomes);
        sending_rows.end(about, &input, hold, (began, started)).await
    }
}

impl Sending {
    /// Takes what comes, until there is no more or the run is interrupted.
    async fn drive(
        &mut self,
        outcomes: &mut Outcomes<u64>,
        aside: &mut mpsc::Receiver<Vec<(ReadRow, Aside)>>,
        interrupt: &mut Interrupt,
        progress: &mut RunProgress,
    ) {
        let (mut sending, mut reading_aside, mut batch, mut abandoned) = (true, true, Vec::new(), false);
        while sending || reading_aside && !self.cut {
            tokio::select! {
                more = poll_fn(|cx| take_outcomes(outcomes, cx, |number, outcome| take(&self.books, &mut self.cause, number, outcome))),
                    if sending => sending = more,
                count = aside.recv_many(&mut batch, MOST_ASIDE), if reading_aside && !self.cut => {
                    reading_aside = count > 0;
                    self.set_aside(batch.drain(..).flatten().collect());
                },
                why = interrupt.told(), if self.settle_until.is_none() => self.interrupt(why),
                () = until(self.settle_until), if !abandoned => {
                    abandoned = true;
                    self.delivery.clone().close(Duration::ZERO).await;
                }
                () = sleep_until(progress.next()) => {
                    progress.show(&self.books.with(|ledger| ledger.counts()), &self.delivery.summary());
                }
            }
            if !self.ends.is_empty() {
                self.delivery.halt();
            }
            // A pipe may never end: after a stop only a file is read on, so that all of it is counted.
            if !self.is_file && !self.reading.is_stopped() && self.delivery.summary().stop.is_some() {
                self.cut_reading();
            }
        }
    }

    fn set_aside(&mut self, rows: Vec<(ReadRow, Aside)>) {
        let stopped = !self.ends.is_empty() || self.delivery.summary().stop.is_some();
        let written = self.books.with(|ledger| ledger.set_aside(&rows, stopped));
        match written {
            Ok(refused) => (0..refused).for_each(|_| self.delivery.count_refused()),
            Err(_) if stopped => {}
            Err(error) => self.add_failure(error),
        }
    }

    fn interrupt(&mut self, why: Why) {
        if why == Why::Signal {
            TOLD.call_once(|| {
                say!("contact-sink: ends when what is in flight is answered; a second signal ends it at once")
            });
        }
        self.settle_until = Some(Instant::now() + self.settle);
        // An input that was read to its end is counted whole. Else the thread that reads may wait for a terminal or a pipe: nothing
        // waits for it any more.
        if !self.end.is_finished() {
            self.cut_reading();
        }
        self.ends.push(match why {
            Why::Signal => End::Interrupted,
            Why::TimeIsUp(limit) => End::TimeIsUp(limit),
        });
    }

    fn cut_reading(&mut self) {
        self.reading.stop();
        self.cut = true;
    }

    /// Why nothing can be written down any more; once.
    fn add_failure(&mut self, error: JournalError) {
        if !self.has_failed() {
            self.ends.push(self.books.with(Ledger::file_failure).map_or(End::Journal(error), End::File));
        }
    }

    fn has_failed(&self) -> bool {
        self.ends.iter().any(|end| matches!(end, End::Journal(_) | End::File(_)))
    }

    /// Waits for the end of the reading and of the delivery, and notes what ended them.
    async fn close(&mut self, input: &str) -> (Seen, Summary) {
        let mut seen = Seen::default();
        if !self.cut {
            match (&mut self.end).await {
                Ok(Err(fault)) => self.ends.push(End::Unreadable(fault.message(input))),
                Ok(Ok(all)) => seen = all,
                // The thread that reads ended without a word.
                Err(_) => self.ends.push(End::Broken),
            }
        }
        let summary = self.delivery.clone().close(Duration::ZERO).await;
        match summary.stop.clone() {
            None | Some(Stop::Halted) => {}
            Some(Stop::Journal(error)) => self.add_failure(error),
            Some(stop) => self.ends.push(End::Stopped(stop)),
        }
        if !self.has_failed()
            && let Some(failed) = self.books.with(Ledger::file_failure)
        {
            self.ends.push(End::File(failed));
        }
        (seen, summary)
    }

    /// Ends the run in the journal, and says how it ended.
    async fn end(
        mut self,
        mut about: About,
        input: &str,
        hold: Duration,
        (began, started): (Instant, String),
    ) -> Ended {
        let (seen, summary) = self.close(input).await;
        if let Err(error) = about.finish(&self.books, &summary, (began.elapsed(), started)) {
            self.add_failure(error);
        }
        let Self { books, mut ends, cause, cut, .. } = self;
        let counts = &about.report.counts;
        // Who was asked to end with the last row has ended the run all the same.
        let in_order = ends.iter().all(|end| matches!(end, End::Interrupted | End::TimeIsUp(_)));
        // Rows of a file are counted also if they were not read.
        let unread = cut && about.rows.is_none();
        let is_done = in_order && !unread && counts.pending == 0;
        if is_done {
            // All is settled: nothing was interrupted.
            ends.clear();
        }
        let mut ended = Ended { about, ends, cause, unread, seen };
        let stop = ended.stop().map(|StopReport { kind, message }| Stopped { kind, message });
        let state = if is_done { State::Finished } else { State::Unfinished };
        let ending = books.with(|ledger| ledger.ending(state, ended.status(), stop, hold));
        if let Err(error) = books.finish(ending)
            && !ended.ends.iter().any(|end| matches!(end, End::Journal(_)))
        {
            ended.ends.push(End::Journal(error));
        }
        let Counts { rows, accepted, rejected, pending, requests, retries, elapsed_ms, .. } = *ended.counts();
        info!(rows, accepted, rejected, pending, requests, retries, elapsed_ms, "end");
        ended
    }
}

/// The books have every other outcome already.
fn take(books: &Books, last_cause: &mut Option<Undelivered>, number: u64, outcome: Outcome) {
    if let Outcome::Undelivered { cause, applied, .. } = outcome {
        books.with(|ledger| ledger.give_back(number, applied));
        if cause.error().is_some() {
            *last_cause = Some(cause);
        }
    }
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
                return Poll::Ready(Some(self.books.with(|ledger| ledger.give(row, update))));
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
