//! What is sent while a vendor that was there is down: one request at a time, chosen so that one that always fails is not taken for
//! an outage.

use contact_sink_core::BatchKey;
use tokio::time::Instant;

use super::Lane;
use super::departure::Candidate;
use super::flight::{Group, Purpose};

/// Of so many probes the first is a request that never left.
const FRESH: u32 = 2;

/// The probes of one outage.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// In this outage.
    sent: u32,
    /// The first update of the request that failed last.
    failed_last: Option<u64>,
}

impl Probes {
    /// A request leaves.
    pub(super) fn departs(&mut self, is_probe: bool) {
        self.sent = if is_probe { self.sent.wrapping_add(1) } else { 0 };
    }
}

impl Lane {
    /// The next probe, when it may leave.
    ///
    /// A request that never left tells an outage from requests that the vendor never answers well, which may stand together: it goes
    /// first, and then every other time. Between them goes what failed, in turn.
    pub(super) fn probe(&mut self, now: Instant) -> Option<Candidate> {
        let may_leave = self.in_flight.is_empty()
            && now >= self.quiet_until
            && self.reach.probe_at().is_none_or(|probe_at| now >= probe_at);
        if !may_leave {
            return None;
        }
        let failed_last = self.probes.failed_last;
        let another = |group: &Group| group.items.first().map(|item| item.seq) != failed_last;
        let first_due = |may_go: &dyn Fn(&Group) -> bool| {
            self.flights.first_due(now, |_: &BatchKey, group| may_go(group)).map(Candidate::Flight)
        };
        let is_awaited = |group: &Group| group.is_heard_again() || group.purpose == Purpose::Try;
        let fresh = || self.queues.ripe(now, self.nothing_more_comes()).cloned().map(Candidate::Fresh);
        let fresh_first = || if self.probes.sent.is_multiple_of(FRESH) { fresh() } else { None };
        first_due(&|group| is_awaited(group) && another(group))
            .or_else(fresh_first)
            .or_else(|| first_due(&another))
            .or_else(fresh)
            .or_else(|| first_due(&|_| true))
    }

    /// A request whose first update is this one just failed while the vendor is down: the next probe waits.
    pub(super) fn probe_not_before(&mut self, next_probe: Instant, first: Option<u64>) {
        self.probes.failed_last = first;
        self.reach.next_probe_not_before(next_probe);
    }
}
