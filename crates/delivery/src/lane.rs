//! One lane: a machine without I/O that wires its parts. Events and the time come in, requests to send go out.
//!
//! [`state`] says whether a request may be sent, [`scheduler`] which one, [`judge`] what its answer means, and [`ledger`] who
//! is told. The task that feeds the lane is in [`driver`].

pub(crate) mod driver;
pub(crate) mod item;
pub(crate) mod judge;
pub(crate) mod ledger;
mod rulings;
pub(crate) mod scheduler;
pub(crate) mod state;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use contact_sink_core::{Applied, ContactSink, ContactUpdate, Limits, SinkError, SinkErrorKind};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::backoff::after;
use crate::observe::{Departed, Leaving, Observer};
use crate::options::Rules;
use crate::slab::Slab;
use crate::{Admission, Health, Journal, JournalError, MaxRejected, Options, Outcome, Stop, Undelivered};
use item::{At, Item, Key, Post, Priority, Reply};
use ledger::{Ledger, Told};
use scheduler::Scheduler;
use scheduler::retries::{Again, Group, Purpose};
use scheduler::subjects::MOST_ENDED;
use state::{Allowance, State, TEN};

/// What the handles tell the lane.
#[derive(Debug)]
pub(crate) enum Command {
    Submit(Vec<Item>),
    /// A caller left; its update is at this place, if the lane has it.
    Left(Arc<AtomicUsize>),
    /// The caller refused an update itself, without giving it to the lane.
    RefusedByCaller,
    InputOpened,
    InputEnded,
    Halt,
    /// Nothing more comes; answer when all is settled.
    Close(oneshot::Sender<()>),
    /// End what is left.
    Abandon,
    /// The last handle is gone.
    HandlesGone,
}

/// A request that is in flight.
#[derive(Debug)]
struct Flight {
    group: Group,
    since: Instant,
}

/// What a lane is told when it is opened.
struct Setup {
    sink: Arc<dyn ContactSink>,
    limits: Limits,
    options: Options,
    observer: Observer,
    rng: fastrand::Rng,
    /// How long an answer takes, lately.
    answer_time: Duration,
}

pub(crate) struct Lane {
    setup: Setup,
    items: Slab<Item>,
    state: State,
    scheduler: Scheduler,
    ledger: Ledger,
    /// By the number of the departure.
    in_flight: HashMap<u64, Flight>,
    next_seq: u64,
    closers: Vec<oneshot::Sender<()>>,
}

impl Lane {
    pub(crate) fn new(
        sink: Arc<dyn ContactSink>,
        options: Options,
        journal: Option<Box<dyn Journal>>,
        told: Arc<std::sync::Mutex<Told>>,
        health: watch::Sender<Health>,
    ) -> Self {
        let mut limits = sink.limits();
        limits.max_updates = options.batch.map_or(limits.max_updates, |batch| batch.min(limits.max_updates));
        let observer = Observer::new(options.name.clone(), limits.quota);
        let rng = options.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            items: Slab::new(),
            state: State::new(&options, limits.quota, health, observer.clone(), Instant::now()),
            scheduler: Scheduler::new(&options, &limits, options.rules == Rules::Service),
            ledger: Ledger::new(journal, options.max_rejected, told, observer.clone()),
            in_flight: HashMap::new(),
            next_seq: 0,
            closers: Vec::new(),
            setup: Setup { sink, limits, options, observer, rng, answer_time: Duration::ZERO },
        }
    }

    pub(crate) fn handle(&mut self, command: Command, now: Instant) {
        match command {
            Command::Submit(items) => items.into_iter().for_each(|item| self.submit(item, now)),
            Command::Left(place) => self.left(place.load(Ordering::Relaxed)),
            Command::RefusedByCaller => {
                self.ledger.refused_by_caller();
                self.stop_if_too_many_rejected(now);
            }
            Command::InputOpened => self.scheduler.inputs.open += 1,
            Command::InputEnded => {
                let inputs = &mut self.scheduler.inputs;
                inputs.open = inputs.open.saturating_sub(1);
                inputs.are_over = inputs.open == 0;
            }
            Command::Halt => self.stop(Stop::Halted, now),
            Command::Close(closer) => {
                self.scheduler.inputs.closing = true;
                self.closers.push(closer);
            }
            Command::Abandon => {
                self.stop(Stop::Halted, now);
                self.abandon(now);
            }
            Command::HandlesGone => self.scheduler.inputs.closing = true,
        }
        self.advance(now);
    }

    /// What became due by the passing of time alone.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.end_overdue(now);
        if self.state.stopped().is_none() {
            while let Some(key) = self.scheduler.release_held(now) {
                self.proceed(key, now);
            }
            if self.in_flight.is_empty() && self.state.stops_now(0, now) {
                self.stop(self.state.unreachable(now), now);
            }
            // What waits behind an update that is settled is sent when the outcome is written down.
            if self.ledger.told_at().is_none() {
                self.judge_what_waits(now);
            }
        }
        if self.ledger.waiting() == 0 {
            if self.scheduler.inputs.closing {
                // The journal is the caller's again when the lane is closed.
                self.ledger.close_journal();
                self.state.close(now);
            }
            for closer in self.closers.drain(..) {
                // An error means that the caller is gone.
                let _ = closer.send(());
            }
        }
    }

    /// Decides what follows when little or nothing is left to send.
    fn judge_what_waits(&mut self, now: Instant) {
        if self.in_flight.is_empty() && self.scheduler.retries.is_empty() && self.scheduler.queues.len() == 0 {
            self.state.rests(now);
        }
        self.advance_canaries(now);
        self.believe_when_idle(now);
    }

    /// Whether the lane's task has nothing left to do.
    pub(crate) fn is_finished(&self) -> bool {
        self.scheduler.inputs.closing && self.ledger.waiting() == 0
    }

    // How an update comes in.

    fn submit(&mut self, mut item: Item, now: Instant) {
        self.ledger.takes();
        self.next_seq += 1;
        (item.seq, item.came) = (self.next_seq, now);
        item.subject = self.scheduler.subjects.hash_of(item.update.subject());
        if item.applied == Applied::Maybe {
            item.maybe_until = Some(after(now, self.setup.options.maybe_applied_hold));
        }
        let valid = guarded(|| self.setup.sink.validate(&item.update));
        let (seq, priority, deadline) = (item.seq, item.priority, item.deadline);
        let key = self.items.insert(item);
        let item = &mut self.items[key];
        if let Some(Reply::One { at, .. }) = &item.reply {
            at.store(key, Ordering::Relaxed);
        }
        if self.state.stopped().is_some() || self.scheduler.inputs.closing {
            return self.undeliver(key, self.cause_of_the_end(), now);
        }
        self.scheduler.inputs.are_over = false;
        match valid {
            None => {
                self.undeliver(key, Undelivered::Broken, now);
                return self.end_subject_of(key, panicked(), now);
            }
            Some(Err(rejection)) => return self.reject(key, vec![rejection], Vec::new(), now),
            Some(Ok(())) => {}
        }
        if priority == Priority::Interactive
            && let Health::Paused { cause, .. } = self.state.health()
            && !self.takes_in_pause(now)
        {
            return self.undeliver(key, Undelivered::Paused(cause), now);
        }
        self.scheduler.deadlines.extend(deadline.map(|deadline| (deadline, key)));
        let may_go_on = self.scheduler.subjects.enter(self.items[key].subject, key);
        if priority == Priority::Interactive {
            self.scheduler.promote_before(key, &mut self.items);
        }
        if may_go_on {
            self.proceed(key, now);
        }
        // A caller is answered at once in a pause, if the update cannot be the canary.
        if priority == Priority::Interactive && self.state.is_paused() {
            self.end_waiting(|item| item.seq == seq && matches!(item.at, At::Line | At::Held(_)), now);
        }
    }

    /// Whether an update for which a caller waits is taken: in a pause only as the canary, if nothing else can be it.
    fn takes_in_pause(&self, now: Instant) -> bool {
        match self.state.allows(self.in_flight.len(), now) {
            Allowance::Canary { failed_last } => self.scheduler.canary(failed_last, now).is_none(),
            _ => !self.state.is_paused(),
        }
    }

    /// Nothing earlier of its subject is under way.
    fn proceed(&mut self, key: Key, now: Instant) {
        self.items[key].at = At::Flight;
        let item = &self.items[key];
        if let Some(error) = self.scheduler.subjects.ended(item.subject).filter(|_| item.is_of_an_input()) {
            return self.undeliver(key, Undelivered::Attempts(error), now);
        }
        if self.state.stopped().is_some() {
            return self.undeliver(key, self.cause_of_the_end(), now);
        }
        let item = &mut self.items[key];
        if self.scheduler.hold(item, key, now) {
            return;
        }
        match self.ledger.admit(item.number, &item.update) {
            Ok(Admission::Send) => {}
            Ok(Admission::SendPart(update)) => item.update = update,
            Ok(Admission::Unchanged) => return self.settle(key, Outcome::Unchanged, now),
            Ok(Admission::Superseded) => return self.settle(key, Outcome::Superseded, now),
            Err(error) => {
                self.journal_failed(&error, now);
                return self.undeliver(key, self.cause_of_the_end(), now);
            }
        }
        match guarded(|| self.setup.sink.batch_key(&item.update)) {
            Some(batch_key) => {
                item.at = At::Queue(self.scheduler.queues.push(batch_key, item.priority, item.seq, key, item.came));
            }
            None => self.undeliver(key, Undelivered::Broken, now),
        }
    }

    // What is sent.

    fn choose(&mut self, now: Instant) -> Option<scheduler::Choice> {
        let allowed = self.state.allows(self.places_taken(), now);
        if allowed == Allowance::Nothing {
            return None;
        }
        let apart = self.in_flight.values().any(|flight| flight.group.may_be_taken_apart());
        self.scheduler.next(allowed, apart, now)
    }

    /// Whether a request could be sent now.
    pub(crate) fn wants_to_send(&mut self, now: Instant) -> bool {
        self.choose(now).is_some()
    }

    /// The request that is sent now: its number, its batch, and who observes it.
    pub(crate) fn depart(&mut self, now: Instant) -> Option<(u64, Vec<ContactUpdate>, Departed)> {
        self.end_overdue(now);
        let choice = self.choose(now)?;
        let mut group = self.scheduler.take(choice)?;
        group.items.iter().for_each(|key| self.items[*key].at = At::Flight);
        self.end_outlived(&mut group.items, now);
        if group.items.is_empty() {
            self.scheduler.answered(&group.key);
            return None;
        }
        let keys = || group.items.iter().copied();
        let mut batch = Vec::with_capacity(group.items.len());
        batch.extend(keys().filter_map(|key| self.sent_update(key, group.purpose)));
        let departing: Vec<_> = keys().map(|key| self.items[key].number).zip(&batch).collect();
        if let Err(error) = self.ledger.departs(&departing) {
            self.journal_failed(&error, now);
            self.scheduler.answered(&group.key);
            self.undeliver_all(group.items, now);
            return None;
        }
        let number = self.state.departs(now);
        self.ledger.sent_first(keys().filter(|key| !self.items[*key].sent).count() as u64);
        let departed = self.observe_departure(&group);
        group.items.iter().for_each(|key| self.items[*key].sent = true);
        self.in_flight.insert(number, Flight { group, since: now });
        Some((number, batch, departed))
    }

    /// What the sink is given of an update: all of it, or the field that is tested.
    fn sent_update(&self, key: Key, purpose: Purpose) -> Option<ContactUpdate> {
        let item = &self.items[key];
        match &item.split {
            Some(split) if purpose.is_of_a_field() => item.update.only(split.next),
            _ => Some(item.update.clone()),
        }
    }

    fn observe_departure(&self, group: &Group) -> Departed {
        let mut told = self.ledger.told();
        told.summary.requests += 1;
        if group.again != Again::No {
            told.summary.retries += 1;
        } else if group.purpose != Purpose::Batch {
            told.summary.isolation_requests += 1;
        }
        drop(told);
        let numbers = || group.items.iter().filter_map(|key| self.items[*key].number);
        let departed = self.setup.observer.departs(Leaving {
            purpose: group.purpose.name(),
            updates: group.items.len(),
            attempt: self.next_attempt(&group.items),
            is_retry: group.again != Again::No,
            numbers: numbers().min().zip(numbers().max()),
        });
        departed.follows(group.items.iter().map(|key| &self.items[*key].caller));
        departed
    }

    fn next_attempt(&self, items: &[Key]) -> u32 {
        items.iter().map(|key| self.items[*key].failures).max().unwrap_or_default().saturating_add(1)
    }

    // How an update ends.

    /// Writes down what ended, and then tells the callers, if it is time.
    pub(crate) fn commit(&mut self, now: Instant) {
        while self.commit_is_due(now) {
            let (settled, written) = self.ledger.commit(&mut self.items, now);
            if let Err(error) = written {
                self.journal_failed(&error, now);
            }
            settled.into_iter().for_each(|key| self.leave(key, now));
        }
    }

    /// Outcomes are written down together, which costs far less than one by one: at once only if no request is in flight, or if the
    /// next one needs a place.
    pub(crate) fn commit_is_due(&self, now: Instant) -> bool {
        let no_more_come = self.in_flight.is_empty() || self.places_taken() >= self.setup.options.concurrency.get();
        self.ledger.is_due(now) || no_more_come && self.ledger.told_at().is_some()
    }

    /// Requests whose updates have no outcome that is written down.
    fn places_taken(&self) -> usize {
        self.in_flight.len() + self.ledger.answers()
    }

    fn settle(&mut self, key: Key, outcome: Outcome, now: Instant) {
        let item = &mut self.items[key];
        let was = std::mem::replace(&mut item.at, At::Settled);
        self.state.forget(key);
        self.scheduler.without_part -= usize::from(item.has_no_part);
        if let Some(deadline) = item.deadline {
            self.scheduler.deadlines.remove(&(deadline, key));
        }
        if let Some(until) = item.maybe_until.filter(|until| *until > now && self.state.stopped().is_none()) {
            self.scheduler.subjects.hold(item.subject, &item.update, item.seq, until);
        }
        let cause = match &outcome {
            // What waits in line has an earlier one, which ends the later ones.
            Outcome::Undelivered { cause, .. } if was != At::Line && self.state.stopped().is_none() => {
                Some(cause.clone())
            }
            _ => None,
        };
        self.ledger.settle(key, item.sent, outcome, now);
        if let Some(cause) = cause {
            self.end_later_ones(key, cause, now);
        }
        self.stop_if_too_many_rejected(now);
    }

    fn undeliver(&mut self, key: Key, cause: Undelivered, now: Instant) {
        let outcome = self.items[key].undelivered(cause);
        self.settle(key, outcome, now);
    }

    fn undeliver_all(&mut self, items: Vec<Key>, now: Instant) {
        for key in items {
            self.undeliver(key, self.cause_of_the_end(), now);
        }
    }

    /// An update that ran out of attempts is to be sent again first: later ones of its subject would be undone by that.
    fn end_later_ones(&mut self, key: Key, cause: Undelivered, now: Instant) {
        let item = &self.items[key];
        let subjects = &mut self.scheduler.subjects;
        match (&cause, self.state.is_service()) {
            (Undelivered::Attempts(error), false) => self.end_subject_of(key, error.clone(), now),
            (Undelivered::Broken, false) => self.end_subject_of(key, panicked(), now),
            (Undelivered::Attempts(_) | Undelivered::Broken, true) => {
                let is_later = |other: &Key| *other != key && self.items[*other].at == At::Line;
                for later in subjects.of(item.subject).filter(is_later).collect::<Vec<_>>() {
                    self.scheduler.subjects.leave(self.items[later].subject, later);
                    self.undeliver(later, cause.clone(), now);
                }
            }
            _ => {}
        }
    }

    /// Leaves the later rows of this one's subject to the next run, which sends this one again first.
    fn end_subject_of(&mut self, key: Key, error: Arc<SinkError>, now: Instant) {
        let item = &self.items[key];
        if self.state.is_service() || !item.is_of_an_input() {
            return;
        }
        let ended = self.scheduler.subjects.end(item.subject, error.clone());
        if ended >= MOST_ENDED {
            self.stop(Stop::TooManyUndelivered { subjects: ended, cause: error }, now);
        }
    }

    /// An update has its outcome: the next one of the subject goes on.
    fn leave(&mut self, key: Key, now: Instant) {
        let Some(item) = self.items.remove(key) else { return };
        let next = self.scheduler.subjects.leave(item.subject, key);
        // One that is settled leaves in its turn.
        if let Some(next) = next.filter(|next| self.items[*next].at != At::Settled) {
            self.proceed(next, now);
        }
    }

    /// A caller left: what was never sent is not sent, and what waits to be sent again is not sent again.
    fn left(&mut self, key: Key) {
        let now = Instant::now();
        let Some(item) = self.items.get_mut(key) else { return };
        // A run delivers what it was given. The place may be another update's by now.
        if !self.state.is_service()
            || !matches!(&item.reply, Some(Reply::One { to, .. }) if to.is_closed())
            || item.at == At::Settled
        {
            return;
        }
        if item.at == At::Flight {
            item.reply = None;
        } else {
            self.withdraw(key, now);
        }
    }

    /// Ends an update that waits because its deadline passed or its caller left.
    fn withdraw(&mut self, key: Key, now: Instant) {
        self.scheduler.withdraw(&self.items[key], key);
        self.state.suspects.remove(key);
        self.undeliver(key, Undelivered::Deadline, now);
    }

    /// Ends what cannot be answered before its deadline, and tells the callers of what is in flight at theirs.
    fn end_overdue(&mut self, now: Instant) {
        let due = self.scheduler.deadlines.range(..=(after(now, self.time_for_an_answer()), Key::MAX));
        for (deadline, key) in due.copied().collect::<Vec<_>>() {
            let item = &mut self.items[key];
            if item.at != At::Flight {
                self.withdraw(key, now);
            } else if deadline <= now {
                self.scheduler.deadlines.remove(&(deadline, key));
                let (applied, cause) = (Applied::Maybe, Undelivered::Deadline);
                let outcome = Outcome::Undelivered { applied, cause, update: item.update.clone() };
                item.tell(outcome, &mut Post::default());
            }
        }
    }

    /// With nothing in flight, none: the vendor may be quicker than it was.
    fn time_for_an_answer(&self) -> Duration {
        if self.in_flight.is_empty() { Duration::ZERO } else { self.setup.answer_time.mul_f64(1.5) }
    }

    fn stop_if_too_many_rejected(&mut self, now: Instant) {
        if let Some(why) = self.ledger.too_many_rejected() {
            self.stop(why, now);
        }
    }

    fn journal_failed(&mut self, error: &JournalError, now: Instant) {
        self.ledger.lose_journal(error);
        let why = Stop::Journal(error.clone());
        if self.state.stopped().is_some() {
            // Whatever the lane stopped for: nothing else says that an outcome could not be written down.
            self.state.stop(why, now);
        } else {
            self.stop(why, now);
        }
    }

    /// Why updates end that are given to a lane that is closing or has stopped.
    fn cause_of_the_end(&self) -> Undelivered {
        self.state.stopped().map_or(Undelivered::Closed, Undelivered::by)
    }

    /// Sends nothing more. What is in flight is still answered; everything else ends.
    fn stop(&mut self, why: Stop, now: Instant) {
        if self.state.stopped().is_some() {
            return;
        }
        self.ledger.told().summary.stop = Some(why.clone());
        self.state.stop(why, now);
        self.end_waiting(|_| true, now);
    }

    /// Ends all of these that wait, in the order in which they came.
    fn end_waiting(&mut self, which: impl Fn(&Item) -> bool, now: Instant) {
        let waits = |item: &Item| !matches!(item.at, At::Flight | At::Settled) && which(item);
        let mut waiting: Vec<(u64, Key)> =
            self.items.iter().filter(|(_, item)| waits(item)).map(|(key, item)| (item.seq, key)).collect();
        waiting.sort_unstable();
        for (_, key) in waiting {
            // One may have ended another.
            if !waits(&self.items[key]) {
                continue;
            }
            self.scheduler.withdraw(&self.items[key], key);
            self.state.suspects.remove(key);
            let cause = match self.state.health() {
                Health::Paused { cause, .. } => Undelivered::Paused(cause),
                _ => self.cause_of_the_end(),
            };
            self.undeliver(key, cause, now);
        }
    }

    /// Ends what is in flight: its answers are not waited for.
    fn abandon(&mut self, now: Instant) {
        let until = after(now, self.setup.options.maybe_applied_hold);
        for (_, Flight { group, .. }) in std::mem::take(&mut self.in_flight) {
            for key in &group.items {
                let item = &mut self.items[*key];
                (item.applied, item.maybe_until) = (Applied::Maybe, Some(until));
            }
            self.undeliver_all(group.items, now);
        }
    }

    /// The runtime that makes the requests has ended.
    pub(crate) fn cannot_send(&mut self, now: Instant) {
        self.stop(Stop::Broken, now);
        self.abandon(now);
    }

    // What the driver asks.

    /// When something becomes due by the passing of time alone.
    pub(crate) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let (needs, deadlines) = (self.time_for_an_answer(), &self.scheduler.deadlines);
        let first_after = |at: Instant| deadlines.range((at, Key::MAX)..).next().map(|(deadline, _)| *deadline);
        let too_late = first_after(after(now, needs)).and_then(|deadline| deadline.checked_sub(needs));
        let deadline = too_late.into_iter().chain(first_after(now)).min();
        let told_at = self.ledger.told_at();
        if self.state.stopped().is_some() {
            return deadline.into_iter().chain(told_at).min();
        }
        let state = self.state.wakes_at(self.in_flight.len());
        let others = [self.state.suspects.idle_until(), deadline, told_at].into_iter().flatten();
        state.chain(self.scheduler.wakes_at(now)).chain(others).filter(|at| *at > now).min()
    }

    /// Tells the handles until when nothing is sent, though updates wait: the vendor asked for it, or the pause is a long one.
    pub(crate) fn tell_wait(&mut self, wants_to_send: bool, held_until: Option<Instant>, now: Instant) {
        let idle = self.state.stopped().is_none() && self.in_flight.is_empty();
        let waits = !self.scheduler.retries.is_empty() || self.scheduler.has_held();
        let until = match idle {
            true if wants_to_send => held_until,
            true if waits || self.scheduler.queues.len() > 0 => {
                self.state.probes_at().filter(|at| *at > now).or_else(|| self.wakes_at(now)).max(held_until)
            }
            _ => None,
        };
        let since = self.state.unreachable_since();
        let mut told = self.ledger.told();
        (told.waits_until, told.unreachable_since) = (until, since);
        drop(told);
        self.setup.observer.waits(self.ledger.waiting());
    }

    /// Whether what is in flight is not waited for any longer.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        !self.in_flight.is_empty() && self.state.stops_now(self.in_flight.len(), now)
    }

    /// Ends a lane whose vendor answers nothing. The driver has ended what is in flight.
    pub(crate) fn stop_overdue(&mut self, now: Instant) {
        self.stop(self.state.unreachable(now), now);
        self.abandon(now);
    }

    // Refusals that may not be the updates' fault, in a run.

    fn advance_canaries(&mut self, now: Instant) {
        if self.state.calls_for_canaries() && self.in_flight.is_empty() {
            let canaries = self.pick_canaries();
            // With nothing to test, the refusals stand at the end of the input, or when nothing was sent for long enough.
            if !canaries.is_empty() {
                self.state.probe(canaries, now);
            }
        }
        while let Some(next) = self.state.next_canary() {
            let Some(key) = next else { return self.stop(self.state.suspects.stop(), now) };
            let item = &self.items[key];
            let (again, not_before) = match item.at {
                At::Retry => self.scheduler.retries.remove(key).unwrap_or((Again::No, now)),
                At::Queue(queue) => {
                    self.scheduler.queues.remove(queue, item.seq);
                    (Again::No, now)
                }
                _ => {
                    self.state.canary_ended(key);
                    continue;
                }
            };
            self.send_one(key, Purpose::Canary, again, not_before, now);
        }
    }

    /// Chooses up to ten updates: the last that waits, and one out of each tenth before it. Bad rows often stand together, or at
    /// regular distances.
    fn pick_canaries(&mut self) -> Vec<Key> {
        let groups = self.scheduler.retries.groups().filter(|group| !group.purpose.is_of_a_field());
        let again = groups.flat_map(|group| &group.items).map(|key| (self.items[*key].seq, *key));
        let mut waiting: Vec<_> = self.scheduler.queues.waiting().chain(again).collect();
        waiting.sort_unstable();
        let (canaries, len) = (TEN.min(waiting.len()), waiting.len());
        // The last one goes first: the farther from the ones that were refused, the likelier it is another case, and the end
        // of an input is kept for this.
        let places = (1..=canaries).map(|nth| match nth {
            _ if nth == canaries => len - 1,
            _ => ((nth - 1) * len + self.setup.rng.usize(..len)) / canaries,
        });
        places.map(|place| waiting[place].1).collect()
    }

    /// Believes refusals when nothing else can be sent.
    fn believe_when_idle(&mut self, now: Instant) {
        let nothing_waits = self.in_flight.is_empty()
            && self.scheduler.retries.is_empty()
            && self.scheduler.queues.len() == 0
            && !self.scheduler.has_held();
        if !nothing_waits || self.state.is_probing() || self.state.suspects.is_empty() {
            return self.state.suspects.are_busy();
        }
        if !self.state.suspects.are_idle(self.scheduler.inputs.nothing_more_comes(), now) {
            return;
        }
        // What waits behind the refused ones could not be tested: the count continues.
        let has_waiting = self.scheduler.subjects.has_waiting();
        let most = if has_waiting { TEN - 1 } else { TEN } as u64;
        if self.setup.options.max_rejected != MaxRejected::Any && self.state.suspects.in_a_row > most {
            return self.stop(self.state.suspects.stop(), now);
        }
        if !has_waiting {
            self.state.suspects.in_a_row = 0;
        }
        let suspects = self.state.suspects.take_all();
        self.confirm_or_refuse(suspects, now);
    }
}

/// Code of the sink panicked.
fn panicked() -> Arc<SinkError> {
    Arc::new(SinkError::new("sink", "send", SinkErrorKind::Contract).with_detail("it panicked"))
}

/// What the sink's own code gives; `None` if it panicked.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}
