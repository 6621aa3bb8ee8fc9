//! How long a retry waits: full jitter.

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
