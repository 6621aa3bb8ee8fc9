//! Whether anything gets through to the vendor, and when the lane stops asking.
//!
//! An answer gets through if the vendor decided something about an update: it was accepted or rejected, or the request was
//! refused. What does not: no connection, no answer in time, a broken or undocumented answer, a 5xx, throttling, and a code that
//! only asks for another try. Until the first one gets through, one request at a time probes whether the vendor is there,
//! and no update uses up its attempts for it.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Retry, SinkError, SinkErrorKind, Verdict};
use tokio::time::Instant;

use super::Lane;
use super::answer::asked_for_another_try;
use crate::Stop;
use crate::backoff::after;

/// How long a request that is in flight at the limit is waited for.
const GRACE: Duration = Duration::from_secs(4);
/// A quota that is used up is given so many of its windows, if these are longer than the limit.
const WINDOWS: u32 = 2;

/// So many probes fit in before the limit at least, if the vendor answers them at once.
const PROBES: u32 = 10;

/// What came of asking so far. The clock runs from the first departure.
#[derive(Debug, Default)]
pub(super) struct Reach {
    got_through: bool,
    began: Option<Instant>,
    tried: u32,
    last: Option<Arc<SinkError>>,
}

impl Reach {
    pub(super) fn departs(&mut self, now: Instant) {
        if !self.got_through {
            self.began.get_or_insert(now);
            self.tried = self.tried.saturating_add(1);
        }
    }

    pub(super) fn got_through(&mut self) {
        self.got_through = true;
        self.last = None;
    }

    pub(super) fn failed(&mut self, error: &Arc<SinkError>) {
        if !self.got_through {
            self.last = Some(error.clone());
        }
    }

    /// Whether an attempt that failed counts against its update.
    pub(super) fn attempts_count(&self) -> bool {
        self.got_through
    }

    /// Requests that left and did not get through, while none has.
    pub(super) fn tried(&self) -> u32 {
        if self.got_through { 0 } else { self.tried }
    }
}

impl Lane {
    /// Takes in what was said of the updates of a request.
    pub(super) fn hear(&mut self, verdicts: &[Verdict]) {
        match verdicts {
            [Verdict::Retry { code }, rest @ ..] if rest.iter().all(|other| matches!(other, Verdict::Retry { .. })) => {
                self.reach.failed(&Arc::new(asked_for_another_try(*code)));
            }
            _ => self.reach.got_through(),
        }
    }

    /// When nothing more leaves if nothing has got through until then.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        let Reach { got_through: false, began: Some(began), last, .. } = &self.reach else { return None };
        let limit = self.options.unreachable_after?;
        let throttled = last.as_ref().is_some_and(|error| error.kind() == SinkErrorKind::Throttled);
        let windows = self.limits.quota.filter(|_| throttled).map_or(Duration::ZERO, |quota| quota.per * WINDOWS);
        Some(after(*began, limit.max(windows)))
    }

    pub(super) fn has_given_up(&self, now: Instant) -> bool {
        self.gives_up_at().is_some_and(|at| now >= at)
    }

    /// Stops the lane at the limit, but hears what is in flight.
    pub(super) fn advance_reach(&mut self, now: Instant) {
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
        self.abandon();
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
        let limit = self.options.unreachable_after.filter(|_| !self.reach.got_through);
        limit.map_or(longest, |limit| longest.min(limit / PROBES))
    }

    fn stop_unreachable(&mut self, now: Instant) {
        let Reach { began, tried, last, .. } = &self.reach;
        let no_answer = || Arc::new(SinkError::new("sink", "send", SinkErrorKind::Timeout));
        let cause = last.clone().unwrap_or_else(no_answer);
        let after = began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        self.stop(Stop::Unreachable { tried: *tried, after, cause });
    }
}
