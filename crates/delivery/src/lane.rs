//! The state of one lane, as a machine without I/O: events and the time come in, requests to send go out.
//!
//! The task that feeds it is in `driver`; what leaves when is in `departure`; what an answer means for each update is in
//! `answer`; how updates leave the lane is in `ending`; the rules that keep a wrong mapping from rejecting everybody are in
//! `provisional`; what is done while nothing gets through is in `reach` and `probe`; what waits for an attempt whose end is
//! unknown is in `hold`, and what is left to the next run in `behind`; what the journal is told is in `journal`.

mod answer;
mod behind;
mod departure;
pub(crate) mod driver;
mod ending;
mod flight;
mod hold;
pub(crate) mod item;
mod journal;
mod observed;
mod probe;
mod provisional;
mod queue;
mod reach;
mod rejects;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contact_sink_core::{
    Applied, BatchKey, ContactSink, ContactUpdate, ErrorCode, Limits, SinkError, SinkErrorKind, Subject,
};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::backoff::after;
use crate::observe::Observer;
use crate::{Admission, Journal, Options, Outcome, Stop, Summary};
use answer::Recent;
use behind::Behind;
use flight::{Flights, Group, Purpose};
use hold::Holds;
use item::{Item, Ticket};
use probe::Probes;
use provisional::Provisional;
use queue::{Lines, Queues};
use reach::Reach;
use rejects::Rejects;

/// What the handles tell the lane.
#[derive(Debug)]
pub(crate) enum Command {
    Submit {
        seq: u64,
        number: Option<u64>,
        update: ContactUpdate,
        earlier: Applied,
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

/// What the handles are told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) summary: Summary,
    /// Until when nothing leaves, though updates wait.
    pub(crate) waits_until: Option<Instant>,
    /// Since when nothing gets through.
    pub(crate) unreachable_since: Option<Instant>,
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

pub(crate) struct Lane {
    sink: Arc<dyn ContactSink>,
    limits: Limits,
    options: Options,
    /// Whether a limiter holds the lane after throttling; without one, backoff must.
    paced: bool,
    told: Arc<Mutex<Told>>,
    lines: Lines,
    behind: Behind,
    queues: Queues,
    flights: Flights,
    holds: Holds,
    in_flight: HashMap<u64, Request>,
    provisional: Provisional,
    reach: Reach,
    probes: Probes,
    rng: fastrand::Rng,
    /// Counts departures and answers, to say which came first.
    events: u64,
    /// Nothing leaves until then, so that a refusal is heard again in quiet.
    quiet_until: Instant,
    /// Codes that the vendor's table lacks and that were heard in quiet: they are not about the quota.
    heard_in_quiet: HashSet<Option<ErrorCode>>,
    recent: Recent,
    /// Codes for which a window was spent.
    asked_in_quiet: HashSet<Option<ErrorCode>>,
    /// Nothing was accepted yet: one request at a time.
    alone: bool,
    rejects: Rejects,
    journal: Option<Box<dyn Journal>>,
    /// It failed: what becomes definite cannot be written down any more.
    journal_is_lost: bool,
    /// Outcomes that the journal and the callers have not been told yet.
    definite: Vec<(Item, Outcome)>,
    /// Updates without an outcome.
    held: usize,
    open_inputs: usize,
    input_is_over: bool,
    closing: bool,
    closers: Vec<oneshot::Sender<()>>,
    stopped: bool,
    cause: Option<Arc<SinkError>>,
    observer: Observer,
}

impl Lane {
    pub(crate) fn new(
        sink: Arc<dyn ContactSink>,
        options: Options,
        journal: Option<Box<dyn Journal>>,
        paced: bool,
        told: Arc<Mutex<Told>>,
        now: Instant,
    ) -> Self {
        let (mut limits, first_after) = (sink.limits(), options.first_after);
        limits.max_updates = options.batch.map_or(limits.max_updates, |batch| batch.min(limits.max_updates));
        let rng = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let observer = Observer::new(options.name.clone(), limits.quota);
        Self {
            sink,
            limits,
            reach: Reach::new(options.max_attempts.get()),
            queues: Queues::new(limits.max_updates.get(), options.linger),
            options,
            paced,
            told,
            lines: Lines::default(),
            behind: Behind::default(),
            flights: Flights::default(),
            holds: Holds::default(),
            in_flight: HashMap::new(),
            provisional: Provisional::default(),
            probes: Probes::default(),
            rng,
            events: 0,
            quiet_until: after(now, first_after),
            heard_in_quiet: HashSet::new(),
            recent: Recent::default(),
            asked_in_quiet: HashSet::new(),
            alone: true,
            rejects: Rejects::default(),
            journal,
            journal_is_lost: false,
            definite: Vec::new(),
            held: 0,
            open_inputs: 0,
            input_is_over: false,
            closing: false,
            closers: Vec::new(),
            stopped: false,
            cause: None,
            observer,
        }
    }

    pub(crate) fn handle(&mut self, command: Command, now: Instant) {
        match command {
            Command::Submit { seq, number, update, earlier, ticket } => {
                let mut item = Item::new(seq, number, update, earlier, ticket);
                if earlier == Applied::Maybe {
                    item.unknown_until = Some(after(now, self.options.maybe_applied_hold));
                }
                self.submit(item, now);
            }
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
                self.abandon(now);
            }
            Command::HandlesGone => self.closing = true,
        }
        self.advance(now);
    }

    /// What became due by the passing of time alone.
    pub(crate) fn advance(&mut self, now: Instant) {
        if !self.stopped {
            self.advance_holds(now);
            self.advance_reach(now);
            self.advance_trial(now);
            self.conclude_when_idle(now);
        }
        if self.held == 0 {
            if self.closing {
                // Whoever closes a lane wants to end what its journal keeps.
                self.journal = None;
            }
            for closer in self.closers.drain(..) {
                // Whoever asked is gone: nobody is left to tell.
                let _ = closer.send(());
            }
        }
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
            return;
        }
        let Some(valid) = guarded(|| self.sink.validate(&item.update)) else { return self.broke(item) };
        if let Err(rejection) = valid {
            let outcome = Outcome::Rejected { rejections: vec![rejection], stored: Vec::new(), earlier: item.applied };
            self.rejects.unsent += 1;
            self.settle(item, outcome);
        } else if let Some(item) = self.lines.enter(item) {
            self.enqueue(item, now);
        }
    }

    /// Nothing earlier of its subject is under way.
    fn enqueue(&mut self, item: Item, now: Instant) {
        if self.is_behind(&item) {
            return self.give_up([item]);
        }
        let Some(mut item) = self.hold(item, now) else { return };
        match self.admit(&item) {
            Some(admission @ (Admission::Send | Admission::SendPart(_))) => {
                if let Admission::SendPart(update) = admission {
                    item.update = update;
                }
                match guarded(|| self.sink.batch_key(&item.update)) {
                    Some(key) => self.queues.push(key, item, now),
                    None => self.broke(item),
                }
            }
            Some(Admission::Unchanged) => self.settle(item, Outcome::Unchanged),
            Some(Admission::Superseded) => self.settle(item, Outcome::Superseded),
            None => self.give_up([item]),
        }
    }

    /// The sink's code panicked over this update, which says so; the lane goes on.
    fn broke(&mut self, item: Item) {
        let error = SinkError::new("sink", "check", SinkErrorKind::Contract).with_detail("it panicked");
        let outcome = item.unsettled(Some(Arc::new(error)));
        self.settle(item, outcome);
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the sink's own code gives; `None` if it panicked.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}
