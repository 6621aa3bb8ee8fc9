//! The counters, gauges and histograms of `metrics`, as the crate's page lists them.

use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{Quota, SinkError, SinkErrorKind, Verdict};
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{Leaving, kind_name};
use crate::{Health, Outcome};

const REQUESTS: &str = "contact_sink_requests_total";
const RETRIES: &str = "contact_sink_retries_total";
const THROTTLED: &str = "contact_sink_throttled_total";
const UPDATES: &str = "contact_sink_updates_total";
const STOPS: &str = "contact_sink_stops_total";
const DURATION: &str = "contact_sink_request_duration_seconds";
const BATCH: &str = "contact_sink_batch_updates";
const IN_FLIGHT: &str = "contact_sink_in_flight";
const WAITING: &str = "contact_sink_waiting_updates";
const STATE: &str = "contact_sink_state";
const QUOTA: &str = "contact_sink_quota_requests_per_second";

/// A lane begins: says what there will be, for a recorder that wants to know.
pub(super) fn lane(name: &Arc<str>, quota: Option<Quota>) {
    describe_counter!(REQUESTS, Unit::Count, "Requests that left, by what for.");
    describe_counter!(RETRIES, Unit::Count, "Of these, requests that sent again what had failed.");
    describe_counter!(THROTTLED, Unit::Count, "Answers that the quota is used up.");
    describe_counter!(UPDATES, Unit::Count, "Updates that have their outcome.");
    describe_counter!(STOPS, Unit::Count, "Lanes that stopped, by why.");
    describe_histogram!(DURATION, Unit::Seconds, "From a request's departure to its answer, by what that was.");
    describe_histogram!(BATCH, Unit::Count, "Updates in a request.");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Requests without an answer.");
    describe_gauge!(WAITING, Unit::Count, "Updates without an outcome, those in flight included.");
    describe_gauge!(STATE, Unit::Count, "1 for the state that the delivery is in, 0 for all others.");
    describe_gauge!(QUOTA, Unit::CountPerSecond, "The requests a second that the vendor takes.");
    if let Some(quota) = quota {
        gauge!(QUOTA, "destination" => name.clone()).set(f64::from(quota.requests.get()) / quota.per.as_secs_f64());
    }
}

/// The gauge of the state that the delivery is in is 1, all others are 0.
pub(super) fn enters(name: &Arc<str>, health: &Health) {
    for state in Health::NAMES {
        let is_in = f64::from(u8::from(health.name() == state));
        gauge!(STATE, "destination" => name.clone(), "state" => state).set(is_in);
    }
}

pub(super) fn departs(name: &Arc<str>, leaving: &Leaving) {
    counter!(REQUESTS, "destination" => name.clone(), "purpose" => leaving.purpose).increment(1);
    if leaving.is_retry {
        counter!(RETRIES, "destination" => name.clone()).increment(1);
    }
    // A batch has few updates, and f64 is exact far beyond.
    histogram!(BATCH, "destination" => name.clone()).record(leaving.updates as f64);
}

pub(super) fn answered(name: &Arc<str>, answer: &Result<Vec<Verdict>, SinkError>, took: Duration) {
    let outcome = answer.as_ref().map_or_else(|error| kind_name(error.kind()), |_| "answered");
    histogram!(DURATION, "destination" => name.clone(), "outcome" => outcome).record(took.as_secs_f64());
    if answer.as_ref().is_err_and(|error| error.kind() == SinkErrorKind::Throttled) {
        counter!(THROTTLED, "destination" => name.clone()).increment(1);
    }
}

pub(super) fn settled<'o>(name: &Arc<str>, outcomes: impl Iterator<Item = &'o Outcome>, held: usize) {
    let (mut accepted, mut rejected, mut unchanged, mut superseded, mut undelivered) = (0, 0, 0, 0, 0);
    for outcome in outcomes {
        *match outcome {
            Outcome::Accepted => &mut accepted,
            Outcome::Rejected { .. } => &mut rejected,
            Outcome::Unchanged => &mut unchanged,
            Outcome::Superseded => &mut superseded,
            Outcome::Undelivered { .. } => &mut undelivered,
        } += 1;
    }
    let counts = [
        ("accepted", accepted),
        ("rejected", rejected),
        ("unchanged", unchanged),
        ("superseded", superseded),
        ("unsettled", undelivered),
    ];
    for (outcome, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        counter!(UPDATES, "destination" => name.clone(), "outcome" => outcome).increment(count);
    }
    waiting(name, held);
}

pub(super) fn waiting(name: &Arc<str>, updates: usize) {
    gauge!(WAITING, "destination" => name.clone()).set(updates as f64);
}

pub(super) fn stops(name: &Arc<str>, reason: &'static str) {
    counter!(STOPS, "destination" => name.clone(), "reason" => reason).increment(1);
}

/// One request in flight, until it is dropped: also if the lane does not wait for its answer.
pub(super) struct InFlight(Gauge);

impl InFlight {
    pub(super) fn new(name: &Arc<str>) -> Self {
        let gauge = gauge!(IN_FLIGHT, "destination" => name.clone());
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
