//! What a delivery tells logs and metrics: all that depends on the features `tracing` and `metrics` is here.
//!
//! Nothing here sees an update: only numbers, codes and words of ours come in.
#![cfg_attr(not(all(feature = "metrics", feature = "tracing")), allow(dead_code, unused_variables, unused_macros))]

#[cfg(feature = "tracing")]
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use contact_sink_core::{ErrorCode, Quota, Rejection, SinkError, SinkErrorKind, Verdict};
#[cfg(feature = "metrics")]
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use tokio::time::Instant;

use crate::{Health, Outcome, Stop};

/// Writes an event, if events are built in.
macro_rules! event {
    ($level:ident, $name:expr, $($fields:tt)*) => {{
        #[cfg(feature = "tracing")]
        tracing::event!(target: "contact_sink_delivery", tracing::Level::$level, destination = &*$name, $($fields)*);
    }};
}

/// Tells of one delivery.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    name: Arc<str>,
    #[cfg(feature = "metrics")]
    waiting: Gauge,
}

/// A request that is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving {
    pub(crate) purpose: &'static str,
    pub(crate) updates: usize,
    /// 1 for the first.
    pub(crate) attempt: u32,
    pub(crate) is_retry: bool,
    /// The first and the last of the callers' numbers, if they have any.
    pub(crate) numbers: Option<(u64, u64)>,
}

/// The span in which a caller gave an update: the request that carries the update follows from it. Nothing without a subscriber.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller(#[cfg(feature = "tracing")] Option<Arc<tracing::Span>>);

impl Caller {
    pub(crate) fn current() -> Self {
        Self(
            #[cfg(feature = "tracing")]
            Some(tracing::Span::current()).filter(|span| !span.is_disabled()).map(Arc::new),
        )
    }
}

/// Runs a task within what the caller's logs are within.
pub(crate) fn within_current<F: Future>(task: F) -> impl Future<Output = F::Output> {
    #[cfg(feature = "tracing")]
    let task = tracing::Instrument::in_current_span(task);
    task
}

impl Observer {
    /// Says what there will be, for a recorder that wants to know.
    pub(crate) fn new(name: Arc<str>, quota: Option<Quota>) -> Self {
        #[cfg(feature = "metrics")]
        {
            describe_counter!("contact_sink_requests_total", Unit::Count, "Requests that were sent, by what for.");
            describe_counter!(
                "contact_sink_retries_total",
                Unit::Count,
                "Of these, requests that sent again what had failed."
            );
            describe_counter!("contact_sink_throttled_total", Unit::Count, "Answers that the quota is used up.");
            describe_counter!("contact_sink_updates_total", Unit::Count, "Updates that have their outcome.");
            describe_counter!("contact_sink_stops_total", Unit::Count, "Deliveries that stopped, by why.");
            let text = "From a request's departure to its answer, by what that was.";
            describe_histogram!("contact_sink_request_duration_seconds", Unit::Seconds, text);
            describe_histogram!("contact_sink_batch_updates", Unit::Count, "Updates in a request.");
            describe_gauge!("contact_sink_in_flight", Unit::Count, "Requests without an answer.");
            let text = "Updates without an outcome, those in flight included.";
            describe_gauge!("contact_sink_waiting_updates", Unit::Count, text);
            let text = "1 for the state that the delivery is in, 0 for all others.";
            describe_gauge!("contact_sink_state", Unit::Count, text);
            let text = "The requests a second that the vendor takes.";
            describe_gauge!("contact_sink_quota_requests_per_second", Unit::CountPerSecond, text);
            if let Some(quota) = quota {
                let requests_per_second = f64::from(quota.requests.get()) / quota.per.as_secs_f64();
                gauge!("contact_sink_quota_requests_per_second", "destination" => name.clone())
                    .set(requests_per_second);
            }
        }
        Self {
            #[cfg(feature = "metrics")]
            waiting: gauge!("contact_sink_waiting_updates", "destination" => name.clone()),
            name,
        }
    }

    pub(crate) fn departs(&self, leaving: Leaving) -> Departed {
        let Leaving { purpose, updates, attempt, is_retry, numbers } = leaving;
        #[cfg(feature = "metrics")]
        let in_flight = gauge!("contact_sink_in_flight", "destination" => self.name.clone());
        #[cfg(feature = "metrics")]
        {
            in_flight.increment(1);
            counter!("contact_sink_requests_total", "destination" => self.name.clone(), "purpose" => purpose)
                .increment(1);
            counter!("contact_sink_retries_total", "destination" => self.name.clone()).increment(u64::from(is_retry));
            // A batch has few updates, and f64 is exact far beyond.
            histogram!("contact_sink_batch_updates", "destination" => self.name.clone()).record(updates as f64);
        }
        Departed {
            #[cfg(feature = "tracing")]
            span: {
                let (first, last, destination) =
                    (numbers.map(|(first, _)| first), numbers.map(|(_, last)| last), &*self.name);
                tracing::info_span!(target: "contact_sink_delivery", "request", destination, purpose, updates, attempt, first, last)
            },
            #[cfg(feature = "metrics")]
            in_flight,
            name: self.name.clone(),
            began: Instant::now(),
        }
    }

    /// Updates have their outcome.
    pub(crate) fn settled<'o>(&self, outcomes: impl Iterator<Item = &'o Outcome> + Clone) {
        #[cfg(feature = "metrics")]
        for name in OUTCOMES {
            let count = outcomes.clone().filter(|outcome| outcome_name(outcome) == name).count() as u64;
            if count > 0 {
                counter!("contact_sink_updates_total", "destination" => self.name.clone(), "outcome" => name)
                    .increment(count);
            }
        }
        for outcome in outcomes {
            if let Outcome::Rejected { rejections, stored, .. } = outcome {
                let code = rejections.iter().find_map(Rejection::code);
                event!(DEBUG, self.name, code = code.map(value), stored = stored.len(), "rejected");
            }
        }
    }

    /// So many updates have no outcome.
    pub(crate) fn waits(&self, waiting: usize) {
        #[cfg(feature = "metrics")]
        self.waiting.set(waiting as f64);
    }

    /// A request will be sent again.
    pub(crate) fn retries(&self, purpose: &'static str, updates: usize, attempt: u32, wait: Duration) {
        event!(INFO, self.name, purpose, updates, attempt, wait_ms = milliseconds(wait), "retry");
    }

    /// Updates ran out of attempts.
    pub(crate) fn runs_out(&self, updates: usize) {
        event!(WARN, self.name, updates, "out of tries");
    }

    /// A refusal that may not be the update's fault is kept back.
    pub(crate) fn keeps_back(&self, code: Option<&ErrorCode>, in_a_row: u64) {
        event!(DEBUG, self.name, code = code.map(value), in_a_row, "refused, provisionally");
    }

    /// Canaries are sent, to see whether anything is accepted.
    pub(crate) fn trial_begins(&self, tries: usize) {
        event!(INFO, self.name, tries, "trial begins");
    }

    /// One of them was accepted.
    pub(crate) fn trial_ends(&self) {
        event!(INFO, self.name, "trial ends");
    }

    /// The vendor is down: one request at a time asks whether it is there.
    pub(crate) fn probing_begins(&self, error: &SinkError) {
        let (vendor, operation, kind) = (error.vendor(), error.operation(), kind_name(error.kind()));
        event!(WARN, self.name, vendor, operation, kind, "probing begins");
    }

    /// It answered again, so long after.
    pub(crate) fn probing_ends(&self, after: Duration) {
        event!(WARN, self.name, duration_ms = milliseconds(after), "probing ends");
    }

    /// The delivery is in this state now.
    pub(crate) fn enters(&self, health: &Health) {
        event!(INFO, self.name, state = health.name(), "state");
        #[cfg(feature = "metrics")]
        for state in Health::NAMES {
            let is_in = f64::from(u8::from(health.name() == state));
            gauge!("contact_sink_state", "destination" => self.name.clone(), "state" => state).set(is_in);
        }
    }

    pub(crate) fn stops(&self, why: &Stop) {
        let reason = why.name();
        #[cfg(feature = "metrics")]
        counter!("contact_sink_stops_total", "destination" => self.name.clone(), "reason" => reason).increment(1);
        let error = why.error();
        let (code, refused) = match why {
            Stop::RefusedAlike { code, refused, .. } => (code.as_ref(), Some(*refused)),
            Stop::TooManyRejected { rejected, .. } => (None, Some(*rejected)),
            _ => (error.and_then(SinkError::code), None),
        };
        let (code, kind) = (code.map(value), error.map(|error| kind_name(error.kind())));
        let (vendor, operation) = (error.map(SinkError::vendor), error.map(SinkError::operation));
        let status = error.and_then(SinkError::status);
        if matches!(why, Stop::Halted) {
            return event!(INFO, self.name, reason, "stop");
        }
        event!(WARN, self.name, reason, vendor, operation, kind, status, code, refused, "stop");
    }
}

/// A request that is in flight, until it is dropped: also if its answer is not waited for.
pub(crate) struct Departed {
    name: Arc<str>,
    began: Instant,
    #[cfg(feature = "tracing")]
    span: tracing::Span,
    #[cfg(feature = "metrics")]
    in_flight: Gauge,
}

impl Departed {
    /// Links the request's span to those of the callers of its updates, to each once.
    pub(crate) fn follows<'c>(&self, callers: impl Iterator<Item = &'c Caller>) {
        #[cfg(feature = "tracing")]
        if !self.span.is_disabled() {
            let mut linked = HashSet::new();
            for span in callers.filter_map(|Caller(span)| span.as_ref()) {
                if span.id().is_some_and(|id| linked.insert(id)) {
                    self.span.follows_from(&**span);
                }
            }
        }
    }

    /// Runs the exchange within the request's span, and tells of its answer.
    pub(crate) async fn around(
        self,
        exchange: impl Future<Output = Result<Vec<Verdict>, SinkError>>,
    ) -> Result<Vec<Verdict>, SinkError> {
        #[cfg(feature = "tracing")]
        let exchange = tracing::Instrument::instrument(exchange, self.span.clone());
        let answer = exchange.await;
        let took = self.began.elapsed();
        #[cfg(feature = "tracing")]
        let _entered = self.span.enter();
        let outcome = answer.as_ref().map_or_else(|error| kind_name(error.kind()), |_| "answered");
        #[cfg(feature = "metrics")]
        {
            let name = || self.name.clone();
            histogram!("contact_sink_request_duration_seconds", "destination" => name(), "outcome" => outcome)
                .record(took.as_secs_f64());
            if answer.as_ref().is_err_and(|error| error.kind() == SinkErrorKind::Throttled) {
                counter!("contact_sink_throttled_total", "destination" => name()).increment(1);
            }
        }
        let duration_ms = milliseconds(took);
        match &answer {
            Ok(verdicts) => {
                let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
                let accepted = count(|verdict| matches!(verdict, Verdict::Accepted));
                let rejected = count(|verdict| matches!(verdict, Verdict::Rejected(_)));
                let retry = count(|verdict| matches!(verdict, Verdict::Retry { .. }));
                let undecided = count(|verdict| matches!(verdict, Verdict::Undecided(_)));
                let code = verdicts.iter().find_map(code).map(value);
                event!(DEBUG, self.name, duration_ms, accepted, rejected, retry, undecided, code, "answer");
            }
            Err(error) => {
                let (vendor, operation, kind) = (error.vendor(), error.operation(), outcome);
                let (status, code) = (error.status(), error.code().map(value));
                event!(INFO, self.name, duration_ms, vendor, operation, kind, status, code, "answer");
            }
        }
        answer
    }
}

#[cfg(feature = "metrics")]
impl Drop for Departed {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
    }
}

/// The names of all outcomes.
const OUTCOMES: [&str; 5] = ["accepted", "unchanged", "superseded", "rejected", "unsettled"];

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Unchanged => "unchanged",
        Outcome::Superseded => "superseded",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Undelivered { .. } => "unsettled",
    }
}

fn kind_name(kind: SinkErrorKind) -> &'static str {
    match kind {
        SinkErrorKind::Connect => "connect",
        SinkErrorKind::Exhausted => "exhausted",
        SinkErrorKind::Certificate => "certificate",
        SinkErrorKind::Timeout => "timeout",
        SinkErrorKind::Interrupted => "interrupted",
        SinkErrorKind::AnswerTooLarge => "answer_too_large",
        SinkErrorKind::Throttled => "throttled",
        SinkErrorKind::Unavailable => "unavailable",
        SinkErrorKind::Unreadable => "unreadable",
        SinkErrorKind::Credentials => "credentials",
        SinkErrorKind::Forbidden => "forbidden",
        SinkErrorKind::WrongAddress => "wrong_address",
        SinkErrorKind::BadRequest => "bad_request",
        SinkErrorKind::Contract => "contract",
        _ => "other",
    }
}

fn code(verdict: &Verdict) -> Option<&ErrorCode> {
    match verdict {
        Verdict::Rejected(rejection) | Verdict::Undecided(rejection) => rejection.code(),
        Verdict::Retry { code } => code.as_ref(),
        _ => None,
    }
}

/// A number stays a number in the log, and a word is text.
#[cfg(feature = "tracing")]
fn value(code: &ErrorCode) -> &dyn tracing::Value {
    match code {
        ErrorCode::Number(number) => number,
        ErrorCode::Word(word) => word,
        _ => &"another kind of code",
    }
}

#[cfg(not(feature = "tracing"))]
fn value(code: &ErrorCode) -> &ErrorCode {
    code
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
