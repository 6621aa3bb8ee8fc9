//! What a lane can be told.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use crate::Limiter;

/// What a lane can be told. The defaults suit a file, and a service but for [`Options::unreachable_after`] and
/// [`Options::patience`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The limiter, to share one quota between lanes and typed calls. Default: one of the lane's own, by the sink's quota.
    pub limiter: Option<Limiter>,
    /// The most requests in flight. Default 32.
    pub concurrency: NonZeroUsize,
    /// At most so many updates are in a request. Default, and at most: as many as the vendor takes.
    pub batch: Option<NonZeroUsize>,
    /// How long an update waits for others to share its request. Default 5 ms.
    pub linger: Duration,
    /// The most updates that the lane holds; when there are more, giving it another one waits. Default 5,000.
    pub max_waiting: NonZeroUsize,
    /// The most bytes of text in the updates that the lane holds: ids and values. Default 16 MiB, at most 4 GiB.
    ///
    /// An update counts for 1/32 of it at most, so that 32 updates always fit, however large they are. Requests in
    /// flight hold a copy of their updates, and what the sink makes of it, on top.
    pub max_waiting_bytes: NonZeroUsize,
    /// How often an update is sent before it is given up. Default 8.
    pub max_attempts: NonZeroU32,
    /// The longest pause before the second attempt; it doubles with each one. Default 200 ms.
    pub first_backoff: Duration,
    /// The longest pause before any attempt. Default 30 s.
    pub longest_backoff: Duration,
    /// After how long the lane stops if nothing has ever got through to the vendor, counted from the first departure.
    /// Default 10 s; `None`: never.
    ///
    /// An answer gets through if the vendor decided something about an update in it: accepted, rejected, or refused as a
    /// whole. A failed connection, a timeout, a broken or undocumented answer, a 5xx, throttling and a code that asks for
    /// another try do not. Until then one request at a time is sent, attempts do not count, and no pause of the lane's own is
    /// longer than a tenth of the limit. Once something has got through, this limit is over for good,
    /// and [`Options::patience`] counts.
    ///
    /// A request in flight at the limit is waited for, 4 s at most; its updates may be applied. The lane stops at once if the
    /// vendor asks for a longer wait than is left. If it says that the quota is used up, it is given two windows of the
    /// quota, should they be longer than the limit. A stop is for good: everything is [`Unsettled`](crate::Outcome::Unsettled).
    ///
    /// The default suits a file, which is sent again by the next run. A service that may start before the vendor is up
    /// takes `None`: its lane goes on probing, its callers limit their own waiting with a timeout, and a caller that goes away
    /// costs the others nothing.
    pub unreachable_after: Option<Duration>,
    /// For how long a vendor that was there may be down before the lane stops. Default 30 min; `None`: for ever.
    ///
    /// A vendor that was there is down when four requests in a row did not get through, not counting throttling (fewer if
    /// [`Options::max_attempts`] is less than five): they left after the latest one that did. From then on one request at a time
    /// probes, attempts do not count, and no pause is longer than [`Options::longest_backoff`] or a tenth of this limit, but
    /// for what the vendor asks for. What failed goes in turn, and every other time an update that never left, so that a
    /// request that the vendor never answers well is not taken for a vendor that is down if there is anything else to send. As soon as
    /// one gets through the lane goes on at full pace.
    ///
    /// The time counts from the first failure since something got through, not from the last answer that did: a lane may have had
    /// nothing to send for a night. A request in flight at the limit is waited for, 4 s at most, and the lane stops at once if
    /// the vendor asks for a longer wait than is left.
    ///
    /// For a service it is the longest outage after which its lane still goes on by itself: the stop is for good. `None` lets it
    /// outlive every one.
    pub patience: Option<Duration>,
    /// For how long an attempt whose end is unknown is taken to be still on its way. Default 10 s.
    ///
    /// The end is unknown if no answer came or none that could be read: the vendor may apply such a request late. Until then the
    /// next update of its subject waits if it differs in any field, whatever became of the earlier one and whenever the next is
    /// given to the lane. The same fields may go at once, and other subjects do not wait. What a vendor applies later than that
    /// may undo a newer value.
    ///
    /// An attempt of an earlier run ([`Numbered::with_earlier`](crate::Numbered::with_earlier)) counts from when it is given to the lane. An update
    /// whose subject cannot be remembered, because 50,000 others are, has its outcome that much later.
    pub maybe_applied_hold: Duration,
    /// For how long nothing leaves at first: an attempt of a lane before this one may still be applied. Default: none.
    pub first_after: Duration,
    /// When too much is rejected. Default 10 % after 1,000 outcomes.
    pub max_rejected: MaxRejected,
    /// How logs and metrics call the lane: their `destination`. Nothing secret. Default `sink`.
    pub name: Arc<str>,
    /// The seed of the jitter, for a test that must repeat. Default: a random one.
    pub seed: Option<u64>,
}

/// When the rejected updates are so many that the lane stops.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MaxRejected {
    /// As soon as there are more than so many.
    Count(u64),
    /// As soon as they are more than this share (0.1 is 10 %) of at least 1,000 outcomes.
    Share(f64),
    /// Never. This also switches off the stop when everything is refused alike.
    Any,
}

impl MaxRejected {
    /// How many outcomes there must be before a share counts.
    pub const SHARE_AFTER: u64 = 1_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limiter: None,
            concurrency: NonZeroUsize::MIN.saturating_add(31),
            batch: None,
            linger: Duration::from_millis(5),
            max_waiting: NonZeroUsize::MIN.saturating_add(4_999),
            max_waiting_bytes: NonZeroUsize::MIN.saturating_add(16 * 1024 * 1024 - 1),
            max_attempts: NonZeroU32::MIN.saturating_add(7),
            first_backoff: Duration::from_millis(200),
            longest_backoff: Duration::from_secs(30),
            unreachable_after: Some(Duration::from_secs(10)),
            patience: Some(Duration::from_secs(30 * 60)),
            maybe_applied_hold: Duration::from_secs(10),
            first_after: Duration::ZERO,
            max_rejected: MaxRejected::Share(0.1),
            name: Arc::from("sink"),
            seed: None,
        }
    }
}

impl Options {
    /// With a limiter that others may share.
    pub fn with_limiter(self, limiter: Limiter) -> Self {
        Self { limiter: Some(limiter), ..self }
    }

    /// With at most this many requests in flight.
    pub fn with_concurrency(self, concurrency: NonZeroUsize) -> Self {
        Self { concurrency, ..self }
    }

    /// With at most so many updates in a request.
    pub fn with_batch(self, batch: NonZeroUsize) -> Self {
        Self { batch: Some(batch), ..self }
    }

    /// With this time to wait for others to share a request.
    pub fn with_linger(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// Holding at most this many updates.
    pub fn with_max_waiting(self, max_waiting: NonZeroUsize) -> Self {
        Self { max_waiting, ..self }
    }

    /// Holding at most so many bytes of text.
    pub fn with_max_waiting_bytes(self, max_waiting_bytes: NonZeroUsize) -> Self {
        Self { max_waiting_bytes, ..self }
    }

    /// With this many attempts for an update.
    pub fn with_max_attempts(self, max_attempts: NonZeroU32) -> Self {
        Self { max_attempts, ..self }
    }

    /// With another limit on the time in which nothing gets through from the start, or none.
    pub fn with_unreachable_after(self, limit: impl Into<Option<Duration>>) -> Self {
        Self { unreachable_after: limit.into(), ..self }
    }

    /// With another limit on the time for which a vendor that was there may be down, or none.
    pub fn with_patience(self, patience: impl Into<Option<Duration>>) -> Self {
        Self { patience: patience.into(), ..self }
    }

    /// With another time for which an attempt whose end is unknown is taken to be still on its way.
    pub fn with_maybe_applied_hold(self, maybe_applied_hold: Duration) -> Self {
        Self { maybe_applied_hold, ..self }
    }

    /// With this time in which nothing leaves at first.
    pub fn with_first_after(self, first_after: Duration) -> Self {
        Self { first_after, ..self }
    }

    /// With another limit on what is rejected.
    pub fn with_max_rejected(self, max_rejected: MaxRejected) -> Self {
        Self { max_rejected, ..self }
    }

    /// With this name in logs and metrics.
    pub fn with_name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// With this seed for the jitter.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }
}
