//! The arithmetic of the pace. Pure: time comes in.

use std::collections::VecDeque;
use std::time::Duration;

use contact_sink_core::Quota;
use tokio::time::Instant;

use crate::backoff::after;

/// How far a late departure is caught up.
const CATCH_UP: Duration = Duration::from_millis(3);
/// Up to this share of throttled answers the rate stays.
const TOLERATED: f64 = 0.1;
/// So many throttled answers above that share mean that the rate is too high. If 5 % of the answers are throttled by chance, that
/// is seen once in tens of thousands of answers.
const EXCESS: f64 = 6.0;
/// The share of the accepted rate that is used after that.
const OF_ACCEPTED: f64 = 0.99;
/// What the first raise adds, as a share of the quota. Each raise that holds doubles the next one.
const RAISE: f64 = 0.05;
/// A raise is judged after so many windows: a vendor that counts by the clock may notice it only in the second.
const JUDGED_AFTER: u32 = 2;
/// The most windows that a raise waits for.
const MOST_WINDOWS: u32 = 64;
/// During a hold the first probe is sent after this part of a window, and after each probe that is throttled the next one waits so
/// much longer, up to a window.
const PROBES: u32 = 20;

/// When the next request may be sent.
#[derive(Debug)]
pub(super) struct Pace {
    quota: Quota,
    /// Requests a window at the full rate, and now.
    full: f64,
    current: f64,
    /// The schedule: when the next one is due.
    due: Option<Instant>,
    /// When the first request was sent.
    began: Option<Instant>,
    /// When the accepted requests of the last window were sent, oldest first.
    accepted: VecDeque<Instant>,
    hold: Option<Hold>,
    /// Since when the current rate is in force, if it is not the first one.
    since: Option<Instant>,
    answers: Answers,
    /// The last raise, until it is judged.
    raise: Option<Raise>,
    /// What the next raise adds, in requests a window.
    step: f64,
    windows_to_raise: u32,
}

/// Answers to requests that were sent at the current rate.
#[derive(Debug, Default)]
struct Answers {
    all: u64,
    throttled: u64,
    /// Throttled answers above the share that is tolerated, over the latest answers: a cumulative sum (CUSUM) that starts anew
    /// whenever it would fall below zero.
    excess: f64,
}

/// The vendor throttles almost everything: only probes are sent, until one is accepted.
#[derive(Debug, Clone, Copy)]
struct Hold {
    began: Instant,
    /// When the request was sent whose answer began it.
    departed: Instant,
    next_probe: Instant,
    refused: u32,
}

#[derive(Debug, Clone, Copy)]
struct Raise {
    from: f64,
    /// The share of throttled answers before it.
    throttled_before: f64,
}

impl Answers {
    fn share_throttled(&self) -> f64 {
        // Counts stay far below 2^52, where f64 is exact.
        if self.all == 0 { 0.0 } else { self.throttled as f64 / self.all as f64 }
    }
}

impl Pace {
    pub(super) fn new(quota: Quota, share: f64) -> Self {
        let requests = f64::from(quota.requests.get());
        Self {
            quota,
            full: requests * share,
            current: requests * share,
            due: None,
            began: None,
            accepted: VecDeque::new(),
            hold: None,
            since: None,
            answers: Answers::default(),
            raise: None,
            step: requests * RAISE,
            windows_to_raise: 1,
        }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    /// Until when nothing is sent because the vendor throttles.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.hold.map(|hold| hold.next_probe).filter(|until| now < *until)
    }

    /// When the next request may be sent, as far as is known now.
    pub(super) fn next_at(&mut self, now: Instant) -> Instant {
        if let Some(hold) = self.hold {
            return hold.next_probe.max(now);
        }
        self.adapt(now);
        self.scheduled(now)
    }

    /// Takes the next place of the schedule, or `None` if nothing may be sent yet.
    pub(super) fn depart(&mut self, now: Instant) -> Option<Instant> {
        let at = self.next_at(now);
        if now < at {
            return None;
        }
        self.began.get_or_insert(now);
        self.due = Some(after(at, self.quota.per.div_f64(self.current)));
        let wait = self.probe_wait();
        if let Some(hold) = &mut self.hold {
            hold.next_probe = after(now, wait);
        }
        Some(now)
    }

    /// The one that took the last place of the schedule is sent only now: the next one keeps its distance.
    pub(super) fn leaves(&mut self, now: Instant) {
        let next = after(now, self.quota.per.div_f64(self.current)).checked_sub(CATCH_UP);
        self.due = self.due.max(next);
    }

    /// The vendor did not throttle the request that was sent then.
    pub(super) fn accepted(&mut self, departed: Instant, now: Instant) {
        // Answers overtake one another; a window holds few enough to keep them in order.
        let place = self.accepted.partition_point(|earlier| *earlier <= departed);
        self.accepted.insert(place, departed);
        self.forget_accepted();
        match self.hold {
            Some(hold) if departed >= hold.began => {
                let rate = self.rate_after(hold);
                self.hold = None;
                self.in_force(rate, now);
            }
            None if self.is_current(departed) => {
                self.answers.all += 1;
                self.answers.excess = (self.answers.excess - TOLERATED).max(0.0);
            }
            _ => {}
        }
    }

    /// The vendor throttled the request that was sent then. It may have said how long to wait.
    pub(super) fn throttled(&mut self, departed: Instant, now: Instant, retry_after: Option<Duration>) {
        if let Some(hold) = &mut self.hold {
            let is_probe = departed >= hold.began;
            hold.refused += u32::from(is_probe);
            let next = after(now, self.probe_wait().max(retry_after.unwrap_or_default()));
            // A request that was sent before the hold says nothing new. Only a longer wait counts.
            if let Some(hold) = self.hold.as_mut().filter(|_| is_probe || retry_after.is_some()) {
                hold.next_probe = hold.next_probe.max(next);
            }
        } else if self.is_current(departed) {
            self.answers.all += 1;
            self.answers.throttled += 1;
            self.answers.excess += 1.0 - TOLERATED;
            if self.answers.excess >= EXCESS {
                self.slow_down(departed, now, retry_after);
            }
        }
    }

    /// Too much is throttled: only probes are sent from now on.
    fn slow_down(&mut self, departed: Instant, now: Instant, retry_after: Option<Duration>) {
        let rate = self.raise.take().map_or(self.current, |raise| {
            self.raise_failed();
            raise.from
        });
        self.in_force(rate, now);
        let wait = self.probe_wait().max(retry_after.unwrap_or_default());
        self.hold = Some(Hold { began: now, departed, next_probe: after(now, wait), refused: 0 });
    }

    /// At the end of a hold: the rate that was accepted in the window before it. Nearly all of its requests have their answers.
    fn rate_after(&self, hold: Hold) -> f64 {
        // Before a whole window was sent, nothing is known of how much the vendor accepts in one.
        match hold.departed.checked_sub(self.quota.per) {
            Some(from) if self.began.is_some_and(|began| began <= from) => {
                let accepted = self.accepted.iter().filter(|at| **at > from && **at <= hold.departed).count();
                self.current.min(accepted as f64 * OF_ACCEPTED).max(1.0_f64.min(self.full))
            }
            _ => self.current,
        }
    }

    /// No shorter than the distance of two requests at the full rate: probes keep the quota too.
    fn probe_wait(&self) -> Duration {
        let refused = self.hold.map_or(0, |hold| hold.refused);
        (self.quota.per / PROBES * (refused + 1).min(PROBES)).max(self.quota.per.div_f64(self.full))
    }

    /// Judges the last raise, and makes the next one.
    fn adapt(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let (window, passed) = (self.quota.per, now.saturating_duration_since(since));
        if let Some(raise) = self.raise.take_if(|_| passed >= window * JUDGED_AFTER) {
            // If the vendor accepts less than half of what was added, that was too much.
            let most = raise.throttled_before + (self.current - raise.from) / self.current / 2.0;
            if self.answers.share_throttled() > most {
                self.raise_failed();
                return self.in_force(raise.from, now);
            }
            (self.step, self.windows_to_raise) = (self.step * 2.0, 1);
        }
        if self.raise.is_none() && self.current < self.full && passed >= window * self.windows_to_raise {
            let throttled_before = self.answers.share_throttled();
            self.raise = Some(Raise { from: self.current, throttled_before });
            self.in_force((self.current + self.step).min(self.full), now);
        }
    }

    fn raise_failed(&mut self) {
        self.windows_to_raise = (self.windows_to_raise * 2).min(MOST_WINDOWS);
        self.step = f64::from(self.quota.requests.get()) * RAISE;
    }

    fn in_force(&mut self, rate: f64, now: Instant) {
        (self.current, self.since, self.answers) = (rate, Some(now), Answers::default());
    }

    /// Whether a request that was sent then was sent at the current rate.
    fn is_current(&self, departed: Instant) -> bool {
        self.since.is_none_or(|since| departed >= since)
    }

    fn scheduled(&self, now: Instant) -> Instant {
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due.map_or(now, |due| due.max(earliest))
    }

    fn forget_accepted(&mut self) {
        if self.hold.is_some() {
            return;
        }
        let from = self.accepted.back().and_then(|latest| latest.checked_sub(self.quota.per));
        while self.accepted.front().is_some_and(|departed| from.is_some_and(|from| *departed < from)) {
            self.accepted.pop_front();
        }
    }
}
