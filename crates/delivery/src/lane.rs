//! The state of one lane, as a machine without I/O: events and the time come in, requests to send go out.
//!
//! The task that feeds it is in `driver`; what an answer means for each update is in `answer`; how updates leave the lane is in
//! `ending`; the rules that keep a wrong mapping from rejecting everybody are in `provisional`.

mod answer;
pub(crate) mod driver;
mod ending;
mod flight;
pub(crate) mod item;
mod provisional;
mod queue;
mod rejects;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use contact_sink_core::{BatchKey, ContactSink, ContactUpdate, Limits, Overlap, SinkError, Subject};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::backoff::Budget;
use crate::{Options, Outcome, Stop, Summary};
use flight::{Flights, Group, Purpose};
use item::{Item, Ticket};
use provisional::Provisional;
use queue::{Lines, Queues};
use rejects::Rejects;

/// What the handles tell the lane.
#[derive(Debug)]
pub(crate) enum Command {
    Submit {
        seq: u64,
        update: ContactUpdate,
        ticket: Ticket,
    },
    /// The caller has the outcome, or is gone.
    Released {
        seq: u64,
        subject: Subject,
    },
    /// The caller refused an update itself, without giving it to the lane.
    RefusedByCaller,
    InputOpened,
    InputEnded,
    Halt,
    /// Nothing more comes; answer when all is settled.
    Close(oneshot::Sender<()>),
    /// Give up what is left.
    Abandon,
    /// The last handle is gone.
    HandlesGone,
}

/// A request that is in flight.
#[derive(Debug)]
struct Request {
    key: BatchKey,
    group: Group,
    rest: Vec<Group>,
    /// The lane's event count when it left.
    departed: u64,
}

impl Request {
    fn may_be_taken_apart(&self) -> bool {
        matches!(self.group.purpose, Purpose::Batch | Purpose::Isolation) || !self.rest.is_empty()
    }
}

#[derive(Debug)]
enum Candidate {
    Flight(flight::Place),
    Fresh(BatchKey),
}

pub(crate) struct Lane {
    sink: Arc<dyn ContactSink>,
    limits: Limits,
    options: Options,
    /// Whether a limiter holds the lane after throttling; without one, backoff must.
    paced: bool,
    summary: Arc<Mutex<Summary>>,
    lines: Lines,
    queues: Queues,
    flights: Flights,
    in_flight: HashMap<u64, Request>,
    provisional: Provisional,
    budget: Budget,
    rng: fastrand::Rng,
    /// Counts departures and answers, to say which came first.
    events: u64,
    /// Nothing leaves until then, so that a refusal is heard again in quiet.
    quiet_until: Instant,
    /// Codes that the vendor's table lacks and that were heard in quiet: they are not about the quota.
    heard_in_quiet: HashSet<Option<i64>>,
    /// Nothing was accepted yet: one request at a time.
    alone: bool,
    rejects: Rejects,
    /// Updates without an outcome.
    held: usize,
    open_inputs: usize,
    input_is_over: bool,
    closing: bool,
    closers: Vec<oneshot::Sender<()>>,
    stopped: bool,
    cause: Option<Arc<SinkError>>,
}

impl Lane {
    pub(crate) fn new(
        sink: Arc<dyn ContactSink>,
        options: Options,
        paced: bool,
        summary: Arc<Mutex<Summary>>,
        now: Instant,
    ) -> Self {
        let limits = sink.limits();
        let rng = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            sink,
            limits,
            queues: Queues::new(limits.max_updates.get(), options.linger),
            options,
            paced,
            summary,
            lines: Lines::default(),
            flights: Flights::default(),
            in_flight: HashMap::new(),
            provisional: Provisional::default(),
            budget: Budget::new(now),
            rng,
            events: 0,
            quiet_until: now,
            heard_in_quiet: HashSet::new(),
            alone: true,
            rejects: Rejects::default(),
            held: 0,
            open_inputs: 0,
            input_is_over: false,
            closing: false,
            closers: Vec::new(),
            stopped: false,
            cause: None,
        }
    }

    pub(crate) fn handle(&mut self, command: Command, now: Instant) {
        match command {
            Command::Submit { seq, update, ticket } => self.submit(Item::new(seq, update, ticket), now),
            Command::Released { seq, subject } => {
                if let Some(next) = self.lines.leave(seq, &subject) {
                    self.enqueue(next, now);
                }
            }
            Command::RefusedByCaller => {
                self.rejects.given += 1;
                self.rejects.unsent += 1;
                self.check_rejects();
            }
            Command::InputOpened => self.open_inputs += 1,
            Command::InputEnded => {
                self.open_inputs = self.open_inputs.saturating_sub(1);
                self.input_is_over = self.open_inputs == 0;
            }
            Command::Halt => self.stop(Stop::Halted),
            Command::Close(closer) => {
                self.closing = true;
                self.closers.push(closer);
            }
            Command::Abandon => {
                self.stop(Stop::Halted);
                self.abandon();
            }
            Command::HandlesGone => self.closing = true,
        }
        self.advance(now);
    }

    /// What became due by the passing of time alone.
    pub(crate) fn advance(&mut self, now: Instant) {
        if !self.stopped {
            self.advance_trial(now);
            self.conclude_when_idle(now);
        }
        if self.held == 0 {
            for closer in self.closers.drain(..) {
                // Whoever asked is gone: nobody is left to tell.
                let _ = closer.send(());
            }
        }
    }

    /// Whether a request could leave now.
    pub(crate) fn wants_to_send(&mut self, now: Instant) -> bool {
        self.candidate(now).is_some()
    }

    /// The request that leaves now: its number and its batch.
    pub(crate) fn depart(&mut self, now: Instant) -> Option<(u64, Vec<ContactUpdate>)> {
        let (key, mut group, rest) = match self.candidate(now)? {
            Candidate::Flight(place) => self.flights.take(place)?,
            Candidate::Fresh(key) => {
                let items = self.queues.take(&key);
                (key, Group::new(items, Purpose::Batch), Vec::new())
            }
        };
        self.count_departure(&group, now);
        for item in group.items.iter_mut().filter(|item| !item.sent) {
            item.sent = true;
            self.rejects.sent += 1;
        }
        if self.limits.overlap == Overlap::OnePerKey {
            self.queues.occupy(&key);
        }
        let batch = group.batch();
        self.events += 1;
        let number = self.events;
        self.in_flight.insert(number, Request { key, group, rest, departed: number });
        Some((number, batch))
    }

    /// When something becomes due by the passing of time alone.
    pub(crate) fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        if self.stopped {
            return None;
        }
        let budget = self.flights.has_due_retry(now).then(|| self.budget.ready_at(now));
        let concludes = self.provisional.concludes_at();
        [self.flights.next_due_after(now), budget, self.queues.ripe_at(), concludes, Some(self.quiet_until)]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Whether the lane's task has nothing left to do.
    pub(crate) fn is_finished(&self) -> bool {
        self.closing && self.held == 0
    }

    fn submit(&mut self, item: Item, now: Instant) {
        self.held += 1;
        self.rejects.given += 1;
        self.input_is_over = false;
        if self.stopped || self.closing {
            let outcome = item.unsettled(self.cause.clone());
            self.settle(item, outcome);
        } else if let Err(rejection) = self.sink.validate(&item.update) {
            let outcome = Outcome::Rejected { rejections: vec![rejection], stored: Vec::new(), earlier: item.applied };
            self.rejects.unsent += 1;
            self.settle(item, outcome);
        } else if let Some(item) = self.lines.enter(item) {
            self.enqueue(item, now);
        }
    }

    fn enqueue(&mut self, item: Item, now: Instant) {
        self.queues.push(self.sink.batch_key(&item.update), item, now);
    }

    fn candidate(&mut self, now: Instant) -> Option<Candidate> {
        if self.stopped || self.in_flight.len() >= self.options.concurrency.get() {
            return None;
        }
        if self.alone && !self.in_flight.is_empty() {
            return None;
        }
        let may_retry = self.budget.ready_at(now) <= now;
        let trial = self.provisional.is_on_trial();
        let queues = &self.queues;
        let may_go = |key: &BatchKey, group: &Group| (!trial || group.purpose == Purpose::Try) && !queues.is_busy(key);
        // Whatever else is due would break the quiet.
        let heard_again =
            self.flights.first_due(now, may_retry, |key, group| group.is_heard_again() && may_go(key, group));
        let may_others = now >= self.quiet_until;
        let place = heard_again.or_else(|| self.flights.first_due(now, may_retry, may_go).filter(|_| may_others));
        if let Some(place) = place {
            return Some(Candidate::Flight(place));
        }
        if trial || !may_others || (self.alone && !self.flights.is_empty()) || self.keeps_for_tries() {
            return None;
        }
        self.queues.ripe(now, self.nothing_more_comes()).cloned().map(Candidate::Fresh)
    }

    fn nothing_more_comes(&self) -> bool {
        self.closing || self.input_is_over
    }

    fn count_departure(&mut self, group: &Group, now: Instant) {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        summary.requests += 1;
        if group.again.is_retry() {
            summary.retries += 1;
        } else if group.purpose != Purpose::Batch {
            summary.isolation_requests += 1;
        }
        drop(summary);
        if group.again.needs_budget() {
            self.budget.spend(now);
        } else if !group.again.is_retry() {
            self.budget.earn();
        }
    }
}
