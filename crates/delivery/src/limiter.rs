//! The pace of departures: an absolute schedule that uses the quota fully and does not exceed it.

mod pace;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contact_sink_core::Quota;
use tokio::time::{Instant, sleep_until};

use pace::Pace;

/// Paces departures to a [`Quota`]. Clones share it: lanes and typed calls outside a lane can use one quota together.
///
/// Departures follow an absolute schedule at 99 % of the quota, one at a time, first come first served; the headroom absorbs
/// 10 ms of network jitter a second. A late wake-up is caught up by at most 3 ms.
///
/// The rate follows the share of throttled answers. Up to 10 % it stays: the vendor may throttle by chance, or others use the
/// quota too. When more is throttled, the vendor accepts less than its quota:
///
/// - *Hold.* Only a few probes are sent, the first after a twentieth of a window, until one is not throttled. A `Retry-After`
///   counts for all from then on.
/// - *Slower.* Then the rate is 99 % of what was accepted in the window before the hold, once a whole window was sent.
/// - *Raises.* After a window 5 % of the quota is added. If the vendor accepts less than half of that within two windows, the rate
///   falls back, and the number of windows before the next raise doubles, up to 64. A raise that holds resets the number, and the
///   next raise adds twice as much.
///
/// A hold begins with seven throttled answers in a row, or more among others. Until then a throttled answer delays nothing else:
/// the caller of that request waits for its `Retry-After`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use contact_sink_core::Quota;
/// use contact_sink_delivery::Limiter;
///
/// let limiter = Limiter::new("100/s".parse()?);
/// let permit = limiter.permit().await;
/// // .. a typed call of a vendor's client; if it was throttled: permit.throttled(retry_after)
/// drop(permit);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    /// The task that holds it gets the next permit; tokio's mutex is first come first served.
    turn: tokio::sync::Mutex<()>,
    pace: Mutex<Pace>,
}

/// One departure. Dropping it means that the vendor took the request; [`Permit::throttled`] says otherwise.
#[derive(Debug)]
#[must_use = "hold it until the request is answered, then drop it or say that it was throttled"]
pub struct Permit {
    limiter: Limiter,
    departed: Instant,
    is_told: bool,
}

impl Limiter {
    /// The share of the quota that is used, in percent.
    pub const DEFAULT_SHARE: u8 = 99;

    /// A limiter for this quota at 99 % of it.
    pub fn new(quota: Quota) -> Self {
        Self::with_share(quota, Self::DEFAULT_SHARE)
    }

    /// A limiter that uses this share of the quota, from 1 to 100 percent; what lies outside is taken as the nearest of them.
    pub fn with_share(quota: Quota, percent: u8) -> Self {
        let share = f64::from(percent.clamp(1, 100)) / 100.0;
        Self(Arc::new(Inner { turn: tokio::sync::Mutex::new(()), pace: Mutex::new(Pace::new(quota, share)) }))
    }

    /// Waits until a request may be sent. Dropping the future takes nothing from the others.
    pub async fn permit(&self) -> Permit {
        let _turn = self.0.turn.lock().await;
        loop {
            let at = self.pace().next_at(Instant::now());
            sleep_until(at).await;
            // A hold may have begun while this one slept.
            if let Some(departed) = self.pace().depart(Instant::now()) {
                return Permit { limiter: self.clone(), departed, is_told: false };
            }
        }
    }

    /// Until when nothing is sent because the vendor throttles.
    pub(crate) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.pace().held_until(now)
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.0.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// Says that the request leaves only now: something had to be written down first. The next one keeps its distance to it.
    pub(crate) fn leaves(&self) {
        self.limiter.pace().leaves(Instant::now());
    }

    /// Says that the vendor refused the request because it is over the quota, and how long it asks to wait.
    pub fn throttled(mut self, retry_after: Option<Duration>) {
        self.is_told = true;
        self.limiter.pace().throttled(self.departed, Instant::now(), retry_after);
    }
}

impl Permit {
    /// Says that nothing is known of the quota: the request was not sent, or has no answer that decides anything.
    pub fn unanswered(mut self) {
        self.is_told = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_told {
            self.limiter.pace().accepted(self.departed, Instant::now());
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.pace().quota()).finish()
    }
}
