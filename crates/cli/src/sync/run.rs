//! The run itself: rows in, outcomes out, each one counted once.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use contact_sink_core::{ContactSink, ContactUpdate, SinkError};
use contact_sink_delivery::{Delivery, Options, Outcome, Stop};
use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use super::interrupt::{Interrupt, SETTLE, TimeLimit, Why};
use crate::config::Mapping;
use crate::dead_letters::{DeadLetters, Reason};
use crate::input::{Input, Plan, Problem, Progress as Reading, Row, Rows};
use crate::progress::{Progress, Sample};
use crate::report::Counts;
use crate::status::Status;

/// What a run of one destination needs. It shares nothing with others but a limiter in its options.
pub struct Run {
    /// What is sent and where.
    pub first_line: String,
    /// What may be a mistake in the configuration.
    pub doubts: Vec<String>,
    pub input: Input,
    pub mapping: Mapping,
    pub plan: Plan,
    pub sink: Box<dyn ContactSink>,
    pub options: Options,
    pub dead_letters: DeadLetters,
    pub progress: Progress,
    /// Whose codes the outcomes have.
    pub vendor: &'static str,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}

/// How a run ended.
pub struct Ended {
    pub counts: Counts,
    pub dead_letters: Option<PathBuf>,
    /// What ended it before its time; empty if nothing did.
    pub ends: Vec<End>,
    /// The last failure of a row that ran out of tries.
    pub cause: Option<Arc<SinkError>>,
    /// Whether rows are left that were not read, and are not counted.
    pub unread: bool,
    /// Columns of the mapping that no row had.
    pub never_met: Vec<String>,
    /// Whose codes the outcomes have.
    pub vendor: &'static str,
    /// What *accepted* means at this vendor, where it is less than stored.
    pub accepted_means: Option<&'static str>,
}

/// What ended a run before its time.
pub enum End {
    Stopped(Stop),
    DeadLetters(std::io::Error),
    Unreadable(String),
    Interrupted,
    /// The time is up that the user gave it.
    TimeIsUp(TimeLimit),
    /// A panic, which says so itself.
    Broken,
}

impl Ended {
    /// A run of which nothing is known but how it ended.
    pub fn at_once(vendor: &'static str, end: End) -> Self {
        Self {
            counts: Counts::default(),
            dead_letters: None,
            ends: vec![end],
            cause: None,
            unread: true,
            never_met: Vec::new(),
            vendor,
            accepted_means: None,
        }
    }

    /// The exit status.
    pub fn status(&self) -> Status {
        let counts = &self.counts;
        let ended = self.ends.iter().map(|end| match end {
            // Nobody has to act: the vendor may be back by the next run.
            End::Stopped(Stop::Unreachable { .. }) => Status::Pending,
            End::Stopped(_) | End::DeadLetters(_) | End::Broken => Status::Stopped,
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

/// A run under way.
struct Tally {
    mapping: Mapping,
    dead_letters: DeadLetters,
    counts: Counts,
    ends: Vec<End>,
    cause: Option<Arc<SinkError>>,
}

impl Run {
    /// Sends all rows of the input.
    pub async fn sync(self, mut interrupt: Interrupt) -> Ended {
        let Self { input, plan, mapping, dead_letters, mut progress, vendor, accepted_means, .. } = self;
        let began = Instant::now();
        let (input_name, size, reading) = (input.name.clone(), input.size, input.progress.clone());
        let Rows { updates, mut aside, end } = input.read_rows(plan);
        let delivery = Delivery::new(self.sink, self.options);
        let mut outcomes = delivery.deliver_all(Updates { rows: updates, reading: reading.clone() });
        let mut tally = Tally { mapping, dead_letters, counts: Counts::default(), ends: Vec::new(), cause: None };
        let (mut sending, mut reading_aside, mut cut) = (true, true, false);
        let (mut settle_until, mut abandoned) = (None, false);
        while sending || reading_aside {
            tokio::select! {
                next = outcomes.next(), if sending => match next {
                    Some((row, outcome)) => tally.settled(&row, outcome),
                    None => sending = false,
                },
                next = aside.recv(), if reading_aside => match next {
                    Some((row, problem)) => tally.set_aside(&row, problem, &delivery),
                    None => reading_aside = false,
                },
                why = interrupt.told(), if settle_until.is_none() => {
                    settle_until = Some(Instant::now() + SETTLE);
                    // An input that was read to its end is counted whole. Else the thread that reads may wait for a terminal or
                    // a pipe: nothing waits for it any more.
                    if !end.is_finished() {
                        reading.stop();
                        (reading_aside, cut) = (false, true);
                    }
                    tally.ends.push(match why {
                        Why::Signal => End::Interrupted,
                        Why::TimeIsUp(limit) => End::TimeIsUp(limit),
                    });
                }
                () = until(settle_until), if !abandoned => {
                    abandoned = true;
                    delivery.clone().close(Duration::ZERO).await;
                }
                () = sleep_until(progress.next()) => {
                    let (bytes, read) = (reading.bytes(), reading.rows());
                    progress.show(Sample::new(&tally.counts, &delivery.summary(), bytes, read));
                }
            }
            if !tally.ends.is_empty() {
                delivery.halt();
            }
            // Whoever writes into a pipe may never end it: after a stop only a file is read on, so that all of it is counted.
            if size.is_none() && !reading.is_stopped() && delivery.summary().stop.is_some() {
                reading.stop();
                (reading_aside, cut) = (false, true);
            }
        }
        progress.finish();
        let mut never_met = Vec::new();
        if !cut {
            match end.await {
                Ok(Err(unreadable)) => tally.ends.push(End::Unreadable(unreadable.message(&input_name))),
                Ok(Ok(columns)) if !columns.is_empty() => never_met = columns,
                // The thread that reads ended without a word.
                Err(_) => tally.ends.push(End::Broken),
                _ if size.is_some_and(|size| reading.bytes() < size) => {
                    let problem =
                        format!("{input_name}: it became shorter while it was read: its last rows are unknown");
                    tally.ends.push(End::Unreadable(problem));
                }
                _ => {}
            }
        }
        let summary = delivery.close(Duration::ZERO).await;
        match summary.stop.clone() {
            None | Some(Stop::Halted) => {}
            Some(stop) => tally.ends.push(End::Stopped(stop)),
        }
        tally.counts.finish(&summary, began.elapsed());
        let Counts { rows, accepted, rejected, pending, requests, retries, elapsed_ms, .. } = tally.counts;
        info!(rows, accepted, rejected, pending, requests, retries, elapsed_ms, "end");
        Ended {
            counts: tally.counts,
            dead_letters: tally.dead_letters.path().map(Into::into),
            ends: tally.ends,
            cause: tally.cause,
            unread: cut,
            never_met,
            vendor,
            accepted_means,
        }
    }
}

impl Tally {
    fn settled(&mut self, row: &Row, outcome: Outcome) {
        self.counts.rows += 1;
        match outcome {
            Outcome::Accepted => self.counts.accepted += 1,
            Outcome::Rejected { rejections, earlier, .. } => {
                let reason = |rejection| Reason::by_sink(rejection, earlier, &self.mapping);
                let reasons: Vec<Reason> = rejections.iter().map(reason).collect();
                self.reject(row, &reasons);
            }
            Outcome::Unsettled { cause, .. } => {
                self.counts.pending += 1;
                self.cause = cause.or(self.cause.take());
            }
            // An outcome that this command does not know is not done with.
            _ => self.counts.pending += 1,
        }
    }

    fn set_aside(&mut self, row: &Row, problem: Option<Problem>, delivery: &Delivery) {
        self.counts.rows += 1;
        match problem {
            None => self.counts.skipped += 1,
            // After a stop nothing is judged any more.
            Some(_) if delivery.summary().stop.is_some() => self.counts.pending += 1,
            Some(problem) => {
                self.reject(row, &[Reason::by_rule(problem)]);
                delivery.count_refused();
            }
        }
    }

    /// Counts a row as rejected once it is in the file of rejected rows.
    fn reject(&mut self, row: &Row, reasons: &[Reason]) {
        let written = if self.ends.iter().any(|end| matches!(end, End::DeadLetters(_))) {
            Ok(false)
        } else {
            self.dead_letters.write(row, reasons).map(|()| true)
        };
        match written {
            Ok(true) => {
                self.counts.rejected += 1;
                for reason in reasons {
                    self.counts.count_reason(reason.code, reason.counted_as());
                }
            }
            Ok(false) => self.counts.pending += 1,
            Err(error) => {
                self.counts.pending += 1;
                self.ends.push(End::DeadLetters(error));
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The rows to send, as a stream that ends when the reading is stopped.
struct Updates {
    rows: mpsc::Receiver<(Row, ContactUpdate)>,
    reading: Arc<Reading>,
}

impl Stream for Updates {
    type Item = (Row, ContactUpdate);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.reading.is_stopped() { Poll::Ready(None) } else { self.rows.poll_recv(cx) }
    }
}
