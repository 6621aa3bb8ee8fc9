//! In which state a delivery is, and what may be sent in it.
//!
//! An answer *decides* if it says something about an update: it was accepted or rejected, or the request was refused. What
//! decides nothing: no connection, no answer in time, an answer that is not documented, a 5xx, throttling, and a code that asks
//! for another attempt.

mod answers;
mod codes;
mod suspects;

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Quota, Retry, SinkError, SinkErrorKind};
use tokio::sync::watch;
use tokio::time::Instant;

use super::item::Key;
use super::judge::HALVED_AFTER;
use crate::backoff::after;
use crate::observe::Observer;
use crate::options::Rules;
use crate::{Health, MaxRejected, Options, Stop};
use answers::Answers;
use codes::Codes;
pub(crate) use suspects::{Suspect, Suspects, TEN};

/// How long a request in flight is waited for when a run stops because nothing is decided.
const GRACE: Duration = Duration::from_secs(4);
/// A quota that is used up is given so many of its windows, if these are longer than the limit.
const WINDOWS: u32 = 2;
/// So many probes fit in before the limit at least, if the vendor answers them at once.
const PROBES: u32 = 10;
/// Of so many probes the first is a request that was never sent.
const FRESH: u32 = 2;
/// How long a pause waits for its first canary, and for any.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// What may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowance {
    Nothing,
    /// Only what confirms a refusal.
    Confirmations,
    /// Only canaries that are marked as such.
    Canaries,
    /// One request, to see whether the pause is over. Not the one that failed last, if there is another one.
    Canary {
        failed_last: Option<Key>,
    },
    /// One request, to see whether the vendor answers. Not the one that failed last, if there is another one. With at most so many
    /// updates that were never sent: one of many may be at fault.
    Probe {
        fresh_first: bool,
        failed_last: Option<Key>,
        most: usize,
    },
    /// The same, of an update that was never sent.
    FreshProbe,
    Any,
}

#[derive(Debug)]
enum Phase {
    Starting,
    Normal,
    Outage {
        cause: Arc<SinkError>,
    },
    /// These canaries are left, the last one goes first; the one that has no answer yet.
    Probing {
        left: Vec<Key>,
        open: Option<Key>,
    },
    /// Since this departure.
    Paused {
        after: u64,
        wait: Duration,
        cause: Arc<SinkError>,
    },
    Stopped(Arc<Stop>),
}

/// The state of a delivery.
#[derive(Debug)]
pub(crate) struct State {
    phase: Phase,
    rules: Rules,
    max_rejected: MaxRejected,
    longest_backoff: Duration,
    concurrency: usize,
    quota: Option<Quota>,
    pub(crate) answers: Answers,
    pub(crate) suspects: Suspects,
    pub(crate) codes: Codes,
    /// No probe and no canary of a pause is sent before.
    not_before: Instant,
    /// Nothing but confirmations is sent before.
    quiet_until: Instant,
    /// Probes in a row.
    probes: u32,
    failed_last: Option<Key>,
    /// Whether an update that was never sent before failed since the latest decision.
    fresh_failed: bool,
    health: watch::Sender<Health>,
    observer: Observer,
}

impl State {
    pub(crate) fn new(
        options: &Options,
        quota: Option<Quota>,
        health: watch::Sender<Health>,
        observer: Observer,
        now: Instant,
    ) -> Self {
        let not_before = after(now, options.waits_at_first());
        let mut state = Self {
            phase: Phase::Starting,
            rules: options.rules,
            max_rejected: options.max_rejected,
            longest_backoff: options.longest_backoff,
            concurrency: options.concurrency.get(),
            quota,
            answers: Answers::new(options.max_attempts.get()),
            suspects: Suspects::default(),
            codes: Codes::default(),
            not_before,
            quiet_until: now,
            probes: 0,
            failed_last: None,
            fresh_failed: false,
            health,
            observer,
        };
        state.enter(Phase::Starting, now);
        state
    }

    /// What may be sent: the only place that says so.
    pub(crate) fn allows(&self, in_flight: usize, now: Instant) -> Allowance {
        let is_quiet = now < self.quiet_until;
        let one = in_flight == 0 && now >= self.not_before && !is_quiet;
        match &self.phase {
            Phase::Stopped(_) => Allowance::Nothing,
            _ if in_flight >= self.concurrency => Allowance::Nothing,
            Phase::Starting | Phase::Outage { .. } if one => {
                let fresh_first = self.answers.tried > 0 && self.probes.is_multiple_of(FRESH);
                let most = if self.answers.tried > 0 { 1 } else { usize::MAX };
                Allowance::Probe { fresh_first, failed_last: self.failed_last, most }
            }
            // What failed before may be at fault itself.
            Phase::Outage { .. } if in_flight == 0 && !is_quiet && !self.fresh_failed => Allowance::FreshProbe,
            Phase::Paused { .. } if one => Allowance::Canary { failed_last: self.failed_last },
            Phase::Starting if in_flight == 0 && now >= self.not_before => Allowance::Confirmations,
            Phase::Starting | Phase::Outage { .. } | Phase::Paused { .. } => Allowance::Nothing,
            Phase::Probing { .. } if in_flight == 0 => Allowance::Canaries,
            Phase::Probing { .. } => Allowance::Nothing,
            _ if self.calls_for_canaries() && in_flight > 0 => Allowance::Nothing,
            Phase::Normal if is_quiet => Allowance::Confirmations,
            Phase::Normal => Allowance::Any,
        }
    }

    /// A request is sent. Gives its number.
    pub(crate) fn departs(&mut self, now: Instant) -> u64 {
        let probes = matches!(self.phase, Phase::Starting | Phase::Outage { .. });
        self.probes = if probes { self.probes.wrapping_add(1) } else { 0 };
        self.answers.departs(now)
    }

    /// The answer to this request decided about an update.
    pub(crate) fn decided(&mut self, departed: u64, is_accepted: bool, confirms: bool, now: Instant) {
        let since = self.unreachable_since();
        self.answers.decided(departed, is_accepted, confirms, now);
        self.fresh_failed = false;
        let goes_on = match &self.phase {
            Phase::Starting => is_accepted || self.is_service(),
            Phase::Outage { .. } => !self.answers.is_outage(),
            Phase::Probing { .. } => is_accepted,
            Phase::Paused { after, .. } => departed > *after,
            Phase::Normal | Phase::Stopped(_) => false,
        };
        if !goes_on {
            return;
        }
        match (&self.phase, since) {
            (Phase::Outage { .. }, Some(since)) => self.observer.probing_ends(now.saturating_duration_since(since)),
            (Phase::Probing { .. }, _) => self.observer.trial_ends(),
            _ => {}
        }
        if matches!(self.phase, Phase::Paused { .. }) {
            self.answers.forget_failures();
        }
        self.go_on(now);
    }

    /// The answer to this request decided nothing.
    pub(crate) fn failed(&mut self, departed: u64, is_fresh: bool, error: &Arc<SinkError>, now: Instant) {
        self.fresh_failed |= is_fresh;
        let is_outage = matches!(self.phase, Phase::Outage { .. });
        self.answers.failed(departed, error, is_outage, now);
        if let Phase::Normal | Phase::Starting | Phase::Probing { .. } = self.phase
            && self.answers.is_outage()
            && !(self.is_service() && self.answers.decided_lately(now))
        {
            self.observer.probing_begins(error);
            self.not_before = now;
            self.enter(Phase::Outage { cause: error.clone() }, now);
        }
    }

    /// Whether the answer to this request is the canary's of a pause.
    pub(crate) fn is_canary_of_pause(&self, departed: u64) -> bool {
        matches!(self.phase, Phase::Paused { after, .. } if departed > after)
    }

    /// Sends nothing but canaries from now on, or waits longer for the next one. The request that failed began with this update.
    pub(crate) fn pause(&mut self, error: &Arc<SinkError>, first: Option<Key>, now: Instant) {
        self.failed_last = first;
        let (first, longest) = PAUSE;
        if let Phase::Paused { wait, .. } = &mut self.phase {
            *wait = (*wait * 2).min(longest);
            self.not_before = after(now, *wait);
        } else {
            self.not_before = after(now, first);
            self.enter(Phase::Paused { after: self.answers.departed, wait: first, cause: error.clone() }, now);
        }
    }

    /// There is nothing to probe with: no failure is known of what comes next, and no patience is lost on it.
    pub(crate) fn rests(&mut self, now: Instant) {
        if !self.is_service() && self.answers.reached {
            self.answers.forget_failures();
            if matches!(self.phase, Phase::Outage { .. }) {
                self.go_on(now);
            }
        }
    }

    pub(crate) fn stop(&mut self, why: Stop, now: Instant) {
        self.observer.stops(&why);
        self.enter(Phase::Stopped(Arc::new(why)), now);
    }

    /// All is delivered, and nothing more comes.
    pub(crate) fn close(&mut self, now: Instant) {
        if self.stopped().is_none() {
            self.enter(Phase::Stopped(Arc::new(Stop::Halted)), now);
        }
    }

    pub(crate) fn stopped(&self) -> Option<&Arc<Stop>> {
        if let Phase::Stopped(why) = &self.phase { Some(why) } else { None }
    }

    pub(crate) fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    pub(crate) fn is_service(&self) -> bool {
        self.rules == Rules::Service
    }

    pub(crate) fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Paused { .. })
    }

    /// Whether an attempt that fails now is no fault of the vendor as a whole.
    pub(crate) fn is_there(&self) -> bool {
        self.answers.reached && !matches!(self.phase, Phase::Outage { .. } | Phase::Paused { .. })
    }

    /// How many requests failed in a row, while that is no update's fault.
    pub(crate) fn tried(&self) -> u32 {
        if self.is_there() { 0 } else { self.answers.tried }
    }

    /// Whether this is the only request to probe with, and failed so often that one of its updates may be at fault.
    pub(crate) fn fails_again(&self, first: Option<Key>) -> bool {
        self.answers.tried >= HALVED_AFTER && self.failed_last == first && !self.is_paused()
    }

    /// The next probe waits until then. The last one began with this update.
    pub(crate) fn probe_not_before(&mut self, at: Instant, first: Option<Key>) {
        (self.not_before, self.failed_last) = (at, first);
    }

    /// Keeps everything but confirmations back until then.
    pub(crate) fn keep_quiet(&mut self, until: Instant) {
        self.quiet_until = self.quiet_until.max(until);
    }

    pub(crate) fn quiet_until(&self) -> Instant {
        self.quiet_until
    }

    /// Whether so much was refused in a row that canaries are sent.
    pub(crate) fn calls_for_canaries(&self) -> bool {
        let may_begin = matches!(self.phase, Phase::Starting | Phase::Normal);
        may_begin && self.max_rejected != MaxRejected::Any && self.suspects.in_a_row >= TEN as u64
    }

    pub(crate) fn is_probing(&self) -> bool {
        matches!(self.phase, Phase::Probing { .. })
    }

    /// Sends these canaries one after another; the last of them goes first.
    pub(crate) fn probe(&mut self, canaries: Vec<Key>, now: Instant) {
        self.observer.trial_begins(canaries.len());
        self.enter(Phase::Probing { left: canaries, open: None }, now);
    }

    /// The next canary, if none has an answer to come: `Some(None)` if none is left.
    pub(crate) fn next_canary(&mut self) -> Option<Option<Key>> {
        match &mut self.phase {
            Phase::Probing { open: Some(_), .. } => None,
            Phase::Probing { left, open } => {
                *open = left.pop();
                Some(*open)
            }
            _ => None,
        }
    }

    /// This update has no acceptance to show: it is a canary no more.
    pub(crate) fn canary_ended(&mut self, key: Key) {
        if let Phase::Probing { left, open } = &mut self.phase {
            open.take_if(|open| *open == key);
            left.retain(|left| *left != key);
        }
    }

    /// This update has its outcome: its place may be another update's next.
    pub(crate) fn forget(&mut self, key: Key) {
        self.canary_ended(key);
        self.failed_last.take_if(|failed| *failed == key);
    }

    /// Since when no answer decides anything, if that is so.
    pub(crate) fn unreachable_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Starting if !self.answers.reached => self.answers.last.as_ref().and(self.answers.began),
            Phase::Outage { .. } => self.answers.began,
            _ => None,
        }
    }

    /// When a run stops if nothing is decided until then.
    fn stops_at(&self) -> Option<Instant> {
        let Rules::Run { unreachable_after, patience } = self.rules else { return None };
        if self.answers.reached {
            return Some(after(self.answers.began?, patience?)).filter(|_| matches!(self.phase, Phase::Outage { .. }));
        }
        let (began, limit) = (self.answers.began?, unreachable_after?);
        let throttled = self.answers.last.as_ref().is_some_and(|error| error.kind() == SinkErrorKind::Throttled);
        let windows = self.quota.filter(|_| throttled).map_or(Duration::ZERO, |quota| quota.per * WINDOWS);
        Some(after(began, limit.max(windows)))
    }

    /// Whether a run stops now because nothing is decided, while so many requests are in flight.
    pub(crate) fn stops_now(&self, in_flight: usize, now: Instant) -> bool {
        self.stopped().is_none() && self.acts_at(in_flight).is_some_and(|at| now >= at)
    }

    /// Whether the vendor asks for a longer wait than there is time: nothing could be sent any more.
    pub(crate) fn is_told_to_wait_too_long(&self, error: &SinkError, now: Instant) -> bool {
        matches!(error.retry(), Retry::After(wait) if self.stops_at().is_some_and(|at| after(now, wait) >= at))
    }

    fn acts_at(&self, in_flight: usize) -> Option<Instant> {
        self.stops_at().map(|at| if in_flight == 0 { at } else { after(at, GRACE) })
    }

    /// When the state changes what may be sent by the passing of time alone.
    pub(crate) fn wakes_at(&self, in_flight: usize) -> impl Iterator<Item = Instant> {
        let probe = matches!(self.phase, Phase::Starting | Phase::Outage { .. } | Phase::Paused { .. });
        [self.acts_at(in_flight), Some(self.not_before).filter(|_| probe), Some(self.quiet_until)].into_iter().flatten()
    }

    /// When the next probe or canary may be sent, if only such may.
    pub(crate) fn probes_at(&self) -> Option<Instant> {
        Some(self.not_before)
            .filter(|_| matches!(self.phase, Phase::Starting | Phase::Outage { .. } | Phase::Paused { .. }))
    }

    /// A pause that takes most of what is left until the limit would miss a vendor that comes up meanwhile.
    pub(crate) fn longest_backoff(&self) -> Duration {
        let limit = match self.rules {
            Rules::Run { unreachable_after, .. } if !self.answers.reached => unreachable_after,
            Rules::Run { patience, .. } if matches!(self.phase, Phase::Outage { .. }) => patience,
            _ => None,
        };
        limit.map_or(self.longest_backoff, |limit| self.longest_backoff.min(limit / PROBES))
    }

    /// Why a run stops when nothing is decided.
    pub(crate) fn unreachable(&self, now: Instant) -> Stop {
        let no_answer = || Arc::new(SinkError::new("sink", "send", SinkErrorKind::Timeout));
        let began = self.answers.began;
        Stop::Unreachable {
            tried: self.answers.tried,
            after: began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began)),
            reached_before: self.answers.reached,
            cause: self.answers.last.clone().unwrap_or_else(no_answer),
        }
    }

    /// Normal, once anything is known to be accepted.
    fn go_on(&mut self, now: Instant) {
        let is_known = self.answers.accepted || self.is_service();
        self.enter(if is_known { Phase::Normal } else { Phase::Starting }, now);
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        let health = match &self.phase {
            Phase::Starting => Health::Starting { until: self.not_before },
            Phase::Normal => Health::Normal,
            Phase::Outage { cause } => Health::Outage { since: now, cause: cause.clone() },
            Phase::Probing { .. } => Health::Probing,
            Phase::Paused { cause, .. } => Health::Paused { since: now, cause: cause.clone() },
            Phase::Stopped(why) => Health::Stopped(why.clone()),
        };
        self.observer.enters(&health);
        self.health.send_replace(health);
    }
}

#[cfg(test)]
#[path = "../../tests/parts/state.rs"]
mod tests;
