//! How a delivery works.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::Limiter;

/// How a delivery works: [`Options::for_run`] for an input that ends and is delivered again, [`Options::for_service`] for a
/// service that never ends.
///
/// | | a run | a service |
/// |---|---|---|
/// | credentials or endpoint refused | stops | asks once more, then pauses and asks again by itself |
/// | the vendor is down | stops after [`Options::with_unreachable_after`] or [`Options::with_patience`] | waits and probes |
/// | much or everything is refused | stops, see [`MaxRejected`] | each caller gets its refusal |
/// | an update fails again and again | ends after [`Options::max_attempts`] | the same, but only attempts count that a later request outlived |
/// | later updates of its subject | are left to the next run | end with it |
/// | the first request | is sent at once | waits for [`Options::maybe_applied_hold`] |
/// | the buffer | is for all | half of it is for [`deliver_all`](crate::Delivery::deliver_all) |
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The limiter, to share one quota between deliveries and typed calls. Default: one of its own, by the sink's quota.
    pub limiter: Option<Limiter>,
    /// The most requests in flight. With a [`Journal`](crate::Journal) an answered request counts until its outcomes are written
    /// down. Default 32.
    pub concurrency: NonZeroUsize,
    /// At most so many updates are in a request. Default, and at most: as many as the vendor takes.
    pub batch: Option<NonZeroUsize>,
    /// How long an update waits for others to share its request. Default 5 ms.
    pub linger: Duration,
    /// The most updates that the delivery holds. Default 5,000.
    ///
    /// It bounds how far [`deliver_all`](crate::Delivery::deliver_all) reads, and what [`try_deliver`](crate::Delivery::try_deliver)
    /// takes; in a service each has one half. An update of [`deliver`](crate::Delivery::deliver) is taken at once, since its caller
    /// holds it while it waits.
    pub max_waiting: NonZeroUsize,
    /// The most bytes of text in the updates that the delivery holds: ids and values. Default 16 MiB, at most 4 GiB.
    ///
    /// An update counts for 1/32 of it at most, so that 32 updates always fit, however large they are. Requests in
    /// flight hold a copy of their updates, and what the sink makes of it, on top. Updates that were made together hold the memory of
    /// all of them, and parts of a text hold the whole of it: see [`Updates`](contact_sink_core::Updates).
    pub max_waiting_bytes: NonZeroUsize,
    /// How often an update fails before it ends. Default 8.
    pub max_attempts: NonZeroU32,
    /// The longest pause before the second attempt; it doubles with each one. Default 200 ms.
    pub first_backoff: Duration,
    /// The longest pause before any attempt. Default 30 s.
    pub longest_backoff: Duration,
    /// For how long an attempt without an answer is taken to be on its way. Default 10 s; at least the timeout of an exchange.
    ///
    /// The vendor may store such a request late. Until then the next update of its subject waits if it differs in any field,
    /// whatever became of the earlier one. The same fields may be sent at once, and other subjects do not wait. What a vendor
    /// stores later than that may undo a newer value.
    ///
    /// An attempt of an earlier run ([`Numbered::with_earlier`](crate::Numbered::with_earlier)) counts from when it is given to
    /// the delivery. While 50,000 subjects wait so, no update is sent for the first time.
    pub maybe_applied_hold: Duration,
    /// For how long nothing is sent at first: a request of the process before this one may still arrive. Default: none in a run,
    /// [`Options::maybe_applied_hold`] in a service. A service whose process before closed in order may take zero.
    pub first_after: Option<Duration>,
    /// When too much is rejected. Default 10 % after 1,000 outcomes in a run, never in a service.
    pub max_rejected: MaxRejected,
    /// The runtime that makes the requests: building, writing and reading them then takes another thread than the order of the
    /// updates. It needs its time and I/O drivers, and must outlive the delivery: else that stops with
    /// [`Stop::Broken`](crate::Stop::Broken). Default: the one that the delivery is opened in.
    pub requests_on: Option<Handle>,
    /// How logs and metrics call the delivery: their `destination`. Nothing secret. Default `sink`.
    pub name: Arc<str>,
    /// The seed of the jitter, for a test that must repeat. Default: a random one.
    pub seed: Option<u64>,
    pub(crate) rules: Rules,
}

/// What the two kinds of delivery do not share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rules {
    Run { unreachable_after: Option<Duration>, patience: Option<Duration> },
    Service,
}

/// When the rejected updates are so many that the delivery stops.
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

impl Options {
    /// After how long a run stops by default if the vendor never decided anything.
    pub const UNREACHABLE_AFTER: Duration = Duration::from_secs(10);

    /// For an input that ends, and that is delivered again if updates are left.
    pub fn for_run() -> Self {
        Self {
            limiter: None,
            concurrency: const { NonZeroUsize::new(32).unwrap() },
            batch: None,
            linger: Duration::from_millis(5),
            max_waiting: const { NonZeroUsize::new(5_000).unwrap() },
            max_waiting_bytes: const { NonZeroUsize::new(16 << 20).unwrap() },
            max_attempts: const { NonZeroU32::new(8).unwrap() },
            first_backoff: Duration::from_millis(200),
            longest_backoff: Duration::from_secs(30),
            maybe_applied_hold: Duration::from_secs(10),
            first_after: None,
            max_rejected: MaxRejected::Share(0.1),
            requests_on: None,
            name: Arc::from("sink"),
            seed: None,
            rules: Rules::Run {
                unreachable_after: Some(Self::UNREACHABLE_AFTER),
                patience: Some(Duration::from_secs(30 * 60)),
            },
        }
    }

    /// For a service: only [`Delivery::close`](crate::Delivery::close) ends it.
    pub fn for_service() -> Self {
        Self { max_rejected: MaxRejected::Any, rules: Rules::Service, ..Self::for_run() }
    }

    /// For how long nothing is sent at first.
    pub(crate) fn waits_at_first(&self) -> Duration {
        let default = if self.rules == Rules::Service { self.maybe_applied_hold } else { Duration::ZERO };
        self.first_after.unwrap_or(default)
    }

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

    /// With this runtime for the requests.
    pub fn with_requests_on(self, runtime: Handle) -> Self {
        Self { requests_on: Some(runtime), ..self }
    }

    /// With this many attempts for an update.
    pub fn with_max_attempts(self, max_attempts: NonZeroU32) -> Self {
        Self { max_attempts, ..self }
    }

    /// After how long a run stops if the vendor never decided anything, from the first request on. Default 10 s; `None`: never.
    /// A service never stops for it.
    ///
    /// The vendor decides something if it accepts or rejects an update or refuses a request. A failed connection, a timeout, an
    /// undocumented answer, a 5xx, throttling and a code that asks for another attempt decide nothing. Until then one request at
    /// a time is sent, attempts do not count, and no pause is longer than a tenth of the limit.
    ///
    /// A request in flight at the limit is waited for, 4 s at most; its updates may be applied. The run stops at once if the
    /// vendor asks for a longer wait than is left. If the quota is used up, it is given two of its windows, should they be
    /// longer than the limit.
    pub fn with_unreachable_after(mut self, limit: impl Into<Option<Duration>>) -> Self {
        if let Rules::Run { unreachable_after, .. } = &mut self.rules {
            *unreachable_after = limit.into();
        }
        self
    }

    /// After how long a run stops if a vendor that was there is down. Default 30 min; `None`: never. A service never stops for it.
    ///
    /// A vendor is down when four requests in a row decided nothing, not counting throttling (fewer if
    /// [`Options::max_attempts`] is less than five). From then on one request at a time probes, attempts do not count, and no
    /// pause is longer than [`Options::longest_backoff`] or a tenth of this limit, but for what the vendor asks for. Every other
    /// probe is an update that was never sent, so that a request that the vendor never answers is not taken for an outage.
    /// The first decision ends it.
    ///
    /// The time counts from the first failure after the latest decision. A request in flight at the limit is waited for, 4 s at
    /// most, and the run stops at once if the vendor asks for a longer wait than is left.
    pub fn with_patience(mut self, limit: impl Into<Option<Duration>>) -> Self {
        if let Rules::Run { patience, .. } = &mut self.rules {
            *patience = limit.into();
        }
        self
    }

    /// With another time for which an attempt without an answer is taken to be on its way.
    pub fn with_maybe_applied_hold(self, maybe_applied_hold: Duration) -> Self {
        Self { maybe_applied_hold, ..self }
    }

    /// With this time in which nothing is sent at first.
    pub fn with_first_after(self, first_after: Duration) -> Self {
        Self { first_after: Some(first_after), ..self }
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
