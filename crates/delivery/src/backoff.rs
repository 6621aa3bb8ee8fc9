//! How long a retry waits: full jitter, and a budget that keeps retries a small share of all requests.

use std::time::Duration;

use tokio::time::Instant;

/// The instant that lies so far ahead; a vendor may ask for a wait that no clock can hold, and gets thirty years.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    const THIRTY_YEARS: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(wait).unwrap_or_else(|| now + THIRTY_YEARS)
}

/// A random pause between nothing and a ceiling that doubles with each attempt.
pub(crate) fn pause(rng: &mut fastrand::Rng, attempts: u32, first: Duration, longest: Duration) -> Duration {
    let ceiling = first.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(longest);
    ceiling.mul_f64(rng.f64())
}

/// Retries may be 20 % of the requests, plus 10, plus one a second; one that finds no room waits.
///
/// What was not used is kept up to [`Budget::MOST`]: an outage after a long calm must not be met with all of it at once.
#[derive(Debug)]
pub(crate) struct Budget {
    room: f64,
    counted_until: Instant,
}

impl Budget {
    const SHARE: f64 = 0.2;
    const AT_START: f64 = 10.0;
    const PER_SECOND: f64 = 1.0;
    const MOST: f64 = 100.0;

    pub(crate) fn new(now: Instant) -> Self {
        Self { room: Self::AT_START, counted_until: now }
    }

    /// Counts a request that is no retry.
    pub(crate) fn earn(&mut self) {
        self.room = (self.room + Self::SHARE).min(Self::MOST);
    }

    /// When there is room for one retry.
    pub(crate) fn ready_at(&mut self, now: Instant) -> Instant {
        self.count(now);
        if self.room >= 1.0 {
            now
        } else {
            // A millisecond more, so that rounding cannot leave it just short.
            now + Duration::from_secs_f64((1.0 - self.room) / Self::PER_SECOND) + Duration::from_millis(1)
        }
    }

    /// Takes the room for one retry.
    pub(crate) fn spend(&mut self, now: Instant) {
        self.count(now);
        self.room -= 1.0;
    }

    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_until);
        self.room = (self.room + passed.as_secs_f64() * Self::PER_SECOND).min(Self::MOST);
        self.counted_until = now;
    }
}
