//! The arithmetic of the pace. Pure: time comes in.

use std::collections::VecDeque;
use std::time::Duration;

use contact_sink_core::Quota;
use tokio::time::Instant;

use crate::backoff::after;

/// How far a late departure is caught up.
const CATCH_UP: Duration = Duration::from_millis(3);
/// After a throttling answer: the share of the accepted rate that is used.
const AFTER_THROTTLING: f64 = 0.99;
/// What one raise adds, as a share of the quota.
const RAISE: f64 = 0.05;
/// The most clean windows that a raise waits for.
const MOST_WINDOWS: u32 = 64;

/// When the next request may leave.
#[derive(Debug)]
pub(super) struct Pace {
    quota: Quota,
    /// Requests a window at full pace, and now.
    full: f64,
    current: f64,
    /// The schedule: when the next one is due.
    due: Option<Instant>,
    /// Departures of the last window that the vendor took, oldest first.
    accepted: VecDeque<Instant>,
    hold: Option<Hold>,
    /// Since when the current rate is in force.
    since: Option<Instant>,
    /// The rate before the last raise, until that one has held for a window.
    raised_from: Option<f64>,
    /// The most that the rate goes on with after the hold.
    most_after_hold: f64,
    windows_to_raise: u32,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    began: Instant,
    until: Instant,
}

impl Pace {
    pub(super) fn new(quota: Quota, share: f64) -> Self {
        let full = f64::from(quota.requests.get()) * share;
        Self {
            quota,
            full,
            current: full,
            due: None,
            accepted: VecDeque::new(),
            hold: None,
            since: None,
            raised_from: None,
            most_after_hold: full,
            windows_to_raise: 1,
        }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.hold.map(|hold| hold.until).filter(|until| now < *until)
    }

    /// When the next request may leave, as far as is known now.
    pub(super) fn next_at(&mut self, now: Instant) -> Instant {
        if let Some(until) = self.held_until(now) {
            return until;
        }
        self.adapt(now);
        self.scheduled(now)
    }

    /// Takes the next place of the schedule, or `None` if nothing may leave yet.
    pub(super) fn depart(&mut self, now: Instant) -> Option<Instant> {
        if self.held_until(now).is_some() {
            return None;
        }
        self.adapt(now);
        let at = self.scheduled(now);
        if now < at {
            return None;
        }
        self.due = Some(after(at, self.quota.per.div_f64(self.current)));
        Some(now)
    }

    /// The one that took the last place of the schedule leaves only now: the next one keeps its distance.
    pub(super) fn leaves(&mut self, now: Instant) {
        let next = after(now, self.quota.per.div_f64(self.current)).checked_sub(CATCH_UP);
        self.due = self.due.max(next);
    }

    /// The vendor took the request that left then.
    pub(super) fn accepted(&mut self, departed: Instant, now: Instant) {
        // Answers overtake one another; a window holds few enough to keep them in order.
        let place = self.accepted.partition_point(|earlier| *earlier <= departed);
        self.accepted.insert(place, departed);
        if self.hold.is_none() {
            self.forget_before(now.checked_sub(self.quota.per));
        }
    }

    /// The vendor refused the request that left then, and perhaps said how long to wait.
    pub(super) fn throttled(&mut self, departed: Instant, now: Instant, retry_after: Option<Duration>) {
        let until = after(now, retry_after.unwrap_or(self.quota.per));
        if let Some(hold) = &mut self.hold {
            // It left before the hold: the same news once more. Only a longer wait counts.
            hold.until = hold.until.max(if retry_after.is_some() { until } else { hold.until });
            return;
        }
        if self.since.is_some_and(|since| departed < since) {
            // It left under the rate before this one, which has been cut already.
            return;
        }
        self.most_after_hold = self.full;
        if let Some(held_before) = self.raised_from.take() {
            self.windows_to_raise = (self.windows_to_raise * 2).min(MOST_WINDOWS);
            // A vendor that counts by the clock may have taken more than that in the last window, out of two of its own.
            self.most_after_hold = held_before;
        }
        self.hold = Some(Hold { began: now, until });
    }

    fn scheduled(&self, now: Instant) -> Instant {
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due.map_or(now, |due| due.max(earliest))
    }

    /// Sets the rate by what has happened: down after a hold, up after clean windows.
    fn adapt(&mut self, now: Instant) {
        let window = self.quota.per;
        if let Some(hold) = self.hold.take() {
            let from = hold.began.checked_sub(window);
            let taken = self
                .accepted
                .iter()
                .filter(|departed| from.is_none_or(|from| **departed > from) && **departed <= hold.began)
                .count();
            // Counts stay far below 2^52, where f64 is exact.
            let least = 1.0_f64.min(self.full);
            self.current = (taken as f64 * AFTER_THROTTLING).min(self.most_after_hold).max(least);
            self.since = Some(now);
            self.forget_before(now.checked_sub(window));
            return;
        }
        let Some(since) = self.since else { return };
        let clean = now.saturating_duration_since(since);
        if clean >= window && self.raised_from.take().is_some() {
            self.windows_to_raise = 1;
        }
        if self.raised_from.is_some() || clean < window * self.windows_to_raise {
            return;
        }
        if self.current >= self.full {
            self.since = None;
        } else {
            self.raised_from = Some(self.current);
            self.current = (self.current + f64::from(self.quota.requests.get()) * RAISE).min(self.full);
            self.since = Some(now);
        }
    }

    fn forget_before(&mut self, instant: Option<Instant>) {
        while self.accepted.front().is_some_and(|departed| instant.is_some_and(|instant| *departed < instant)) {
            self.accepted.pop_front();
        }
    }
}
