//! Whether anything gets through to the vendor, and when the lane stops asking.
//!
//! An answer gets through if the vendor decided something about an update: it was accepted or rejected, or the request was
//! refused. What does not: no connection, no answer in time, a broken or undocumented answer, a 5xx, throttling, and a code that
//! only asks for another try. Until the first one gets through, one request at a time probes whether the vendor is there,
//! and no update uses up its attempts for it. Once something has got through, some failures in a row begin the same again: what
//! is sent then is chosen in `probe`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Retry, SinkError, SinkErrorKind, Verdict};
use tokio::time::Instant;

use super::Lane;
use super::answer::asked_for_another_try;
use crate::Stop;
use crate::backoff::after;

/// So many failures in a row are an outage, if attempts are more than that. Half of the attempts that an update has by default: one
/// that meets the outage alone has the other half left, and a vendor that fails one request in ten is hardly ever taken for down.
const IN_A_ROW: u32 = 4;

/// How long a request that is in flight at the limit is waited for.
const GRACE: Duration = Duration::from_secs(4);
/// A quota that is used up is given so many of its windows, if these are longer than the limit.
const WINDOWS: u32 = 2;

/// So many probes fit in before the limit at least, if the vendor answers them at once.
const PROBES: u32 = 10;

/// What came of asking so far.
#[derive(Debug)]
pub(super) struct Reach {
    /// So many failures in a row are an outage.
    enough: usize,
    got_through: bool,
    /// When the first request left; once something has got through, when the first one failed after that.
    began: Option<Instant>,
    /// Requests that left, while none has got through; once one has, those that failed after it.
    tried: u32,
    last: Option<Arc<SinkError>>,
    /// The number of the latest request that got through.
    latest_through: u64,
    /// The numbers of the latest requests that failed and left after that one, as many as count.
    failed: VecDeque<u64>,
    /// No probe leaves before.
    probe_at: Option<Instant>,
}

impl Reach {
    pub(super) fn new(max_attempts: u32) -> Self {
        Self {
            enough: IN_A_ROW.min(max_attempts.saturating_sub(1)).max(1) as usize,
            got_through: false,
            began: None,
            tried: 0,
            last: None,
            latest_through: 0,
            failed: VecDeque::new(),
            probe_at: None,
        }
    }

    pub(super) fn departs(&mut self, now: Instant) {
        if !self.got_through {
            self.began.get_or_insert(now);
            self.tried = self.tried.saturating_add(1);
        }
    }

    /// The request with this number got through. What failed and left after it may still be an outage, whose time begins anew.
    fn through(&mut self, departed: u64, now: Instant) {
        self.got_through = true;
        self.latest_through = self.latest_through.max(departed);
        self.failed.retain(|failed| *failed > departed);
        // There are few of them.
        self.tried = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        self.began = (self.tried > 0).then_some(now);
        if !self.is_outage() {
            self.probe_at = None;
        }
        if self.tried == 0 {
            self.last = None;
        }
    }

    /// The request with this number did not get through.
    fn failed(&mut self, departed: u64, error: &Arc<SinkError>, now: Instant) {
        if !self.got_through {
            self.last = Some(error.clone());
            return;
        }
        // The vendor is there and says so: that is the limiter's business.
        let throttled = error.kind() == SinkErrorKind::Throttled && !self.is_outage();
        if throttled || departed < self.latest_through {
            return;
        }
        self.last = Some(error.clone());
        self.began.get_or_insert(now);
        self.tried = self.tried.saturating_add(1);
        let place = self.failed.partition_point(|failed| *failed < departed);
        self.failed.insert(place, departed);
        if self.failed.len() > self.enough {
            self.failed.pop_front();
        }
    }

    /// Whether so much failed in a row, after something had got through, that the vendor is down.
    pub(super) fn is_outage(&self) -> bool {
        self.failed.len() >= self.enough
    }

    /// How many requests failed that were sent after the latest one that the vendor decided, as many as count.
    pub(super) fn failed_in_a_row(&self) -> usize {
        self.failed.len()
    }

    /// Whether an attempt that fails now counts against its update.
    pub(super) fn attempts_count(&self) -> bool {
        self.got_through && !self.is_outage()
    }

    /// Requests in a row that did not get through, while that is no update's fault.
    pub(super) fn tried(&self) -> u32 {
        if self.attempts_count() { 0 } else { self.tried }
    }

    /// There is nothing to probe with: no failure is known of what comes next, and no patience is lost on it.
    fn rests(&mut self) {
        if self.got_through {
            self.failed.clear();
            (self.began, self.tried, self.last, self.probe_at) = (None, 0, None, None);
        }
    }

    pub(super) fn next_probe_not_before(&mut self, at: Instant) {
        self.probe_at = Some(at);
    }

    /// When the next probe of an outage may leave.
    pub(super) fn probe_at(&self) -> Option<Instant> {
        self.probe_at.filter(|_| self.is_outage())
    }

    /// Since when nothing gets through, if that is so.
    pub(super) fn unreachable_since(&self) -> Option<Instant> {
        let down = if self.got_through { self.is_outage() } else { self.last.is_some() };
        self.began.filter(|_| down)
    }
}

impl Lane {
    /// Takes in what was said of the updates of a request. Whether an attempt that is to be made again counts.
    pub(super) fn hear(&mut self, departed: u64, verdicts: &[Verdict], now: Instant) -> bool {
        match verdicts {
            [Verdict::Retry { code }, rest @ ..] if rest.iter().all(|other| matches!(other, Verdict::Retry { .. })) => {
                self.hear_failure(departed, &Arc::new(asked_for_another_try(code.as_ref())), now)
            }
            _ => {
                let since = self.reach.began.filter(|_| self.reach.is_outage());
                self.reach.through(departed, now);
                if let Some(since) = since.filter(|_| !self.reach.is_outage()) {
                    self.observer.probing_ends(now.saturating_duration_since(since));
                }
                true
            }
        }
    }

    /// Takes in that a request did not get through. Whether that counts as an attempt of its updates: what failed before it is known
    /// that the vendor is down does, so that one update that fails for ever while others get through comes to its end.
    pub(super) fn hear_failure(&mut self, departed: u64, error: &Arc<SinkError>, now: Instant) -> bool {
        let (counts, was_outage) = (self.reach.attempts_count(), self.reach.is_outage());
        self.reach.failed(departed, error, now);
        if !was_outage && self.reach.is_outage() {
            self.observer.probing_begins(error);
        }
        counts
    }

    /// When nothing more leaves if nothing has got through until then.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        let Reach { began, last, .. } = &self.reach;
        if self.reach.got_through {
            return Some(after((*began)?, self.options.patience?)).filter(|_| self.reach.is_outage());
        }
        let (began, limit) = ((*began)?, self.options.unreachable_after?);
        let throttled = last.as_ref().is_some_and(|error| error.kind() == SinkErrorKind::Throttled);
        let windows = self.limits.quota.filter(|_| throttled).map_or(Duration::ZERO, |quota| quota.per * WINDOWS);
        Some(after(began, limit.max(windows)))
    }

    pub(super) fn has_given_up(&self, now: Instant) -> bool {
        self.gives_up_at().is_some_and(|at| now >= at)
    }

    /// Stops the lane at the limit, but hears what is in flight.
    pub(super) fn advance_reach(&mut self, now: Instant) {
        if self.in_flight.is_empty() && self.flights.is_empty() && self.queues.len() == 0 {
            self.reach.rests();
        }
        if self.in_flight.is_empty() && self.has_given_up(now) {
            self.stop_unreachable(now);
        }
    }

    /// When the lane must act because nothing has got through.
    pub(super) fn reach_wakes_at(&self) -> Option<Instant> {
        self.gives_up_at().map(|at| if self.in_flight.is_empty() { at } else { after(at, GRACE) })
    }

    /// Whether what is in flight is not waited for any longer.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        !self.stopped && !self.in_flight.is_empty() && self.reach_wakes_at().is_some_and(|at| now >= at)
    }

    /// Ends a lane of which nothing gets through. Whoever calls it has ended what is in flight.
    pub(crate) fn stop_overdue(&mut self, now: Instant) {
        self.stop_unreachable(now);
        self.abandon(now);
    }

    /// Stops at once if the vendor asked for a longer wait than there is time: nothing could leave any more.
    pub(super) fn stop_if_told_to_wait_too_long(&mut self, error: &SinkError, now: Instant) {
        if let Retry::After(wait) = error.retry()
            && self.has_given_up(after(now, wait))
        {
            self.stop_unreachable(now);
        }
    }

    /// A pause that takes most of what is left until the limit would miss a vendor that comes up meanwhile.
    pub(super) fn longest_pause(&self) -> Duration {
        let longest = self.options.longest_backoff;
        let limit = match self.reach.got_through {
            false => self.options.unreachable_after,
            true => self.options.patience.filter(|_| self.reach.is_outage()),
        };
        limit.map_or(longest, |limit| longest.min(limit / PROBES))
    }

    fn stop_unreachable(&mut self, now: Instant) {
        let Reach { began, tried, last, got_through, .. } = &self.reach;
        let no_answer = || Arc::new(SinkError::new("sink", "send", SinkErrorKind::Timeout));
        let cause = last.clone().unwrap_or_else(no_answer);
        let after = began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        self.stop(Stop::Unreachable { tried: *tried, after, reached_before: *got_through, cause });
    }
}
